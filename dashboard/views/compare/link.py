"""What a link says of the Compare page: which runs stand side by side, which are in the plane, and what is enlarged."""

from __future__ import annotations

from dashboard.link.keys import Key, choice, number, whole
from vae.runs.naming import is_id

#: The Compare page: the runs that stand side by side, which runs are in the plane, what is enlarged, from which test
#: image on, and how far through their training all of them are shown.
MOST_RUNS = 6


def _run_ids(text: str) -> list[str]:
    found = list(dict.fromkeys(text.split(",")))
    if not 1 <= len(found) <= MOST_RUNS or not all(map(is_id, found)):
        raise ValueError
    return found


RUNS = Key("runs", _run_ids, f"1 to {MOST_RUNS} ids of runs, separated by commas", ",".join)
PLANE = choice("plane", ("chosen", "all", "sweep"))
PICK = choice("pick", tuple(f"{kind}-{place}" for kind in ("image", "z") for place in range(20)), shown=2)
SHARE = number("share", 0.0, 1.0)


def first_image(num_images: int) -> Key[int]:
    """The test image that the row begins with, from 0."""
    return whole("first", 0, max(0, num_images - 1))


def _sweep_name(text: str) -> str:
    if not is_id(text):
        raise ValueError
    return text


#: The sweep whose runs the plane shows.
SWEEP = Key("sweep", _sweep_name, "the name of a sweep: letters, digits, dots, dashes and underscores")
