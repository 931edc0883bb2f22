"""The trainer: exact to the bit, exact after a stop, obedient, and safe when the loss, the disk or the run is bad."""

from __future__ import annotations

import errno
import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from vae import engine, journal, wishes
from vae.checkpoints import CheckpointError, load, save
from vae.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
from vae.data import DataError, Dataset
from vae.data import load as load_data
from vae.engine import Trainer
from vae.errors import UserError
from vae.evaluation import evaluate
from vae.journal import Report
from vae.metrics import Line, MetricsReader
from vae.objective import RatePenalty
from vae.runs import Run, RunError
from vae.snapshots import load_model, load_weights, snapshot_steps

#: Six steps an epoch.
TRAIN = TrainConfig(epochs=4, batch_size=256, seed=7, device="cpu", num_snapshots=5, checkpoint_seconds=1e-6)
SMALL = RunConfig(model=ModelConfig(hidden=(8,)), train=TRAIN)

Hook = Callable[[Run, Report], None]


@pytest.fixture
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line of metrics, and one look at the user's wishes, at each step: no number depends on the clock."""
    monkeypatch.setattr(journal, "METRICS_SECONDS", 0.0)
    monkeypatch.setattr(wishes, "CONTROL_SECONDS", 0.0)
    monkeypatch.setattr(engine, "CONTROL_SECONDS", 0.01)


def create(folder: Path, config: RunConfig = SMALL) -> tuple[Run, Dataset]:
    dataset = load_data(config.data)
    return Run.create(folder, config, dataset.info()), dataset


def train(folder: Path, config: RunConfig = SMALL, hook: Hook | None = None) -> Run:
    """Train a new run, or go on with one; the hook hears of everything and may ask for something."""
    run, dataset = (Run.open(folder), load_data(config.data)) if folder.exists() else create(folder, config)
    for report in Trainer(run, dataset).train():
        if hook is not None:
            hook(run, report)
    return run


def wishing(wishes: dict[int, dict[str, Any]]) -> Hook:
    """Ask for something once the step has been made; it is heard before the next."""

    def hook(run: Run, report: Report) -> None:
        if report.kind == "train" and report.line["step"] in wishes:
            run.request(**wishes[report.line["step"]])

    return hook


def lines(run: Run) -> list[Line]:
    return MetricsReader(run.metrics_path).read()[1]


def numbers(run: Run, split: str) -> list[Line]:
    """The lines of a split without what the clock says."""
    timed = ("seconds", "images_per_second")
    return [
        {name: value for name, value in line.items() if name not in timed}
        for line in lines(run)
        if line.get("split") == split
    ]


def events(run: Run, name: str | None = None) -> list[Line]:
    return [line for line in lines(run) if "event" in line and name in (None, line["event"])]


def changes(run: Run) -> list[tuple[int, float, float]]:
    """Steps at which β changed, with β before and after."""
    return [(line["step"], line["before"], line["beta"]) for line in events(run, "beta")]


