"""What became of each latent dimension."""

from __future__ import annotations

import json
import shutil
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import vae
from vae.cli import main
from vae.config.schema import RunConfig, TrainConfig
from vae.data.dataset import Dataset
from vae.diagnostics.diagnose import diagnose, dimensions, live_numbers
from vae.errors import UserError
from vae.evaluation.elbo import evaluate
from vae.latent.embedding import Embedding, embed
from vae.models.posterior_statistics import ACTIVE_THRESHOLD, active_units
from vae.models.vae import VAE
from vae.runs.history import history_until
from vae.runs.run import Run
from vae.runs.snapshots import Probe, load_model
from vae.storage.safetensors_io import load, save
from vae.training import trainer
from vae.training.trainer import Trainer

MakeModel = Callable[..., VAE]


def embedding() -> Embedding:
    """Three dimensions: one that tells images apart, one that is the prior, one that is wide but says little."""
    draw = torch.Generator().manual_seed(0)
    num = 2000
    noise = torch.randn(num, 3, generator=draw, dtype=torch.float64)
    mean = noise * torch.tensor([0.2, 0.0, 2.0], dtype=torch.float64)
    log_var = torch.tensor([-0.1, 0.0, -4.0], dtype=torch.float64).expand(num, 3)
    return Embedding(mean, log_var, None, torch.arange(num))


def numbers(*variances: float) -> Tensor:
    """Means of 101 images whose variance in each dimension is exactly the given one."""
    column = torch.linspace(-1, 1, 101, dtype=torch.float64)
    column = column / column.std()
    return torch.stack([column * variance**0.5 for variance in variances], 1)


def test_active_units_are_those_whose_variance_exceeds_the_threshold() -> None:
    draw = np.random.default_rng(0)
    mean = draw.normal(size=(300, 40)) * np.geomspace(1e-3, 3, 40)
    expected = np.var(mean, axis=0, ddof=1) > 0.01
    assert 0 < expected.sum() < 40
    assert active_units(torch.from_numpy(mean)).tolist() == expected.tolist()


def test_the_threshold_is_a_variance_and_may_be_chosen() -> None:
    mean = numbers(0.009, 0.011, 0.09, 0.11)
    assert ACTIVE_THRESHOLD == 0.01
    assert active_units(mean).tolist() == [False, True, True, True]
    assert active_units(mean, threshold=0.1).tolist() == [False, False, False, True]


def test_where_the_means_lie_does_not_make_a_dimension_active() -> None:
    assert active_units(numbers(0.0, 0.005) + 100).tolist() == [False, False]
    assert active_units((numbers(0.02) + 100).float()).tolist() == [True]


def test_fewer_than_two_images_show_no_activity() -> None:
    assert active_units(torch.full((1, 3), 5.0)).tolist() == [False] * 3
    assert active_units(torch.zeros(0, 3)).tolist() == [False] * 3


def test_dimensions_are_told_the_largest_rate_first() -> None:
    found = dimensions(embedding())
    assert [dimension.index for dimension in found] == [2, 0, 1]
    assert [dimension.active for dimension in found] == [True, True, False]
    assert found[2].rate == 0


def test_a_dimension_has_the_mean_rate_of_the_images() -> None:
    given = embedding()
    mean, log_var = given.mean.numpy(), given.log_var.numpy()
    expected = (0.5 * (np.exp(log_var) + mean**2 - 1 - log_var)).mean(0)
    for dimension in dimensions(given):
        np.testing.assert_allclose(dimension.rate, expected[dimension.index], rtol=0, atol=1e-12)


def test_a_dimension_s_range_holds_its_images() -> None:
    given = embedding()
    wide, *narrow = dimensions(given)
    assert wide.index == 2 and wide.low < -5 and wide.high > 5
    inside = (given.mean[:, 2] >= wide.low) & (given.mean[:, 2] <= wide.high)
    assert float(inside.double().mean()) >= 0.999
    for dimension in narrow:
        assert (-dimension.low, dimension.high) == pytest.approx((3.29, 3.29), abs=0.2)


