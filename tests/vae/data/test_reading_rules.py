"""Runs keep the rules by which their images were read; what was left out is said wherever data are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vae.cli import main
from vae.config.reading import LeftOut, Reading
from vae.config.schema import DataConfig, DataInfo, ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import load_dataset
from vae.data.types import DataError
from vae.runs.run import Run
from vae.runs.run_dataset import images_of
from vae.training.trainer import Trainer

#: The images of both as the first versions read them, by their own words: computed with the code of then.
FIRST_FOLDER, FIRST_NPZ = "6a2fec06fe9f2ade", "68386af66edd747c"
QUICK = [
    "--model.hidden",
    "4",
    "--train.batch-size",
    "10",
    "--train.epochs",
    "1",
    "--train.num-snapshots",
    "0",
]


def save_folder(place: Path) -> Path:
    """Classes 0 to 11 and files 1 to 5, without leading zeros, as people number them; and what was passed over then."""
    for label in range(12):
        for number in range(1, 6):
            file = place / str(label) / f"img_{number * 4}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((4, 4), 20 * label + number, np.uint8)).save(file)
    Image.fromarray(np.full((4, 4), 4095, np.uint16)).save(place / "3" / "deep.tif")
    return place


def save_npz(place: Path) -> Path:
    images = (np.arange(60 * 16) % 251).astype(np.uint8).reshape(60, 4, 4)
    np.savez(
        place,
        images=images,
        labels=np.array([f"digit {number % 12}" for number in range(60)]),
        y=np.arange(60) % 2,
    )
    return place


SAVED = {"folder": (save_folder, FIRST_FOLDER), "npz": (save_npz, FIRST_NPZ)}


def place_of(name: str, root: Path) -> Path:
    return root / ("own.npz" if name == "npz" else "own")


@pytest.mark.parametrize("name", SAVED)
def test_by_the_first_rules_images_are_what_they_were(name: str, tmp_path: Path) -> None:
    save, fingerprint = SAVED[name]
    config = DataConfig(name=name, path=save(place_of(name, tmp_path)))
    assert load_dataset(config, rules=1).info().fingerprint == fingerprint
    assert load_dataset(config).info().fingerprint != fingerprint


@pytest.mark.parametrize("name", SAVED)
def test_a_run_of_the_first_versions_opens_measures_and_goes_on(name: str, tmp_path: Path) -> None:
    save, fingerprint = SAVED[name]
    config = RunConfig(
        data=DataConfig(name=name, path=save(place_of(name, tmp_path))),
        model=ModelConfig(hidden=(4,)),
        train=TrainConfig(epochs=1, batch_size=10, num_snapshots=0, device="cpu"),
    )
    dataset = load_dataset(config.data, rules=1)
    run = Run.create(tmp_path / "runs" / "a", config, dataset.info())
    for _ in Trainer(run, dataset).train():
        pass
    values = json.loads((run.path / "config.json").read_text())
    for added in ("pixels", "rules", "reading"):
        del values["info"][added]
    (run.path / "config.json").write_text(json.dumps(values))
    again = Run.open(run.path)
    assert (again.info.rules, again.info.reading, again.info.fingerprint) == (1, Reading(), fingerprint)
    assert images_of(again).info() == dataset.info()
    assert again.info.class_names[2] == ("10" if name == "folder" else "digit 10")
    main.main(["evaluate", str(run.path)])
    main.main(["train", "--resume", str(run.path), "--more-epochs", "1"])
    assert Run.open(run.path).status().epoch == 2
    with pytest.raises(DataError, match=r"load them with vae\.images_of\(run\)"):
        Trainer(again, load_dataset(config.data))


def test_a_new_run_keeps_the_new_rules_and_its_reading(tmp_path: Path) -> None:
    config = RunConfig(
        data=DataConfig(name="folder", path=save_folder(tmp_path / "own")), model=ModelConfig(hidden=(4,))
    )
    info = load_dataset(config.data).info()
    again = Run.open(Run.create(tmp_path / "a", config, info).path)
    assert again.info.class_names == tuple(map(str, range(12)))
    assert again.info.rules == 2 and again.info.reading == info.reading
    assert again.info.reading.layout.startswith(
        "one sub-folder for each class; 61 images of 4×4, grey; 12 classes (0, 1"
    )
    (tmp_path / "own" / "later.txt").write_text("x")
    assert images_of(again).info() == again.info  # other things beside the images make no other images


def test_what_a_stranger_wrote_into_a_reading_is_cut_and_cleaned() -> None:
    left = LeftOut(what="a\x1b[2J" * 300, num=1, first=("\u202ex" * 90,))
    reading = Reading(layout="b\n" * 300, done=("c" * 5000,), left_out=(left,))
    for sentence in (*reading.remarks(), *reading.warnings()):
        assert sentence.isprintable() and len(sentence) <= 500
    with pytest.raises(ValueError, match="left_out"):
        Reading(left_out=(left,) * 41)
    assert Reading.from_dict(json.loads(json.dumps(reading.to_dict()))) == reading


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"labels": np.roll(np.arange(60) % 12, 1).astype(str)},
            "the same number and size, and other labels or parts",
        ),
        ({"images": "first pixel"}, "the same number and size, and other pixels, or another order"),
        ({"images": "turned round"}, "the same number and size, and other pixels, or another order"),
        ({"images": "one less"}, "num_train 42 instead of 43"),
        ({"labels": None}, "0 classes instead of 12"),
        ({"images": "taller"}, "height 5 instead of 4"),
    ],
)
def test_data_that_changed_in_place_are_told_by_what_differs(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    images, labels = (
        np.random.default_rng(0).integers(0, 256, (60, 4, 4), np.uint8),
        (np.arange(60) % 12).astype(str),
    )
    np.savez(tmp_path / "own.npz", images=images, labels=labels)
    config = RunConfig(data=DataConfig(name="npz", path=tmp_path / "own.npz"))
    run = Run.create(tmp_path / "a", config, load_dataset(config.data).info())
    match change.get("images"):
        case "first pixel":
            images[0, 0, 0] ^= 1
        case "turned round":
            images = images[::-1]
        case "one less":
            images, labels = images[1:], labels[1:]
        case "taller":
            images = np.pad(images, ((0, 0), (0, 1), (0, 0)))
    labels = change.get("labels", labels)
    np.savez(tmp_path / "own.npz", images=images, **({} if labels is None else {"labels": labels}))
    with pytest.raises(DataError) as caught:
        images_of(run)
    assert words in str(caught.value) and "--data.path" in str(caught.value)


# In the terminal --------------------------------------------------------------------------------------------


def command(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[str, str]:
    capsys.readouterr()
    main.main([str(word) for word in words])
    found = capsys.readouterr()
    return found.out, found.err


@pytest.fixture
def own(tmp_path: Path) -> Path:
    place = save_folder(tmp_path / "own")
    (place / "3" / "deep.tif").unlink()
    (place / "2" / "photo.heic").write_text("x")
    (place / ".DS_Store").write_text("x")
    (place / "labels.csv").write_text("file;kind\n0/img_4.png;x\nnone.png;y\n")
    return place


WARNINGS = [
    "left out: files ending in .heic, which are not read (convert them to PNG) (1: 2/photo.heic)",
    "left out: rows of labels.csv that name no image (1: none.png)",
    "left out: values of images that have no row in labels.csv (59: 0/img_8.png, 0/img_12.png, 0/img_16.png, …)",
]
REMARKS = [
    "one sub-folder for each class; 60 images of 4×4, grey; 12 classes (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …)",
    "labels.csv is separated by semicolons",
    "left out: hidden and system files (1: .DS_Store)",
]


def test_train_resume_evaluate_and_leak_say_what_was_left_out(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "runs" / "a"
    for words in (
        ["train", "--run-dir", run, "--data.path", own, *QUICK],
        ["train", "--resume", run, "--more-epochs", 1],
        ["evaluate", run],
        ["leak", run, "--split", "train"],
    ):
        out, err = command(capsys, *words, "--json")
        lines = err.splitlines()
        for sentence in REMARKS:
            assert f"data: {sentence}" in lines
        for sentence in WARNINGS:
            assert f"warning: {sentence}" in lines
        answer = json.loads(out)["data"]
        assert [left["num"] for left in answer["left_out"]] == [1, 1, 1, 59]
        assert answer["layout"] == REMARKS[0] and answer["done"] == REMARKS[1:2]
        assert answer["left_out"][1]["first"] == ["2/photo.heic"]


def test_a_sweep_says_it_once(own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "sweep",
        "--name",
        "s",
        "--betas",
        "1",
        "2",
        "--runs",
        tmp_path / "runs",
        "--backend",
        "threading",
    ]
    _, err = command(capsys, *words, "--data.path", own, *QUICK)
    for sentence in WARNINGS:
        assert err.count(f"warning: {sentence}\n") == 1


def test_data_check_says_what_would_be_made_of_images(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = command(capsys, "data", "check", own)
    assert out.splitlines() == [
        *REMARKS,
        "parts: 43 for train, 5 for validation, 12 for test",
        "columns: kind",
    ]
    assert err.splitlines() == [f"warning: {sentence}" for sentence in WARNINGS]
    out, _ = command(capsys, "data", "check", own, "--json")
    answer = json.loads(out)
    assert (
        answer["data"]["layout"] == REMARKS[0] and answer["num_test"] == 12 and answer["columns"] == ["kind"]
    )
    out, _ = command(capsys, "data", "check", save_npz(tmp_path / "own.npz"))
    assert out.startswith(
        "arrays images, labels; 60 images of 4×4, grey; 12 classes (digit 0, digit 1, digit 2"
    )


def test_what_needs_no_words_gets_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a public set nothing is said, and programs get what they got before."""
    out, err = command(
        capsys, "train", "--run-dir", tmp_path / "a", *QUICK[:4], "--train.epochs", 1, "--json"
    )
    assert "data: " not in err and "data" not in json.loads(out)


def test_a_description_is_the_same_whatever_lay_beside_the_images() -> None:
    values: dict[str, Any] = {
        "channels": 1,
        "height": 2,
        "width": 2,
        "class_names": (),
        "num_train": 3,
        "num_validation": 1,
        "num_test": 1,
        "fingerprint": "a",
    }
    one, other = DataInfo(**values), DataInfo(**values, reading=Reading(layout="elsewhere"))
    assert one == other and hash(one) == hash(other)
    assert one != DataInfo(**{**values, "fingerprint": "b"}) and one != 3


def test_a_sweep_carries_what_was_left_out_with_each_run(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--betas", "1", "--runs", tmp_path / "runs", "--data.name", "folder", "--data.path", own, *QUICK]
    out, _ = command(capsys, "sweep", "--name", "s", "--backend", "threading", "--json", *words)
    (line,) = out.splitlines()
    answer = json.loads(line)
    assert answer["state"] == "finished"
    assert any(".heic" in left["what"] for left in answer["data"]["left_out"])
