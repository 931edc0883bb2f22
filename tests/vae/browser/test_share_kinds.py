"""Runs of every kind as a site: a clean result that says what is left out, or one sentence."""

from __future__ import annotations

import base64
import getpass
import gzip
import json
import re
import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.short_runs import TRAIN, create, train
from vae import browser
from vae.browser import packed_arrays, site_files
from vae.browser import share as sharing
from vae.browser.share import Shared, share
from vae.browser.shared_run import gather, plain_json
from vae.config.schema import DataConfig, ModelConfig, RunConfig
from vae.diagnostics.diagnose import diagnose
from vae.errors import UserError
from vae.lessons.parsing import parse_lesson
from vae.runs.newest_weights import newest
from vae.runs.run import Run
from vae.runs.run_dataset import images_of

MODELS = Path(__file__).resolve().parents[3] / "assets" / "models"
BRIEF = TRAIN.replace(epochs=1, num_snapshots=2, batch_size=64)
#: A name that would end a script, begin an element, break a line of JavaScript, or turn the reading direction.
HOSTILE = "</script><!--<img src=x onerror=alert(1)>\"'&\u2028\u2029\u202eabc\u05d0\u0627{title}"
pytestmark = [
    pytest.mark.skipif(not browser.runtime_files(), reason="onnxruntime-web was not built in"),
    pytest.mark.usefixtures("one_core"),
]


def contents(path: Path) -> dict[str, bytes]:
    return {one.relative_to(path).as_posix(): one.read_bytes() for one in path.rglob("*") if one.is_file()}


def about(shared: Shared) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared.path / "site.json").read_bytes())
    return found


def of_runs(shared: Shared) -> dict[str, bytes]:
    """What the site holds besides the browser library and the runtime."""
    return {
        name: content
        for name, content in contents(shared.path).items()
        if not name.startswith(("browser/", "runtime/"))
    }


def assert_nothing_of_the_machine(shared: Shared, *more: str) -> None:
    words = [str(Path.home()) + "/", "site-packages", "/tmp/", str(MODELS), *more]
    # Short names are found in the noise of weights too: as whole words, only where there is text.
    names = [socket.gethostname(), getpass.getuser()]
    for name, content in of_runs(shared).items():
        assert [word for word in words if word.encode() in content] == [], name
        if not name.endswith((".onnx", "-test")):
            text = content.decode()
            assert [word for word in names if re.search(rf"\b{re.escape(word)}\b", text)] == [], name


def own_images(path: Path, *, channels: int = 3, names: tuple[str, ...] = ("bar", "spot")) -> DataConfig:
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (120, 8, 6, channels), np.uint8)
    np.savez(path, images=images, labels=np.array(names)[np.arange(120) % len(names)])
    return DataConfig(name="npz", path=path)


@pytest.mark.parametrize(
    ("model", "views"),
    [
        ({"latent_dim": 1}, {"map"}),
        ({"latent_dim": 20}, {"map"}),
        ({"network": "conv", "channels": (4, 8)}, {"map"}),
        ({"conditional": True}, {"map"}),
    ],
    ids=["one dimension", "twenty dimensions", "conv", "conditional"],
)
def test_a_run_of_each_kind_is_shared_whole(model: dict[str, Any], views: set[str], tmp_path: Path) -> None:
    run = train(tmp_path / "private-id", RunConfig(model=ModelConfig(hidden=(8,), **model), train=BRIEF))
    run.rename("A run")
    shared = share([Run.open(run.path)], tmp_path / "site")
    (told,) = about(shared)["runs"]
    assert told["latent_dim"] == run.config.model.latent_dim and len(told["dims"]) == told["latent_dim"]
    assert told["map"] and told["diagnosis"] == "last"
    assert (told["mixture"] is None) == run.config.model.conditional
    if told["mixture"]:
        assert len(told["mixture"]["points"][0]) == told["latent_dim"]
    files = of_runs(shared)
    listed = json.loads(files[f"runs/{told['id']}/snapshots"])["snapshots"]
    assert [one["step"] for one in listed] == list(run.snapshots())
    assert all(f"runs/{told['id']}/{one['step']}/decoder.onnx" in files for one in listed)
    assert_nothing_of_the_machine(shared, "private-id", tmp_path.name)


