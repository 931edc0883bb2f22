"""Rate, ELBO, loss and β against torch.distributions, by finite differences and by their properties."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from vae.config import ObjectiveConfig
from vae.objective import Terms, beta_at, rate_per_dim


def posteriors(num: int = 50, latent_dim: int = 7, *, spread: float = 3.0) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    mean = spread * torch.randn(num, latent_dim, generator=draw, dtype=torch.float64)
    return mean, spread * torch.randn(num, latent_dim, generator=draw, dtype=torch.float64)


def terms() -> Terms:
    draw = torch.Generator().manual_seed(1)
    distortion = torch.rand(5, generator=draw, dtype=torch.float64) * 100
    return Terms(distortion, torch.rand(5, 3, generator=draw, dtype=torch.float64))


@pytest.mark.parametrize("spread", [1e-3, 0.1, 1.0, 3.0])
def test_rate_per_dim_equals_torch_distributions(spread: float) -> None:
    mean, log_var = posteriors(spread=spread)
    expected = kl_divergence(Normal(mean, torch.exp(0.5 * log_var)), Normal(0.0, 1.0))
    assert expected.shape == (50, 7)
    torch.testing.assert_close(rate_per_dim(mean, log_var), expected, rtol=1e-13, atol=1e-10)


def test_rate_is_the_mean_of_log_q_minus_log_p_over_samples_of_q() -> None:
    mean, std = torch.tensor([1.5], dtype=torch.float64), torch.tensor([0.3], dtype=torch.float64)
    posterior, prior = Normal(mean, std), Normal(0.0, 1.0)
    z = mean + std * torch.randn(200_000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ratio = posterior.log_prob(z) - prior.log_prob(z)
    standard_error = float(ratio.std()) / math.sqrt(len(z))
    rate = float(rate_per_dim(mean[None], 2 * std.log()[None]))
    assert abs(rate - float(ratio.mean())) < 5 * standard_error
    assert standard_error < 0.01 * rate


def test_rate_is_zero_at_the_prior_and_positive_anywhere_else() -> None:
    zero = torch.zeros(1, 1, dtype=torch.float64)
    assert rate_per_dim(zero, zero) == 0
    mean, log_var = posteriors(1000)
    assert (rate_per_dim(mean, log_var) > 0).all()


def test_rate_keeps_its_digits_where_the_posterior_is_nearly_the_prior() -> None:
    log_var = torch.tensor([[1e-3, -1e-3]])  # single precision, as in training
    expected = (log_var.double().square() / 4) * (1 + log_var.double() / 3)
    found = rate_per_dim(torch.zeros_like(log_var), log_var).double()
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=0)


def test_rate_has_the_gradient_of_finite_differences() -> None:
    mean, log_var = posteriors(4, 3, spread=1.0)
    assert torch.autograd.gradcheck(rate_per_dim, (mean.requires_grad_(), log_var.requires_grad_()))


def test_mean_and_log_variance_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must have one shape, got \(3, 2\) and \(3, 1\); pass both"):
        rate_per_dim(torch.zeros(3, 2), torch.zeros(3, 1))


def test_rate_sums_dimensions_and_elbo_is_minus_distortion_minus_rate() -> None:
    found = terms()
    assert found.rate.shape == found.elbo.shape == (5,)
    for example in range(5):
        rate = math.fsum(found.rate_per_dim[example].tolist())
        assert float(found.rate[example]) == pytest.approx(rate, abs=1e-12)
        assert float(found.elbo[example]) == pytest.approx(
            -float(found.distortion[example]) - rate, abs=1e-12
        )


@pytest.mark.parametrize("beta", [0, 0.5, 1, 4, 1e4])
def test_the_loss_is_the_mean_of_distortion_plus_beta_times_rate(beta: float) -> None:
    found = terms()
    expected = math.fsum(
        float(distortion) + beta * math.fsum(rates.tolist())
        for distortion, rates in zip(found.distortion, found.rate_per_dim, strict=True)
    )
    assert float(found.loss(beta)) == pytest.approx(expected / 5, rel=1e-14)


def test_the_loss_at_beta_1_is_the_negative_elbo() -> None:
    assert float(terms().loss(1)) == pytest.approx(-float(terms().elbo.mean()), rel=1e-14)


def test_beta_scales_the_gradient_of_the_rate_and_leaves_that_of_the_distortion() -> None:
    gradients = {}
    for beta in (0.0, 1.0, 4.0):
        found = terms()
        found.distortion.requires_grad_()
        found.rate_per_dim.requires_grad_()
        found.loss(beta).backward()
        assert found.distortion.grad is not None and found.rate_per_dim.grad is not None
        torch.testing.assert_close(found.distortion.grad, torch.full((5,), 0.2, dtype=torch.float64))
        gradients[beta] = found.rate_per_dim.grad
    assert torch.equal(gradients[0.0], torch.zeros(5, 3))
    torch.testing.assert_close(gradients[4.0], 4 * gradients[1.0])
    torch.testing.assert_close(gradients[1.0], torch.full((5, 3), 0.2, dtype=torch.float64))


def test_detached_terms_have_the_same_numbers_and_no_graph() -> None:
    attached = terms()
    attached.distortion.requires_grad_()
    attached.rate_per_dim.requires_grad_()
    found = attached.mean().detach()
    assert torch.equal(found.loss(4), attached.loss(4))
    assert attached.loss(4).requires_grad and not found.loss(4).requires_grad


def test_a_constant_beta_is_there_from_the_first_step() -> None:
    config = ObjectiveConfig(beta=4)
    assert {beta_at(config, epoch) for epoch in (0, 0.01, 1, 1e6)} == {4.0}


def test_a_linear_warm_up_rises_evenly_from_0_and_stays() -> None:
    config = ObjectiveConfig(beta=4, schedule="linear", warmup_epochs=8)
    assert [beta_at(config, epoch) for epoch in (0, 2, 4, 8, 8.5, 1e6)] == [0, 1, 2, 4, 4, 4]


def test_a_cycle_rises_for_its_first_half_stays_for_its_second_and_begins_again() -> None:
    config = ObjectiveConfig(beta=4, schedule="cyclical", cycle_epochs=8)
    once = [0, 1, 2, 3, 4, 4, 4, 4]
    assert [beta_at(config, epoch) for epoch in range(24)] == once * 3
    assert beta_at(config, 7.999) == 4


@pytest.mark.parametrize("schedule", ["constant", "linear", "cyclical"])
@pytest.mark.parametrize("beta", [0, 0.3, 7])
def test_no_schedule_leaves_the_interval_from_0_to_beta_and_each_reaches_both_ends(
    schedule: str, beta: float
) -> None:
    config = ObjectiveConfig(beta=beta, schedule=schedule, warmup_epochs=3.3, cycle_epochs=1.7)
    values = [beta_at(config, step / 97) for step in range(1000)]
    assert max(values) == beta
    assert min(values) == (beta if schedule == "constant" else 0)
