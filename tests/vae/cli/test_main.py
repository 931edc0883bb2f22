"""The `vae` command works as the documentation writes it."""

from __future__ import annotations

import io
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits

from tests.support.mnist_files import MNIST_FILES, idx, put
from tests.vae.cli.command import QUICK, Vae, assert_refused, free_port
from vae.config.base import Config
from vae.config.own_options import chosen_by
from vae.config.schema import RunConfig, TrainConfig
from vae.data.dataset import load_dataset as load_data
from vae.evaluation.elbo import evaluate
from vae.runs.run import Run
from vae.runs.snapshots import load_model, load_weights
from vae.storage.safetensors_io import load


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
