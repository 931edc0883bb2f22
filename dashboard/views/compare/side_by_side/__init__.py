"""Runs side by side: the same test images and the same z, at the same share of their training."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard.components import hold, is_number, plain, register, take

_COMPONENT = register("beside", height=480, folder=Path(__file__).parent)
#: Images in a row.
NUM = 10


@dataclass(frozen=True)
class Row:
    """A run.

    Attributes:
        id, name: The run.
        words: What tells it from the others, in a few words.
        stamp: Names the content of its best weights.
        sees: Runs that say the same are shown the same images, as pixels of the same kind.
        images: These images, in words.
        conditional: Whether the model is told the class.
        shape: Channels, height, width of an image.
        latent_dim: Latent dimensions.
        labels: Names of the classes.
    """

    id: str
    name: str
    words: str
    stamp: str
    sees: str
    images: str
    conditional: bool
    shape: tuple[int, int, int]
    latent_dim: int
    labels: tuple[str, ...]


@dataclass(frozen=True)
class View:
    """What is shown.

    Attributes:
        pick: What is enlarged: ``image-<place>`` or ``z-<place>``; empty for nothing.
        first: The test image that the row begins with; None is one of each class.
        share: Of the training, from 0 to 1; 1 is the best weights.
        seed: Of the points.
    """

    pick: str
    first: int | None
    share: float
    seed: int


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    rows: Sequence[Row]
    view: View
    one_of_each: Sequence[int]
    num_images: int
    num: int


def beside(
    rows: Sequence[Row], *, view: View, one_of_each: Sequence[int], num_images: int, key: str
) -> View | None:
    """Draw the runs below each other, their images in columns, and one scrubber for all of them.

    Args:
        rows: The runs.
        view: What is shown.
        one_of_each: Numbers of test images, one of each class.
        num_images: Test images that all of the runs have.
        key: Streamlit's key of this component.

    Returns:
        What the person wants to see, if that is why the page runs.
    """
    data = plain(
        State(
            rows=rows,
            view=view,
            one_of_each=one_of_each,
            num_images=num_images,
            num=NUM,
        )
    )
    result = _COMPONENT(key=key, data=data, on_said_change=hold(key, "said"))
    return _checked(take(result, key, "said"), num_images)


def _checked(said: Any, num_images: int) -> View | None:
    """What the browser said: it is input like any other."""
    if not isinstance(said, dict):
        return None
    pick, first, share, seed = (said.get(name) for name in ("pick", "first", "share", "seed"))
    if not isinstance(pick, str) or not re.fullmatch(r"|(image|z)-[0-9]", pick):
        return None
    if first is not None and not (is_number(first) and 0 <= first < num_images):
        return None
    if not is_number(share) or not 0 <= share <= 1:
        return None
    if not is_number(seed) or not 0 <= seed < 2**31:
        return None
    return View(pick, None if first is None else int(first), float(share), int(seed))
