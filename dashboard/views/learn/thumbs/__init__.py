"""A row of images to choose from."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dashboard.cache.image_sheets import to_bytes
from dashboard.components import hold, is_number, plain, register, take
from dashboard.shell.subject import Subject

_COMPONENT = register("thumbs", height=44, folder=Path(__file__).resolve().parent)


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    pixels: str
    shape: Sequence[int]
    rows: Sequence[int]
    row: int
    name: str


def thumbs(subject: Subject, *, key: str) -> int | None:
    """Draw the row.

    Args:
        subject: What is shown, and what there is to choose from.
        key: Streamlit's key of this component.

    Returns:
        The number that the person chose, if that is why the page runs.
    """
    state = State(
        pixels=base64.b64encode(to_bytes(subject.images.detach().cpu().numpy()).tobytes()).decode(),
        shape=list(subject.images.shape[1:]),
        rows=subject.rows,
        row=subject.row,
        name="Decoded image" if subject.is_decoded else "Test image",
    )
    result = _COMPONENT(key=key, data=plain(state), on_row_change=hold(key, "row"))
    said = take(result, key, "row")
    return int(said) if is_number(said) and said in subject.rows else None
