"""How far a plane can be trusted: whether what lies together in it lies together in the latent space."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae.errors import UserError

#: Neighbours of each point that are looked at, and points at most: the distances of all pairs are held at once.
NUM_NEIGHBOURS, MOST_POINTS = 15, 2000
#: Fewer points have no neighbourhoods.
_FEWEST = 5


@dataclass(frozen=True)
class Trust:
    """The trustworthiness of a plane.

    Attributes:
        value: From 0 to 1; 1 if each point's neighbours in the plane are its neighbours in the latent space too.
        num_points: Of so many points, drawn at random where there are more.
        num_neighbours: How many neighbours of each were looked at.
    """

    value: float
    num_points: int
    num_neighbours: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "value": self.value,
            "num_points": self.num_points,
            "num_neighbours": self.num_neighbours,
        }


def trust(z: NDArray[np.float32], xy: NDArray[np.float32], *, seed: int = 0) -> Trust:
    r"""Trustworthiness of a plane, by scikit-learn.

    Each point among the k nearest in the plane that is not among the k nearest in the latent space costs as much as
    it is further down there in the order of the neighbours; the sum is scaled so that 1 is without cost.

    Args:
        z: Latent points, shape ``(N, D)``.
        xy: Their places in the plane, shape ``(N, 2)``.
        seed: By which points are drawn, where there are more than `MOST_POINTS`.

    Raises:
        UserError: If there are fewer than five points, or the shapes do not match.

    Source:
        Venna & Kaski (2001), https://doi.org/10.1007/3-540-44668-0_68; `sklearn.manifold.trustworthiness`
    """
    from sklearn.manifold import trustworthiness

    if len(z) != len(xy):
        raise UserError(
            f"each latent point must have one place, got {len(z)} and {len(xy)}; pass the same rows"
        )
    if len(z) < _FEWEST:
        raise UserError(f"trustworthiness needs at least {_FEWEST} points, got {len(z)}; choose another part")
    if len(z) > MOST_POINTS:
        rows = np.random.RandomState(seed).permutation(len(z))[:MOST_POINTS]
        z, xy = z[rows], xy[rows]
    # scikit-learn takes fewer neighbours than half of the points.
    num_neighbours = min(NUM_NEIGHBOURS, (len(z) - 1) // 2)
    value = float(trustworthiness(z.astype(np.float64), xy.astype(np.float64), n_neighbors=num_neighbours))
    return Trust(value, len(z), num_neighbours)


def read_trust(values: object) -> Trust | None:
    """What `Trust.to_dict` wrote; None for anything else."""
    match values:
        case {"value": int() | float() as value, "num_points": int(num), "num_neighbours": int(neighbours)}:
            return Trust(float(value), num, neighbours) if math.isfinite(value) and 0 <= value <= 1 else None
    return None
