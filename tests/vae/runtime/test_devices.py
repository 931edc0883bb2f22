"""Everything works on a GPU without double precision: nothing is widened before it is on the CPU."""

from __future__ import annotations

import ast
import json
import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import vae
from tests.support.fake_gpu import NotOnGpu, OnGpu, fake_gpu
from tests.support.short_runs import create
from vae.config.schema import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
from vae.data.dataset import Dataset, load_dataset
from vae.diagnostics.diagnose import diagnose, live_numbers
from vae.evaluation.ais import annealed
from vae.evaluation.elbo import at_posterior_mean, evaluate
from vae.evaluation.exact_posterior import exact_posteriors
from vae.evaluation.importance import importance_bound
from vae.evaluation.typicality import surprise
from vae.latent.embedding import embed, manifold, pace, prior_samples, reconstructions
from vae.latent.generation import class_mix, every_class, truncate
from vae.models.vae import VAE
from vae.objectives.terms import MeanTerms
from vae.training.running_means import Means
from vae.training.trainer import Trainer

MakeModel = Callable[..., VAE]


@pytest.fixture
def gpu() -> Iterator[torch.device]:
    with fake_gpu() as device:
        yield device


@pytest.fixture(scope="module")
def drawn() -> Dataset:
    """The digits, with pixels that are drawn anew each time."""
    return load_dataset(DataConfig(binarize="dynamic"))


MODELS = {
    "mlp": {},
    "conv": {"network": "conv", "channels": (3,), "likelihood": "continuous-bernoulli"},
    "conditional": {"conditional": True, "learned_prior": True, "likelihood": "gaussian"},
    "learned": {"likelihood": "gaussian-learned", "conditional": True},
    "autoregressive": {"decoder": "autoregressive"},
}

#: What can be asked of a model on its device.
MEASURES: dict[str, Callable[[VAE, Dataset], Any]] = {
    "evaluate": evaluate,
    "at posterior mean": at_posterior_mean,
    "importance": lambda model, images: importance_bound(model, images, k=4, num_images=9),
    "mixture": lambda model, images: importance_bound(model, images, k=300, num_images=2, proposal="mixture"),
    "annealed": lambda model, images: annealed(model, images, num_images=4, num_steps=3, num_chains=2),
    "truth": lambda model, images: exact_posteriors(model, images, num_images=1, tolerance=1.0),
    "diagnose": lambda model, images: diagnose(model, images, num_images=30),
    "embed": embed,
    "pace": lambda model, images: pace(model),
    "surprise": lambda model, images: surprise(model, images, most=20),
    "samples": lambda model, images: prior_samples(model, 3)[1],
    "manifold": lambda model, images: manifold(model, 3),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_measurement_works_on_a_gpu_without_double_precision(
    name: str, drawn: Dataset, gpu: torch.device
) -> None:
    config = ModelConfig.model_validate({"hidden": (6,), **MODELS[name]})
    model = VAE(config, drawn.info()).to(gpu)
    for title, measure in MEASURES.items():
        if name == "autoregressive" and title == "truth":
            continue  # without a shared first look: minutes
        with torch.no_grad() if title == "surprise" else torch.enable_grad():
            assert measure(model, drawn) is not None, title
    x, y = drawn.seen(drawn.test[:20], device=gpu), torch.arange(20, device=gpu) % 10
    numbers = live_numbers(model, x, y)
    assert all(map(math.isfinite, numbers.values())) and len(numbers) == 4
    with torch.no_grad():
        assert isinstance(reconstructions(model, x, y), OnGpu)
        model.at_mean(x, y)
        assert truncate(torch.zeros(3, 2, device=gpu), 1.0).device.type == "mps"
    if config.conditional:
        assert every_class(model, torch.zeros(3, 2)).shape[:2] == (3, 10)
        class_mix(model, torch.zeros(2), 0, 1)


@pytest.mark.parametrize("measure", ["evaluate", "importance", "mixture", "annealed"])
def test_the_gpu_has_the_cpus_pixels_and_about_its_numbers(measure: str, drawn: Dataset) -> None:
    model = VAE(ModelConfig(hidden=(6,)), drawn.info())
    here = MEASURES[measure](model, drawn)
    with fake_gpu() as device:
        there = MEASURES[measure](model.to(device), drawn)
    if measure == "evaluate":
        assert there.elbo == pytest.approx(here.elbo, abs=1e-4)
    else:
        assert torch.equal(there.rows, here.rows)
        # The mixture draws which of its parts a sample is of in another precision there: other samples.
        tolerance = (
            6 * float((here.sampling_error + there.sampling_error).max()) if measure == "mixture" else 1e-3
        )
        assert torch.allclose(there.log_prob, here.log_prob, atol=tolerance)


@pytest.mark.parametrize("name", ["mlp", "learned", "conv"])
def test_a_whole_run_stops_goes_on_and_finishes_on_such_a_gpu(
    name: str, tmp_path: Path, gpu: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.training.optimisation.choose_device", lambda name: gpu)
    config = RunConfig(
        data=DataConfig(binarize="dynamic"),
        model=ModelConfig.model_validate({"hidden": (6,), **MODELS[name]}),
        objective=ObjectiveConfig(schedule="linear", warmup_epochs=1, free_bits=0.1),
        train=TrainConfig(epochs=2, batch_size=512, num_snapshots=3, encoder_steps=int(name == "mlp")),
    )
    run, dataset = create(tmp_path / "a", config)
    trainer = Trainer(run, dataset)
    assert isinstance(next(trainer.model.parameters()), OnGpu)
    for report in trainer.train():
        trainer.stop_requested |= report.line["step"] == 2
    assert (run.status().state, run.status().step) == ("stopped", 2)
    assert [line for report in Trainer(run, dataset).train() if "elbo" in (line := report.line)]
    assert run.status().state == "finished"
    assert len(run.snapshots()) >= 3
    assert (run.path / "latent.safetensors").is_file()


def test_a_loop_of_ones_own_is_watched_on_such_a_gpu(
    tmp_path: Path, gpu: torch.device, digits: Dataset
) -> None:
    encoder, decoder = nn.Linear(64, 4).to(gpu), nn.Linear(2, 64).to(gpu)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()])
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # what it guesses, and whether the pretended device's networks are exported
        with vae.watch(tmp_path / "watched", encoder=encoder, decoder=decoder, data=digits) as watcher:
            for _ in range(3):
                x = digits.seen(digits.train[:100], device=gpu).flatten(1)
                mean, log_var = encoder(x).chunk(2, 1)
                z = mean + torch.exp(0.5 * log_var) * torch.randn(100, 2, device=gpu)
                costs = nn.functional.binary_cross_entropy_with_logits(decoder(z), x, reduction="sum")
                optimizer.zero_grad()
                costs.backward()
                optimizer.step()
                watcher.step(reconstruction=costs / 100)
    assert watcher.run.status().state == "finished"
    lines = [json.loads(line) for line in watcher.run.metrics_path.read_text().splitlines()]
    assert {line.get("split") for line in lines} >= {"train", "validation"}