# The whole diagnosis --------------------------------------------------------------------------------------------------


def test_a_run_is_diagnosed_in_one_call_and_one_seed_gives_one_diagnosis(
    trained_run: Run, digits: Dataset
) -> None:
    found = diagnose(trained_run)
    assert found == diagnose(trained_run, digits)
    assert found != diagnose(trained_run, digits, seed=1)
    assert found.part == "validation"
    assert found.num_images == len(digits.validation)
    assert found.beta == 1
    assert found.findings
    json.dumps(found.to_dict(), allow_nan=False)
    assert any(found.verdict.title in line for line in found.lines())


def test_its_numbers_are_those_of_the_evaluation_of_the_same_images(
    trained_run: Run, digits: Dataset
) -> None:
    model = load_model(trained_run, "last")
    found = diagnose(model, digits, config=trained_run.config, part="test")
    expected = evaluate(model, digits, "test", seed=0)
    assert found.rate_per_dim == pytest.approx(expected.rate_per_dim, rel=1e-5)
    assert found.distortion == pytest.approx(expected.distortion, rel=0.02)  # z is drawn by another order
    posterior = embed(model, digits, "test")
    assert found.active == tuple(active_units(posterior.mean).tolist())
    assert found.sigma_per_dim == pytest.approx(torch.exp(0.5 * posterior.log_var).mean(0).tolist(), rel=1e-5)
    assert found.information.rate_exact == pytest.approx(found.rate, rel=1e-6)
    assert found.elbo == -(found.distortion + found.rate)


def test_snapshot_and_fewer_images_are_diagnosed_as_they_were(trained_run: Run, digits: Dataset) -> None:
    start = diagnose(trained_run, digits, at=trained_run.snapshots()[0], num_images=50)
    assert start.num_images == 50
    assert start.information.cap == pytest.approx(np.log(50))
    assert start.rate < diagnose(trained_run, digits).rate


@pytest.mark.parametrize(
    "options",
    [
        {"conditional": True},
        {"conditional": True, "learned_prior": True},
        {"likelihood": "gaussian"},
        {"likelihood": "continuous-bernoulli"},
        {"decoder": "autoregressive"},
        {"network": "conv"},
    ],
)
def test_every_kind_of_model_can_be_diagnosed(
    digits: Dataset, make_model: MakeModel, options: dict[str, Any]
) -> None:
    model = make_model(info=digits.info(), dtype=torch.float32, **options)
    found = diagnose(model, digits, config=RunConfig(model=model.config))
    assert (found.usage.condition is not None) == found.conditional == ("conditional" in options)
    assert (found.residual is not None) == (options.get("likelihood") == "gaussian")
    assert (found.critical_beta is None) == ("decoder" in options)
    assert found.findings


def test_images_must_be_given_and_at_least_two(make_model: MakeModel, digits: Dataset) -> None:
    model = make_model(info=digits.info(), dtype=torch.float32)
    with pytest.raises(UserError, match="images must be given to diagnose a model"):
        diagnose(model)
    lonely = replace(digits, test=digits.test[:1])
    with pytest.raises(UserError, match="needs at least 2 images, got 1 of the test part"):
        diagnose(model, lonely, part="test")


def test_of_few_validation_images_the_larger_part_is_measured_and_named(
    make_model: MakeModel, digits: Dataset
) -> None:
    model = make_model(info=digits.info(), dtype=torch.float32)
    for num_validation, num_test, part in (
        (5, 12, "test"),
        (12, 5, "validation"),
        (50, 200, "validation"),
        (0, 5, "test"),
    ):
        dataset = replace(digits, validation=digits.validation[:num_validation], test=digits.test[:num_test])
        found = diagnose(model, dataset)
        assert (found.part, found.num_images) == (part, len(getattr(dataset, part)))
        assert f"{found.num_images} images of the {part} part" in found.lines()[0]
        assert diagnose(model, dataset, part="test").part == "test"


