"""An objective from outside the package: the rate with an extra weight on the total correlation, as in β-TC-VAE."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.support import plugin_runs
from vae.config.base import Config, option
from vae.config.checks import warnings
from vae.config.diff import differences
from vae.config.registries import OBJECTIVES
from vae.config.schema import ObjectiveConfig, RunConfig
from vae.data.dataset import Dataset, check_fits
from vae.errors import UserError
from vae.models.priors import posterior_log_prob
from vae.objectives.objective import BetaVAE, Objective, PosteriorBatch, Progress
from vae.runs.metrics import MetricsReader
from vae.runs.run import Run
from vae.runs.snapshots import load_weights


class TotalCorrelationOptions(Config):
    """Options of the objective."""

    weight: float = option(
        4.0, "Weight of the total correlation beside β.", label="Extra weight", remedy="use 4", ge=0
    )


class TotalCorrelation(Objective):
    """The batch's own posteriors stand for the aggregate posterior (minibatch-weighted sampling)."""

    def __init__(self, options: TotalCorrelationOptions) -> None:
        self.weight = options.weight

    def loss(self, batch: PosteriorBatch, progress: Progress) -> tuple[Tensor, dict[str, Tensor]]:
        noise = (batch.z[:, None] - batch.mean) * torch.exp(-0.5 * batch.log_var)
        each = posterior_log_prob(noise, batch.log_var)  # (B, B, D)
        size = math.log(len(batch.z) * progress.num_images)
        joint = each.sum(2).logsumexp(1) - size
        product = (each.logsumexp(1) - size).sum(1)
        correlation = (joint - product).mean()
        loss = batch.mean_terms.loss(progress.penalty) + self.weight * correlation
        return loss, {"total_correlation": correlation}


class MaximumMeanDiscrepancy(Objective):
    """A sibling: distortion and a distance between the batch and samples of the prior, without any β."""

    def loss(self, batch: PosteriorBatch, progress: Progress) -> tuple[Tensor, dict[str, Tensor]]:
        draw = torch.Generator().manual_seed(progress.step)
        prior = batch.prior.sample(len(batch.z), draw).to(batch.z)

        def kernel(a: Tensor, b: Tensor) -> Tensor:
            return torch.exp(-(a[:, None] - b).square().mean(2) / a.shape[1]).mean()

        distance = kernel(prior, prior) + kernel(batch.z, batch.z) - 2 * kernel(prior, batch.z)
        return -batch.log_prob.mean() + 100 * distance, {"distance": distance}


class Plain(BetaVAE):
    """The package's own under another name."""


class Loud(Objective):
    """Writes down what is no scalar."""

    def loss(self, batch: PosteriorBatch, progress: Progress) -> tuple[Tensor, dict[str, Tensor]]:
        return batch.mean_terms.loss(1.0), {"every_image": batch.log_prob}


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> Iterator[None]:
    weighed = ("beta", "schedule")
    with (
        plugin_runs.registered(
            OBJECTIVES,
            "tc",
            TotalCorrelation,
            title="β-TC-VAE",
            uses=weighed,
            options=TotalCorrelationOptions,
        ),
        plugin_runs.registered(OBJECTIVES, "mmd", MaximumMeanDiscrepancy, title="MMD-VAE"),
        plugin_runs.registered(OBJECTIVES, "plain", Plain, title="Plain", uses=weighed),
        plugin_runs.registered(OBJECTIVES, "loud", Loud, title="Loud"),
    ):
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    objective = {"name": "tc", "options": {"weight": 6.0}, "beta": 2.0}
    return plugin_runs.train(tmp_path_factory.mktemp("runs") / "tc", objective=objective)


def train_lines(run: Run) -> list[dict[str, float]]:
    return [line for line in MetricsReader(run.metrics_path).read()[1] if line.get("split") == "train"]


def test_what_it_writes_down_is_in_the_history(run: Run) -> None:
    for line in train_lines(run):
        assert math.isfinite(line["objective.total_correlation"])
        expected = line["distortion"] + 2 * line["rate"] + 6 * line["objective.total_correlation"]
        assert line["objective.loss"] == pytest.approx(expected, rel=1e-4)
        assert line["elbo"] == pytest.approx(-(line["distortion"] + line["rate"]))


def test_the_same_loss_under_another_name_trains_the_same_weights(tmp_path: Path) -> None:
    ours = plugin_runs.train(tmp_path / "ours")
    other = plugin_runs.train(tmp_path / "other", objective={"name": "plain"})
    weights = load_weights(other, "last")
    assert all(torch.equal(tensor, weights[name]) for name, tensor in load_weights(ours, "last").items())
    assert not any(name.startswith("objective.") for line in train_lines(ours) for name in line)


def test_a_sibling_without_beta_trains_and_says_that_beta_has_no_effect(tmp_path: Path) -> None:
    found = plugin_runs.train(tmp_path / "mmd", objective={"name": "mmd"})
    assert all(line["objective.distance"] > -1e-3 for line in train_lines(found))
    config = RunConfig(objective=ObjectiveConfig(name="mmd", beta=3.0, free_bits=1.0))
    told = " ".join(warnings(config))
    assert "objective.beta (3.0) has no effect" in told and "objective.free_bits (1.0) has no effect" in told


def test_what_is_no_scalar_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must be scalars, named by small letters"):
        plugin_runs.train(tmp_path / "loud", objective={"name": "loud"})


def test_its_options_travel_and_other_runs_say_nothing(run: Run) -> None:
    written = json.loads((run.path / "config.json").read_text())["config"]["objective"]
    assert (written["name"], written["options"]) == ("tc", {"weight": 6.0})
    assert not {"name", "options"} & set(ObjectiveConfig().to_dict())


def test_it_evaluates_and_exports(run: Run, digits: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    model, dataset = plugin_runs.model_and_images(run)
    plugin_runs.check_onnx(model, dataset)
    assert math.isfinite(plugin_runs.answers(run, capsys)["elbo"])


@pytest.mark.parametrize("name", plugin_runs.PAGES)
def test_pages_show_it(name: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    at = plugin_runs.page(name, run, monkeypatch)
    assert plugin_runs.complaints(at) == []
    if name == "explore":
        assert "Objective: β-TC-VAE" in at.sidebar.caption[0].value


def test_runs_are_told_apart_by_its_options(run: Run) -> None:
    other = run.config.replace(objective=run.config.objective.replace(options={"weight": 1.0}))
    (found,) = differences([run.config, other])
    assert found.values == ("weight = 6.0", "weight = 1.0")


def test_where_it_is_not_registered_the_model_is_shown_and_training_is_refused(
    run: Run, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        OBJECTIVES, "_entries", {entry.name: entry for entry in OBJECTIVES if entry.is_built_in}
    )
    found = Run.open(run.path)
    assert found.config.objective.name == "tc"
    with pytest.raises(UserError, match="objective 'tc' must be registered to be used"):
        check_fits(found.config, digits)
    assert plugin_runs.complaints(plugin_runs.page("explore", found, monkeypatch)) == []
