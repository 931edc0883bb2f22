"""Paths through the latent space, how many images lie along them, and arithmetic with means of groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from vae.errors import UserError

Kind = Literal["straight", "spherical"]
Pace = Literal["legs", "length"]

#: Neighbours that a typical image has within the default radius.
NUM_NEIGHBOURS = 10
#: Images whose neighbours are looked for to find that radius.
MAX_QUERIES = 1000
#: Distances held in memory at once.
CHUNK = 1 << 22
#: Pieces in which a leg is measured.
_PIECES = 512
#: Directions closer to opposite than this, in radians, count as opposite.
_OPPOSITE = 1e-9


@dataclass(frozen=True)
class Path:
    """Points along a path.

    Attributes:
        z: The frames, ``(N, D)``; the first and the last are the first and the last stop.
        stops: Where along the path each stop is, in frames from 0 to N − 1; not always a whole number.
        length: Of the curve, in units of the latent space.
    """

    z: Tensor
    stops: tuple[float, ...]
    length: float


def lerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Points of the straight lines from `a` to `b`, each ``(…, D)``, at shares ``t``, ``(…, 1)``, of the way."""
    return (1 - t) * a + t * b


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    r"""Points of the spherical paths from `a` to `b`: the direction turns evenly, the norm goes evenly.

    .. math:: z(t) = \bigl((1-t)\lVert a\rVert + t\lVert b\rVert\bigr)\,
        (\cos(t\theta)\,\hat a + \sin(t\theta)\,\hat a_\perp)

    where θ is the angle between the two and :math:`\hat a_\perp` the direction that turns a towards b. For equal norms
    this is White's :math:`\frac{\sin((1-t)\theta)}{\sin\theta} a + \frac{\sin(t\theta)}{\sin\theta} b`; for unequal
    ones his grows without bound as the two become opposite, while here no point is farther out than the farther end.

    Nearly parallel: tends to `lerp`. Opposite, where every half circle is as short: the one through the coordinate axis
    most nearly perpendicular to `a`, the first of several. A zero vector has the direction of the other: `lerp`. In one
    dimension there is no way round: `lerp`.

    Args:
        a, b: Ends, ``(…, D)``, of a floating type; double precision keeps nearly parallel ends exact.
        t: Shares of the way, ``(…, 1)``.
    Returns:
        ``(…, D)``.
    Source:
        White (2016), Sampling Generative Networks, section 2.1, https://arxiv.org/abs/1609.04468; the angle: Kahan
        (2006), How Futile are Mindless Assessments of Roundoff, section 12.
    """
    if a.shape[-1] == 1:
        return lerp(a, b, t)
    norm_a, norm_b = (end.norm(dim=-1, keepdim=True) for end in (a, b))
    tiny = torch.finfo(a.dtype).tiny
    from_a, from_b = a / norm_a.clamp_min(tiny), b / norm_b.clamp_min(tiny)
    to_a, to_b = torch.where(norm_a > 0, from_a, from_b), torch.where(norm_b > 0, from_b, from_a)
    apart, together = ((to_a - to_b).norm(dim=-1, keepdim=True), (to_a + to_b).norm(dim=-1, keepdim=True))
    angle = 2 * torch.atan2(apart, together)
    axis = torch.nn.functional.one_hot(to_a.abs().argmin(-1), a.shape[-1]).to(a)
    towards = torch.where(together < _OPPOSITE, axis, to_b)
    sideways = towards - (towards * to_a).sum(-1, keepdim=True) * to_a
    sideways = sideways / sideways.norm(dim=-1, keepdim=True).clamp_min(tiny)
    return lerp(norm_a, norm_b, t) * (torch.cos(t * angle) * to_a + torch.sin(t * angle) * sideways)


def path(stops: Tensor, num: int, kind: Kind = "straight", pace: Pace = "legs") -> Path:
    """A path from stop to stop.

    Args:
        stops: Latent points, ``(K, D)``, at least two.
        num: Frames N, at least two.
        kind: `straight` (`lerp`) or `spherical` (`slerp`).
        pace: `legs` gives each leg the same number of steps, so that the stops are frames themselves where N − 1 is a
            multiple of K − 1; `length` goes the same way in each step, along the curve.

    Raises:
        ValueError: If there are fewer than two stops or frames, or kind or pace is none of these.
    """
    if stops.ndim != 2 or len(stops) < 2:
        raise ValueError(f"stops must have shape (K, D) with K >= 2, got {tuple(stops.shape)}; add a stop")
    if num < 2:
        raise ValueError(f"num must be >= 2, got {num}; a path has two ends")
    for name, value, options in (("kind", kind, get_args(Kind)), ("pace", pace, get_args(Pace))):
        if value not in options:
            raise ValueError(f"{name} must be one of {', '.join(options)}, got {value!r}")
    exact, num_legs = stops.cpu().double(), len(stops) - 1
    fine = torch.arange(num_legs * _PIECES + 1, dtype=torch.float64) / _PIECES
    pieces = _curve(exact, fine, kind).diff(dim=0).norm(dim=1)
    travelled = torch.cat([pieces.new_zeros(1), pieces.cumsum(0)])
    length = float(travelled[-1])
    steps = torch.arange(num, dtype=torch.float64)
    # Of a path that rests only rounding is left.
    if pace == "legs" or length <= 1e-12 * float(exact.norm(dim=1).max()):
        where = steps * num_legs / (num - 1)
        at_stops = torch.arange(num_legs + 1, dtype=torch.float64) * (num - 1) / num_legs
    else:
        where = _interpolate(steps * length / (num - 1), travelled, fine)
        at_stops = travelled[::_PIECES] * (num - 1) / length
    return Path(_curve(exact, where, kind).to(stops), tuple(at_stops.tolist()), length)