def assert_same_tensors(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name  # bit for bit: no tolerance


def assert_same_run(found: Run, expected: Run) -> None:
    """Weights, optimiser, random state, position, best weights, latent positions, snapshots and metrics are equal."""
    for name in ("last", "best"):
        tensors, state = load(found.checkpoints_dir, name)
        other_tensors, other_state = load(expected.checkpoints_dir, name)
        assert_same_tensors(tensors, other_tensors)
        for timed in ("seconds", "metrics_offset"):
            state.pop(timed, None), other_state.pop(timed, None)
        assert state == other_state
    assert_same_tensors(load(found.path, "latent")[0], load(expected.path, "latent")[0])
    assert set(expected.snapshots()) <= set(found.snapshots())
    for step in expected.snapshots():
        assert_same_tensors(load_weights(found, step), load_weights(expected, step))
        probes = [load(run.snapshot_dir(step), "probe")[0] for run in (found, expected)]
        assert_same_tensors(*probes)
    assert numbers(found, "train") == numbers(expected, "train")
    assert numbers(found, "validation") == numbers(expected, "validation")


# Exact ----------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("every_step")
def test_one_seed_gives_the_same_weights_and_metrics_bit_for_bit(tmp_path: Path) -> None:
    torch.manual_seed(1)
    first = train(tmp_path / "a")
    torch.manual_seed(2)  # nothing is drawn from the process's own random state …
    before = torch.get_rng_state()
    second = train(tmp_path / "b")
    assert torch.equal(torch.get_rng_state(), before)  # … and nothing changes it
    assert_same_run(second, first)
    assert len(numbers(first, "train")) == 24


@pytest.mark.usefixtures("every_step")
def test_another_seed_gives_other_weights_and_metrics(tmp_path: Path) -> None:
    first = train(tmp_path / "a")
    second = train(tmp_path / "b", SMALL.replace(train=TRAIN.replace(seed=8)))
    assert not torch.equal(
        load(first.checkpoints_dir, "last")[0]["random.noise"],
        load(second.checkpoints_dir, "last")[0]["random.noise"],
    )
    weights, others = load_weights(first), load_weights(second)
    assert all(not torch.equal(weights[name], others[name]) for name in weights)
    assert numbers(first, "train")[0]["distortion"] != numbers(second, "train")[0]["distortion"]


KINDS = {
    "plain": SMALL,
    "dynamic binarisation": SMALL.replace(data=DataConfig(binarize="dynamic")),
    "conditional": SMALL.replace(model=SMALL.model.replace(conditional=True)),
    "conv, learned sigma, warm-up": SMALL.replace(
        model=ModelConfig(network="conv", channels=(2, 4), hidden=(8,), likelihood="gaussian-learned"),
        objective=ObjectiveConfig(beta=2, schedule="linear", warmup_epochs=3),
    ),
    "extra encoder steps for three epochs, capacity": SMALL.replace(
        data=DataConfig(binarize="dynamic"),
        model=SMALL.model.replace(conditional=True, learned_prior=True, decoder="autoregressive"),
        objective=ObjectiveConfig(capacity=6, capacity_epochs=3),
        train=TRAIN.replace(encoder_steps=2, encoder_steps_epochs=2.5),
    ),
}
#: β by hand, changed before and after each of the stops, and back to the schedule.
BETAS: dict[int, dict[str, Any]] = {5: {"beta": 4.0}, 16: {"beta": 0.5}, 20: {"beta": None}}


@pytest.mark.usefixtures("every_step")
@pytest.mark.parametrize("kind", KINDS)
def test_two_epochs_a_stop_and_two_more_are_four_epochs_unbroken_bit_for_bit(
    tmp_path: Path, kind: str
) -> None:
    unbroken = train(tmp_path / "unbroken", KINDS[kind], wishing(BETAS))
    for stop in (12, 14):  # at the end of an epoch, and in its middle
        run = train(tmp_path / f"stopped-{stop}", KINDS[kind], wishing({**BETAS, stop: {"command": "stop"}}))
        assert run.status().state == "stopped"
        assert run.status().step == stop
        assert run.status().epoch == pytest.approx(stop / 6)
        train(run.path, KINDS[kind], wishing(BETAS))
        assert run.status().state == "finished"
        assert_same_run(run, unbroken)
        assert changes(run) == changes(unbroken)
        assert [line["event"] for line in events(run) if line["event"] not in ("snapshot", "beta")] == [
            "start",
            "stop",
            "resume",
            "finish",
        ]
    assert [step for step, *_ in changes(unbroken)] == [5, 16, 20]
    assert [after for _, _, after in changes(unbroken)][:2] == [4.0, 0.5]
    assert {line["beta"] for line in numbers(unbroken, "train")} >= {4.0, 0.5}


@pytest.mark.usefixtures("every_step")
def test_whoever_stops_listening_at_any_moment_can_go_on_bit_for_bit(tmp_path: Path) -> None:
    config = KINDS["dynamic binarisation"].replace(train=TRAIN.replace(epochs=2, batch_size=432))
    unbroken = train(tmp_path / "unbroken", config)
    num_reports = len(lines(unbroken))
    for number in range(num_reports):
        run, dataset = create(tmp_path / f"left-{number}", config)
        reports = Trainer(run, dataset).train()
        for _ in range(number + 1):
            next(reports)
        reports.close()
        if number == num_reports - 1:
            assert run.status().state == "finished"
            continue
        assert run.status().state == "stopped"
        train(run.path, config)
        assert_same_run(run, unbroken)


@pytest.mark.usefixtures("every_step")
def test_a_longer_budget_goes_on_bit_for_bit(tmp_path: Path) -> None:
    config = SMALL.replace(train=TRAIN.replace(num_snapshots=0))
    unbroken = train(tmp_path / "unbroken", config)
    run = train(tmp_path / "extended", config.replace(train=config.train.replace(epochs=2)))
    run.extend(2)
    train(run.path)
    assert_same_run(run, unbroken)


@pytest.mark.usefixtures("every_step")
def test_a_kill_between_the_checkpoint_and_the_best_weights_loses_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*arguments: Any, **options: Any) -> None:
        if arguments[1] == "best" and arguments[3]["step"] == 12:
            raise Killed
        save(*arguments, **options)

    unbroken = train(tmp_path / "unbroken")
    assert load(unbroken.checkpoints_dir, "best")[1]["step"] > 12  # step 12 was the best so far
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(engine, "save", killed)
        train(tmp_path / "killed")
    run = Run.open(tmp_path / "killed")
    assert run.status().state == "interrupted"
    assert load(run.checkpoints_dir, "best")[1]["step"] < 12
    _, dataset = create(tmp_path / "other")
    next(Trainer(run, dataset).train())
    assert load(run.checkpoints_dir, "best")[1]["step"] == 12
    assert_same_tensors(load_weights(run, "best"), load_weights(run, "last"))
    train(run.path)
    assert_same_run(run, unbroken)


