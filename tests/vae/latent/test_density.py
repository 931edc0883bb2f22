"""One scale for densities of any shape."""

from __future__ import annotations

import torch

from vae.latent.density import DEEPEST, sigma_equivalent


def test_depth_of_a_gaussian_is_its_distance_in_standard_deviations() -> None:
    z = torch.cartesian_prod(*[torch.linspace(-3, 3, 61, dtype=torch.float64)] * 2)
    sigma = torch.tensor([0.7, 1.9], dtype=torch.float64)
    density = torch.distributions.Normal(0.0, sigma).log_prob(z).sum(1).exp()
    expected = (z / sigma).norm(dim=1)
    torch.testing.assert_close(sigma_equivalent(density), expected.clamp(max=DEEPEST), rtol=1e-9, atol=1e-7)


def test_where_there_is_no_density_the_depth_is_the_deepest() -> None:
    assert sigma_equivalent(torch.tensor([0.0, 1.0])).tolist() == [DEEPEST, 0.0]
