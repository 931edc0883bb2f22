"""The table of runs: rename, delete, and a zip that goes out, comes back, and is refused where it is dangerous."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.thorough import few
from vae.runs.listing import list_runs
from vae.runs.run import Run

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App

#: Height of a row of Streamlit's table, and of its head, in pixels.
ROW = 35

HOSTILE = ("leaves the folder", "link", "no run", "no zip", "pickle", "picture in a name")


def select(app: App, server: Server, run: Run) -> None:
    """Click into the box before a run's row. The table is a canvas: places are all that it has."""
    own = [found.id for found in list_runs(server.runs) if isinstance(found, Run)]
    app.open("runs", run=run.id)
    table = app.page.locator('[data-testid="stDataFrame"]')
    table.wait_for()
    app.idle()
    box = table.bounding_box()
    app.page.mouse.click(box["x"] + 20, box["y"] + ROW * (own.index(run.id) + 1.5))
    app.page.get_by_role("heading", name=run.name, exact=True).wait_for()
    app.idle()


def names(server: Server) -> set[str]:
    """All that is in the folder of runs, hidden or not."""
    return {path.name for path in server.runs.iterdir()}


def upload(app: App, file: Path) -> None:
    """Give the page a zip file, and press Import."""
    app.page.locator('[data-testid="stFileUploader"] input[type=file]').set_input_files(file)
    app.page.get_by_text(file.name).wait_for()
    app.idle()
    app.button("Import").click()


@pytest.fixture
def run(server: Server, shelf: Shelf, request: pytest.FixtureRequest) -> Run:
    """A run for one test."""
    return shelf.put(
        "digits", server, f"run-{abs(hash(request.node.name)) % 10**6}", f"Before {request.node.name[:60]}"
    )


@pytest.mark.thorough
def test_run_gets_another_name(app: App, server: Server, run: Run) -> None:
    select(app, server, run)
    app.button("Rename").click()
    dialog = app.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("After: β = 4")
    dialog.get_by_role("button", name="Rename", exact=True).click()
    app.page.get_by_role("heading", name="After: β = 4", exact=True).wait_for()
    assert Run.open(run.path).name == "After: β = 4"
    picker = app.page.locator('[data-testid="stSidebar"]').get_by_label("Run", exact=True)
    # While the new picker takes the old one's place, both are there for a moment.
    app.until(
        lambda: picker.evaluate_all("found => found.map(({ value }) => value)") == ["After: β = 4"],
        "the picker has the old name",
    )


@pytest.mark.thorough
def test_runs_of_one_name_stay_apart(app: App, server: Server, shelf: Shelf) -> None:
    for run_id in ("twin-a", "twin-b"):
        shelf.put("digits", server, run_id, "Twins")
        app.open("generate", run=run_id)
        app.button("Sample again").click()
        app.until(lambda: app.query().get("seed") == "1", "nothing was drawn")
        assert app.query()["run"] == run_id
    app.page.locator('[data-testid="stSidebar"]').get_by_label("Run", exact=True).click()
    app.page.get_by_role("option", name="Twins · twin-a", exact=True).click()
    app.until(lambda: app.query()["run"] == "twin-a", "the other run was not shown")


def test_run_is_deleted_after_a_question_only(app: App, server: Server, run: Run) -> None:
    select(app, server, run)
    app.button("Delete").click()
    dialog = app.page.get_by_role("dialog")
    dialog.get_by_text("cannot be undone").wait_for()
    app.page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert run.path.is_dir()
    app.button("Delete").click()
    dialog.get_by_role("button", name="Delete for good").click()
    app.until(lambda: not run.path.exists(), "it is still there")
    dialog.wait_for(state="hidden")
    assert not [name for name in names(server) if "delete" in name]