def test_nothing_that_was_lost_is_in_the_metrics_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(trainer: Trainer, x: Tensor, y: Tensor | None) -> Any:
        if trainer.position.step == 11:
            raise KeyboardInterrupt
        return plain_step(trainer, x, y)

    run, dataset = create(tmp_path / "a", SMALL.replace(train=TRAIN.replace(checkpoint_seconds=1000)))
    plain_step = Trainer.step
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "step", killed)
        patch.setattr(journal, "METRICS_SECONDS", 0.0)
        for _ in Trainer(run, dataset).train():
            pass
    assert numbers(run, "train")[-1]["step"] == 11
    _, point = load(run.checkpoints_dir, "last")
    assert (point["epochs"], point["batch"]) == (1, 0)  # five steps are lost
    train(run.path)
    measured = numbers(run, "train")
    assert sum(line["num_steps"] for line in measured) == 24
    steps = [line["step"] for line in measured]
    assert steps == sorted(set(steps))
    assert steps[-1] == 24


# What it writes -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("every_step")
def test_the_best_weights_are_those_of_the_best_validation_elbo_at_beta_1(tmp_path: Path) -> None:
    # β falls to 0 half-way: from there on the loss as trained falls, and the ELBO, too.
    config = SMALL.replace(train=TRAIN.replace(epochs=20, learning_rate=0.01))
    run = train(tmp_path / "a", config, wishing({60: {"beta": 0.0}}))
    validation = numbers(run, "validation")
    assert [line["step"] for line in validation] == list(range(6, 121, 6))
    annealed = max(validation, key=lambda line: -line["distortion"] - line["beta"] * line["rate"])
    best = max(validation, key=lambda line: line["elbo"])
    assert best["elbo"] == pytest.approx(-(best["distortion"] + best["rate"]), rel=1e-6)
    assert best["step"] < annealed["step"]
    _, state = load(run.checkpoints_dir, "best")
    assert state == {"step": best["step"], "elbo": best["elbo"]}
    model, dataset = load_model(run, "best"), load_data(SMALL.data)
    assert evaluate(model, dataset, "validation", seed=7).elbo == best["elbo"]


def test_without_validation_images_there_is_no_best_and_the_last_is_shown(tmp_path: Path) -> None:
    config = RunConfig(data=DataConfig(validation=0), model=SMALL.model, train=TRAIN.replace(epochs=1))
    run = train(tmp_path / "a", config)
    assert not (run.checkpoints_dir / "best.safetensors").exists()
    assert_same_tensors(load_weights(run, "best"), load_weights(run, "last"))
    assert numbers(run, "validation") == []


