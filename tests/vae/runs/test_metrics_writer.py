"""The history of a run as it is written: whole lines or none, and cut back at a resume."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.metric_lines import event, steps, train, validation
from vae.runs.metric_lines import is_line, thin
from vae.runs.metrics import MetricsReader, MetricsWriter


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def test_what_is_written_is_read(path: Path) -> None:
    lines = [event("start", 0, beta=1.0), train(1), validation(1), event("beta", 2, before=1.0, beta=4.0)]
    with MetricsWriter(path) as writer:
        for line in lines:
            writer.write(line)
        assert writer.offset == path.stat().st_size
    assert MetricsReader(path).read() == (True, lines, path.stat().st_size)
    assert [json.loads(line) for line in path.read_text().splitlines()] == lines


@pytest.mark.parametrize(
    "line",
    [
        train(1, distortion=float("nan")),
        train(1, rate=float("-inf")),
        train(1, rate_per_dim=[1.0, float("nan")]),
        train(1, step=1.5),
        train(1, step=-1),
        train(1, step=True),
        train(1, beta=None),
        train(1, elbo="-105"),
        train(1, num_steps=0),
        train(1, rate_per_dim="no list"),
        train(1, rate_per_dim=["1", "2"]),
        train(1, more={"nested": 1}),
        train(1, more=10**400),
        train(1, split="test"),
        {name: value for name, value in train(1).items() if name != "elbo"},
        {"event": 5, "step": 1, "epoch": 0.1, "seconds": 0.1},
        {"event": "start", "step": 1},
        event("diverged", 1, loss=float("inf")),
        [],
        None,
        "train",
    ],
    ids=str,
)
def test_what_is_no_line_is_neither_written_nor_read_nor_thinned(path: Path, line: Any) -> None:
    assert not is_line(line)
    with MetricsWriter(path) as writer:
        writer.write(train(0))
        with pytest.raises(ValueError, match="finite numbers"):
            writer.write(line)
        writer.write(train(2))
    assert steps(MetricsReader(path).read()[1]) == [0, 2]
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n" + json.dumps(train(3)) + "\n")
    assert steps(MetricsReader(path).read()[1]) == [0, 2, 3]
    assert steps(thin([train(0), line, train(2)])) == [0, 2]


@pytest.mark.parametrize("torn", [b'{"split": "train", "st', b"{", b"\x00" * 5000, b"x" * 3_000_000])
def test_a_torn_last_line_is_cut_when_the_file_is_opened_again(path: Path, torn: bytes) -> None:
    with MetricsWriter(path) as writer:
        writer.write(train(1))
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    reader = MetricsReader(path)
    assert steps(reader.read()[1]) == [1]
    with MetricsWriter(path) as writer:
        assert path.read_bytes() == whole and writer.offset == len(whole)
        writer.write(train(2))
    assert steps(MetricsReader(path).read()[1]) == [1, 2]
    if len(torn) < 1_000_000:  # longer than any line: the reader has passed it by
        assert reader.read()[:2] == (False, [train(2)])


def test_a_file_that_is_all_torn_becomes_empty(path: Path) -> None:
    path.write_bytes(b'{"split"')
    with MetricsWriter(path) as writer:
        assert writer.offset == 0 and path.read_bytes() == b""


def test_a_line_that_the_disk_has_no_room_for_is_taken_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = MetricsWriter(path)
    writer.write(train(1))
    whole = path.read_bytes()
    original = os.write

    def half(descriptor: int, data: memoryview) -> int:
        if len(data) < 60:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(descriptor, data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space") as caught:
            writer.write(train(2))
    assert caught.value.filename == str(path)
    assert path.read_bytes() == whole and writer.offset == len(whole)
    writer.write(train(3))  # room again
    writer.close()
    assert steps(MetricsReader(path).read()[1]) == [1, 3]


def test_half_a_line_that_could_not_be_taken_back_is_cut_before_the_next(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = MetricsWriter(path)
    writer.write(train(1))
    written = 0

    def once(descriptor: int, data: memoryview) -> int:
        nonlocal written
        written += 1
        if written > 1:
            raise OSError(errno.EIO, "broken")
        return original(descriptor, data[:20])

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "broken")

    original = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", once)
        patch.setattr(os, "ftruncate", fail)
        with pytest.raises(OSError, match="broken"):
            writer.write(train(2))
    assert not path.read_bytes().endswith(b"\n")
    writer.write(train(3))
    writer.close()
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 3]


def test_going_back_to_an_offset_is_as_if_the_rest_had_never_been_written(path: Path) -> None:
    with MetricsWriter(path) as writer:
        writer.write(train(1))
        offset, kept = writer.offset, path.read_bytes()
        writer.write(train(2))
        writer.truncate(offset)
        assert path.read_bytes() == kept and writer.offset == offset
        writer.write(train(3))
    assert steps(MetricsReader(path).read()[1]) == [1, 3]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_going_back_into_the_middle_of_a_line_goes_back_to_its_beginning(path: Path) -> None:
    with MetricsWriter(path) as writer:
        writer.write(train(1))
        offset = writer.offset
        writer.write(train(2))
        writer.truncate(offset + 10)
        assert writer.offset == offset
        writer.truncate(offset - 1)
        assert writer.offset == 0 and path.read_bytes() == b""


def test_where_there_is_nothing_to_cut_readers_notice_nothing(path: Path) -> None:
    with MetricsWriter(path) as writer:
        writer.write(train(1))
        reader = MetricsReader(path)
        reader.read()
        writer.truncate(writer.offset)
        writer.truncate(10**12)  # more than there is: lost with the power, say
        writer.write(train(2))
        assert reader.read()[:2] == (False, [train(2)])
        with pytest.raises(ValueError, match="offset must be >= 0"):
            writer.truncate(-1)


def test_readers_notice_going_back_even_if_the_file_has_grown_past_their_place(path: Path) -> None:
    with MetricsWriter(path) as writer:
        for step in range(3):
            writer.write(train(step))
        reader = MetricsReader(path)
        reader.read()
        writer.truncate(len(path.read_bytes()) // 3)
        for step in range(10, 20):
            writer.write(train(step))
        assert reader.read()[:2] == (True, [train(0), *(train(step) for step in range(10, 20))])


def test_a_place_is_not_mistaken_when_the_file_system_reuses_a_number(path: Path) -> None:
    """A file system gives a removed file's number to the next file, so number and offset alone may fit by chance."""
    with MetricsWriter(path) as writer:
        for step in range(5):
            writer.write(train(step))
    token = MetricsReader(path)
    token.read()
    inode, offset, check = token.token.split("-")
    other = [train(step, beta=2.0) for step in range(50, 60)]
    path.write_text(
        "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in other)
    )  # in place: one inode
    assert path.stat().st_ino == int(inode) and path.stat().st_size > int(offset)
    assert MetricsReader(path, f"{inode}-{offset}-{check}").read()[:2] == (True, other)
    assert token.read()[:2] == (True, other)
