"""Numbers that Python computed for the page, told to the lesson beside it by the names of its conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.components import plain, register

_COMPONENT = register("facts", height=0)


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    facts: Mapping[str, float]


def tell_lesson(key: str, **numbers: float) -> None:
    """Tell the lesson what the page shows now, as long as this stands in it.

    Args:
        key: Of the page, once on it; `look/streamlit.css` hides keys that begin with `facts:`.
        numbers: By the names of `vae.lessons.conditions.NUMBERS`.
    """
    _COMPONENT(key=f"facts:{key}", data=plain(State({name: float(value) for name, value in numbers.items()})))
