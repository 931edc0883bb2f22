"""What may be done with a run that a user's own loop wrote: whatever would train it asks first, and says why not."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import Tensor, nn

import vae
from dashboard import settings
from dashboard.cache import lru
from dashboard.jobs import measurements, sweeps, test_metrics
from dashboard.jobs.trainers import trainers
from dashboard.shell import run_picker
from vae.cli.main import main
from vae.config.schema import DataConfig, ModelConfig, RunConfig
from vae.data.dataset import Dataset
from vae.errors import UserError
from vae.evaluation.ais import annealed
from vae.experiments.sweep import points
from vae.runs.naming import RunError
from vae.runs.run import Run
from vae.runs.snapshots import load_model
from vae.runs.status import Status
from vae.runs.watch_notes import WATCH_FILE, WatchNotes
from vae.training import worker
from vae.training.preconditions import why_not_trainable

PAGES = ("train", "collapse", "compare", "runs")
WHERE = "in the program that vae.watch watched"


def watch(
    path: Path, digits: Dataset, decode: Callable[[Tensor], Tensor] | None = None, **options: Any
) -> Run:
    """A loop of three steps that trains nothing, watched."""
    encoder, decoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), nn.Linear(2, 64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        watcher = vae.watch(
            path,
            encoder=encoder,
            decoder=decode or decoder,
            data=digits,
            batch_size=600,
            num_snapshots=2,
            **options,
        )
    for _ in range(3):
        watcher.step()
    watcher.close()
    return watcher.run


def out_of_numpy(z: Tensor) -> Tensor:
    """A decoder that no exporter can follow."""
    return torch.from_numpy(z.numpy()).repeat(1, 32)


@pytest.fixture(scope="module")
def kept(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return watch(tmp_path_factory.mktemp("kept") / "own", digits)


@pytest.fixture(scope="module")
def pictureless(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return watch(tmp_path_factory.mktemp("pictureless") / "own", digits, out_of_numpy)


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setenv(settings.RUNS_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setattr(settings, "shipped_root", lambda: tmp_path / "shipped")
    lru.clear()
    yield tmp_path / "runs"
    lru.clear()


Put = Callable[..., Run]


@pytest.fixture
def put(root: Path) -> Put:
    """A copy of a run in the dashboard's folder, in a state."""

    def copy(run: Run, **changes: Any) -> Run:
        shutil.copytree(run.path, root / "own")
        copied = Run.open(root / "own")
        if changes:
            copied.write_status(copied.status().replace(**changes))
        return copied

    return copy


def script(name: str) -> None:
    from importlib import import_module

    from dashboard.link import session as state
    from dashboard.shell import run_picker

    run_picker.draw(needed=True)
    import_module(f"dashboard.views.{name}.page").page()
    run_picker.tell()
    state.settle()


def page(name: str) -> AppTest:
    at = AppTest.from_function(script, args=(name,), default_timeout=60)
    at.query_params["run"] = "own"
    at.run()
    assert not at.exception
    return at


def words(at: AppTest) -> str:
    said = (*at.error, *at.warning, *at.info, *at.caption, *at.markdown)
    return "\n".join(one.value.replace("\\", "").replace("\N{WORD JOINER}", "") for one in said)


# Whatever trains a run -----------------------------------------------------------------------------------------------


def through_the_page(run: Run) -> None:
    trainers.start(run)


def through_the_command_line(run: Run) -> None:
    main(["train", "--resume", str(run.path)])


def with_more_epochs(run: Run) -> None:
    main(["train", "--resume", str(run.path), "--more-epochs", "5"])


def through_a_process_that_waited(run: Run) -> None:
    class Line:
        def readline(self) -> bytes:
            return str(run.path).encode() + b"\n"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "warm_up", lambda: None)
        patch.setattr(worker, "_print_into", lambda log: None)
        patch.setattr("sys.stdin", type("In", (), {"buffer": Line()}))
        worker.wait_and_train()


