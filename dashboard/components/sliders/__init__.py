"""Sliders of the latent dimensions, and the class of a conditional model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from dashboard.components import is_point, register

_COMPONENT = register("sliders", height=160)


@dataclass(frozen=True)
class Dim:
    """One slider.

    Attributes:
        index: Latent dimension, from 0; shown as z₁.
        low, high: Ends of the slider.
        rate: KL of this dimension in nats per example, or None if unknown.
        band: Interval in which most images lie, drawn on the track, or None.
        collapsed: The decoder ignores this dimension; it is greyed and can still be moved.
    """

    index: int
    low: float = -3.0
    high: float = 3.0
    rate: float | None = None
    band: tuple[float, float] | None = None
    collapsed: bool = False


@dataclass(frozen=True)
class Position:
    """The latent point, and the class of a conditional model."""

    z: list[float]
    y: int | None


def sliders(
    run_id: str,
    dims: Sequence[Dim],
    *,
    z: Sequence[float],
    y: int | None = None,
    classes: Sequence[str] = (),
    class_title: str = "Class",
    key: str,
) -> Position:
    """Draw the sliders; they move the page's point at every pointer event and tell Python on release.

    Args:
        run_id: The run whose point this page moves.
        dims: The sliders from top to bottom.
        z: Where the point is, one number for each latent dimension; news moves the sliders.
        y: Chosen class of a conditional model.
        classes: Names of the classes of a conditional model; none for another.
        class_title: What the classes are called.
        key: Streamlit's key of this component.

    Returns:
        Where the sliders were released if that is why the page runs, else ``z`` and ``y`` as they were given.
    """
    result = _COMPONENT(
        key=key,
        data={
            "run": run_id,
            "dims": [asdict(dim) for dim in dims],
            "z": list(z),
            "y": y,
            "classes": list(classes),
            "y_label": class_title,
        },
        on_point_change=_nothing,
    )
    said = result.get("point")
    if not isinstance(said, dict) or not is_point(said.get("z"), len(z)):
        return Position(list(z), y)
    label = said.get("y")
    return Position(
        [float(value) for value in said["z"]],
        int(label) if isinstance(label, int | float) and 0 <= label < len(classes) else y,
    )


def _nothing() -> None:
    """Streamlit keeps the name of a trigger only if it has a callback."""
