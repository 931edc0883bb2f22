"""A sweep from the page makes the very runs of `vae sweep`, and refuses what that refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard import settings
from dashboard.jobs import sweeps
from dashboard.jobs.trainers import trainers
from vae.config.schema import RunConfig, TrainConfig
from vae.errors import UserError
from vae.experiments.sweep import points
from vae.runs.run import Run

CONFIG = RunConfig(train=TrainConfig(epochs=1))


@pytest.fixture(autouse=True)
def queued(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The runs that were put into the queue, of a folder of runs of this test's own."""
    found: list[str] = []
    monkeypatch.setenv(settings.RUNS_VARIABLE, str(tmp_path))
    monkeypatch.setattr(trainers, "start", lambda run: found.append(run.id))
    return found


def test_runs_are_those_of_the_command(tmp_path: Path, queued: list[str]) -> None:
    begun = sweeps.start("try", CONFIG, [0.5, 1e-05], [0, 3])
    todo = points("try", CONFIG, [0.5, 1e-05], [0, 3])
    assert begun.queued == queued == [point.run_id for point in todo]
    assert [Run.open(tmp_path / point.run_id).config for point in todo] == [point.config for point in todo]
    assert all(sweeps.is_of(Run.open(tmp_path / point.run_id), "try") for point in todo)
    assert not any(sweeps.is_of(Run.open(tmp_path / point.run_id), "tr") for point in todo)


def test_sweeps_are_known_by_the_ids_of_their_runs(tmp_path: Path, queued: list[str]) -> None:
    for name in ("try", "wide-beta-try"):
        sweeps.start(name, CONFIG, [0.5, 1e-05], [0])
    Run.create(tmp_path / "alone", CONFIG, Run.open(tmp_path / "try-beta-0.5-seed-0").info, "Alone")
    runs = [Run.open(path) for path in sorted(tmp_path.iterdir())]
    assert sweeps.names(runs) == ["try", "wide-beta-try"]


def test_what_is_finished_is_not_begun_again(tmp_path: Path, queued: list[str]) -> None:
    sweeps.start("try", CONFIG, [1], [0])
    run = Run.open(tmp_path / "try-beta-1-seed-0")
    run.write_status(run.status().replace(state="finished"))
    queued.clear()
    begun = sweeps.start("try", CONFIG, [1, 2], [0])
    assert begun.done == ["try-beta-1-seed-0"]
    assert queued == ["try-beta-2-seed-0"]


def test_a_run_with_other_settings_is_refused_before_any_is_made(tmp_path: Path, queued: list[str]) -> None:
    sweeps.start("try", CONFIG, [2], [0])
    queued.clear()
    other = CONFIG.replace(train=CONFIG.train.replace(epochs=9))
    with pytest.raises(UserError, match="another name"):
        sweeps.start("try", other, [1, 2], [0])
    assert queued == []
    assert not (tmp_path / "try-beta-1-seed-0").exists()


@pytest.mark.parametrize("text", ["", "one", "1 2 x"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="β must be numbers"):
        sweeps.numbers(text, "β")


def test_numbers_stand_between_blanks_or_commas() -> None:
    assert sweeps.numbers(" 0.5, 1  2;4", "β") == [0.5, 1, 2, 4]


def test_seeds_are_whole() -> None:
    assert sweeps.seeds(" 0, 1\n2 ") == [0, 1, 2]
    with pytest.raises(UserError, match="whole"):
        sweeps.seeds("0 1.5")


def test_too_many_runs_are_refused() -> None:
    with pytest.raises(UserError, match="at most 60"):
        sweeps.start("try", CONFIG, list(range(61)), [0])
