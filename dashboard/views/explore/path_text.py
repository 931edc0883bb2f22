"""Stops of a path as links and routes name them: ``n17_0.5,-1.2`` is the mean of a test image, then a point."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dashboard.link.keys import short

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
        f"at most {MAX_STOPS} stops separated by underscores, each n and the number of a test image from 0 to "
        f"{num_images - 1}, or {latent_dim} numbers between −{limit:g} and {limit:g} separated by commas"
    )


def write(stops: Sequence[Stop]) -> str:
    """The text that `parse` reads, coordinates with four decimals."""
    return "_".join(f"n{stop}" if isinstance(stop, int) else ",".join(map(short, stop)) for stop in stops)


# Neighbours and arithmetic --------------------------------------------------------------------------------------------

#: Radius within which neighbours of a path may be counted, in units of the latent space.
MIN_RADIUS, MAX_RADIUS = 1e-4, 1000.0

#: A group of images: a class, or the places of stops, from 0.
Group = int | tuple[int, ...]
#: Two groups, and the weight of the difference of their means.
Difference = tuple[Group, Group, float]
#: Largest weight.
MAX_WEIGHT = 2.0


def parse_difference(text: str, num_classes: int, num_stops: int) -> Difference:
    """Read a difference as `write_difference` writes it: ``c7,s13,-0.5`` is half of it from class 7 to stops 1 and 3.

    Args:
        text: Each group is ``c`` and a class, or ``s`` and the numbers of stops, from 1, or none.
        num_classes: How many classes there are.
        num_stops: How many stops the path has.
    Raises:
        ValueError: If it is something else.
    """
    first, second, weight = text.split(",")
    if not abs(float(weight)) <= MAX_WEIGHT:
        raise ValueError
    return _group(first, num_classes, num_stops), _group(second, num_classes, num_stops), float(weight)


def _group(text: str, num_classes: int, num_stops: int) -> Group:
    if re.fullmatch(r"c[0-9]{1,9}", text) and int(text[1:]) < num_classes:
        return int(text[1:])
    if not re.fullmatch(rf"s[1-{MAX_STOPS}]{{0,{MAX_STOPS}}}", text):
        raise ValueError
    places = tuple(int(digit) - 1 for digit in text[1:])
    if list(places) != sorted(set(places)) or any(place >= num_stops for place in places):
        raise ValueError
    return places


def difference_rule(num_classes: int, num_stops: int) -> str:
    """What `parse_difference` takes, in words."""
    classes = f"c and a class from 0 to {num_classes - 1}, or " if num_classes else ""
    return (
        f"two groups and a weight from −{MAX_WEIGHT:g} to {MAX_WEIGHT:g}, separated by commas, each group "
        f"{classes}s and the numbers of some of the {num_stops} stops in their order"
    )


def write_difference(value: Difference) -> str:
    """The text that `parse_difference` reads."""
    first, second, weight = value
    return ",".join([*map(_group_text, (first, second)), short(weight)])


def _group_text(group: Group) -> str:
    return f"c{group}" if isinstance(group, int) else "s" + "".join(str(place + 1) for place in group)
