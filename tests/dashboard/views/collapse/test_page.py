"""The page Collapse, run without a browser: what it says of β, of runs that have nothing to show, and of a bad link."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from dashboard import settings
from dashboard.cache import datasets, diagnoses
from dashboard.shell import encoder_lag
from dashboard.views.evaluate import bounds
from tests.support.pages_without_browser import button, page, sentences
from tests.support.settling import settled
from vae.data.dataset import Dataset
from vae.evaluation import inference_lag
from vae.experiments.failure_modes import RECIPES
from vae.objectives.effective_beta import effective_beta
from vae.runs.run import Run
from vae.runtime.number_format import readable


@pytest.fixture(autouse=True)
def root(empty_runs: Path) -> Path:
    return empty_runs


@pytest.fixture
def run(root: Path, trained_run: Run) -> Run:
    shutil.copytree(trained_run.path, root / "one")
    return Run.open(root / "one")


def words(at: Any) -> str:
    """All that the page says in text, what stands behind help icons too."""
    found = [one.value for kind in (at.markdown, at.caption, at.info) for one in kind]
    found += [one.proto.help for one in at.caption]
    found += [re.sub("<[^>]*>", " ", node.proto.body) for node in at.get("html")]
    return " ".join(found).replace("\\", "").replace("\N{WORD JOINER}", "")


class TestUnits:
    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ("1,784,16,mean,sum,nats,0", effective_beta(1, 784, 16, reconstruction="mean over pixels")),
            (
                "0.5,3072,64,mean,mean,squared,0.1",
                effective_beta(
                    0.5,
                    3072,
                    64,
                    reconstruction="mean over pixels",
                    divergence="mean over dimensions",
                    error="squared error",
                    sigma=0.1,
                ),
            ),
        ],
    )
    def test_the_answer_to_a_link_is_the_librarys(self, asked: str, expected: Any) -> None:
        at = page("collapse", tab="units", units=asked)
        assert [metric.value for metric in at.metric] == [readable(expected.effective_beta)]
        said = words(at)
        assert expected.sentence in said
        assert f"β·D/pixels {expected.normalised_beta:.3g}" in said
        assert asked in at.query_params["units"]

    def test_what_is_chosen_is_answered_and_goes_into_the_link(self) -> None:
        at = page("collapse", tab="units", units="1,784,16,sum,sum,nats,0")
        assert at.metric[0].value == "1"
        at.selectbox(key="units:reconstruction").set_value("mean").run()
        assert at.metric[0].value == "784"
        assert "1,784,16,mean,sum,nats,0" in at.query_params["units"]

    def test_the_panel_begins_with_the_run(self, run: Run) -> None:
        at = page("collapse", run="one", tab="units")
        boxes = {box.label: box.value for box in at.number_input}
        found = (boxes["β in your code"], boxes["Values per image"], boxes["Latent dimensions"])
        assert found == (1.0, 64, run.config.model.latent_dim)


class TestLinks:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("tab", "elsewhere"),
            ("threshold", "7000"),
            ("heat", "colour"),
            ("units", "1,784"),
            ("before", "../up"),
        ],
    )
    def test_a_bad_value_is_told_and_the_page_is_there(self, run: Run, name: str, value: str) -> None:
        tab = {"tab": "units"} if name == "units" else {}
        at = page("collapse", run="one", **{**tab, name: value})
        (sentence,) = sentences(at)
        assert sentence.startswith(f"The link's {name} must be ")
        assert repr(value) in sentence
        assert not at.exception

    def test_a_run_before_that_is_gone_is_told(self, run: Run) -> None:
        at = page("collapse", run="one", before="gone")
        (sentence,) = sentences(at)
        assert "gone" in sentence
        assert "before" not in at.query_params


class TestRuns:
    def test_without_a_run_there_are_the_recipes(self) -> None:
        at = page("collapse")
        assert "There is no run yet" in words(at)
        keys = [one.key for one in at.button]
        assert [f"recipe:{name}" for name in RECIPES] == [
            key for key in keys if str(key).startswith("recipe:")
        ]

    def test_a_recipe_makes_its_run_and_shows_it(self, root: Path) -> None:
        at = page("collapse", tab="recipes")
        at.button(key="recipe:beta-too-high").click().run()
        assert not at.exception
        (made,) = root.iterdir()
        assert made.name in at.query_params["run"]
        assert "tab" not in at.query_params
        assert Run.open(made).config == RECIPES["beta-too-high"].config

    def test_a_cure_of_ones_own_run_stands_beside_it(self, run: Run, root: Path) -> None:
        at = page("collapse", run="one")
        at.button(key="cure:one:free-bits").click().run()
        assert not at.exception
        assert "one" in at.query_params["before"]
        (made,) = [path for path in root.iterdir() if path.name != "one"]
        assert Run.open(made).config.objective.free_bits > 0
        assert Run.open(made).config.train == run.config.train
        said = words(at)
        assert f"Before: {run.name}" in said
        assert f"After: {Run.open(made).name}" in said
        button(at, "Leave the comparison").click().run()
        assert "before" not in at.query_params

    def test_cures_follow_the_verdict_and_only_they_look_like_cures(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def icons(verdict: str) -> dict[str, str]:
            found = {"verdict": {"name": verdict}}
            monkeypatch.setattr(diagnoses, "told", lambda run, at, threshold: found)
            buttons = [
                one for one in page("collapse", run="one").button if str(one.key).startswith("cure:one:")
            ]
            return {str(one.key).removeprefix("cure:one:"): one.icon for one in buttons}

        healing, other = ":material/healing:", ":material/replay:"
        early = icons("early-collapse")
        assert next(iter(early)) == "warm-up"
        assert early["warm-up"] == healing
        assert early["capacity"] == other
        high = icons("over-regularised")
        assert not {"warm-up", "cyclical", "encoder-steps"} & set(high)
        assert set(high.values()) == {healing}
        assert set(icons("healthy").values()) == {other}

    @pytest.mark.parametrize(
        ("state", "error", "expected"),
        [
            ("diverged", "the loss became infinite", "This run diverged: the loss became infinite"),
            ("failed", "the disk is full", "This run failed: the disk is full"),
        ],
    )
    def test_why_a_run_ended_before_its_time_is_told(
        self, run: Run, state: str, error: str, expected: str
    ) -> None:
        run.write_status(run.status().replace(state=state, error=error))
        assert sentences(page("collapse", run="one")) == [expected]

    def test_a_run_that_has_not_begun_is_told(self, digits: Dataset, root: Path) -> None:
        Run.create(root / "new", RECIPES["healthy"].config, digits.info())
        at = page("collapse", run="new")
        assert "has not been trained yet" in words(at)
        assert "64 pixels, 2 latent dimensions" in words(at)

    def test_a_run_of_somebodys_own_loop_is_shown_without_cures(self, run: Run) -> None:
        path = run.path / "config.json"
        values = json.loads(path.read_text())
        values["config"]["model"] |= {"network": "external"}
        path.write_text(json.dumps(values))
        at = page("collapse", run="one")
        assert not [one for one in at.button if str(one.key).startswith("cure:")]
        assert "effective β unknown (the scale of your loop's terms is not known" in words(at)
        said = {"reconstruction_ratio": 1 / 64, "kl_ratio": 1.0, "num_comparisons": 3, "batch_size": 32}
        with run.metrics_path.open("a") as file:
            file.write(
                json.dumps({"step": 60, "epoch": 3.0, "seconds": 1.0, "event": "scale", **said}) + "\n"
            )
        line = "effective β 64 (measured in your loop, which reports β = 1), β·D/pixels 2."
        assert line in words(page("collapse", run="one"))


class TestLag:
    def test_one_measurement_is_kept_in_the_run_and_shown_on_both_pages(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(encoder_lag, "NUM_IMAGES", 2)
        monkeypatch.setattr(encoder_lag, "NUM_MOMENTS", 2)
        at = page("collapse", run="one")
        button(at, "Measure the lag").click().run()
        settled()
        expected = inference_lag.encoder_lag(run, datasets.dataset(run), num_images=2, num_moments=2)
        found = bounds.kept(run).lag
        assert [one.gap for one in found] == [one.to_dict()["gap"] for one in expected]
        told = f"Measured at step {run.status().step:,}."
        for name in ("collapse", "evaluate"):
            at = page(name, run="one")
            assert not at.exception
            assert told in words(at)
            assert "2 probe images" in words(at)
            assert not [one for one in at.button if "Measure the lag" in one.label]
            settled()
        run.write_status(run.status().replace(step=run.status().step + 1))
        at = page("collapse", run="one")
        assert bounds.kept(run).lag == found
        assert "The run has been trained further since." in words(at)
        button(at, "Measure the lag again")

    def test_more_dimensions_have_none(self) -> None:
        shipped = Path(settings.__file__).parents[1] / "assets" / "models" / "mnist-16d"
        deep = Run.open(shipped)
        assert "one or two latent dimensions" in encoder_lag.why_not(deep)
