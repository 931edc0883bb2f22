"""The history of a run: written by one, followed by many, cut back at a resume."""

from __future__ import annotations

import errno
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.metric_lines import event, steps, train, validation
from vae.config.schema import DataInfo, RunConfig
from vae.runs.metric_lines import Line, is_line, thin
from vae.runs.metrics import MetricsReader, MetricsWriter, newest
from vae.runs.run import Run

# Writing


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


# Going back at a resume


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


# Reading


def test_a_reader_waits_for_a_file_that_is_not_there_yet(path: Path) -> None:
    reader = MetricsReader(path)
    assert reader.read() == (False, [], 0)
    with MetricsWriter(path) as writer:
        assert reader.read() == (True, [], 0)
        writer.write(train(1))
    assert reader.read()[:2] == (False, [train(1)])
    assert reader.read()[:2] == (False, [])


def test_a_reader_notices_that_the_file_has_gone_and_come_back(path: Path) -> None:
    with MetricsWriter(path) as writer:
        writer.write(train(1))
    reader = MetricsReader(path)
    reader.read()
    path.unlink()
    assert reader.read() == (True, [], 0)
    assert reader.read() == (False, [], 0)
    with MetricsWriter(path) as writer:
        writer.write(train(2))
    assert reader.read()[:2] == (True, [train(2)])


def test_a_torn_last_line_waits_until_it_is_whole(path: Path) -> None:
    text = json.dumps(train(1)) + "\n"
    reader = MetricsReader(path)
    for length in range(len(text)):
        path.write_text(text[:length])
        assert reader.read()[1] == []
    path.write_text(text)
    assert reader.read()[1] == [train(1)]


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[1]",
        b'{"split": NaN}',
        b"[" * 5000,
        b"9" * 5000,
        b"\x00" * 100,
        b"x" * 2_500_000,
    ],
    ids=lambda broken: repr(broken[:10]),
)
def test_a_broken_line_in_the_middle_is_left_out(path: Path, broken: bytes) -> None:
    good = [json.dumps(train(step)).encode() for step in (1, 2)]
    path.write_bytes(b"\n".join([good[0], broken, good[1], b""]))
    assert steps(MetricsReader(path).read()[1]) == [1, 2]


def test_a_line_without_an_end_is_passed_by_and_not_collected(path: Path) -> None:
    path.write_bytes(b"x" * 5_000_000)
    reader = MetricsReader(path)
    assert reader.read()[2] > 3_000_000
    with path.open("ab") as file:
        file.write(b"x\n" + json.dumps(train(1)).encode() + b"\n")
    assert reader.read()[:2] == (False, [train(1)])


def test_a_later_reader_goes_on_where_an_earlier_one_stopped(path: Path) -> None:
    with MetricsWriter(path) as writer:
        writer.write(train(1))
        first = MetricsReader(path)
        first.read()
        writer.write(train(2))
        assert first.token.startswith(f"{path.stat().st_ino}-")
        later = MetricsReader(path, first.token)
        assert later.read()[:2] == (False, [train(2)]) == first.read()[:2]
        assert later.token == first.token
        assert MetricsReader(path, later.token).read()[:2] == (False, [])


@pytest.mark.parametrize("token", ["", "x", "5", "-", "1-1", "9" * 23 + "-1", "0-0", "1-2-zzzzzzzz", "٣-٣"])
def test_a_token_that_makes_no_sense_begins_anew(path: Path, token: str) -> None:
    with MetricsWriter(path) as writer:
        writer.write(train(1))
    assert MetricsReader(path, token).read()[:2] == (True, [train(1)])


def test_a_token_past_the_end_begins_anew(path: Path) -> None:
    with MetricsWriter(path) as writer:
        writer.write(train(1))
    assert MetricsReader(path, f"{path.stat().st_ino}-9999").read()[:2] == (True, [train(1)])


def test_a_reader_of_a_growing_file_loses_and_doubles_nothing(path: Path) -> None:
    code = f"""
import json, os, random, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_metrics import train
random.seed(0)
descriptor = os.open({str(path)!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for step in range(1500):
    data = json.dumps(train(step)).encode() + b"\\n"
    cut = random.randrange(len(data))
    os.write(descriptor, data[:cut])  # in two pieces, so that readers meet torn lines
    os.write(descriptor, data[cut:])
    if step == 700:
        sys.stdin.readline()  # the rest is written once something has been read
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, text=True)
    assert process.stdin is not None
    reader, pieces = MetricsReader(path), 0
    found: list[int] = []
    deadline = time.monotonic() + 60
    while len(found) < 1500 and time.monotonic() < deadline:
        reset, lines, _ = reader.read()
        assert not (reset and found)
        found += steps(lines)
        pieces += bool(lines)
        if lines and not process.stdin.closed:
            process.stdin.close()
        if random.random() < 0.2:
            reader = MetricsReader(path, reader.token)  # a browser that reconnects
    assert process.wait() == 0
    assert found == list(range(1500)) and pieces > 1


def test_followers_of_a_file_that_is_cut_back_again_and_again_end_with_what_is_in_it(path: Path) -> None:
    code = f"""
import random, sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_metrics import train, event
from vae.runs.metrics import MetricsWriter
random.seed(1)
with MetricsWriter(Path({str(path)!r})) as writer:
    offsets = [0]
    for step in range(800):
        writer.write(train(step, rate=random.random()))
        offsets.append(writer.offset)
        if random.random() < 0.03:
            offsets = offsets[: random.randrange(len(offsets)) + 1]
            writer.truncate(offsets[-1])
    writer.write(event("finish", 800))
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    reader = MetricsReader(path)
    found: list[Line] = []
    resets = 0
    deadline = time.monotonic() + 60
    while not (found and "event" in found[-1]) and time.monotonic() < deadline:
        reset, lines, _ = reader.read()
        found = lines if reset else found + lines
        resets += reset
        time.sleep(random.random() * 0.005)
        if random.random() < 0.2:
            reader = MetricsReader(path, reader.token)
    assert process.wait() == 0
    assert found == [json.loads(line) for line in path.read_text().splitlines()] and resets > 1


def test_a_reader_holds_no_file_open_and_looks_at_nothing_when_nothing_changed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MetricsWriter(path) as writer:
        writer.write(train(1))
    reader = MetricsReader(path)
    reader.read()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(Path, "open", refuse)
    assert reader.read()[:2] == (False, [])


# The newest line


def test_the_newest_line_of_each_split_is_found_from_the_end(tmp_path: Path) -> None:
    info = DataInfo(
        channels=1,
        height=8,
        width=8,
        class_names=(),
        num_train=1,
        num_validation=0,
        num_test=0,
        fingerprint="",
    )
    run = Run.create(tmp_path / "a", RunConfig(), info)
    assert run.latest_metrics() == {}
    with MetricsWriter(run.metrics_path) as writer:
        writer.write(event("start", 0))
        assert run.latest_metrics() == {}
        writer.write(validation(1))
        for step in range(2, 1000):
            writer.write(train(step))
        writer.write(event("train", 1001))
    with run.metrics_path.open("a") as file:
        file.write(json.dumps(train(1002))[:-5])  # torn
    assert run.metrics_path.stat().st_size > 1 << 16
    assert run.latest_metrics() == {"train": train(999), "validation": validation(1)}
    assert newest(tmp_path / "nothing") == {}
