"""Where the images of a run are: kept absolute, given anew when they moved, and checked to be the same ones."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import vae
from tests.support.mnist_files import put, tiny
from vae.cli import main
from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import load_dataset
from vae.data.types import DataError
from vae.errors import UserError
from vae.experiments.sweep import points, sweep
from vae.runs.archive import export_run, import_run
from vae.runs.cleanup import UPLOADS
from vae.runs.naming import RunError
from vae.runs.run import Run
from vae.runs.run_dataset import IMAGES_FILE, images_of
from vae.training.trainer import Trainer

QUICK = TrainConfig(epochs=1, batch_size=20, device="cpu", num_snapshots=0)
SMALL = ModelConfig(hidden=(4,))


def save_npz(place: Path, seed: int = 0) -> Path:
    images = np.random.default_rng(seed).integers(0, 256, (60, 6, 5), dtype=np.uint8)
    place.parent.mkdir(parents=True, exist_ok=True)
    np.savez(place, images=images, labels=np.arange(60) % 3)
    return place


def save_folder(place: Path, seed: int = 0) -> Path:
    images = np.random.default_rng(seed).integers(0, 256, (60, 6, 5), dtype=np.uint8)
    for number, image in enumerate(images):
        file = place / "abc"[number % 3] / f"{number:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)
    return place


def save_mnist(place: Path, seed: int = 0) -> Path:
    return put(place, tiny(num_train=60 + seed, num_test=40))


SETS: dict[str, tuple[str, Callable[..., Path]]] = {
    "npz": ("path", save_npz),
    "folder": ("path", save_folder),
    "mnist": ("root", save_mnist),
}


def made(path: Path, data: DataConfig, *, trained: bool = True) -> Run:
    """A run of one epoch."""
    config = RunConfig(data=data, model=SMALL, train=QUICK)
    dataset = load_dataset(data)
    run = Run.create(path, config, dataset.info())
    if trained:
        for _ in Trainer(run, dataset).train():
            pass
    return run


def command(*words: object) -> None:
    main.main([str(word) for word in words])


def refusal(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The sentence with which a command is refused."""
    with pytest.raises(SystemExit) as left:
        command(*words)
    assert left.value.code == 2
    sentence = capsys.readouterr().err
    assert sentence.startswith("error: ") and sentence.count("\n") == 1 and "Traceback" not in sentence
    assert len(sentence) <= 408
    return sentence


# Relative places


@pytest.mark.parametrize("name", SETS)
def test_relative_place_is_kept_absolute_and_found_from_another_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    field, save = SETS[name]
    save(tmp_path / "here" / "own.npz" if name == "npz" else tmp_path / "here" / "own")
    monkeypatch.chdir(tmp_path / "here")
    place = Path("own.npz" if name == "npz" else "own")
    run = made(tmp_path / "runs" / "a", DataConfig(name=name, **{field: place}), trained=False)
    assert getattr(run.config.data, field) == tmp_path / "here" / place
    os.chdir(tmp_path)
    again = Run.open(run.path)
    assert getattr(again.config.data, field) == tmp_path / "here" / place
    assert images_of(again).info() == run.info


def test_relative_path_of_the_command_line_and_of_home_are_kept_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_npz(tmp_path / "own.npz")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for number, place in enumerate(("own.npz", "./own.npz", "../" + tmp_path.name + "/own.npz", "~/own.npz")):
        words = ["--data.path", place, "--model.hidden", 4, "--train.batch-size", 20, "--train.epochs", 1]
        command("train", "--run-dir", f"runs/{number}", *words)
        assert Run.open(tmp_path / "runs" / str(number)).config.data == DataConfig(
            name="npz", path=tmp_path / "own.npz"
        )


def test_points_of_a_sweep_have_absolute_places_for_workers_with_other_working_directories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = RunConfig(data=DataConfig(name="folder", path=Path("own")))
    (point,) = points("s", config, [1.0])
    assert point.config.data.path == tmp_path / "own"


def test_columns_are_still_read_after_the_working_directory_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_folder(tmp_path / "own")
    (tmp_path / "own" / "labels.csv").write_text("file,kind\na/00.png,x\n")
    monkeypatch.chdir(tmp_path)
    dataset = load_dataset(DataConfig(name="folder", path=Path("own")))
    os.chdir("/")
    assert [column.name for column in dataset.columns.found] == ["kind"]