def test_sums_of_many_steps_lose_nothing_in_single_precision(gpu: torch.device) -> None:
    # 20,000 images whose distortion is 543.21, and one whose is a thousandth: in plain single precision it is lost.
    here, there = (Means.zero(2, device) for device in (torch.device("cpu"), gpu))
    for means in (here, there):
        device = gpu if means is there else torch.device("cpu")
        for distortion, num in [(543.21, 5000)] * 400 + [(1e-3, 1)]:
            means.add(
                MeanTerms(torch.tensor(distortion, device=device), torch.full((2,), 0.1, device=device)), num
            )
    expected, found = here.take(), there.take()
    assert found["distortion"] == pytest.approx(expected["distortion"], rel=1e-7)
    assert found["rate_per_dim"] == pytest.approx(expected["rate_per_dim"], rel=1e-7)
    plain = torch.zeros(())
    for distortion, num in [(543.21, 5000)] * 400 + [(1e-3, 1)]:
        plain += distortion * num
    assert abs(float(plain) / 2_000_001 / expected["distortion"] - 1) > 1e-7


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x.double(),
        lambda x: x.double().cpu(),
        lambda x: x.to("cpu", torch.float64),
        lambda x: x.sum(dtype=torch.float64),
        lambda x: torch.zeros(3, dtype=torch.float64, device=x.device),
        lambda x: torch.zeros(3, dtype=torch.float64).copy_(x[:, 0]),
        lambda x: torch.zeros_like(x, dtype=torch.float64),
        lambda x: x.new_zeros(3, dtype=torch.float64),
        lambda x: x + torch.zeros(4),
        lambda x: x.numpy(),
    ],
)
def test_the_pretended_gpu_refuses_what_a_real_one_would(
    wrong: Callable[[torch.Tensor], Any], gpu: torch.device
) -> None:
    with pytest.raises(NotOnGpu):
        wrong(torch.zeros(3, 4, device=gpu))


def test_the_pretended_gpu_takes_what_is_widened_after_it_came_and_narrowed_before_it_goes(
    gpu: torch.device,
) -> None:
    x = torch.arange(3.0, device=gpu)
    assert x.cpu().double().tolist() == [0, 1, 2]
    assert torch.ones(3, dtype=torch.float64).to(x).device == x.device
    assert ((x + 0.5) * torch.tensor(2.0)).sum().item() == 9


def _sources() -> Iterator[tuple[Path, ast.AST]]:
    root = Path(vae.__file__).parent.parent
    for folder in ("vae", "dashboard"):
        for path in sorted((root / folder).rglob("*.py")):
            yield path, ast.parse(path.read_text())


def _is_call(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name


def test_nothing_is_widened_but_what_was_moved_to_the_cpu_just_before() -> None:
    found = []
    for path, tree in _sources():
        for node in ast.walk(tree):
            if _is_call(node, "double") and not _is_call(node.func.value, "cpu"):  # type: ignore[attr-defined]
                found.append(f"{path.name}:{node.lineno}: .double() without .cpu() before it")  # type: ignore[attr-defined]
            if isinstance(node, ast.Call):
                named = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                wide = "torch.float64" in (*named.values(), *map(ast.unparse, node.args))
                if wide and ("device" in named or _is_call(node, "to")):
                    found.append(f"{path.name}:{node.lineno}: double precision on a device")
    assert not found
