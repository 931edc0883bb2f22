"""`vae share`: what is written, and what is not."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
from pathlib import Path

import pytest

from vae import browser
from vae.browser import packed_arrays, palette, site_files
from vae.browser.share import Shared, share
from vae.cli.main import main
from vae.errors import UserError
from vae.runs.run import Run
from vae.runs.run_dataset import images_of

MODELS = Path(__file__).resolve().parents[3] / "assets" / "models"
HOSTILE = "</script><img src=x onerror=alert(1)> {files}"
pytestmark = pytest.mark.skipif(not browser.runtime_files(), reason="onnxruntime-web was not built in")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Two runs, of which one has a hostile name."""
    root = tmp_path_factory.mktemp("private-place")
    copy = root / "secret-id"
    shutil.copytree(MODELS / "digits-conditional", copy)
    (copy / "name.json").write_text(json.dumps({"name": HOSTILE}))
    runs = [Run.open(MODELS / "digits-2d"), Run.open(copy)]
    return share(runs, root / "site")


def contents(path: Path) -> dict[str, bytes]:
    return {one.relative_to(path).as_posix(): one.read_bytes() for one in path.rglob("*") if one.is_file()}


def unpacked(page: str) -> dict[str, bytes]:
    """The files that one HTML file holds."""
    held = re.findall(r'<script type="text/plain" data-file="([^"]+)">([A-Za-z0-9+/=]*)</script>', page)
    return {name: gzip.decompress(base64.b64decode(text)) for name, text in held}


def test_every_module_is_the_apps_own_file_and_comes_once(folder: Shared) -> None:
    files = contents(folder.path)
    modules = {name.removeprefix("browser/"): content for name, content in files.items() if "/" in name}
    modules = {name: content for name, content in modules.items() if name.endswith((".js", ".css"))}
    assert {"lib/decoder.js", "sliders/sliders.js", "map/map.js", "image_source/image_source.js"} <= set(
        modules
    )
    for name, content in modules.items():
        assert content == browser.files()[name].read_bytes(), name
    app = Path(browser.FOLDER).parents[1] / "dashboard"
    for adapter in ("components/map/map.js", "views/explore/image_source/image_source.js"):
        mounted = re.search(r'from "(?:\.\./)+vae/browser/([^"]+)"', (app / adapter).read_text())
        assert mounted and mounted[1] in modules


def test_the_parts_that_come_later_are_those_of_the_page() -> None:
    module = (browser.FOLDER / "site" / "site.js").read_text("utf-8")
    named = re.findall(r'\{ module: "([^"]+)"', module)
    assert tuple(named) == site_files._PARTS
    page = site_files._preloads({"runs/a/best/decoder.onnx": b""})
    assert "browser/image/image.js" in page and "browser/map/map.js" not in page
    assert 'href="runs/a/best/decoder.onnx"' in page


def test_no_image_of_the_dataset_and_nothing_of_the_machine_is_in_it(folder: Shared) -> None:
    files = contents(folder.path)
    images = images_of(Run.open(MODELS / "digits-2d"))
    some = [images.images[row].numpy().tobytes() for row in images.test[:40]]
    assert not any("originals" in name for name in files if name.startswith("runs/"))
    private = [
        b"secret-id",
        b"private-place",
        str(Path.home()).encode() + b"/",
        str(MODELS).encode(),
        b"site-packages",
    ]
    for name, content in files.items():
        if name.startswith(("browser/", "runtime/")):
            continue
        assert [one for one in some if one in content] == [], name
        assert [word for word in private if word in content] == [], name


def test_a_hostile_name_is_text(folder: Shared) -> None:
    page = (folder.path / "index.html").read_text()
    assert "<img" not in page and "&lt;img src=x onerror=alert(1)&gt;" in page
    about = json.loads((folder.path / "site.json").read_text())
    assert [run["name"] for run in about["runs"]] == ["Digits, 2-D", HOSTILE]
    assert all(re.fullmatch(r"[a-z0-9-]+", run["id"]) for run in about["runs"])


def test_what_is_left_out_is_said_there_too(folder: Shared) -> None:
    assert any("--with-images" in sentence for sentence in folder.left_out)
    about = json.loads((folder.path / "site.json").read_text())
    assert all(run["left_out"] for run in about["runs"])
    assert folder.num_bytes <= 25e6


