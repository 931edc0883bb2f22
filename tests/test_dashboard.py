"""Every page, run without a browser: what it says of good runs, of none, and of broken ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import chooser, model_cache, settings
from dashboard.trainers import trainers
from vae.runs import Run
from vae.status import Status, this_host

MAIN = Path(chooser.__file__).with_name("main.py")
PAGES = ("train", "explore", "map", "generate", "runs")


def beta_slider(at: AppTest) -> Any:
    """The slider of the run's β; a new one takes its place when β is changed elsewhere."""
    return next(slider for slider in at.select_slider if str(slider.key).startswith("beta:good"))


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty folder of runs, none of them shipped, and no trainer that starts."""
    monkeypatch.setenv(settings.RUNS_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setattr(settings, "shipped_root", lambda: tmp_path / "shipped")
    monkeypatch.setattr(trainers, "start", lambda run: None)
    model_cache.clear()
    yield tmp_path / "runs"
    model_cache.clear()


Put = Callable[..., Run]


@pytest.fixture
def put(root: Path, trained_run: Run) -> Put:
    """Copies the short trained run: ``put("a", name="…", shipped=True)``."""

    def copy(run_id: str, *, name: str | None = None, shipped: bool = False) -> Run:
        folder = settings.shipped_root() if shipped else root
        shutil.copytree(trained_run.path, folder / run_id)
        run = Run.open(folder / run_id)
        if name is not None:
            run.rename(name)
        return run

    return copy


def script(name: str) -> None:
    """What main.py does for one page: the pages are functions, which AppTest cannot switch to."""
    from importlib import import_module

    from dashboard import chooser
    from dashboard.navigation import NEED_A_RUN

    chooser.draw(needed=name in NEED_A_RUN)
    import_module(f"dashboard.views.{name}").page()
    chooser.tell()


def page(name: str, **query: str) -> AppTest:
    at = AppTest.from_function(script, args=(name,), default_timeout=60)
    for key, value in query.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception
    return at


def sentences(at: AppTest) -> list[str]:
    """Errors and warnings, as they read."""
    found = [*at.error, *at.warning]
    return [alert.value.replace("\\", "").replace("\N{WORD JOINER}", "") for alert in found]


def button(at: AppTest, label: str) -> Any:
    return next(button for button in at.button if button.label == label)


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
        assert sentence.startswith("There is no run '../../elsewhere' here")
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

    @pytest.mark.parametrize("name", ["explore", "map", "generate"])
    def test_run_without_weights_is_told(self, put: Put, name: str) -> None:
        run = put("fresh")
        for left in ("checkpoints", "snapshots"):
            shutil.rmtree(run.path / left)
        for left in ("live.safetensors", "latent.safetensors"):
            (run.path / left).unlink()
        (sentence,) = sentences(page(name, run="fresh"))
        assert "fresh" in sentence or "weights" in sentence


class TestChooser:
    def test_runs_of_one_name_have_titles_of_their_own(self, put: Put) -> None:
        runs = [put(run_id, name="Twin") for run_id in ("a", "b")] + [put("c", name="Twin · a")]
        titles = chooser._titles(runs)
        assert len(set(titles.values())) == 3
        assert all(title.startswith("Twin") for title in titles.values())
        for run in runs:
            at = page("generate", run=run.id)
            button(at, "Draw again").click().run()
            assert at.query_params["run"] == run.id

    def test_picking_another_run_begins_at_its_own_point(self, put: Put) -> None:
        put("a"), put("b")
        at = page("explore", run="a", z="1,2")
        assert at.query_params["z"] == "1,2"
        at.sidebar.selectbox[0].set_value("b").run()
        assert not at.exception
        assert (at.query_params["run"], at.query_params["z"]) == ("b", "0,0")

    def test_example_is_marked(self, put: Put) -> None:
        run = put("shown", name="Shown", shipped=True)
        assert chooser._titles([run]) == {"shown": "Shown · example"}

    def test_own_run_hides_an_example_of_its_id(self, put: Put) -> None:
        put("same", shipped=True)
        own = put("same", name="Own")
        runs, broken = chooser.all_runs()
        assert [run.path for run in runs] == [own.path]
        assert broken == []


class TestExplore:
    def test_point_of_the_link_is_kept(self, put: Put) -> None:
        put("good")
        assert page("explore", run="good", z="1.5,-0.25").query_params["z"] == "1.5,-0.25"

    @pytest.mark.parametrize("z", ["1", "a,b", "nan,nan", "9999,0"])
    def test_bad_point_is_told_and_the_mean_is_shown(self, put: Put, z: str) -> None:
        put("good")
        at = page("explore", run="good", z=z)
        (sentence,) = sentences(at)
        assert sentence.startswith("The link's z must be 2 numbers")
        assert at.query_params["z"] == "0,0"

    def test_numbers_say_what_they_were_computed_from(self, put: Put) -> None:
        run = put("good")
        words = next(
            caption.value for caption in at_captions("explore", run) if "KL in nats" in caption.value
        )
        assert f"over {run.info.num_test} test images" in words


def at_captions(name: str, run: Run) -> Any:
    return page(name, run=run.id).caption


class TestGenerate:
    def test_seed_temperature_and_number_come_from_the_link(self, put: Put) -> None:
        put("good")
        at = page("generate", run="good", seed="7", temperature="0.5", num="9")
        assert {slider.label: slider.value for slider in at.slider} == {"Images": 9, "Temperature": 0.5}
        assert at.number_input[0].value == 7
        button(at, "Draw again").click().run()
        assert at.query_params["seed"] == "8"

    def test_run_without_labels_offers_no_class(self, put: Put) -> None:
        put("good")
        at = page("generate", run="good", y="3")
        assert not at.get("segmented_control")
        assert any("trained without labels" in caption.value for caption in at.caption)


class TestTrain:
    def test_stopped_run_can_go_on_and_the_form_is_open(self, put: Put) -> None:
        run = put("good")
        run.write_status(run.status().replace(state="stopped"))
        at = page("train", run="good")
        assert button(at, "Train on")
        assert button(at, "Train")
        assert beta_slider(at).disabled

    def test_wishes_reach_the_run(self, put: Put) -> None:
        run = put("good")
        with run.lock():
            run.write_status(Status(state="running", pid=1, host=this_host(), heartbeat=1e10))
            at = page("train", run="good")
            beta_slider(at).set_value(4).run()
            assert run.control().beta == 4
            button(at, "Pause").click().run()
            assert run.control().command == "pause"
            run.write_status(run.status().replace(state="paused"))
            at.run()
            button(at, "Step").click().run()
            assert run.control().steps == 1
            button(at, "Resume").click().run()
            assert run.control().command == "run"
            button(at, "Stop").click().run()
            assert run.control().command == "stop"
            assert not at.exception

    def test_beta_that_was_changed_elsewhere_moves_the_slider(self, put: Put) -> None:
        run = put("good")
        with run.lock():
            run.write_status(Status(state="running", pid=1, host=this_host(), heartbeat=1e10))
            at = page("train", run="good")
            run.request(beta=2.5)
            at.run()
            assert beta_slider(at).value == 2.5

    def test_error_of_the_trainer_is_shown(self, put: Put) -> None:
        run = put("good")
        run.write_status(Status(state="diverged", error="the loss must stay finite; try *less*"))
        assert "the loss must stay finite; try *less*" in sentences(page("train", run="good"))

    def test_example_is_watched_and_not_steered(self, put: Put) -> None:
        put("shown", shipped=True)
        at = page("train", run="shown")
        assert [button.label for button in at.button] == ["Train"]
        assert at.subheader[0].value == "shown"


class TestRuns:
    def test_table_has_a_row_for_each_run_and_a_warning_for_each_broken_one(
        self, put: Put, root: Path
    ) -> None:
        put("one", name="First"), put("two", name="Second")
        (root / "three").mkdir()
        (root / "three" / "config.json").write_text("[]")
        at = page("runs", run="one")
        assert sorted(at.dataframe[0].value["Name"]) == ["First", "Second"]
        (sentence,) = sentences(at)
        assert sentence.startswith("three: ")

    def test_name_is_shown_letter_by_letter(self, put: Put) -> None:
        name = "<b>x</b> **b** ![p](http://a.example/p.png)"
        run = put("odd", name=name)
        assert "![p]" not in page("train", run=run.id).subheader[0].value
        assert page("runs", run=run.id).dataframe[0].value["Name"][0] == name
