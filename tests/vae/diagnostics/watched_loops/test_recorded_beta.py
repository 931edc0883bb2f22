"""The β of a watched loop's record: the loop's own, the slider's where it asks, or read off the loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.loops import Net, lines_of, seeded, watch
from vae.data.dataset import Dataset
from vae.runs.run import Run
from vae.runs.status import Control
from vae.runs.watch_notes import WatchNotes


def betas(
    tmp_path: Path, digits: Dataset, loop: Callable[[Any, int], dict[str, Any]], **options: Any
) -> list[float]:
    """The β of each line; the slider is moved to 3 after the second step."""
    model = seeded(Net)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vae.watching.record.METRICS_SECONDS", 0.0)
        patch.setattr("vae.watching.record.LINE_SHARE", math.inf)
        patch.setattr("vae.training.control.CONTROL_SECONDS", 0.0)
        watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits, **options)
        for number in range(6):
            if number == 3:
                watcher.run.request(beta=3.0)
            watcher.step(**loop(watcher, number))
        watcher.close()
    return [line["beta"] for line in lines_of(watcher.run, "train")][1:7]


def test_the_loops_own_beta_goes_before_the_slider(tmp_path: Path, digits: Dataset) -> None:
    assert betas(tmp_path, digits, lambda _, number: {"beta": 0.1 * number}) == pytest.approx(
        [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    )
    run = Run.open(tmp_path / "own")
    assert lines_of(run, "beta") == []
    assert run.status().beta == pytest.approx(0.5)
    assert run.config.objective.beta == pytest.approx(0.5)
    notes = WatchNotes.of(run)
    assert notes.reads_beta is False and notes.reads_stop is False


def test_a_loop_that_asks_obeys_the_slider(tmp_path: Path, digits: Dataset) -> None:
    def loop(watcher: Any, _number: int) -> dict[str, Any]:
        assert watcher.beta and not watcher.stop_requested
        return {}

    assert betas(tmp_path, digits, loop, beta=2.0) == [2, 2, 2, 3, 3, 3]
    run = Run.open(tmp_path / "own")
    (event,) = lines_of(run, "beta")
    assert (event["before"], event["beta"], event["by_hand"]) == (2.0, 3.0, True)
    assert run.config.objective.beta == 2.0  # as it was made
    notes = WatchNotes.of(run)
    assert notes.reads_beta and notes.reads_stop


def test_a_loop_that_asked_once_keeps_what_it_was_told(tmp_path: Path, digits: Dataset) -> None:
    def loop(watcher: Any, number: int) -> dict[str, Any]:
        if number == 0:
            assert watcher.beta == 0.5
        return {}

    assert betas(tmp_path, digits, loop, beta=0.5) == [0.5] * 6


def test_a_slider_that_nobody_asks_for_moves_nothing(tmp_path: Path, digits: Dataset) -> None:
    assert betas(tmp_path, digits, lambda *_: {}, beta=0.5) == [0.5] * 6
    assert Run.open(tmp_path / "own").control() == Control(beta=3.0)


def test_a_beta_that_is_said_nowhere_is_read_off_the_loss(tmp_path: Path, digits: Dataset) -> None:
    loop = lambda _watcher, number: {"loss": 60 + 0.2 * 10, "reconstruction": 60.0, "kl": 10.0}  # noqa: E731
    assert betas(tmp_path, digits, loop)[-1] == pytest.approx(0.2)
