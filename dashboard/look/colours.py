"""The charts' look in Python: what `vae.browser.palette` is not told of, and one Plotly template, light and dark."""

from __future__ import annotations

import plotly.graph_objects as go

from vae.browser.palette import (
    BACKGROUND,
    CURVES,
    DIGITS,
    DIVERGING,
    HEAT,
    SCALE,
    TEXT,
    ThemeName,
    classes_palette,
    mix,
)

__all__ = [
    "BACKGROUND",
    "CURVES",
    "DIGITS",
    "DIVERGING",
    "HEAT",
    "SCALE",
    "TEXT",
    "ThemeName",
    "classes_palette",
    "inks",
    "template",
]


def inks(theme: ThemeName) -> tuple[str, str, str]:
    """Between text and background: of small words, of axes, of grids."""
    muted, line, grid = (mix(BACKGROUND[theme], TEXT[theme], share) for share in (0.72, 0.25, 0.1))
    return muted, line, grid


def template(theme: ThemeName) -> go.layout.Template:
    """The look of figures made in Python; `components/chart/plotly.js` gives charts in the browser the same."""
    background, text = BACKGROUND[theme], TEXT[theme]
    muted, line, grid = inks(theme)
    axis = {
        "gridcolor": grid,
        "linecolor": line,
        "tickcolor": line,
        "zerolinecolor": mix(background, text, 0.2),
        "tickfont": {"size": 11},
        "title": {"font": {"size": 12}},
    }
    return go.layout.Template(
        layout={
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"size": 12, "color": muted},
            "title": {"font": {"size": 14, "color": text}},
            "colorway": list(DIGITS[theme]),
            "xaxis": axis,
            "yaxis": axis,
            "margin": {"l": 56, "r": 16, "t": 32, "b": 44},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        }
    )
