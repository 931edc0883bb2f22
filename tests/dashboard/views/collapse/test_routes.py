"""What the page Collapse asks of the server: the library's numbers, and refusals in a sentence."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dashboard.cache.diagnoses import with_threshold
from tests.support.asgi_client import Client
from vae.diagnostics.diagnose import diagnose
from vae.diagnostics.posterior_history import training_stages
from vae.diagnostics.rules.verdicts import decide
from vae.runs.metrics import MetricsReader
from vae.runs.run import Run

DIAGNOSIS, COURSE = "/api/runs/short/diagnosis", "/api/runs/short/course"


def said(client: Client, address: str) -> dict[str, Any]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = json.loads(answer.content)
    return found


@pytest.mark.parametrize("at", ["last", "best", "0"])
def test_the_diagnosis_is_the_librarys(client: Client, run: Run, at: str) -> None:
    expected = diagnose(run, at=0 if at == "0" else at).to_dict()  # type: ignore[arg-type]
    found = said(client, f"{DIAGNOSIS}?at={at}")
    assert found == json.loads(json.dumps({**expected, "missing": "", "step": found["step"]}))
    assert found["step"] == {"0": 0, "last": run.status().step}.get(at, found["step"])


def test_another_threshold_counts_anew(client: Client, run: Run) -> None:
    usual = diagnose(run)
    low, high = sorted(usual.active_variance)
    for threshold, num in ((low / 2, 2), ((low + high) / 2, 1), (2 * high, 0)):
        found = said(client, f"{DIAGNOSIS}?at=last&threshold={threshold}")
        assert (found["num_active"], found["active_threshold"]) == (num, threshold)
        assert found["active"] == [value > threshold for value in usual.active_variance]
        assert found["rate_per_dim"] == list(usual.rate_per_dim)


def test_the_course_is_the_librarys(client: Client, run: Run) -> None:
    expected = [stage.to_dict() for stage in training_stages(run)]
    assert said(client, COURSE)["stages"] == json.loads(json.dumps(expected))


@pytest.mark.parametrize("threshold", ["0", "-1", "11", "nan", "a lot", "1e-30"])
def test_a_threshold_out_of_range_is_refused_in_a_sentence(client: Client, threshold: str) -> None:
    answer = client.get(f"{DIAGNOSIS}?at=last&threshold={threshold.replace(' ', '%20')}")
    assert answer.status_code == 400
    assert b"threshold must be a number from" in answer.content


def test_without_its_images_a_run_is_told_from_its_posteriors(client: Client, run: Run, root: Path) -> None:
    path = root / "elsewhere"
    shutil.copytree(run.path, path)
    values = json.loads((path / "config.json").read_text())
    values["config"]["data"] |= {"name": "npz", "path": "/nowhere/images.npz"}
    (path / "config.json").write_text(json.dumps(values))
    found = said(client, "/api/runs/elsewhere/diagnosis?at=last")
    shutil.rmtree(path)
    assert found["verdict"] is None
    assert found["usage"] is None
    assert "/nowhere/images.npz" in found["missing"]
    assert found["rate_per_dim"] == pytest.approx(training_stages(run)[-1].rate_per_dim, rel=1e-5)


def test_a_verdict_follows_its_threshold(run: Run) -> None:
    usual = diagnose(run)
    moved = with_threshold(run, usual, "last", 50.0)
    history = MetricsReader(run.metrics_path).read()[1]
    bare = replace(usual, active_threshold=50.0)
    assert moved.findings == decide(bare, run.config, history)
    assert with_threshold(run, usual, "last", usual.active_threshold) is usual
