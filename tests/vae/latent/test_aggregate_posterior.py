"""The gap between prior and aggregate posterior, against quadrature in one and two dimensions and closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from vae.errors import UserError
from vae.latent.aggregate_posterior import prior_gap
from vae.latent.embedding import Embedding
from vae.latent.generation import fit_mixture

DRAW = torch.Generator().manual_seed(0)


def posteriors(mean: Tensor, sigma: float | Tensor) -> Embedding:
    log_var = 2 * torch.as_tensor(sigma).log().expand(mean.shape)
    return Embedding(mean, log_var, None, torch.arange(len(mean)))


def rings(num: int, radius: float) -> Tensor:
    angle = torch.linspace(0, 2 * math.pi, num + 1)[:-1]
    return radius * torch.stack([angle.cos(), angle.sin()], 1)


#: Posteriors that a run may have, of one or two latent dimensions.
CASES = {
    "healthy, 1-D": posteriors(0.95 * torch.randn(600, 1, generator=DRAW), 0.3),
    "healthy, 2-D": posteriors(0.95 * torch.randn(900, 2, generator=DRAW), 0.3),
    "collapsed": posteriors(1e-3 * torch.randn(300, 2, generator=DRAW), 1.0),
    "ring, as wide as the prior": posteriors(rings(400, 1.35), 0.3),
    "two modes": posteriors(torch.cat([torch.full((200, 1), -1.0), torch.full((200, 1), 1.0)]), 0.25),
    "outside": posteriors(3 + 0.5 * torch.randn(300, 2, generator=DRAW), 0.5),
    "narrow": posteriors(torch.randn(150, 1, generator=DRAW), 0.02),
    "of many widths": posteriors(
        torch.randn(400, 2, generator=DRAW), 0.05 + torch.rand(400, 2, generator=DRAW)
    ),
}


def by_quadrature(found: Embedding) -> tuple[float, float]:
    """KL(p ‖ q) and KL(q ‖ p) by sums over a fine grid."""
    mean, sigma = found.mean.double(), torch.exp(0.5 * found.log_var.double())
    num_dims = mean.shape[1]
    places = torch.linspace(-8, 8, 6401 if num_dims == 1 else 401, dtype=torch.float64)
    grid = torch.cartesian_prod(*[places] * num_dims).reshape(-1, num_dims)
    cell = float(places[1] - places[0]) ** num_dims
    # Of each axis by itself, (places, N): a posterior's density is the product of those of its dimensions.
    along = Normal(mean, sigma).log_prob(places[:, None, None]).unbind(2)
    if num_dims == 1:
        log_sum = along[0].logsumexp(1)
    else:
        most = [log_density.amax(1, keepdim=True) for log_density in along]
        x, y = (torch.exp(log_density - of) for log_density, of in zip(along, most, strict=True))
        log_sum = ((x @ y.T).log() + most[0] + most[1].T).flatten()
    log_q = log_sum - math.log(len(mean))
    assert bool(log_q.isfinite().all())
    log_p = Normal(0.0, 1.0).log_prob(grid).sum(1)
    p, q = log_p.exp() * cell, log_q.exp() * cell
    return float((p * (log_p - log_q)).sum()), float((q * (log_q - log_p)).sum())


@pytest.mark.parametrize("name", CASES)
def test_both_divergences_are_those_of_quadrature(name: str) -> None:
    found = prior_gap(CASES[name])
    for estimate, exact in zip(
        (found.prior_to_aggregate, found.aggregate_to_prior), by_quadrature(CASES[name]), strict=True
    ):
        assert estimate.standard_error < 0.05 + 0.15 * exact
        assert abs(estimate.mean - exact) < 4 * estimate.standard_error + 1e-3


def test_one_gaussian_that_looks_like_the_prior_hides_no_gap() -> None:
    # A ring of the prior's own mean and covariance: to one Gaussian the two agree.
    ring = CASES["ring, as wide as the prior"]
    fitted = fit_mixture(ring, (1,))
    assert float(fitted.means.abs().max()) < 0.1
    assert float((fitted.factors[0] - torch.eye(2)).abs().max()) < 0.1
    found = prior_gap(ring, fitted)
    assert found.misfit is not None
    assert found.aggregate_to_prior.mean > 0.1
    assert found.misfit.mean > 0.1, "and the mixture is told to miss it"
    closer = prior_gap(ring, fit_mixture(ring, (20,))).misfit
    assert closer is not None and closer.mean < 0.5 * found.misfit.mean


def test_a_gap_is_nothing_where_all_posteriors_are_the_prior() -> None:
    found = prior_gap(posteriors(torch.zeros(50, 3), 1.0))
    for of in (found.prior_to_aggregate, found.aggregate_to_prior):
        assert of.mean == pytest.approx(0, abs=1e-9)
    assert not found.saturated


def test_posteriors_that_do_not_overlap_are_told() -> None:
    assert prior_gap(posteriors(torch.randn(200, 10, generator=DRAW), 0.01)).saturated
    assert not prior_gap(CASES["healthy, 2-D"]).saturated


@pytest.mark.parametrize(
    "broken", [posteriors(torch.zeros(1, 2), 1.0), posteriors(torch.full((5, 2), math.nan), 1.0)]
)
def test_what_has_no_aggregate_posterior_is_refused(broken: Embedding) -> None:
    with pytest.raises(UserError, match=r"two images at least|must be finite"):
        prior_gap(broken)
