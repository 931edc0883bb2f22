"""Finding images among their posteriors, and how far a plane can be trusted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.manifold import trustworthiness

from vae.errors import UserError
from vae.latent.embedding import Embedding
from vae.latent.search import by_class, by_number, gaussian_kl, nearest
from vae.latent.trust import MOST_POINTS, read_trust, trust


def posteriors(num: int = 200, dims: int = 3) -> Embedding:
    random = torch.Generator().manual_seed(0)
    mean = torch.randn(num, dims, generator=random)
    log_var = -2 + torch.randn(num, dims, generator=random)
    return Embedding(mean, log_var, torch.arange(num) % 4, torch.arange(num))


def test_kl_between_posteriors_is_that_of_torch() -> None:
    found = posteriors()
    mean, log_var = found.mean.double(), found.log_var.double()
    one = torch.distributions.Normal(mean[0], (0.5 * log_var[0]).exp())
    others = torch.distributions.Normal(mean, (0.5 * log_var).exp())
    expected = torch.distributions.kl_divergence(one, others).sum(1)
    torch.testing.assert_close(gaussian_kl(mean[0], log_var[0], mean, log_var), expected)


@pytest.mark.parametrize("by", ["mean", "kl"])
def test_an_image_is_nearest_to_itself_and_the_others_follow_in_order(by: str) -> None:
    found = posteriors()
    near = nearest(found, found.mean[17], found.log_var[17], by=by, num=9)  # type: ignore[arg-type]
    assert len(near.rows) == 9
    assert int(near.rows[0]) == 17
    assert float(near.distances[0]) == pytest.approx(0, abs=1e-6)
    assert (near.distances.diff() >= 0).all()


def test_by_kl_a_dimension_that_says_nothing_hardly_counts() -> None:
    # The first image is far away in a dimension whose posterior is the prior, the second less far in a sharp one.
    mean = torch.tensor([[0.0, 1.0], [0.5, 0.0]])
    log_var = torch.tensor([[-6.0, 0.0], [-6.0, 0.0]])
    found = Embedding(mean, log_var, None, torch.arange(2))
    here = torch.zeros(2), torch.tensor([-6.0, 0.0])
    assert int(nearest(found, *here, by="mean").rows[0]) == 1
    assert int(nearest(found, *here, by="kl").rows[0]) == 0


def test_images_are_found_by_number_and_by_class() -> None:
    found = posteriors()
    assert by_number(found, 199) == 199
    assert by_class(found, 3).tolist() == list(range(3, 200, 4))
    for call in (lambda: by_number(found, 200), lambda: by_number(found, -1), lambda: by_class(found, 7)):
        with pytest.raises(UserError, match="must"):
            call()
    plain = Embedding(found.mean, found.log_var, None, found.index)
    with pytest.raises(UserError, match="labels"):
        by_class(plain, 0)


def test_what_cannot_be_compared_is_refused() -> None:
    found = posteriors()
    with pytest.raises(UserError, match="log-variances"):
        nearest(found, found.mean[0], by="kl")
    with pytest.raises(UserError, match="3 dimensions"):
        nearest(found, torch.zeros(2))
    with pytest.raises(UserError, match="one of mean, kl"):
        nearest(found, found.mean[0], by="cosine")  # type: ignore[arg-type]


def test_trust_is_scikit_learns_and_1_for_the_latent_space_itself() -> None:
    random = np.random.RandomState(0)
    z = random.normal(size=(300, 5)).astype(np.float32)
    found = trust(z, z[:, :2])
    assert found.value == pytest.approx(trustworthiness(z, z[:, :2], n_neighbors=15), rel=1e-4)
    assert found.value < 0.95
    assert trust(z[:, :2], z[:, :2]).value == 1
    assert read_trust(found.to_dict()) == found
    few = trust(z[:9], z[:9, :2])
    assert (few.num_points, few.num_neighbours) == (9, 4)


def test_trust_of_very_many_points_is_of_a_sample_and_of_too_few_refused() -> None:
    z = np.random.RandomState(0).normal(size=(MOST_POINTS + 500, 3)).astype(np.float32)
    found = trust(z, z[:, :2])
    assert found.num_points == MOST_POINTS
    assert found == trust(z, z[:, :2])
    with pytest.raises(UserError, match="at least 5 points"):
        trust(z[:4], z[:4, :2])
    assert read_trust({"value": 2.0, "num_points": 1, "num_neighbours": 1}) is None
    assert read_trust(None) is None