@pytest.mark.parametrize("state", ["finished", "stopped", "interrupted", "queued", "new"])
@pytest.mark.parametrize(
    "train", [through_the_page, through_the_command_line, with_more_epochs, through_a_process_that_waited]
)
def test_a_watched_run_is_not_trained_here_and_stays_as_it_is(
    train: Callable[[Run], None], state: str, kept: Run, put: Put, capsys: pytest.CaptureFixture[str]
) -> None:
    run = put(kept, state=state)
    before, config = run.status(), (run.path / "config.json").read_bytes()
    with pytest.raises((RunError, SystemExit)) as refusal:
        train(run)
    assert WHERE in f"{refusal.value}{capsys.readouterr().err}"
    assert run.status() == before
    assert (run.path / "config.json").read_bytes() == config
    assert trainers.place(run) is None


def test_a_watched_run_that_a_server_left_queued_is_not_taken_up(kept: Run, put: Put) -> None:
    run = put(kept, state="queued", heartbeat=0.0, pid=None)
    before = run.status()
    trainers._make_round()
    assert trainers.place(run) is None
    assert run.status() == before


@pytest.mark.parametrize("state", ["finished", "diverged", "new"])
def test_train_on_is_not_offered_for_a_watched_run(state: str, kept: Run, put: Put) -> None:
    put(kept, state=state)
    at = page("train")
    assert not [one for one in at.button if str(one.key).startswith(("start:", "extend:"))]
    assert not [one for one in at.number_input if str(one.key).startswith("more:")]
    assert WHERE in words(at)


def test_collapse_does_not_send_to_the_train_page_for_a_watched_run(kept: Run, put: Put) -> None:
    put(kept, state="stopped")
    assert "Continue it on the Train page" not in words(page("collapse"))


def test_a_sweep_of_somebodys_networks_is_refused_before_it_begins(kept: Run, put: Put) -> None:
    with pytest.raises(UserError, match="a sweep must train networks of this library"):
        points("s", RunConfig(model=ModelConfig(network="external")), [1.0, 2.0])
    run = put(kept, state="stopped")
    assert sweeps.undone([run]) == []


def test_a_run_that_came_without_what_it_needs_is_not_trained_on_either(
    trained_run: Run, root: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained_run.path, root / "best-alone")
    alone = Run.open(root / "best-alone")
    (alone.checkpoints_dir / "last.safetensors").unlink()
    with pytest.raises(RunError, match="must hold its last checkpoint to continue"):
        trainers.start(alone)
    assert alone.status().state == "finished"
    own = RunConfig(data=DataConfig(name="npz", path=tmp_path / "gone.npz"))
    imported = Run.create(root / "imported", own, trained_run.info)
    with pytest.raises(UserError, match=r"gone\.npz"):
        trainers.start(imported)
    assert imported.status().state == "new"
    assert why_not_trainable(imported) == ""  # the command line is told where the images are
    assert why_not_trainable(trained_run, look_for_images=True) == ""


def test_a_gpu_that_is_not_here_is_told_before_a_run_is_queued(trained_run: Run, root: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    shutil.copytree(trained_run.path, root / "own")
    values = json.loads((root / "own" / "config.json").read_text())
    values["config"]["train"]["device"] = "cuda"
    (root / "own" / "config.json").write_text(json.dumps(values))
    with pytest.raises(RunError, match="which this machine has not"):
        trainers.start(Run.open(root / "own"))


def test_a_folder_with_a_watched_run_does_not_recommend_what_is_refused(kept: Run) -> None:
    with pytest.raises(RunError) as refusal:
        Run.create(kept.path, kept.config, kept.info)
    assert "already holds a run" in str(refusal.value)
    assert "vae train --resume" not in str(refusal.value)


# Pages that wait for weights -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("explore", "finished"),
        ("explore", "running"),
        ("map", "running"),
        ("generate", "failed"),
        ("evaluate", "new"),
    ],
)
def test_networks_that_cannot_be_kept_are_not_waited_for(
    name: str, state: str, pictureless: Run, put: Put
) -> None:
    put(pictureless, state=state)
    said = words(page(name))
    assert "cannot" in said and "exported to ONNX" in said
    assert "weights yet" not in said and "as soon as" not in said


