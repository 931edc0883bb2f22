"""Paths, neighbours along them, and arithmetic of group means: reference values, and what happens at the edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from vae.errors import UserError
from vae.latent import interpolation
from vae.latent.interpolation import arithmetic, default_radius, group_mean, lerp, neighbours, path, slerp


def column(*shares: float) -> Tensor:
    return torch.tensor(shares, dtype=torch.float64)[:, None]


def vector(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def white(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The formula of White (2016) as it is printed."""
    omega = math.acos(float(a @ b / (a.norm() * b.norm())))
    return (math.sin((1 - t) * omega) * a + math.sin(t * omega) * b) / math.sin(omega)


class TestSlerp:
    def test_is_whites_formula_for_equal_norms(self) -> None:
        generator = torch.Generator().manual_seed(0)
        for dims in (2, 3, 16):
            a, b = torch.randn(2, dims, generator=generator, dtype=torch.float64)
            b = b * a.norm() / b.norm()
            for t in (0.0, 0.1, 0.5, 0.9, 1.0):
                torch.testing.assert_close(slerp(a, b, vector(t)), white(a, b, t), rtol=1e-12, atol=1e-12)

    def test_direction_turns_evenly_and_norm_goes_evenly(self) -> None:
        a, b = vector(2, 0, 0), vector(0, 0, 5)
        found = slerp(a, b, column(0, 0.25, 0.5, 0.75, 1))
        torch.testing.assert_close(found.norm(dim=1), vector(2, 2.75, 3.5, 4.25, 5))
        angles = torch.atan2(found[:, 2], found[:, 0])
        torch.testing.assert_close(angles, vector(0, 0.25, 0.5, 0.75, 1) * math.pi / 2)

    @pytest.mark.parametrize("apart", [0.0, 1e-300, 1e-16, 1e-12, 1e-8, 1e-4])
    def test_nearly_parallel_ends_are_exact_and_go_straight(self, apart: float) -> None:
        a, b = vector(3, 4), vector(3 - 4 * apart, 4 + 3 * apart)
        t = column(0, 0.3, 1)
        torch.testing.assert_close(slerp(a, b, t), lerp(a, b, t), rtol=0, atol=max(1e-14, 5 * apart**2))

    @pytest.mark.parametrize("apart", [0.0, 1e-17, 1e-12])
    def test_opposite_ends_take_one_half_circle(self, apart: float) -> None:
        a, b = vector(0.6, 0.8, 0), vector(-0.6, -0.8, apart)
        found = slerp(a, b, column(0, 0.25, 0.5, 0.75, 1))
        torch.testing.assert_close(found.norm(dim=1), torch.ones(5, dtype=torch.float64))
        torch.testing.assert_close(found[2], vector(0, 0, 1), atol=1e-9, rtol=0)
        torch.testing.assert_close(found[[0, 4]], torch.stack([a, b]), atol=1e-9, rtol=0)

    def test_opposite_ends_of_unequal_norm_stay_between_the_norms(self) -> None:
        # White's formula gives 5,000 here.
        found = slerp(vector(1, 0), vector(-2, 2e-4), column(*torch.linspace(0, 1, 21).tolist()))
        assert found.norm(dim=1).max() <= 2 + 1e-7
        assert found.norm(dim=1).min() >= 1 - 1e-12

    @pytest.mark.parametrize(("a", "b"), [((0, 0), (3, 4)), ((3, 4), (0, 0)), ((0, 0), (0, 0))])
    def test_zero_has_the_direction_of_the_other_end(
        self, a: tuple[float, ...], b: tuple[float, ...]
    ) -> None:
        t = column(0, 0.3, 1)
        torch.testing.assert_close(slerp(vector(*a), vector(*b), t), lerp(vector(*a), vector(*b), t))

    def test_in_one_dimension_it_is_straight(self) -> None:
        t = column(0, 0.3, 1)
        torch.testing.assert_close(slerp(vector(-1), vector(2), t), lerp(vector(-1), vector(2), t))