def test_a_link_to_the_data_is_kept_as_a_link(tmp_path: Path) -> None:
    save_npz(tmp_path / "versions" / "1.npz")
    (tmp_path / "current.npz").symlink_to(tmp_path / "versions" / "1.npz")
    run = made(tmp_path / "runs" / "a", DataConfig(name="npz", path=tmp_path / "current.npz"), trained=False)
    assert run.config.data.path == tmp_path / "current.npz"


# Data that moved


@pytest.mark.parametrize("name", SETS)
def test_moved_data_are_pointed_to_anew_on_evaluate_leak_and_resume(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    field, save = SETS[name]
    before = save(tmp_path / ("own.npz" if name == "npz" else "own"))
    run = made(tmp_path / "runs" / "a", DataConfig(name=name, **{field: before}))
    now = tmp_path / "elsewhere" / before.name
    now.parent.mkdir()
    before.rename(now)
    assert str(before) in refusal(capsys, "evaluate", run.path)
    monkeypatch.chdir(now.parent)
    for words in (["evaluate"], ["evaluate", "--diagnose"], ["leak"]):
        command(words[0], run.path, *words[1:], f"--data.{field}", before.name)
    assert getattr(Run.open(run.path).config.data, field) == before  # whoever only looks changes nothing
    command("train", "--resume", run.path, "--more-epochs", 1, f"--data.{field}", before.name)
    again = Run.open(run.path)
    assert again.status().epoch == 2
    assert getattr(again.config.data, field) == now
    os.chdir("/")
    command("evaluate", run.path)


@pytest.mark.parametrize("name", SETS)
def test_other_images_at_the_new_place_are_refused_and_the_run_stays_as_it_was(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    field, save = SETS[name]
    before = save(tmp_path / ("own.npz" if name == "npz" else "own"))
    run = made(tmp_path / "runs" / "a", DataConfig(name=name, **{field: before}))
    other = save(tmp_path / ("other.npz" if name == "npz" else "other"), seed=1)
    for words in (["evaluate"], ["train", "--resume"]):
        sentence = refusal(capsys, *words, run.path, f"--data.{field}", other)
        assert "must have the images it was made for" in sentence
    assert Run.open(run.path).config == run.config


@pytest.mark.parametrize(
    ("name", "option", "words"),
    [
        ("npz", "root", "use data.path"),
        ("mnist", "path", "use data.root"),
        ("digits", "path", "leave it out"),
        ("digits", "root", "leave it out"),
    ],
)
def test_a_place_that_the_data_do_not_have_is_refused_with_the_one_that_they_have(
    name: str, option: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    field, save = SETS.get(name, ("", None))
    data = DataConfig(name=name, **({field: save(tmp_path / "own.npz")} if save else {}))
    run = made(tmp_path / "runs" / "a", data, trained=False)
    with pytest.raises(DataError, match=words):
        images_of(run, **{option: tmp_path})
    assert words in refusal(capsys, "train", "--resume", run.path, f"--data.{option}", tmp_path)


def test_other_options_beside_a_new_place_are_refused_on_resume(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made(tmp_path / "a", DataConfig(name="npz", path=save_npz(tmp_path / "own.npz")), trained=False)
    for words in (["--train.epochs", 3], ["--data.validation", 0.3]):
        sentence = refusal(capsys, "train", "--resume", run.path, "--data.path", tmp_path / "own.npz", *words)
        assert "--resume continues with the options" in sentence and "--data.path" in sentence
    sentence = refusal(capsys, "train", "--resume", run.path, "--data.name", "mnist")
    assert "--data.name must be that of the run, npz, got mnist" in sentence


def test_the_library_takes_the_new_place(tmp_path: Path) -> None:
    before = save_npz(tmp_path / "own.npz")
    run = made(tmp_path / "runs" / "a", DataConfig(name="npz", path=before))
    now = before.rename(tmp_path / "now.npz")
    with pytest.raises(DataError, match=r"must be at .*own\.npz, got nothing there; if they moved"):
        vae.images_of(run)
    assert vae.images_of(run, path=now).info() == run.info
    assert vae.diagnose(run, path=now).num_images
    run.place_images(vae.images_of(run, path=now).config)
    assert vae.images_of(Run.open(run.path)).info() == run.info


def test_a_place_is_not_changed_under_a_trainer(tmp_path: Path) -> None:
    run = made(tmp_path / "a", DataConfig(name="npz", path=save_npz(tmp_path / "own.npz")), trained=False)
    with Run.open(run.path).lock(), pytest.raises(RunError, match="already working"):
        run.place_images(run.config.data.replace(path=tmp_path / "now.npz"))
    assert Run.open(run.path).config == run.config


def test_an_imported_run_is_told_where_its_images_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = save_npz(tmp_path / "own.npz")
    run = made(tmp_path / "runs" / "a", DataConfig(name="npz", path=own))
    with (tmp_path / "a.zip").open("wb") as file:
        export_run(run, file)
    arrived = import_run(tmp_path / "a.zip", tmp_path / "arrived")
    assert "own.npz is on another machine" in refusal(capsys, "evaluate", arrived.path)
    command("evaluate", arrived.path, "--data.path", own)
    assert Run.open(arrived.path).has_foreign_paths
    command("train", "--resume", arrived.path, "--more-epochs", 1, "--data.path", own)
    again = Run.open(arrived.path)
    assert again.imported and not again.has_foreign_paths
    command("evaluate", arrived.path)
    # Sent on, its paths are foreign again.
    with (tmp_path / "b.zip").open("wb") as file:
        export_run(again, file)
    assert import_run(tmp_path / "b.zip", tmp_path / "third").has_foreign_paths


def test_an_archive_cannot_say_that_its_paths_are_of_this_machine(tmp_path: Path) -> None:
    own = save_npz(tmp_path / "own.npz")
    run = made(tmp_path / "runs" / "a", DataConfig(name="npz", path=own))
    values = json.loads((run.path / "config.json").read_text())
    (run.path / "config.json").write_text(json.dumps({**values, "imported": True, "placed": True}))
    with (tmp_path / "a.zip").open("wb") as file:
        export_run(Run.open(run.path), file)
    arrived = import_run(tmp_path / "a.zip", tmp_path / "arrived")
    assert arrived.has_foreign_paths
    with pytest.raises(DataError, match="on another machine"):
        images_of(arrived)


def test_images_that_lie_in_the_runs_folder_move_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    run = made(folder, DataConfig(name="npz", path=save_npz(tmp_path / IMAGES_FILE)), trained=False)
    shutil.move(tmp_path / IMAGES_FILE, folder / IMAGES_FILE)
    run.place_images(run.config.data.replace(path=folder / IMAGES_FILE))
    shutil.move(tmp_path / "runs", tmp_path / "moved")
    assert images_of(Run.open(tmp_path / "moved" / "a")).info() == run.info


def test_uploaded_images_move_with_the_folder_of_runs(tmp_path: Path) -> None:
    upload = save_npz(tmp_path / "runs" / UPLOADS / "0123.npz")
    run = made(tmp_path / "runs" / "a", DataConfig(name="npz", path=upload), trained=False)
    shutil.move(tmp_path / "runs", tmp_path / "moved")
    assert images_of(Run.open(tmp_path / "moved" / "a")).info() == run.info


def test_a_sweep_goes_on_with_moved_data_and_refuses_other_data(tmp_path: Path) -> None:
    before = save_npz(tmp_path / "own.npz")

    def planned(path: Path) -> list[Any]:
        data = DataConfig(name="npz", path=path)
        return points("s", RunConfig(data=data, model=SMALL, train=QUICK), [1.0])

    def outcomes(path: Path) -> list[Any]:
        return list(sweep(tmp_path / "runs", planned(path), backend="threading"))

    (first,) = outcomes(before)
    assert first.state == "finished"
    now = before.rename(tmp_path / "now.npz")
    (second,) = outcomes(now)
    assert second.state == "finished" and second.was_done and second.result == first.result
    (third,) = outcomes(save_npz(tmp_path / "other.npz", seed=1))
    assert third.state == "failed" and "must have the images it was made for" in (third.error or "")


def test_a_home_that_nobody_has_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "~nosuchuser" in refusal(
        capsys, "train", "--run-dir", tmp_path / "a", "--data.path", "~nosuchuser/own.npz"
    )
    with pytest.raises(UserError, match="~nosuchuser"):
        load_dataset(DataConfig(name="folder", path=Path("~nosuchuser/own")))
