"""Every page, run without a browser: what it says of good runs, of none, and of broken ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import settings
from dashboard.cache.datasets import missing_images
from dashboard.jobs.queue import background
from dashboard.shell import run_picker
from tests.browser.server import wait_until
from tests.support.pages_without_browser import MAIN, PAGES, SHIPPED, Put, page, sentences
from vae.data.types import DataError
from vae.runs.run import Run

pytestmark = pytest.mark.usefixtures("empty_runs")


class TestStart:
    def test_first_address_leads_to_explore_on_an_example(self, put: Put) -> None:
        put("digits-2d", shipped=True)
        at = AppTest.from_file(str(MAIN), default_timeout=60).run()
        assert not at.exception
        assert at.header[0].value == "Explore"
        assert at.query_params["run"] == "digits-2d"

    def test_first_address_without_any_run_says_what_to_do(self) -> None:
        at = AppTest.from_file(str(MAIN), default_timeout=60).run()
        assert not at.exception
        assert "no run yet" in at.info[0].value

    def test_own_finished_run_comes_before_the_examples(self, put: Put) -> None:
        put("mnist-2d", shipped=True)
        put("mine")
        assert page("explore").query_params["run"] == "mine"

    def test_example_that_opens_first_has_its_images_and_a_time_machine(self) -> None:
        run = Run.open(SHIPPED / run_picker.FIRST[0])
        assert missing_images(run) == ""
        assert len(run.snapshots()) == 30
        assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) <= 15e6


class TestPages:
    @pytest.mark.parametrize("name", PAGES)
    def test_page_shows_a_run_without_a_complaint(self, put: Put, name: str) -> None:
        run = put("good", name="Good")
        at = page(name, run=run.id)
        assert at.header[0].value == name.capitalize()
        assert sentences(at) == []
        assert at.sidebar.selectbox[0].value == "good"

    @pytest.mark.parametrize("name", PAGES)
    def test_page_works_without_any_run(self, name: str) -> None:
        at = page(name)
        assert sentences(at) == []
        assert len(at.info) == 1

    @pytest.mark.parametrize("name", PAGES)
    def test_unknown_run_is_told_and_another_is_shown(self, put: Put, name: str) -> None:
        put("good")
        at = page(name, run="../../elsewhere")
        (sentence,) = sentences(at)
        assert sentence.startswith("Run '../../elsewhere' was not found")
        assert at.query_params["run"] == "good"

    def test_broken_run_is_told_with_its_reason(self, put: Put) -> None:
        put("good")
        run = put("broken")
        (run.path / "config.json").write_text("{")
        (sentence,) = sentences(page("explore", run="broken"))
        assert "config.json" in sentence

    def test_newer_run_is_told_with_its_remedy(self, put: Put) -> None:
        put("good")
        run = put("newer")
        values = json.loads((run.path / "config.json").read_text())
        (run.path / "config.json").write_text(json.dumps({**values, "format": 2}))
        (sentence,) = sentences(page("explore", run="newer"))
        assert "newer version" in sentence
        assert "upgrade" in sentence

    @pytest.mark.parametrize("name", ["explore", "map", "generate", "evaluate"])
    def test_run_without_weights_is_told_and_shown_when_they_come(self, put: Put, name: str) -> None:
        run = put("fresh")
        checkpoints = run.path / "checkpoints"
        checkpoints.rename(run.path / "later")
        shutil.rmtree(run.path / "snapshots")
        for left in ("live.safetensors", "latent.safetensors"):
            (run.path / left).unlink()
        at = page(name, run="fresh")
        assert not sentences(at)
        assert "has no weights (finished), and it is not training now" in at.info[0].value
        (run.path / "later").rename(checkpoints)
        at.run()
        assert not sentences(at)
        assert not any("no weights" in info.value for info in at.info)

    def test_what_a_link_says_of_a_run_that_is_not_here_goes_with_it(self, put: Put) -> None:
        put("good")
        at = page("explore", run="elsewhere", z="1,1", posterior="3", range="prior")
        (sentence,) = sentences(at)
        assert sentence.startswith("Run 'elsewhere' was not found")
        assert (at.query_params["z"], at.query_params["range"]) == ("0,0", "prior")
        assert "posterior" not in at.query_params

    @pytest.mark.parametrize("name", ["explore", "map", "generate"])
    def test_condition_is_refused_by_a_run_without_one(self, put: Put, name: str) -> None:
        put("good")
        at = page(name, run="good", y="3", mix="1,0.5")
        told = "must be left out, because this run is not conditional, got "
        assert [words.split(told)[0] for words in sentences(at)] == ["The link's y ", "The link's mix "]
        assert not {"y", "mix"} & set(at.query_params)

    def test_moment_of_a_run_without_snapshots_is_refused(self, conditional: Run) -> None:
        at = page("explore", run="conditional", at="77")
        (sentence,) = sentences(at)
        assert sentence.startswith(
            "The link's at must be left out, because this run has no snapshots, got '77'"
        )
        assert "at" not in at.query_params

    def test_two_dimensions_are_shown_as_they_are(self, put: Put) -> None:
        put("good")
        at = page("map", run="good", projection="tsne")
        (sentence,) = sentences(at)
        assert "projection must be pca, or left out, for a run with one or two latent dimensions" in sentence
        assert at.query_params["projection"] == "pca"


class TestImagesOfAPublicSet:
    def test_they_are_offered_beside_every_page_of_a_run_that_lacks_them(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, put: Put
    ) -> None:
        def fetch(name: str, root: Path | None, progress: Callable[..., None]) -> None:
            asked.append(name)
            progress("images", 1, 2)
            if len(asked) == 1:
                raise DataError("could not be fetched")

        asked: list[str] = []
        put("digits")
        monkeypatch.setattr(settings, "shipped_root", lambda: SHIPPED)
        monkeypatch.setattr("vae.data.readers.torchvision.download", fetch)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        at = AppTest.from_file(str(MAIN), default_timeout=60)
        at.query_params["run"] = "mnist-2d"
        at.run()
        assert not asked

        def fetched() -> str:
            next(found for found in at.sidebar.button if found.label == "Download MNIST").click().run()
            shown = at.sidebar.get("html")
            wait_until(lambda: not background.open("download:"), "the download did not end")
            return "".join(node.proto.body for node in [*shown, *at.run().sidebar.get("html")])

        fetched()
        assert [error.value for error in at.sidebar.error] == ["could not be fetched"]
        assert not at.exception
        assert "location.reload" in fetched()
        assert asked == ["mnist", "mnist"]
        at.query_params["run"] = "digits"
        at.run()
        assert not [found for found in at.sidebar.button if "Download" in found.label]