def test_run_goes_out_as_a_zip_and_comes_back(app: App, server: Server, run: Run, tmp_path: Path) -> None:
    select(app, server, run)
    app.button("Export").click()
    offered = app.page.get_by_role("dialog").get_by_role("link", name="Download")
    with app.page.expect_download() as waiting:
        offered.click()
    file = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(file)
    assert file.name == f"{run.id}.zip"
    before = names(server)
    app.page.keyboard.press("Escape")
    app.page.get_by_role("dialog").wait_for(state="hidden")
    app.idle()
    upload(app, file)
    app.until(
        lambda: len(names(server)) > len(before) and app.query()["run"] != run.id, "it was not imported"
    )
    (name,) = names(server) - before
    assert app.query()["run"] == name
    again = Run.open(server.runs / name)
    assert (again.config, again.name, again.snapshots()) == (run.config, run.name, run.snapshots())
    assert again.metrics_path.read_bytes() == run.metrics_path.read_bytes()
    app.open("explore", "image", run=name)
    assert app.alerts() == []


@pytest.mark.thorough
def test_run_is_shared_as_one_file_that_opens_from_disk(
    app: App, server: Server, run: Run, tmp_path: Path
) -> None:
    before = names(server)
    select(app, server, run)
    app.button("Share").click()
    app.button("Make the site").click()
    link = app.page.locator('a[href*="api/exports/"]')
    link.wait_for(timeout=60_000)
    assert app.page.get_by_text("Left out: The images of the dataset").is_visible()
    with app.page.expect_download() as got:
        link.click()
    assert got.value.suggested_filename == f"{run.id}-site.html"
    got.value.save_as(tmp_path / "site.html")
    page = app.page.context.new_page()
    page.goto((tmp_path / "site.html").as_uri())
    page.locator(".part.sliders").wait_for()
    assert page.title().startswith(run.name)
    page.close()
    assert names(server) == before


def hostile(kind: str, folder: Path, run: Run) -> Path:
    """A zip file that must be refused."""
    file = folder / f"bad-{HOSTILE.index(kind)}.zip"
    if kind == "no zip":
        file.write_bytes(b"PK\x03\x04 and then something else")
        return file
    with zipfile.ZipFile(file, "w") as archive:
        if kind == "leaves the folder":
            archive.write(run.path / "config.json", "config.json")
            archive.writestr("../../outside.json", "{}")
        elif kind == "link":
            archive.write(run.path / "config.json", "config.json")
            info = zipfile.ZipInfo("metrics.jsonl")
            info.external_attr = 0o120777 << 16
            archive.writestr(info, "/etc/passwd")
        elif kind == "no run":
            archive.writestr("notes.json", "{}")
        elif kind == "pickle":
            archive.write(run.path / "config.json", "config.json")
            archive.writestr("checkpoints/last.pt", b"cos\nsystem\n")
        else:
            archive.write(run.path / "config.json", "config.json")
            archive.writestr("![](http://elsewhere.example/x.png).json", "{}")
    return file


@pytest.mark.parametrize("kinds", few([("leaves the folder", "picture in a name"), HOSTILE], 1), ids=len)
def test_hostile_zip_is_refused_in_a_sentence_and_leaves_nothing(
    app: App, server: Server, run: Run, tmp_path: Path, kinds: tuple[str, ...]
) -> None:

    def there() -> tuple[set[str], set[str]]:
        # What the server keeps in its cache of other pages is no matter of this one.
        beside = {path.name for path in server.runs.parent.iterdir()} - {server.cache.name}
        return names(server), beside

    before = there()
    app.open("runs", run=run.id)
    said: list[str] = []
    for kind in kinds:
        upload(app, hostile(kind, tmp_path, run))
        (sentence,) = app.until(
            lambda told=said: (now := app.alerts()) != told and now, f"{kind}: nothing was said"
        )
        said = [sentence]
        assert 20 < len(sentence) < 400, kind
        assert "Traceback" not in sentence
        assert there() == before, kind
        assert app.query()["run"] == run.id
    assert not [address for address in app.addresses if "elsewhere.example" in address]
