"""Stops of a path as links and routes name them: ``n17_0.5,-1.2`` is the mean of a test image, then a point."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: A test image, by its number from 0, which stands for its posterior mean; or a latent point.
Stop = int | tuple[float, ...]

#: Stops of one path.
MAX_STOPS = 8


def parse(text: str, latent_dim: int, num_images: int, limit: float) -> list[Stop]:
    """Read stops; no text is no stop.

    Args:
        text: Stops with underscores between: ``n`` and a number, or coordinates with commas between.
        latent_dim: Numbers in a point.
        num_images: How many test images there are.
        limit: Largest coordinate.
    Raises:
        ValueError: If it is something else, or they are more than `MAX_STOPS`.
    """
    parts = text.split("_", MAX_STOPS) if text else []
    if len(parts) > MAX_STOPS:
        raise ValueError
    return [_stop(part, latent_dim, num_images, limit) for part in parts]


def _stop(text: str, latent_dim: int, num_images: int, limit: float) -> Stop:
    if re.fullmatch(r"n[0-9]{1,9}", text):
        if int(text[1:]) >= num_images:
            raise ValueError
        return int(text[1:])
    values = tuple(map(float, text.split(",", latent_dim)))
    if len(values) != latent_dim or not all(abs(value) <= limit for value in values):
        raise ValueError
    return values


def rule(latent_dim: int, num_images: int, limit: float) -> str:
    """What `parse` takes, in words."""
    return (
        f"at most {MAX_STOPS} stops with underscores between, each n and the number of a test image from 0 to "
        f"{num_images - 1}, or {latent_dim} numbers between −{limit:g} and {limit:g} with commas between"
    )


def write(stops: Sequence[Stop]) -> str:
    """The text that `parse` reads, coordinates with four decimals."""
    return "_".join(f"n{stop}" if isinstance(stop, int) else ",".join(map(short, stop)) for stop in stops)


def short(value: float) -> str:
    """Four decimals at most, as the page's components tell a point: so they know its echo."""
    return f"{round(value, 4) + 0.0:.4f}".rstrip("0").rstrip(".")
