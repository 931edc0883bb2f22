"""The form of a new run: what it makes, what it refuses, and what it offers where images are missing."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard import settings
from dashboard.jobs.queue import background
from dashboard.look.markdown import plain
from dashboard.views.train import new_run_form
from tests.browser.server import wait_until
from vae.config.suggestions import suggest
from vae.runs.listing import list_runs
from vae.runs.naming import RunError
from vae.runs.run import Run


class Recorder:
    """Stands for the trainers: remembers what it was asked to train."""

    def __init__(self) -> None:
        self.started: list[Run] = []
        self.refusal: RunError | None = None

    def start(self, run: Run) -> None:
        if self.refusal:
            raise self.refusal
        self.started.append(run)


@pytest.fixture
def trainers(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    found = Recorder()
    monkeypatch.setattr(new_run_form, "trainers", found)
    return found


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty folder of runs, and no downloaded data."""
    monkeypatch.setenv(settings.RUNS_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("vae.data.readers.torchvision.default_root", lambda: tmp_path / "data")
    yield tmp_path / "runs"


def script() -> None:
    from dashboard.link import session
    from dashboard.views.train import new_run_form

    new_run_form.form()
    session.settle()


def form() -> AppTest:
    at = AppTest.from_function(script, default_timeout=60).run()
    assert not at.exception
    return at


def press(at: AppTest, label: str = "Train") -> AppTest:
    next(button for button in at.button if button.label == label).click()
    at.run()
    assert not at.exception
    return at


def made(root: Path) -> list[Run]:
    return [run for run in list_runs(root) if isinstance(run, Run)]


def test_defaults_make_the_suggested_run_and_start_it(root: Path, trainers: Recorder) -> None:
    at = press(form())
    (run,) = made(root)
    assert run.config == suggest("digits")
    assert run.name == "digits vae 2d β=1"
    assert [started.id for started in trainers.started] == [run.id]
    assert at.query_params["run"] == run.id


def test_conditional_switch_makes_the_suggested_conditional_run(root: Path, trainers: Recorder) -> None:
    at = form()
    next(switch for switch in at.toggle if switch.label == "Conditional").set_value(True).run()
    press(at)
    (run,) = made(root)
    assert run.config == suggest("digits", conditional=True)
    assert [started.id for started in trainers.started] == [run.id]


def test_name_is_the_persons_own_and_the_field_is_empty_afterwards(root: Path, trainers: Recorder) -> None:
    at = form()
    name = next(field for field in at.text_input if field.label == "Name")
    name.set_value("  My “digits”  ")
    press(at)
    (run,) = made(root)
    assert run.name == "My “digits”"
    assert next(field for field in at.text_input if field.label == "Name").value == ""


def test_two_runs_of_one_name_are_two_runs(root: Path, trainers: Recorder) -> None:
    press(press(form()))
    assert len({run.id for run in made(root)}) == 2


def test_impossible_value_makes_no_run_and_is_told(root: Path, trainers: Recorder) -> None:
    at = form()
    next(field for field in at.text_input if field.label == "Hidden widths").set_value("0")
    press(at)
    assert made(root) == trainers.started == []
    (error,) = at.error
    assert "hidden must be at most 8 sizes" in error.value
    assert next(field for field in at.text_input if field.label == "Hidden widths").value == "0"


def test_batch_larger_than_the_data_makes_no_run(root: Path, trainers: Recorder) -> None:
    at = form()
    next(field for field in at.number_input if field.label == "Batch size").set_value(5000)
    press(at)
    assert made(root) == trainers.started == []
    assert plain("must be <= the number of training images") in at.error[0].value


def test_setting_that_will_not_do_what_it_seems_to_is_told(root: Path, trainers: Recorder) -> None:
    at = form()
    next(box for box in at.selectbox if box.label == "β schedule").set_value("linear")
    at.run()
    next(field for field in at.number_input if field.label == "Warm-up epochs").set_value(5000.0)
    press(at)
    assert len(made(root)) == 1
    assert "beta never reaches 1" in at.session_state["_notices"][0]


def test_trainer_that_refuses_is_told(root: Path, trainers: Recorder) -> None:
    trainers.refusal = RunError("the machine is busy")
    assert press(form()).error[0].value == "the machine is busy"


def test_data_that_is_not_here_is_offered_for_download_and_cannot_be_trained_on(trainers: Recorder) -> None:
    at = form()
    at.selectbox(key="new:data").set_value("mnist").run()
    assert "MNIST: dataset not downloaded" in at.info[0].value
    assert next(button for button in at.button if button.label == "Train").disabled


def test_download_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, trainers: Recorder) -> None:
    from vae.data.types import DataError

    def fail(name: str, root: Path, progress: object) -> None:
        progress("train", 1, 4)  # type: ignore[operator]
        raise DataError(f"{name} could not be downloaded: no network; try again later")

    monkeypatch.setattr("vae.data.readers.torchvision.download", fail)
    at = form()
    at.selectbox(key="new:data").set_value("kmnist").run()
    press(at, "Download KMNIST")
    wait_until(lambda: not background.open("download:"), "the download did not end")
    at.run()
    (error,) = at.error
    assert error.value == plain("kmnist could not be downloaded: no network; try again later")


