"""The exact posterior of one image under a model of one or two latent dimensions: p(z|x), q(z|x) and log p(x)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dashboard.components import hold, is_number, plain, register, take
from dashboard.link import drawing as drawings
from dashboard.look.colours import CURVES, DIGITS, ThemeName, classes_palette

#: Styles of the tabs, the pad and the gallery.
_PAD = ("drawing_pad/drawing_pad.css", "test_images/test_images.css")
_COMPONENT = register("truth", height=440, fills=True, folder=Path(__file__).parent, charts=True, styles=_PAD)

Panel = Literal["test", "draw"]


@dataclass(frozen=True)
class Chosen:
    """Whose truth is told.

    Attributes:
        panel: A test image, or the drawing.
        row: Number of the test image.
        drawing: What is on the pad, as `dashboard.link.drawing` has it; empty for nothing.
    """

    panel: Panel
    row: int
    drawing: str


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    run: str
    panel: Panel
    row: int
    drawing: str
    shape: tuple[int, int, int]
    labels: Sequence[str]
    conditional: bool
    y: int | None
    latent_dim: int
    cut: float | None
    centre: bool
    missing: str
    stamp: str
    palette: Mapping[ThemeName, Mapping[str, str]]
    classes: Mapping[ThemeName, Sequence[str]]


def truth(
    run_id: str,
    *,
    chosen: Chosen,
    num_images: int,
    shape: tuple[int, int, int],
    labels: Sequence[str],
    conditional: bool,
    y: int | None,
    latent_dim: int,
    cut: float | None,
    centre: bool,
    missing: str,
    stamp: str,
    key: str,
) -> Chosen | None:
    """Draw the picker, the contours and the numbers; they follow the page's time.

    Args:
        run_id: The run.
        chosen: Whose truth is told.
        num_images: Test images.
        shape: Channels, height and width of an image.
        labels: Names of the images' classes.
        conditional: Whether the model is told the class.
        y: Class that a drawing is taken for, by a conditional model.
        latent_dim: 1 or 2.
        cut: Pixels at or above this are 1 and the others 0, for models of binary pixels.
        centre: Whether drawings are centred at first.
        missing: Why the test images cannot be shown; empty if they can.
        stamp: Names the content of the best weights.
        key: Streamlit's key of this component.

    Returns:
        What the person chose, if that is why the page runs.
    """
    data = plain(
        State(
            run=run_id,
            panel=chosen.panel,
            row=chosen.row,
            drawing=chosen.drawing,
            shape=shape,
            labels=labels,
            conditional=conditional,
            y=y,
            latent_dim=latent_dim,
            cut=cut,
            centre=centre,
            missing=missing,
            stamp=stamp,
            palette=CURVES,
            classes={name: classes_palette(max(1, len(labels)), name) for name in DIGITS},
        )
    )
    result = _COMPONENT(key=key, data=data, on_said_change=hold(key, "said"))
    return _checked(take(result, key, "said"), num_images)


def _checked(said: Any, num_images: int) -> Chosen | None:
    """What the browser said: it is input like any other."""
    if not isinstance(said, dict) or said.get("panel") not in ("test", "draw"):
        return None
    row, drawing = said.get("row"), said.get("drawing")
    if not is_number(row) or not 0 <= row < num_images or not isinstance(drawing, str):
        return None
    try:
        drawing = drawings.check(drawing) if drawing else ""
    except ValueError:
        return None
    return Chosen(said["panel"], int(row), drawing)
