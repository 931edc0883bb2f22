"""The `vae` command: works as written; on bad input it says one sentence, exit code 2, no traceback, nothing lost."""

from __future__ import annotations

import io
import json
import math
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from tests.support.disks import small_disk
from tests.support.mnist_files import MNIST_FILES, idx, put
from vae.cli import main
from vae.config.base import Config
from vae.config.own_options import chosen_by
from vae.config.schema import RunConfig, TrainConfig
from vae.data.dataset import load_dataset as load_data
from vae.evaluation.elbo import evaluate
from vae.runs.run import Run
from vae.runs.snapshots import load_model, load_weights
from vae.storage.safetensors_io import load, save
from vae.training.trainer import Trainer

#: Options of a training that takes a fraction of a second.
QUICK = "--model.hidden 8 --train.epochs 2 --train.batch-size 256 --train.num-snapshots 2 --train.device cpu".split()  # noqa: SIM905


class Answer(NamedTuple):
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Vae = Callable[..., Answer]


@pytest.fixture
def vae(capsys: pytest.CaptureFixture[str]) -> Vae:
    """Runs a command in this process: ``vae("train", "--run-dir", path)``."""

    def run(*arguments: object) -> Answer:
        capsys.readouterr()
        code: Any = 0
        try:
            main.main(list(map(str, arguments)))
        except SystemExit as ended:
            code = ended.code or 0
        out, err = capsys.readouterr()
        return Answer(code, out, err)

    return run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run; tests that change it take a copy."""
    path = tmp_path_factory.mktemp("runs") / "finished"
    main.main(["train", "--run-dir", str(path), *QUICK])
    return Run.open(path)


@pytest.fixture
def copy(finished: Run, tmp_path: Path) -> Run:
    shutil.copytree(finished.path, tmp_path / "copy")
    return Run.open(tmp_path / "copy")


def assert_refused(answer: Answer, *words: str) -> None:
    """Exit code 2, one sentence on standard error, nothing on standard output."""
    assert answer.code == 2, answer
    assert answer.out == ""
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") == 1
    for word in words:
        assert word in answer.err


# As written -----------------------------------------------------------------------------------------------------------


def test_the_commands_of_the_documentation_work_as_written(
    vae: Vae, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = (
        "train --run-dir runs/a --data.name digits --model.latent-dim 2 --objective.beta 1 --train.epochs 2 "
        "--train.seed 7"
    )
    answer = vae(*words.split())
    assert (answer.code, answer.out) == (0, "")
    assert answer.err == "finished at epoch 2 of 2\n"
    run = Run.open("runs/a")
    assert run.config == RunConfig(train=TrainConfig(epochs=2, seed=7))
    assert run.status().state == "finished"

    assert_refused(
        vae("train", "--resume", "runs/a"),
        "run a has trained all of its 2 epochs; ask for more",
        "--more-epochs N",
    )
    answer = vae("train", "--resume", "runs/a", "--more-epochs", "1")
    assert (answer.code, answer.err) == (0, "finished at epoch 3 of 3\n")

    answer = vae("evaluate", "runs/a", "--split", "test", "--json")
    assert (answer.code, answer.err) == (0, "")
    expected = evaluate(load_model(run, "best"), load_data(run.config.data), "test")
    assert answer.json == {
        "run": "a",
        "split": "test",
        "at": "best",
        "seed": 0,
        **expected.to_dict(),
        "unit": "nats per example",
        "pixels": "none",
        "likelihood": "bernoulli",
        "trained_in": "float32",
    }
    text = vae("evaluate", "runs/a").out
    assert f"{expected.elbo:.3f} ± {expected.standard_error:.3f}" in text
    assert "test, 359 images, pixels none, bernoulli, nats per example" in text


def test_json_prints_exactly_one_object_and_no_bar(vae: Vae, tmp_path: Path) -> None:
    answer = vae("train", "--run-dir", tmp_path / "a", *QUICK, "--json", "--name", "Größe 1")
    assert answer.code == 0
    assert answer.out.count("\n") == 1
    assert answer.json["run"] == str(tmp_path / "a")
    assert (answer.json["state"], answer.json["step"], answer.json["epoch"]) == ("finished", 12, 2.0)
    assert answer.json["best_elbo"] == load(tmp_path / "a" / "checkpoints", "best")[1]["elbo"]
    assert answer.err == "finished at epoch 2 of 2\n"
    assert Run.open(tmp_path / "a").name == "Größe 1"


def test_a_progress_bar_is_shown_on_a_terminal_only(
    vae: Vae, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        assert vae("train", "--run-dir", tmp_path / "a", *QUICK).out == ""
    assert re.search(
        r"[█#]+.* 2/2 epoch \[.*reconstruction \d+\.\d, KL \d+\.\d\d, β 1\]", terminal.getvalue()
    )
    assert "epoch [" not in vae("train", "--run-dir", tmp_path / "b", *QUICK).err


def test_help_is_quick_and_complete(tmp_path: Path) -> None:
    code = """
