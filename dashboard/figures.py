"""One palette and one Plotly template for all charts, light and dark.

The ten colours of the digits were searched for: for each background they maximise the smallest difference (CIEDE2000)
between any two, seen with normal colour vision and simulated protanopia, deuteranopia and tritanopia, starting from
Paul Tol's muted scheme and kept near its hues, under the condition that each has a contrast of at least 3 : 1 with the
background and that all but one are clearly coloured. The smallest difference under any of the four is 13.2 (light) and
14.7 (dark); the tests compute it again. For scale: the default ten colours of matplotlib come to 1.3.

Source:
    P. Tol, Colour schemes, SRON/EPS/TN/09-002, https://personal.sron.nl/~pault/;
    G. M. Machado, M. M. Oliveira & L. A. F. Fernandes (2009), doi:10.1109/TVCG.2009.113 (simulated colour vision);
    WCAG 2.2, success criterion 1.4.11 (contrast of what is drawn).
"""

from __future__ import annotations

from typing import Literal

import plotly.graph_objects as go

ThemeName = Literal["light", "dark"]

#: Background and text of each theme, the same as in `.streamlit/config.toml`.
BACKGROUND: dict[ThemeName, str] = {"light": "#ffffff", "dark": "#0f1016"}
TEXT: dict[ThemeName, str] = {"light": "#14161f", "dark": "#ecedf4"}

#: Blue, sky, green, yellow-green, red, pink, purple, gold, grey, and what was left: maroon on light, olive on dark.
DIGITS: dict[ThemeName, tuple[str, ...]] = {
    "light": (
        "#5263cf", "#1798f4", "#1d9163", "#8f9a08", "#8b0200",
        "#e16aa5", "#6110a2", "#8b671b", "#626f6e", "#7b1e46",
    ),
    "dark": (
        "#3063e7", "#2af4fe", "#21ab84", "#cbec9d", "#ff365b",
        "#a35089", "#ca89fb", "#e1b00b", "#ddcdc7", "#67731e",
    ),
}  # fmt: skip

#: The curves; as text they have at least 4.5 : 1. Okabe & Ito (2008), darkened or lightened where that needs it.
CURVES: dict[ThemeName, dict[str, str]] = {
    "light": {"distortion": "#0072b2", "rate": "#b84c00", "elbo": "#007156", "beta": "#a80c7d"},
    "dark": {"distortion": "#56b4e9", "rate": "#e69f00", "elbo": "#2cc295", "beta": "#dd8fbd"},
}


def classes_palette(num: int, theme: ThemeName) -> list[str]:
    """A colour for each of so many classes.

    Up to ten can be told apart by everybody. Beyond that the ten come again, each time closer to the text's colour: no
    larger set is safe, so that a chart of more classes must name them on hover too.
    """
    base = DIGITS[theme]
    return [_mix(base[k % 10], TEXT[theme], min(0.75, 0.35 * (k // 10))) for k in range(num)]


def _mix(color: str, other: str, share: float) -> str:
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(color: str) -> tuple[int, int, int]:
    red, green, blue = (int(color[k : k + 2], 16) for k in (1, 3, 5))
    return red, green, blue


def template(theme: ThemeName) -> go.layout.Template:
    """The look of figures made in Python; `components/lib/plotly.js` gives charts in the browser the same."""
    background, text = BACKGROUND[theme], TEXT[theme]
    muted, line, grid = (
        _mix(background, text, 0.72),
        _mix(background, text, 0.25),
        _mix(background, text, 0.1),
    )
    axis = {
        "gridcolor": grid,
        "linecolor": line,
        "tickcolor": line,
        "zerolinecolor": _mix(background, text, 0.2),
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