class TestPath:
    stops = torch.tensor([[0.0, 0.0], [4.0, 0.0], [4.0, 1.0]])

    @pytest.mark.parametrize("kind", ["straight", "spherical"])
    def test_legs_have_equal_numbers_of_steps_and_stops_are_frames(self, kind: interpolation.Kind) -> None:
        for num_stops in range(2, 9):
            stops = torch.randn(num_stops, 3, generator=torch.Generator().manual_seed(num_stops))
            found = path(stops, 7 * (num_stops - 1) + 1, kind)
            assert found.stops == tuple(range(0, len(found.z), 7))
            torch.testing.assert_close(found.z[::7], stops, rtol=1e-6, atol=1e-6)
            assert found.z.dtype == stops.dtype

    def test_straight_legs_are_straight(self) -> None:
        found = path(self.stops, 5)
        assert found.z.tolist() == [[0, 0], [2, 0], [4, 0], [4, 0.5], [4, 1]]
        assert found.length == pytest.approx(5)

    def test_steps_by_length_are_equally_long(self) -> None:
        found = path(self.stops, 6, pace="length")
        assert found.z.tolist() == pytest.approx(np.array([[0, 0], [1, 0], [2, 0], [3, 0], [4, 0], [4, 1]]))
        assert found.stops == pytest.approx((0, 4, 5))

    def test_steps_by_length_are_equally_long_on_curves_too(self) -> None:
        stops = torch.tensor([[1.0, 0, 0], [0, 3, 0], [0, 0, 1], [0, 0.5, 1]], dtype=torch.float64)
        found = path(stops, 401, "spherical", "length")
        steps = found.z.diff(dim=0).norm(dim=1)
        # The chord over a corner is shorter than the curve.
        assert steps.max() / steps.sort().values[len(stops) - 2] < 1.001
        assert steps.sum() == pytest.approx(found.length, rel=5e-3)
        even = path(stops, 400, "spherical", "legs").z.diff(dim=0).norm(dim=1)
        assert even.max() / even.min() > 1.5
        for at, stop in zip(found.stops, stops, strict=True):
            assert (found.z[round(at)] - stop).norm() <= found.length / 400

    def test_circle_has_the_length_of_a_circle(self) -> None:
        corners = 2 * torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1], [1, 0]])
        assert path(corners, 9, "spherical").length == pytest.approx(4 * math.pi, rel=1e-5)

    @pytest.mark.parametrize("pace", ["legs", "length"])
    def test_stops_at_one_place_make_a_path_that_rests(self, pace: interpolation.Pace) -> None:
        found = path(torch.ones(3, 2), 5, "spherical", pace)
        torch.testing.assert_close(found.z, torch.ones(5, 2))
        assert found.stops == (0, 2, 4)

    def test_stops_that_repeat_keep_their_order(self) -> None:
        stops = torch.tensor([[0.0, 0], [0, 0], [1, 0], [1, 0]])
        found = path(stops, 3, pace="length")
        assert found.z.tolist() == [[0, 0], [0.5, 0], [1, 0]]
        assert found.stops == pytest.approx((0, 0, 2, 2))

    @pytest.mark.parametrize(
        ("stops", "num", "options", "words"),
        [
            (torch.zeros(1, 2), 5, {}, r"K >= 2, got \(1, 2\)"),
            (torch.zeros(4), 5, {}, r"got \(4,\)"),
            (torch.zeros(2, 2), 1, {}, "num must be >= 2, got 1"),
            (torch.zeros(2, 2), 5, {"kind": "round"}, "kind must be one of straight, spherical, got 'round'"),
            (torch.zeros(2, 2), 5, {"pace": "fast"}, "pace must be one of legs, length, got 'fast'"),
        ],
    )
    def test_what_is_no_path_is_refused(
        self, stops: Tensor, num: int, options: dict[str, str], words: str
    ) -> None:
        with pytest.raises(ValueError, match=words):
            path(stops, num, **options)  # type: ignore[arg-type]


class TestNeighbours:
    @pytest.mark.parametrize("chunk", [1, 700, 1 << 22])
    def test_agree_with_scipy_however_they_are_divided(
        self, chunk: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(interpolation, "CHUNK", chunk)
        generator = torch.Generator().manual_seed(0)
        means, points = (torch.randn(num, 5, generator=generator, dtype=torch.float64) for num in (300, 40))
        expected = cKDTree(means.numpy()).query_ball_point(points.numpy(), 1.5, return_length=True)
        assert neighbours(points, means, 1.5).tolist() == expected.tolist()
        assert 0 < expected.max() < 300

    def test_close_points_far_from_zero_are_told_apart(self) -> None:
        means = torch.full((30, 2), 500.0) + torch.arange(30)[:, None] * 0.01
        assert neighbours(means[:1], means, 0.1).tolist() == [8]

    def test_no_images_are_no_neighbours(self) -> None:
        assert neighbours(torch.zeros(3, 2), torch.zeros(0, 2), 1.0).tolist() == [0, 0, 0]


class TestDefaultRadius:
    def test_is_the_median_distance_to_the_tenth_nearest(self) -> None:
        means = torch.randn(200, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        distances, _ = cKDTree(means.numpy()).query(means.numpy(), k=11)
        assert default_radius(means) == pytest.approx(float(np.median(distances[:, 10])), rel=0.01)

    def test_half_of_the_images_have_ten_others_within_it(self) -> None:
        means = torch.randn(3000, 2, generator=torch.Generator().manual_seed(1))
        others = neighbours(means, means, default_radius(means)) - 1
        assert float((others >= 10).float().mean()) == pytest.approx(0.5, abs=0.05)

    def test_few_images_take_the_farthest_and_one_takes_the_prior(self) -> None:
        assert default_radius(torch.tensor([[0.0], [3.0]])) == 3
        assert default_radius(torch.zeros(1, 2)) == 1
        assert default_radius(torch.zeros(0, 2)) == 1
        assert default_radius(torch.zeros(20, 2)) == 1, "all lie at one place"
        twins = torch.arange(6.0).repeat_interleave(30)[:, None]
        assert default_radius(twins) == default_radius(torch.arange(6.0)[:, None]) > 0


class TestArithmetic:
    def test_group_mean_is_of_the_members_alone(self) -> None:
        means = torch.tensor([[0.0, 0], [2, 4], [4, 8]])
        assert group_mean(means, torch.tensor([False, True, True])).tolist() == [3, 6]
        assert group_mean(means, torch.tensor([0, 2])).tolist() == [2, 4]

    def test_empty_group_is_refused(self) -> None:
        with pytest.raises(UserError, match="at least one image, got none"):
            group_mean(torch.zeros(3, 2), torch.zeros(3, dtype=torch.bool))

    def test_difference_leads_from_one_mean_to_the_other(self) -> None:
        plus, minus = torch.tensor([3.0, 1.0]), torch.tensor([1.0, 0.0])
        assert arithmetic(minus, plus, minus).tolist() == plus.tolist()
        assert arithmetic(plus, plus, minus, -1).tolist() == minus.tolist()
        assert arithmetic(torch.zeros(2), plus, minus, 0.5).tolist() == [1, 0.5]
