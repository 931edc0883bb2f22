"""Every page, run without a browser: what it says of good runs, of none, and of broken ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from streamlit.testing.v1 import AppTest

from dashboard import settings
from dashboard.cache import lru
from dashboard.cache.datasets import missing_images
from dashboard.jobs.queue import background
from dashboard.jobs.trainers import trainers
from dashboard.shell import latent_view, run_picker
from dashboard.views.explore.image_source import Posterior
from dashboard.views.explore.paths import Said
from dashboard.views.generate import images, parts
from tests.browser.server import wait_until
from vae.data.dataset import Dataset
from vae.data.types import DataError
from vae.diagnostics.label_leakage import label_leak
from vae.latent.aggregate_posterior import prior_gap
from vae.latent.embedding import embed, kept_embedding
from vae.latent.generation import every_class, fit_mixture
from vae.runs.run import Run
from vae.runs.snapshots import load_model, load_weights
from vae.runs.status import Status, this_host

MAIN = Path(run_picker.__file__).parents[1] / "main.py"
SHIPPED = Path(run_picker.__file__).parents[2] / "assets" / "models"
PAGES = ("train", "explore", "map", "generate", "collapse", "evaluate", "compare", "runs")


def beta_slider(at: AppTest) -> Any:
    """The slider of the run's β; a new one takes its place when β is changed elsewhere."""
    return next(slider for slider in at.select_slider if str(slider.key).startswith("beta:good"))


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty folder of runs, none of them shipped, and no trainer that starts."""
    monkeypatch.setenv(settings.RUNS_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setattr(settings, "shipped_root", lambda: tmp_path / "shipped")
    monkeypatch.setattr(trainers, "start", lambda run: None)
    lru.clear()
    yield tmp_path / "runs"
    lru.clear()


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


@pytest.fixture
def conditional(root: Path) -> Run:
    """A copy of the shipped conditional run of the digits."""
    shutil.copytree(SHIPPED / "digits-conditional", root / "conditional")
    return Run.open(root / "conditional")


def script(name: str) -> None:
    """What main.py does for one page: the pages are functions, which AppTest cannot switch to."""
    from importlib import import_module

    from dashboard.link import session
    from dashboard.shell import run_picker
    from dashboard.shell.navigation import NEED_A_RUN

    run_picker.draw(needed=name in NEED_A_RUN)
    import_module(f"dashboard.views.{name}.page").page()
    run_picker.tell()
    session.settle()


def page(name: str, **query: str) -> AppTest:
    at = AppTest.from_function(script, args=(name,), default_timeout=60)
    for key, value in query.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception
    return at


def sentences(at: AppTest) -> list[str]:
    """Errors and warnings, as they read; several of the same kind are a list."""
    found = [
        alert.value.replace("\\", "").replace("\N{WORD JOINER}", "") for alert in (*at.error, *at.warning)
    ]
    return [said.removeprefix("- ") for alert in found for said in alert.split("\n")]


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


class TestChooser:
    def test_runs_of_one_name_have_titles_of_their_own(self, put: Put) -> None:
        runs = [put(run_id, name="Twin") for run_id in ("a", "b")] + [put("c", name="Twin · a")]
        titles = run_picker.titles(runs)
        assert len(set(titles.values())) == 3
        assert all(title.startswith("Twin") for title in titles.values())
        for run in runs:
            at = page("generate", run=run.id)
            button(at, "Sample again").click().run()
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
        assert run_picker.titles([run]) == {"shown": "Shown · example"}

    def test_own_run_hides_an_example_of_its_id(self, put: Put) -> None:
        put("same", shipped=True)
        own = put("same", name="Own")
        runs, broken = run_picker.all_runs()
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

    def test_link_to_a_test_image_shows_its_posterior_s_mean(self, put: Put) -> None:
        run = put("good")
        found = kept_embedding(run)
        assert found is not None
        at = page("explore", run="good", posterior="3")
        z = [float(value) for value in at.query_params["z"].split(",")]
        assert z == pytest.approx(found.mean[3].tolist(), abs=1e-4)
        assert at.query_params["posterior"] == "3"
        away = page("explore", run="good", posterior="3", z="40,40")
        assert away.query_params["z"] == "40,40"
        assert "posterior" not in away.query_params

    @pytest.mark.parametrize("name", ["explore", "map"])
    def test_image_that_was_chosen_at_a_snapshot_is_of_that_encoders_posterior(
        self, put: Put, digits: Dataset, name: str
    ) -> None:
        run = put("good")
        step, row, kept = run.snapshots()[0], 7, kept_embedding(run)
        weights = load_weights(run, step)
        weights["encoder.mean.bias"] += 20  # so that the snapshot's posterior is not the best weights'
        save_file(weights, run.snapshot_dir(step) / "weights.safetensors")
        then = embed(load_model(run, step), digits)
        assert kept is not None
        mean = {at: found.mean[row].tolist() for at, found in ((step, then), ("best", kept))}
        for z in mean.values():
            query = {"z": ",".join(f"{value:.4f}" for value in z), "posterior": str(row)}
            at = page(name, run="good", at=str(step), **query)
            assert sentences(at) == []
            assert at.query_params["posterior"] == str(row), (
                "of the snapshot's, or still of the best weights'"
            )
        at = page(name, run="good", posterior=str(row), z=",".join(map(str, mean[step])))
        assert "posterior" not in at.query_params
        if name == "explore":
            at = page(name, run="good", at=str(step), posterior=str(row))
            z = [float(value) for value in at.query_params["z"].split(",")]
            assert z == pytest.approx(mean[step], abs=1e-4)

    def test_posterior_of_a_snapshot_is_that_of_the_image_as_the_page_encodes_it(
        self, put: Put, monkeypatch: pytest.MonkeyPatch, digits: Dataset
    ) -> None:
        run = put("good")
        step = run.snapshots()[1]
        monkeypatch.setattr("dashboard.shell.time_machine.at", lambda run: step)
        then = embed(load_model(run, step), digits)
        found = latent_view.posterior(run, 5)
        assert found is not None and isinstance(found[0], Posterior)
        torch.testing.assert_close(torch.tensor(found[0].mean), then.mean[5])
        torch.testing.assert_close(torch.tensor(found[0].sigma), (0.5 * then.log_var[5]).exp())
        # Without its images, what training kept is all there is.
        values = json.loads((run.path / "config.json").read_text())
        values["info"]["fingerprint"] = "0" * 16
        (run.path / "config.json").write_text(json.dumps(values))
        kept = kept_embedding(run)
        found = latent_view.posterior(Run.open(run.path), 5)
        assert found is not None and kept is not None
        torch.testing.assert_close(torch.tensor(found[0].mean), kept.mean[5])

    def test_point_that_moves_along_a_path_leaves_the_drawings_posterior(
        self, conditional: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        query = {"z": "1,-1", "posterior": "drawing", "drawing": "AQQXmgFmzAEA", "stops": "n1_n5"}
        said = Said()
        monkeypatch.setattr("dashboard.views.explore.paths_section.paths", lambda *_, **__: said)
        at = page("explore", run="conditional", **query)
        assert at.query_params["posterior"] == "drawing"
        said = Said(z=[0.5, 0.25])
        at = page("explore", run="conditional", **query)
        assert at.query_params["z"] == "0.5,0.25"
        assert "posterior" not in at.query_params
        assert at.query_params["drawing"] == query["drawing"]

    def test_what_makes_the_view_is_kept_in_the_link(self, conditional: Run) -> None:
        given = {"z": "1,0.5", "y": "3", "mix": "8,0.25", "range": "prior", "panel": "draw"}
        at = page("explore", run="conditional", **given)
        assert {name: at.query_params[name] for name in given} == given

    def test_bad_values_of_a_link_are_told_and_the_defaults_are_shown(self, conditional: Run) -> None:
        at = page("explore", run="conditional", mix="10,0.5", range="wide", panel="<b>", posterior="-1")
        said = sorted(sentences(at))
        names = ("mix", "panel", "posterior", "range")
        assert [words.split(" must be ")[0] for words in said] == [f"The link's {name}" for name in names]
        assert (at.query_params["range"], at.query_params["panel"]) == ("data", "test")
        assert "mix" not in at.query_params and "posterior" not in at.query_params

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
        button(at, "Sample again").click().run()
        assert at.query_params["seed"] == "8"

    def test_run_without_labels_offers_no_class(self, put: Put) -> None:
        put("good")
        at = page("generate", run="good", y="3")
        (modes,) = at.segmented_control
        assert modes.options == ["Samples", "Prior and posterior", "Label leak"]
        assert any("is unconditional" in caption.value for caption in at.caption)

    @pytest.mark.parametrize("mode", ["samples", "styles", "transfer", "mix", "leak"])
    def test_every_mode_of_a_conditional_run_is_drawn_and_in_the_link(
        self, conditional: Run, mode: str
    ) -> None:
        at = page("generate", run=conditional.id, mode=mode)
        assert sentences(at) == []
        assert at.query_params["mode"] == mode
        settings_of = {
            "samples": {"num": "36", "temperature": "1", "seed": "0", "y": "0"},
            "styles": {"rows": "5", "temperature": "1", "seed": "0"},
            "transfer": {"from": "image", "image": "0"},
            "mix": {"y": "0", "to": "1", "from": "seed", "temperature": "1", "seed": "0"},
            "leak": {},
        }
        assert dict(at.query_params) == {"run": conditional.id, "mode": mode, **settings_of[mode]}

    def test_leak_probe_shows_the_librarys_numbers(self, conditional: Run) -> None:
        embedding = kept_embedding(conditional)
        assert embedding is not None
        found = label_leak(embedding)
        at = page("generate", run=conditional.id, mode="leak")
        assert [metric.value for metric in at.metric] == [
            f"{found.accuracy:.1%} ± {found.standard_error:.1%}",
            f"{found.chance:.1%}",
            "180",
        ]
        said = [text.value.replace("\\", "") for text in at.markdown]
        assert f"**{found.verdict(conditional=True)}**" in said

    def test_gap_between_prior_and_posterior_is_the_librarys(self, put: Put) -> None:
        run = put("good")
        at = page("generate", run="good", mode="compare", components="2", limit="0.5", rows="3")
        assert sentences(at) == []
        embedding = kept_embedding(run)
        assert embedding is not None
        found = prior_gap(embedding, fit_mixture(embedding, (2,)))
        for metric, of in zip(at.metric, (found.prior_to_aggregate, found.aggregate_to_prior), strict=False):
            assert metric.value == f"{of.mean:.2f} ± {of.standard_error:.2f}"
        assert found.misfit is not None
        words = " ".join(caption.value.replace("\\", "") for caption in at.caption)
        assert (
            f"aggregate posterior by KL {found.misfit.mean:.2f} ± {found.misfit.standard_error:.2f} nats"
            in words
        )
        assert at.query_params["components"] == "2"
        captions = [caption.value.replace("\\", "") for caption in at.caption]
        assert any("the prior, cut off at ±0.5 in every coordinate" in words for words in captions)
        grids = [html.proto.body.count("<img") for html in at.get("html")]
        assert [num for num in grids if num] == [9, 9, 9, 1, 1, 1]

    def test_mode_that_the_run_cannot_have_is_told_and_samples_are_shown(self, put: Put) -> None:
        put("good")
        at = page("generate", run="good", mode="styles")
        assert sentences(at) == ["“Style × class” needs a conditional run; samples are shown instead."]
        assert at.query_params["mode"] == "samples"

    @pytest.mark.parametrize(
        ("mode", "name", "text", "default"),
        [
            ("samples", "mode", "video", "samples"),
            ("styles", "rows", "11", "5"),
            ("transfer", "image", "359", "0"),
            ("transfer", "from", "<b>", "image"),
            ("mix", "to", "10", "1"),
        ],
    )
    def test_bad_value_is_told_and_the_default_is_shown(
        self, conditional: Run, mode: str, name: str, text: str, default: str
    ) -> None:
        at = page("generate", **{"run": conditional.id, "mode": mode, name: text})
        (sentence,) = sentences(at)
        assert sentence.startswith(f"The link's {name} must be ")
        assert at.query_params[name] == default

    def test_point_of_explore_is_offered_where_there_is_one(self, conditional: Run) -> None:
        at = page("generate", run=conditional.id, mode="transfer", z="1,-1", **{"from": "point"})
        assert sentences(at) == []
        shown = "".join(html.proto.body for html in at.get("html"))
        model, z = load_model(conditional), torch.tensor([[1.0, -1.0]])
        for image in every_class(model, z)[0].numpy():
            assert images.address(image) in shown
        assert at.query_params["from"] == "point"
        at = page("generate", run=conditional.id, mode="transfer", **{"from": "point"})
        assert any("no drawing and no point yet" in info.value for info in at.info)
        assert "Open Explore" in [button.label for button in at.button]
        assert "z from" not in [
            control.label for control in page("generate", run=conditional.id, mode="mix").segmented_control
        ]

    def test_drawing_of_explore_is_the_usual_source_of_a_style_transfer_and_stands_beside_it(
        self, conditional: Run
    ) -> None:
        query = {"z": "1,-1", "posterior": "drawing", "drawing": "AQQXmgFmzAEA"}
        at = page("generate", run=conditional.id, mode="transfer", **query)
        assert sentences(at) == []
        assert at.query_params["from"] == "point"
        assert {name: at.query_params[name] for name in query} == query
        shown = "".join(html.proto.body for html in at.get("html"))
        assert 'alt="Your drawing"' in shown
        assert any("the posterior of your drawing" in caption.value for caption in at.caption)
        at = page("generate", run=conditional.id, mode="transfer", **query, **{"from": "image"})
        assert at.query_params["from"] == "image"

    def test_drawing_is_not_encoded_anew_by_other_weights_and_the_page_says_so(
        self, put: Put, conditional: Run
    ) -> None:
        assert parts.whose(conditional) == "", "there are no other weights"
        assert "the time machine here changes only the decoder" in parts.whose(put("good"))

    def test_originals_that_are_not_here_are_told_and_the_rest_is_shown(self, conditional: Run) -> None:
        values = json.loads((conditional.path / "config.json").read_text())
        values["info"]["fingerprint"] = "0" * 16
        (conditional.path / "config.json").write_text(json.dumps(values))
        at = page("generate", run=conditional.id, mode="transfer", image="5")
        assert sentences(at) == []
        assert any("Images not available" in caption.value for caption in at.caption)
        shown = "".join(html.proto.body for html in at.get("html"))
        assert shown.count("<img") == 8 + 10


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


class TestPresentation:
    def test_presentation_names_the_run_hides_settings_and_can_be_left(self, put: Put) -> None:
        put("good", name="Good <b>")
        at = AppTest.from_file(str(MAIN), default_timeout=60)
        at.query_params["present"] = "1"
        at.run()
        assert not at.exception
        assert at.header[0].value.replace("\\", "") == "Explore · Good <b>"
        assert not at.sidebar.selectbox
        assert not at.sidebar.button
        assert at.query_params["present"] == "1"
        button(at, "Leave presentation").click().run()
        assert at.header[0].value == "Explore"
        assert "present" not in at.query_params
        button(at, "Present").click().run()
        assert at.query_params["present"] == "1"

    def test_settings_of_the_link_stay_in_force_while_they_are_hidden(self, put: Put) -> None:
        put("good")
        at = page("generate", run="good", present="1", num="9", temperature="0.5", seed="3")
        assert not at.slider
        assert not at.number_input
        assert {"num": "9", "temperature": "0.5", "seed": "3"}.items() <= dict(at.query_params).items()
        button(at, "Sample again").click().run()
        assert at.query_params["seed"] == "4"

    def test_way_out_stands_at_the_edge_of_the_map_too_and_the_link_says_which_images(self, put: Put) -> None:
        put("good")
        at = page("map", run="good", part="train")
        assert [control.label for control in at.segmented_control] == ["Images"]
        at = page("map", run="good", part="train", present="1")
        assert not at.segmented_control
        assert at.query_params["part"] == "train"
        assert button(at, "Leave presentation").key not in [
            found.key for column in at.columns for found in column.button
        ]

    def test_other_than_1_is_told_and_nothing_is_hidden(self, put: Put) -> None:
        put("good")
        at = AppTest.from_file(str(MAIN), default_timeout=60)
        at.query_params["present"] = "yes"
        at.run()
        assert sentences(at) == [
            "The link's present must be 1, or left out, got 'yes'; the default is shown instead."
        ]
        assert at.header[0].value == "Explore"
        assert "present" not in at.query_params


class TestTrain:
    def test_stopped_run_can_go_on_and_the_form_is_open(self, put: Put) -> None:
        run = put("good")
        run.write_status(run.status().replace(state="stopped"))
        at = page("train", run="good")
        assert button(at, "Continue training")
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
        labels = {button.label for button in at.button}
        assert "Train" in labels
        assert not labels & {"Pause", "Stop", "Step", "Continue training"}
        assert "β, the weight of the KL" not in {slider.label for slider in at.select_slider}


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
        assert "![p]" not in page("train", run=run.id, present="1").header[0].value
        assert page("runs", run=run.id).dataframe[0].value["Name"][0] == name
