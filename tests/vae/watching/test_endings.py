"""How a watched loop ends, and goes on another time: by itself, by Ctrl-C, by an error, by a program that just ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch

import vae
from tests.support.loops import Net, lines_of, pixels, seeded, train, watch
from vae.data.dataset import Dataset
from vae.errors import UserError
from vae.runs.naming import RunError
from vae.runs.run import Run
from vae.runs.snapshots import load_model
from vae.watching.watcher import Watcher


def begin(path: Path, digits: Dataset, model: Net | None = None, **options: Any) -> tuple[Net, Watcher]:
    model = seeded(Net) if model is None else model
    return model, watch(path, encoder=model.encode, decoder=model.decode, data=digits, **options)


def test_a_loop_that_breaks_off_early_is_finished_with_what_it_has(tmp_path: Path, digits: Dataset) -> None:
    with begin(tmp_path / "own", digits, epochs=9)[1] as watcher:
        for _ in range(5):
            watcher.step(1.0)
    status = watcher.run.status()
    assert (status.state, status.step) == ("finished", 5)


@pytest.mark.parametrize(("epochs", "expected"), [(4, 6), (None, 6), (6, 6)])
def test_a_loop_that_goes_on_longer_than_it_said_has_as_many_epochs_as_it_made(
    epochs: int | None, expected: int, tmp_path: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.training.run_log.STATUS_SECONDS", 0.0)
    _, watcher = begin(tmp_path / "own", digits, epochs=epochs, batch_size=1294)
    for number in range(6):
        watcher.step(1.0)
        watcher._guarded(watcher._keep_up)
        status = watcher.run.status_as_written()
        assert status.num_steps == (6 if epochs == 6 else epochs if epochs and number < epochs else 0)
    watcher.close()
    assert Run.open(watcher.run.path).config.train.epochs == expected


def test_ctrl_c_keeps_the_weights_and_a_second_one_ends_at_once(
    tmp_path: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, watcher = begin(tmp_path / "own", digits)

    def hold(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), watcher:
        train(model, pixels(digits), watcher, steps=3)
        monkeypatch.setattr("vae.watching.record.evaluate", hold)
        raise KeyboardInterrupt
    assert watcher.run.status().state == "stopped"
    assert not watcher.run.is_locked()
    z = torch.zeros(1, 4)
    expected = torch.sigmoid(model.decode(z)).unflatten(1, (1, 8, 8)).detach()
    torch.testing.assert_close(load_model(watcher.run, "last").decode(z), expected, rtol=1e-4, atol=1e-5)


def test_what_fails_after_the_training_does_not_make_it_a_failed_one(
    tmp_path: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, watcher = begin(tmp_path / "own", digits)

    def full(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("vae.watching.record.embed", full)
    watcher.step(1.0)
    watcher.close()
    assert watcher.run.status().state == "finished"
    assert len(lines_of(watcher.run, "no latent positions")) == 1


def test_what_goes_wrong_while_watching_ends_no_training_even_where_warnings_are_errors(
    tmp_path: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, watcher = begin(tmp_path / "own", digits)
    shutil.rmtree(watcher.run.path)
    for _ in range(3):
        watcher.step(1.0)  # warnings are errors in these tests
        watcher._guarded(watcher._keep_up)
    assert not watcher.is_watching
    assert "the training is no longer watched" in capsys.readouterr().err
    assert not watcher.run.path.exists()
    watcher.close()


def test_a_run_goes_on_where_it_stood(tmp_path: Path, digits: Dataset) -> None:
    model, watcher = begin(tmp_path / "own", digits, epochs=2, beta=1.0)
    train(model, pixels(digits), watcher, steps=21)
    watcher.close()
    first, best = watcher.run.status(), load_model(watcher.run, "best")
    watcher.run.request(command="stop")
    _, again = begin(tmp_path / "own", digits, model, epochs=4, resume=True, beta=0.5)
    assert not again.stop_requested
    train(model, pixels(digits), again, steps=21)
    again.close()
    status = again.run.status()
    assert (first.step, status.step, status.state) == (21, 42, "finished")
    assert status.seconds >= first.seconds
    steps = [line["step"] for line in lines_of(again.run, "train")]
    assert steps == sorted(steps) and steps[-1] == 42
    assert len(lines_of(again.run, "start")) == len(lines_of(again.run, "resume")) == 1
    assert again.run.snapshots()[0] == 0 and again.run.snapshots()[-1] == 42
    assert Run.open(again.run.path).config.train.epochs == 4
    z = torch.zeros(1, 4)
    assert not torch.equal(load_model(again.run, "best").decode(z), best.decode(z))


def test_resume_makes_a_run_where_there_is_none(tmp_path: Path, digits: Dataset) -> None:
    _, watcher = begin(tmp_path / "own", digits, resume=True)
    watcher.step(1.0)
    watcher.close()
    assert len(lines_of(watcher.run, "start")) == 1


def test_a_folder_that_is_taken_is_refused_with_a_remedy_that_works(
    tmp_path: Path, digits: Dataset, trained_run: Run
) -> None:
    _, watcher = begin(tmp_path / "own", digits)
    for resume in (False, True):  # a cell of a notebook that is run again
        with pytest.raises(UserError, match=r"this program still has one open; close it first"):
            begin(tmp_path / "own", digits, resume=resume)
    watcher.close()
    with pytest.raises(RunError, match="continue watching it with resume=True"):
        begin(tmp_path / "own", digits)
    begin(tmp_path / "own", digits, resume=True)[1].close()
    with pytest.raises(RunError, match="was trained by `vae train`, not watched"):
        begin(trained_run.path, digits, resume=True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model": {"latent_dim": 3}}, "latent_dim must be what run 'own' was begun with, 4, got 3"),
        ({"likelihood": "continuous-bernoulli"}, "likelihood must be what run 'own' was begun with"),
        ({"data": "fewer"}, "must have the images it was made for"),
    ],
)
def test_other_networks_or_images_do_not_go_on_with_a_run(
    change: dict[str, Any], sentence: str, tmp_path: Path, digits: Dataset
) -> None:
    images = digits.images.numpy()
    begin(tmp_path / "own", images)[1].close()  # type: ignore[arg-type]
    before = (tmp_path / "own" / "config.json").read_bytes()
    model = seeded(lambda: Net(**change.pop("model", {})))
    data = images[:-5] if change.pop("data", None) else images
    with pytest.raises(UserError, match=sentence):
        begin(tmp_path / "own", data, model, resume=True, **change)
    assert (tmp_path / "own" / "config.json").read_bytes() == before


PROGRAM = """
import sys, warnings
from pathlib import Path
import torch, vae
from torch import nn
from vae.config.schema import DataConfig
from vae.data.dataset import load_dataset
torch.manual_seed(0)  # a network of chance may have a KL that is too small to compare
encoder, decoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), nn.Linear(2, 64)
data = load_dataset(DataConfig())
watcher = vae.watch(Path(sys.argv[1]), encoder=encoder, decoder=decoder, data=data, batch_size=600)
for _ in range(3):
    watcher.step(reconstruction=60.0, kl=1.0)
