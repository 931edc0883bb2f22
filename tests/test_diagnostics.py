"""What became of each latent dimension."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from vae.diagnostics import ACTIVE_THRESHOLD, active_units, dimensions
from vae.latent import Embedding


def embedding() -> Embedding:
    """Three dimensions: one that tells images apart, one that is the prior, one that is wide but says little."""
    draw = torch.Generator().manual_seed(0)
    num = 2000
    noise = torch.randn(num, 3, generator=draw, dtype=torch.float64)
    mean = noise * torch.tensor([0.2, 0.0, 2.0], dtype=torch.float64)
    log_var = torch.tensor([-0.1, 0.0, -4.0], dtype=torch.float64).expand(num, 3)
    return Embedding(mean, log_var, None, torch.arange(num))


def numbers(*variances: float) -> Tensor:
    """Means of 101 images whose variance in each dimension is exactly the given one."""
    column = torch.linspace(-1, 1, 101, dtype=torch.float64)
    column = column / column.std()
    return torch.stack([column * variance**0.5 for variance in variances], 1)


def test_active_units_are_those_whose_variance_exceeds_the_threshold() -> None:
    draw = np.random.default_rng(0)
    mean = draw.normal(size=(300, 40)) * np.geomspace(1e-3, 3, 40)
    expected = np.var(mean, axis=0, ddof=1) > 0.01
    assert 0 < expected.sum() < 40
    assert active_units(torch.from_numpy(mean)).tolist() == expected.tolist()


def test_the_threshold_is_a_variance_and_may_be_chosen() -> None:
    mean = numbers(0.009, 0.011, 0.09, 0.11)
    assert ACTIVE_THRESHOLD == 0.01
    assert active_units(mean).tolist() == [False, True, True, True]
    assert active_units(mean, threshold=0.1).tolist() == [False, False, False, True]


def test_where_the_means_lie_does_not_make_a_dimension_active() -> None:
    assert active_units(numbers(0.0, 0.005) + 100).tolist() == [False, False]
    assert active_units((numbers(0.02) + 100).float()).tolist() == [True]


def test_fewer_than_two_images_show_no_activity() -> None:
    assert active_units(torch.full((1, 3), 5.0)).tolist() == [False] * 3
    assert active_units(torch.zeros(0, 3)).tolist() == [False] * 3


def test_dimensions_are_told_the_largest_rate_first() -> None:
    found = dimensions(embedding())
    assert [dimension.index for dimension in found] == [2, 0, 1]
    assert [dimension.active for dimension in found] == [True, True, False]
    assert found[2].rate == 0


def test_a_dimension_has_the_mean_rate_of_the_images() -> None:
    given = embedding()
    mean, log_var = given.mean.numpy(), given.log_var.numpy()
    expected = (0.5 * (np.exp(log_var) + mean**2 - 1 - log_var)).mean(0)
    for dimension in dimensions(given):
        np.testing.assert_allclose(dimension.rate, expected[dimension.index], rtol=0, atol=1e-12)


def test_a_dimension_s_range_holds_its_images() -> None:
    given = embedding()
    wide, *narrow = dimensions(given)
    assert wide.index == 2 and wide.low < -5 and wide.high > 5
    inside = (given.mean[:, 2] >= wide.low) & (given.mean[:, 2] <= wide.high)
    assert float(inside.double().mean()) >= 0.999
    for dimension in narrow:
        assert (-dimension.low, dimension.high) == pytest.approx((3.29, 3.29), abs=0.2)