def test_own_file_is_trained_on_by_its_path(root: Path, trainers: Recorder, tmp_path: Path) -> None:
    file = tmp_path / "own images.npz"
    np.savez(file, images=np.random.default_rng(0).random((200, 6, 5)), labels=np.arange(200) % 2)
    at = form()
    at.selectbox(key="new:data").set_value("npz").run()
    assert next(button for button in at.button if button.label == "Train").disabled
    at.text_input(key="new:path:npz").set_value(str(file)).run()
    press(at)
    (run,) = made(root)
    assert run.config.data.path == file
    assert (run.info.height, run.info.width, run.info.class_names) == (6, 5, ("0", "1"))


@pytest.mark.parametrize("name", ["npz", "folder"])
def test_visitors_are_offered_no_place_on_the_server_s_disk(
    name: str, trainers: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = form()
    at.selectbox(key="new:data").set_value(name).run()
    assert [field.key for field in at.text_input if "path" in str(field.key)] == [f"new:path:{name}"]
    monkeypatch.setattr(settings, "server_address", lambda: "0.0.0.0")
    at.run()
    assert not at.exception
    assert not [field for field in at.text_input if "path" in str(field.key)]


def test_uploaded_file_is_kept_once_under_its_content(root: Path, trainers: Recorder, tmp_path: Path) -> None:
    file = tmp_path / "mine.npz"
    np.savez(file, images=np.random.default_rng(0).random((200, 6, 5)))
    for _ in range(2):
        at = form()
        at.selectbox(key="new:data").set_value("npz").run()
        at.file_uploader[0].upload("mine.npz", file.read_bytes()).run()
        press(at)
    paths = {run.config.data.path for run in made(root)}
    assert len(made(root)) == 2
    assert len(paths) == 1
    (kept,) = paths
    assert kept is not None and kept.read_bytes() == file.read_bytes()
    assert kept.parent == root / ".uploads"


@pytest.mark.parametrize("content", [b"not a zip", b""])
def test_upload_that_is_no_npz_is_refused_in_a_sentence(
    root: Path, trainers: Recorder, content: bytes
) -> None:
    at = form()
    at.selectbox(key="new:data").set_value("npz").run()
    at.file_uploader[0].upload("mine.npz", content).run()
    press(at)
    assert made(root) == trainers.started == []
    assert len(at.error) == 1
    assert at.error[0].value.startswith(plain("mine.npz "))
    assert list((root / ".uploads").iterdir()) == []


def test_missing_folder_of_images_is_told(root: Path, trainers: Recorder, tmp_path: Path) -> None:
    at = form()
    at.selectbox(key="new:data").set_value("folder").run()
    at.text_input(key="new:path:folder").set_value(str(tmp_path / "nothing")).run()
    press(at)
    assert made(root) == trainers.started == []
    assert "cannot be read" in at.error[0].value


def test_own_folder_is_looked_at_before_it_is_trained_on(
    root: Path, trainers: Recorder, tmp_path: Path
) -> None:
    for number in range(200):
        file = tmp_path / "own" / f"digit {number % 11}" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((3, 3), 50 + number, np.uint8)).save(file)
    (tmp_path / "own" / "digit 3" / "photo.heic").write_text("no image")
    (tmp_path / "own" / "digit 3" / "torn.png").write_bytes(b"\x89PNG")
    at = form()
    at.selectbox(key="new:data").set_value("folder").run()
    at.text_input(key="new:path:folder").set_value(str(tmp_path / "own")).run()
    words = plain(
        "One sub-folder for each class; 200 images of 3×3, grey; 11 classes (digit 0, digit 1, digit 2"
    )
    assert any(words in caption.value for caption in at.caption)
    told = plain(
        "Left out: files ending in .heic, which are not read (convert them to PNG) (1: digit 3/photo.heic)"
    )
    assert told in at.warning[0].value
    assert "files that cannot be read as images (1: digit 3/torn.png)" in at.warning[0].value.replace(
        "\\", ""
    )
    press(at)
    (run,) = made(root)
    assert run.info.class_names[-1] == "digit 10"
    assert "photo.heic" in at.session_state["_notices"][0]
    assert Run.open(run.path).info.reading.left_out[0].first == ("digit 3/photo.heic",)


