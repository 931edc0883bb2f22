"""What a header of a saved table must say: the unit of its numbers, unless they count something."""

from __future__ import annotations

#: Headers whose numbers count, or whose cells are words.
COUNTED = {"row", "column", "step", "epoch", "dimension", "frame", "stop"}
COUNTED |= {"class", "image", "what", "seed", "part", "series", "epochs", "steps"}
#: Beginnings and ends of headers that say by themselves what their numbers are.
_BEGINS = ("±", "number ", "caption", "z of")
_ENDS = (" image", " dataset", " header", "σ", "ε", "β", "mean", "back", "part")


def says_its_unit(header: str) -> bool:
    """Whether a reader of the file knows what the numbers below the header are."""
    return "(" in header or header in COUNTED or header.startswith(_BEGINS) or header.endswith(_ENDS)