@pytest.mark.parametrize("name", PAGES)
def test_no_page_fails_for_want_of_networks(name: str, pictureless: Run, put: Put) -> None:
    put(pictureless)
    page(name)


def test_a_run_without_networks_is_not_measured_and_says_why(pictureless: Run, put: Put) -> None:
    run = put(pictureless)
    assert "exported to ONNX" in test_metrics.why_not(run)


def test_annealing_is_not_offered_where_there_are_no_gradients(kept: Run, put: Put, digits: Dataset) -> None:
    run = put(kept)
    (button,) = [one for one in page("evaluate").button if one.label == "Measure by annealing"]
    assert button.disabled
    with pytest.raises(UserError, match="annealing needs gradients"):
        annealed(load_model(run), digits, num_images=1)
    with pytest.raises(SystemExit):
        main(["evaluate", str(run.path), "--ais", "--images", "2"])
    assert measurements.kinds(run) == frozenset()


# How long it goes on -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("planned", "status", "expected"),
    [
        (4, {"epoch": 2.0, "num_steps": 40}, "epoch 2 of 4"),
        (4, {"epoch": 6.0, "num_steps": 40}, "epoch 6"),  # the loop goes on beyond what it said
        (1, {"epoch": 3.0, "num_steps": 0}, "epoch 3"),  # it never said
    ],
)
def test_no_epoch_is_beyond_the_last(
    planned: int, status: dict[str, Any], expected: str, kept: Run, put: Put
) -> None:
    run = put(kept)
    values = json.loads((run.path / "config.json").read_text())
    values["config"]["train"]["epochs"] = planned
    (run.path / "config.json").write_text(json.dumps(values))
    run = Run.open(run.path)
    run.write_status(Status(state="stopped", step=30, **status))
    assert run_picker.epoch(run) == expected
    assert f"Stopped at {expected}." in words(page("collapse"))
    own = run.config.replace(model=ModelConfig())
    run.config = own
    assert run_picker.epoch(run) == f"epoch {status['epoch']:.0f} of {planned}"


# The file of what was found out --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{", '{"problem": 3, "guesses": "x", "reads_beta": 1}', '{"guesses": [1, null, {}]}'],
)
def test_notes_that_make_no_sense_are_none(text: str, kept: Run, put: Put) -> None:
    run = put(kept)
    (run.path / WATCH_FILE).write_text(text)
    assert WatchNotes.of(run) == WatchNotes()


def test_notes_are_short_and_reach_no_terminal(kept: Run, put: Put, trained_run: Run) -> None:
    run = put(kept)
    (run.path / WATCH_FILE).write_text(
        json.dumps({"problem": "a\x1b[31m\nb" * 1000, "guesses": ["c\x07"] * 100})
    )
    notes = WatchNotes.of(run)
    assert len(notes.problem) <= 400 and notes.problem.isprintable()
    assert len(notes.guesses) == 20 and notes.guesses[0] == "c\\x07"
    (trained_run.path / WATCH_FILE).write_text('{"problem": "none of its own"}')
    try:
        assert WatchNotes.of(trained_run) == WatchNotes()
    finally:
        (trained_run.path / WATCH_FILE).unlink()


# What the Train page can ask of a loop --------------------------------------------------------------------------------


@pytest.mark.parametrize("asks", [True, False])
def test_beta_and_stop_are_offered_only_to_a_loop_that_asks_for_them(asks: bool, kept: Run, put: Put) -> None:
    run = put(kept, state="running", pid=None, host="elsewhere", heartbeat=2**40, beta=0.5)
    notes = {"reads_beta": asks, "reads_stop": asks, "guesses": ["the images were taken as *flat*"]}
    (run.path / WATCH_FILE).write_text(json.dumps(notes))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "is_locked", lambda self: True)
        at = page("train")
    assert bool([one for one in at.select_slider if str(one.key).startswith("beta:")]) is asks
    assert bool([one for one in at.button if one.label == "Stop"]) is asks
    assert [one for one in at.button if one.label == "Pause"]
    assert ("β = 0.5, set by your own loop" in words(at)) is not asks
    assert "the images were taken as *flat*" in words(at)
