"""What killed processes leave half done is gone as soon as somebody works there again; what is being written stays."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import vae.runs.cleanup
import vae.storage.atomic
from dashboard.jobs import queued_runs
from tests.support.empty_runs import CONFIG, INFO
from tests.support.hostile_folders import everything
from vae.config.schema import DataConfig
from vae.runs.archive import ArchiveError, import_run
from vae.runs.cleanup import UPLOADS, sweep_runs
from vae.runs.run import Run
from vae.storage.atomic import replacing, sweep
from vae.storage.locking import try_to_lock
from vae.storage.scratch import scratch

WRITES = (
    "from vae.storage.atomic import replacing\n"
    "with replacing(Path({0!r})) as file:\n    file.write(b'half')\n    wait()"
)
SCRATCH = (
    "from vae.storage.scratch import scratch\n"
    "with scratch() as folder:\n    (folder / 'half').touch()\n    wait()"
)
IMPORTS = """
from vae.runs.cleanup import IMPORTING
from vae.storage.scratch import working_folder
with working_folder(Path({0!r}), IMPORTING) as folder:
    (folder / "run").mkdir()
    wait()
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "a", CONFIG, INFO)


def start(code: str) -> subprocess.Popen[str]:
    """A process that says when it is in the middle of it, and goes on when it is told to."""
    head = "import sys\nfrom pathlib import Path\n"
    wait = "def wait():\n    print('half', flush=True)\n    sys.stdin.readline()\n"
    command = [sys.executable, "-c", head + wait + code]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "half\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


PLACES = ("status.json", "checkpoints/last.safetensors", "projections/tsne.safetensors", "evaluation.json")


@pytest.mark.parametrize("name", PLACES)
def test_what_a_killed_writer_left_in_a_run_goes_with_the_next_trainer_however_soon(
    run: Run, name: str
) -> None:
    path = run.path / name
    path.parent.mkdir(exist_ok=True)
    process = start(WRITES.format(str(path)))
    with run.lock():
        assert len(hidden(path.parent)) == 1  # it is being written
    kill(process)
    assert len(hidden(path.parent)) == 1
    with run.lock():
        pass
    assert not hidden(path.parent)


def test_what_is_being_written_is_written_whoever_sweeps_meanwhile(run: Run) -> None:
    process = start(WRITES.format(str(run.path / "status.json")))
    for _ in range(5):
        sweep(run.path)
    process.communicate("go on\n", timeout=30)
    assert process.returncode == 0
    assert (run.path / "status.json").read_bytes() == b"half" and not hidden(run.path)


def test_one_who_sweeps_just_after_a_file_was_begun_takes_nothing_from_its_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[list[str]] = []

    def late(descriptor: int) -> bool | None:
        monkeypatch.setattr(vae.storage.atomic, "try_to_lock", try_to_lock)
        sweep(tmp_path)  # before the writer holds its lock
        swept.append(hidden(tmp_path))
        return try_to_lock(descriptor)

    monkeypatch.setattr(vae.storage.atomic, "try_to_lock", late)
    with replacing(tmp_path / "x") as file:
        file.write(b"whole")
    assert swept == [[]]
    assert (tmp_path / "x").read_bytes() == b"whole" and not hidden(tmp_path)


def test_on_a_disk_without_locks_the_name_says_whose_a_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    here, there = vae.storage.atomic._this_machine(), "0" * 8
    names = {
        f".x.{here}-{dead.pid}-00000000.tmp": False,
        f".x.{here}-{os.getpid()}-00000000.tmp": True,
        f".x.{there}-{dead.pid}-00000000.tmp": True,
        f".y.{there}-{dead.pid}-00000000.tmp": False,  # for more than an hour
    }
    for name in names:
        (tmp_path / name).touch()
    os.utime(tmp_path / list(names)[-1], (time.time() - 4000,) * 2)
    monkeypatch.setattr(vae.storage.atomic, "try_to_lock", lambda _: None)
    sweep(tmp_path, older_than=60)
    assert {name: (tmp_path / name).exists() for name in names} == names


def test_a_number_of_a_process_that_another_has_by_now_saves_nothing(tmp_path: Path) -> None:
    (tmp_path / f".x.{vae.storage.atomic._this_machine()}-{os.getpid()}-00000000.tmp").touch()
    sweep(tmp_path, older_than=60)
    assert not hidden(tmp_path)


def test_of_what_is_written_for_one_name_only_that_goes(tmp_path: Path) -> None:
    for name in ("out.zip", "out.zip.bak"):
        kill(start(WRITES.format(str(tmp_path / name))))
    sweep(tmp_path, name="out.zip.bak")
    assert [name.split("-")[0][:9] for name in hidden(tmp_path)] == [".out.zip."]


