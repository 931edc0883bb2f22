"""What β a loss amounts to."""

from __future__ import annotations

import math

import pytest
import torch

from vae.errors import UserError
from vae.models.likelihoods import Gaussian
from vae.objectives.effective_beta import (
    Divergence,
    Error,
    Reconstruction,
    beta_of_sigma,
    coincidence,
    effective_beta,
    reductions,
)


@pytest.mark.parametrize("error", ["nats", "squared error", "half squared error"])
@pytest.mark.parametrize("reconstruction", ["sum over pixels", "mean over pixels"])
@pytest.mark.parametrize(
    "divergence", ["sum over dimensions", "mean over dimensions", "mean over dimensions and pixels"]
)
def test_a_loss_with_means_has_the_gradient_of_ours_with_the_effective_beta(
    error: Error, reconstruction: Reconstruction, divergence: Divergence
) -> None:
    num_pixels, latent_dim, beta, sigma = 12, 3, 0.7, 0.3
    draw = torch.Generator().manual_seed(0)
    x, image = torch.rand(2, 5, 1, 3, 4, generator=draw, dtype=torch.float64)
    rates = torch.rand(5, latent_dim, generator=draw, dtype=torch.float64)
    scale, weight = torch.ones((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
    scale.requires_grad_(), weight.requires_grad_()
    likelihood = Gaussian(sigma)
    if error == "nats":
        distortion = -likelihood.log_prob(scale * image, x).mean()
    else:
        distortion = (scale * image - x).square().flatten(1).sum(1).mean()
        distortion = distortion / 2 if error == "half squared error" else distortion
    rate = (weight * rates).sum(1).mean()
    distortion = distortion / num_pixels if reconstruction == "mean over pixels" else distortion
    if divergence != "sum over dimensions":
        rate = rate / latent_dim
    if divergence == "mean over dimensions and pixels":
        rate = rate / num_pixels
    theirs = torch.autograd.grad(distortion + beta * rate, (scale, weight))
    found = effective_beta(
        beta,
        num_pixels,
        latent_dim,
        reconstruction=reconstruction,
        divergence=divergence,
        error=error,
        sigma=sigma,
    )
    objective = -likelihood.log_prob(scale * image, x).mean()
    objective = objective + found.effective_beta * (weight * rates).sum(1).mean()
    ours = torch.autograd.grad(objective, (scale, weight))
    # Only the direction counts: the loss may be multiplied by anything.
    assert float(theirs[0] / theirs[1]) == pytest.approx(float(ours[0] / ours[1]), rel=1e-12)
    assert found.normalised_beta == pytest.approx(found.effective_beta * latent_dim / num_pixels)


def test_sums_leave_beta_as_it_is() -> None:
    found = effective_beta(4, 784, 20)
    assert found.effective_beta == 4
    assert found.normalised_beta == pytest.approx(4 * 20 / 784)
    assert found.equivalent_sigma is None
    assert found.sentence == "Your β is 4: only the batch is averaged."


def test_means_that_cancel_out_are_not_called_sums() -> None:
    means = {"reconstruction": "mean over pixels", "divergence": "mean over dimensions"}
    assert "cancels out" in effective_beta(1, 20, 20, **means).sentence  # type: ignore[arg-type]
    assert "whatever is averaged" in effective_beta(0, 784, 20, reconstruction="mean over pixels").sentence
    for found in (
        effective_beta(1, 20, 20, **means),
        effective_beta(0, 784, 20, reconstruction="mean over pixels"),
    ):  # type: ignore[arg-type]
        assert "only the batch" not in found.sentence
        assert not found.is_summed


def test_the_mean_over_pixels_is_hundreds_of_betas_and_the_sentence_says_so() -> None:
    found = effective_beta(1, 784, 20, reconstruction="mean over pixels")
    assert found.effective_beta == 784
    assert "784 times" in found.sentence


def test_a_squared_error_is_a_gaussian_of_variance_one_half() -> None:
    assert effective_beta(1, 784, 20, error="squared error").effective_beta == pytest.approx(1)
    assert effective_beta(1, 784, 20, error="squared error").sigma == pytest.approx(math.sqrt(0.5))
    # Whatever σ the answer is given in, one σ trains the same model at β = 1.
    for sigma in (0.1, 1.0):
        found = effective_beta(0.02, 784, 20, error="squared error", sigma=sigma)
        assert found.equivalent_sigma == pytest.approx(0.1)
    assert beta_of_sigma(0.2, 0.1) == pytest.approx(4)


def test_mistaken_reductions_are_recognised_by_their_beta() -> None:
    assert [found.factor for found in reductions(64, 8)] == [64, 8, 1 / 8, 1 / 512]
    for factor in (64, 64.3, 8, 0.125):
        assert coincidence(factor, 64, 8) is not None
    for harmless in (0, 1, 4, 20, 60):
        assert coincidence(harmless, 64, 8) is None
    assert coincidence(1, 1, 1) is None


def test_numbers_out_of_range_are_refused() -> None:
    for wrong in (-1, math.inf, math.nan):
        with pytest.raises(UserError, match="beta must be >= 0"):
            effective_beta(wrong, 784, 20)
    with pytest.raises(UserError, match="latent_dim must be >= 1, got 0"):
        effective_beta(1, 784, 0)
    with pytest.raises(UserError, match="sigma must be > 0"):
        effective_beta(1, 784, 20, sigma=0)
