"""The drawing of a VAE as a strip: where it is offered, and that it says why it cannot be drawn."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from dashboard.components import pipeline as face
from tests.dashboard.components.test_components import Mount
from tests.support.pages_without_browser import page
from vae.config.schema import RunConfig
from vae.data.dataset import Dataset
from vae.runs.run import Run

OPEN = "One pass through the model"


@pytest.fixture
def run(empty_runs: Path, trained_run: Run) -> Run:
    shutil.copytree(trained_run.path, empty_runs / "flat")
    return Run.open(empty_runs / "flat")


def toggles(at: Any) -> list[Any]:
    return [one for one in at.toggle if one.label == OPEN]


@pytest.mark.parametrize("name", ["explore", "train", "evaluate"])
def test_it_opens_as_a_strip(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    strip = Mount()
    monkeypatch.setattr(face, "_STRIP", strip)
    at = page(name, run="flat", image="2")
    assert strip.given == {}
    (toggle,) = toggles(at)
    toggle.set_value(True).run()
    assert not at.exception
    assert (strip.given["data"]["run"], strip.given["data"]["size"]) == ("flat", "strip")


def test_what_is_set_there_goes_into_the_link(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"mode": "reconstruction", "beta": 3, "noise": [1, 0], "origin": "test", "drawing": ""}
    monkeypatch.setattr(face, "_STRIP", Mount(said=said))
    at = page("evaluate", run="flat")
    toggles(at)[0].set_value(True).run()
    assert at.query_params["pass"] == "reconstruction"
    assert (at.query_params["beta"], at.query_params["eps"]) == ("3", "1,0")


def test_a_run_without_weights_has_none(empty_runs: Path, digits: Dataset) -> None:
    Run.create(empty_runs / "new", RunConfig(), digits.info())
    assert toggles(page("train", run="new")) == []