@pytest.mark.usefixtures("every_step")
def test_metrics_are_means_over_the_images_of_each_step(tmp_path: Path) -> None:
    run, dataset = create(tmp_path / "a")
    trainer, seen = Trainer(run, dataset), []
    plain_step = trainer.step

    def step(x: Tensor, y: Tensor | None) -> Any:
        seen.append(plain_step(x, y))
        return seen[-1]

    trainer.step = step  # type: ignore[method-assign]
    for _ in trainer.train():
        pass
    for line, terms in zip(numbers(run, "train"), seen, strict=True):
        assert line["distortion"] == pytest.approx(float(terms.distortion), rel=1e-6)
        assert line["rate"] == pytest.approx(float(terms.rate_per_dim.double().sum()), rel=1e-6)
        assert line["rate_per_dim"] == pytest.approx(terms.rate_per_dim.tolist(), rel=1e-6)
        assert line["elbo"] == -(line["distortion"] + line["rate"])


def test_an_epoch_sees_each_training_image_once_and_the_next_in_another_order(tmp_path: Path) -> None:
    run, dataset = create(tmp_path / "a")
    trainer, seen = Trainer(run, dataset), []
    trainer.images = torch.arange(len(dataset.train)).reshape(-1, 1, 1, 1)
    for _ in range(2):
        seen.append(torch.cat([images for images, _ in trainer.batches()]).flatten())
        trainer.order_at_epoch_start = trainer.order.get_state()
    assert torch.equal(seen[0].sort().values, torch.arange(len(dataset.train)))
    assert torch.equal(seen[1].sort().values, torch.arange(len(dataset.train)))
    assert not torch.equal(seen[0], seen[1])


def test_an_extra_step_changes_the_encoder_and_nothing_of_the_decoder(tmp_path: Path) -> None:
    model = SMALL.model.replace(
        likelihood="gaussian-learned", conditional=True, learned_prior=True, latent_dim=3
    )
    run, dataset = create(tmp_path / "a", SMALL.replace(model=model))
    trainer = Trainer(run, dataset)
    images, labels = next(trainer.batches())
    trainer.step(dataset.pixels(images), labels)  # now Adam knows something of every weight
    order, noise = trainer.order.get_state(), trainer.noise.get_state()

    def now() -> dict[str, list[Tensor]]:
        state = trainer.optimizer.state
        return {
            name: [weight.detach().clone(), *(state[weight][key].clone() for key in sorted(state[weight]))]
            for name, weight in trainer.model.named_parameters()
        }

    before = now()
    trainer.encoder_step()
    after = now()
    assert len({name.split(".")[0] for name in after}) == 3  # encoder, decoder, and the likelihood's σ
    for name, tensors in after.items():
        same = [torch.equal(ours, theirs) for ours, theirs in zip(tensors, before[name], strict=True)]
        assert same == [not name.startswith("encoder.")] * 4, name
    assert torch.equal(trainer.order.get_state(), order) and torch.equal(trainer.noise.get_state(), noise)


def test_extra_steps_are_counted_and_end_with_their_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[float] = []
    config = SMALL.replace(train=TRAIN.replace(epochs=3, encoder_steps=2, encoder_steps_epochs=1.5))
    monkeypatch.setattr(Trainer, "encoder_step", lambda trainer: made.append(trainer.position.epoch))
    train(tmp_path / "a", config)
    assert made == [step / 6 for step in range(9) for _ in range(2)]


def test_beta_by_hand_weighs_the_rate_beyond_its_free_bits(tmp_path: Path) -> None:
    config = SMALL.replace(objective=ObjectiveConfig(beta=2, free_bits=0.5, free_bits_per="total"))
    run, dataset = create(tmp_path / "a", config)
    trainer = Trainer(run, dataset)
    assert trainer.penalty == RatePenalty(2.0, 0.5, "total")
    trainer.beta_by_hand = 7.0
    assert trainer.penalty == RatePenalty(7.0, 0.5, "total")
    assert trainer.beta == 7.0


