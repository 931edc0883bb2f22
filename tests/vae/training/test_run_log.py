"""What a trainer writes down: positions, means, training time, speed and the status."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from vae.config.schema import DataInfo, RunConfig
from vae.objectives.terms import Terms
from vae.runs.metric_lines import is_line
from vae.runs.metrics import MetricsReader, MetricsWriter
from vae.runs.run import Run
from vae.storage.finite_tensors import Diverged
from vae.training import run_log
from vae.training.position import Position, Stopwatch
from vae.training.run_log import RunLog, what_went_wrong
from vae.training.running_means import Means


@pytest.fixture
def diary(tmp_path: Path, tiny_info: DataInfo) -> RunLog:
    run = Run.create(tmp_path / "a", RunConfig(), tiny_info)
    return RunLog(run, MetricsWriter(run.metrics_path), Position(1000, 100), 40, Stopwatch())


def terms(size: int, seed: int, latent_dim: int = 3) -> Terms:
    noise = torch.Generator().manual_seed(seed)
    return Terms(torch.rand(size, generator=noise) * 100, torch.rand(size, latent_dim, generator=noise))


def test_a_position_counts_steps_images_and_epochs_with_a_smaller_last_batch() -> None:
    position = Position(num_images=10, batch_size=4)
    seen = [(position.step, position.images, position.epoch)]
    ends = []
    for _ in range(7):
        ends.append(position.advance())
        seen.append((position.step, position.images, round(position.epoch, 3)))
    assert position.batches_per_epoch == 3
    assert seen == [
        (0, 0, 0.0),
        (1, 4, 0.333),
        (2, 8, 0.667),
        (3, 10, 1.0),
        (4, 14, 1.333),
        (5, 18, 1.667),
        (6, 20, 2.0),
        (7, 24, 2.333),
    ]
    assert ends == [False, False, True, False, False, True, False]


def test_means_weigh_each_image_alike_whatever_its_batch() -> None:
    means = Means.zero(3, torch.device("cpu"))
    batches = [terms(128, 1), terms(128, 2), terms(5, 3)]
    for batch in batches:
        means.add(batch.mean(), len(batch.distortion))
    line = means.take()
    distortion = np.concatenate([batch.distortion.double().numpy() for batch in batches])
    rates = np.concatenate([batch.rate_per_dim.double().numpy() for batch in batches])
    assert line["distortion"] == pytest.approx(distortion.mean(), rel=1e-6)
    assert line["rate_per_dim"] == pytest.approx(rates.mean(0).tolist(), rel=1e-6)
    assert line["rate"] == math.fsum(line["rate_per_dim"])
    assert line["elbo"] == -(line["distortion"] + line["rate"])
    assert line["num_steps"] == 3
    means.add(batches[0].mean(), 128)  # it begins anew
    assert means.take()["num_steps"] == 1


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_mean_that_is_not_finite_is_divergence_and_is_not_written(diary: RunLog, bad: float) -> None:
    means = Means.zero(3, torch.device("cpu"))
    batch = terms(10, 1)
    batch.distortion[3] = bad
    means.add(batch.mean(), len(batch.distortion))
    with pytest.raises(Diverged):
        diary.train(means, 1.0)
    assert diary.metrics.offset == 0


def test_the_stopwatch_goes_on_from_before_and_leaves_pauses_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 7.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    clock = Stopwatch(100.0)
    now += 1
    clock.halt()
    clock.halt()  # twice is as good as once
    now += 2
    assert clock.seconds == 101
    clock.go_on()
    clock.go_on()
    now += 4
    assert clock.seconds == 105


def test_lines_and_events_are_what_readers_accept(diary: RunLog) -> None:
    means = Means.zero(3, torch.device("cpu"))
    means.add(terms(100, 1).mean(), 100)
    diary.position.advance()
    reports = [diary.event("start", beta=1.0), diary.train(means, 0.5)]
    assert [report.kind for report in reports] == ["event", "train"]
    assert all(is_line(report.line) for report in reports)
    assert MetricsReader(diary.run.metrics_path).read()[1] == [report.line for report in reports]
    line = reports[1].line
    assert (line["step"], line["epoch"], line["beta"], line["num_steps"]) == (1, 0.1, 0.5, 1)
    assert line["images_per_second"] > 0


def test_lines_are_at_most_ten_a_second(diary: RunLog, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.perf_counter()
    monkeypatch.setattr(run_log.time, "perf_counter", lambda: now)
    means = Means.zero(3, torch.device("cpu"))
    written = 0
    for _ in range(1000):  # a second of steps
        means.add(terms(1, 1).mean(), 1)
        if diary.is_line_due:
            diary.train(means, 1.0)
            written += 1
        now += 0.001
    assert written == 10


def test_speed_is_of_the_last_second_and_a_pause_does_not_lower_it(
    diary: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.perf_counter()
    monkeypatch.setattr(run_log.time, "perf_counter", lambda: now)
    means = Means.zero(3, torch.device("cpu"))
    for step in range(40):
        now += 0.1
        diary.position.advance()
        means.add(terms(100, 1).mean(), 100)
        diary.train(means, 1.0)
        if step == 20:
            diary.clock.halt()
            now += 3600
            diary.clock.go_on()
        if step > 10:
            assert diary.images_per_second == pytest.approx(1000, rel=0.01)
    assert diary.clock.seconds == pytest.approx(4.0, abs=0.1)


def test_the_heartbeat_is_renewed_twice_a_second_and_says_where_training_is(
    diary: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.perf_counter()
    monkeypatch.setattr(run_log.time, "perf_counter", lambda: now)
    monkeypatch.setattr(run_log.time, "time", lambda: now)
    diary.status("running", 1.0)
    beats = set()
    for _ in range(100):
        now += 0.02
        diary.position.advance()
        diary.beat(2.0)
        beats.add(json.loads((diary.run.path / "status.json").read_text())["heartbeat"])
    assert len(beats) in (4, 5)
    status = json.loads((diary.run.path / "status.json").read_text())
    assert status["state"] == "running"
    assert status["beta"] == 2.0
    assert status["step"] > 70
    assert status["num_steps"] == 40


def test_only_a_change_of_state_waits_for_the_disk(diary: RunLog, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("vae.storage.atomic.os.fsync", synced.append)
    diary.status("running", 1.0)
    changed = len(synced)
    assert changed > 0
    diary.status("running", 1.0)
    assert len(synced) == changed
    diary.status("finished", 1.0)
    assert len(synced) > changed


def test_what_went_wrong_is_a_sentence_of_bounded_length() -> None:
    assert what_went_wrong(OSError(28, "No space left", "/x/y")).startswith(
        "the disk is full: /x/y could not"
    )
    assert "train.batch_size" in what_went_wrong(MemoryError())
    assert 200 < len(what_went_wrong(ValueError("a" * 5000))) <= 400
    assert what_went_wrong(KeyError()) == "KeyError"
