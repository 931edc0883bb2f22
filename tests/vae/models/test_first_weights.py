"""First weights follow the seed whatever else draws; nothing global is changed; wide layers do not overshoot."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from torch import Tensor, nn

from tests.support.short_runs import SMALL, assert_same_tensors, create
from vae.config.schema import DataConfig, DataInfo, ModelConfig, ObjectiveConfig, RunConfig
from vae.data.dataset import Dataset
from vae.experiments.sweep import points, sweep
from vae.models.vae import VAE
from vae.runs.run import Run
from vae.runtime.seeding import stream_seed
from vae.training.adam import USUAL, WIDE
from vae.training.optimisation import Learner
from vae.training.trainer import Trainer

MODELS = Path(__file__).resolve().parents[3] / "assets" / "models"


def of_pytorch(config: ModelConfig, info: DataInfo, seed: int) -> list[Tensor]:
    """The weights that PyTorch's own layers draw after a global seed, made in the order in which ours are."""
    classes = info.num_classes if config.conditional else 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "weights"))
        layers: list[nn.Module] = []
        down, up = [info.channels + classes, *config.channels], [*reversed(config.channels), info.channels]
        side = (info.height // 2 ** len(config.channels)) ** 2 * config.channels[-1]
        is_conv = config.network == "conv"
        if is_conv:
            layers += [nn.Conv2d(a, b, 3) for a, b in pairwise(down)]
        sizes = [side if is_conv else info.num_pixels + classes, *config.hidden]
        layers += [nn.Linear(a, b) for a, b in pairwise(sizes)]
        layers += [nn.Linear(sizes[-1], config.latent_dim) for _ in range(2)]
        sizes = [config.latent_dim + classes, *reversed(config.hidden)]
        layers += [nn.Linear(a, b) for a, b in pairwise(sizes)]
        if is_conv:
            layers += [nn.ConvTranspose2d(a, b, 3) for a, b in pairwise(up)]
        layers.append(nn.Linear(sizes[-1], side if is_conv else info.num_pixels))
        return [parameter.detach() for layer in layers for parameter in layer.parameters()]


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("name", sorted(path.parent.name for path in MODELS.glob("*/config.json")))
def test_the_first_weights_of_the_shipped_models_are_those_of_pytorch_after_its_global_seed(
    digits: Dataset, name: str, network: str
) -> None:
    shipped = Run.open(MODELS / name)
    config = shipped.config.replace(model=shipped.config.model.replace(network=network))
    found = Learner(config, shipped.info, digits).model.state_dict().values()
    expected = of_pytorch(config.model, shipped.info, config.train.seed)
    assert len(found) == len(expected)
    for tensor in found:  # bit for bit, in whatever order they are kept
        assert any(tensor.shape == other.shape and torch.equal(tensor, other) for other in expected)


def test_a_model_that_is_given_no_generator_draws_from_pytorch_s_own(tiny_info: DataInfo) -> None:
    config = ModelConfig(hidden=(6,), decoder="autoregressive", conditional=True, learned_prior=True)
    found = []
    for draw in (None, torch.Generator().manual_seed(3)):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            found.append(VAE(config, tiny_info, draw=draw).state_dict())
    assert_same_tensors(*found)


@pytest.fixture
def _others_draw() -> Iterator[None]:
    """Threads that draw from the process's own random states, and seed them, all the time."""
    is_over = threading.Event()

    def work(seed: int) -> None:
        while not is_over.is_set():
            torch.manual_seed(seed)
            torch.rand(100)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    state = torch.get_rng_state()
    for thread in threads:
        thread.start()
    yield
    is_over.set()
    for thread in threads:
        thread.join()
    torch.set_rng_state(state)


@pytest.mark.usefixtures("_others_draw")
def test_side_by_side_in_threads_every_model_begins_with_the_weights_of_its_seed(digits: Dataset) -> None:
    configs = [SMALL.replace(train=SMALL.train.replace(seed=seed)) for seed in range(4)] * 5

    def weights(config: RunConfig) -> dict[str, Tensor]:
        return Learner(config, digits.info(), digits).model.state_dict()

    expected = [weights(config) for config in configs[:4]] * 5
    found = Parallel(n_jobs=8, backend="threading")(delayed(weights)(config) for config in configs)
    for ours, theirs in zip(found, expected, strict=True):  # 20 of 20
        assert_same_tensors(ours, theirs)
    assert not torch.equal(next(iter(found[0].values())), next(iter(found[1].values())))


def test_a_sweep_in_threads_finds_what_it_finds_one_after_the_other(tmp_path: Path) -> None:
    config = RunConfig(
        model=ModelConfig(hidden=(8,)),
        train=SMALL.train.replace(epochs=1, num_snapshots=0, checkpoint_seconds=1e6),
    )
    planned = points("a", config, [1.0], range(4))
    found = []
    for backend, jobs in (("threading", 4), ("loky", 1)):
        outcomes = sweep(tmp_path / backend, planned, jobs=jobs, backend=backend)  # type: ignore[arg-type]
        found.append({outcome.seed: outcome.result.last.elbo for outcome in outcomes if outcome.result})
    assert len(found[0]) == 4
    assert found[0] == found[1]


def _globals() -> dict[str, Any]:
    return {
        "torch": torch.get_rng_state().tolist(),
        "numpy": [np.asarray(part).tolist() for part in np.random.get_state()[1:3]],
        "python": random.getstate(),
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "type": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "gradients": torch.is_grad_enabled(),
        "precision": torch.get_float32_matmul_precision(),
        "autocast": torch.is_autocast_enabled("cpu"),
    }


def test_neither_a_learner_nor_a_training_changes_anything_global(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a process's own random state was seeded")

    for owner, name in (
        (torch, "manual_seed"),
        (torch, "seed"),
        (torch.random, "manual_seed"),
        (torch.cuda, "manual_seed_all"),
        (torch.cuda, "manual_seed"),
        (np.random, "seed"),
        (random, "seed"),
    ):
        monkeypatch.setattr(owner, name, refuse)
    config = SMALL.replace(
        data=DataConfig(binarize="dynamic"),
        model=ModelConfig(network="conv", channels=(2, 4), hidden=(8,), conditional=True),
        train=SMALL.train.replace(epochs=1, encoder_steps=1),
    )
    run, dataset = create(tmp_path / "a", config)
    before = _globals()
    trainer = Trainer(run, dataset)
    assert _globals() == before
    for _ in trainer.train():
        pass
    assert _globals() == before


def test_weights_are_those_of_the_seed_whatever_type_the_process_has_for_new_tensors(tmp_path: Path) -> None:
    config = SMALL.replace(model=SMALL.model.replace(likelihood="gaussian-learned"))
    run, dataset = create(tmp_path / "a", config)
    expected = Trainer(run, dataset).model.state_dict()
    torch.set_default_dtype(torch.float64)
    try:
        trainer = Trainer(run, dataset)
        assert_same_tensors(trainer.model.state_dict(), expected)
        for _ in trainer.train():
            pass
    finally:
        torch.set_default_dtype(torch.float32)
    assert run.status().state == "finished"


def test_a_model_without_numbers_takes_no_memory_for_its_layers() -> None:
    info = DataInfo(
        channels=3, height=1024, width=1024, class_names=(), num_train=1, num_validation=0, num_test=0,
        fingerprint="",
    )  # fmt: skip
    for network in ("mlp", "conv"):
        with torch.device("meta"):
            model = VAE(ModelConfig(network=network, hidden=(8192,), likelihood="gaussian-learned"), info)
        assert all(tensor.is_meta for tensor in model.state_dict().values())


# Layers with very many inputs -----------------------------------------------------------------------------------------


def _large(height: int, width: int, channels: int = 3, num: int = 6) -> Dataset:
    draw = torch.Generator().manual_seed(0)
    coarse = torch.rand(num, channels, 6, 9, generator=draw)
    images = nn.functional.interpolate(coarse, size=(height, width), mode="bilinear").mul(255).byte()
    part = torch.arange(num)
    return Dataset(images, None, 255, (), part, part[:0], part[:2], DataConfig(validation=0))


LARGE: dict[str, tuple[tuple[int, int], float, dict[str, Any]]] = {
    "mlp": ((600, 900), 1, {}),
    "conv": ((600, 900), 1, {"network": "conv", "channels": (2, 4)}),
    "no hidden layer": ((300, 450), 1, {"hidden": ()}),
    "a large beta": ((300, 450), 1000, {}),
    "gaussian of a small sigma": ((300, 450), 1, {"likelihood": "gaussian", "sigma": 0.01}),
    "gaussian-learned": ((300, 450), 1, {"likelihood": "gaussian-learned"}),
    "continuous-bernoulli": ((300, 450), 1, {"likelihood": "continuous-bernoulli"}),
}


@pytest.mark.parametrize("kind", LARGE)
def test_a_model_of_very_large_images_learns_and_its_posteriors_stay_near_the_prior(kind: str) -> None:
    size, beta, options = LARGE[kind]
    dataset = _large(*size)
    config = RunConfig(
        model=ModelConfig(**{"hidden": (8,), **options}),
        objective=ObjectiveConfig(beta=beta),
        train=SMALL.train.replace(batch_size=3, seed=0),
    )
    learner = Learner(config, dataset.info(), dataset)
    x = dataset.pixels(dataset.images)
    lost, spread = [], []
    for step in range(6):
        terms = learner.step(x[:3] if step % 2 else x[3:], None)
        lost.append(float(terms.distortion))
        with torch.no_grad():
            spread.append(float(learner.model.posterior(x[:3])[1].abs().max()))
    assert max(spread) < 20  # 104 after three steps without
    assert max(lost[1:]) < lost[0] + 0.2 * abs(lost[0])
    assert min(lost[-2:]) < lost[0]


def test_wide_layers_alone_learn_slower_and_small_models_are_as_they_were(digits: Dataset) -> None:
    usual = Learner(SMALL, digits.info(), digits)
    assert len(usual.optimizer.param_groups) == 1
    dataset = _large(150, 150, num=2)
    config = SMALL.replace(model=ModelConfig(hidden=(2,)), train=SMALL.train.replace(batch_size=2))
    learner = Learner(config, dataset.info(), dataset)
    first, second = learner.optimizer.param_groups
    assert WIDE < 150 * 150 * 3
    assert [tuple(weight.shape) for weight in second["params"]] == [(2, 67_500)]
    assert first["lr"] == 1e-3
    assert second["lr"] == 1e-3 * USUAL / 67_500
    assert learner.settings.learning_rate == 1e-3
    every = {parameter for group in (first, second) for parameter in group["params"]}
    assert every == set(learner.model.parameters())


def test_a_run_with_a_wide_layer_goes_on_bit_for_bit(tmp_path: Path) -> None:
    dataset = _large(150, 150)
    train = SMALL.train.replace(epochs=2, batch_size=2, num_snapshots=0, learning_rate_schedule="cosine")
    config = RunConfig(data=dataset.config, model=ModelConfig(hidden=(2,)), train=train)
    found = []
    for stops in ((), (2, 3)):
        run = Run.create(tmp_path / f"run-{len(stops)}", config, dataset.info())
        for stop in (*stops, None):
            trainer = Trainer(run, dataset)
            plain = trainer.step

            def step(
                x: Tensor, y: Tensor | None, trainer: Trainer = trainer, plain: Any = plain, stop: Any = stop
            ) -> Any:
                trainer.stop_requested = stop is not None and trainer.position.step + 1 >= stop
                return plain(x, y)

            trainer.step = step  # type: ignore[method-assign]
            for _ in trainer.train():
                pass
        assert run.status().state == "finished"
        found.append(trainer.model.state_dict())
        assert trainer.optimizer.param_groups[1]["lr"] == pytest.approx(0.5e-3 * USUAL / 67_500)
    assert_same_tensors(*found)
