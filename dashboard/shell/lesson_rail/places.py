"""What a lesson may point at: cards, by what `card=` in a link takes, and controls, by what `hide=` takes."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.look.controls import CONTROLS
from dashboard.streamlit_internals import selector_of_key


def selector(names: Sequence[str]) -> str:
    """The CSS selector of all these places; empty if there are none."""
    found = []
    for name in names:
        found.append(selector_of_key(f"card-{name}"))
        if name in CONTROLS:
            found.append(CONTROLS[name].selector)
    return ", ".join(found)
