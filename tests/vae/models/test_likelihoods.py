"""The four likelihoods against torch.distributions, scipy and their own densities."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import torch
from torch import Tensor
from torch.distributions import Bernoulli, ContinuousBernoulli, Distribution, Independent, Normal

from vae.config.schema import ModelConfig
from vae.models.likelihoods import SMALLEST_LEARNED_SIGMA, Gaussian, LearnedGaussian, Likelihood, likelihood

NAMES = ["bernoulli", "continuous-bernoulli", "gaussian", "gaussian-learned"]
#: Logits where the continuous Bernoulli changes from its series to its closed form, and on both sides.
AROUND_THE_SEAM = [0.0, 1e-12, -1e-8, 1e-4, -0.01, 0.0499999, 0.05, -0.05, 0.0500001, -0.06, 0.3]


def made(name: str, *, sigma: float = 0.3) -> Likelihood:
    return likelihood(ModelConfig(likelihood=name, sigma=sigma)).double()


def sigma_of(found: Likelihood) -> float:
    return found.sigma.item() if isinstance(found, Gaussian) else math.nan


def reference(name: str, output: Tensor, sigma: float) -> Distribution:
    """The distribution over whole images, as torch.distributions has it; grey pixels are let through."""
    match name:
        case "bernoulli":
            pixels: Distribution = Bernoulli(logits=output, validate_args=False)
        case "continuous-bernoulli":
            pixels = ContinuousBernoulli(logits=output, validate_args=False)
        case _:
            pixels = Normal(output, sigma)
    return Independent(pixels, 3, validate_args=False)


def outputs_and_pixels(name: str, shape: tuple[int, ...] = (16, 3, 9, 8)) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    spread = 0.5 if "gaussian" in name else 4.0
    output = spread * torch.randn(shape, generator=draw, dtype=torch.float64)
    return output, torch.rand(shape, generator=draw, dtype=torch.float64)


def images(values: list[float]) -> Tensor:
    """Each value as an image of one pixel."""
    return torch.tensor(values, dtype=torch.float64).reshape(-1, 1, 1, 1)


@pytest.mark.parametrize("name", NAMES)
def test_log_prob_of_grey_images_equals_torch_distributions(name: str) -> None:
    output, x = outputs_and_pixels(name)
    found = made(name)
    expected = reference(name, output, sigma_of(found)).log_prob(x)
    assert expected.shape == (16,)
    torch.testing.assert_close(found.log_prob(output, x), expected, rtol=0, atol=1e-10)


def test_log_prob_of_binary_images_equals_torch_distributions() -> None:
    output, x = outputs_and_pixels("bernoulli")
    expected = Independent(Bernoulli(logits=output), 3).log_prob(x.round())
    torch.testing.assert_close(made("bernoulli").log_prob(output, x.round()), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("sigma", [0.001, 0.1, 1.0, 10.0])
def test_the_gaussian_has_all_its_constants_at_every_sigma(sigma: float) -> None:
    output, x = outputs_and_pixels("gaussian", (4, 1, 28, 28))
    output = x + sigma * output
    expected = reference("gaussian", output, sigma).log_prob(x)
    torch.testing.assert_close(
        made("gaussian", sigma=sigma).log_prob(output, x), expected, rtol=0, atol=1e-10
    )


def test_the_learned_gaussian_has_all_its_constants_whatever_sigma_it_learned() -> None:
    output, x = outputs_and_pixels("gaussian")
    found = made("gaussian-learned")
    assert isinstance(found, LearnedGaussian)
    for raw in (-30.0, -2.0, 0.0, 3.0):
        found.raw_sigma.data.fill_(raw)
        expected = reference("gaussian", output, sigma_of(found)).log_prob(x)
        torch.testing.assert_close(found.log_prob(output, x), expected, rtol=1e-14, atol=1e-10)


@pytest.mark.parametrize("sigma", [0.004, 0.01, 0.1, 1.0, 10.0])
def test_a_learned_sigma_starts_where_the_option_says(sigma: float) -> None:
    found = likelihood(ModelConfig(likelihood="gaussian-learned", sigma=sigma))
    assert isinstance(found, LearnedGaussian)
    assert sigma_of(found) == pytest.approx(sigma, rel=0.01)


@pytest.mark.parametrize("raw", [-1e30, -1e4, -100.0, -1.0])
def test_a_learned_sigma_never_falls_below_the_distance_of_two_bytes(raw: float) -> None:
    found = likelihood(ModelConfig(likelihood="gaussian-learned"))
    assert isinstance(found, LearnedGaussian)
    found.raw_sigma.data.fill_(raw)
    assert sigma_of(found) >= SMALLEST_LEARNED_SIGMA == 1 / 256
    x = torch.zeros(1, 1, 28, 28)
    assert torch.isfinite(found.log_prob(x, x)).all()


def test_the_likeliest_sigma_is_the_root_mean_square_of_the_residuals() -> None:
    found = made("gaussian-learned")
    assert isinstance(found, LearnedGaussian)
    noise = torch.randn(8, 1, 20, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    best = float((0.07 * noise).square().mean().sqrt())
    slopes = []
    for sigma in (0.999 * best, 1.001 * best):
        found.raw_sigma.data.fill_(math.log(math.expm1(sigma - SMALLEST_LEARNED_SIGMA)))
        log_prob = found.log_prob(torch.zeros_like(noise), 0.07 * noise).mean()
        slopes.append(torch.autograd.grad(log_prob, found.raw_sigma)[0].item())
    assert slopes[0] > 0 > slopes[1]


@pytest.mark.parametrize("name", NAMES)
def test_log_prob_has_the_gradient_of_finite_differences(name: str) -> None:
    found = made(name)
    output, x = outputs_and_pixels(name, (2, 1, 3, 2))
    assert torch.autograd.gradcheck(
        lambda output, x, *_: found.log_prob(output, x),
        (output.requires_grad_(), x.requires_grad_(), *found.parameters()),
    )


@pytest.mark.parametrize("name", NAMES)
def test_mean_has_the_gradient_of_finite_differences(name: str) -> None:
    output = images([*AROUND_THE_SEAM, 3.0, -8.0]).requires_grad_()
    assert torch.autograd.gradcheck(made(name).mean, (output,))


def test_log_prob_of_the_continuous_bernoulli_has_its_gradient_around_logit_0() -> None:
    output = images(AROUND_THE_SEAM).requires_grad_()
    x = torch.full_like(output, 0.3)
    found = made("continuous-bernoulli")
    assert torch.autograd.gradcheck(lambda output: found.log_prob(output, x), (output,))


@pytest.mark.parametrize("logit", [*AROUND_THE_SEAM, 5.0, -20.0, -30.0])
def test_the_continuous_bernoulli_equals_torch_distributions_around_logit_0_and_far_out(logit: float) -> None:
    x = torch.linspace(0, 1, 11, dtype=torch.float64).reshape(-1, 1, 1, 1)
    output = torch.full_like(x, logit)
    expected = reference("continuous-bernoulli", output, math.nan)
    found = made("continuous-bernoulli")
    torch.testing.assert_close(found.log_prob(output, x), expected.log_prob(x), rtol=0, atol=1e-10)


@pytest.mark.parametrize("logit", [*AROUND_THE_SEAM[1:], 5.0, -20.0, 36.0, -100.0, 700.0, 1e4])
def test_the_continuous_bernoulli_is_a_truncated_exponential(logit: float) -> None:
    # torch.distributions goes through probabilities, which lose digits close to 1; scipy does not.
    x = torch.linspace(0.01, 0.99, 11, dtype=torch.float64).reshape(-1, 1, 1, 1)
    output = torch.full_like(x, logit)
    exponential = scipy.stats.truncexpon(b=abs(logit), scale=1 / abs(logit))
    from_its_peak = (1 - x if logit > 0 else x).flatten().numpy()
    expected = torch.from_numpy(exponential.logpdf(from_its_peak))
    found = made("continuous-bernoulli")
    torch.testing.assert_close(found.log_prob(output, x), expected, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("logit", [0.0, 1e-3, -0.0499, 0.0501, 2.0, -15.0])
@pytest.mark.parametrize("power", [0, 1])
def test_the_continuous_bernoulli_integrates_to_1_and_its_mean_is_its_first_moment(
    logit: float, power: int
) -> None:
    found, output = made("continuous-bernoulli"), images([logit])
    integral, _ = scipy.integrate.quad(
        lambda x: x**power * math.exp(found.log_prob(output, images([x]))), 0, 1, epsabs=1e-13, epsrel=1e-13
    )
    assert integral == pytest.approx(1.0 if power == 0 else float(found.mean(output)), abs=1e-11)


@pytest.mark.parametrize("logit", [-1e4, -100.0, -3.0, 3.0, 100.0, 1e4])
def test_the_mean_of_the_continuous_bernoulli_equals_scipy(logit: float) -> None:
    mean = scipy.stats.truncexpon(b=abs(logit), scale=1 / abs(logit)).mean()
    expected = 1 - mean if logit > 0 else mean
    assert float(made("continuous-bernoulli").mean(images([logit]))) == pytest.approx(expected, abs=1e-10)


def test_the_mean_of_the_continuous_bernoulli_has_no_step_where_its_series_ends() -> None:
    output = images([0.05 * (1 - 1e-12), 0.05, -0.05 * (1 - 1e-12), -0.05])
    inside, at, below, at_below = made("continuous-bernoulli").mean(output).flatten().tolist()
    assert at - inside == pytest.approx(0, abs=2e-14)
    assert at_below - below == pytest.approx(0, abs=2e-14)


@pytest.mark.parametrize("name", NAMES)
def test_mean_equals_torch_distributions(name: str) -> None:
    output, _ = outputs_and_pixels(name)
    found = made(name)
    expected = reference(name, output, sigma_of(found)).mean
    torch.testing.assert_close(found.mean(output), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_samples_have_the_mean_and_spread_of_the_distribution(name: str) -> None:
    output = torch.tensor([-3.0, -0.2, 0.0, 0.7, 4.0], dtype=torch.float64).reshape(1, 1, 1, 5)
    found, num = made(name), 40_000
    drawn = found.sample(output.expand(num, -1, -1, -1), torch.Generator().manual_seed(0)).reshape(num, 5)
    expected = reference(name, output, sigma_of(found))
    mean, std = expected.mean.flatten(), expected.variance.flatten().sqrt()
    assert ((drawn.mean(0) - mean).abs() < 5 * std / math.sqrt(num)).all()
    torch.testing.assert_close(drawn.std(0), std, rtol=0.05, atol=0)


@pytest.mark.parametrize("logit", [-300.0, -2.0, -1e-3, 1e-7, 1e-3, 0.5, 2.0, 300.0])
def test_samples_of_the_continuous_bernoulli_have_its_distribution(logit: float) -> None:
    output = torch.full((20_000, 1, 1, 1), logit, dtype=torch.float64)
    drawn = made("continuous-bernoulli").sample(output, torch.Generator().manual_seed(1)).flatten().numpy()
    assert drawn.min() >= 0 and drawn.max() <= 1
    exponential = scipy.stats.truncexpon(b=abs(logit), scale=1 / abs(logit))
    p_value = scipy.stats.kstest(1 - drawn if logit > 0 else drawn, exponential.cdf).pvalue
    assert p_value > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_one_seed_gives_one_sample_and_another_seed_another(name: str) -> None:
    output, _ = outputs_and_pixels(name)
    first, again, other = (
        made(name).sample(output, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)
    )
    assert first.shape == output.shape
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_bernoulli_samples_are_zeros_and_ones() -> None:
    output, _ = outputs_and_pixels("bernoulli")
    assert np.unique(made("bernoulli").sample(output).numpy()).tolist() == [0, 1]


@pytest.mark.parametrize("name", NAMES)
def test_log_prob_is_summed_over_the_pixels_of_each_image_apart(name: str) -> None:
    output, x = outputs_and_pixels(name, (5, 3, 4, 2))
    found = made(name)
    whole = found.log_prob(output, x)
    pixels = torch.stack(
        [
            found.log_prob(output[:, c : c + 1, i : i + 1, j : j + 1], x[:, c : c + 1, i : i + 1, j : j + 1])
            for c in range(3)
            for i in range(4)
            for j in range(2)
        ]
    )
    torch.testing.assert_close(whole, pixels.sum(0), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["bernoulli", "continuous-bernoulli"])
@pytest.mark.parametrize("logit", [-1000.0, 1000.0])
def test_huge_logits_give_finite_numbers_and_gradients_in_single_precision(name: str, logit: float) -> None:
    output = torch.full((1, 1, 2, 1), logit, requires_grad=True)
    found = likelihood(ModelConfig(likelihood=name))
    log_prob = found.log_prob(output, torch.tensor([0.0, 1.0]).reshape(1, 1, 2, 1))
    log_prob.sum().backward()
    assert log_prob.item() < -900
    assert output.grad is not None and torch.isfinite(output.grad).all()
    assert torch.isfinite(found.mean(output)).all()
    assert torch.isfinite(found.sample(output)).all()
