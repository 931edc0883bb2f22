"""The latent map of a run's probe images, live beside its curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dashboard.components import plain, register
from dashboard.look.colours import DIGITS, ThemeName, classes_palette

_COMPONENT = register("probe_map", height=220, folder=Path(__file__).parent)


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    run: str
    latent_dim: int
    classes: Sequence[str]
    palette: Mapping[ThemeName, Sequence[str]]


def probe_map(run_id: str, *, latent_dim: int, classes: Sequence[str], key: str) -> None:
    """Draw where the run's probe images lie, at the page's time or as the newest snapshot has them.

    Args:
        run_id: The run.
        latent_dim: Latent dimensions: of two the map is the space itself, of more it is the plane of largest variance.
        classes: Names of the images' classes; none without labels.
        key: Streamlit's key of this component.
    """
    _COMPONENT(
        key=key,
        height="stretch",
        data=plain(
            State(
                run=run_id,
                latent_dim=latent_dim,
                classes=classes,
                palette={theme: classes_palette(max(1, len(classes)), theme) for theme in DIGITS},
            )
        ),
    )
