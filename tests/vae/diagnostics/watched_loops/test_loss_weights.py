"""How a watched loop's loss weighs its terms: where its β stands, and what is no multiple of ours."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.support.loops import Net, bce, kl_divergence, lines_of, pixels, seeded, train, watch
from tests.support.reporting_loops import reporting, scale_after
from vae.data.dataset import Dataset
from vae.diagnostics.watched_loops.loss_scale import loop_scale
from vae.diagnostics.watched_loops.loss_weights import weight_of_neighbours


@pytest.mark.parametrize(
    ("loss", "kl", "said", "weight", "place", "effective"),
    [
        (lambda r, k: r + 4 * k, 1.0, 4.0, 4.0, "kl", 4.0),
        (lambda r, k: r + k, 4.0, 4.0, 1.0, "in-kl", 4.0),  # the KL is reported with β in it
        (lambda r, k: 4 * r + k, 1.0, 4.0, 0.25, "reconstruction", 0.25),
        (lambda r, k: r + 4 * k, 1.0, None, 4.0, None, 4.0),  # β was never said
        (lambda r, k: r - k, 1.0, None, -1.0, None, -1.0),
        (lambda r, k: r + k, -1.0, None, 1.0, "kl", -1.0),
        (lambda r, k: r + 4 * k, 0.25, 4.0, 4.0, "kl", 1.0),  # a mean over dimensions
    ],
)
def test_the_weight_of_the_kl_is_read_off_the_loss(
    loss: Callable[[Tensor, Tensor], Tensor],
    kl: float,
    said: float | None,
    weight: float,
    place: str | None,
    effective: float,
    tmp_path: Path,
    digits: Dataset,
) -> None:
    step = reporting(lambda m, v: kl * kl_divergence(m, v), loss=loss, beta=said)
    found = scale_after(tmp_path, digits, step)
    assert found["weight"] == pytest.approx(weight, rel=0.01)
    assert found["beta_place"] == place
    assert found["effective_beta"] == pytest.approx(effective, rel=0.15)


@pytest.mark.parametrize(
    ("loss", "said", "factor"),
    [
        (lambda r, k: r - k, 1.0, -1.0),  # the sign is in the loss, and not in the KL
        (lambda r, k: r + 16 * k, 4.0, 4.0),  # β twice
        (lambda r, k: r / 64 + k, 1.0, 64.0),  # a mean over pixels in the loss alone
        (lambda r, k: r + k / 64, 1.0, 1 / 64),
        (lambda r, k: r + 0 * k, 1.0, 0.0),  # the KL is not in the loss
        (lambda r, k: (r + k) / 128, 1.0, 1.0),  # both alike: the same optimum
        (lambda r, k: r + 4 * k, 4.0, 1.0),
    ],
)
def test_what_the_loss_makes_of_its_terms_is_read_off_and_judged(
    loss: Callable[[Tensor, Tensor], Tensor],
    said: float,
    factor: float,
    tmp_path: Path,
    digits: Dataset,
) -> None:
    found = scale_after(tmp_path, digits, reporting(loss=loss, beta=said))
    assert found["loss_factor"] == pytest.approx(factor, rel=0.01, abs=1e-6)
    scale = loop_scale([found], said, 64, 4, None)
    assert scale is not None and scale.is_certain
    assert scale.is_off == (factor != 1)
    assert scale.effective_beta == pytest.approx(factor * said, rel=0.02)


def test_a_plan_of_the_loop_s_own_is_no_slip(tmp_path: Path, digits: Dataset) -> None:
    count = iter(range(1, 100))
    found = scale_after(tmp_path, digits, reporting(loss=lambda r, k: r + 0.02 * next(count) * k, beta=1.0))
    assert found["loss_factor"] is None


def test_the_weight_of_neighbouring_steps_follows_a_plan_and_no_clamp() -> None:
    def steps(*weights: float) -> list[dict[str, float]]:
        return [{"loss": 20 + weight * 3.0, "reconstruction": 20.0, "kl": 3.0} for weight in weights]

    assert weight_of_neighbours(steps(0.297, 0.298, 0.299, 0.3)) == pytest.approx(0.3)
    assert weight_of_neighbours(steps(1.0, 1.2, 0.9, 1.1)) is None  # free bits, or a third term
    assert weight_of_neighbours(steps(0.5)) is None
    assert weight_of_neighbours([]) is None


@pytest.mark.parametrize("is_last_layer", [True, False])
def test_a_sigmoid_of_a_sigmoid_is_seen_wherever_the_first_one_is(
    is_last_layer: bool, tmp_path: Path, digits: Dataset
) -> None:
    model, images = seeded(Net), pixels(digits)

    def decode(z: Tensor) -> Tensor:
        return torch.sigmoid(model.out(z)) if is_last_layer else model.out(z)

    def step(model: Net, x: Tensor) -> tuple[Tensor, dict[str, Any]]:
        logits, mean, log_var = model(x)
        reconstruction, kl = bce(torch.sigmoid(logits), x), kl_divergence(mean, log_var)
        return reconstruction + kl, {"reconstruction": reconstruction, "kl": kl}

    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=decode, data=digits)
    train(model, images, watcher, step, steps=30, lr=3e-3)
    watcher.close()
    found = lines_of(watcher.run, "scale")[-1]
    assert found["reconstruction_form"] == "sigmoid-twice"
    scale = loop_scale([found], 1.0, 64, 4, None)
    assert scale is not None and scale.is_off and scale.is_certain
    assert scale.title == "The sigmoid is applied twice" and "½" in scale.sentence


def test_a_squared_error_of_what_has_no_sigmoid_is_of_the_output_itself(
    tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net)

    def step(model: Net, x: Tensor) -> tuple[Tensor, dict[str, Any]]:
        output, mean, log_var = model(x)
        reconstruction, kl = (output - x.flatten(1)).square().sum(1).mean(), kl_divergence(mean, log_var)
        return reconstruction + kl, {"reconstruction": reconstruction, "kl": kl}

    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    train(model, pixels(digits), watcher, step, steps=30)
    watcher.close()
    assert watcher.run.config.model.likelihood == "gaussian"
    assert watcher._watched.decoder.gives == "means"
    assert lines_of(watcher.run, "scale")[-1]["reconstruction_ratio"] == pytest.approx(1, rel=0.1)
    again = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits, resume=True)
    again.close()
    assert again._watched.decoder.gives == "means"


def test_a_kl_term_of_another_kind_is_no_multiple_and_claims_no_reduction(
    tmp_path: Path, digits: Dataset
) -> None:
    def squared(mean: Tensor, log_var: Tensor) -> Tensor:
        return 0.2 * kl_divergence(mean, log_var).square()

    model = seeded(Net)
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    train(model, pixels(digits), watcher, reporting(squared), steps=40, lr=2e-2)
    watcher.close()
    found = lines_of(watcher.run, "scale")[-1]
    assert found["kl_form"] == "other" and found["kl_is_multiple"] is False
    scale = loop_scale([found], 1.0, 64, 4, None)
    assert scale is not None and scale.is_unknown and scale.is_off and not scale.is_certain
    assert "no multiple" in scale.sentence and "mean over dimensions" not in scale.sentence


def test_a_kl_term_in_bits_is_a_multiple_and_no_slip(tmp_path: Path, digits: Dataset) -> None:
    model, step = seeded(Net), reporting(lambda m, v: kl_divergence(m, v) / math.log(2))
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    train(model, pixels(digits), watcher, step, steps=40, lr=2e-2)
    watcher.close()
    found = lines_of(watcher.run, "scale")[-1]
    scale = loop_scale([found], 1.0, 64, 4, None)
    assert scale is not None and not scale.is_off and scale.slip is None


def test_a_loss_with_a_third_term_has_no_weight(tmp_path: Path, digits: Dataset) -> None:
    count = iter(range(100))
    found = scale_after(tmp_path, digits, reporting(loss=lambda r, k: r + k + 10.0 * next(count)))
    assert found["weight"] is None and found["beta_place"] is None