def test_colour_images_of_ones_own_with_and_without_their_file(tmp_path: Path) -> None:
    config = RunConfig(
        data=own_images(tmp_path / "holiday.npz"),
        model=ModelConfig(hidden=(8,), likelihood="gaussian"),
        train=BRIEF,
    )
    run = train(tmp_path / "run", config)
    with_file = share([run], tmp_path / "with", with_images=True, licence="mine alone")
    (told,) = about(with_file)["runs"]
    assert told["shape"] == [3, 8, 6] and told["labels"] == ["bar", "spot"]
    arrays, fields = packed_arrays.unpack(
        gzip.decompress(of_runs(with_file)[f"runs/{told['id']}/originals-test"])
    )
    images = images_of(run)
    assert (arrays["images"] == images.images[images.test].numpy()).all() and fields["part"] == "test"
    assert about(with_file)["licence"] == "mine alone" and told["missing"] == ""
    (tmp_path / "holiday.npz").unlink()
    without = share([run], tmp_path / "without")
    said = " ".join(without.left_out)
    assert "own images are not on the machine" in said and "holiday" not in said
    (told,) = about(without)["runs"]
    assert told["map"] and told["diagnosis"]  # what training kept of them
    assert_nothing_of_the_machine(without, "holiday")
    with pytest.raises(UserError, match="--with-images needs the run's images") as refused:
        share([run], tmp_path / "again", with_images=True)
    assert "holiday" not in str(refused.value) and not (tmp_path / "again").exists()


def test_a_run_without_snapshots_says_so(tmp_path: Path) -> None:
    run = train(tmp_path / "run", RunConfig(model=ModelConfig(hidden=(8,)), train=BRIEF))
    shutil.rmtree(run.path / "snapshots")
    shared = share([Run.open(run.path)], tmp_path / "site")
    (told,) = about(shared)["runs"]
    assert json.loads(of_runs(shared)[f"runs/{told['id']}/snapshots"])["snapshots"] == []
    assert any("time machine" in sentence and "kept no snapshots" in sentence for sentence in shared.left_out)


def test_a_run_that_is_not_trained_yet_is_refused_in_one_sentence(tmp_path: Path) -> None:
    run, _ = create(tmp_path / "run")
    with pytest.raises(UserError) as refused:
        share([run], tmp_path / "site")
    said = str(refused.value)
    assert "\n" not in said and len(said) <= 400 and "train" in said
    assert not (tmp_path / "site").exists()


def test_hostile_names_labels_and_lessons_are_text(tmp_path: Path) -> None:
    config = RunConfig(
        data=own_images(tmp_path / "own.npz", channels=1, names=("<b>one</b>", "</script>{title}two")),
        model=ModelConfig(hidden=(8,), conditional=True),
        train=BRIEF,
    )
    run = train(tmp_path / "run", config)
    (run.path / "name.json").write_text(json.dumps({"name": HOSTILE}))
    run = Run.open(run.path)
    lesson = parse_lesson(
        f"+++\ntitle = '''{HOSTILE[:60]}'''\nminutes = 5\n+++\n\n## {HOSTILE[:60]}\n\n`{{files}}` &lt;b&gt; {{title}}\n"
    )
    shared = share([run], tmp_path / "site", lessons=[lesson])
    page = (shared.path / "index.html").read_text("utf-8")
    assert page.lower().count("<script") == page.lower().count("</script>") == 1
    assert "<img" not in page and "<!--" not in page
    told = about(shared)
    assert sorted(told["runs"][0]["labels"]) == ["</script>{title}two", "<b>one</b>"]
    assert told["runs"][0]["name"] == run.name
    assert told["lessons"][0]["title"] == lesson.title
    file = share([run], tmp_path / "out.html", single_file=True, lessons=[lesson])
    text = file.path.read_text("utf-8")
    held = re.findall(r'<script type="text/plain" data-file="([^"]+)">([A-Za-z0-9+/=]*)</script>', text)
    assert json.loads(gzip.decompress(base64.b64decode(dict(held)["site.json"]))) == told | {
        "files": json.loads(gzip.decompress(base64.b64decode(dict(held)["site.json"])))["files"]
    }
    assert text.lower().count("<script") == len(held) + 1 and "<img" not in text


def test_two_runs_of_one_title_are_two_runs(tmp_path: Path) -> None:
    run = train(tmp_path / "a", RunConfig(model=ModelConfig(hidden=(8,)), train=BRIEF))
    shutil.copytree(run.path, tmp_path / "b")
    both = [Run.open(tmp_path / name) for name in ("a", "b")]
    for one in both:
        one.rename("Same " * 16)
    shared = share([Run.open(one.path) for one in both], tmp_path / "site")
    ids = [told["id"] for told in about(shared)["runs"]]
    assert len(set(ids)) == 2 and all(len(one) <= 43 for one in ids)
    assert all(f"runs/{one}/best/decoder.onnx" in of_runs(shared) for one in ids)
    with pytest.raises(UserError, match=r"each another run, got .* twice"):
        share([both[0], Run.open(both[0].path)], tmp_path / "twice")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("run/site", "outside of the runs"),
        ("run", "outside of the runs"),
        ("run/checkpoints/out.html", "outside of the runs"),
        ("file/site", "must be in a folder"),
        ("link/site", None),
    ],
)
def test_places_for_a_site(target: str, words: str | None, tmp_path: Path) -> None:
    shutil.copytree(MODELS / "digits-conditional", tmp_path / "run")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    before = set(tmp_path.rglob("*"))
    run = Run.open(tmp_path / "run")
    if words is None:  # a folder that was reached by a link is the user's own choice
        return assert_there(share([run], tmp_path / target))
    with pytest.raises(UserError, match=words) as refused:
        share([run], tmp_path / target, single_file=target.endswith(".html"))
    assert len(str(refused.value)) <= 400
    assert set(tmp_path.rglob("*")) == before
    return None


