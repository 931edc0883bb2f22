"""What a header of a saved table must say: the unit of its numbers, unless they count something."""

from __future__ import annotations

#: Headers whose numbers count something.
_COUNTS = {"row", "column", "step", "epoch", "dimension", "frame", "stop", "image", "seed", "part"}
_COUNTS |= {"epochs", "steps", "dimensions", "latent dimensions", "active units"}
#: Headers whose cells are words.
_WORDS = {"class", "what", "series", "term", "bound", "active", "run"}
#: Beginnings and ends of headers that say by themselves what their numbers are.
_BEGINS = ("±", "number ", "caption", "z of", "σ of ")
_ENDS = (" image", " dataset", " header", "σ", "ε", "β", "mean", "back", "part")


def says_its_unit(header: str) -> bool:
    """Whether a reader of the file knows what the numbers below the header are."""
    return "(" in header or header in _COUNTS | _WORDS or header.startswith(_BEGINS) or header.endswith(_ENDS)
