"""One style under every class, mixed classes, truncation, and the mixture fitted to the aggregate posterior."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor

from vae.errors import UserError
from vae.latent.embedding import Embedding, prior_points, prior_samples
from vae.latent.generation import (
    Mixture,
    class_mix,
    every_class,
    fit_mixture,
    posterior_draws,
    truncate,
)
from vae.models.vae import VAE

MakeModel = Callable[..., VAE]


def posteriors(mean: Tensor, sigma: float) -> Embedding:
    log_var = torch.full_like(mean, 2 * math.log(sigma))
    return Embedding(mean, log_var, None, torch.arange(len(mean)))


def clusters(num: int = 900) -> Tensor:
    """Means around three places, far apart."""
    draw = torch.Generator().manual_seed(0)
    places = torch.tensor([[-6.0, 0.0], [0.0, 6.0], [6.0, -3.0]], dtype=torch.float64)
    return (
        places[torch.arange(num) % 3] + torch.randn(num, 2, generator=draw, dtype=torch.float64) / 4
    ).float()


@pytest.fixture
def mixture() -> Mixture:
    """Two correlated Gaussians in three dimensions, of unequal weight."""
    factors = torch.tensor(
        [
            [[1.0, 0.0, 0.0], [0.5, 0.8, 0.0], [0.0, -0.3, 0.6]],
            [[0.4, 0.0, 0.0], [0.0, 2.0, 0.0], [1.0, 0.2, 0.9]],
        ],
        dtype=torch.float64,
    )
    means = torch.tensor([[0.0, 1.0, -1.0], [3.0, -2.0, 0.5]], dtype=torch.float64)
    return Mixture(torch.tensor([0.3, 0.7], dtype=torch.float64), means, factors, {2: 0.0}, 100)


class TestConditions:
    def test_cell_is_its_rows_z_under_its_columns_class(self, make_model: MakeModel) -> None:
        model = make_model(conditional=True, dtype=torch.float32)
        z = prior_points(4, 2, seed=5)
        images = every_class(model, z)
        assert images.shape == (4, 3, 1, 5, 4)
        for label in range(3):
            same, expected = prior_samples(model, 4, seed=5, label=label)
            assert torch.equal(same, z)
            assert torch.equal(images[:, label], expected)
        assert not torch.allclose(images[:, 0], images[:, 1])

    def test_strip_begins_and_ends_with_the_pure_classes(self, make_model: MakeModel) -> None:
        model = make_model(conditional=True)
        z = torch.tensor([0.5, -1.0], dtype=torch.float64)
        share, images = class_mix(model, z, 2, 0, 5)
        pure = every_class(model, z[None])[0]
        assert share.tolist() == [0, 0.25, 0.5, 0.75, 1]
        torch.testing.assert_close(images[0], pure[2])
        torch.testing.assert_close(images[-1], pure[0])
        middle = model.decode(z[None], torch.tensor([[0.5, 0.0, 0.5]], dtype=torch.float64))[0]
        torch.testing.assert_close(images[2], middle)

    def test_strip_from_a_class_to_itself_stays_what_it_is(self, make_model: MakeModel) -> None:
        model = make_model(conditional=True)
        _, images = class_mix(model, torch.zeros(2), 1, 1)
        torch.testing.assert_close(images, images[:1].expand(9, -1, -1, -1))

    def test_model_without_condition_is_refused(self, make_model: MakeModel) -> None:
        for ask in (
            lambda model: every_class(model, torch.zeros(1, 2)),
            lambda model: class_mix(model, torch.zeros(2), 0, 1),
        ):
            with pytest.raises(UserError, match=r"needs a conditional model.* train with model\.conditional"):
                ask(make_model())

    @pytest.mark.parametrize(("start", "end", "num"), [(-1, 0, 9), (0, 3, 9), (0, 1, 1)])
    def test_strip_of_no_such_class_or_of_one_image_is_refused(
        self, make_model: MakeModel, start: int, end: int, num: int
    ) -> None:
        with pytest.raises(UserError, match=r"must be (from 0 to 2|>= 2), got"):
            class_mix(make_model(conditional=True), torch.zeros(2), start, end, num)


class TestTruncation:
    @pytest.mark.parametrize("limit", [0.3, 1.0, 2.5])
    def test_draws_from_the_prior_become_draws_from_the_truncated_normal(self, limit: float) -> None:
        z = truncate(prior_points(5000, 2, seed=0).double(), limit)
        assert float(z.abs().max()) <= limit
        expected = scipy.stats.truncnorm(-limit, limit)
        for dim in range(2):
            assert scipy.stats.kstest(z[:, dim].numpy(), expected.cdf).pvalue > 0.01

    def test_each_coordinate_keeps_its_quantile(self) -> None:
        z = torch.linspace(-4, 4, 81, dtype=torch.float64)
        moved = truncate(z, 1.5)
        expected = scipy.stats.truncnorm.ppf(scipy.stats.norm.cdf(z.numpy()), -1.5, 1.5)
        np.testing.assert_allclose(moved.numpy(), expected, atol=1e-9)

    def test_wide_limit_changes_nothing_and_extremes_stay_inside(self) -> None:
        z = torch.tensor([-3.0, 0.0, 0.7, 3.0])
        torch.testing.assert_close(truncate(z, 8.0), z)
        assert truncate(torch.tensor([50.0, -50.0]), 2.0).tolist() == [2, -2]
        assert truncate(z, 1.0).dtype == torch.float32

    @pytest.mark.parametrize("limit", [0.0, -1.0, math.nan])
    def test_limit_that_is_not_positive_is_refused(self, limit: float) -> None:
        with pytest.raises(UserError, match="limit must be > 0"):
            truncate(torch.zeros(2), limit)


class TestMixture:
    def test_density_is_that_of_torch_distributions(self, mixture: Mixture) -> None:
        z = prior_points(50, 3, seed=0)
        reference = torch.distributions.MixtureSameFamily(
            torch.distributions.Categorical(mixture.weights),
            torch.distributions.MultivariateNormal(mixture.means, scale_tril=mixture.factors),
        )
        torch.testing.assert_close(mixture.log_prob(z), reference.log_prob(z.double()))

    def test_draws_have_the_mixtures_mean_and_covariance(self, mixture: Mixture) -> None:
        z = mixture.sample(40_000, seed=1)
        mean = mixture.weights @ mixture.means
        inner = mixture.factors @ mixture.factors.mT
        outer = (mixture.means - mean)[:, :, None] * (mixture.means - mean)[:, None]
        covariance = (mixture.weights[:, None, None] * (inner + outer)).sum(0)
        torch.testing.assert_close(z.mean(0), mean, atol=0.05, rtol=0)
        torch.testing.assert_close(z.T.cov(), covariance, atol=0.15, rtol=0)

    def test_one_seed_gives_one_set_of_points_with_the_priors_noise(self, mixture: Mixture) -> None:
        assert torch.equal(mixture.sample(20, seed=3), mixture.sample(20, seed=3))
        assert not torch.equal(mixture.sample(20, seed=3), mixture.sample(20, seed=4))
        one = torch.ones(1, dtype=torch.float64)
        prior = Mixture(one, torch.zeros(1, 3).double(), torch.eye(3).double()[None], {1: 0.0}, 10)
        torch.testing.assert_close(prior.sample(20, seed=3), prior_points(20, 3, seed=3).double())

    def test_bic_finds_three_clusters(self) -> None:
        found = fit_mixture(posteriors(clusters(), 0.2), (1, 2, 3, 5))
        assert found.num_components == 3
        assert min(found.bic, key=found.bic.__getitem__) == 3
        assert set(found.bic) == {1, 2, 3, 5}
        places = found.means[found.means[:, 0].argsort()]
        expected = torch.tensor([[-6.0, 0.0], [0.0, 6.0], [6.0, -3.0]], dtype=torch.float64)
        torch.testing.assert_close(places, expected, atol=0.1, rtol=0)
        assert found.num_points == 900

    def test_fit_is_scikit_learns_on_the_posteriors_draws(self) -> None:
        embedding = posteriors(clusters(300), 0.5)
        found = fit_mixture(embedding, (3,))
        points = posterior_draws(embedding).numpy()
        reference = GaussianMixture(3, random_state=0).fit(points)
        z = prior_points(30, 2, seed=0) * 5
        np.testing.assert_allclose(found.log_prob(z).numpy(), reference.score_samples(z.numpy()), rtol=1e-4)

    def test_widths_of_the_posteriors_count(self) -> None:
        # All means in one place: without the posteriors' own width there would be nothing to fit.
        found = fit_mixture(posteriors(torch.zeros(4000, 2), 0.7), (1,))
        covariance = (found.factors @ found.factors.mT)[0]
        torch.testing.assert_close(covariance, 0.49 * torch.eye(2, dtype=torch.float64), atol=0.05, rtol=0)

    def test_same_seed_gives_the_same_mixture(self) -> None:
        embedding = posteriors(clusters(300), 0.5)
        first, second = (fit_mixture(embedding, (2, 3)) for _ in range(2))
        assert torch.equal(first.means, second.means)
        assert first.bic == second.bic

    def test_many_images_are_thinned_and_few_get_few_components(self) -> None:
        embedding = posteriors(clusters(300), 0.5)
        assert fit_mixture(embedding, (1,), max_points=100).num_points == 100
        few = posteriors(clusters(30), 0.5)
        assert set(fit_mixture(few, (1, 3, 5, 20)).bic) == {1, 3}
        assert fit_mixture(few, (20,)).num_components == 1

    @pytest.mark.parametrize(("num", "sizes"), [(1, (1,)), (30, ()), (30, (0, 1))])
    def test_nothing_to_fit_is_refused(self, num: int, sizes: tuple[int, ...]) -> None:
        with pytest.raises(UserError, match="a mixture needs two images at least and sizes from 1"):
            fit_mixture(posteriors(clusters(num), 0.5), sizes)