import sys, contextlib, io, json, time
from vae.cli import main as cli
texts = {}
for words in (["--help"], ["train", "--help"], ["evaluate", "--help"], ["reproduce", "--help"], ["export", "--help"],
              ["import", "--help"], ["data", "--help"], ["data", "download", "--help"], ["dashboard", "--help"]):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        cli.main(words)
    texts[" ".join(words)] = out.getvalue()
slow = [name for name in ("torch", "streamlit", "numpy", "sklearn", "plotly", "tqdm", "onnx") if name in sys.modules]
print(json.dumps({"texts": texts, "slow": slow}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert answer["slow"] == []
    plain = {name: re.sub(r"[│\s]+", " ", text) for name, text in answer["texts"].items()}
    for command in ("train", "evaluate", "reproduce", "export", "import", "data", "lesson", "dashboard"):
        assert f"• {command} " in plain["--help"]
    shown = plain["train --help"]
    for section, field in RunConfig.model_fields.items():
        owner = field.annotation
        assert isinstance(owner, type) and issubclass(owner, Config)
        for name, option in owner.model_fields.items():
            if chosen_by(owner, name) is not None:  # own options: tests/vae/plugins
                continue
            assert re.search(rf"--{section}\.(no-)?{name.replace('_', '-')} ", shown), name
            assert str(option.description) in shown
    assert "(default: 2; from 1 to 512)" in shown
    assert "None" not in "".join(plain.values())
    assert "--no-browser" in plain["dashboard --help"]


def test_every_option_reaches_the_run(vae: Vae, tmp_path: Path) -> None:
    options = {
        "data.binarize": "dynamic",
        "data.threshold": 0.25,
        "data.validation": 0.2,
        "data.test": 0.1,
        "data.split_seed": 3,
        "model.network": "conv",
        "model.hidden": [9, 7],
        "model.channels": [2, 3],
        "model.activation": "silu",
        "model.latent_dim": 3,
        "model.conditional": True,
        "model.sigma": 0.5,
        "objective.beta": 2.5,
        "objective.schedule": "linear",
        "objective.warmup_epochs": 2.0,
        "train.epochs": 1,
        "train.batch_size": 500,
        "train.learning_rate": 0.002,
        "train.seed": 11,
        "train.device": "cpu",
        "train.eval_every": 1,
        "train.num_snapshots": 0,
        "train.checkpoint_seconds": 5.0,
    }
    words: list[object] = []
    for name, value in options.items():
        words.append("--" + name.replace("_", "-"))
        words += value if isinstance(value, list) else [] if value is True else [value]
    answer = vae("train", "--run-dir", tmp_path / "a", *words)
    assert answer.code == 0, answer
    assert "warning: objective.warmup_epochs (2) is longer than train.epochs (1)" in answer.err
    config = Run.open(tmp_path / "a").config.to_dict()
    found = {name: config[name.split(".")[0]][name.split(".")[1]] for name in options}
    assert found == options


def test_reproduce_trains_and_prints_obtained_beside_published(vae: Vae, tmp_path: Path) -> None:
    # The published set-up on small images in MNIST's own files; on MNIST itself: tests/benchmarks/reproduce.py.
    digits = load_digits()
    parts = [(15 * digits.images[some], digits.target[some]) for some in (slice(1500), slice(1500, None))]
    contents = [idx(values) for part in parts for values in part]
    root = put(tmp_path / "data", dict(zip(MNIST_FILES, contents, strict=True)))
    run_dir = tmp_path / "run"
    words = ["pytorch-example", "--data-root", root, "--epochs", "2", "--run-dir", run_dir, "--json"]
    answer = vae("reproduce", *words)
    assert (answer.code, answer.out.count("\n")) == (0, 1)
    assert answer.json["published"] == {"neg_elbo": 105.6}
    assert answer.json["tolerance"] == 0.7
    assert answer.json["num_images"] == 297
    assert (answer.json["epochs"], answer.json["published_epochs"]) == (2, 10)
    obtained = answer.json["obtained"]["neg_elbo"]
    assert 20 < obtained < 64 * math.log(2) - 2  # better than an even grey
    assert answer.json["difference"] == {"neg_elbo": obtained - 105.6}
    assert not answer.json["within_tolerance"]
    run = Run.open(run_dir)
    assert (run.status().state, run.config.model.hidden, run.config.train.batch_size) == (
        "finished",
        (400,),
        128,
    )


def test_data_list_says_what_is_here(vae: Vae, tmp_path: Path) -> None:
    answer = vae("data", "list", "--root", tmp_path, "--json")
    names = ("digits", "mnist", "fashion-mnist", "kmnist", "emnist")
    assert answer.json == {
        "root": str(tmp_path),
        "on_this_machine": {name: name == "digits" for name in names},
    }
    assert re.search(
        r"mnist +not downloaded: vae data download mnist\n", vae("data", "list", "--root", tmp_path).out
    )


def test_data_download_goes_where_it_is_told(
    vae: Vae, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def download(name: str, root: Path, progress: Callable[[str, int, int], None]) -> None:
        asked.extend((name, root))
        progress("train-images", 5, 10)

    monkeypatch.setattr("vae.data.readers.torchvision.download", download)
    answer = vae("data", "download", "kmnist", "--root", tmp_path)
    assert answer == (0, f"{tmp_path}\n", "")
    assert asked == ["kmnist", tmp_path]


def test_export_and_import_a_run_as_a_zip(vae: Vae, finished: Run, tmp_path: Path) -> None:
    file = tmp_path / "run.zip"
    assert vae("export", finished.path, "--to", file) == (0, f"{file}\n", "")
    answer = vae("import", file, "--runs", tmp_path / "runs")
    assert answer == (0, f"{tmp_path / 'runs' / 'finished'}\n", "")
    run = Run.open(tmp_path / "runs" / "finished")
    assert load_weights(run).keys() == load_weights(finished).keys()
    assert all(
        torch.equal(load_weights(run)[name], tensor) for name, tensor in load_weights(finished).items()
    )
    assert vae("train", "--resume", run.path, "--more-epochs", 1).code == 0


def test_export_writes_the_training_as_a_script(vae: Vae, finished: Run, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    answer = vae("export", finished.path, "--code", script, "--to", tmp_path / "run.zip")
    assert answer == (0, f"{script}\n{tmp_path / 'run.zip'}\n", "")
    assert "def train():" in script.read_text(encoding="utf-8")
    answer = vae("export", finished.path, "--code", tmp_path / "no" / "script.py")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.count("\n") == 1


def test_export_asks_where_to(vae: Vae, finished: Run) -> None:
    answer = vae("export", finished.path)
    assert answer.code == 2
    assert answer.err == (
        "error: export needs a place to write to, got none; use --to FOLDER, --to FILE.zip or --code FILE.py\n"
    )


def test_export_writes_both_networks_as_onnx(vae: Vae, finished: Run, tmp_path: Path) -> None:
    answer = vae("export", finished.path, "--to", tmp_path / "onnx", "--at", "last")
    assert answer.code == 0, answer
    written = sorted(path.name for path in (tmp_path / "onnx").iterdir())
    assert written == ["decoder.onnx", "encoder.onnx"]
    assert answer.out.split() == [str(tmp_path / "onnx" / name) for name in written]


def test_dashboard_starts_the_app_on_the_folder(
    vae: Vae, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _program, words: started.append(words))
    monkeypatch.setenv("LATENT_LAB_RUNS", "elsewhere")
    port = free_port()
    monkeypatch.chdir(tmp_path)
    assert vae("dashboard", "--runs", "my runs", "--port", port, "--no-browser") == (0, "", "")
    assert os.environ["LATENT_LAB_RUNS"] == str(tmp_path / "my runs")
    assert started[0][:4] == [sys.executable, "-m", "streamlit", "run"]
    assert Path(started[0][4]).name == "app.py"
    flags = [f"--server.port={port}", "--server.address=localhost", "--server.headless=true"]
    assert started[0][5:] == flags


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


# Bad input ------------------------------------------------------------------------------------------------------------


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


# A full disk ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 1024) as place:
        yield place


def test_a_full_disk_stops_the_run_with_that_sentence_and_the_last_checkpoint_stays_good(
    vae: Vae, small: Path, tmp_path: Path
) -> None:
    words = [*QUICK, "--model.hidden", 200, "--train.epochs", 8, "--train.num-snapshots", 8]
    words += ["--train.checkpoint-seconds", 0.001]
    run_dir = small / "run"
    answer = vae("train", "--run-dir", run_dir, *words)
    assert_refused(answer, "the disk is full: ", "free some space and try again")
    run = Run.open(run_dir)
    assert not run.is_locked()
    assert run.status().state == "failed"
    assert str(run.status().error).startswith("the disk is full: ")
    assert not list(run_dir.rglob("*.tmp"))
    _, point = load(run.checkpoints_dir, "last")
    load_model(run, "last")
    assert 0 < point["epochs"] < 8 or point["batch"] > 0
    # Still full: the same sentence, and nothing is lost.
    assert_refused(vae("train", "--resume", run_dir), "the disk is full")
    assert load(run.checkpoints_dir, "last")[1]["epochs"] >= point["epochs"]
    # With room again it goes on, and ends where it would have ended.
    subprocess.run(["mount", "-o", "remount,size=100m", str(small)], check=True)
    assert vae("train", "--resume", run_dir).code == 0
    assert vae("train", "--run-dir", tmp_path / "never-full", *words).code == 0
    expected = load_weights(Run.open(tmp_path / "never-full"), "last")
    found = load_weights(run, "last")
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_a_disk_that_is_full_from_the_start_holds_no_half_made_run(vae: Vae, small: Path) -> None:
    with (small / "filler").open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(bytes(4096))
    assert_refused(vae("train", "--run-dir", small / "run", *QUICK), "the disk is full")
    assert not (small / "run" / "config.json").exists()
    (small / "filler").unlink()
    assert vae("train", "--run-dir", small / "run", *QUICK).code == 0


def test_a_library_user_gets_the_error_itself(copy: Run) -> None:
    copy.extend(1)
    (copy.checkpoints_dir / "last.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="is damaged"):
        next(Trainer(copy, load_data(copy.config.data)).train())
