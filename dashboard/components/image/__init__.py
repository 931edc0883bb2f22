"""The decoded image of the page's point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.components import plain, register

_COMPONENT = register("image", height=320, styles=("image/image.css",))


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    run: str
    z: Sequence[float]
    y: int | None
    mix: tuple[int, float] | None
    classes: Sequence[str]
    shape: tuple[int, int, int]
    at: str
    stamp: str
    size: int | None
    title: str


def image(
    run_id: str,
    *,
    z: Sequence[float],
    y: int | None = None,
    mix: tuple[int, float] | None = None,
    classes: Sequence[str] = (),
    shape: tuple[int, int, int],
    at: str = "best",
    stamp: str = "",
    size: int | None = None,
    title: str = "Decoded image",
    fill: bool = False,
    key: str,
) -> None:
    """Draw E[x|z] at the page's point; it follows sliders and map of the same run at every pointer event.

    Args:
        run_id: The run.
        z: Where the point starts.
        y: Class at the start, for a conditional model.
        mix: A second class and its share, from 0 to 1.
        classes: Names of the classes of a conditional model.
        shape: Channels, height and width of the images.
        at: Which weights: `best`, `last` or a snapshot's step.
        stamp: Names the content of these weights, so that newer ones are fetched (`model_cache.stamp`).
        size: Width in CSS pixels; None fills the card.
        title: Heading of the card.
        fill: Whether it takes the height that its place has.
        key: Streamlit's key of this component.
    """
    _COMPONENT(
        key=key,
        height="stretch" if fill else "content",
        data=plain(
            State(
                run=run_id,
                z=list(z),
                y=y,
                mix=mix,
                classes=classes,
                shape=shape,
                at=at,
                stamp=stamp,
                size=size,
                title=title,
            )
        ),
    )
