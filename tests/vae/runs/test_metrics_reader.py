"""The history of a run as it is followed, by many, while it grows and is cut back."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.metric_lines import event, steps, train, validation
from vae.config.schema import DataInfo, RunConfig
from vae.runs.metric_lines import Line
from vae.runs.metrics import MetricsReader, MetricsWriter, newest
from vae.runs.run import Run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


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
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from tests.support.metric_lines import train
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
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from pathlib import Path
from tests.support.metric_lines import train, event
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