@pytest.mark.parametrize(
    ("code", "sweeps"),
    [
        (IMPORTS, lambda root: sweep_runs(root)),
        (IMPORTS, lambda root: import_refused(root)),
        (WRITES.format("{0}/" + UPLOADS + "/x.npz"), lambda root: sweep_runs(root)),
    ],
)
def test_beside_the_runs_what_a_killed_import_or_upload_left_goes_with_the_next_work_there(
    tmp_path: Path, code: str, sweeps: Callable[[Path], object]
) -> None:
    (tmp_path / UPLOADS).mkdir()
    process = start(code.format(str(tmp_path)) if code is IMPORTS else code.format(tmp_path))
    before = everything(tmp_path)
    sweeps(tmp_path)
    assert everything(tmp_path).keys() == before.keys()  # somebody is at it
    kill(process)
    sweeps(tmp_path)
    assert list(everything(tmp_path)) == [UPLOADS]


def import_refused(root: Path) -> None:
    with pytest.raises(ArchiveError):
        import_run(io.BytesIO(b"no zip file"), root)


def test_a_link_that_is_called_like_what_is_left_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / ".x.tmp").touch()
    os.utime(tmp_path / "outside" / ".x.tmp", (0, 0))
    (tmp_path / "runs").mkdir()
    for name in (".deleted-x", ".importing-x", ".import-x", UPLOADS):
        (tmp_path / "runs" / name).symlink_to(tmp_path / "outside")
    before = everything(tmp_path / "outside")
    sweep_runs(tmp_path / "runs")
    assert everything(tmp_path / "outside") == before


def upload(root: Path, name: str, hours: float = 2) -> Path:
    """An upload that was last sent so many hours ago."""
    path = root / UPLOADS / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"images")
    os.utime(path, (time.time() - 3600 * hours,) * 2)
    return path


def made_for(root: Path, name: str, path: Path) -> Run:
    return Run.create(root / name, CONFIG.replace(data=DataConfig(name="npz", path=path)), INFO)


def test_uploads_that_no_run_is_made_for_go_after_an_hour(tmp_path: Path) -> None:
    used, unused = upload(tmp_path, "0" * 16 + ".npz"), upload(tmp_path, "1" * 16 + ".npz")
    just_sent, other = upload(tmp_path, "2" * 16 + ".npz", hours=0.9), upload(tmp_path, "mine.npz")
    first, second = made_for(tmp_path, "a", used), made_for(tmp_path, "b", used)
    sweep_runs(tmp_path)
    assert not unused.exists()
    assert used.exists() and just_sent.exists() and other.exists()
    first.delete()
    assert used.exists()
    second.delete()
    assert not used.exists()


def test_an_upload_of_a_damaged_run_or_of_one_that_is_linked_here_stays(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    root.mkdir()
    damaged, linked = upload(root, "0" * 16 + ".npz"), upload(root, "1" * 16 + ".npz")
    run = made_for(root, "a", damaged)
    (run.path / "config.json").write_text((run.path / "config.json").read_text()[:-10])
    (root / "b").symlink_to(made_for(tmp_path, "elsewhere", linked).path)
    (root / "notes.txt").touch()
    (root / "c").mkdir()
    sweep_runs(root)
    assert damaged.exists() and linked.exists()


def test_where_a_config_is_out_of_reach_every_upload_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *, root: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    unused = upload(tmp_path, "0" * 16 + ".npz")
    made_for(tmp_path, "a", unused.with_name("1" * 16 + ".npz"))
    with monkeypatch.context() as patched:
        patched.setattr(vae.runs.cleanup, "open_plain", refuse)
        sweep_runs(tmp_path)
    assert unused.exists()
    sweep_runs(tmp_path)
    assert not unused.exists()


def test_a_pipe_or_link_that_is_called_as_an_upload_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / UPLOADS).mkdir()
    (tmp_path / "mine.npz").touch()
    link, pipe = tmp_path / UPLOADS / ("0" * 16 + ".npz"), tmp_path / UPLOADS / ("1" * 16 + ".npz")
    link.symlink_to(tmp_path / "mine.npz")
    os.mkfifo(pipe)
    for path in (link, pipe):
        os.utime(path, (0, 0), follow_symlinks=False)
    sweep_runs(tmp_path)
    assert link.is_symlink() and pipe.is_fifo() and (tmp_path / "mine.npz").exists()


def test_a_temporary_folder_of_a_killed_process_goes_with_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    process = start(SCRATCH)
    with scratch() as mine:
        assert mine.is_dir() and len(list(tmp_path.iterdir())) == 2
    assert len(list(tmp_path.iterdir())) == 1
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with scratch() as mine:
        assert list(tmp_path.iterdir()) == [mine]
    assert not list(tmp_path.iterdir())


def test_notes_of_a_killed_server_go_with_the_next(run: Run) -> None:
    queued_runs.note(run)
    place = queued_runs.folder()
    assert place is not None
    kill(start(WRITES.format(str(place / "x.json"))))
    queued_runs.sweep_notes()
    assert not hidden(place) and queued_runs.is_noted(run)
