"""What the pages that show a latent space share: the sliders' ranges and order, the point, the condition."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard import model_cache, state
from dashboard.components.sliders import Dim
from vae.runs import Run


@dataclass(frozen=True)
class LatentView:
    """A run's latent space, ready to draw.

    Attributes:
        dims: Sliders, the largest rate first.
        conditions: Names of the classes, for a conditional model only.
        shape: Channels, height, width of an image.
        stamp: Names the content of the weights.
        words: What the numbers were computed from.
    """

    dims: list[Dim]
    conditions: tuple[str, ...]
    shape: tuple[int, int, int]
    stamp: str
    words: str


def of(run: Run) -> LatentView:
    """The latent space of a run's best weights.

    Raises:
        CheckpointError: If the run has no weights yet, or they are damaged.
    """
    stamp = model_cache.stamp(run, "best")
    dims, words = _dims(run)
    info = run.info
    return LatentView(
        dims=dims,
        conditions=info.class_names if run.config.model.conditional else (),
        shape=(info.channels, info.height, info.width),
        stamp=stamp,
        words=words,
    )


def _dims(run: Run) -> tuple[list[Dim], str]:
    from vae.diagnostics import ACTIVE_THRESHOLD
    from vae.images import DataError

    model_cache.model(run, "best")  # refuses weights that are missing or damaged
    try:
        found, num_images = model_cache.dimensions(run, "best")
    except DataError as error:
        plain = [Dim(index) for index in range(run.config.model.latent_dim)]
        return plain, f"KL per dimension is unknown here: {error}"
    dims = [
        Dim(index=dim.index, low=dim.low, high=dim.high, rate=dim.rate, collapsed=not dim.active)
        for dim in found
    ]
    num_active = sum(dim.active for dim in found)
    words = (
        f"KL in nats per example, over {num_images:,} test images. Active dimensions: {num_active} of {len(dims)} "
        f"(variance of the posterior mean over these images above {ACTIVE_THRESHOLD:g})."
    )
    return dims, words


def point(run: Run) -> list[float]:
    """The latent point of the URL, else the prior's mean."""
    latent_dim = run.config.model.latent_dim
    return state.read(state.point(latent_dim), [0.0] * latent_dim)


def label(run: Run) -> int | None:
    """The condition of the URL, else the first class; None for an unconditional run."""
    if not run.config.model.conditional:
        return None
    return state.read(state.label(run.info.num_classes), 0)


def keep(run: Run, z: list[float], y: int | None) -> None:
    """Put the point and the condition into the URL."""
    state.write(state.point(run.config.model.latent_dim), z)
    if run.config.model.conditional and y is not None:
        state.write(state.label(run.info.num_classes), y)
