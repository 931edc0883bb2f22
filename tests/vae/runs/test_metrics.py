"""The history of a run: written by one, followed by many, thinned for those who come late."""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import subprocess
import sys
import time
import tracemalloc
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vae.config.schema import DataInfo, RunConfig
from vae.runs.metric_lines import Line, is_line, thin
from vae.runs.metrics import MetricsReader, MetricsWriter, left_out, newest
from vae.runs.run import Run


def train(at: int, **changes: Any) -> Line:
    return {
        "split": "train",
        "step": at,
        "epoch": at / 10,
        "seconds": at / 100,
        "beta": 1.0,
        "distortion": 100.0 + at,
        "rate": 5.0,
        "elbo": -105.0 - at,
        "rate_per_dim": [2.0, 3.0],
        "num_steps": 1,
        "images_per_second": 1000.0,
        **changes,
    }


def validation(at: int, **changes: Any) -> Line:
    line = {**train(at), "split": "validation", **changes}
    del line["num_steps"], line["images_per_second"]
    return line


def event(name: str, step: int, **more: Any) -> Line:
    return {"event": name, "step": step, "epoch": step / 10, "seconds": step / 100, **more}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def steps(lines: list[Line]) -> list[int]:
    return [line["step"] for line in lines]


# Writing


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


# Thinning


def history(num: int, seed: int = 0) -> list[Line]:
    source = random.Random(seed)
    return [
        train(
            step,
            distortion=source.random(),
            rate_per_dim=[source.random() for _ in range(3)],
            num_steps=source.randint(1, 9),
            seconds=float(step),
        )
        for step in range(1, num + 1)
    ]


@pytest.mark.parametrize("num", [0, 1, 9, 10])
def test_a_short_history_is_left_as_it_is(num: int) -> None:
    lines = history(num)
    assert thin(lines, at_most=10) == lines


@pytest.mark.parametrize(
    ("num", "at_most"), [(11, 10), (21, 10), (1000, 10), (1001, 7), (4097, 2), (777, 100)]
)
def test_thinned_lines_are_means_weighted_by_steps(num: int, at_most: int) -> None:
    lines = history(num)
    thinned = thin(lines, at_most)
    assert at_most // 4 <= len(thinned) <= at_most
    begin = 0
    for line in thinned:
        end = line["step"]  # steps count from 1: a bin's last line stands at its end
        group = lines[begin:end]
        weights = np.array([item["num_steps"] for item in group], dtype=float)
        for name in ("distortion", "rate", "elbo", "images_per_second"):
            expected = np.average([item[name] for item in group], weights=weights)
            assert line[name] == pytest.approx(expected, rel=1e-12)
        rates = np.average([item["rate_per_dim"] for item in group], axis=0, weights=weights)
        assert line["rate_per_dim"] == pytest.approx(rates, rel=1e-12)
        assert line["num_steps"] == weights.sum()
        assert [line[name] for name in ("epoch", "seconds", "beta")] == [
            group[-1][name] for name in ("epoch", "seconds", "beta")
        ]
        begin = end
    assert begin == num
    assert all(is_line(line) for line in thinned)


def test_thinning_does_not_change_what_it_is_given() -> None:
    lines = history(100)
    copy = json.loads(json.dumps(lines))
    thin(lines, 10)
    assert lines == copy


def test_events_and_validation_are_kept_where_they_stood() -> None:
    lines: list[Line] = [event("start", 0)]
    for step in range(1, 1001):
        lines.append(train(step))
        if step % 200 == 0:
            lines.append(validation(step))
        if step == 500:
            lines.append(event("beta", step, before=1.0, beta=4.0))
    thinned = thin(lines, at_most=50)
    assert [line for line in thinned if "event" in line] == [line for line in lines if "event" in line]
    kept = [line for line in thinned if line.get("split") == "validation"]
    assert kept == [line for line in lines if line.get("split") == "validation"]
    assert sum(line.get("split") == "train" for line in thinned) <= 50
    assert steps(thinned) == sorted(steps(thinned))


def test_even_a_history_of_a_million_events_and_validations_is_bounded() -> None:
    lines = [make for step in range(5000) for make in (event("beta", step), validation(step))]
    thinned = thin(iter(lines), at_most=100)
    assert [line["step"] for line in thinned if "event" in line] == list(range(4900, 5000))
    assert 50 <= sum(line.get("split") == "validation" for line in thinned) <= 100


def test_lines_of_different_kinds_are_thinned_without_an_error() -> None:
    lines = [
        train(1),
        train(2, rate_per_dim=[1.0]),
        {name: value for name, value in train(3).items() if name != "num_steps"},
        train(4, extra=1.5, note="x", flag=True),
        train(5, images_per_second=None),
        train(6, extra="text", images_per_second="fast"),
    ]
    thinned = thin(lines, at_most=2)
    assert len(thinned) == 2 and all(is_line(line) for line in thinned)
    assert thinned[0]["num_steps"] == 4 and thinned[0]["extra"] == 1.5


