"""The live chart of a chapter: panels of plotly.js and of images, which share the height that the screen has left."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboard.cache.image_sheets import to_bytes
from dashboard.components import plain, register
from dashboard.look.colours import CURVES, DIGITS, SCALE, ThemeName

if TYPE_CHECKING:
    from torch import Tensor

_COMPONENT = register("figure", height=420, folder=Path(__file__).resolve().parent, charts=True)


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    panels: Sequence[Any]
    columns: int
    taken: int
    rows: str
    palette: Mapping[ThemeName, Mapping[str, str]]
    scale: Mapping[ThemeName, Sequence[str]]


def panel(
    title: str,
    traces: Sequence[dict[str, Any]],
    *,
    x: str = "",
    y: str = "",
    note: str = "",
    layout: dict[str, Any] | None = None,
    wide: int = 1,
    saved: Sequence[str] = (),
) -> dict[str, Any]:
    """A chart.

    Args:
        title: Above it.
        traces: As plotly.js has them; a colour is ``@`` and a name of the palette (``distortion``, ``rate``, ``elbo``,
            ``beta``, ``text``, ``muted``, ``grid``, ``class3``), with a share of it after a slash: ``@rate/0.3``.
        x, y: Titles of the axes.
        note: Below it.
        layout: What else plotly.js is told.
        wide: Columns that it takes.
        saved: Headers of its saved table, with their units: of the horizontal and vertical axis, and of a depth; where
            the axes' titles do not say them. An empty one is left to the axis.
    """
    return {
        "saved": list(saved),
        "title": title,
        "traces": list(traces),
        "x": x,
        "y": y,
        "note": note,
        "layout": layout or {},
        "wide": wide,
    }


def images(
    title: str,
    pixels: Tensor,
    *,
    columns: int,
    captions: Sequence[str] = (),
    note: str = "",
    wide: int = 1,
) -> dict[str, Any]:
    """Images ``(N, C, H, W)`` in rows of so many."""
    shape = list(pixels.shape[1:])
    packed = base64.b64encode(to_bytes(pixels.detach().cpu().numpy()).tobytes()).decode()
    return {
        "title": title,
        "pixels": packed,
        "shape": shape,
        "num": len(pixels),
        "columns": columns,
        "captions": list(captions),
        "note": note,
        "wide": wide,
    }


def figure(
    panels: Sequence[dict[str, Any]], *, columns: int = 1, taken: int = 150, key: str, rows: str = ""
) -> None:
    """Draw panels.

    Args:
        panels: Made by `panel` and `images`.
        columns: Beside each other, on a wide screen.
        taken: CSS pixels of the first screen that stand above and below it in its card.
        key: Streamlit's key of this component.
        rows: Heights of the rows as CSS has them; equal ones if left out.
    """
    palette = {
        theme: {**CURVES[theme], **{f"class{k}": colour for k, colour in enumerate(DIGITS[theme])}}
        for theme in CURVES
    }
    _COMPONENT(key=key, data=plain(State(panels, columns, taken, rows, palette, SCALE)))
