"""Names in the order in which people count."""

from __future__ import annotations

import random

import numpy as np
import pytest

from vae.storage.natural_order import in_natural_order, natural_key


@pytest.mark.parametrize(
    "ordered",
    [
        ["0", "1", "2", "10", "11"],
        ["digit 2", "digit 10", "digit 11"],
        ["01", "02", "10", "100"],
        ["01", "1", "2"],  # equal numbers keep to their characters
        ["-10", "-2", "-1", "0", "1", "2"],
        ["\N{MINUS SIGN}3", "-1", "+2", "3"],
        ["0.25", "0.5", "1.5", "10"],
        ["v1.9", "v1.10", "v2.0"],
        ["1", "2", "2a", "10", "10b"],
        ["٠", "١", "٢", "١٠"],  # Arabic-Indic digits
        ["Ant", "Zebra", "ant", "bee", "Été"],
        ["a1b2", "a1b10", "a2b1", "a10"],
        ["img_9.png", "img_10.png", "img_100.png"],
        ["", "0", "a"],
        ["1" * 5000, "2" * 5000],  # longer than Python reads as an int
        ["²", "³"],  # no decimal digits: letters
    ],
)
def test_names_are_in_the_order_of_people(ordered: list[str]) -> None:
    for seed in range(3):
        shuffled = ordered.copy()
        random.Random(seed).shuffle(shuffled)
        assert sorted(shuffled, key=natural_key) == ordered


def test_indices_follow_their_names() -> None:
    names, indices = in_natural_order(["1", "10", "2"], np.array([0, 1, 2, 1]))
    assert names == ("1", "2", "10")
    assert indices.tolist() == [0, 2, 1, 2]
