"""Sliders for μ and σ, the two densities, and the KL with its terms and gradient, which follow the pointer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dashboard.components import plain, register
from dashboard.look.colours import CURVES, ThemeName

_COMPONENT = register("kl", height=420, folder=Path(__file__).resolve().parent)


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    mean: float
    sigma: float
    palette: Mapping[ThemeName, Mapping[str, str]]


def sliders(*, mean: float, sigma: float, key: str) -> None:
    """Draw them.

    Args:
        mean: Where the slider of μ starts.
        sigma: Where that of σ starts.
        key: Streamlit's key of this component.
    """
    _COMPONENT(key=key, data=plain(State(mean, sigma, CURVES)))
