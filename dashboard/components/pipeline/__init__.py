"""The one drawing of a VAE that the pages share: x → encoder → μ, σ → z → decoder → x̂ → the two terms of the loss."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dashboard.components import hold, is_number, is_point, plain, register, take
from dashboard.link import drawing as drawings
from dashboard.look.colours import CURVES, ThemeName

if TYPE_CHECKING:
    from torch import Tensor

#: Which parts are on.
Mode = Literal["training", "reconstruction", "generation"]
#: Whether the image is the given one, or what the person draws.
Origin = Literal["test", "draw"]
MODES: tuple[Mode, ...] = ("training", "reconstruction", "generation")
#: Largest β of its slider.
MOST_BETA = 10.0

_STYLES = ("drawing_pad/drawing_pad.css", "pipeline/pipeline.css")
_COMPONENT = register("pipeline", height=480, styles=_STYLES)
_STRIP = register("pipeline", height=150, styles=_STYLES, variant="strip")


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    run: str
    at: str
    stamp: str
    x: str
    y: int | None
    shape: tuple[int, int, int]
    classes: Sequence[str]
    latent_dim: int
    mode: str
    beta: float
    noise: Sequence[float] | None
    origin: Origin
    drawing: str
    cut: float | None
    centre: bool
    size: Literal["stage", "strip"]
    palette: Mapping[ThemeName, Mapping[str, str]]


@dataclass(frozen=True)
class Said:
    """What the person set: the parts that are on, the weight of the KL, ε, and whether a drawing goes through."""

    mode: Mode
    beta: float
    noise: list[float]
    origin: Origin
    drawing: str


def pipeline(
    run_id: str,
    x: Tensor,
    *,
    y: int | None = None,
    classes: Sequence[str] = (),
    latent_dim: int,
    mode: str = "training",
    beta: float = 1.0,
    noise: Sequence[float] | None = None,
    origin: Origin = "test",
    drawing: str = "",
    cut: float | None = None,
    centre: bool = False,
    at: str = "best",
    stamp: str = "",
    size: Literal["stage", "strip"] = "stage",
    key: str,
) -> Said | None:
    """Draw it; what is dragged is followed in the browser.

    Args:
        run_id: The run.
        x: The image that goes through, ``(1, C, H, W)``, as the model sees it.
        y: Its class, for a conditional model.
        classes: Names of the classes of a conditional model.
        latent_dim: Latent dimensions.
        mode: Which parts are on.
        beta: The weight of the KL.
        noise: ε; drawn in the browser if left out.
        origin: Whether the given image goes through, or the drawing.
        drawing: What is on the pad, as `dashboard.link.drawing` has it; empty for nothing.
        cut: Pixels of a drawing at or above this are 1 and the others 0, for models of binary pixels.
        centre: Whether drawings are centred.
        at: Which weights.
        stamp: Names the content of these weights.
        size: A whole screen, or a strip.
        key: Streamlit's key of this component.

    Returns:
        What the person set, if that is why the page runs.
    """
    pixels = x[0].detach().cpu().float().contiguous()
    channels, height, width = pixels.shape
    state = State(
        run=run_id,
        at=at,
        stamp=stamp,
        x=base64.b64encode(pixels.numpy().tobytes()).decode(),
        y=y,
        shape=(channels, height, width),
        classes=classes,
        latent_dim=latent_dim,
        mode=mode,
        beta=beta,
        noise=None if noise is None else list(noise),
        origin=origin,
        drawing=drawing,
        cut=cut,
        centre=centre,
        size=size,
        palette=CURVES,
    )
    component = _STRIP if size == "strip" else _COMPONENT
    result = component(key=key, data=plain(state), on_said_change=hold(key, "said"))
    return _checked(take(result, key, "said"), latent_dim)


def _checked(said: Any, latent_dim: int) -> Said | None:
    """What the browser said: it is input like any other."""
    if not isinstance(said, dict) or said.get("mode") not in MODES:
        return None
    beta, noise = said.get("beta"), said.get("noise")
    if not is_number(beta) or not 0 <= beta <= MOST_BETA or not is_point(noise, latent_dim):
        return None
    assert isinstance(noise, list)
    origin, drawing = said.get("origin"), said.get("drawing")
    if origin not in ("test", "draw") or not isinstance(drawing, str):
        return None
    try:
        drawing = drawings.check(drawing) if drawing else ""
    except ValueError:
        return None
    return Said(said["mode"], float(beta), [float(value) for value in noise], origin, drawing)
