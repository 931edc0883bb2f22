"""A run is called after the β that there was, not only the first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vae.config.schema import DataInfo, ObjectiveConfig, RunConfig
from vae.runs.beta_history import beta_words, betas, config_as_left, title_of
from vae.runs.metrics import MetricsWriter
from vae.runs.run import Run

MakeRun = Callable[..., Run]


@pytest.fixture
def make_run(tmp_path: Path, make_info: Callable[..., DataInfo]) -> MakeRun:
    def make(name: str | None = "digits vae 2d β=1", **objective: Any) -> Run:
        config = RunConfig(objective=ObjectiveConfig(**objective))
        return Run.create(tmp_path / f"run-{len(list(tmp_path.iterdir()))}", config, make_info(), name)

    return make


def change(run: Run, step: int, **values: Any) -> None:
    with MetricsWriter(run.metrics_path) as writer:
        writer.write({"event": "beta", "step": step, "epoch": step / 10, "seconds": 1.0, **values})


def test_run_whose_beta_stayed_keeps_its_name(make_run: MakeRun) -> None:
    run = make_run()
    assert (betas(run), beta_words(run), title_of(run)) == ((1.0,), "1", run.name)
    change(run, 3, before=1.0, beta=1.0, by_hand=True)
    assert (betas(run), title_of(run)) == ((1.0,), run.name)


def test_title_names_each_beta_in_order_and_follows_new_ones(make_run: MakeRun) -> None:
    run = make_run()
    change(run, 3, before=1.0, beta=4.0, by_hand=True)
    assert title_of(run) == "digits vae 2d β=1 → 4"
    change(run, 9, before=4.0, beta=0.5, by_hand=True)
    assert (betas(run), title_of(run)) == ((1.0, 4.0, 0.5), "digits vae 2d β=1 → 4 → 0.5")
    for beta in (2.0, 3.0):
        change(run, 12, before=0.5, beta=beta, by_hand=True)
    assert title_of(run) == "digits vae 2d β=1 → … → 3"


def test_configuration_as_left_has_the_last_beta_that_was_set_by_hand(make_run: MakeRun) -> None:
    run = make_run(beta=2, schedule="linear", warmup_epochs=3)
    assert config_as_left(run) == run.config
    change(run, 3, before=1.0, beta=4.0, by_hand=True)
    left = config_as_left(run)
    assert (left.objective.beta, left.objective.schedule) == (4.0, "constant")
    assert left.replace(objective=run.config.objective) == run.config
    change(run, 5, before=4.0, beta=2.0, by_hand=False)  # given back to the schedule
    assert config_as_left(run) == run.config


@pytest.mark.parametrize("name", ["my best run", "β=10 first", "β = 1"])
def test_name_of_ones_own_stays_whole(make_run: MakeRun, name: str) -> None:
    run = make_run(name)
    change(run, 3, before=1.0, beta=4.0, by_hand=True)
    assert title_of(run) == f"{name} · β 1 → 4"


def test_schedule_counts_as_what_it_comes_to(make_run: MakeRun) -> None:
    run = make_run(beta=4, schedule="linear")
    change(run, 3, before=1.7, beta=10.0, by_hand=True)
    change(run, 5, before=10.0, beta=2.2, by_hand=False)
    assert betas(run) == (4.0, 10.0, 4.0)


def test_history_that_was_cut_back_is_read_anew(make_run: MakeRun) -> None:
    run = make_run()
    change(run, 3, before=1.0, beta=4.0, by_hand=True)
    with MetricsWriter(run.metrics_path) as writer:
        offset = writer.offset
    change(run, 9, before=4.0, beta=50.0, by_hand=True)
    assert betas(run) == (1.0, 4.0, 50.0)
    with MetricsWriter(run.metrics_path) as writer:
        writer.truncate(offset)
    assert betas(run) == (1.0, 4.0)


def test_lines_that_nobody_wrote_are_passed_over(make_run: MakeRun) -> None:
    run = make_run()
    run.metrics_path.write_bytes(
        b'{"event":"beta","step":1}\n\xff"event":"beta"\n{"event":"beta","step":2,"epoch":1,"seconds":1,"beta":"x"}\n'
        b'{"event":"beta","step":3,"epoch":1,"seconds":1,"before":null,"beta":2}\n{"event":"beta","step":4'
    )
    assert betas(run) == (1.0, 2.0)
