"""The scrubber's place on the pages: whether it is there, what the link says, and what becomes of a bad one."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from vae.runs.run import Run
from vae.runs.status import Status, this_host


@pytest.fixture
def runs(tmp_path: Path, trained_run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LATENT_LAB_RUNS", str(tmp_path))
    shutil.copytree(trained_run.path, tmp_path / "short")
    return tmp_path


def script() -> None:
    import os
    from pathlib import Path

    import streamlit as st

    from dashboard.link import session
    from dashboard.shell import time_machine
    from vae.runs.run import Run

    run = Run.open(Path(os.environ["LATENT_LAB_RUNS"]) / "short")
    step = time_machine.draw(run, end="Best", decoders=True)
    st.caption(time_machine.words(run, step, "the best"))
    st.write(*session.take_notices())
    session.settle()


def opened(**query: str) -> AppTest:
    app = AppTest.from_function(script, default_timeout=30)
    app.query_params.update(query)
    app.run()
    assert not app.exception
    return app


def told(app: AppTest) -> str:
    return " ".join(element.value for element in [*app.caption, *app.markdown])


def test_the_step_of_a_link_stays_in_it(runs: Path, trained_run: Run) -> None:
    step = str(trained_run.snapshots()[1])
    app = opened(at=step)
    assert app.query_params["at"] == step
    assert told(app).startswith(
        f"Weights: snapshot of step {step}. KL per dimension is that of this snapshot"
    )


def test_a_link_to_no_snapshot_is_told_and_shows_the_right_end(runs: Path) -> None:
    app = opened(at="5")
    assert "at must be the step of one of the run's 4 snapshots, got '5'" in told(app)
    assert "at" not in app.query_params


def test_a_run_without_snapshots_has_no_foot_and_no_word_of_it(runs: Path) -> None:
    shutil.rmtree(runs / "short" / "snapshots")
    assert told(opened()) == "the best"


def test_a_run_whose_first_snapshots_are_to_come_has_its_scrubber(runs: Path) -> None:
    shutil.rmtree(runs / "short" / "snapshots")
    Run.open(runs / "short").write_status(Status(state="queued", heartbeat=time.time()))
    assert told(opened()) == "the best"


def test_while_a_run_trains_its_newest_weights_are_named(runs: Path) -> None:
    run = Run.open(runs / "short")
    alive = Status(state="running", pid=os.getpid(), host=this_host(), heartbeat=time.time())
    with run.lock():
        run.write_status(alive)
        assert told(opened()).startswith("Weights: newest, of the training in progress. KL")