def test_beta_weighs_the_rate_in_the_gradient_and_nothing_else(tmp_path: Path) -> None:
    run, dataset = create(tmp_path / "a", SMALL.replace(model=SMALL.model.replace(latent_dim=3)))

    def gradients(beta: float) -> dict[str, Tensor]:
        trainer = Trainer(run, dataset)
        trainer.beta_by_hand = beta
        trainer.step(dataset.pixels(dataset.part("train")[0][:50]), None)
        return {
            name: parameter.grad.clone()
            for name, parameter in trainer.model.named_parameters()
            if parameter.grad is not None
        }

    zero, one, four = gradients(0), gradients(1), gradients(4)
    moved = 0
    for name in zero:
        torch.testing.assert_close(
            four[name] - zero[name], 4 * (one[name] - zero[name]), rtol=1e-3, atol=1e-5
        )
        if name.startswith("decoder"):
            assert torch.equal(four[name], zero[name])
        moved += not torch.equal(four[name], zero[name])
    assert moved > 0


def test_snapshots_are_about_as_many_as_asked_for_and_denser_early(tmp_path: Path) -> None:
    for num_steps, num in ((25_200, 60), (1_000_000, 60), (24, 5), (24, 2), (24, 1), (24, 0), (3, 60)):
        steps = sorted(snapshot_steps(num_steps, num))
        assert len(steps) <= num
        assert len(steps) == num or num_steps < num**2
        if num > 1:
            assert (steps[0], steps[-1]) == (0, num_steps)
        gaps = [after - before for before, after in itertools.pairwise(steps)]
        assert gaps == sorted(gaps) or num_steps < num**2
    run = train(tmp_path / "a")
    assert run.snapshots() == sorted(snapshot_steps(24, 5)) == [0, 2, 6, 14, 24]
    assert [line["step"] for line in events(run, "snapshot")] == run.snapshots()


@pytest.mark.usefixtures("every_step")
def test_a_run_stopped_and_extended_again_and_again_keeps_a_bounded_number_of_snapshots(
    tmp_path: Path,
) -> None:
    config = SMALL.replace(train=TRAIN.replace(epochs=3, num_snapshots=4))
    run = train(tmp_path / "a", config, wishing({1: {"command": "stop"}}))
    for step in range(2, 17):
        train(run.path, config, wishing({step: {"command": "stop"}}))
        assert run.status().step == step
    train(run.path, config)
    run.extend(10)
    train(run.path, config)
    assert len(run.snapshots()) == 8
    assert (run.snapshots()[0], run.snapshots()[-1]) == (0, 78)
    assert sorted(path.name for path in (run.path / "snapshots").iterdir()) == sorted(
        map(str, run.snapshots())
    )


def test_while_it_trains_the_newest_weights_are_never_older_than_a_second(tmp_path: Path) -> None:
    with Live(create(tmp_path / "a", LONG)) as live:
        live.wait_for(lambda: live.run.status().step > 0)
        ages, until = [], time.monotonic() + 2.5
        while time.monotonic() < until:
            ages.append(time.time() - (live.run.path / "live.safetensors").stat().st_mtime)
            time.sleep(0.02)
        assert sorted(ages)[int(0.99 * len(ages))] < 1.0
        shown = load(live.run.path, "live")[1]["step"]
        assert live.run.status().live_step is not None
        assert shown > 0


# Obedient -------------------------------------------------------------------------------------------------------------

LONG = SMALL.replace(
    train=TRAIN.replace(epochs=100_000, batch_size=64, checkpoint_seconds=20, num_snapshots=2)
)


class Live:
    """A trainer in a thread of its own, which ends with the block."""

    def __init__(self, made: tuple[Run, Dataset]) -> None:
        self.run, self.dataset = made
        self.failed: list[BaseException] = []
        self._thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        try:
            for _ in Trainer(self.run, self.dataset).train():
                pass
        except BaseException as error:
            self.failed.append(error)

    def __enter__(self) -> Live:
        self._thread.start()
        self.wait_for(lambda: self.run.status().state == "running")
        return self

    def __exit__(self, *_: object) -> None:
        self.run.request(command="stop")
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()
        assert not self.failed, self.failed

    def wait_for(self, is_so: Callable[[], object], seconds: float = 20) -> float:
        """Seconds until it was so."""
        began = time.perf_counter()
        while not is_so():
            assert time.perf_counter() - began < seconds, "it never came"
            time.sleep(0.005)
        return time.perf_counter() - began


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
    # The β of a line is that of now, the schedule's at the line's epoch.
    assert [by_step[step] for step in (1, 2)] == pytest.approx([2 * 1 / 12, 2 * 2 / 12])
    assert {by_step[step] for step in range(4, 19)} == {0.0}
    assert {by_step[step] for step in range(19, 25)} == {2.0}
    marked = [(line["before"], line["beta"], line["by_hand"]) for line in events(run, "beta")]
    assert marked == [(pytest.approx(0.5), 0.0, True), (0.0, 2.0, False)]


