"""Share on the page Runs: what is asked, the work beside the page, and the download."""

from __future__ import annotations

import io
import itertools
import json
import re
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import settings
from dashboard.cache import lru
from dashboard.jobs.queue import background
from dashboard.link import session
from dashboard.server import exports
from dashboard.views.runs import share_section
from tests.browser.server import wait_until
from tests.dashboard.server.test_exports import Fetched
from vae import browser
from vae.runs.run import Run

pytestmark = [
    pytest.mark.skipif(not browser.runtime_files(), reason="onnxruntime-web was not built in"),
    pytest.mark.usefixtures("one_core"),
]


@pytest.fixture
def run(trained_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv(settings.RUNS_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setattr(settings, "shipped_root", lambda: tmp_path / "shipped")
    lru.clear()
    shutil.copytree(trained_run.path, tmp_path / "runs" / "one")
    yield Run.open(tmp_path / "runs" / "one")
    for token in list(exports._ready):
        exports.forget(token)
    lru.clear()


def script() -> None:
    from dashboard.link import session
    from dashboard.shell import run_picker
    from dashboard.views.runs.page import page

    run_picker.draw(needed=False)
    page()
    session.settle()


def opened(run: Run) -> AppTest:
    at = AppTest.from_function(script, default_timeout=60)
    at.session_state[session.SELECTED] = run.id
    at.run()
    assert not at.exception
    return at.button(key="runs-share").click().run()


def html(at: AppTest) -> str:
    return " ".join(str(one.proto.body) for one in at.get("html"))


def made(at: AppTest, run: Run) -> AppTest:
    at.button(key=f"runs-share-make:{run.id}").click().run()
    wait_until(lambda: not background.open("share:"), "the site was not made", 60)
    return at.run()


def test_a_folder_is_made_beside_the_page_and_downloaded_as_a_zip(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vae.browser import share as sharing

    threads: list[str] = []
    whole = sharing.share
    monkeypatch.setattr(
        sharing, "share", lambda *a, **k: threads.append(threading.current_thread().name) or whole(*a, **k)
    )
    at = opened(run)
    at.segmented_control(key=f"runs-share-as:{run.id}").set_value("folder").run()
    at = made(at, run)
    assert not at.exception and threads == ["measurements"]
    (token,) = exports._ready
    size = exports.find(exports._ready[token][0].key).size  # type: ignore[union-attr]
    assert f"api/exports/{token}" in html(at) and f"Download {size / 1e6:.1f} MB" in html(at)
    said = [one.value.replace("\\", "").replace("\N{WORD JOINER}", "") for one in at.caption]
    assert any(sentence.startswith("Left out: The images of the dataset") for sentence in said)
    answer = Fetched(token)
    assert answer.headers["content-disposition"] == 'attachment; filename="one-site.zip"'
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert {"site/index.html", "site/site.json"} <= set(archive.namelist())
    assert json.loads(archive.read("site/site.json"))["runs"][0]["missing"]
    assert [path.name for path in settings.runs_root().iterdir()] == ["one"]  # no scratch folder is left


def test_one_file_with_the_images_and_their_licence(run: Run) -> None:
    at = opened(run)
    at.checkbox(key=f"runs-share-images:{run.id}").check().run()
    assert any("no licence was given" in one.value for one in at.caption)
    at.text_input(key=f"runs-share-licence:{run.id}").set_value("CC BY 4.0").run()
    at = made(at, run)
    (token,) = exports._ready
    answer = Fetched(token)
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-disposition"] == 'attachment; filename="one-site.html"'
    assert re.search(rb'data-file="runs/[a-z0-9-]+/originals-test"', answer.content)
    # Another choice is another site.
    at.checkbox(key=f"runs-share-images:{run.id}").uncheck().run()
    assert "api/exports" not in html(at)
    assert at.button(key=f"runs-share-make:{run.id}")


def test_what_does_not_fit_is_said_in_a_sentence(run: Run) -> None:
    at = opened(run)
    at.number_input(key=f"runs-share-most:{run.id}").set_value(2).run()
    at = made(at, run)
    assert next(error.value for error in at.error).startswith("the site must have at most 2 MB")
    assert not exports._ready and not at.exception


def test_a_run_whose_images_are_gone_cannot_share_them(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share_section.datasets, "missing_images", lambda run: "its images are not here")
    at = opened(run)
    assert at.checkbox(key=f"runs-share-images:{run.id}").disabled


def test_a_run_without_weights_has_nothing_to_share(run: Run) -> None:
    for path in [*run.path.rglob("*.safetensors"), *run.path.glob("snapshots/*/*.json")]:
        path.unlink()
    for path in run.path.glob("snapshots/*"):
        path.rmdir()
    at = AppTest.from_function(script, default_timeout=60)
    at.session_state[session.SELECTED] = run.id
    at.run()
    assert at.button(key="runs-share").disabled


def test_the_form_closes_again(run: Run) -> None:
    at = opened(run)
    assert [box for box in at.checkbox if box.key == f"runs-share-images:{run.id}"]
    at.button(key="runs-share").click().run()
    assert not [box for box in at.checkbox if box.key == f"runs-share-images:{run.id}"]


def test_a_site_of_a_run_that_trains_on_meanwhile_is_there_in_the_end(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, drawn = share_section._key, itertools.count()
    monkeypatch.setattr(share_section, "_key", lambda run, wanted: f"{usual(run, wanted)}:{next(drawn)}")
    at = made(opened(run), run)
    assert "./api/exports/" in html(at) and len(exports._ready) == 1
    assert any("has changed since" in one.value for one in at.caption)
    assert at.button(key=f"runs-share-make:{run.id}")
