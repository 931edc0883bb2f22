"""A likelihood from outside the package: Laplace, of one parameter a pixel and of two."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.support import plugin_runs
from vae.config.base import Config, ConfigError, option
from vae.config.checks import warnings
from vae.config.registries import LIKELIHOODS
from vae.config.schema import ModelConfig, RunConfig
from vae.diagnostics.diagnose import diagnose
from vae.errors import UserError
from vae.evaluation.ais import annealed
from vae.evaluation.comparability import EvaluationProtocol
from vae.evaluation.elbo import evaluate
from vae.evaluation.exact_posterior import exact_posteriors
from vae.evaluation.importance import importance_bound
from vae.models.likelihoods import Likelihood
from vae.models.vae import VAE
from vae.runs.listing import list_runs
from vae.runs.run import Run
from vae.runs.snapshots import load_model


class LaplaceOptions(Config):
    """Options of the Laplace likelihood."""

    scale: float = option(0.1, "Its scale b.", label="Scale", remedy="use 0.1", gt=0, le=10)


class Laplace(Likelihood):
    """Independent Laplace distributions of one scale around the decoder's output."""

    def __init__(self, options: LaplaceOptions) -> None:
        super().__init__()
        self.scale = options.scale

    def log_prob(self, output: Tensor, x: Tensor) -> Tensor:
        each = (x - output).abs() / self.scale + math.log(2 * self.scale)
        return -each.flatten(1).sum(1)

    def mean(self, output: Tensor) -> Tensor:
        return output

    def sample(self, output: Tensor, generator: torch.Generator | None = None) -> Tensor:
        u = torch.empty_like(output).uniform_(-0.5, 0.5, generator=generator)
        return output - self.scale * u.sign() * torch.log1p(-2 * u.abs())


