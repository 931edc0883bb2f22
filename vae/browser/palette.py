"""The palette of all charts, light and dark.

The ten colours of the digits were searched for (simulated annealing over both themes at once): for each background
they maximise the smallest difference (CIEDE2000) between any two, seen with normal colour vision and simulated
protanopia, deuteranopia and tritanopia, under the condition that each has a contrast of at least 3 : 1 with the
background, that each is clearly coloured, that a class has one hue in both themes, and that classes that follow each
other differ most. The smallest difference is 22.1 (light) and 22.0 (dark) with normal vision, and 13.7 under any of
the other three; neighbours differ by at least 18.5 for everybody; the hue angles (CIELAB) of a class lie within 7.3
degrees. The tests compute all of it again. For scale: the default ten colours of matplotlib come to 1.3.

Source:
    G. M. Machado, M. M. Oliveira & L. A. F. Fernandes (2009), doi:10.1109/TVCG.2009.113 (simulated colour vision);
    WCAG 2.2, success criterion 1.4.11 (contrast of what is drawn).
"""

from __future__ import annotations

from typing import Literal

ThemeName = Literal["light", "dark"]

#: Background and text of each theme, the same as in `.streamlit/config.toml`.
BACKGROUND: dict[ThemeName, str] = {"light": "#ffffff", "dark": "#0f1016"}
TEXT: dict[ThemeName, str] = {"light": "#14161f", "dark": "#ecedf4"}

#: Teal, brown to orange, pink, gold, slate, dusty red, periwinkle, olive, green, violet.
DIGITS: dict[ThemeName, tuple[str, ...]] = {
    "light": (
        "#27787c", "#936d41", "#fc41aa", "#9a9710", "#2d4b71",
        "#713f43", "#8685fd", "#484e00", "#01a679", "#7603de",
    ),
    "dark": (
        "#4ea6b0", "#de830f", "#bd0073", "#b0af7c", "#63739a",
        "#a36d6b", "#acacfe", "#626620", "#68edc6", "#7c1efb",
    ),
}  # fmt: skip

#: The curves; as text they have at least 4.5 : 1. Okabe & Ito (2008), darkened or lightened where that needs it.
CURVES: dict[ThemeName, dict[str, str]] = {
    "light": {"distortion": "#0072b2", "rate": "#b84c00", "elbo": "#007156", "beta": "#a80c7d"},
    "dark": {"distortion": "#56b4e9", "rate": "#e69f00", "elbo": "#2cc295", "beta": "#dd8fbd"},
}

#: A number, from small to large: viridis (S. van der Walt & N. Smith, 2015, public domain), from a lightness that shows
#: on the background to the one farthest from it. Lightness alone tells more from less, so everybody sees the order.
SCALE: dict[ThemeName, tuple[str, ...]] = {
    "light": ("#a5cf3a", "#4fb56c", "#1f948c", "#2f6c8e", "#433d84", "#440154"),
    "dark": ("#46408a", "#31688e", "#21918c", "#35b779", "#90d743", "#fde725"),
}


def classes_palette(num: int, theme: ThemeName) -> list[str]:
    """A colour for each of so many classes.

    Up to ten can be told apart by everybody. Beyond that the ten come again, each time closer to the text's colour: no
    larger set is safe, so that a chart of more classes must name them on hover too.
    """
    base = DIGITS[theme]
    return [mix(base[k % 10], TEXT[theme], min(0.75, 0.35 * (k // 10))) for k in range(num)]


def mix(color: str, other: str, share: float) -> str:
    """A colour between two others (``#rrggbb``), `share` of the way from the first."""
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(color: str) -> tuple[int, int, int]:
    red, green, blue = (int(color[k : k + 2], 16) for k in (1, 3, 5))
    return red, green, blue


#: The rate of a dimension, from none to the largest: from hardly more than the background to hardly less than the text,
#: through the colour of the rate's curve, so that lightness alone tells more from less.
HEAT: dict[ThemeName, list[str]] = {
    theme: [
        mix(BACKGROUND[theme], TEXT[theme], 0.06),
        mix(BACKGROUND[theme], CURVES[theme]["rate"], 0.4),
        CURVES[theme]["rate"],
        mix(CURVES[theme]["rate"], TEXT[theme], 0.6),
    ]
    for theme in BACKGROUND
}


#: A signed difference: less, none (hardly more than the background), more. Blue and orange are told apart by everybody.
DIVERGING: dict[ThemeName, tuple[str, str, str]] = {
    theme: (
        CURVES[theme]["distortion"],
        mix(BACKGROUND[theme], TEXT[theme], 0.05),
        CURVES[theme]["rate"],
    )
    for theme in BACKGROUND
}
