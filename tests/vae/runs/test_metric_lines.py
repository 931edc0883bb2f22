"""Histories of any length: thinned to means, and read at the same cost."""

from __future__ import annotations

import json
import random
import resource
import sys
import time
import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.support.metric_lines import event, steps, train, validation
from vae.runs.metric_lines import Line, is_line, thin
from vae.runs.metrics import MetricsReader, MetricsWriter, left_out, newest

# Thinning


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


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
