"""The palette: everybody can tell the ten colours apart, on both backgrounds."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dashboard.look import colours
from dashboard.look.colours import BACKGROUND, CURVES, DIGITS, DIVERGING, HEAT, SCALE, TEXT, ThemeName

THEMES: list[ThemeName] = ["light", "dark"]
Array = NDArray[np.float64]

_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
#: Machado, Oliveira & Fernandes (2009), severity 1, on linear RGB.
_SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def linear(color: str) -> Array:
    values = np.array([int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(color: str, other: str) -> float:
    light, dark = sorted((float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (color, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: Array) -> Array:
    ratio = (_XYZ @ rgb) / (_XYZ @ np.ones(3))
    x, y, z = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def ciede2000(first: Array, second: Array) -> float:
    """Sharma, Wu & Dalal (2005)."""
    (l1, a1, b1), (l2, a2, b2) = first, second
    mean_c = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    dh = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    d_hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(dh) / 2)
    mean_l, mean_c, mean_h = (l1 + l2) / 2, (c1 + c2) / 2, (h1 + h2) / 2
    if c1 * c2 == 0:
        mean_h = h1 + h2
    elif abs(h1 - h2) > 180:
        mean_h = mean_h + 180 if mean_h < 180 else mean_h - 180
    cos = lambda degrees: np.cos(np.radians(degrees))  # noqa: E731
    t = (
        1
        - 0.17 * cos(mean_h - 30)
        + 0.24 * cos(2 * mean_h)
        + 0.32 * cos(3 * mean_h + 6)
        - 0.2 * cos(4 * mean_h - 63)
    )
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    turn = np.radians(60 * np.exp(-(((mean_h - 275) / 25) ** 2)))
    r_t = -2 * np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)) * np.sin(turn)
    parts = (l2 - l1) / s_l, (c2 - c1) / s_c, d_hue / s_h
    return float(np.sqrt(sum(part**2 for part in parts) + r_t * parts[1] * parts[2]))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
        ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
    ],
)
def test_colour_difference_equals_the_published_values(first: Any, second: Any, expected: float) -> None:
    assert ciede2000(np.array(first), np.array(second)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("sight", _SIGHT)
@pytest.mark.parametrize("theme", THEMES)
def test_any_two_digits_differ_for_every_kind_of_sight(theme: ThemeName, sight: str) -> None:
    seen = [lab(np.clip(_SIGHT[sight] @ linear(color), 0, 1)) for color in DIGITS[theme]]
    smallest = min(ciede2000(a, b) for a, b in itertools.combinations(seen, 2))
    assert smallest > (21 if sight == "normal" else 13)


@pytest.mark.parametrize("sight", _SIGHT)
@pytest.mark.parametrize("theme", THEMES)
def test_digits_that_follow_each_other_are_never_taken_for_one_another(theme: ThemeName, sight: str) -> None:
    seen = [lab(np.clip(_SIGHT[sight] @ linear(color), 0, 1)) for color in DIGITS[theme]]
    assert min(ciede2000(a, b) for a, b in zip(seen, [*seen[1:], seen[0]], strict=True)) > 18


def test_a_class_has_one_hue_in_both_themes() -> None:
    for light, dark in zip(DIGITS["light"], DIGITS["dark"], strict=True):
        (_, *one), (_, *other) = lab(linear(light)), lab(linear(dark))
        apart = np.degrees(np.arctan2(one[1], one[0]) - np.arctan2(other[1], other[0]))
        assert abs((apart + 180) % 360 - 180) < 7.5, (light, dark)
        assert min(np.hypot(*one), np.hypot(*other)) > 20, "a grey has no hue"


@pytest.mark.parametrize("theme", THEMES)
def test_every_digit_stands_out_from_the_background(theme: ThemeName) -> None:
    assert min(contrast(color, BACKGROUND[theme]) for color in DIGITS[theme]) >= 3


@pytest.mark.parametrize("theme", THEMES)
def test_curves_can_be_read_as_text(theme: ThemeName) -> None:
    assert min(contrast(color, BACKGROUND[theme]) for color in CURVES[theme].values()) >= 4.5
    assert contrast(TEXT[theme], BACKGROUND[theme]) >= 7


@pytest.mark.parametrize("theme", THEMES)
def test_more_classes_than_ten_begin_with_the_ten_and_go_on(theme: ThemeName) -> None:
    many = colours.classes_palette(47, theme)
    assert many[:10] == list(DIGITS[theme]) and len(many) == 47
    assert len(set(many[:30])) == 30


@pytest.mark.parametrize("theme", THEMES)
def test_more_heat_stands_out_more(theme: ThemeName) -> None:
    steps = [contrast(color, BACKGROUND[theme]) for color in HEAT[theme]]
    assert steps == sorted(steps) and steps[0] < 1.25 and steps[-1] > 7


@pytest.mark.parametrize("theme", THEMES)
def test_differences_are_seen_on_their_middle_and_their_signs_are_told_apart(theme: ThemeName) -> None:
    less, none, more = DIVERGING[theme]
    assert min(contrast(less, none), contrast(more, none)) >= 4.2
    assert contrast(none, BACKGROUND[theme]) < 1.2
    for matrix in _SIGHT.values():
        assert ciede2000(lab(matrix @ linear(less)), lab(matrix @ linear(more))) > 25


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("sight", _SIGHT)
def test_scale_of_a_number_runs_away_from_the_background_for_everybody(theme: ThemeName, sight: str) -> None:
    seen = [lab(np.clip(_SIGHT[sight] @ linear(color), 0, 1)) for color in SCALE[theme]]
    away = np.abs(np.array(seen)[:, 0] - lab(linear(BACKGROUND[theme]))[0])
    assert (np.diff(away) > 5).all(), away
    assert (
        contrast(SCALE[theme][-1], BACKGROUND[theme]) > 7
        and contrast(SCALE[theme][0], BACKGROUND[theme]) > 1.5
    )
