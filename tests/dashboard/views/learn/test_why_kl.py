"""Chapter 9 trains beside the page: the page is there at once, says how far it is, and can call it off."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dashboard.cache import lru
from dashboard.jobs.queue import Cancelled, background
from dashboard.views.learn.frame import number
from tests.browser.server import wait_until
from tests.support.pages_without_browser import page
from vae.runs.run import Run
from vae.theory import without_kl

pytestmark = pytest.mark.usefixtures("one_core")
KEY = "without-kl:0"


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    lru.clear()
    yield
    background.cancel(KEY)
    lru.clear()


@pytest.fixture(autouse=True)
def run(empty_runs: Path, trained_run: Run) -> Run:
    shutil.copytree(trained_run.path, empty_runs / "flat")
    return Run.open(empty_runs / "flat")


def test_the_page_does_not_wait_for_the_training_and_calls_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(*, seed: int, progress: Any) -> None:
        begun.set()
        go_on.wait(30)
        try:
            progress(1, 60)
        except Cancelled:
            ended.set()
            raise

    monkeypatch.setattr(without_kl, "compared", slow)
    at = page("learn", run="flat", chapter="why-kl")
    assert not at.exception
    assert begun.wait(10)  # and it has not ended: nothing but the queue works on it
    job = background.get(KEY)
    assert job is not None and job.is_open
    next(button for button in at.button if button.label == "Cancel").click().run()
    go_on.set()
    assert ended.wait(10)
    wait_until(lambda: background.open(KEY) == [], "the training goes on")
    at = page("learn", run="flat", chapter="why-kl")
    assert [button.label for button in at.button if button.key == "learn-train-both"] == ["Train both"]


def test_the_button_trains_from_other_first_weights_and_shows_what_came_of_these(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(without_kl, "compared", partial(without_kl.compared, epochs=1))
    at = page("learn", run="flat", chapter="why-kl", start="2")
    shown = []
    for seed in (2, 3):
        if shown:
            next(button for button in at.button if button.key == "learn-again").click().run()
        wait_until(lambda seed=seed: background.open(f"without-kl:{seed}") == [], "it still trains", 60)
        at.run()
        assert not at.exception
        found = without_kl.compared(seed=seed)
        shown.append(" ".join(one.value for one in at.latex))
        for space in (found.without, found.with_kl):
            for value in (space.gap.prior_to_aggregate.mean, space.test.distortion, space.test.rate):
                assert number(value) in shown[-1]
    assert shown[0] != shown[1]
    assert background.open("without-kl") == []


def test_each_epoch_is_told_and_what_is_raised_ends_it() -> None:
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        told.append((done, total))
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        without_kl.compared(epochs=2, progress=progress)
    assert told == [(1, 4), (2, 4)]
