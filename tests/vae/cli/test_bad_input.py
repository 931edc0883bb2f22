"""On bad input the `vae` command says one sentence, ends with code 2, shows no traceback and loses nothing."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.vae.cli.command import Vae, assert_refused, free_port
from vae.runs.run import Run
from vae.runs.snapshots import load_model
from vae.storage.safetensors_io import load, save


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--train.epochs 0", "train.epochs must be >= 1, got 0; use at least 1"),
        ("--train.batch-size -3", "train.batch_size must be >= 1, got -3; use for example 128"),
        (
            "--train.learning-rate nan",
            "train.learning_rate must be a finite number, got nan",
        ),
        ("--model.latent-dim 513", "model.latent_dim must be <= 512, got 513; use 2 for a map"),
        (
            "--model.hidden 0",
            "model.hidden must be at most 8 sizes from 1 to 8192, got [0]; use for example 400",
        ),
        ("--train.seed -1", "train.seed must be >= 0, got -1; use any whole number from 0"),
        ("--objective.beta -1", "objective.beta must be >= 0, got -1.0; use 0 to drop the KL term"),
        ("--data.validation 0.9", "data.validation must be <= 0.5, got 0.9; use 0.1 to hold out a tenth"),
        (
            "--data.name npz",
            "data.path must be given for name = 'npz', got none; use --data.path FILE_OR_FOLDER",
        ),
        (
            "--model.latent-dim 65",
            "model.latent_dim must be <= the number of values in an image (64), got 65",
        ),
        (
            "--train.batch-size 2000",
            "train.batch_size must be <= the number of training images (1294), got 2000",
        ),
        ("--data.name npz --data.path /no/such.npz", "/no/such.npz"),
        ("--more-epochs 3", "--more-epochs needs a run to continue, got none; use --resume DIR"),
        ("--name " + "x" * 81, "a name must be 1 to 80 characters on one line"),
    ],
)
def test_an_impossible_value_is_told_with_its_rule_and_makes_no_run(
    vae: Vae, tmp_path: Path, words: str, sentence: str
) -> None:
    assert_refused(vae("train", "--run-dir", tmp_path / "a", *words.split()), sentence)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        "--model.latent-dim two",
        "--data.name cifar",
        "--no-such-option 1",
        "--train.epochs",
        "--objective.schedule sometimes",
    ],
)
def test_what_is_not_even_a_value_ends_with_code_2_too(vae: Vae, tmp_path: Path, words: str) -> None:
    answer = vae("train", "--run-dir", tmp_path / "a", *words.split())
    assert (answer.code, answer.out) == (2, "")
    assert "Traceback" not in answer.err
    assert words.split()[0] in answer.err
    assert not list(tmp_path.iterdir())


def test_no_command_and_unknown_commands_end_with_code_2(vae: Vae) -> None:
    for words in ((), ("fly",), ("data",), ("data", "download", "imagenet")):
        assert vae(*words).code == 2
    assert_refused(
        vae("reproduce", "nothing"), "name must be one of pytorch-example, iwae-1layer, cvae, got 'nothing'"
    )
    assert_refused(vae("train"), "a run must have a folder, got none; use --run-dir DIR, or --resume DIR")


@pytest.mark.skipif(torch.cuda.is_available(), reason="the sentence is for machines without CUDA")
def test_a_device_that_is_not_there_is_told_and_makes_no_run(vae: Vae, tmp_path: Path) -> None:
    answer = vae("train", "--run-dir", tmp_path / "a", "--train.device", "cuda")
    assert_refused(
        answer, "the device must be there, got 'cuda', which this machine has not; use auto or cpu"
    )
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_hold_a_run_is_told(vae: Vae, finished: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "a"):
        assert_refused(
            vae("train", "--run-dir", path), f"error: {tmp_path / 'file'} is a file; give a folder"
        )
    assert_refused(vae("train", "--run-dir", tmp_path / "full"), "must be empty for a new run")
    assert_refused(
        vae("train", "--run-dir", tmp_path / "-odd-"), "a run's folder name must be 1 to 80 letters"
    )
    again = vae("train", "--run-dir", finished.path)
    assert_refused(again, f"already holds a run; continue with `vae train --resume {finished.path}`")
    assert (tmp_path / "full" / "mine.txt").read_text() == "mine"
    assert finished.status().state == "finished"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told(vae: Vae, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    assert_refused(vae("train", "--run-dir", tmp_path / "locked" / "a"), "no permission for")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write to")
def test_a_read_only_folder_is_told(vae: Vae) -> None:
    assert_refused(vae("train", "--run-dir", "/proc/self/a"), "/proc/self")


COMMANDS = (["evaluate"], ["train", "--resume"], ["export", "--to", "out"])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_a_run_that_is_missing_broken_or_newer_is_told(
    vae: Vae, copy: Run, tmp_path: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert_refused(vae(*command, "nowhere"), f"there is no run at {tmp_path / 'nowhere'}")
    assert_refused(vae(*command, "empty"), "is not a run, it has no config.json")
    config = copy.path / "config.json"
    values = json.loads(config.read_text())
    config.write_text(json.dumps({**values, "format": 99}))
    assert_refused(
        vae(*command, copy.path), "was written by a newer version (format 99", "upgrade latent-lab"
    )
    config.write_text("{")
    assert_refused(vae(*command, copy.path), "run 'copy' is broken: config.json is not JSON")
    values["config"]["train"]["epochs"] = -1
    config.write_text(json.dumps(values))
    assert_refused(vae(*command, copy.path), "run 'copy' is broken:", "epochs must be >= 1, got -1")
    assert not (tmp_path / "out").exists()


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def lying(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 1 << 60) + path.read_bytes()[8:])


def reshaped(path: Path) -> None:
    tensors, state = load(path.parent, path.stem)
    save(path.parent, path.stem, {name: torch.zeros(2, 2) for name in tensors}, state)


@pytest.mark.parametrize("damage", [truncated, lying, reshaped])
def test_a_damaged_checkpoint_is_told_and_left_alone(
    vae: Vae, copy: Run, damage: Callable[[Path], None]
) -> None:
    for name, command in (("best", ["evaluate"]), ("last", ["train", "--more-epochs", "1", "--resume"])):
        path = copy.checkpoints_dir / f"{name}.safetensors"
        damage(path)
        before = path.read_bytes()
        word = "must have" if damage is reshaped else f"{name}.safetensors is damaged"
        assert_refused(vae(*command, copy.path), word)
        assert path.read_bytes() == before


@pytest.mark.parametrize("damage", [truncated, lying, Path.unlink])
def test_a_run_that_cannot_go_on_is_not_made_longer(
    vae: Vae, copy: Run, damage: Callable[[Path], None]
) -> None:
    damage(copy.checkpoints_dir / "last.safetensors")
    assert_refused(vae("train", "--resume", copy.path, "--more-epochs", "1"), "last")
    assert Run.open(copy.path).config == copy.config
    assert Run.open(copy.path).status().state == "finished"


def test_weights_that_are_not_there_are_told(vae: Vae, finished: Run) -> None:
    assert_refused(
        vae("evaluate", finished.path, "--at", "7"), "has no snapshot of step 7; choose one of its 2"
    )
    assert_refused(
        vae("evaluate", finished.path, "--at", "soon"), "at must be best, last or the step of a snapshot"
    )
    assert vae("evaluate", finished.path, "--at", "12", "--json").code == 0


@pytest.mark.parametrize("command", ["evaluate", "leak"])
def test_an_impossible_seed_is_told_as_in_training(vae: Vae, finished: Run, command: str) -> None:
    for seed, rule in ((-1, ">= 0"), (2**31, "<= 2147483647")):
        sentence = f"error: seed must be {rule}, got {seed}; use any whole number from 0\n"
        assert vae(command, finished.path, "--seed", seed) == (2, "", sentence)
    assert vae(command, finished.path, "--seed", 2**31 - 1).code == 0


def test_resume_takes_no_other_options(vae: Vae, finished: Run) -> None:
    for words in (["--train.epochs", "9"], ["--run-dir", "b"], ["--name", "b"]):
        assert_refused(
            vae("train", "--resume", finished.path, *words), "--resume continues with the options that"
        )
    assert_refused(
        vae("train", "--resume", finished.path, "--more-epochs", "-1"), "epochs must be >= 1, got -1"
    )


def test_a_second_trainer_on_one_run_is_refused(vae: Vae, copy: Run) -> None:
    with copy.lock():
        for words in ([], ["--more-epochs", "1"]):
            answer = vae("train", "--resume", copy.path, *words)
            assert_refused(answer, "is already working on run 'copy'; stop it first, or wait until it ends")
    assert Run.open(copy.path).config == copy.config


def test_data_that_changed_since_are_refused_by_all_who_need_them(vae: Vae, tmp_path: Path) -> None:
    file, run = tmp_path / "images.npz", tmp_path / "run"
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    np.savez(file, images=images)
    words = ["--data.name", "npz", "--data.path", file, "--model.hidden", "8", "--train.batch-size", "20"]
    assert vae("train", "--run-dir", run, *words, "--train.epochs", "1").code == 0
    assert vae("evaluate", run).code == 0
    images[0, 0, 0] ^= 1
    np.savez(file, images=images)
    for command in (["train", "--more-epochs", "1", "--resume"], ["evaluate"]):
        assert_refused(vae(*command, run), "run run must have the images it was made for", "restore the data")
    assert Run.open(run).config.train.epochs == 1  # nothing was extended
    file.unlink()
    for command in (["train", "--more-epochs", "1", "--resume"], ["evaluate"]):
        assert_refused(vae(*command, run), str(file))


def test_an_imported_run_on_own_images_names_no_file_of_this_machine(vae: Vae, tmp_path: Path) -> None:
    file, run = tmp_path / "images.npz", tmp_path / "run"
    np.savez(file, images=np.zeros((60, 8, 8), dtype=np.uint8))
    words = ["--data.name", "npz", "--data.path", file, "--model.hidden", "8", "--train.batch-size", "20"]
    assert vae("train", "--run-dir", run, *words, "--train.epochs", "1").code == 0
    assert vae("export", run, "--to", tmp_path / "run.zip").code == 0
    assert vae("import", tmp_path / "run.zip", "--runs", tmp_path / "runs").code == 0
    answer = vae("evaluate", tmp_path / "runs" / "run")
    assert_refused(
        answer, "it was imported, and images.npz is on another machine; give your copy with --data.path"
    )


def test_divergence_ends_with_code_2_and_the_remedy(vae: Vae, tmp_path: Path) -> None:
    words = ["--model.likelihood", "gaussian", "--model.sigma", "0.001", "--train.learning-rate", "10"]
    answer = vae("train", "--run-dir", tmp_path / "a", "--model.hidden", "64", *words, "--json")
    assert answer.code == 2
    assert answer.err.startswith("error: the loss must stay finite, but stopped being a number by step ")
    assert answer.err.endswith(
        "try a smaller train.learning_rate than 10, or a larger model.sigma than 0.001\n"
    )
    assert answer.json["state"] == "diverged"
    load_model(Run.open(tmp_path / "a"), "last")


def test_memory_that_runs_out_is_told(vae: Vae, finished: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vae.evaluation.elbo.evaluate", lambda *_, **__: torch.empty(1 << 60))
    assert_refused(
        vae("evaluate", finished.path), "must fit into memory, and do not; use a smaller train.batch_size"
    )


def test_a_bad_zip_is_told_and_leaves_nothing(vae: Vae, tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("no zip")
    with zipfile.ZipFile(tmp_path / "escape.zip", "w") as archive:
        archive.writestr("../config.json", "{}")
    for name in ("text.zip", "escape.zip", "missing.zip"):
        assert_refused(vae("import", tmp_path / name, "--runs", tmp_path / "runs"))
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())
    assert not (tmp_path / "config.json").exists()


def test_a_file_and_a_folder_that_change_places_at_an_import_are_told(
    vae: Vae, finished: Run, tmp_path: Path
) -> None:
    file = tmp_path / "a.zip"
    assert vae("export", finished.path, "--to", file).code == 0
    before = file.read_bytes()
    assert_refused(vae("import", file, "--runs", file), f"error: {file} is a file; give a folder")
    assert file.read_bytes() == before
    answer = vae("import", tmp_path, "--runs", tmp_path / "runs")
    assert_refused(answer, f"error: {tmp_path} is a folder; give a file")


def test_an_export_that_cannot_be_written_is_told_and_leaves_nothing(
    vae: Vae, finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_refused(
        vae("export", finished.path, "--to", tmp_path / "no" / "a.zip"),
        f"error: the folder {tmp_path / 'no'} does not exist; make it first",
    )
    (tmp_path / "file").write_text("")
    for path in ("file", "file/onnx", "file/a.zip"):
        assert_refused(
            vae("export", finished.path, "--to", tmp_path / path),
            f"error: {tmp_path / 'file'} is a file; give a folder",
        )
    (tmp_path / "folder.zip").mkdir()
    assert_refused(
        vae("export", finished.path, "--to", tmp_path / "folder.zip"),
        f"error: {tmp_path / 'folder.zip'} is a folder; give a file",
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.zip"]


def test_a_port_in_use_or_impossible_is_told(vae: Vae, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("it started"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert_refused(
            vae("dashboard", "--port", port), f"port {port} on localhost must be free, and is in use"
        )
    assert_refused(vae("dashboard", "--port", "0"), "port must be from 1 to 65535, got 0; use 8501")
    assert_refused(vae("dashboard", "--port", "70000"), "port must be from 1 to 65535, got 70000")
    answer = vae("dashboard", "--address", "203.0.113.7", "--port", free_port())
    assert_refused(answer, "address must be one of this machine, got '203.0.113.7'; use localhost")


def test_a_file_is_no_folder_of_runs_for_the_dashboard(
    vae: Vae, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("it started"))
    file = tmp_path / "a.zip"
    file.write_text("")
    answer = vae("dashboard", "--runs", file, "--port", free_port())
    assert_refused(answer, f"--runs must be a folder, got the file {file}; give a folder of runs")


def test_ctrl_c_is_no_traceback(vae: Vae, finished: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("vae.evaluation.elbo.evaluate", interrupted)
    assert vae("evaluate", finished.path) == (130, "", "")


def test_a_reader_that_has_enough_is_no_traceback() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "vae", "train", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
