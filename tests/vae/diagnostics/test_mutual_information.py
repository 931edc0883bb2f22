"""Mutual information and marginal KL by the aggregate posterior."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import norm
from torch import Tensor

from vae.diagnostics.mutual_information import information
from vae.errors import UserError
from vae.latent.aggregate_posterior import SATURATION_NATS
from vae.runtime.seeding import generator


def posteriors(
    num: int, num_dims: int, *, spread: float, sigma: float, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Means drawn around 0 with a standard deviation, all posteriors of one width."""
    draw = torch.Generator().manual_seed(seed)
    mean = spread * torch.randn(num, num_dims, generator=draw, dtype=torch.float64)
    return mean, torch.full_like(mean, 2 * math.log(sigma))


def test_it_is_the_mixture_s_own_density_as_scipy_computes_it() -> None:
    mean, log_var = posteriors(40, 3, spread=1.0, sigma=0.4)
    log_var = log_var + 0.5 * torch.randn(
        40, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    noise = torch.randn(40, 3, dtype=torch.float64, generator=generator(5, "diagnosis")).numpy()
    mu, sigma = mean.numpy(), np.exp(0.5 * log_var.numpy())
    z = mu + sigma * noise
    each = norm.logpdf(z[:, None], mu[None], sigma[None]).sum(2)
    aggregate = logsumexp(each, axis=1) - math.log(40)
    found = information(mean, log_var, seed=5)
    assert found.mutual_information == pytest.approx((np.diag(each) - aggregate).mean(), abs=1e-10)
    assert found.marginal_kl == pytest.approx((aggregate - norm.logpdf(z).sum(1)).mean(), abs=1e-10)


def test_mutual_information_and_marginal_kl_add_up_to_the_rate_of_the_same_samples() -> None:
    found = information(*posteriors(500, 4, spread=0.9, sigma=0.5))
    assert found.mutual_information + found.marginal_kl == pytest.approx(found.rate, abs=1e-12)
    assert abs(found.rate - found.rate_exact) < 4 * found.standard_error


def test_a_gaussian_channel_has_the_information_of_the_textbook() -> None:
    # z = m + noise with m ~ N(0, 1 − σ²): I = −log σ for each dimension, and q(z) is the prior.
    sigma = 0.6
    found = information(*posteriors(3000, 1, spread=math.sqrt(1 - sigma**2), sigma=sigma))
    assert found.mutual_information == pytest.approx(-math.log(sigma), abs=0.03)
    assert found.marginal_kl == pytest.approx(0, abs=0.02)
    assert not found.saturated


def test_posteriors_that_are_the_prior_tell_nothing() -> None:
    found = information(torch.zeros(50, 3), torch.zeros(50, 3))
    assert found.mutual_information == pytest.approx(0, abs=1e-12)
    assert found.rate_exact == 0


def test_nothing_is_clamped_a_marginal_kl_may_come_out_negative() -> None:
    sigma = 0.6
    spread = math.sqrt(1 - sigma**2)
    found = [
        information(*posteriors(2000, 1, spread=spread, sigma=sigma, seed=s)).marginal_kl for s in range(12)
    ]
    assert min(found) < 0 < max(found)


def test_separate_images_saturate_at_log_n_and_it_is_said() -> None:
    found = information(*posteriors(200, 5, spread=10, sigma=1e-3))
    assert found.cap == math.log(200)
    assert found.mutual_information == pytest.approx(found.cap, abs=1e-9)
    assert found.saturated
    assert not information(*posteriors(200, 1, spread=0.5, sigma=0.9)).saturated
    assert SATURATION_NATS < 1


def test_posteriors_of_extreme_widths_and_places_leave_finite_numbers() -> None:
    mean, log_var = posteriors(64, 3, spread=1e4, sigma=1e-8)
    found = information(mean + 1e5, log_var)
    assert math.isfinite(found.marginal_kl)
    assert found.mutual_information == pytest.approx(math.log(64), abs=1e-6)


def test_blocks_do_not_change_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    given = posteriors(101, 3, spread=1, sigma=0.5)
    whole = information(*given)
    monkeypatch.setattr("vae.latent.aggregate_posterior._BLOCK_NUMBERS", 700)  # seven rows at once
    assert information(*given).mutual_information == pytest.approx(whole.mutual_information, abs=1e-12)


def test_one_example_and_unlike_shapes_are_refused() -> None:
    with pytest.raises(UserError, match="needs at least 2 examples, got 1"):
        information(torch.zeros(1, 2), torch.zeros(1, 2))
    with pytest.raises(ValueError, match="must have one shape"):
        information(torch.zeros(4, 2), torch.zeros(4, 3))
