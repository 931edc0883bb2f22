"""A line that is drawn with the pointer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def stroke(page: Any, places: Sequence[tuple[float, float]], *, steps: int = 5) -> None:
    """Press at the first of some places of the window, go to each of the others, and release at the last."""
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=steps)
    page.mouse.up()
