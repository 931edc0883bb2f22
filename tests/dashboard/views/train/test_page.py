"""The Train page of a run, without a browser."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.pages_without_browser import Put, button, page, sentences
from vae.runs.status import Status, this_host

pytestmark = pytest.mark.usefixtures("empty_runs")


def beta_slider(at: AppTest) -> Any:
    """The slider of the run's β; a new one takes its place when β is changed elsewhere."""
    return next(slider for slider in at.select_slider if str(slider.key).startswith("beta:good"))


class TestTrain:
    def test_stopped_run_can_go_on_and_the_form_is_open(self, put: Put) -> None:
        run = put("good")
        run.write_status(run.status().replace(state="stopped"))
        at = page("train", run="good")
        assert button(at, "Continue training")
        assert button(at, "Train")
        assert beta_slider(at).disabled

    def test_wishes_reach_the_run(self, put: Put) -> None:
        run = put("good")
        with run.lock():
            run.write_status(Status(state="running", pid=1, host=this_host(), heartbeat=1e10))
            at = page("train", run="good")
            beta_slider(at).set_value(4).run()
            assert run.control().beta == 4
            button(at, "Pause").click().run()
            assert run.control().command == "pause"
            run.write_status(run.status().replace(state="paused"))
            at.run()
            button(at, "Step").click().run()
            assert run.control().steps == 1
            button(at, "Resume").click().run()
            assert run.control().command == "run"
            button(at, "Stop").click().run()
            assert run.control().command == "stop"
            assert not at.exception

    def test_beta_that_was_changed_elsewhere_moves_the_slider(self, put: Put) -> None:
        run = put("good")
        with run.lock():
            run.write_status(Status(state="running", pid=1, host=this_host(), heartbeat=1e10))
            at = page("train", run="good")
            run.request(beta=2.5)
            at.run()
            assert beta_slider(at).value == 2.5

    def test_error_of_the_trainer_is_shown(self, put: Put) -> None:
        run = put("good")
        run.write_status(Status(state="diverged", error="the loss must stay finite; try *less*"))
        assert "the loss must stay finite; try *less*" in sentences(page("train", run="good"))

    def test_example_is_watched_and_not_steered(self, put: Put) -> None:
        put("shown", shipped=True)
        at = page("train", run="shown")
        labels = {button.label for button in at.button}
        assert "Train" in labels
        assert not labels & {"Pause", "Stop", "Step", "Continue training"}
        assert "β, the weight of the KL" not in {slider.label for slider in at.select_slider}
