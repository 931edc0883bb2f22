"""Layers of the networks: how many there may be, and how wide."""

from __future__ import annotations

from typing import Any

import pytest

from vae.config.base import ConfigError
from vae.config.schema import (
    ModelConfig,
)


@pytest.mark.parametrize(
    "values, sentence",
    [
        (
            {"hidden": (400, 0)},
            "hidden must be at most 8 sizes from 1 to 8192, got [400, 0]; use for example 400",
        ),
        (
            {"hidden": (10,) * 9},
            f"hidden must be at most 8 sizes from 1 to 8192, got {[10] * 9}; use for example 400",
        ),
        (
            {"channels": (2000,)},
            "channels must be at most 8 sizes from 1 to 1024, got [2000]; use for example 32 64",
        ),
        (
            {"network": "conv", "channels": ()},
            "channels must name at least one layer for network = conv, got none; use 32 64",
        ),
        ({"hidden": ("abc",)}, "hidden must be whole numbers, got 'abc'; use for example 400, or 200 200"),
        ({"hidden": (400, 1.5)}, "hidden must be whole numbers, got 1.5; use for example 400, or 200 200"),
        ({"hidden": 400}, "hidden must be a list, got 400; use for example 400, or 200 200"),
    ],
)
def test_layers_have_sizes_that_fit(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ModelConfig(**values)
    assert str(caught.value) == sentence


def test_an_mlp_needs_neither_hidden_layers_nor_channels() -> None:
    assert ModelConfig(hidden=(), channels=()).hidden == ()