def _curve(stops: Tensor, where: Tensor, kind: Kind) -> Tensor:
    """Points at places from 0 to K − 1, where the stops are the whole numbers."""
    leg = where.long().clamp(0, len(stops) - 2)
    between = lerp if kind == "straight" else slerp
    return between(stops[leg], stops[leg + 1], (where - leg)[:, None])


def _interpolate(x: Tensor, known: Tensor, values: Tensor) -> Tensor:
    """`values` at `x` on the line through the points ``(known, values)``; `known` ascends."""
    right = torch.searchsorted(known, x).clamp(1, len(known) - 1)
    low, high = known[right - 1], known[right]
    share = ((x - low) / (high - low).clamp_min(torch.finfo(x.dtype).tiny)).clamp(0, 1)
    return torch.lerp(values[right - 1], values[right], share)


def neighbours(points: Tensor, means: Tensor, radius: float) -> Tensor:
    """How many images lie around each point: posterior means within a radius, in the full latent space.

    Args:
        points: ``(N, D)``.
        means: Posterior means of M images, ``(M, D)``.
        radius: Euclidean, in units of the latent space (the prior's standard deviation is 1).
    Returns:
        int64, ``(N,)``. At most `CHUNK` distances (or N, if that is more) are in memory at once.
    """
    counts = torch.zeros(len(points), dtype=torch.int64)
    for some in means.split(max(1, CHUNK // max(1, len(points)))):
        counts += (_distances(points, some) <= radius).sum(1)
    return counts


def default_radius(means: Tensor, num_neighbours: int = NUM_NEIGHBOURS) -> float:
    """The radius within which a typical image has ten others: the median distance of an image to its k-th nearest.

    So a place with no image within it is emptier than where images are: were they spread there as around a typical
    image, none would be found in one of e¹⁰ ≈ 22,000 such places.

    Args:
        means: Posterior means, ``(M, D)``. Of more than `MAX_QUERIES` images that many, evenly spaced in their order,
            are asked for their neighbours among all.
        num_neighbours: k; M − 1 where there are fewer others.
    Returns:
        In units of the latent space; 1, the prior's standard deviation, if there are fewer than two images, or all
        lie at one place.
    """
    if len(means) < 2:
        return 1.0
    k = min(num_neighbours, len(means) - 1)
    num = min(MAX_QUERIES, len(means))
    queries = means[torch.arange(num) * len(means) // num]
    # The nearest of all is the image itself.
    kth = [
        _distances(some, means).kthvalue(k + 1, dim=1).values
        for some in queries.split(max(1, CHUNK // len(means)))
    ]
    radius = float(torch.cat(kth).median())
    if radius > 0:
        return radius
    # A typical image has as many twins: what counts is the distance of one place to the next.
    places = means.unique(dim=0)
    return default_radius(places, num_neighbours) if 1 < len(places) < len(means) else 1.0


def _distances(points: Tensor, others: Tensor) -> Tensor:
    """Through matrix products they would be faster, and wrong for points that are close."""
    return torch.cdist(points, others.to(points), compute_mode="donot_use_mm_for_euclid_dist")


def group_mean(means: Tensor, members: Tensor) -> Tensor:
    """The mean of a group of latent points.

    Args:
        means: ``(M, D)``.
        members: Which of them: booleans ``(M,)``, or rows.
    Returns:
        ``(D,)``.
    Raises:
        UserError: If the group is empty.
    """
    group = means[members]
    if not len(group):
        raise UserError("a group must hold at least one image, got none; choose another")
    return group.cpu().double().mean(0).to(means)


def arithmetic(point: Tensor, plus: Tensor, minus: Tensor, weight: float = 1.0) -> Tensor:
    """A latent point moved along the difference of two group means: ``point + weight · (plus − minus)``.

    Args:
        point, plus, minus: ``(D,)``, or more in front.
        weight: 1 adds the whole difference, −1 takes it away, 0 leaves the point.
    Source:
        Larsen, Sønderby, Larochelle & Winther (2016), Autoencoding beyond pixels using a learned similarity metric,
        section 4.1 (visual attribute vectors), https://arxiv.org/abs/1512.09300
    """
    return point + weight * (plus - minus)