def test_upload_is_looked_at_under_its_own_name(root: Path, trainers: Recorder, tmp_path: Path) -> None:
    file = tmp_path / "mine.npz"
    np.savez(file, x_train=np.zeros((150, 6, 5), np.uint8), x_test=np.ones((50, 6, 5), np.uint8))
    at = form()
    at.selectbox(key="new:data").set_value("npz").run()
    at.file_uploader[0].upload("mine.npz", file.read_bytes()).run()
    words = plain("Arrays x_train, x_test with a given test part; 200 images of 5×6, grey, 50 for test")
    assert any(words in caption.value for caption in at.caption)
    at.file_uploader[0].upload("mine.npz", b"no zip").run()
    assert at.warning[0].value.startswith(plain("mine.npz is not a whole .npz file"))


def colours(folder: Path, side: int = 48, num: int = 60) -> Path:
    """A folder of colour images in three classes, and a file that is none."""
    draw = np.random.default_rng(0)
    for number in range(num):
        file = folder / ("rose", "iris", "tulip")[number % 3] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(file)
    (folder / "rose" / "notes.txt").write_text("no image")
    return folder


def zipped(folder: Path) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, f"flowers/{path.relative_to(folder).as_posix()}")
    return file.getvalue()


def test_look_says_what_the_images_are_and_the_form_begins_with_what_suits_them(
    root: Path, trainers: Recorder, tmp_path: Path
) -> None:
    at = form()
    at.selectbox(key="new:data").set_value("folder").run()
    at.text_input(key="new:path:folder").set_value(str(colours(tmp_path / "flowers"))).run()
    assert any(plain("60 images, 48×48, colour, 3 classes") in text.value for text in at.markdown)
    assert any("because the images are in colour" in caption.value for caption in at.caption)
    press(at)
    (run,) = made(root)
    assert (run.config.model.network, run.config.model.likelihood) == ("conv", "gaussian-learned")
    assert run.config.model.latent_dim == 32
    assert run.config.train.batch_size <= run.info.num_train


@pytest.mark.parametrize("way", ["zip", "files"])
def test_zip_and_folder_that_are_sent_become_one_file_beside_the_runs(
    root: Path, trainers: Recorder, tmp_path: Path, way: str
) -> None:
    folder = colours(tmp_path / "flowers", side=8, num=120)
    at = form()
    at.selectbox(key="new:data").set_value("folder").run()
    if way == "zip":
        at.file_uploader[0].upload("flowers.zip", zipped(folder)).run()
    else:
        files = [path for path in sorted(folder.rglob("*.*")) if path.is_file()]
        at.file_uploader[1].set_value(
            [
                (f"flowers/{path.relative_to(folder).as_posix()}", path.read_bytes(), "image/png")
                for path in files
            ]
        ).run()
    assert not at.exception
    press(at)
    (run,) = made(root)
    assert run.config.data.name == "npz"
    assert run.config.data.path is not None and run.config.data.path.parent == root / ".uploads"
    assert run.info.class_names == ("iris", "rose", "tulip")
    assert "notes.txt" in run.info.reading.left_out[0].first[0]


def test_zip_that_is_none_is_refused_by_its_own_name(root: Path, trainers: Recorder) -> None:
    at = form()
    at.selectbox(key="new:data").set_value("folder").run()
    at.file_uploader[0].upload("flowers.zip", b"no zip").run()
    assert at.error[0].value.startswith(plain("flowers.zip is not a whole zip file"))
    assert next(button for button in at.button if button.label == "Train").disabled


def linked() -> None:
    import streamlit as st

    from dashboard.link import session
    from dashboard.views.train import new_run_form

    for text in ("data:digits,epochs:100,beta:0", "data:digits,epochs:20,latent_dim:8"):
        if st.button(text):
            session.follow({"new": text})
    new_run_form.form()
    session.settle()


def test_a_link_that_is_followed_once_more_sets_the_whole_form_again(root: Path, trainers: Recorder) -> None:
    """What a person changed since then does not stay: a step of a lesson could not be completed with it."""
    at = press(AppTest.from_function(linked, default_timeout=60).run(), "data:digits,epochs:100,beta:0")

    def number(label: str) -> Any:
        return next(field for field in at.number_input if field.label == label)

    assert number("Epochs").value == 100
    number("Epochs").set_value(30)
    number("Latent dimensions").set_value(5)
    at.run()
    assert (number("Epochs").value, number("Latent dimensions").value) == (30, 5)
    press(at, "data:digits,epochs:100,beta:0")
    assert (number("Epochs").value, number("Latent dimensions").value) == (100, 2)
    press(at, "data:digits,epochs:20,latent_dim:8")
    assert (number("Epochs").value, number("Latent dimensions").value) == (20, 8)
