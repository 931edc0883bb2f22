"""Measurements beside the pages: one after the other, each told of, each to be called off."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import pytest

from dashboard.jobs.queue import Background, Job, Progress
from vae.errors import UserError


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def background() -> Background:
    return Background()


def closed(background: Background, key: str) -> str:
    until(lambda: not background.get(key).is_open)  # type: ignore[union-attr]
    return background.get(key).state  # type: ignore[union-attr]


def test_jobs_work_one_after_the_other_in_their_order(background: Background) -> None:
    gate, began = threading.Event(), list[str]()

    def work(name: str) -> Callable[[Progress], None]:
        return lambda progress: (began.append(name), gate.wait(10))  # type: ignore[func-returns-value, return-value]

    background.start("a", work("a"))
    background.start("b", work("b"))
    until(lambda: began == ["a"])
    assert [job.key for job in background.open("")] == ["a", "b"]
    assert background.get("b").state == "waiting"  # type: ignore[union-attr]
    gate.set()
    assert closed(background, "b") == "done"
    assert began == ["a", "b"]


def test_an_equal_job_is_not_begun_twice(background: Background) -> None:
    gate, times = threading.Event(), list[int]()
    for number in range(3):
        background.start("a", lambda progress, number=number: (times.append(number), gate.wait(10)))  # type: ignore[misc]
    gate.set()
    assert closed(background, "a") == "done"
    assert times == [0]


def test_a_job_that_is_called_off_stops_at_its_next_part(background: Background) -> None:
    told, gone_on = list[int](), threading.Event()

    def work(progress: Progress) -> None:
        for number in range(1000):
            told.append(number)
            progress(number, 1000)
            gone_on.wait(10)

    background.start("a", work)
    until(lambda: bool(told))
    background.cancel("a")
    gone_on.set()
    background.start("b", lambda progress: progress(1, 1))
    assert closed(background, "b") == "done"  # the worker is free again
    assert background.get("a").state == "cancelled"  # type: ignore[union-attr]
    assert len(told) < 3


def test_a_waiting_job_that_is_called_off_never_begins(background: Background) -> None:
    gate, began = threading.Event(), list[str]()
    background.start("a", lambda progress: gate.wait(10))
    background.start("b", lambda progress: began.append("b"))
    background.cancel("b")
    background.start("c", lambda progress: None)
    gate.set()
    assert closed(background, "c") == "done"
    assert began == []


def test_a_refusal_is_told_in_its_own_words_and_a_surprise_in_ours(
    background: Background, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(progress: Progress) -> None:
        raise UserError("there are no images")

    background.start("a", refuse)
    with caplog.at_level(logging.CRITICAL):
        background.start("b", lambda progress: 1 / 0)
        assert closed(background, "b") == "failed"
    assert background.get("a").error == "there are no images"  # type: ignore[union-attr]
    assert "division" not in background.get("b").error  # type: ignore[union-attr]
    background.start("a", lambda progress: progress(2, 4))
    assert closed(background, "a") == "done"
    assert background.get("a").share == 0.5  # type: ignore[union-attr]


def test_whatever_a_job_raises_the_next_ones_go_on(
    background: Background, caplog: pytest.LogCaptureFixture
) -> None:
    def leave(progress: Progress) -> None:
        raise SystemExit(3)

    with caplog.at_level(logging.CRITICAL):
        background.start("a", leave)
        background.start("b", lambda progress: None)
        assert closed(background, "b") == "done"
    assert background.get("a").state == "failed"  # type: ignore[union-attr]


@pytest.mark.parametrize(("done", "passed", "left"), [(25, 10.0, 30.0), (50, 4.0, 4.0), (100, 9.0, 0.0)])
def test_what_is_left_follows_the_pace_so_far(
    monkeypatch: pytest.MonkeyPatch, done: int, passed: float, left: float
) -> None:
    job = Job("a", lambda progress: None, state="running", done=done, total=100, began=100.0)
    monkeypatch.setattr("dashboard.jobs.queue.time.monotonic", lambda: 100.0 + passed)
    assert job.seconds_left == pytest.approx(left)


@pytest.mark.parametrize(("done", "passed", "began"), [(0, 10.0, 100.0), (50, 0.1, 100.0), (50, 9.0, 0.0)])
def test_what_is_left_is_not_told_before_there_is_a_pace(
    monkeypatch: pytest.MonkeyPatch, done: int, passed: float, began: float
) -> None:
    job = Job("a", lambda progress: None, state="running", done=done, total=100, began=began)
    monkeypatch.setattr("dashboard.jobs.queue.time.monotonic", lambda: 100.0 + passed)
    assert job.seconds_left is None
