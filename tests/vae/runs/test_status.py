"""What a trainer says of itself, and what a person asks of it."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from vae.config.base import ConfigError
from vae.runs.run import Run
from vae.runs.status import Control, Status, this_host

# Status and control


def test_a_status_is_read_as_it_was_written(run: Run) -> None:
    status = Status(
        state="finished",
        pid=5,
        host="h",
        heartbeat=1.5,
        step=7,
        epoch=0.5,
        num_steps=14,
        seconds=2.25,
        beta=4.0,
    )
    run.write_status(status)
    assert run.status() == status and Run.open(run.path).status() == status


GARBAGE = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'{"state": "dancing", "command": "dance"}',
    b'{"state": "running", "step": -1, "beta": -1}',
    b'{"state": "running", "heartbeat": 1e999, "beta": 1e999}',
    b'{"state": "running", "pid": "x", "steps": "x"}',
    b'{"state": "running", "unknown": 1}',
    b"\x00" * 64,
    b"[" * 5000,
    b"{" + b" " * 2_000_000,
]


@pytest.mark.parametrize("content", GARBAGE, ids=lambda content: repr(content[:20]))
def test_a_status_that_makes_no_sense_is_unknown(run: Run, content: bytes) -> None:
    (run.path / "status.json").write_bytes(content)
    assert run.status() == Status(state="unknown")


@pytest.mark.parametrize("content", GARBAGE, ids=lambda content: repr(content[:20]))
def test_a_control_that_makes_no_sense_means_the_defaults(run: Run, content: bytes) -> None:
    (run.path / "control.json").write_bytes(content)
    assert run.control() == Control()
    assert run.request(beta=2).beta == 2 and run.control().beta == 2


@pytest.mark.parametrize(
    ("host", "age", "state"),
    [
        ("elsewhere", 0, "running"),
        ("elsewhere", 60, "interrupted"),
        ("elsewhere", -3600, "interrupted"),  # a clock, or an author, not to be believed
        (this_host(), 0, "interrupted"),
    ],
)
def test_a_trainer_that_is_not_heard_of_counts_as_interrupted(
    run: Run, host: str, age: float, state: str
) -> None:
    run.write_status(Status(state="running", pid=1, host=host, heartbeat=time.time() - age))
    assert run.status().state == state


def test_a_request_changes_what_it_names_and_keeps_the_rest(run: Run) -> None:
    assert run.control() == Control(command="run", beta=None, steps=0, max_images_per_second=None)
    run.request(beta=4)
    run.request(command="pause")
    assert run.control() == Control(command="pause", beta=4)
    run.request(beta=None, max_images_per_second=100)
    assert run.control() == Control(command="pause", max_images_per_second=100)


def test_each_step_asked_for_counts_and_leaves_the_run_paused(run: Run) -> None:
    run.request(command="step")
    run.request(command="step")
    assert run.control() == Control(command="pause", steps=2)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"beta": -1}, "beta must be >= 0, got -1; use 0 to drop the KL term"),
        ({"beta": float("nan")}, "beta must be a finite number, got nan"),
        ({"beta": float("inf")}, "beta"),
        ({"command": "jump"}, "command must be one of"),
        ({"max_images_per_second": -5}, "max_images_per_second must be >= 0"),
        ({"betta": 1}, "betta is not an option"),
    ],
)
def test_a_request_that_breaks_a_rule_changes_nothing(
    run: Run, changes: dict[str, Any], sentence: str
) -> None:
    run.request(beta=2)
    with pytest.raises(ConfigError, match=sentence):
        run.request(**changes)
    assert run.control() == Control(beta=2)


def test_requests_of_several_tabs_at_once_are_all_kept(run: Run) -> None:
    threads = [threading.Thread(target=run.request, kwargs={"command": "step"}) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert run.control().steps == 20
