"""The time machine's scrubber: one snapshot of a run's training for everything that a page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.components import hold, is_number, plain, register, take
from dashboard.look.colours import HEAT, ThemeName

_COMPONENT = register("time", height=56, styles=("time_machine/time_machine.css",))


@dataclass(frozen=True)
class Moved:
    """The scrubber was moved: to the snapshot of a step, or to the right end."""

    step: int | None


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    run: str
    step: int | None
    state: str
    end: str
    decoders: bool
    palette: Mapping[ThemeName, Sequence[str]]


def scrubber(
    run_id: str,
    *,
    step: int | None,
    state: str,
    end: str,
    decoders: bool,
    key: str,
) -> Moved | None:
    """Draw the scrubber over a run's snapshots; what it moves follows in the browser, and Python hears on release.

    Args:
        run_id: The run.
        step: The snapshot to show; None is the right end, the weights that the page shows by itself.
        state: What the trainer does: a run at work is followed.
        end: What the right end is called when the run rests.
        decoders: Whether the page decodes in the browser: then the snapshots' decoders are loaded beforehand.
        key: Streamlit's key of this component.

    Returns:
        Where it was released, if that is why the page runs, else None.
    """
    result = _COMPONENT(
        key=key,
        data=plain(
            State(
                run=run_id,
                step=step,
                state=state,
                end=end,
                decoders=decoders,
                palette=HEAT,
            )
        ),
        on_moved_change=hold(key, "moved"),
    )
    return _moved(take(result, key, "moved"))


def _moved(said: Any) -> Moved | None:
    """What the browser said, checked: it is input like any other."""
    if not isinstance(said, dict) or "step" not in said:
        return None
    step = said["step"]
    if step is None:
        return Moved(None)
    return Moved(int(step)) if is_number(step) and 0 <= step < 10**15 else None
