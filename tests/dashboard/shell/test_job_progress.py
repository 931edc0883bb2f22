"""What a bar says of the job that it follows."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.jobs.queue import Job
from dashboard.shell.job_progress import words


@pytest.mark.parametrize(
    ("fields", "left", "told"),
    [
        ({"state": "waiting"}, None, "Waiting for another job…"),
        ({"total": 1}, None, "Working…"),
        ({"done": 1200, "total": 5000}, None, "1,200 of 5,000"),
        ({"done": 4, "total": 10}, 12.4, "4 of 10, about 12 s left"),
        ({"done": 4, "total": 10}, 0.2, "4 of 10, about 1 s left"),
        ({"done": 4, "total": 10}, 200.0, "4 of 10, about 3 min left"),
    ],
)
def test_words_say_how_much_is_done_and_left(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], left: float | None, told: str
) -> None:
    monkeypatch.setattr(Job, "seconds_left", property(lambda job: left))
    assert words(Job("a", lambda progress: None, **{"state": "running", **fields})) == told


def test_bytes_are_told_as_megabytes() -> None:
    job = Job("a", lambda progress: None, state="running", done=11_240_000, total=55_000_000)
    assert words(job, bytes=True) == "11.2 of 55.0 MB"