def test_pause_single_steps_resume_and_stop(tmp_path: Path) -> None:
    with Live(create(tmp_path / "a", LONG)) as live:
        run = live.run
        live.wait_for(lambda: run.status().step > 0)
        assert_prompt(live, lambda: run.request(command="pause"), "paused")
        paused = run.status()
        time.sleep(0.6)
        assert run.status().step == paused.step
        assert run.status().seconds == paused.seconds  # time paused is no training time
        assert run.status().heartbeat > paused.heartbeat  # but it lives
        for number in range(1, 4):
            run.request(command="step")
            live.wait_for(lambda number=number: run.status().step >= paused.step + number)  # type: ignore[misc]
            time.sleep(0.15)
            assert run.status().step == paused.step + number
        run.request(steps=run.control().steps + 2)
        live.wait_for(lambda: run.status().step >= paused.step + 5)
        time.sleep(0.15)
        status = run.status()
        assert (status.step, status.state) == (paused.step + 5, "paused")
        assert status.seconds - paused.seconds < 0.5 < status.heartbeat - paused.heartbeat
        assert_prompt(live, lambda: run.request(command="run"), "running")
        live.wait_for(lambda: run.status().step > paused.step + 5)
        run.request(command="stop")
        live.wait_for(lambda: run.status().state == "stopped")
    assert [line["event"] for line in events(run)] == [
        "start",
        "snapshot",
        "pause",
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
        time.sleep(0.2)
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
        speed(live, 1.0)
        assert speed(live, 1.0) == pytest.approx(20, abs=5)
        live.run.request(max_images_per_second=0)
        time.sleep(0.1)
        assert speed(live, 0.5) > 60


def speed(live: Live, seconds: float) -> float:
    """Steps a second, from the lines of metrics."""
    before, began = newest_step(live.run), time.perf_counter()
    time.sleep(seconds)
    return (newest_step(live.run) - before) / (time.perf_counter() - began)


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


# Bad ends -------------------------------------------------------------------------------------------------------------

EXPLODING = SMALL.replace(
    model=ModelConfig(hidden=(64,), likelihood="gaussian", sigma=0.001),
    train=TRAIN.replace(learning_rate=10.0, checkpoint_seconds=1000),
)


def assert_finite(tensors: dict[str, Tensor]) -> None:
    assert tensors
    assert all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())


def test_a_loss_that_is_not_finite_stops_the_run_as_diverged_with_a_remedy(tmp_path: Path) -> None:
    run = train(tmp_path / "a", EXPLODING)
    status = run.status()
    assert (status.state, run.is_locked()) == ("diverged", False)
    assert str(status.error) == (
        f"the loss must stay finite, but stopped being a number by step {status.step}; the checkpoint of step 0 is "
        "kept; try a smaller train.learning_rate than 10, or a larger model.sigma than 0.001"
    )
    assert events(run)[-1]["event"] == "diverged"
    assert all(math.isfinite(line["elbo"]) for line in lines(run) if "split" in line)


@pytest.mark.usefixtures("every_step")
def test_after_divergence_the_last_good_checkpoint_and_the_best_weights_are_there(tmp_path: Path) -> None:
    run, dataset = create(tmp_path / "a")
    trainer = Trainer(run, dataset)
    for report in trainer.train():
        if report.line["step"] == 14:
            trainer.optimizer.param_groups[0]["lr"] = math.inf
    status = run.status()
    assert status.state == "diverged"
    assert "the checkpoint of step 14 is kept" in str(status.error)
    tensors, point = load(run.checkpoints_dir, "last")
    assert (point["epochs"], point["batch"]) == (2, 2)
    assert_finite(tensors)
    for at in ("best", "last", *run.snapshots()):
        assert_finite(load_weights(run, at))  # type: ignore[arg-type]
    assert run.snapshots() == [0, 2, 6, 14]
    assert load(run.checkpoints_dir, "best")[1]["step"] == 12
    # It can go on from there, here with the learning rate that the run was made with.
    train(run.path)
    assert_same_run(run, train(tmp_path / "unbroken"))


