"""The pages Compare and Evaluate, run without a browser: what they say of runs that differ or are not measured."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from dashboard import settings
from dashboard.jobs import test_metrics
from dashboard.jobs.trainers import trainers
from tests.support.pages_without_browser import button, page, sentences
from tests.support.settling import settled
from vae.evaluation import saved_bounds
from vae.evaluation.saved_metrics import kept
from vae.runs.metrics import MetricsWriter
from vae.runs.run import Run


@pytest.fixture(autouse=True)
def root(empty_runs: Path) -> Path:
    return empty_runs


Put = Callable[..., Run]


@pytest.fixture
def put(root: Path, trained_run: Run) -> Put:
    """Copies the short trained run, with some options changed: ``put("a", objective={"beta": 4})``."""

    def copy(run_id: str, *, shipped: bool = False, **changes: dict[str, Any]) -> Run:
        path = (settings.shipped_root() if shipped else root) / run_id
        shutil.copytree(trained_run.path, path)
        values = json.loads((path / "config.json").read_text())
        for section, some in changes.items():
            values["config"][section] |= some
        (path / "config.json").write_text(json.dumps(values))
        run = Run.open(path)
        run.rename(run_id.upper())
        return run

    return copy


def captions(at: Any) -> str:
    """Captions and what stands behind their help icons."""
    return " ".join(f"{caption.value} {caption.proto.help}".replace("\\", "") for caption in at.caption)


def cells(markup: str) -> list[str]:
    """The words of a piece of HTML, one after the other."""
    return [unescape(word) for word in re.findall(r">([^<]+)<", markup) if word.strip()]


class TestCompare:
    def test_differences_of_configuration_come_first(self, put: Put) -> None:
        put("a")
        put("b", objective={"beta": 4.0})
        at = page("compare", runs="a,b")
        (table,) = [one.proto.body for one in at.get("html") if "ll-table" in one.proto.body]
        assert cells(table) == ["Option", "A", "B", "β", "objective.beta", "1", "4"]
        assert sentences(at) == []

    def test_a_beta_that_was_moved_by_hand_is_a_difference(self, put: Put) -> None:
        put("a")
        moved = put("b")
        moved.rename("<b>")
        with MetricsWriter(moved.metrics_path) as writer:
            line = {"event": "beta", "step": 3, "epoch": 0.3, "seconds": 1.0}
            writer.write({**line, "before": 1.0, "beta": 4.0, "by_hand": True})
        at = page("compare", runs="a,b")
        (table,) = [one.proto.body for one in at.get("html") if "ll-table" in one.proto.body]
        assert cells(table) == [
            *("Option", "A", "<b> · β 1 → 4"),
            *("β while training", "changed by hand", "1", "1 → 4"),
        ]

    def test_chosen_runs_are_measured_unasked_and_kept(self, put: Put) -> None:
        runs = [put("a"), put("b", objective={"beta": 4.0}), put("c")]
        page("compare", runs="a,b")
        settled()
        assert [kept(run) is not None for run in runs] == [True, True, False]
        at = page("compare", runs="a,b")
        assert button(at, "Measure 1 more run").click().run().exception == []
        settled()
        assert kept(runs[2]) is not None

    def test_an_example_is_measured_and_not_touched(self, put: Put) -> None:
        run = put("a", shipped=True)
        put("b")
        before = sorted(path.name for path in run.path.iterdir())
        page("compare", runs="a,b")
        settled()
        assert test_metrics.kept(run) is not None
        assert sorted(path.name for path in run.path.iterdir()) == before

    def test_figures_of_other_pixels_stand_in_a_plane_of_their_own(self, put: Put) -> None:
        put("a")
        put("b", data={"binarize": "threshold"})
        at = page("compare", runs="a,b")
        assert "Their pixels differ" in captions(at)
        titles = [one.value.replace("\\", "") for one in at.markdown]
        assert any("grey pixels" in title for title in titles)
        assert any("pixels thresholded at 0.5" in title for title in titles)

    def test_a_run_that_is_gone_is_told_and_the_others_are_compared(self, put: Put) -> None:
        put("a")
        put("b")
        at = page("compare", runs="a,gone,b")
        (sentence,) = sentences(at)
        assert "Run 'gone' was not found" in sentence
        assert at.query_params["runs"] == "a,b"

    @pytest.mark.parametrize("runs", ["../a", "a,b,c,d,e,f,g", "", "a b"])
    def test_a_bad_list_is_told_and_two_comparable_runs_are_shown(self, put: Put, runs: str) -> None:
        put("b")
        put("a")
        at = page("compare", run="a", runs=runs)
        assert sentences(at)[0].startswith("The link's runs must be 1 to 6 ids of runs")
        assert at.query_params["runs"] == "a,b"

    def test_a_sweep_is_put_into_the_queue_and_shown(self, put: Put, root: Path) -> None:
        put("a")
        at = page("compare", runs="a")
        next(box for box in at.text_input if box.label == "Values of β").set_value("0.5 2")
        next(box for box in at.text_input if box.label == "Name").set_value("try")
        button(at, "Start the runs").click().run()
        assert not at.exception
        assert sorted(path.name for path in root.iterdir()) == [
            "a",
            "try-beta-0.5-seed-0",
            "try-beta-2-seed-0",
        ]
        assert (at.query_params["sweep"], at.query_params["plane"]) == ("try", "sweep")

    def test_failed_points_of_a_sweep_are_told_and_trained_again_alone(
        self, put: Put, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queued: list[str] = []
        monkeypatch.setattr(trainers, "start", lambda run: queued.append(run.id))
        names = ["try-beta-1-seed-0", "try-beta-2-seed-0", "try-beta-4-seed-0"]
        runs = [
            put(name, objective={"beta": beta}) for name, beta in zip(names, (1.0, 2.0, 4.0), strict=True)
        ]
        runs[1].write_status(runs[1].status().replace(state="failed", error="the disk was full"))
        runs[2].write_status(runs[2].status().replace(state="stopped"))
        put("other")
        at = page("compare", runs="other", plane="sweep")
        assert at.query_params["sweep"] == "try"  # whoever started it
        told = " ".join(sentences(at)).replace("\\", "")
        for words in ("2 of 3 runs", "the disk was full", "stopped at step"):
            assert words in told, words
        button(at, "Train these 2 again").click().run()
        assert not at.exception
        assert sorted(queued) == names[1:]

    def test_a_sweep_that_is_gone_is_told(self, put: Put) -> None:
        put("a")
        at = page("compare", runs="a", plane="sweep", sweep="lost")
        assert any("Sweep 'lost' was not found" in sentence for sentence in sentences(at))
        assert at.query_params["plane"] == "all"

    def test_without_a_chosen_run_the_plane_still_shows_those_that_are_there(self, put: Put) -> None:
        put("a")
        put("b")
        at = page("compare", runs="gone")
        assert button(at, "Measure 2 more runs")
        assert not at.exception

    def test_a_bad_sweep_is_refused_in_a_sentence(self, put: Put, root: Path) -> None:
        put("a")
        at = page("compare", runs="a")
        next(box for box in at.text_input if box.label == "Values of β").set_value("-1")
        button(at, "Start the runs").click().run()
        assert sentences(at)[0].startswith("beta must be >= 0")
        assert [path.name for path in root.iterdir()] == ["a"]


class TestEvaluate:
    def test_figures_say_what_they_were_measured_by(self, put: Put) -> None:
        run = put("a")
        page("evaluate", run="a")
        settled()
        at = page("evaluate", run="a")
        found = kept(run)
        assert found is not None
        values = {metric.label: metric.value for metric in at.metric}
        assert values["−ELBO, nats"] == f"{found.best.printed()[0]:.2f} ± {found.best.standard_error:.2f}"
        said = captions(at)
        for words in (
            "N = 359",
            "seed 7",
            "grey pixels",
            "Bernoulli likelihood",
            f"step {found.best.step:,} of {found.step:,}",
        ):
            assert words in said, words

    def test_a_bound_is_measured_kept_and_there_the_next_time(self, put: Put) -> None:
        run = put("a")
        at = page("evaluate", run="a", k="50", images="100", seed="5")
        button(at, "Measure the bound").click().run()
        settled()
        (bound,) = saved_bounds.kept(run).bounds
        assert (bound.k, bound.num_images, bound.seed, bound.step) == (50, 100, 5, run.status().step)
        again = page("evaluate", run="a", k="50", images="100", seed="5")
        values = {metric.label: metric.value for metric in again.metric}
        assert values["Bound on −log p(x), k = 50"] == f"{-bound.log_prob:.2f} ± {bound.standard_error:.2f}"
        other = page("evaluate", run="a", k="50", images="100", seed="5", proposal="mixture")
        assert "Not measured with these settings yet" in captions(other)
        button(other, "Measure the bound").click().run()
        settled()
        assert [one.kind for one in saved_bounds.kept(run).bounds] == ["importance", "mixture"]

    def test_annealing_stands_beside_the_importance_weighted_bound_of_the_same_images(self, put: Put) -> None:
        run = put("a")
        at = page("evaluate", run="a", annealed="10", steps="100", seed="5")
        button(at, "Measure by annealing").click().run()
        settled()
        annealed, weighted = saved_bounds.kept(run).bounds
        assert [annealed.kind, weighted.kind] == ["annealed", "importance"]
        assert (annealed.num_images, annealed.seed) == (weighted.num_images, weighted.seed) == (10, 5)
        assert annealed.log_prob == pytest.approx(weighted.log_prob, abs=0.2)
        at = page("evaluate", run="a", annealed="10", steps="100", seed="5")
        values = {metric.label: metric.value for metric in at.metric}
        assert values["−log p(x) by annealing, nats"].startswith(f"{-annealed.log_prob:.2f}")
        assert values["Importance-weighted, k = 5,000"].startswith(f"{-weighted.log_prob:.2f}")

    def test_a_density_whose_parts_are_negative_has_no_bar_of_shares_and_no_failure(self, put: Put) -> None:
        run = put("a")
        page("evaluate", run="a")
        settled()
        path = run.path / "evaluation.json"
        values = json.loads(path.read_text())
        best = values["best"] | {"distortion": -40.0, "elbo": 40.0 - values["best"]["rate"]}
        path.write_text(json.dumps(values | {"best": best}))
        at = page("evaluate", run="a")
        assert not at.exception
        assert (
            next(metric for metric in at.metric if metric.label.startswith("Reconstruction")).value
            == "-40.00"
        )

    def test_in_a_presentation_the_results_are_shown_and_nothing_is_to_be_set(self, put: Put) -> None:
        from tests.vae.evaluation.test_saved_bounds import bound

        run = put("a")
        saved_bounds.keep(run, bound=bound(step=run.status().step))
        at = page("evaluate", run="a", present="1")
        assert any(metric.label.startswith("Bound on −log p(x)") for metric in at.metric)
        assert not any("Measure" in one.label for one in at.button)

    def test_a_tiny_effective_size_is_warned_of(self, put: Put) -> None:
        from tests.vae.evaluation.test_saved_bounds import bound

        run = put("a")
        sentence = "the weights of half the images have a tiny effective size"
        saved_bounds.keep(run, bound=bound(k=500, warnings=[sentence], step=run.status().step))
        at = page("evaluate", run="a")
        assert [one.rstrip(".").lower() for one in sentences(at)] == [sentence]

    def test_more_than_two_dimensions_have_no_truth_to_show(self, put: Put, root: Path) -> None:
        shipped = Path(settings.__file__).parents[1] / "assets" / "models" / "mnist-16d"
        shutil.copytree(shipped, root / "deep")
        at = page("evaluate", run="deep")
        titles = {word for one in at.get("html") for word in cells(one.proto.body)}
        assert "Importance-weighted bound" in titles
        assert "Exact log p(x)" not in titles

    def test_a_run_without_weights_is_told_in_a_sentence(self, put: Put) -> None:
        run = put("a")
        for name in ("checkpoints", "snapshots"):
            shutil.rmtree(run.path / name)
        (run.path / "live.safetensors").unlink(missing_ok=True)
        at = page("evaluate", run="a")
        assert "has no weights" in at.info[0].value.replace("\\", "")