def test_a_reader_thins_as_thin_does(path: Path) -> None:
    lines = [event("start", 0), *history(500), validation(501)]
    with MetricsWriter(path) as writer:
        for line in lines:
            writer.write(line)
        reader = MetricsReader(path)
        reset, thinned, offset = reader.read(at_most=20)
        assert reset and thinned == thin(lines, 20) and offset == writer.offset
        writer.write(train(502))
        assert reader.read(at_most=20)[:2] == (False, [train(502)])
    with pytest.raises(ValueError, match="at_most must be >= 2"):
        thin(lines, 1)


def test_a_long_history_is_thinned_in_the_time_and_memory_of_a_page_view(path: Path) -> None:
    text = "".join(json.dumps(line) + "\n" for line in history(1000))
    path.write_text(text * 20)
    began = time.process_time()
    _, lines, offset = MetricsReader(path).read(at_most=2000)
    assert offset == len(text) * 20 and len(lines) <= 2000
    assert (
        time.process_time() - began < 4
    )  # 0.2 s when nothing else runs: this is about growth, not about speed
    path.write_text(text * 4)
    tracemalloc.start()
    MetricsReader(path).read(at_most=100)
    thinned = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    MetricsReader(path).read()
    whole = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert thinned < whole / 2  # the objects of 4,000 lines would not fit


# Histories of any length cost the same


def test_of_a_million_lines_few_are_parsed_and_no_event_is_missed(path: Path) -> None:
    lines = [json.dumps(line, separators=(",", ":")) + "\n" for line in history(200)]
    mark = json.dumps(event("beta", 7, before=1.0, beta=2.0)) + "\n"
    with path.open("w") as file:
        for number in range(5000):
            file.write("".join(lines))
            if number % 1000 == 500:
                file.write(mark)
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reader = MetricsReader(path)
    _, found, offset = reader.read(at_most=2000)
    assert time.process_time() - began < 6  # 1.3 s; all lines would take 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000 * _KIB
    assert offset == path.stat().st_size
    assert 900_000 < reader.num_skipped < 1_000_000
    assert [line for line in found if line.get("event")] == [event("beta", 7, before=1.0, beta=2.0)] * 5
    drawn = [line for line in found if "split" in line]
    assert 500 < len(drawn) <= 2000
    assert all(abs(line["rate"] - 5.0) < 1e-6 for line in drawn)
    assert "Showing one in 25 training lines" in left_out(path)
    # What is written from here on is read whole.
    with MetricsWriter(path) as writer:
        writer.write(train(8))
    assert reader.read()[:2] == (False, [train(8)])
    assert reader.num_skipped == 0


#: `ru_maxrss` counts kibibytes, but bytes on macOS.
_KIB = 1024 if sys.platform == "darwin" else 1


def test_a_million_events_are_bounded_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vae.runs.metrics.HISTORY_LINES", 1000)
    monkeypatch.setattr("vae.runs.metrics.HISTORY_BYTES", 200_000)
    path.write_text((json.dumps(event("beta", 7)) + "\n") * 50_000)
    reader = MetricsReader(path)
    assert len(reader.read()[1]) < 5000
    assert reader.num_skipped > 45_000


def test_a_file_that_is_too_long_to_be_looked_through_is_read_in_pieces(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.runs.metrics.HISTORY_SCAN_BYTES", 4 << 20)
    text = "".join(json.dumps(train(at)) + "\n" for at in range(120_000))
    path.write_text(text)
    reader = MetricsReader(path)
    _, found, offset = reader.read()
    assert (offset, found[0]["step"], found[-1]["step"]) == (len(text), 0, 119_999)
    assert len(found) < 40_000
    places = steps(found)
    assert places == sorted(set(places))
    assert max(after - before for before, after in pairwise(places)) < 60_000


@pytest.mark.parametrize(
    "text",
    [
        b'{"split":"train"' * 100_000,
        b"\n" * 30_000,
        b'{"event":"beta","step":1,"epoch":0,"seconds":0,"more":"%s"}\n' % (b"x" * 70_000),
        b'{"event":"beta","step":1,"epoch":0,"seconds":0,"more":[%s0]}\n' % (b"0," * 600),
        b'{"event":"beta","step":1,"epoch":0,"seconds":0,%s"z":0}\n' % b"".join(b'"%d":0,' % k for k in range(600)),
        b"\0" * 3_000_000,
        b"[" * 60_000 + b"\n",
    ],
    ids=["one giant line", "line ends", "a long text", "a long list", "many fields", "zeros", "depth"],
)  # fmt: skip
def test_what_no_trainer_writes_is_passed_over(path: Path, text: bytes) -> None:
    path.write_bytes(text + b"\n" + json.dumps(train(3)).encode() + b"\n")
    assert MetricsReader(path).read(at_most=10)[1] == [train(3)]
    assert newest(path) == {"train": train(3)}


def test_a_short_history_has_nothing_to_say(path: Path) -> None:
    assert left_out(path) == ""
    with MetricsWriter(path) as writer:
        writer.write(train(1))
    assert left_out(path) == ""