def test_a_folder_is_as_good_as_its_run(trained_run: Run, digits: Dataset) -> None:
    expected = diagnose(trained_run, digits, num_images=50)
    assert diagnose(str(trained_run.path), digits, num_images=50) == expected
    assert diagnose(trained_run.path, digits, num_images=50) == expected


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"num_images": -5}, "at least 2 images, got num_images = -5"),
        ({"num_images": 1}, "at least 2 images, got num_images = 1"),
        ({"part": "tset"}, "part must be one of train, validation, test, got 'tset'"),
        ({"at": "foo"}, "at must be 'best', 'last' or the step of a snapshot, got 'foo'"),
        ({"target": "no/such/run"}, "no/such/run"),
        ({"target": torch.nn.Identity()}, "a run, its folder or a vae.VAE, got Identity"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(
    trained_run: Run, digits: Dataset, wrong: dict[str, Any], words: str
) -> None:
    arguments = {"target": trained_run, "dataset": digits, **wrong}
    with pytest.raises(vae.UserError, match=words):
        diagnose(**arguments)


@pytest.mark.parametrize(
    ("part", "value", "what"),
    [("encoder", torch.nan, "the posteriors' means"), ("decoder", torch.nan, "the distortions")],
)
def test_weights_without_numbers_are_refused_and_not_called_a_collapse(
    make_model: MakeModel, digits: Dataset, part: str, value: float, what: str
) -> None:
    model = make_model(info=digits.info(), dtype=torch.float32)
    with torch.no_grad():
        for weight in getattr(model, part).parameters():
            weight.fill_(value)
    with pytest.raises(
        UserError, match=f"{what} must be finite, got .* that are not; the training has diverged"
    ):
        diagnose(model, digits)


def test_a_width_that_overflows_is_refused(make_model: MakeModel, digits: Dataset) -> None:
    model = make_model(info=digits.info(), dtype=torch.float32)
    with torch.no_grad():
        model.encoder.log_var.bias.fill_(2000.0)
    with pytest.raises(UserError, match="the rates must be finite"):
        diagnose(model, digits)


def test_the_history_is_that_until_the_weights_and_beta_is_the_one_in_force_then(
    trained_run: Run, digits: Dataset, tmp_path: Path
) -> None:
    run = Run.open(shutil.copytree(trained_run.path, tmp_path / "warm-up"))
    lines = [json.loads(line) for line in run.metrics_path.read_text().splitlines()]
    end = max(line["step"] for line in lines)
    for line in lines:
        if "beta" in line:
            line["beta"] = line["step"] / end  # as a warm-up has it
    scale = {"event": "scale", "step": end, "epoch": 3, "seconds": 1.0, "reconstruction_ratio": 1.0}
    run.metrics_path.write_text("".join(json.dumps(line) + "\n" for line in [*lines, scale]))
    steps = sorted({line["step"] for line in lines if "split" in line})
    best = steps[len(steps) // 2]
    assert best < end
    save(run.checkpoints_dir, "best", load(run.checkpoints_dir, "best")[0], {"step": best, "elbo": -30.0})
    for at, until in (("best", best), (run.snapshots()[2], run.snapshots()[2]), ("last", end)):
        cut = history_until(run, at)
        assert max(line["step"] for line in cut if "split" in line) <= until
        assert cut[-1]["event"] == "scale"  # it holds for all of the training
    assert diagnose(run, digits, at="best").beta == best / end
    assert diagnose(run, digits, at="last").beta == 1
    (run.checkpoints_dir / "best.safetensors").unlink()
    assert diagnose(run, digits, at="best").beta == 1  # its newest weights stand in for them


# While it trains ------------------------------------------------------------------------------------------------------


def test_validation_lines_carry_the_live_numbers_of_the_probe(trained_run: Run, digits: Dataset) -> None:
    line = trained_run.latest_metrics()["validation"]
    probe = Probe.of(digits, torch.device("cpu"))
    expected = live_numbers(load_model(trained_run, "last"), probe.x, probe.labels)
    assert set(expected) == {"active_units", "mutual_information", "marginal_kl", "permuted_rise"}
    assert {name: line[name] for name in expected} == pytest.approx(expected, rel=1e-6)


def test_live_numbers_come_early_at_each_evaluation_and_then_once_in_so_many_images(
    tmp_path: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    num = len(digits.train)
    monkeypatch.setattr(trainer, "LIVE_EPOCHS", 2)
    monkeypatch.setattr(trainer, "LIVE_IMAGES", 3 * num)
    config = RunConfig(train=TrainConfig(epochs=8, eval_every=1, device="cpu"))
    whole = Run.create(tmp_path / "whole", config, digits.info())
    deque(Trainer(whole, digits).train(), maxlen=0)

    def epochs_with(run: Run) -> list[int]:
        lines = [line for line in history_until(run, "last") if line.get("split") == "validation"]
        assert len(lines) == 8
        return [round(line["epoch"]) for line in lines if "active_units" in line]

    assert epochs_with(whole) == [1, 2, 4, 7]
    halted = Run.create(tmp_path / "halted", config, digits.info())
    reports = Trainer(halted, digits).train()
    next(report for report in reports if report.kind == "validation" and report.line["epoch"] == 5)
    reports.close()  # the process ends in the midst of an interval
    deque(Trainer(halted, digits).train(), maxlen=0)
    assert epochs_with(halted) == [1, 2, 4, 7]


def test_snapshots_keep_width_and_variance_of_each_dimension(trained_run: Run) -> None:
    for step in trained_run.snapshots():
        folder = trained_run.snapshot_dir(step)
        kept = json.loads((folder / "snapshot.json").read_text())
        probe = load(folder, "probe")[0]
        assert kept["sigma_per_dim"] == pytest.approx(
            torch.exp(0.5 * probe["log_var"]).mean(0).tolist(), rel=1e-6
        )
        assert kept["active_variance"] == pytest.approx(probe["mean"].double().var(0).tolist(), rel=1e-9)


def test_live_numbers_touch_no_random_state_and_no_weight(make_model: MakeModel) -> None:
    model = make_model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    x = torch.rand(30, 1, 5, 4, dtype=torch.float64)
    state = torch.get_rng_state()
    assert live_numbers(model, x, None) == live_numbers(model, x, None)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_live_numbers_that_are_not_finite_are_left_out(make_model: MakeModel) -> None:
    model = make_model()
    with torch.no_grad():
        model.encoder.log_var.bias.fill_(2000.0)  # σ overflows
    found = live_numbers(model, torch.rand(10, 1, 5, 4, dtype=torch.float64), None)
    assert all(np.isfinite(value) for value in found.values())
    assert "marginal_kl" not in found
    assert live_numbers(model, torch.rand(1, 1, 5, 4, dtype=torch.float64), None) == {}


def test_the_command_line_tells_verdict_evidence_and_remedies(
    trained_run: Run, digits: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = diagnose(trained_run, digits, part="test")
    main.main(["evaluate", str(trained_run.path), "--diagnose"])
    lines = capsys.readouterr().out.splitlines()
    assert f"  {expected.verdict.title} ({expected.verdict.name})" in lines
    assert "  diagnosis of the last weights; the numbers above are those of the best" in lines
    main.main(["evaluate", str(trained_run.path), "--diagnose", "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert answer["at"] == "best"
    assert answer["diagnosis"] == {"at": "last", **json.loads(json.dumps(expected.to_dict()))}


def test_the_command_line_diagnoses_the_weights_that_are_asked_for(
    trained_run: Run, digits: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    step = trained_run.snapshots()[1]
    expected = diagnose(trained_run, digits, at=step, part="test")
    main.main(["evaluate", str(trained_run.path), "--diagnose", "--at", str(step)])
    lines = capsys.readouterr().out.splitlines()
    assert f"  diagnosis of the weights of step {step:,}" in lines
    assert any(expected.lines()[0] in line for line in lines)
    main.main(["evaluate", str(trained_run.path), "--diagnose", "--at", "best"])
    assert "  diagnosis of the best weights" in capsys.readouterr().out.splitlines()
