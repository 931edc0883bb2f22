"""What a watched loop says of its terms: compared from the first step on, whatever kind of number it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.support.loops import Net, kl_divergence, lines_of, pixels, seeded, train, watch
from tests.support.reporting_loops import reporting, scale_after, sum_of
from vae.data.dataset import Dataset

KL_SLIPS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], float | None, str]] = {
    "right": (kl_divergence, 1.0, "right"),
    "mean over dimensions": (lambda m, v: kl_divergence(m, v) / 4, 1 / 4, "right"),
    "sum over the batch": (lambda m, v: kl_divergence(m, v) * 64, 64.0, "right"),
    "wrong sign": (lambda m, v: -kl_divergence(m, v), -1.0, "right"),
    "without its half": (lambda m, v: 2 * kl_divergence(m, v), 2.0, "right"),
    "half twice": (lambda m, v: kl_divergence(m, v) / 2, 0.5, "right"),
    "half left out and the wrong sign": (lambda m, v: -2 * kl_divergence(m, v), -2.0, "right"),
    "mean not squared": (lambda m, v: -0.5 * sum_of(1 + v - m - v.exp()), None, "mean-not-squared"),
    "mean not squared, no half": (lambda m, v: -sum_of(1 + v - m - v.exp()), None, "mean-not-squared"),
    "sigma for its square": (
        lambda m, v: -0.5 * sum_of(1 + v - m.square() - (0.5 * v).exp()),
        None,
        "std-for-variance",
    ),
    "log sigma for that of its square": (
        lambda m, v: -0.5 * sum_of(1 + 0.5 * v - m.square() - v.exp()),
        None,
        "log-std-for-log-variance",
    ),
    "mean left out": (lambda m, v: 0.5 * sum_of(v.exp() - 1 - v), None, "without-mean"),
    "variance left out": (lambda m, v: -0.5 * sum_of(1 + v - m.square()), None, "without-variance"),
    "sign of the mean": (lambda m, v: -0.5 * sum_of(1 + v + m.square() - v.exp()), None, "sign-of-mean"),
    "sign of the variance": (
        lambda m, v: -0.5 * sum_of(1 + v - m.square() + v.exp()),
        None,
        "sign-of-variance",
    ),
    "sign of the logarithm": (lambda m, v: 0.5 * sum_of(v.exp() + m.square() - 1 + v), None, "sign-of-log"),
    "mean not squared but positive": (
        lambda m, v: 0.5 * sum_of(v.exp() + m.abs() - 1 - v),
        None,
        "absolute-mean",
    ),
    "the other way round": (
        lambda m, v: 0.5 * sum_of((1 + m.square()) * (-v).exp() - 1 + v),
        None,
        "reversed",
    ),
    "a mean over dimensions of a sum over the batch": (
        lambda m, v: kl_divergence(m, v) * 64 / 4,
        16.0,
        "right",
    ),
    "one left out": (lambda m, v: -0.5 * sum_of(v - m.square() - v.exp()), None, "without-one"),
}


@pytest.mark.parametrize("slip", KL_SLIPS)
def test_a_slip_in_the_kl_is_seen_within_a_dozen_steps(slip: str, tmp_path: Path, digits: Dataset) -> None:
    kl, ratio, form = KL_SLIPS[slip]
    # These grow as the KL does: they are told from a multiple of it once the networks have changed.
    lr = 2e-2 if form in ("absolute-mean", "reversed") else 1e-3
    found = scale_after(tmp_path, digits, reporting(kl), lr=lr)
    assert found["kl_form"] == form
    if ratio is not None:
        assert found["kl_ratio"] == pytest.approx(ratio, rel=0.1)
        assert found["early_kl_ratio"] == pytest.approx(ratio, rel=0.1)
    assert found["reconstruction_ratio"] == pytest.approx(1, rel=0.1)
    assert found["reconstruction_form"] == "nats"


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_what_is_reported_counts_from_the_first_step_on(steps: int, tmp_path: Path, digits: Dataset) -> None:
    found = scale_after(tmp_path, digits, reporting(lambda m, v: kl_divergence(m, v) / 4), steps=steps)
    assert 1 <= found["num_comparisons"] <= steps
    assert found["kl_ratio"] == pytest.approx(1 / 4, rel=0.15)
    assert found["reported"] == "reconstruction,kl"


@pytest.mark.parametrize("names", [("kl",), ("reconstruction",), ("loss",), ()])
def test_what_was_reported_is_named_whatever_it_was(
    names: tuple[str, ...], tmp_path: Path, digits: Dataset
) -> None:
    everything = reporting(loss=lambda r, k: r + k)

    def step(model: Net, x: Tensor) -> tuple[Tensor, dict[str, Any]]:
        loss, terms = everything(model, x)
        return loss, {name: terms[name] for name in names}

    if not names:
        with pytest.raises(IndexError):  # there is no such event
            scale_after(tmp_path, digits, step)
        return
    found = scale_after(tmp_path, digits, step)
    assert found["reported"] == names[0]
    assert found[f"{names[0]}_ratio"] == pytest.approx(1, rel=0.1)


def test_a_loop_that_reports_now_and_then_is_compared_too(tmp_path: Path, digits: Dataset) -> None:
    right, model, count = reporting(lambda m, v: 2 * kl_divergence(m, v)), seeded(Net), iter(range(100))

    def step(model: Net, x: Tensor) -> tuple[Tensor, dict[str, Any]]:
        loss, terms = right(model, x)
        return loss, terms if next(count) % 10 == 9 else {}

    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    train(model, pixels(digits), watcher, step, steps=40)
    watcher.close()
    found = lines_of(watcher.run, "scale")[-1]
    assert found["num_comparisons"] == 4
    assert found["kl_ratio"] == pytest.approx(2, rel=0.15)


# What may be reported ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        torch.full((64,), 3.0),
        torch.full((64, 1), 3.0, dtype=torch.float16),
        torch.tensor(3),
        3,
        torch.tensor(3.0, requires_grad=True).numpy(force=True),
        torch.full((5,), 3.0, dtype=torch.float64).numpy(),
    ],
)
def test_terms_may_be_tensors_arrays_or_numbers(value: Any, tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Net)
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    watcher.step(value, kl=value)
    watcher.close()
    line = lines_of(watcher.run, "train")[-1]
    assert line["reported_loss"] == line["reported_kl"] == 3.0


@pytest.mark.parametrize("value", ["much", object(), [1, 2], {"loss": 1}])
def test_what_is_no_number_is_told_once_and_the_loop_goes_on(
    value: Any, tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net)
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    with pytest.warns(UserWarning, match="loss must be a number or a tensor"):
        watcher.step(value)
    watcher.step(value, kl=1.0)
    watcher.close()
    assert watcher.run.status().state == "finished"
    assert lines_of(watcher.run, "train")[-1]["reported_kl"] == 1.0


def test_a_loss_that_a_scaler_skips_is_no_divergence(tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Net)
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    for loss in (1.0, math.inf, math.nan, 1.0):
        watcher.step(loss, kl=torch.tensor(loss))
    watcher.close()
    assert watcher.run.status().state == "finished"