def assert_there(shared: Shared) -> None:
    assert (shared.path / "index.html").is_file()


@pytest.mark.parametrize("name", ["digits-2d", "trained"])
def test_the_diagnosis_is_the_one_that_the_app_shows(name: str, trained_run: Run, tmp_path: Path) -> None:
    from dashboard.cache import diagnoses
    from dashboard.views.collapse import page

    run = trained_run if name == "trained" else Run.open(MODELS / name)
    shared = share([run], tmp_path / "site", max_mb=100)
    (told,) = about(shared)["runs"]
    at = told["diagnosis"]
    assert at == newest(run) == page._weights(run)[0]
    found = json.loads(of_runs(shared)[f"runs/{told['id']}/{at}/diagnosis"])
    shown = json.loads(json.dumps(diagnoses.told(run, at, page.USUAL)))
    assert {key: found[key] for key in found if key not in ("verdict", "remarks")} == {
        key: shown[key] for key in found if key not in ("verdict", "remarks")
    }
    assert found["verdict"]["name"] == shown["verdict"]["name"]
    assert found["verdict"]["evidence"] == shown["verdict"]["evidence"]
    # It is of these weights, and not of others.
    other = diagnose(run, at="best" if at == "last" else "last")
    assert found["rate_per_dim"] != other.to_dict()["rate_per_dim"] or run.id == "short"


@pytest.mark.parametrize("single_file", [False, True])
@pytest.mark.parametrize("name", ["/", "x" * 300 + ".html", "a\0b.html", "x/" + "ü" * 300 + "/s.html"])
def test_a_place_that_no_disk_has_is_refused_in_a_sentence(
    name: str, single_file: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as refused:
        site_files.check_target(Path(name), single_file, [])
    assert len(str(refused.value)) <= 400 and not list(tmp_path.iterdir())


def test_a_folder_into_which_somebody_writes_meanwhile_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("theirs")
    with pytest.raises(UserError, match="must stay empty"):
        site_files.write_folder({}, tmp_path / "site", "a")
    assert [one.name for one in tmp_path.iterdir()] == ["site"]
    assert (tmp_path / "site" / "index.html").read_text() == "theirs"


def test_an_empty_folder_in_which_one_stands_is_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    monkeypatch.chdir(tmp_path / "site")
    site_files.write_folder({}, Path(), "a")
    assert (tmp_path / "site" / "index.html").is_file()


@pytest.mark.parametrize("name", ["CON", "nul", "Aux", "com1", "LPT9"])
def test_a_folder_of_a_run_can_be_made_on_windows(name: str) -> None:
    slug = sharing._slug(name, {})
    assert slug == f"run-{name.lower()}" and sharing._slug(name, {slug: None}) == f"{slug}-2"


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_numbers_that_are_none_are_refused_in_a_sentence(value: float) -> None:
    with pytest.raises(UserError, match="must be finite"):
        plain_json({"rate": [value]})
    assert plain_json({"name": "\ud800 ü"}).decode("ascii") == '{"name":"\\ud800 \\u00fc"}'


def no_name(folder: Path) -> None:
    (folder / "name.json").unlink()


def a_broken_name(folder: Path) -> None:
    (folder / "name.json").write_text("{")


def a_name_that_is_none(folder: Path) -> None:
    (folder / "name.json").write_text(json.dumps({"name": "\ud800"}))


@pytest.mark.parametrize("change", [no_name, a_broken_name, a_name_that_is_none])
def test_the_folder_of_a_run_without_a_name_is_not_told(change: Any, tmp_path: Path) -> None:
    folder = tmp_path / "smith-exam-2026"
    shutil.copytree(MODELS / "digits-conditional", folder)
    change(folder)
    shared = share([Run.open(folder)], tmp_path / "site")
    assert about(shared)["runs"][0]["name"].startswith("conditional VAE of Digits")
    for path in shared.path.rglob("*"):
        assert "smith" not in path.relative_to(shared.path).as_posix()
        assert not path.is_file() or b"smith-exam" not in path.read_bytes(), path


def test_snapshots_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(MODELS / "digits-2d", folder)

    def spoil(done: int, _: int) -> None:
        if done == 1:  # after they were listed, as where somebody deletes the run meanwhile
            shutil.rmtree(folder / "snapshots" / "5")
            weights = folder / "snapshots" / "20" / "weights.safetensors"
            weights.write_bytes(weights.read_bytes()[:100])

    found = gather(Run.open(folder), progress=spoil)
    assert "2 of 30 snapshots of the time machine: they cannot be read." in found.left_out
    assert len(found.moments) == 28
