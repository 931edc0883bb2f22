"""The palette of `vae.browser.palette`, and the inks between text and background."""

from __future__ import annotations

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
]


def inks(theme: ThemeName) -> tuple[str, str, str]:
    """Between text and background: of small words, of axes, of grids."""
    muted, line, grid = (mix(BACKGROUND[theme], TEXT[theme], share) for share in (0.72, 0.25, 0.1))
    return muted, line, grid
