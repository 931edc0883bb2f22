"""The numbers of the theory are those of the library: identities, closed forms, and agreement of estimators."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from tests.conftest import MakeModel
from vae.data.dataset import Dataset
from vae.errors import UserError
from vae.evaluation.exact_posterior import exact_posterior
from vae.models.vae import VAE
from vae.runs.run import Run
from vae.runs.snapshots import load_model
from vae.theory.closed_form_kl import kl_terms
from vae.theory.conditional import class_posterior, left_out
from vae.theory.elbo_forms import elbo_forms
from vae.theory.gradients import gradient_estimates
from vae.theory.identity import climb
from vae.theory.jensen import jensen
from vae.theory.likelihood_costs import likelihood_costs, pixel_costs
from vae.theory.marginal import ancestral, prior_sampling
from vae.theory.one_pass import one_pass
from vae.theory.without_kl import compared

pytestmark = pytest.mark.usefixtures("one_core")


@pytest.fixture(scope="module")
def model(trained_run: Run) -> VAE:
    """The short trained run in two dimensions."""
    return load_model(trained_run, "best").double()


@pytest.fixture(scope="module")
def x(digits: Dataset) -> Tensor:
    return digits.pixels(digits.part("test")[0][:1]).double()


@pytest.fixture
def conditional(make_model: MakeModel) -> VAE:
    return make_model(conditional=True, seed=3)


@pytest.fixture
def tiny() -> Tensor:
    return torch.rand(1, 1, 5, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


class TestMarginal:
    def test_the_estimate_comes_to_the_integral_and_its_spread_falls(self, model: VAE, x: Tensor) -> None:
        found = prior_sampling(model, x)
        assert found.is_exact
        assert found.middle(3000) == pytest.approx(found.log_prob, abs=0.2)
        assert found.spread(3000) < found.spread(30) < found.spread(1)

    def test_the_relative_variance_predicts_the_spread_of_many_samples(self, model: VAE, x: Tensor) -> None:
        found = prior_sampling(model, x, repeats=64)
        predicted = math.sqrt(found.relative_variance / 3000)
        assert found.spread(3000) == pytest.approx(predicted, rel=0.35)

    def test_of_many_dimensions_the_weighted_bound_is_compared_with(
        self, make_model: MakeModel, tiny: Tensor
    ) -> None:
        found = prior_sampling(make_model(latent_dim=3), tiny)
        assert not found.is_exact
        assert found.middle(3000) == pytest.approx(found.log_prob, abs=0.1)

    @pytest.mark.parametrize("counts", [(), (0, 1), (3, 1), (2, 2)])
    def test_numbers_of_samples_must_ascend(self, model: VAE, x: Tensor, counts: tuple[int, ...]) -> None:
        with pytest.raises(UserError, match="ascend"):
            prior_sampling(model, x, counts=counts)

    def test_two_images_are_refused(self, model: VAE, x: Tensor) -> None:
        with pytest.raises(UserError, match="one image"):
            prior_sampling(model, x.repeat(2, 1, 1, 1))

    def test_ancestral_samples_are_drawn_around_their_means(self, conditional: VAE) -> None:
        z, mean, drawn = ancestral(conditional, 600)
        assert (z.shape, mean.shape) == ((600, 2), drawn.shape)
        assert torch.equal(drawn, drawn.round())  # a Bernoulli's
        assert float((drawn - mean).mean()) == pytest.approx(0, abs=0.02)


class TestOnePass:
    def test_each_number_is_the_model_s(self, model: VAE, x: Tensor) -> None:
        noise = torch.tensor([0.5, -1.0], dtype=torch.float64)
        found = one_pass(model, x, noise=noise, beta=4)
        mean, log_var = model.posterior(x)
        assert torch.allclose(found.z, mean[0] + torch.exp(log_var[0] / 2) * noise)
        terms = model.terms(x, noise=noise[None])
        assert found.distortion == pytest.approx(float(terms.distortion), rel=1e-12)
        assert found.loss == pytest.approx(float(terms.distortion + 4 * terms.rate), rel=1e-12)
        assert torch.allclose(found.image, model.decode(found.z[None])[0])

    def test_without_noise_z_is_the_mean(self, model: VAE, x: Tensor) -> None:
        found = one_pass(model, x)
        assert torch.equal(found.z, found.mean)
        assert found.distortion == pytest.approx(float(model.at_mean(x).terms.distortion), rel=1e-12)


def test_jensen_has_the_mean_of_logs_below_the_log_of_the_mean(model: VAE, x: Tensor) -> None:
    found = jensen(model, x, k=256)
    assert found.gap > 0
    assert float(found.relative.mean()) == pytest.approx(1)
    assert float(found.relative.log().mean()) == pytest.approx(-found.gap)
    assert found.log_of_mean == pytest.approx(exact_posterior(model, x).log_prob, abs=0.3)


class TestElbo:
    def test_both_forms_are_one_number_and_the_exact_elbo(self, model: VAE, x: Tensor) -> None:
        found = elbo_forms(model, x, beta=2)
        assert found.elbo == pytest.approx(found.elbo_by_entropy, abs=1e-9)
        exact = exact_posterior(model, x).elbo
        assert abs(found.elbo - exact) < 4 * found.log_likelihood.standard_error
        assert abs(found.sampled_elbo.mean - exact) < 4 * found.sampled_elbo.standard_error
        assert found.loss == pytest.approx(-found.elbo + found.rate)

    def test_entropy_and_prior_term_are_those_of_torch(self, model: VAE, x: Tensor) -> None:
        found = elbo_forms(model, x)
        mean, log_var = model.posterior(x)
        q = Normal(mean, torch.exp(log_var / 2))
        assert found.entropy == pytest.approx(float(q.entropy().sum()))
        assert found.rate == pytest.approx(float(kl_divergence(q, Normal(0.0, 1.0)).sum()))
        assert found.log_prior == pytest.approx(
            float(-0.5 * (mean.square() + log_var.exp() + math.log(2 * math.pi)).sum())
        )


def test_elbo_and_gap_add_up_to_log_p(model: VAE, x: Tensor) -> None:
    found = exact_posterior(model, x)
    assert found.elbo + found.gap == pytest.approx(found.log_prob, abs=1e-3)


def test_the_bound_climbs_from_the_elbo_to_log_p(model: VAE, x: Tensor) -> None:
    found = climb(model, x)
    exact = exact_posterior(model, x)
    assert found.elbo == pytest.approx(exact.elbo, abs=0.1)
    assert found.bound[-1] == pytest.approx(exact.log_prob, abs=0.05)
    assert all(b > a - 0.02 for a, b in zip(found.bound, found.bound[1:], strict=False))
    assert found.gap_at_least == pytest.approx(exact.gap, abs=0.1)


class TestClosedForm:
    def test_value_and_gradient_are_those_of_torch(self) -> None:
        mean, sigma = torch.tensor([0.0, 1.5, -2.0]).double(), torch.tensor([1.0, 0.3, 2.0]).double()
        found = kl_terms(mean, 2 * sigma.log())
        reference = kl_divergence(Normal(mean, sigma), Normal(0.0, 1.0))
        assert torch.allclose(found.kl, reference)
        assert torch.allclose(found.d_mean, mean)
        assert torch.allclose(found.d_sigma, sigma - 1 / sigma)

    def test_slips_are_what_they_are_said_to_be(self) -> None:
        mean, log_var = torch.tensor([-0.5]).double(), torch.tensor([0.0]).double()
        found = kl_terms(mean, log_var)
        assert float(found.without_square) == pytest.approx(-0.25)  # negative, which no KL is
        assert float(found.wrong_sign) == -float(found.kl)


class TestGradients:
    @pytest.mark.parametrize("dim", [0, 1])
    def test_both_estimators_agree_within_three_standard_errors(
        self, model: VAE, x: Tensor, dim: int
    ) -> None:
        found = gradient_estimates(model, x)
        a, b, c = (found.mean(name, dim) for name in ("reparameterised", "score", "with_baseline"))
        assert abs(a.mean - b.mean) < 3 * math.hypot(a.standard_error, b.standard_error)
        assert abs(a.mean - c.mean) < 3 * math.hypot(a.standard_error, c.standard_error)
        assert found.variance_ratio(dim) > found.variance_ratio(dim, "with_baseline") > 0
        assert found.variance_ratio(dim) > 2

    def test_the_mean_is_the_slope_of_the_expected_cost(self, model: VAE, x: Tensor) -> None:
        noise = torch.randn(4000, 2, generator=torch.Generator().manual_seed(5)).double()
        found = gradient_estimates(model, x).mean("reparameterised", 0)

        def cost(shift: float) -> float:
            mean, log_var = model.posterior(x)
            z = mean + torch.exp(log_var / 2) * noise + torch.tensor([shift, 0.0])
            return -float(model.log_prob(z, x.expand(4000, -1, -1, -1)).mean())

        with torch.no_grad():
            slope = (cost(1e-4) - cost(-1e-4)) / 2e-4
        assert abs(slope - found.mean) < 5 * found.standard_error

    def test_no_weight_gets_a_gradient(self, model: VAE, x: Tensor) -> None:
        gradient_estimates(model, x, num_samples=8)
        assert all(weight.grad is None for weight in model.parameters())


class TestLikelihoods:
    def test_the_run_s_own_likelihood_costs_what_the_model_says(self, model: VAE, x: Tensor) -> None:
        found = likelihood_costs(model, x)
        assert found.bernoulli == pytest.approx(float(model.at_mean(x).terms.distortion), rel=1e-4)
        assert found.rate == pytest.approx(float(model.at_mean(x).terms.rate))

    def test_the_gaussian_costs_least_at_the_root_mean_squared_error(self, model: VAE, x: Tensor) -> None:
        best = likelihood_costs(model, x).best_sigma
        found = likelihood_costs(model, x, sigmas=(best * 0.98, best, best * 1.02))
        assert min(found.gaussian) == found.gaussian[1]
        reference = -Normal(model.at_mean(x).image, best).log_prob(x).sum()
        assert found.gaussian[1] == pytest.approx(float(reference))

    def test_a_mean_over_pixels_hides_as_large_a_beta_as_there_are_pixels(
        self, model: VAE, x: Tensor
    ) -> None:
        assert likelihood_costs(model, x).mean_over_pixels.effective_beta == 64

    def test_of_one_pixel_both_costs_are_least_at_its_value(self) -> None:
        guess, cross_entropy, square = pixel_costs(0.7)
        assert float(guess[cross_entropy.argmin()]) == pytest.approx(0.7, abs=0.01)
        assert float(guess[square.argmin()]) == pytest.approx(0.7, abs=0.01)
        assert float(cross_entropy[0]) == pytest.approx(-0.7 * math.log(0.01) - 0.3 * math.log(0.99))


def test_without_the_kl_the_prior_has_holes() -> None:
    found = compared(epochs=15)
    assert found.without.gap.prior_to_aggregate.mean > 5 * found.with_kl.gap.prior_to_aggregate.mean
    assert found.without.test.rate > 5 * found.with_kl.test.rate
    assert torch.equal(found.without.points, found.with_kl.points)


class TestConditional:
    def test_probabilities_of_the_classes_are_by_bayes(self, conditional: VAE, tiny: Tensor) -> None:
        found = class_posterior(conditional, tiny)
        exact = [exact_posterior(conditional, tiny, torch.tensor([label])).log_prob for label in range(3)]
        assert found.log_prob == pytest.approx(exact, abs=0.05)
        assert sum(found.probability) == pytest.approx(1)
        assert all(a <= b for a, b in zip(found.elbo, found.log_prob, strict=True))

    def test_the_condition_at_both_ends_is_the_model_s_own_elbo(self, conditional: VAE, tiny: Tensor) -> None:
        y = torch.tensor([1])
        both, decoder, encoder, neither = left_out(conditional, tiny, y)
        exact = exact_posterior(conditional, tiny, y).elbo
        assert abs(both.elbo - exact) < 4 * both.distortion.standard_error
        assert both.rate == pytest.approx(encoder.rate)
        assert neither.rate == pytest.approx(decoder.rate)
        assert not torch.allclose(both.image, encoder.image)

    def test_models_without_a_condition_are_refused(self, model: VAE, x: Tensor) -> None:
        with pytest.raises(UserError, match="conditional"):
            class_posterior(model, x)
        with pytest.raises(UserError, match="conditional"):
            left_out(model, x, torch.tensor([0]))