def test_an_optimiser_that_is_not_finite_is_never_saved(tmp_path: Path) -> None:
    def poison(run: Run, report: Report) -> None:
        if report.line["step"] == 8:
            parameter = next(iter(trainer.model.parameters()))
            trainer.optimizer.state[parameter]["exp_avg_sq"].fill_(
                math.inf
            )  # freezes the weights, which stay finite

    run, dataset = create(tmp_path / "a")
    trainer = Trainer(run, dataset)
    for report in trainer.train():
        poison(run, report)
    assert run.status().state == "diverged"
    tensors, _ = load(run.checkpoints_dir, "last")
    assert all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())


@pytest.mark.usefixtures("every_step")
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_fails_stops_the_run_and_leaves_the_last_checkpoint_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(number, "no")

    def hook(run: Run, report: Report) -> None:
        if report.kind == "train" and report.line["step"] == 9:
            monkeypatch.setattr("vae.files.os.fsync", fail)

    with pytest.raises(OSError) as raised:
        train(tmp_path / "a", hook=hook)
    assert raised.value.errno == number
    monkeypatch.undo()
    run = Run.open(tmp_path / "a")
    assert not run.is_locked()
    assert run.status().state == "interrupted"  # there was no room even to say so
    _, point = load(run.checkpoints_dir, "last")
    assert (point["epochs"], point["batch"]) == (1, 2)
    assert not list(run.path.rglob("*.tmp"))
    train(run.path)
    assert run.status().state == "finished"


def test_memory_that_runs_out_is_told_in_a_sentence(tmp_path: Path) -> None:
    run, dataset = create(tmp_path / "a")
    trainer = Trainer(run, dataset)

    def step(x: Tensor, y: Tensor | None) -> Any:
        return torch.empty(1 << 60)

    trainer.step = step  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        list(trainer.train())
    assert run.status().state == "failed"
    assert "use a smaller train.batch_size" in str(run.status().error)


# Refused --------------------------------------------------------------------------------------------------------------


def contents(run: Run) -> dict[str, bytes]:
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for path in sorted(run.path.rglob("*"))
        if path.is_file() and path.name not in ("lock", "control.json")
    }


def refused(run: Run, kind: type[UserError], match: str, dataset: Dataset | None = None) -> None:
    """The trainer says no in these words, and leaves the run as it was."""
    before = contents(run)
    with pytest.raises(kind, match=match):
        for _ in Trainer(Run.open(run.path), dataset or load_data(SMALL.data)).train():
            pass
    assert contents(run) == before
    assert not run.is_locked()


def test_a_second_trainer_is_refused_and_disturbs_nothing(tmp_path: Path) -> None:
    with Live(create(tmp_path / "a", LONG)) as live:
        live.run.request(command="pause")
        live.wait_for(lambda: live.run.status().state == "paused")
        before = live.run.control()
        with pytest.raises(
            RunError, match=r"a trainer \(pid \d+ on .*\) is already at work on run 'a'; stop it"
        ):
            next(Trainer(live.run, live.dataset).train())
        assert live.run.control() == before
        assert live.run.status().state == "paused"


def test_a_finished_run_is_refused_until_it_gets_more_epochs(trained_run: Run, tmp_path: Path) -> None:
    run = train(tmp_path / "a")
    refused(
        run, RunError, r"has done its 4 epochs; ask for more with `vae train --resume DIR --more-epochs N`"
    )
    run.extend(1)
    train(run.path)
    assert (run.status().state, run.status().epoch) == ("finished", 5)


def test_other_images_are_refused(tmp_path: Path) -> None:
    run = train(tmp_path / "a", hook=wishing({1: {"command": "stop"}}))
    other = load_data(DataConfig(split_seed=1))
    refused(
        run,
        DataError,
        r"must have the images it was made for, got .* fingerprint .*; restore the data",
        other,
    )


