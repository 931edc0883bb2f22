"""Which snapshots are kept, and which weights of a run are the best, the newest, or those of a step."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vae.config.schema import DataInfo, ModelConfig, RunConfig
from vae.data.dataset import Dataset
from vae.models.vae import VAE
from vae.runs.run import Run
from vae.runs.snapshots import cpu_weights, load_model, load_weights, snapshot_steps
from vae.runs.weights_file import LIVE, check_weights
from vae.storage.safetensors_header import CheckpointError
from vae.storage.safetensors_io import load, save

COUNTS = [2, 3, 7, 60, 500]
STEPS = [1, 2, 10, 63, 1000, 10**6, 10**12]


@pytest.mark.parametrize("num_steps", STEPS)
def test_no_snapshots_are_none_and_one_is_the_last(num_steps: int) -> None:
    assert snapshot_steps(num_steps, 0) == frozenset()
    assert snapshot_steps(num_steps, 1) == {num_steps}


@pytest.mark.parametrize("num_snapshots", COUNTS)
@pytest.mark.parametrize("num_steps", STEPS)
def test_snapshots_include_the_beginning_and_the_end_and_are_never_more_than_asked(
    num_steps: int, num_snapshots: int
) -> None:
    steps = snapshot_steps(num_steps, num_snapshots)
    assert (min(steps), max(steps)) == (0, num_steps)
    assert len(steps) <= num_snapshots


@pytest.mark.parametrize("num_snapshots", COUNTS)
def test_a_long_run_has_as_many_snapshots_as_asked_and_denser_early(num_snapshots: int) -> None:
    steps = sorted(snapshot_steps(10**6, num_snapshots))
    assert len(steps) == num_snapshots
    gaps = [after - before for before, after in pairwise(steps)]
    # Even gaps of the square root, up to rounding.
    assert all(after >= before - 1 for before, after in pairwise(gaps))
    if num_snapshots > 2:
        assert gaps[-1] > 2 * gaps[0]


# The weights of a run ---------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path, tiny_info: DataInfo) -> Run:
    return Run.create(tmp_path / "tiny", RunConfig(model=ModelConfig(hidden=(4,))), tiny_info)


def weights_of(run: Run, seed: int) -> dict[str, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return cpu_weights(VAE(run.config.model, run.info))


def as_last(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        **{f"model.{name}": tensor for name, tensor in weights.items()},
        "optimizer.encoder.mean.bias.step": torch.zeros(()),
        "random.order": torch.zeros(3, dtype=torch.uint8),
    }


def keep_snapshot(run: Run, step: int, weights: dict[str, Tensor]) -> None:
    save(run.snapshot_dir(step), "weights", weights)
    (run.snapshot_dir(step) / "snapshot.json").write_text("{}")


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(
        torch.equal(found[name], expected[name]) for name in expected
    )


def test_best_last_and_a_step_are_the_weights_that_they_name(run: Run) -> None:
    best, last, early, late = (weights_of(run, seed) for seed in range(4))
    keep_snapshot(run, 0, early)
    keep_snapshot(run, 20, late)
    save(run.path / "checkpoints", "best", best)
    save(run.path / "checkpoints", "last", as_last(last))
    assert same(load_weights(run), best)
    assert same(load_weights(run, "best"), best)
    assert same(load_weights(run, "last"), last)
    assert same(load_weights(run, 0), early)
    assert same(load_weights(run, 20), late)


@pytest.mark.parametrize("newer", [LIVE, "last"])
def test_the_last_weights_are_the_newest_written(newer: str, run: Run) -> None:
    live, last = weights_of(run, 0), weights_of(run, 1)
    save(run.path, LIVE, live)
    save(run.path / "checkpoints", "last", as_last(last))
    files = {LIVE: run.path / f"{LIVE}.safetensors", "last": run.path / "checkpoints" / "last.safetensors"}
    for name, file in files.items():
        os.utime(file, (1e9, 2e9 if name == newer else 1e9))
    assert same(load_weights(run, "last"), live if newer == LIVE else last)


def test_without_a_best_checkpoint_the_best_weights_are_the_newest(run: Run) -> None:
    first, second, third = (weights_of(run, seed) for seed in range(3))
    keep_snapshot(run, 3, first)
    keep_snapshot(run, 20, second)
    assert same(load_weights(run, "best"), second)
    save(run.path / "checkpoints", "last", as_last(third))
    assert same(load_weights(run, "best"), third)


def test_a_run_with_its_best_weights_alone_has_them_as_its_last(run: Run) -> None:
    best = weights_of(run, 0)
    save(run.path / "checkpoints", "best", best)
    assert same(load_weights(run, "last"), best)


def test_a_run_without_weights_and_a_step_without_snapshot_are_refused_by_a_sentence(run: Run) -> None:
    for at in ("best", "last"):
        with pytest.raises(
            CheckpointError, match=r"^run tiny has no weights yet; wait for its first checkpoint"
        ):
            load_weights(run, at)
    keep_snapshot(run, 20, weights_of(run, 0))
    for step in (19, -1, 10**30):
        with pytest.raises(
            CheckpointError, match=rf"^run tiny has no snapshot of step {step}; choose one of its 1 "
        ):
            load_weights(run, step)


def test_a_loaded_model_computes_what_the_saved_one_did_and_is_ready_to_evaluate(
    run: Run, make_model: Callable[..., VAE]
) -> None:
    model = make_model(info=run.info, hidden=(4,), activation="relu", dtype=torch.float32, seed=5)
    save(run.path / "checkpoints", "best", cpu_weights(model))
    found = load_model(run)
    x = torch.rand(6, 1, 5, 4, generator=torch.Generator().manual_seed(0))
    for ours, theirs in zip(found.posterior(x), model.posterior(x), strict=True):
        assert torch.equal(ours, theirs)
    assert not found.training and not any(parameter.requires_grad for parameter in found.parameters())


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian-learned"])
@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_every_tensor_of_every_architecture_is_saved_and_loaded(
    network: str, likelihood: str, tmp_path: Path, tiny_info: DataInfo
) -> None:
    config = ModelConfig(network=network, likelihood=likelihood, conditional=True, hidden=(4,), channels=(2,))
    run = Run.create(tmp_path / "one", RunConfig(model=config), tiny_info)
    weights = weights_of(run, 1)
    save(run.path / "checkpoints", "best", weights)
    model, as_built = load_model(run), VAE(config, tiny_info)
    assert same(cpu_weights(model), weights)
    assert {name: type(tensor) for name, tensor in model.named_parameters()} == {
        name: type(tensor) for name, tensor in as_built.named_parameters()
    }
    assert not any(tensor.is_meta for tensor in (*model.parameters(), *model.buffers()))
    assert model.decode(torch.zeros(1, config.latent_dim), torch.tensor([0])).shape == (1, 1, 5, 4)
    assert ("likelihood.raw_sigma" in weights) is (likelihood == "gaussian-learned")


@pytest.mark.parametrize(
    "name, tensor, problem",
    [
        ("encoder.mean.bias", torch.zeros(3), "encoder.mean.bias of shape (2,), and has (3,)"),
        ("encoder.mean.bias", torch.zeros(2, dtype=torch.float64), "type float32, and has float64"),
        ("encoder.mean.bias", torch.tensor([0.0, torch.nan]), "NaN or infinity in encoder.mean.bias"),
        ("encoder.mean.bias", None, "lacks encoder.mean.bias"),
        ("surprise", torch.zeros(1), "has surprise, which the model does not have"),
    ],
)
def test_weights_of_another_architecture_are_refused_by_a_sentence(
    name: str, tensor: Tensor | None, problem: str, run: Run
) -> None:
    weights = {key: value for key, value in weights_of(run, 0).items() if key != name}
    save(run.path / "checkpoints", "best", weights if tensor is None else {**weights, name: tensor})
    with pytest.raises(CheckpointError) as caught:
        load_model(run)
    assert problem in str(caught.value) and "; " in str(caught.value)


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_a_config_that_claims_a_huge_model_is_refused_before_it_takes_memory(
    network: str, tmp_path: Path, tiny_info: DataInfo
) -> None:
    resource = pytest.importorskip("resource", reason="this system does not say how much memory was used")
    config = ModelConfig(network=network, hidden=(8192,) * 8, channels=(1024,) * 8, latent_dim=512)
    info = tiny_info.replace(channels=3, height=1024, width=1024)
    run = Run.create(tmp_path / "huge", RunConfig(model=config), info)
    save(run.checkpoints_dir, "best", {"encoder.mean.bias": torch.zeros(2)})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for function in (load_model, check_weights):
        with pytest.raises(CheckpointError, match=r"^the checkpoint lacks .* \(512,\), and has \(2,\)"):
            function(run)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KB; the model has GBs


def test_loading_a_model_draws_nothing_at_random(trained_run: Run) -> None:
    before = torch.random.get_rng_state()
    load_model(trained_run)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_headers_alone_tell_whether_a_run_has_weights_of_its_model(run: Run) -> None:
    with pytest.raises(CheckpointError, match=r"^a run must have weights, got none; export it again"):
        check_weights(run)
    good, other = weights_of(run, 0), {"x": torch.ones(1)}
    places: list[Callable[[dict[str, Tensor]], None]] = [
        lambda weights: keep_snapshot(run, 3, weights),
        lambda weights: save(run.checkpoints_dir, "last", as_last(weights)),
        lambda weights: save(run.checkpoints_dir, "best", weights),
    ]
    for put in places:  # each is asked before the ones put earlier
        put(other)
        with pytest.raises(CheckpointError, match=r"lacks decoder.* has x, which the model does not have"):
            check_weights(run)
        put(good)
        check_weights(run)


def test_every_snapshot_of_a_real_run_opens_and_keeps_the_posterior_of_its_probe(
    trained_run: Run, digits: Dataset
) -> None:
    assert trained_run.snapshots() == sorted(snapshot_steps(63, 4))
    for step in trained_run.snapshots():
        model, (probe, _) = load_model(trained_run, step), load(trained_run.snapshot_dir(step), "probe")
        assert torch.equal(probe["index"], digits.validation)
        mean, log_var = model.posterior(digits.pixels(digits.images[probe["index"]]))
        torch.testing.assert_close(probe["mean"], mean, rtol=0, atol=1e-5)
        torch.testing.assert_close(probe["log_var"], log_var, rtol=0, atol=1e-5)


def test_the_snapshots_of_a_run_differ_and_the_newest_are_its_last_weights(
    trained_run: Run, tmp_path: Path
) -> None:
    steps = trained_run.snapshots()
    found = [load_weights(trained_run, step) for step in steps]
    assert not any(same(found[0], later) for later in found[1:])
    assert same(load_weights(trained_run, "last"), found[-1])
    # Nothing but the snapshots is needed.
    run = Run.open(shutil.copytree(trained_run.path, tmp_path / "copy"))
    (run.path / f"{LIVE}.safetensors").unlink()
    shutil.rmtree(run.path / "checkpoints")
    assert same(load_weights(run, "last"), found[-1])
