"""Rate, ELBO, loss and β against torch.distributions, by finite differences and by their properties."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from vae.config.schema import ObjectiveConfig
from vae.models.priors import gaussian_kl
from vae.objectives.schedules import beta_at, capacity_at
from vae.objectives.terms import RatePenalty, Terms, penalty_at


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
    torch.testing.assert_close(gaussian_kl(mean, log_var), expected, rtol=1e-13, atol=1e-10)


def test_rate_is_the_mean_of_log_q_minus_log_p_over_samples_of_q() -> None:
    mean, std = torch.tensor([1.5], dtype=torch.float64), torch.tensor([0.3], dtype=torch.float64)
    posterior, prior = Normal(mean, std), Normal(0.0, 1.0)
    z = mean + std * torch.randn(200_000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ratio = posterior.log_prob(z) - prior.log_prob(z)
    standard_error = float(ratio.std()) / math.sqrt(len(z))
    rate = float(gaussian_kl(mean[None], 2 * std.log()[None]))
    assert abs(rate - float(ratio.mean())) < 5 * standard_error
    assert standard_error < 0.01 * rate


def test_rate_is_zero_at_the_prior_and_positive_anywhere_else() -> None:
    zero = torch.zeros(1, 1, dtype=torch.float64)
    assert gaussian_kl(zero, zero) == 0
    mean, log_var = posteriors(1000)
    assert (gaussian_kl(mean, log_var) > 0).all()


def test_rate_keeps_its_digits_where_the_posterior_is_nearly_the_prior() -> None:
    log_var = torch.tensor([[1e-3, -1e-3]])  # single precision, as in training
    expected = (log_var.double().square() / 4) * (1 + log_var.double() / 3)
    found = gaussian_kl(torch.zeros_like(log_var), log_var).double()
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=0)


def test_rate_has_the_gradient_of_finite_differences() -> None:
    mean, log_var = posteriors(4, 3, spread=1.0)
    assert torch.autograd.gradcheck(gaussian_kl, (mean.requires_grad_(), log_var.requires_grad_()))


def test_mean_and_log_variance_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must have one shape, got \(3, 2\) and \(3, 1\); pass both"):
        gaussian_kl(torch.zeros(3, 2), torch.zeros(3, 1))


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


def test_a_sigmoid_warm_up_is_the_logistic_stretched_to_start_at_0_and_end_at_beta() -> None:
    config = ObjectiveConfig(beta=4, schedule="sigmoid", warmup_epochs=8)

    def logistic(done: float) -> float:
        return 1 / (1 + math.exp(-10 * (done - 0.5)))

    for epoch in (0.5, 2, 4, 7.5):
        stretched = (logistic(epoch / 8) - logistic(0)) / (logistic(1) - logistic(0))
        assert beta_at(config, epoch) == pytest.approx(4 * stretched, rel=1e-12)
    assert [beta_at(config, epoch) for epoch in (0, 4, 8, 8.5, 1e6)] == [0, 2, 4, 4, 4]


@pytest.mark.parametrize("schedule", ["linear", "sigmoid"])
def test_a_monotonic_warm_up_never_falls(schedule: str) -> None:
    config = ObjectiveConfig(beta=3, schedule=schedule, warmup_epochs=9.7)
    values = [beta_at(config, step / 97) for step in range(1000)]
    assert values == sorted(values)
    assert len(set(values)) > 900


@pytest.mark.parametrize("schedule", ["constant", "linear", "sigmoid", "cyclical"])
@pytest.mark.parametrize("beta", [0, 0.3, 7])
def test_no_schedule_leaves_the_interval_from_0_to_beta_and_each_reaches_both_ends(
    schedule: str, beta: float
) -> None:
    config = ObjectiveConfig(beta=beta, schedule=schedule, warmup_epochs=3.3, cycle_epochs=1.7)
    values = [beta_at(config, step / 97) for step in range(1000)]
    assert max(values) == beta
    assert min(values) == (beta if schedule == "constant" else 0)


def test_the_target_of_the_rate_rises_evenly_from_0_to_the_capacity_and_stays() -> None:
    config = ObjectiveConfig(capacity=20, capacity_epochs=8)
    assert [capacity_at(config, epoch) for epoch in (0, 2, 4, 8, 8.5, 1e6)] == [0, 5, 10, 20, 20, 20]
    assert capacity_at(ObjectiveConfig(), 3) == 0


#: Two posteriors of four dimensions, with mean rates about 0.02, 0.4, 0.9 and 3.4: on both sides of a λ of 0.7.
MEAN = torch.tensor([[0.2, 0.5, -1.0, 2.0], [-0.1, 1.0, 1.0, -3.0]], dtype=torch.float64)
LOG_VAR = torch.tensor([[0.1, -0.3, -1.0, 0.5], [0.0, 0.2, -1.2, -0.7]], dtype=torch.float64)

PENALTIES = {
    # d penalty / d R_d, by hand, for the rates above.
    "plain": (RatePenalty(3.0), [3.0, 3.0, 3.0, 3.0]),
    "free bits per dimension": (RatePenalty(3.0, 0.7), [0.0, 0.0, 3.0, 3.0]),
    "free bits per dimension, all below": (RatePenalty(3.0, 9.0), [0.0] * 4),
    "free bits in total, rate below": (RatePenalty(3.0, 9.0, "total"), [0.0] * 4),
    "free bits in total, rate above": (RatePenalty(3.0, 0.7, "total"), [3.0] * 4),
    "capacity, rate below": (RatePenalty(3.0, capacity=9.0), [-3.0] * 4),
    "capacity, rate above": (RatePenalty(3.0, capacity=2.0), [3.0] * 4),
    "no weight": (RatePenalty(0.0, 0.7), [0.0] * 4),
}


@pytest.mark.parametrize("kind", PENALTIES)
def test_each_penalty_has_the_gradient_derived_by_hand(kind: str) -> None:
    penalty, slopes = PENALTIES[kind]
    mean, log_var = MEAN.clone().requires_grad_(), LOG_VAR.clone().requires_grad_()
    distortion = torch.tensor([5.0, 7.0], dtype=torch.float64)
    Terms(distortion, gaussian_kl(mean, log_var)).loss(penalty).backward()
    # R_d is the mean over B = 2 of ½ (exp(log σ²) + μ² − 1 − log σ²).
    slope = torch.tensor(slopes, dtype=torch.float64)
    torch.testing.assert_close(mean.grad, slope * MEAN / 2, rtol=1e-14, atol=0)
    torch.testing.assert_close(log_var.grad, slope * (LOG_VAR.exp() - 1) / 4, rtol=1e-13, atol=1e-16)


def test_each_penalty_has_the_value_of_its_formula() -> None:
    rates = gaussian_kl(MEAN, LOG_VAR).mean(0)
    by_hand = [float(rate) for rate in rates]
    assert by_hand[0] < by_hand[1] < 0.7 < by_hand[2] < by_hand[3]
    expected = {
        "plain": 3 * math.fsum(by_hand),
        "free bits per dimension": 3 * (0.7 + 0.7 + by_hand[2] + by_hand[3]),
        "free bits per dimension, all below": 3 * 4 * 9.0,
        "free bits in total, rate below": 3 * 9.0,
        "free bits in total, rate above": 3 * math.fsum(by_hand),
        "capacity, rate below": 3 * (9.0 - math.fsum(by_hand)),
        "capacity, rate above": 3 * (math.fsum(by_hand) - 2.0),
        "no weight": 0.0,
    }
    for kind, (penalty, _) in PENALTIES.items():
        assert float(penalty.of(rates)) == pytest.approx(expected[kind], rel=1e-14), kind


def test_free_bits_are_of_the_mean_over_the_batch_and_not_of_each_example() -> None:
    rates = torch.tensor([[0.0], [2.0]], dtype=torch.float64)
    penalty = RatePenalty(1.0, 0.5)
    assert float(Terms(torch.zeros(2), rates).loss(penalty)) == 1.0  # per example it would be (0.5 + 2) / 2


def test_free_bits_and_capacity_together_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"free_bits must be 0 where there is a capacity, got free_bits = 0\.5 and"
    ):
        RatePenalty(1.0, free_bits=0.5, capacity=3.0)


def test_beta_by_hand_takes_the_place_of_the_schedule_and_leaves_free_bits_and_capacity() -> None:
    warmed = ObjectiveConfig(beta=4, schedule="linear", warmup_epochs=8, free_bits=0.5, free_bits_per="total")
    assert penalty_at(warmed, 2) == RatePenalty(1.0, 0.5, "total")
    assert penalty_at(warmed, 2, beta=7.0) == RatePenalty(7.0, 0.5, "total")
    aimed = ObjectiveConfig(beta=4, capacity=10, capacity_epochs=5)
    assert penalty_at(aimed, 2) == RatePenalty(4.0, capacity=4.0)
    assert penalty_at(aimed, 9, beta=0.0) == RatePenalty(0.0, capacity=10.0)


def test_a_plain_penalty_is_the_weighted_sum_to_the_bit() -> None:
    found = terms().mean()
    assert torch.equal(found.loss(penalty_at(ObjectiveConfig(beta=4), 3)), found.loss(4.0))
    assert torch.equal(found.loss(4.0), found.distortion + 4.0 * found.rate_per_dim.sum())
