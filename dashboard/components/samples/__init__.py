"""What a run's newest weights make of test images and of the prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.components import plain, register

_COMPONENT = register("samples", height=240, styles=("samples/samples.css",))


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    run: str
    at: str
    live: bool
    missing: str
    kinds: Sequence[str]
    num: int


def samples(
    run_id: str,
    *,
    at: str = "last",
    live: bool = True,
    missing: str = "",
    kinds: Sequence[str] = ("reconstructions", "samples"),
    num: int = 10,
    key: str,
) -> None:
    """Draw reconstructions under their originals, and images decoded from prior samples, at the page's time.

    Args:
        run_id: The run.
        at: Which weights: `best`, `last` or a snapshot's step.
        live: Draw again at every new snapshot of the run; `at` counts until the first one.
        missing: Why test images cannot be shown; empty if they can.
        kinds: Sheets to show: `reconstructions`, `samples`, `manifold`.
        num: Images in a row.
        key: Streamlit's key of this component.
    """
    _COMPONENT(
        key=key,
        data=plain(
            State(
                run=run_id,
                at=at,
                live=live,
                missing=missing,
                kinds=kinds,
                num=num,
            )
        ),
    )
