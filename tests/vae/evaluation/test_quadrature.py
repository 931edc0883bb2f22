"""Rules and grids that integrate over one or two dimensions."""

from __future__ import annotations

import math

import pytest
import torch

from vae.evaluation.quadrature import axis, bulk, halved, hermite, settled, with_neighbours
from vae.models.priors import standard_normal_log_prob


@pytest.mark.parametrize("num", [4, 32, 256])
def test_gauss_s_rule_has_the_moments_of_the_standard_normal(num: int) -> None:
    nodes, shares = hermite(num)
    assert len(nodes) <= num
    for power, moment in ((0, 1), (1, 0), (2, 1), (4, 3), (6, 15)):
        assert float(shares @ nodes**power) == pytest.approx(moment, abs=1e-6)


def test_an_axis_of_cells_has_their_centres_and_covers_the_whole() -> None:
    places = axis(-7, 7, 200)
    side = float(places[1] - places[0])
    assert (float(places[0]) - side / 2, float(places[-1]) + side / 2) == pytest.approx((-7, 7))
    assert float(standard_normal_log_prob(places[:, None]).exp().sum()) * side == pytest.approx(1, abs=1e-9)
    z = torch.tensor([[0.3, -1.2]]).double()
    assert float(standard_normal_log_prob(z)) == pytest.approx(-0.5 * (0.09 + 1.44) - math.log(2 * math.pi))


@pytest.mark.parametrize("num_dims", [1, 2])
def test_neighbours_and_halves_tile_what_they_came_from(num_dims: int) -> None:
    draw = torch.Generator().manual_seed(0)
    cells = torch.randint(-30, 30, (300, num_dims), generator=draw).unique(dim=0)
    points, side = 0.05 + 0.1 * cells.double(), 0.1
    steps = torch.cartesian_prod(*[torch.tensor([-1, 0, 1])] * num_dims).reshape(-1, num_dims)
    expected = (cells[:, None] + steps).reshape(-1, num_dims).unique(dim=0)
    found = with_neighbours(points, side)
    assert torch.equal(((found - 0.05) / side).round().long(), expected)
    assert torch.allclose(found, 0.05 + 0.1 * expected.double(), atol=1e-12)
    parts, half = halved(points, side)
    assert (len(parts), half) == (len(points) * 2**num_dims, 0.05)
    assert len((parts / half).round(decimals=3).unique(dim=0)) == len(parts)
    assert torch.allclose(parts.unflatten(0, (len(points), -1)).mean(1), points)
    assert float((parts.unflatten(0, (len(points), -1)) - points[:, None]).abs().max()) == pytest.approx(
        0.025
    )


def test_the_bulk_leaves_out_a_ten_millionth_of_the_mass() -> None:
    values = -torch.arange(40.0).double()
    kept = bulk(values)
    left_out = float(values.exp()[~kept].sum() / values.exp().sum())
    assert 1e-8 < left_out < 1e-7
    assert kept.tolist() == sorted(kept.tolist(), reverse=True)
    assert bool(bulk(torch.zeros(5)).all())


def test_a_rule_is_made_finer_until_it_settles_and_not_for_ever() -> None:
    asked: list[int] = []

    def falling(num: int) -> float:
        asked.append(num)
        return 1 / num

    assert settled(falling, 0.02, 32) == (1 / 64, 1 / 64)
    assert asked == [32, 64]
    asked.clear()
    assert settled(falling, 0, 32) == (1 / 512, 1 / 512)
    assert asked == [32, 64, 128, 256, 512]