class PixelwiseLaplace(Likelihood):
    """The same with a scale of its own for each pixel, which the decoder gives."""

    num_parameters = 2

    def log_prob(self, output: Tensor, x: Tensor) -> Tensor:
        middle, log_scale = self.split(output)
        log_scale = log_scale.clamp(-4, 4)
        return -((x - middle).abs() * torch.exp(-log_scale) + log_scale + math.log(2)).flatten(1).sum(1)

    def mean(self, output: Tensor) -> Tensor:
        return self.split(output)[0]

    def sample(self, output: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return self.split(output)[0]


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> Iterator[None]:
    with (
        plugin_runs.registered(
            LIKELIHOODS,
            "laplace",
            Laplace,
            title="Laplace",
            words="Laplace of one scale.",
            options=LaplaceOptions,
        ),
        plugin_runs.registered(
            LIKELIHOODS, "laplace-pixelwise", PixelwiseLaplace, title="Laplace, a scale a pixel"
        ),
    ):
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    model = {"likelihood": "laplace", "likelihood_options": {"scale": 0.2}}
    return plugin_runs.train(tmp_path_factory.mktemp("runs") / "laplace", model=model)


@pytest.fixture(scope="module")
def pixelwise(tmp_path_factory: pytest.TempPathFactory) -> Run:
    model = {"network": "conv", "channels": (4, 6), "likelihood": "laplace-pixelwise", "latent_dim": 3}
    return plugin_runs.train(tmp_path_factory.mktemp("runs") / "pixelwise", model=model)


def test_its_values_are_those_of_torch(run: Run) -> None:
    likelihood = load_model(run).likelihood
    output, x = torch.rand(2, 1, 8, 8), torch.rand(2, 1, 8, 8)
    expected = torch.distributions.Laplace(output, 0.2).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(likelihood.log_prob(output, x), expected)
    torch.testing.assert_close(likelihood.log_prob_table(output, x).diag(), expected)


@pytest.mark.parametrize("name", ["run", "pixelwise"])
def test_it_trains_evaluates_and_exports(name: str, request: pytest.FixtureRequest) -> None:
    model, dataset = plugin_runs.model_and_images(request.getfixturevalue(name))
    found = evaluate(model, dataset)
    assert math.isfinite(found.elbo)
    bound = importance_bound(model, dataset, k=20, num_images=20)
    assert bound.bound.mean > found.elbo - 60
    ais = annealed(model, dataset, num_images=2, num_steps=5, num_chains=2)
    assert math.isfinite(ais.bound.mean)
    told = diagnose(model, dataset, num_images=100)
    assert told.verdict.sentence
    assert told.critical_beta is None and told.decoder_sigma is None
    plugin_runs.check_onnx(model, dataset)


def test_the_exact_posterior_knows_it(run: Run) -> None:
    model, dataset = plugin_runs.model_and_images(run)
    found = exact_posteriors(model, dataset, num_images=2)
    torch.testing.assert_close(found.elbo + found.gap, found.log_prob, atol=0.01, rtol=0)


def test_decoder_gives_as_many_numbers_as_it_asks_for(pixelwise: Run) -> None:
    model = load_model(pixelwise)
    assert model.decoder(torch.zeros(2, 3)).shape == (2, 2, 8, 8)
    assert model.decode(torch.zeros(2, 3)).shape == (2, 1, 8, 8)


def test_its_options_travel_with_the_run(run: Run) -> None:
    written = json.loads((run.path / "config.json").read_text())["config"]["model"]
    assert written["likelihood_options"] == {"scale": 0.2}
    assert Run.open(run.path).config == run.config
    assert EvaluationProtocol.of(run).likelihood == "Laplace likelihood"


def test_other_runs_say_nothing_of_it() -> None:
    assert "likelihood_options" not in ModelConfig().to_dict()
    changed = ModelConfig(likelihood="laplace").replace(likelihood="gaussian")
    assert changed == ModelConfig(likelihood="gaussian")


def test_a_wrong_option_is_named_with_its_rule() -> None:
    with pytest.raises(ConfigError, match=r"likelihood_options\.scale must be > 0, got -1; use 0\.1"):
        ModelConfig(likelihood="laplace", likelihood_options={"scale": -1})


def test_it_takes_no_pixels_of_its_kind_silently() -> None:
    config = RunConfig(model=ModelConfig(likelihood="laplace", sigma=0.3))
    assert any("model.sigma (0.3) has no effect" in sentence for sentence in warnings(config))


def test_command_line_trains_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from vae.cli.main import main

    words = "--train.epochs 1 --train.batch-size 700 --train.num-snapshots 0 --model.hidden 4"
    chosen = "--model.likelihood laplace --model.likelihood-laplace.scale 0.3"
    main(["train", "--run-dir", str(tmp_path / "a"), *words.split(), *chosen.split()])
    assert Run.open(tmp_path / "a").config.model.likelihood_options == LaplaceOptions(scale=0.3)
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    assert "--model.likelihood-laplace.scale" in capsys.readouterr().out


@pytest.mark.parametrize("name", plugin_runs.PAGES)
def test_pages_show_it(name: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    at = plugin_runs.page(name, run, monkeypatch)
    assert plugin_runs.complaints(at) == []
    if name == "explore":
        assert "Laplace likelihood, β = 1" in at.sidebar.caption[0].value
    if name == "train":
        box = next(box for box in at.selectbox if str(box.key).startswith("option-model.likelihood:"))
        assert "Laplace" in box.options
        box.set_value("laplace").run()
        assert any("likelihood-laplace.scale" in str(number.key) for number in at.number_input)


def test_where_it_is_not_registered_the_run_is_listed_and_says_why(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = {name: entry for name, entry in LIKELIHOODS._entries.items() if entry.is_built_in}
    monkeypatch.setattr(LIKELIHOODS, "_entries", entries)
    (found,) = list_runs(run.path.parent)
    assert isinstance(found, Run) and found.config.model.likelihood == "laplace"
    assert found.config.to_dict()["model"]["likelihood_options"] == {"scale": 0.2}
    with pytest.raises(UserError, match="likelihood 'laplace' must be registered to be used"):
        load_model(found)
    with pytest.raises(ConfigError, match="likelihood must be one of"):
        ModelConfig(likelihood="laplace")
    at = plugin_runs.page("explore", found, monkeypatch)
    assert "'laplace' must be registered" in plugin_runs.told(at)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"name": "Not a name", "title": "T"}, "must be small letters"),
        ({"name": "fine", "title": ""}, "must be 1 to 60 printable letters"),
        ({"name": "bernoulli", "title": "T"}, "must be free"),
        ({"name": "fine", "title": "T", "colour": 1}, "got colour"),
        ({"name": "fine", "title": "T", "options": dict}, "must be a class derived from"),
    ],
)
def test_what_cannot_be_registered_is_refused(words: dict[str, str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        LIKELIHOODS.register(**words)(Laplace)  # type: ignore[arg-type]


def test_a_class_that_lacks_something_is_refused_by_what_it_lacks() -> None:
    class Half(Likelihood):
        def mean(self, output: Tensor) -> Tensor:
            return output

    with pytest.raises(UserError, match="must define log_prob, sample"):
        LIKELIHOODS.register("half", title="Half")(Half)
    with pytest.raises(UserError, match="must be a class derived from"):
        LIKELIHOODS.register("none", title="None")(VAE)