def test_images_that_differ_in_a_class_alone_are_refused_by_its_name(tmp_path: Path) -> None:
    run = train(tmp_path / "a", hook=wishing({1: {"command": "stop"}}))
    images = load_data(SMALL.data)
    renamed = replace(images, class_names=("0", "1", "two", *images.class_names[3:]))
    refused(run, DataError, "it was made for, got ones with class 2 'two' instead of '2'; restore", renamed)
    fewer = replace(images, class_names=images.class_names[:9])
    refused(run, DataError, "it was made for, got ones with 9 classes instead of 10; restore", fewer)


def test_a_batch_or_latent_space_larger_than_the_data_is_refused(tmp_path: Path) -> None:
    dataset = load_data(SMALL.data)
    for config, match in (
        (
            SMALL.replace(train=TRAIN.replace(batch_size=1295)),
            r"train.batch_size must be <= .* \(1294\), got 1295",
        ),
        (SMALL.replace(model=ModelConfig(latent_dim=65)), r"model.latent_dim must be <= .* \(64\), got 65"),
    ):
        run = Run.create(tmp_path / str(len(match)), config, dataset.info())
        with pytest.raises(DataError, match=match):
            Trainer(run, dataset)


def test_a_run_with_weights_only_is_refused_and_keeps_them(tmp_path: Path) -> None:
    run = train(tmp_path / "a")
    (run.checkpoints_dir / "last.safetensors").unlink()
    refused(
        run, RunError, r"must hold its last checkpoint to go on, got only the best weights; start a new run"
    )
    run.extend(3)
    refused(run, RunError, r"must hold its last checkpoint to go on")


SPOILED: dict[str, tuple[Callable[[dict[str, Tensor], dict[str, Any]], object], str]] = {
    "lacks a weight": (lambda tensors, _: tensors.pop(first(tensors)), "lacks"),
    "other shapes": (
        lambda tensors, _: tensors.update({first(tensors): torch.zeros(3)}),
        r"must have .* of shape .*, and has \(3,\)",
    ),
    "half an optimiser": (
        lambda tensors, _: tensors.pop(next(name for name in tensors if name.endswith(".exp_avg"))),
        "lacks exp_avg",
    ),
    "not finite": (lambda tensors, _: tensors[first(tensors)].fill_(math.nan), "finite numbers"),
    "no random state": (lambda tensors, _: tensors.pop("random.order"), "random states of order, noise"),
    "broken random state": (
        lambda tensors, _: tensors.update({"random.noise": torch.zeros(3, dtype=torch.uint8)}),
        "random state must be one of this device",
    ),
    "unknown tensors": (
        lambda tensors, _: tensors.update({"other.thing": torch.zeros(1)}),
        "got also 'other.thing'",
    ),
    "no position": (lambda _, state: state.pop("epochs"), "does not say where it stands: epochs"),
    "impossible position": (
        lambda _, state: state.update(batch=6),
        "one of the 6 batches of an epoch, got 6",
    ),
    "impossible beta": (lambda _, state: state.update(beta_by_hand=-1), "beta_by_hand must be >= 0, got -1"),
}


def first(tensors: dict[str, Tensor]) -> str:
    return next(name for name in sorted(tensors) if name.startswith("model."))


@pytest.mark.parametrize("kind", SPOILED)
def test_a_checkpoint_that_does_not_fit_is_refused_and_nothing_is_lost(tmp_path: Path, kind: str) -> None:
    run = train(tmp_path / "a", hook=wishing({1: {"command": "stop"}}))
    spoil, match = SPOILED[kind]
    tensors, state = load(run.checkpoints_dir, "last")
    spoil(tensors, state)
    save(run.checkpoints_dir, "last", tensors, state)
    refused(run, CheckpointError, match)


@pytest.mark.parametrize("kind", ["truncated", "lying header", "empty"])
def test_a_damaged_checkpoint_is_refused_and_nothing_is_lost(tmp_path: Path, kind: str) -> None:
    run = train(tmp_path / "a", hook=wishing({1: {"command": "stop"}}))
    file = run.checkpoints_dir / "last.safetensors"
    content = file.read_bytes()
    damaged = {
        "truncated": content[: len(content) // 2],
        "lying header": b"\xff" * 8 + content[8:],
        "empty": b"",
    }
    file.write_bytes(damaged[kind])
    refused(run, CheckpointError, r"checkpoints/last\.safetensors is damaged")


@pytest.fixture(autouse=True)
def _no_stray_threads() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() <= before
