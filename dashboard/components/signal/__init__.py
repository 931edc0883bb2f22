"""Part of a page that is drawn again when, and only when, what it shows has changed; without a timer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.components import plain, register

_COMPONENT = register("signal", height=0)


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    drawn: Mapping[str, Mapping[str, Any]]
    pause: float


def rerun_when_changed(drawn: Mapping[str, Mapping[str, Any]], *, pause: float = 0.3, key: str) -> None:
    """Draw the fragment that this stands in (or the page) anew once something is not as it is drawn now.

    Args:
        drawn: By run or topic (`dashboard.server.topics`), fields of its news (`dashboard.jobs.run_news`) with their
            values. They must be read before whatever is drawn from them, so that no change falls between.
        pause: Seconds between two drawings at least.
        key: Streamlit's key of this component; `look/streamlit.css` hides keys that begin with `signal:`.
    """
    given = {name: dict(values) for name, values in drawn.items()}
    _COMPONENT(
        key=f"signal:{key}",
        data=plain(
            State(
                drawn=given,
                pause=pause,
            )
        ),
        on_changed_change=_heard,
    )


def _heard() -> None:
    """That the page runs is all there is to it."""
