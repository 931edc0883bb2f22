"""What a link says of the Generate page: what it shows, how points are drawn, and what is made of them."""

from __future__ import annotations

from dashboard.link.keys import Key, choice, number, whole

#: The Generate page: what it shows, how points are drawn, and what is made of them.
MODE = choice("mode", ("samples", "compare", "styles", "transfer", "mix", "leak"))
TEMPERATURE = number("temperature", 0.0, 3.0)
NUM = whole("num", 1, 100)
ROWS = whole("rows", 1, 10)
LIMIT = number("limit", 0.1, 4.0)
COMPONENTS = choice("components", ("bic", "1", "2", "5", "10", "20", "40"))
SOURCE = choice("from", ("seed", "image", "point"))


def target(num_classes: int) -> Key[int]:
    """The class that another one is mixed towards."""
    return whole("to", 0, max(0, num_classes - 1))
