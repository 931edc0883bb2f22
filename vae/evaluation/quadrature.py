"""Quadrature in one or two dimensions: cells refined where the mass is, and rules for a Gaussian."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

#: Cells are left out that hold this share of the mass together.
_LEFT_OUT = 1e-7
#: Points to a side of a rule over a Gaussian, at most.
_MOST_POINTS = 512
#: Looks around on the way to a peak.
_MOST_LOOKS = 30


def bulk(values: Tensor) -> Tensor:
    """Which cells hold all the mass but `_LEFT_OUT` of it."""
    shares = values.softmax(0)
    order = shares.argsort()
    kept = torch.ones(len(values), dtype=torch.bool)
    kept[order[shares[order].cumsum(0) < _LEFT_OUT]] = False
    return kept


def with_neighbours(points: Tensor, side: float) -> Tensor:
    """Cells and all that touch them, each once, by their centres."""
    num_dims = points.shape[1]
    steps = torch.cartesian_prod(*[torch.tensor([-1, 0, 1])] * num_dims).reshape(-1, num_dims)
    origin = points[0]
    numbers = ((points - origin) / side).round().long()
    first = numbers.amin(0) - 1
    sizes = numbers.amax(0) - first + 2
    # One number for each cell, which sorts much faster than a row of them.
    strides = torch.tensor([1] if num_dims == 1 else [int(sizes[1]), 1])
    keys = torch.unique(((numbers - first)[:, None] + steps).reshape(-1, num_dims) @ strides)
    near = torch.stack([keys // stride % size for stride, size in zip(strides, sizes, strict=True)], 1)
    return origin + (near + first).cpu().double() * side


def halved(points: Tensor, side: float) -> tuple[Tensor, float]:
    """Each cell cut into two or four."""
    num_dims = points.shape[1]
    half = torch.tensor([-0.25, 0.25], dtype=torch.float64) * side
    corners = torch.cartesian_prod(*[half] * num_dims).reshape(-1, num_dims)
    return (points[:, None] + corners).reshape(-1, num_dims), side / 2


def local_maxima(values: Tensor, points: Tensor, num: int) -> Tensor:
    """The points of a whole regular grid that are as high as all around them, the highest first, at most so many."""
    num_dims = points.shape[1]
    side = round(len(values) ** (1 / num_dims))
    grid = values.reshape([1, 1] + [side] * num_dims)
    pool = torch.nn.functional.max_pool1d if num_dims == 1 else torch.nn.functional.max_pool2d
    found = (grid == pool(grid, 3, stride=1, padding=1)).flatten()
    order = values[found].argsort(descending=True)[:num]
    return points[found][order]


def climbed(log_joint: Callable[[Tensor], Tensor], starts: Tensor, side: float) -> tuple[Tensor, Tensor]:
    """The peaks that one comes to from some points, and their heights: each looks around, ever closer where it stands.

    Args:
        log_joint: Heights of points ``(M, D)``.
        starts: The points.
        side: How far each looks at first.

    Source:
        Pattern search: Hooke & Jeeves (1961), https://doi.org/10.1145/321062.321069
    """
    num, num_dims = starts.shape
    around = torch.cartesian_prod(*[torch.tensor([0.0, -1.0, 1.0], dtype=starts.dtype)] * num_dims)
    around = around.reshape(-1, num_dims)
    peaks, reach = starts, torch.full((num, 1, 1), side / 2, dtype=starts.dtype)
    heights = torch.full((num,), -math.inf, dtype=starts.dtype)
    for _ in range(_MOST_LOOKS):
        places = peaks[:, None] + around * reach
        heights, best = log_joint(places.flatten(0, 1)).reshape(num, -1).nan_to_num(-math.inf).max(1)
        peaks = places[torch.arange(num), best]
        reach = torch.where((best == 0)[:, None, None], reach / 2, reach)
    return peaks, heights


def holding(peaks: Tensor, points: Tensor, side: float) -> Tensor:
    """Which cells, by their centres, hold one of some points."""
    found = torch.zeros(len(points), dtype=torch.bool)
    for peak in peaks:
        found |= ((points - peak).abs() <= side * 0.5001).all(1)
    return found


def nearest(peaks: Tensor, points: Tensor) -> Tensor:
    """Of each peak the row of the point that lies nearest."""
    return torch.stack([(points - peak).square().sum(1).argmin() for peak in peaks])


def settled(integral: Callable[[int], float], tolerance: float, num: int) -> tuple[float, float]:
    """An integral from rules with more and more points, at first num, until it changes by less than the tolerance.

    Returns:
        The integral, and by how much it changed last; that is the tolerance or more if the points ran out.
    """
    found, change = integral(num), math.inf
    while num < _MOST_POINTS:
        num, before = 2 * num, found
        found = integral(num)
        change = abs(found - before)
        if change < tolerance:
            break
    return found, change


def hermite(num: int) -> tuple[Tensor, Tensor]:
    """Nodes and shares of Gauss's rule for the standard normal, the ones of no weight left out."""
    import numpy as np

    # The eigenvalues of the recurrence's matrix (Golub & Welsch 1969), which no large degree makes overflow.
    off = torch.from_numpy(np.sqrt(np.arange(1, num)))
    nodes, vectors = torch.linalg.eigh(torch.diag(off, 1) + torch.diag(off, -1))
    shares = vectors[0].square()
    kept = shares > 1e-14
    return nodes[kept], shares[kept] / shares[kept].sum()


def axis(low: float, high: float, num: int) -> Tensor:
    """Centres of so many equal cells."""
    return low + (torch.arange(num, dtype=torch.float64) + 0.5) * ((high - low) / num)
