"""A network from outside the package: residual convolutions with BatchNorm and Dropout."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.support import plugin_runs
from vae.config.base import Config, ConfigError, option
from vae.config.checks import warnings
from vae.config.registries import NETWORKS
from vae.config.schema import ModelConfig, RunConfig
from vae.data.dataset import Dataset
from vae.diagnostics.diagnose import diagnose
from vae.errors import UserError
from vae.evaluation.elbo import evaluate
from vae.evaluation.importance import importance_bound
from vae.models.network_builder import Network
from vae.models.vae import VAE
from vae.runs.run import Run
from vae.runs.snapshots import load_model, load_weights
from vae.storage.safetensors_io import load
from vae.training.trainer import Trainer


class ResidualOptions(Config):
    """Options of the residual network."""

    width: int = option(6, "Channels of every block.", label="Width", remedy="use 6", ge=1, le=256)
    blocks: int = option(1, "Residual blocks of each half.", label="Blocks", remedy="use 1", ge=1, le=16)
    dropout: float = option(0.2, "Share of channels left out.", label="Dropout", remedy="use 0.2", ge=0, lt=1)


class Block(nn.Module):
    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.Dropout2d(dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Encoder(nn.Module):
    def __init__(self, built: Residual, options: ResidualOptions) -> None:
        super().__init__()
        num_in = built.info.channels + built.num_conditions
        blocks = [Block(options.width, options.dropout) for _ in range(options.blocks)]
        self.layers = nn.Sequential(
            nn.Conv2d(num_in, options.width, 3, stride=2, padding=1), *blocks, nn.Flatten()
        )
        sides = [(side + 1) // 2 for side in (built.info.height, built.info.width)]
        self.ends = nn.Linear(options.width * sides[0] * sides[1], 2 * built.config.latent_dim)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if condition is not None:
            planes = condition[:, :, None, None].expand(-1, -1, *x.shape[2:])
            x = torch.cat([x, planes], 1)
        mean, log_var = self.ends(self.layers(x)).chunk(2, 1)
        return mean, log_var


class Decoder(nn.Module):
    def __init__(self, built: Residual, options: ResidualOptions) -> None:
        super().__init__()
        self.size = (options.width, built.info.height, built.info.width)
        self.start = nn.Linear(built.config.latent_dim + built.num_conditions, math.prod(self.size))
        blocks = [Block(options.width, options.dropout) for _ in range(options.blocks)]
        self.layers = nn.Sequential(*blocks, nn.Conv2d(options.width, built.num_outputs, 1))

    def forward(self, z: Tensor, condition: Tensor | None = None, x: Tensor | None = None) -> Tensor:
        z = z if condition is None else torch.cat([z, condition], 1)
        return self.layers(self.start(z).unflatten(1, self.size))


class Residual(Network):
    def encoder(self) -> nn.Module:
        assert isinstance(self.options, ResidualOptions)
        return Encoder(self, self.options)

    def decoder(self) -> nn.Module:
        assert isinstance(self.options, ResidualOptions)
        return Decoder(self, self.options)

    @classmethod
    def misfit(cls, config: ModelConfig, info: object) -> str | None:
        if config.latent_dim > 50:
            return "model.latent_dim must be at most 50 for the residual network, got more; use 10"
        return None


class Crooked(Residual):
    """Its decoder gives images of another size."""

    def decoder(self) -> nn.Module:
        found = super().decoder()
        found.layers.append(nn.AvgPool2d(2))  # type: ignore[operator, union-attr]
        return found


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> Iterator[None]:
    with (
        plugin_runs.registered(NETWORKS, "residual", Residual, title="Residual", options=ResidualOptions),
        plugin_runs.registered(NETWORKS, "crooked", Crooked, title="Crooked", options=ResidualOptions),
    ):
        yield


MODEL = {"network": "residual", "network_options": {"width": 4}, "conditional": True}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return plugin_runs.train(tmp_path_factory.mktemp("runs") / "residual", model=MODEL)


def test_statistics_of_its_layers_are_learned_and_kept(run: Run) -> None:
    weights = load_weights(run, "last")
    means = [tensor for name, tensor in weights.items() if name.endswith("running_mean")]
    assert len(means) == 2 and all(bool((mean != 0).any()) for mean in means)
    assert int(weights["encoder.layers.1.layers.1.num_batches_tracked"]) == 7


def test_nothing_that_looks_at_it_changes_it_or_draws(run: Run, digits: Dataset) -> None:
    model = load_model(run, "last").train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    found = [evaluate(model, digits).elbo for _ in range(2)]
    assert found[0] == found[1]
    importance_bound(model, digits, k=5, num_images=20)
    diagnose(model, digits, num_images=60)
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_dropout_acts_in_training(run: Run, digits: Dataset) -> None:
    model = load_model(run, "last").train()
    x, y = digits.pixels(digits.images[:50]), digits.labels[:50]  # type: ignore[index]
    with torch.no_grad():
        assert not torch.equal(model.posterior(x, y)[0], model.posterior(x, y)[0])
        model.eval()
        assert torch.equal(model.posterior(x, y)[0], model.posterior(x, y)[0])


def test_one_seed_is_one_run_and_the_process_keeps_its_random_state(run: Run, tmp_path: Path) -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    again = plugin_runs.train(tmp_path / "again", model=MODEL)
    assert torch.equal(torch.get_rng_state(), state)
    first, second = load_weights(run, "last"), load_weights(again, "last")
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_stopped_and_resumed_is_bit_for_bit_never_stopped(run: Run, tmp_path: Path, digits: Dataset) -> None:
    other = Run.create(tmp_path / "stopped", run.config, run.info)
    trainer = Trainer(other, digits)
    for report in trainer.train():
        if report.kind == "train" and report.line["step"] >= 1:
            trainer.stop_requested = True
    assert 0 < other.status().step < 7
    for _ in Trainer(Run.open(other.path), digits).train():
        pass
    whole, joined = (load(one.checkpoints_dir, "last")[0] for one in (run, other))
    assert whole.keys() == joined.keys()
    assert all(torch.equal(tensor, joined[name]) for name, tensor in whole.items())


def test_encoder_steps_leave_the_decoder_as_it_is(tmp_path: Path, digits: Dataset) -> None:
    run = plugin_runs.train(tmp_path / "a", model=MODEL, encoder_steps=1, batch_size=1000)
    trainer = Trainer(Run.create(tmp_path / "b", run.config, run.info), digits)
    trainer.model.train()
    before = {name: tensor.clone() for name, tensor in trainer.model.decoder.state_dict().items()}
    trainer.encoder_step()
    assert all(
        torch.equal(tensor, before[name]) for name, tensor in trainer.model.decoder.state_dict().items()
    )


def test_the_graphs_say_what_it_says_evaluated(run: Run, digits: Dataset) -> None:
    plugin_runs.check_onnx(load_model(run, "last"), digits)


def test_snapshots_of_it_are_drawn(run: Run) -> None:
    from dashboard.cache import models

    images = []
    for step in run.snapshots():
        model = load_model(run, step)
        (image,) = plugin_runs.onnx_answer(
            models.onnx(run, step, "decoder"), z=torch.zeros(1, 2), y=torch.eye(10)[:1]
        )
        with torch.no_grad():
            torch.testing.assert_close(
                image, model.decode(torch.zeros(1, 2), torch.eye(10)[:1]), atol=1e-4, rtol=1e-4
            )
        images.append(image)
    assert not torch.equal(images[0], images[-1])


def test_what_does_not_fit_is_a_sentence(digits: Dataset) -> None:
    with pytest.raises(UserError, match="must give mean and log-variance of shape"):
        VAE(ModelConfig(network="crooked"), digits.info())
    with pytest.raises(UserError, match="must be at most 50 for the residual network"):
        VAE(ModelConfig(network="residual", latent_dim=60), digits.info())
    with pytest.raises(ConfigError, match=r"network_options\.width must be >= 1, got 0; use 6"):
        ModelConfig(network="residual", network_options={"width": 0})
    with pytest.raises(ConfigError, match="decoder must be 'independent' for network = 'residual'"):
        ModelConfig(network="residual", decoder="autoregressive")
    config = RunConfig(model=ModelConfig(network="residual", hidden=(7,), activation="silu"))
    told = " ".join(warnings(config))
    assert "model.hidden (7) has no effect" in told and "model.activation (silu) has no effect" in told


@pytest.mark.parametrize("name", plugin_runs.PAGES)
def test_pages_show_it(name: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    at = plugin_runs.page(name, run, monkeypatch)
    assert plugin_runs.complaints(at) == []
    if name == "explore":
        assert "2 latent dimensions, Residual" in at.sidebar.caption[0].value


def test_where_it_is_not_registered_nothing_of_it_is_made(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NETWORKS, "_entries", {entry.name: entry for entry in NETWORKS if entry.is_built_in})
    found = Run.open(run.path)
    with pytest.raises(UserError, match="network 'residual' must be registered to be used"):
        load_model(found)
    at = plugin_runs.page("map", found, monkeypatch)
    assert "'residual' must be registered" in plugin_runs.told(at)
    assert plugin_runs.complaints(plugin_runs.page("train", found, monkeypatch)) == []
