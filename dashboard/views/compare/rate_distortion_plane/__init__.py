"""The rate-distortion plane: one dot a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard.components import hold, plain, register, take
from dashboard.look.colours import SCALE, ThemeName

_COMPONENT = register("plane", height=380, folder=Path(__file__).parent, charts=True)
#: More dots than these carry no words beside them.
MOST_LABELS = 16


@dataclass(frozen=True)
class Dot:
    """A run and its test figures, nats per example.

    Attributes:
        id, name, stamp: The run, and the content of its last weights.
        beta, seed: The last β and the seed that it was trained with.
        betas: All values of β, in words.
        latent_dim, active: Latent dimensions, and how many of them are active.
        rate, distortion, standard_error: Figures over `num_images` test images after `step` steps.
        printed: −ELBO, distortion and rate, rounded so that the sum adds up.
        chosen: Whether it is among the runs that stand side by side.
    """

    id: str
    name: str
    stamp: str
    beta: float
    betas: str
    seed: int
    latent_dim: int
    active: int
    rate: float
    distortion: float
    standard_error: float | None
    printed: tuple[float, float, float]
    num_images: int
    step: int
    chosen: bool


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    dots: Sequence[Dot]
    full: bool
    alone: bool
    palette: Mapping[ThemeName, Sequence[str]]
    labels: bool


def plane(dots: Sequence[Dot], *, full: bool, alone: bool = True, key: str) -> str | None:
    """Draw the plane with lines of equal ELBO; a dot tells its figures and shows its samples on hover and click.

    Args:
        dots: Of one yardstick, see `vae.evaluation.comparability`.
        full: Whether no further run can be chosen.
        alone: Whether no other plane is drawn; then it takes the height that the window has.
        key: Streamlit's key of this component.

    Returns:
        The run that the person took in or out of the comparison, if that is why the page runs.
    """
    data = plain(
        State(
            dots=dots,
            full=full,
            alone=alone,
            palette=SCALE,
            labels=len(dots) <= MOST_LABELS,
        )
    )
    result = _COMPONENT(key=key, data=data, on_toggled_change=hold(key, "toggled"))
    return _checked(take(result, key, "toggled"), dots)


def _checked(said: Any, dots: Sequence[Dot]) -> str | None:
    return next((dot.id for dot in dots if dot.id == said), None)
