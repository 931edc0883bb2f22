"""Images to encode: a test image, a drawing, or an image file of the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dashboard.components import hold, is_point, plain, register, told
from dashboard.components.sliders import Mix
from dashboard.link import drawing as drawings
from dashboard.link import keys
from dashboard.link.posterior import Posterior
from dashboard.look.colours import DIVERGING, ThemeName

#: Styles of the tabs, the pad and the gallery.
_PAD = (
    "drawing_pad/drawing_pad.css",
    "test_images/test_images.css",
    "image_source/image_source.css",
)
_COMPONENT = register("draw", height=240, folder=Path(__file__).parent, styles=_PAD)

Panel = Literal["test", "draw", "picture"]
PANELS: tuple[Panel, ...] = ("test", "draw", "picture")


@dataclass(frozen=True)
class Picked:
    """What the person chose.

    Attributes:
        panel: Where images come from.
        z: Where the point was sent, or None if it stays.
        y: The class that it was sent to, or None if that stays.
        row: The test image whose posterior it is, or None for a drawing or picture.
        drawing: What is on the pad, as `dashboard.link.drawing` has it; empty for nothing. None if nothing was said of
            it.
    """

    panel: Panel
    z: list[float] | None = None
    y: int | None = None
    row: int | None = None
    drawing: str | None = None


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    run: str
    z: Sequence[float]
    y: int | None
    mix: Mix | None
    classes: Sequence[str]
    labels: Sequence[str]
    shape: tuple[int, int, int]
    num_images: int
    missing: str
    tab: Panel
    drawing: str
    pointless: bool
    drawn: bool
    row: int | None
    posterior: Posterior | None
    cut: float | None
    centre: bool
    at: str
    stamp: str
    diverging: Mapping[ThemeName, tuple[str, str, str]]


def draw(
    run_id: str,
    *,
    z: Sequence[float],
    y: int | None = None,
    mix: Mix | None = None,
    conditions: Sequence[str] = (),
    labels: Sequence[str] = (),
    num_images: int,
    shape: tuple[int, int, int],
    panel: Panel = "test",
    drawing: str = "",
    pointless: bool = False,
    drawn: bool = False,
    posterior: Posterior | None = None,
    cut: float | None = None,
    centre: bool = False,
    missing: str = "",
    at: str = "best",
    stamp: str = "",
    key: str,
) -> Picked:
    """Draw the panel; what is chosen there moves the page's point at once, and Python hears of it when it rests.

    Args:
        run_id: The run whose point this page moves.
        z: Where the point is, one number for each latent dimension.
        y: Class of a conditional model.
        mix: A second class that it is blended with, and its share.
        conditions: Names of the classes of a conditional model; none for another.
        labels: Names of the images' classes; none without labels.
        num_images: Number of test images.
        shape: Channels, height and width of the images.
        panel: Which part is open.
        drawing: What is on the pad, checked by `dashboard.link.drawing`; news draws it. Empty for nothing.
        pointless: Whether the link names no point: then the drawing's is taken.
        drawn: Whether the link says that the point is the mean or a draw of the drawing's posterior.
        posterior: The posterior that the point is the mean or a draw of, if it is a test image's.
        cut: Pixels at or above this are 1 and the others 0, for models of binary pixels.
        centre: Whether drawings are centred at first.
        missing: Why the test images cannot be shown; empty if they can.
        at: Which weights encode: `best`, `last` or a snapshot's step.
        stamp: Names the content of these weights (`model_cache.stamp`).
        key: Streamlit's key of this component.

    Returns:
        What was chosen if that is why the page runs, else the open part alone.
    """
    _COMPONENT(
        key=key,
        height="stretch",
        data=plain(
            State(
                run=run_id,
                z=list(z),
                y=y,
                mix=mix,
                classes=conditions,
                labels=labels,
                shape=shape,
                num_images=num_images,
                missing=missing,
                tab=panel,
                drawing=drawing,
                pointless=pointless,
                drawn=drawn,
                row=None if posterior is None else posterior.row,
                posterior=posterior,
                cut=cut,
                centre=centre,
                at=at,
                stamp=stamp,
                diverging=DIVERGING,
            )
        ),
        on_said_change=hold(key, "said", keys.POINT),
    )
    return _picked(told(key, "said"), panel, len(z), len(conditions), num_images)


def _picked(said: Any, panel: Panel, latent_dim: int, num_classes: int, num_images: int) -> Picked:
    """What the browser said, checked: it is input like any other."""
    if not isinstance(said, dict):
        return Picked(panel)
    panel = said["tab"] if said.get("tab") in PANELS else panel
    drawing = _drawing(said.get("drawing"))
    if not is_point(said.get("z"), latent_dim):
        return Picked(panel, drawing=drawing)
    return Picked(
        panel,
        [float(value) for value in said["z"]],
        _whole(said.get("y"), num_classes),
        _whole(said.get("row"), num_images),
        drawing,
    )


def _drawing(said: Any) -> str | None:
    if not isinstance(said, str):
        return None
    try:
        return drawings.check(said) if said else ""
    except ValueError:
        return None


def _whole(value: Any, end: int) -> int | None:
    return int(value) if isinstance(value, int | float) and 0 <= value < end else None
