"""The trainer: exact to the bit, also after a stop, and what it writes."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.support.short_runs import (
    LONG,
    SMALL,
    TRAIN,
    Live,
    assert_same_run,
    assert_same_tensors,
    changes,
    create,
    events,
    lines,
    numbers,
    train,
    wishing,
)
from vae.config.schema import DataConfig, ModelConfig, ObjectiveConfig, RunConfig
from vae.data.dataset import load_dataset as load_data
from vae.evaluation.elbo import evaluate
from vae.objectives.terms import RatePenalty
from vae.runs.run import Run
from vae.runs.snapshots import load_model, load_weights, snapshot_steps
from vae.storage.safetensors_io import load, save
from vae.training import recorded_learner, run_log
from vae.training.trainer import Trainer

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
        patch.setattr(recorded_learner, "save", killed)
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
        patch.setattr(run_log, "METRICS_SECONDS", 0.0)
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


@pytest.mark.parametrize("num_bytes", [1, 20 * 64 * 64, 1 << 30])
def test_an_epoch_sees_each_training_image_once_and_the_next_in_another_order(
    num_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However many of them are put in order at once.
    run, dataset = create(tmp_path / "a")
    trainer, seen = Trainer(run, dataset), []
    trainer._images = torch.arange(len(dataset.images)).reshape(-1, 1, 1, 1)
    monkeypatch.setattr("vae.training.optimisation._IN_ORDER", num_bytes)
    for _ in range(2):
        state = trainer.order_at_epoch_start
        batches = [images.flatten() for images, _ in trainer.batches()]
        assert {len(images) for images in batches[:-1]} == {run.config.train.batch_size}
        permuted = torch.randperm(len(dataset.train), generator=torch.Generator().set_state(state))
        assert torch.equal(torch.cat(batches), dataset.train[permuted])
        seen.append(torch.cat(batches))
        trainer.order_at_epoch_start = trainer.order.get_state()
    assert torch.equal(seen[0].sort().values, dataset.train)
    assert torch.equal(seen[1].sort().values, dataset.train)
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


def test_an_extra_step_has_the_encoder_s_part_of_the_loss_s_gradient(tmp_path: Path) -> None:
    config = SMALL.replace(objective=ObjectiveConfig(beta=3), train=TRAIN.replace(encoder_steps=1))
    run, dataset = create(tmp_path / "a", config)
    trainer = Trainer(run, dataset)
    draw = torch.Generator()
    draw.set_state(trainer.encoder_noise.get_state())
    index = torch.randint(len(dataset.train), (TRAIN.batch_size,), generator=draw)
    x = dataset.pixels(dataset.part("train")[0][index], draw)
    terms = trainer.model.terms(x, None, draw)
    loss = (terms.distortion + 3 * terms.rate).mean()
    encoder = dict(trainer.model.encoder.named_parameters())
    expected = torch.autograd.grad(loss, list(encoder.values()))
    trainer.encoder_step()
    for (name, weight), gradient in zip(encoder.items(), expected, strict=True):
        assert weight.grad is not None and torch.allclose(weight.grad, gradient, rtol=1e-4, atol=1e-6), name
    assert all(weight.grad is None for weight in trainer.model.decoder.parameters())


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