print("trained", flush=True)
"""


def program(tmp_path: Path, end: str) -> subprocess.CompletedProcess[str]:
    code = PROGRAM + textwrap.dedent(end)
    return subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "own")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("end", "state"),
    [("", "finished"), ("raise RuntimeError('mine')", "failed")],
)
def test_a_program_that_just_ends_leaves_a_whole_run(end: str, state: str, tmp_path: Path) -> None:
    ended = program(tmp_path, end)
    assert ended.stdout == "trained\n"
    run = Run.open(tmp_path / "own")
    assert run.status().state == state, ended.stderr
    assert run.status().step == 3
    assert "Traceback" not in ended.stderr or "mine" in ended.stderr
    if state == "failed":
        assert run.status().error == "mine"


def test_a_killed_program_leaves_what_it_reported_and_can_go_on(tmp_path: Path) -> None:
    ended = program(tmp_path, f"import os\nos.kill(os.getpid(), {int(signal.SIGKILL)})")
    assert ended.returncode == -signal.SIGKILL
    run = Run.open(tmp_path / "own")
    assert run.status().state == "interrupted"
    assert lines_of(run, "scale")[-1]["reported"] == "reconstruction,kl"
    found = vae.diagnose(run)
    assert found.scale is not None and found.scale.kl is not None


def test_a_worker_that_was_forked_off_does_not_close_the_run(tmp_path: Path, digits: Dataset) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("there is no fork")
    _, watcher = begin(tmp_path / "own", digits)
    from vae.watching.watcher import _close_all

    watcher.pid += 1  # as seen from a fork
    _close_all()
    assert watcher.is_watching
    watcher.pid -= 1
    watcher.close()
