"""The trainer heeds at once what the user wishes: β, pause, single steps, pace and stop."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.short_runs import LONG, SMALL, TRAIN, Live, create, events, lines, numbers, train, wishing
from vae.config.schema import ObjectiveConfig
from vae.data.dataset import load_dataset as load_data
from vae.diagnostics.diagnose import diagnose
from vae.objectives.schedules import StepSettings, beta_at, learning_rate_at
from vae.runs.metric_lines import Line
from vae.runs.metrics import MetricsReader
from vae.runs.run import Run
from vae.runs.snapshot_index import moments
from vae.storage.atomic import read_json
from vae.storage.safetensors_io import load, save
from vae.training.trainer import Trainer


def test_a_new_beta_is_in_force_and_marked_within_a_fifth_of_a_second(tmp_path: Path) -> None:
    with Live(create(tmp_path / "a", LONG)) as live:
        reader = MetricsReader(live.run.metrics_path)
        news: list[Line] = []

        def is_marked(beta: float) -> bool:
            news.extend(reader.read()[1])
            return any(line.get("event") == "beta" and line["beta"] == beta for line in news)

        times = []
        for beta in (4.0, 0.5, 2.0, 8.0, 3.0):
            live.wait_for(lambda: live.run.status().step > 0)
            live.run.request(beta=beta)
            times.append(live.wait_for(lambda beta=beta: is_marked(beta)))  # type: ignore[misc]
        assert sorted(times)[2] < 0.2, times  # the median: others may use this machine
        live.run.request(command="stop")
    now, before = 1.0, 1.0
    for line in lines(live.run):
        if line.get("event") == "beta":
            before, now = now, line["beta"]
            assert line["before"] == before
        elif line.get("split") == "train":
            assert line["beta"] == now  # no mean over steps of two β


@pytest.mark.usefixtures("every_step")
def test_beta_by_hand_holds_until_it_is_given_back_to_the_schedule(tmp_path: Path) -> None:
    config = SMALL.replace(objective=ObjectiveConfig(beta=2, schedule="linear", warmup_epochs=2))
    run = train(tmp_path / "a", config, wishing({3: {"beta": 0.0}, 18: {"beta": None}}))
    by_step = {line["step"]: line["beta"] for line in numbers(run, "train")}
    # The β of a line is what its step was taken with: the schedule's at the epoch before that step.
    assert [by_step[step] for step in (1, 2, 3)] == pytest.approx([0.0, 2 * 1 / 12, 2 * 2 / 12])
    assert {by_step[step] for step in range(4, 19)} == {0.0}
    assert {by_step[step] for step in range(19, 25)} == {2.0}
    marked = [(line["before"], line["beta"], line["by_hand"]) for line in events(run, "beta")]
    assert marked == [(pytest.approx(2 * 2 / 12), 0.0, True), (0.0, 2.0, False)]


def test_pause_single_steps_resume_and_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vae.training.run_log.STATUS_SECONDS", 0.05)
    with Live(create(tmp_path / "a", LONG)) as live:
        run = live.run
        live.wait_for(lambda: run.status().step > 0)
        assert_prompt(live, lambda: run.request(command="pause"), "paused")
        paused = run.status()
        live.beat()  # it lives
        live.beat()
        assert run.status().step == paused.step
        assert run.status().seconds == paused.seconds  # time paused is no training time
        for number in range(1, 4):
            run.request(command="step")
            live.wait_for(lambda number=number: run.status().step >= paused.step + number)  # type: ignore[misc]
            live.beat()
            assert run.status().step == paused.step + number
        run.request(steps=run.control().steps + 2)
        live.wait_for(lambda: run.status().step >= paused.step + 5)
        live.beat()
        live.wait_for(lambda: run.status().heartbeat - paused.heartbeat > 0.5)
        status = run.status()
        assert (status.step, status.state) == (paused.step + 5, "paused")
        assert status.seconds - paused.seconds < 0.5
        assert_prompt(live, lambda: run.request(command="run"), "running")
        live.wait_for(lambda: run.status().step > paused.step + 5)
        run.request(command="stop")
        live.wait_for(lambda: run.status().state == "stopped")
    assert [line["event"] for line in events(run)] == [
        "start",
        "snapshot",
        "pause",
        *["step"] * 5,
        "resume",
        "snapshot",
        "stop",
    ]
    single = [line for line in numbers(run, "train") if paused.step < line["step"] <= paused.step + 5]
    assert [line["num_steps"] for line in single] == [1] * 5
    assert sum(line["num_steps"] for line in numbers(run, "train")) == run.status().step


def assert_prompt(live: Live, wish: Callable[[], object], state: str) -> None:
    wish()
    assert live.wait_for(lambda: live.run.status().state == state) < 2


@pytest.mark.usefixtures("every_step")
@pytest.mark.parametrize("model", [{}, {"conditional": True}, {"likelihood": "gaussian-learned"}])
def test_single_step_tells_what_it_did_and_changes_no_number(tmp_path: Path, model: dict[str, Any]) -> None:
    config = SMALL.replace(model=SMALL.model.replace(**model))
    plain = train(tmp_path / "a", config)
    run, dataset = create(tmp_path / "b", config)
    for report in Trainer(run, dataset).train():
        if report.kind != "train":
            continue
        step = report.line["step"]
        if step in (3, 4):
            run.request(command="pause" if step == 3 else "run")
            if step == 3:
                run.request(command="step")
    assert numbers(run, "train") == numbers(plain, "train")
    (effect,) = events(run, "step")
    assert effect["step"] == 4
    assert effect["num_images"] == config.train.batch_size
    before = effect["distortion_before"] + effect["beta"] * effect["rate_before"]
    after = effect["distortion_after"] + effect["beta"] * effect["rate_after"]
    assert after < before  # a step lowers the loss of its own batch
    assert 0 < effect["weights_moved"] < 0.2


@pytest.mark.usefixtures("every_step")
def test_a_step_asked_for_right_after_the_pause_is_made(tmp_path: Path) -> None:
    run, dataset = create(tmp_path / "a")
    steps = []
    for report in Trainer(run, dataset).train():
        if report.kind != "train":
            continue
        steps.append(report.line["step"])
        if steps[-1] == 3:
            run.request(command="pause")
            run.request(command="step")  # before the trainer has looked
        if steps[-1] == 4:
            assert run.status().state == "paused"
            run.request(command="run")
    assert steps == list(range(1, 25))
    assert [line["step"] for line in events(run, "pause")] == [3]
    assert [line["step"] for line in events(run, "resume")] == [4]


def test_stop_while_paused_and_while_slow(tmp_path: Path) -> None:
    slow = LONG.replace(train=LONG.train.replace(max_images_per_second=1))
    with Live(create(tmp_path / "slow", slow)) as live:
        live.wait_for(lambda: newest_step(live.run) > 0)  # the next step is due in a minute
        live.run.request(command="stop")
        assert live.wait_for(lambda: live.run.status().state == "stopped") < 5
    with Live(create(tmp_path / "paused", LONG)) as live:
        live.run.request(command="pause")
        live.wait_for(lambda: live.run.status().state == "paused")
        live.run.request(command="stop")
        assert live.wait_for(lambda: live.run.status().state == "stopped") < 5


def test_the_pace_is_held_and_can_be_changed_while_it_trains(tmp_path: Path) -> None:
    config = LONG.replace(train=LONG.train.replace(max_images_per_second=1280))  # 20 steps a second
    with Live(create(tmp_path / "a", config)) as live:
        live.wait_for(lambda: live.run.status().step > 2)
        speed(live, 20)
        assert speed(live, 20) == pytest.approx(20, abs=5)
        live.run.request(max_images_per_second=0)
        speed(live, 1)  # the line with the change in it
        assert speed(live, 40) > 60


def speed(live: Live, num: int) -> float:
    """Steps a second over the next so many steps or more, by the clock of the training."""
    first = live.run.latest_metrics()["train"]
    live.wait_for(lambda: newest_step(live.run) >= int(first["step"]) + num)
    last = live.run.latest_metrics()["train"]
    return float((last["step"] - first["step"]) / (last["seconds"] - first["seconds"]))


def newest_step(run: Run) -> int:
    line = run.latest_metrics().get("train")
    return 0 if line is None else int(line["step"])


def test_a_stop_or_pause_of_yesterday_does_not_hold_today(tmp_path: Path) -> None:
    run, dataset = create(tmp_path / "a")
    run.request(command="pause", beta=3.0)
    for _ in Trainer(run, dataset).train():
        pass
    assert run.status().state == "finished"
    assert numbers(run, "train")[-1]["beta"] == 3.0


def test_a_stop_asked_for_while_the_run_waited_for_its_trainer_holds(tmp_path: Path) -> None:
    run, dataset = create(tmp_path / "a")
    run.request(command="stop")
    for _ in Trainer(run, dataset).train(afresh=False):
        pass
    assert (run.status().state, run.status().step) == ("stopped", 0)
    train(run.path)
    assert run.status().state == "finished"


# What is recorded is what the steps were taken with -------------------------------------------------------------------

CYCLES = SMALL.replace(objective=ObjectiveConfig(beta=20, schedule="cyclical", cycle_epochs=1))


@pytest.mark.usefixtures("every_step")
def test_what_is_measured_at_the_end_of_a_cycle_has_the_beta_of_the_steps_before_it(tmp_path: Path) -> None:
    run = train(
        tmp_path / "a", CYCLES
    )  # each evaluation falls on the end of a cycle, where the next step has β = 0
    expected = [20 * min(1, 2 * batch / 6) for batch in range(6)] * 4
    assert [line["beta"] for line in numbers(run, "train")] == pytest.approx(expected)
    assert [line["beta"] for line in numbers(run, "validation")] == [20.0] * 4
    by_step = {moment.step: moment.beta for moment in moments(run)}
    assert by_step == pytest.approx({0: 0.0, 2: expected[1], 6: 20.0, 14: expected[13], 24: 20.0})
    assert run.status().beta == 20.0
    assert load(run.checkpoints_dir, "last")[1]["beta"] == 20.0
    assert diagnose(run, at="last").beta == 20.0
    assert diagnose(run, at=2).beta == pytest.approx(expected[1])


def test_a_line_of_several_steps_has_the_mean_of_what_they_were_taken_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.training.run_log.METRICS_SECONDS", 1e6)  # lines where something else wants one
    objective = ObjectiveConfig(beta=0.7, capacity=12, capacity_epochs=2)
    steps = TRAIN.replace(learning_rate_schedule="cosine", num_snapshots=2, checkpoint_seconds=1e6)
    run = train(tmp_path / "a", SMALL.replace(objective=objective, train=steps))
    found = [line for line in numbers(run, "train") if line["num_steps"] == 6]
    assert len(found) >= 3
    for line in found:
        epoch = line["step"] // 6 - 1
        targets = [12 * min(1, (epoch + batch / 6) / 2) for batch in range(6)]
        assert line["beta"] == 0.7  # to the bit, though 6 · 0.7 / 6 is another number
        assert line["capacity"] == pytest.approx(sum(targets) / 6)
        assert line["learning_rate"] == learning_rate_at(steps, epoch)
    last = numbers(run, "validation")[-1]
    assert (last["capacity"], last["learning_rate"]) == (12.0, learning_rate_at(steps, 3))
    snapshot = read_json(run.snapshot_dir(24) / "snapshot.json")
    status = run.status()
    for name in ("beta", "capacity", "learning_rate"):
        assert snapshot[name] == getattr(status, name) == last[name]


def test_a_run_whose_plan_moves_nothing_says_no_more_than_before(tmp_path: Path) -> None:
    run = train(tmp_path / "a")
    assert all(not {"capacity", "learning_rate"} & line.keys() for line in lines(run))
    assert (run.status().capacity, run.status().learning_rate) == (None, None)


@pytest.mark.usefixtures("every_step")
def test_a_beta_set_in_a_pause_is_shown_at_once_and_no_measurement_before_it_has_it(tmp_path: Path) -> None:
    run, dataset = create(tmp_path / "a", CYCLES)
    shown = []
    for report in Trainer(run, dataset).train():
        if report.kind == "train" and report.line["step"] == 6:
            run.request(command="pause", beta=3.0)
        if report.line.get("event") == "beta":
            shown.append(run.status().beta)
            run.request(command="stop")
    assert shown == [3.0]
    assert (run.status().state, run.status().step) == ("stopped", 6)
    assert [moment.beta for moment in moments(run) if moment.step == 6] == [20.0]
    assert [line["beta"] for line in numbers(run, "validation")] == [20.0]
    assert [(line["before"], line["beta"]) for line in events(run, "beta")] == [(20.0, 3.0)]
    found = diagnose(run, at="last")
    assert found.beta == 20.0  # these weights were not trained with 3


def test_a_run_of_an_older_version_goes_on_and_its_lines_do_not_mislead(tmp_path: Path) -> None:
    run = train(tmp_path / "a", CYCLES, wishing({12: {"command": "stop"}}))
    step = run.status().step
    tensors, state = load(run.checkpoints_dir, "last")
    older = {name: value for name, value in state.items() if name not in StepSettings._fields}
    save(run.checkpoints_dir, "last", tensors, older)
    wrong = [{**line, "beta": 0.0} if "split" in line else line for line in lines(run)]
    run.metrics_path.write_text("".join(json.dumps(line) + "\n" for line in wrong))
    assert diagnose(run, at="last").beta == beta_at(CYCLES.objective, (step - 1) / 6)
    dataset = load_data(CYCLES.data)
    trainer = Trainer(run, dataset)
    next(trainer.train())
    assert trainer.taken_with.beta == beta_at(CYCLES.objective, (step - 1) / 6)


@pytest.fixture(autouse=True)
def _no_stray_threads() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() <= before