def test_originals_come_when_they_are_asked_for_with_their_licence(tmp_path: Path) -> None:
    run = Run.open(MODELS / "digits-conditional")
    found = share([run], tmp_path / "site", with_images=True, licence="CC BY 4.0")
    files = contents(found.path)
    (name,) = [name for name in files if name.endswith("originals-test")]
    arrays, _ = packed_arrays.unpack(gzip.decompress(files[name]))
    images = images_of(run)
    assert (arrays["images"] == images.images[images.test].numpy()).all()
    assert json.loads(files["site.json"])["licence"] == "CC BY 4.0"


def test_one_file_holds_everything_and_forbids_to_ask_elsewhere(tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(MODELS / "digits-conditional", copy)
    (copy / "name.json").write_text(json.dumps({"name": HOSTILE}))
    found = share([Run.open(copy)], tmp_path / "out.html", single_file=True)
    page = found.path.read_text()
    files = unpacked(page)
    assert {"site.json", "modules.json", "styles.json", "runtime/ort.wasm.min.mjs"} <= set(files)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy and policy[1].startswith("default-src 'none'") and "http" not in policy[1]
    assert "onerror" not in re.sub(r"&lt;.*?&gt;", "", page.split("<style")[0])
    assert page.count("<title>") == 1 and found.num_bytes == found.path.stat().st_size < 10e6


def test_snapshots_that_do_not_fit_are_left_out_evenly(tmp_path: Path) -> None:
    run = Run.open(MODELS / "digits-2d")
    found = share([run], tmp_path / "site", max_mb=16.0)
    listed = json.loads((found.path / "runs" / "digits-2-d" / "snapshots").read_text())["snapshots"]
    steps = [one["step"] for one in listed]
    assert 2 <= len(steps) < len(run.snapshots())
    assert steps[0] == run.snapshots()[0] and steps[-1] == run.snapshots()[-1]
    assert any("snapshots of the time machine" in sentence for sentence in found.left_out)
    assert found.num_bytes <= 16e6


def test_targets_that_are_in_the_way_are_refused(tmp_path: Path) -> None:
    run = [Run.open(MODELS / "digits-conditional")]
    full = tmp_path / "full"
    full.mkdir()
    (full / "notes.txt").write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    page = tmp_path / "out.html"
    page.write_text("mine")
    for target, single, words in (
        (full, False, "not there yet or empty"),
        (page, False, "not there yet or empty"),
        (link, False, "must be no link"),
        (page, True, "must not be there yet"),
        (tmp_path / "out.txt", True, "must end in .html"),
        (tmp_path / "gone" / "out.html", True, "a folder that is there"),
    ):
        with pytest.raises(UserError, match=words):
            share(run, target, single_file=single)
    assert (full / "notes.txt").read_text() == page.read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()


def test_a_site_that_cannot_fit_is_refused_with_its_size(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"at most 5 MB, got 1\d\.\d"):
        share([Run.open(MODELS / "digits-conditional")], tmp_path / "site", max_mb=5)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["share", "{run}"], "one place to write to, got neither"),
        (["share", "{run}", "--to", "a", "--single-file", "b.html"], "one place to write to, got both"),
        (["share", "no/such/run", "--to", "a"], "no/such/run"),
        (["share", "{run}", "--to", "a", "--max-mb", "0"], "--max-mb must be from 1 to 2000"),
        (
            ["share", "{run}", "--to", "a", "--lesson", "09-style-and-class", "--lesson", "01-holes"],
            "of the lesson 09-style-and-class (",
        ),
        (["share", "{run}", "--to", "a", "--lesson", "gone.md"], "cannot read the lesson gone.md"),
    ],
)
def test_the_command_refuses_in_one_sentence(
    words: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = str(MODELS / "digits-conditional")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main([word.replace("{run}", run) for word in words])
    assert end.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and said[0].startswith("error: ") and sentence in said[0]


def test_colours_that_stand_in_a_style_sheet_are_the_palettes() -> None:
    sheet = (browser.FOLDER / "site" / "theme.css").read_text("utf-8")
    light, dark = sheet.split(':root[data-theme="dark"]')
    for theme, text in (("light", light), ("dark", dark)):
        for name, colours in (("background", palette.BACKGROUND), ("text", palette.TEXT)):
            assert f"--site-{name}: {colours[theme].lower()};" in text
