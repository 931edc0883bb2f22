"""Somebody else's run folder: nothing leads out of it, nothing in it makes anybody wait, and each oddity is told."""

from __future__ import annotations

import io
import itertools
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.cache import latents, lru, models
from dashboard.jobs.trainers import Trainers
from tests.support.hostile_folders import (
    FILES,
    FOLDERS,
    IN_PLACE_OF_FILES,
    IN_PLACE_OF_FOLDERS,
    Trap,
    everything,
    hard_link,
    link,
    pipe,
)
from vae.config.schema import ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import load_dataset as load_data
from vae.errors import UserError
from vae.runs.archive import export_run
from vae.runs.listing import list_runs
from vae.runs.metrics import MetricsReader, MetricsWriter, newest
from vae.runs.run import Run
from vae.runs.snapshot_index import moments
from vae.runs.snapshots import load_model
from vae.runs.status import Status
from vae.storage import open_folder
from vae.storage.atomic import disk_sentence, replacing, write_json
from vae.storage.confined import open_plain
from vae.storage.held_folder import split
from vae.storage.open_folder import NotPlain
from vae.storage.safetensors_header import CheckpointError
from vae.storage.safetensors_io import load, save
from vae.training.trainer import Trainer

#: A few steps: one more epoch takes a tenth of a second.
CONFIG = RunConfig(
    model=ModelConfig(hidden=(4,)),
    train=TrainConfig(epochs=1, batch_size=500, device="cpu", num_snapshots=2, checkpoint_seconds=1e-6),
)
TRAPS = [
    *itertools.product(FILES, IN_PLACE_OF_FILES),
    *itertools.product(FOLDERS, IN_PLACE_OF_FOLDERS),
]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of two epochs, one of them trained."""
    dataset = load_data(CONFIG.data)
    run = Run.create(tmp_path_factory.mktemp("made") / "run", CONFIG, dataset.info())
    for _ in Trainer(run, dataset).train():
        pass
    run.extend(1)
    return run


@pytest.fixture
def place(stopped: Run, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """The folder of a run that can be trained on, and one outside it."""
    shutil.copytree(stopped.path, tmp_path / "runs" / "run")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / ".precious.tmp").write_text("kept")
    lru.clear()
    yield tmp_path / "runs" / "run", tmp_path / "outside"
    lru.clear()


def use(path: Path) -> list[str]:
    """Do with a run all that the program does with one; returns the sentences of what is refused."""
    told = []

    def tried(action: Callable[[], object]) -> None:
        try:
            action()
        except UserError as error:
            told.append(str(error))
        except OSError as error:
            told.append(disk_sentence(error))

    def train() -> None:
        run = Run.open(path)
        for _ in Trainer(run, load_data(run.config.data)).train():
            pass

    def with_run(action: Callable[[Run], object]) -> Callable[[], object]:
        return lambda: action(Run.open(path))

    tried(lambda: list_runs(path.parent))
    for action in (
        lambda run: run.status(),
        lambda run: run.control(),
        lambda run: run.is_locked(),
        lambda run: run.snapshots(),
        lambda run: run.latest_metrics(),
        lambda run: run.complaint(),
        moments,
        load_model,
        lambda run: models.stamp(run, "best") + models.stamp(run, "last"),
        lambda run: latents.embedding(run, "best", "test"),
        lambda run: MetricsReader(run.metrics_path).read(),
        lambda run: export_run(run, io.BytesIO()),
        lambda run: run.request(beta=2.0),
        lambda run: run.rename("another"),
        lambda run: run.extend(1),
        lambda run: run.fail("it ended"),
    ):
        tried(with_run(action))
    tried(train)
    tried(with_run(lambda run: run.delete()))
    return told


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("name", "trap"), TRAPS, ids=lambda one: getattr(one, "__name__", one))
def test_whatever_stands_at_one_of_a_runs_names_nothing_outside_changes_and_nothing_hangs(
    place: tuple[Path, Path], name: str, trap: Trap
) -> None:
    path, outside = place
    trap(path / name, outside)
    before = everything(outside)
    told = use(path)
    assert everything(outside) == before
    assert all(len(sentence) <= 400 and "\n" not in sentence for sentence in told)
    assert not path.exists() or trap is not link or told  # what is refused is told


@pytest.mark.parametrize("name", [*FILES, *FOLDERS])
def test_a_link_in_a_run_is_told_on_the_page_that_lists_runs(place: tuple[Path, Path], name: str) -> None:
    path, outside = place
    link(path / name, outside)
    (found,) = list_runs(path.parent)
    sentence = found.complaint() if isinstance(found, Run) else found.sentence
    if "/" not in name:
        assert f"{Path(name).name} must be" in sentence and "is a link" in sentence


def test_the_sweep_of_a_trainer_follows_no_link(place: tuple[Path, Path]) -> None:
    path, outside = place
    for name in ("snapshots", "checkpoints"):
        link(path / name, outside)
        (outside / name / ".hidden").mkdir(parents=True)
        (outside / name / ".half.tmp").write_text("somebody's")
        os.utime(outside / name / ".half.tmp", (0, 0))
    before = everything(outside)
    with Run.open(path).lock():
        pass
    assert everything(outside) == before


def test_a_snapshot_that_is_a_link_is_none(place: tuple[Path, Path]) -> None:
    path, outside = place
    run = Run.open(path)
    first, *others = run.snapshots()
    link(run.snapshot_dir(first), outside)
    before = everything(outside)
    assert run.snapshots() == others
    with pytest.raises(CheckpointError, match="is a link"):
        load(run.snapshot_dir(first), "weights")
    run.drop_snapshots_after(-1)
    assert run.snapshots() == [] and everything(outside) == before


def test_checkpoints_that_are_a_link_do_not_count_as_none_so_that_training_does_not_begin_anew(
    place: tuple[Path, Path],
) -> None:
    path, outside = place
    link(path / "checkpoints", outside)
    run = Run.open(path)
    snapshots, history = run.snapshots(), run.metrics_path.read_bytes()
    with pytest.raises(UserError, match="checkpoints must be a folder, and is a link"):
        next(Trainer(run, load_data(run.config.data)).train())
    assert run.snapshots() == snapshots and run.metrics_path.read_bytes() == history


def test_a_history_with_another_name_elsewhere_becomes_the_runs_own_before_it_grows(
    place: tuple[Path, Path],
) -> None:
    path, outside = place
    hard_link(path / "metrics.jsonl", outside)
    before = (outside / "metrics.jsonl").read_bytes()
    line = MetricsReader(path / "metrics.jsonl").read()[1][0]
    with MetricsWriter(path / "metrics.jsonl") as writer:
        writer.write(line)
    assert (outside / "metrics.jsonl").read_bytes() == before
    assert (path / "metrics.jsonl").read_bytes().startswith(before)
    assert (path / "metrics.jsonl").stat().st_size > len(before)


def test_a_lock_with_another_name_elsewhere_is_not_shared_with_the_copy(place: tuple[Path, Path]) -> None:
    path, _ = place
    run = Run.open(path)
    copy = shutil.copytree(path, path.with_name("backup"), copy_function=os.link)
    with run.lock():
        assert not Run.open(copy).is_locked()
        with Run.open(copy).lock():
            assert run.is_locked()


def test_a_name_is_looked_at_in_the_folder_that_was_opened_whatever_is_renamed_meanwhile(
    place: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, outside = place
    save(outside, "last", {}, {"step": 13})
    original, swapped = open_folder.plain_stat, threading.Event()

    def swapping(*arguments: Any) -> Any:
        found = original(*arguments)
        if not swapped.is_set():  # between the look and the opening
            swapped.set()
            (path / "checkpoints").rename(path / "moved")
            (path / "checkpoints").symlink_to(outside)
        return found

    monkeypatch.setattr(open_folder, "plain_stat", swapping)
    assert load(path / "checkpoints", "last")[1].get("step") != 13
    assert swapped.is_set()


def test_a_link_put_in_the_place_of_a_file_between_look_and_opening_is_refused(
    place: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, outside = place
    original, calls = open_folder.plain_stat, itertools.count()

    def swapping(*arguments: Any) -> Any:
        found = original(*arguments)
        if next(calls) == 0:
            (path / "status.json").unlink()
            (path / "status.json").symlink_to(outside / ".precious.tmp")
        return found

    monkeypatch.setattr(open_folder, "plain_stat", swapping)
    with pytest.raises(NotPlain, match="is a link"):
        open_plain(path / "status.json")


def test_what_is_written_replaces_a_link_and_leaves_its_target(place: tuple[Path, Path]) -> None:
    path, outside = place
    link(path / "control.json", outside)
    before = everything(outside)
    Run.open(path).request(beta=3.0)
    assert Run.open(path).control().beta == 3.0 and not (path / "control.json").is_symlink()
    assert everything(outside) == before


def test_a_run_whose_folder_is_a_link_is_shown_and_not_changed(place: tuple[Path, Path]) -> None:
    path, _ = place
    (path.parent / "linked").symlink_to(path)
    linked = Run.open(path.parent / "linked")
    assert {run.id for run in list_runs(path.parent)} == {"run", "linked"}
    assert linked.snapshots() and load_model(linked) is not None
    before = everything(path)
    for change in (
        lambda: linked.request(beta=1.0),
        lambda: linked.rename("x"),
        lambda: linked.extend(1),
        lambda: linked.fail("x"),
        lambda: next(Trainer(linked, load_data(CONFIG.data)).train()),
        lambda: Trainers().start(linked),
    ):
        with pytest.raises(
            UserError,
            match=rf"run 'linked' is a link and can only be viewed; .*open the folder itself, {path}",
        ):
            change()
    with pytest.raises(UserError, match="is a link"):
        linked.delete()
    assert everything(path) == before


def test_links_above_a_run_are_the_users_own(place: tuple[Path, Path]) -> None:
    path, outside = place
    (outside / "shared").symlink_to(path.parent)
    run = Run.open(outside / "shared" / "run")
    for _ in Trainer(run, load_data(run.config.data)).train():
        pass
    assert Run.open(path).status().state == "finished"


@pytest.mark.parametrize(
    ("path", "root", "names"),
    [
        ("/a/run/config.json", "/a/run", ("config.json",)),
        ("/a/run/checkpoints/last.safetensors", "/a/run", ("checkpoints", "last.safetensors")),
        ("/a/run/snapshots/12/probe.safetensors", "/a/run", ("snapshots", "12", "probe.safetensors")),
        ("/a/run/snapshots/.12/weights.safetensors", "/a/run", ("snapshots", ".12", "weights.safetensors")),
        ("/a/run/snapshots/12", "/a/run", ("snapshots", "12")),
        ("/a/snapshots/digits/config.json", "/a/snapshots/digits", ("config.json",)),
        ("/a/checkpoints/digits/lock", "/a/checkpoints/digits", ("lock",)),
        ("x.json", ".", ("x.json",)),
        ("/x.json", "/", ("x.json",)),
    ],
)
def test_the_folder_of_a_run_is_known_by_what_is_in_it(path: str, root: str, names: tuple[str, ...]) -> None:
    assert split(Path(path)) == (Path(root), names)


def test_a_file_where_a_folder_of_a_run_belongs_is_told(place: tuple[Path, Path]) -> None:
    path, _ = place
    shutil.rmtree(path / "checkpoints")
    (path / "checkpoints").write_text("")
    for action in (
        lambda: save(path / "checkpoints", "last", {}),
        lambda: load(path / "checkpoints", "last"),
    ):
        with pytest.raises((NotPlain, CheckpointError), match="checkpoints must be a folder, and is a file"):
            action()


def test_a_half_written_file_in_the_place_of_a_link_is_removed_after_an_error(
    place: tuple[Path, Path],
) -> None:
    path, outside = place
    link(path / "status.json", outside)
    before = everything(outside)
    with pytest.raises(ZeroDivisionError), replacing(path / "status.json"):
        raise ZeroDivisionError
    assert everything(outside) == before and (path / "status.json").is_symlink()
    write_json(path / "status.json", Status().to_dict())
    assert not (path / "status.json").is_symlink() and everything(outside) == before


@pytest.mark.timeout(20)
def test_a_pipe_or_a_link_as_the_images_of_a_watched_run_is_told(place: tuple[Path, Path]) -> None:
    from vae.runs.run_dataset import images_of

    path, outside = place
    run = Run.open(path)
    run.config = run.config.replace(data=run.config.data.replace(name="npz", path=path / "images.npz"))
    for trap in (link, pipe):
        trap(path / "images.npz", outside)
        with pytest.raises(UserError, match=r"images\.npz must be a plain file, and is a (pipe|link)"):
            images_of(run)


@pytest.mark.timeout(20)
def test_the_newest_lines_of_a_history_that_is_a_pipe_are_refused(place: tuple[Path, Path]) -> None:
    path, outside = place
    pipe(path / "metrics.jsonl", outside)
    with pytest.raises(NotPlain, match=r"metrics\.jsonl must be a plain file, and is a pipe; remove it"):
        newest(path / "metrics.jsonl")


#: What a path can do by itself, with all links followed.
_FOLLOWS = "open|(read|write)_(text|bytes)|is_file|exists|stat|unlink|mkdir|rename|replace|glob|iterdir"


def test_nobody_reaches_into_a_run_but_by_the_one_way_and_none_makes_temporary_folders_of_its_own() -> None:
    sources = [
        path
        for name in ("vae", "dashboard")
        for path in Path(__file__).parents[3].joinpath(name).rglob("*.py")
    ]
    into_a_run = re.compile(
        rf"(run\.path / [^\n]+|checkpoints_dir[^\n]*|metrics_path|snapshot_dir\([^\n]+)\)?\.({_FOLLOWS})\("
    )
    found = {path.name for path in sources if into_a_run.search(path.read_text())}
    assert len(sources) > 150 and not found
    makers = re.compile(r"tempfile\.(TemporaryDirectory|mkdtemp|NamedTemporaryFile|mkstemp)\(")
    assert {path.name for path in sources if makers.search(path.read_text())} == {"scratch.py"}
