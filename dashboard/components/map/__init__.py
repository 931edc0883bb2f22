"""The latent map: where the posterior of each image lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.components import is_point, register
from dashboard.figures import DIGITS, classes_palette

_COMPONENT = register("map", height=480, charts=True)


@dataclass(frozen=True)
class Plane:
    """The plane that the map shows of a latent space that has not two dimensions.

    Attributes:
        mean: A latent point in the plane.
        components: Two orthonormal directions.
        explained: Share of the variance that the plane shows.
    """

    mean: Sequence[float]
    components: Sequence[Sequence[float]]
    explained: float


@dataclass(frozen=True)
class Click:
    """What was clicked: a latent point, and the image whose mean it is (its index in the data set), or None."""

    z: list[float]
    index: int | None
    y: int | None


def latent_map(
    run_id: str,
    *,
    latent_dim: int,
    z: Sequence[float],
    y: int | None = None,
    at: str = "best",
    stamp: str = "",
    part: str = "test",
    classes: Sequence[str] = (),
    conditional: bool = False,
    shape: tuple[int, int, int],
    plane: Plane | None = None,
    height: int = 480,
    key: str,
) -> Click | None:
    """Draw the posterior means of a part's images, coloured by label; the spot under the pointer is decoded.

    A click moves the page's point and tells Python.

    Args:
        run_id: The run.
        latent_dim: Number of latent dimensions.
        z: Where the page's point is.
        y: Class in which spots are decoded, for a conditional model.
        at: Which weights: `best`, `last` or a snapshot's step.
        stamp: Names the content of these weights (`model_cache.stamp`).
        part: `test`, `validation`, `train` or `all`.
        classes: Names of the labels.
        conditional: Whether the model takes the label.
        shape: Channels, height and width of the images.
        plane: The plane to show; left out for two latent dimensions.
        height: Height of the chart in CSS pixels.
        key: Streamlit's key of this component.

    Returns:
        The click of this rerun, or None.

    Raises:
        ValueError: If a plane is missing for other than two dimensions.
    """
    if latent_dim != 2 and plane is None:
        raise ValueError(f"a map of {latent_dim} latent dimensions needs a plane, got none; pass plane")
    result = _COMPONENT(
        key=key,
        data={
            "run": run_id,
            "latent_dim": latent_dim,
            "z": list(z),
            "y": y,
            "at": at,
            "stamp": stamp,
            "part": part,
            "classes": list(classes),
            "conditional": conditional,
            "shape": list(shape),
            "plane": None if plane is None else _plain(plane),
            "palette": {name: classes_palette(max(1, len(classes)), name) for name in DIGITS},
            "height": height,
        },
        on_point_change=_nothing,
    )
    return _click(result.get("point"), latent_dim, len(classes))


def _plain(plane: Plane) -> dict[str, Any]:
    return {
        "mean": [float(value) for value in plane.mean],
        "components": [[float(value) for value in row] for row in plane.components],
        "explained": float(plane.explained),
    }


def _click(said: Any, latent_dim: int, num_classes: int) -> Click | None:
    """What the browser said, checked: it is input like any other."""
    if not isinstance(said, dict) or not is_point(said.get("z"), latent_dim):
        return None
    index, y = said.get("index"), said.get("y")
    return Click(
        [float(value) for value in said["z"]],
        int(index) if isinstance(index, int | float) and index >= 0 else None,
        int(y) if isinstance(y, int | float) and 0 <= y < num_classes else None,
    )


def _nothing() -> None:
    """Streamlit keeps the name of a trigger only if it has a callback."""
