"""`vae.show`: an explorer of a run, or of a model in memory, in a notebook's cell."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.errors import UserError
from vae.models.vae import VAE
from vae.notebook.sources import ModelSource, RunSource, Source
from vae.notebook.states import PARTS
from vae.runs.run import Run
from vae.training.trainer import Trainer

if TYPE_CHECKING:
    from vae.notebook.widget import Explorer

#: What is said where the optional dependency is missing.
_MISSING = (
    "a widget needs anywidget, which is not installed; run `pip install 'latent-lab[notebook]'` and restart the "
    "kernel"
)


def show(
    target: Run | Trainer | VAE | Path | str, data: Any = None, *, parts: Iterable[str] | None = None
) -> Explorer:
    """Sliders, decoded image, map and curves in a notebook's cell.

    Args:
        target: A run or its folder, which may be training; a trainer; or a model in memory.
        data: For a model: a `Dataset`, or images as an array ``(N, H, W)``, ``(N, C, H, W)`` or ``(N, H, W, C)``, or
            images and labels; without it there is no map. For a run: the images, if they are not to be looked for.
        parts: Which parts, of ``sliders``, ``image``, ``map`` and ``curves``; None for all that there is something for.

    Returns:
        The widget. Its ``value`` is the point, the class and the selected images, and can be set.

    Raises:
        UserError: If anywidget is missing, there is no run, data are no images, or a part has another name.
    """
    wanted = tuple(PARTS if parts is None else parts)
    if not wanted or (strange := [part for part in wanted if part not in PARTS]):
        got = repr(wanted and strange[0]) if wanted else "none"
        raise UserError(f"parts must be one or more of {', '.join(PARTS)}, got {got}; leave it out for all")
    source = _source(target, data)
    try:
        from vae.notebook.widget import Explorer
    except ModuleNotFoundError as error:
        if error.name not in ("anywidget", "ipywidgets", "traitlets"):
            raise
        raise UserError(_MISSING) from None
    return Explorer(source, wanted)


def _source(target: object, data: Any) -> Source:
    if isinstance(target, Trainer):
        return RunSource(target.run, target.dataset if data is None else data)
    if isinstance(target, str | Path):
        target = Run.open(target)
    if isinstance(target, Run):
        return RunSource(target, data)
    if isinstance(target, VAE):
        return ModelSource(target, data)
    raise UserError(
        f"target must be a run, its folder, a trainer or a model, got {type(target).__name__}; pass "
        "`vae.Run.open(folder)`"
    )
