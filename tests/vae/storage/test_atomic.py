"""Files are replaced whole or not at all, and each disk error is a sentence."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.disks import small_disk
from tests.support.empty_runs import CONFIG, INFO, files_of
from vae.errors import UserError
from vae.runs.naming import RunError
from vae.runs.run import Run
from vae.runs.status import Status
from vae.storage.atomic import disk_sentence, parse_json, read_json, replacing, sweep, write_json


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB that can really be full."""
    with small_disk(tmp_path / "tiny", 64) as place:
        yield place


# Files


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(path, [0] * 1000)
    code = f"""
from pathlib import Path
from vae.storage.atomic import write_json
number = 0
while True:
    number += 1
    write_json(Path({str(path)!r}), [number] * 1000, durable=False)
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        seen: set[int] = set()
        deadline = time.monotonic() + 30
        while len(seen) < 20 and time.monotonic() < deadline:
            values = read_json(path)
            assert len(values) == 1000 and len(set(values)) == 1
            seen.add(values[0])
        assert len(seen) == 20
    finally:
        process.kill()
        process.wait()
    values = read_json(path)
    assert len(values) == 1000 and len(set(values)) == 1
    sweep(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "x.json"
    write_json(path, "old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if step == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left") as caught:
        write_json(path, "new")
    assert disk_sentence(caught.value) == (
        f"the disk is full: {path} could not be written; free some space and try again"
    )
    assert read_json(path) == "old" and [entry.name for entry in tmp_path.iterdir()] == ["x.json"]


def test_a_block_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert path.read_text() == "old" and [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_on_a_full_disk_a_run_keeps_what_it_has_and_the_sentence_says_so(tiny_disk: Path) -> None:
    run = Run.create(tiny_disk / "a", CONFIG, INFO)
    run.write_status(Status(state="running", step=1))
    run.request(beta=1)
    (tiny_disk / "filler").write_bytes(b"")
    with (tiny_disk / "filler").open("ab", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"x" * 4096)
    with pytest.raises(OSError, match="No space") as caught:
        run.write_status(Status(state="running", step=2))
    assert disk_sentence(caught.value).startswith(f"the disk is full: {run.path / 'status.json'}")
    for function in (
        lambda: run.request(beta=2),
        lambda: run.rename("x"),
        lambda: Run.create(tiny_disk / "b", CONFIG, INFO, name="b"),
    ):
        with pytest.raises(RunError, match="the disk is full"):
            function()
    assert run.status().step == 1 and run.control().beta == 1 and not (tiny_disk / "b").exists()
    assert sorted(files_of(run.path)) == ["config.json", "control.json", "lock", "status.json"]
    (tiny_disk / "filler").unlink()
    assert run.request(beta=2).beta == 2


def test_a_file_has_the_permissions_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        write_json(tmp_path / "x.json", 1)
    finally:
        os.umask(before)
    assert (tmp_path / "x.json").stat().st_mode & 0o777 == 0o664


def test_only_what_is_json_is_written_and_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "x.json", float("nan"))
    assert list(tmp_path.iterdir()) == []
    for text in ("NaN", "-Infinity", "1e999", "[-1e999]", '{"a": 1} 2'):
        with pytest.raises(ValueError):
            parse_json(text)
    (tmp_path / "x.json").write_text("[1e999]")
    with pytest.raises(UserError, match="is too large"):
        read_json(tmp_path / "x.json")


@pytest.mark.parametrize(
    "number",
    [
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EACCES,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EEXIST,
        errno.EISDIR,
        errno.EIO,
    ],
)
def test_each_disk_error_is_one_sentence_with_the_file_and_a_remedy(number: int) -> None:
    sentence = disk_sentence(OSError(number, os.strerror(number), "/runs/a/status.json"))
    assert "/runs/a/status.json" in sentence and "\n" not in sentence and re.search("[;?]", sentence)


def failure(function: Callable[[], object]) -> str:
    with pytest.raises(OSError) as caught:
        function()
    return disk_sentence(caught.value)


def test_a_file_where_a_folder_must_be_and_the_other_way_round_are_told(tmp_path: Path) -> None:
    file, folder = tmp_path / "a.zip", tmp_path / "b"
    file.write_text("")
    folder.mkdir()
    is_file = f"{file} is a file; give a folder"
    assert failure(lambda: file.mkdir(exist_ok=True)) == is_file
    assert failure(lambda: (file / "runs" / "a").mkdir(parents=True)) == is_file
    assert failure(lambda: write_json(file / "runs" / "x.json", 1)) == is_file
    is_folder = f"{folder} is a folder; give a file"
    assert failure(lambda: folder.read_bytes()) == is_folder
    assert failure(lambda: write_json(folder, 1)) == is_folder
    assert sorted(tmp_path.iterdir()) == [file, folder]


def test_a_folder_that_is_not_there_to_write_into_is_told_and_so_is_a_file_to_read(tmp_path: Path) -> None:
    told = failure(lambda: write_json(tmp_path / "no" / "x.json", 1))
    assert told.startswith(f"the folder {tmp_path / 'no'} does not exist; make it first")
    told = failure(lambda: read_json(tmp_path / "no" / "x.json"))
    assert told == f"{tmp_path / 'no' / 'x.json'} does not exist; was it moved or deleted?"
