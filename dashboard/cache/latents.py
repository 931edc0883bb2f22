"""Latent positions of runs and what is computed from them, cached while their weights stay the same."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from dashboard.cache import datasets
from dashboard.cache.lru import Cache
from dashboard.cache.models import At, model, own_prior, stamp, stat_of
from vae.errors import UserError
from vae.runs.run import Run

if TYPE_CHECKING:
    from vae.diagnostics.diagnose import Dimension
    from vae.diagnostics.label_leakage import Leak
    from vae.evaluation.typicality import Surprise
    from vae.latent.aggregate_posterior import PriorGap
    from vae.latent.embedding import Embedding, Projection
    from vae.latent.generation import Mixture
    from vae.latent.trust import Trust

_embeddings = Cache(16, max_bytes=192 << 20)
_summaries = Cache(400, max_bytes=32 << 20)


#: Most images that a drawing is compared with.
MOST_COMPARED = 10_000


def embedding(run: Run, at: At, part: str) -> Embedding:
    """The posteriors of a part's images: those that training left in the run, or computed from the images.

    Args:
        run: The run.
        at: Which weights.
        part: `test`, `validation`, `train` or `all`.

    Raises:
        DataError: If they must be computed and the images are not on this machine.
        CheckpointError: If the weights are missing or damaged.
    """
    from vae.latent.embedding import Embedding, embed, kept_embedding

    def make() -> Embedding:
        if part == "test" and at == "best" and (kept := kept_embedding(run)) is not None:
            return kept
        images = datasets.dataset(run)
        if part != "all":
            return embed(model(run, at), images, part)  # type: ignore[arg-type]
        import torch

        parts = [
            embed(model(run, at), images, name)
            for name in ("train", "validation", "test")
            if len(getattr(images, name))
        ]
        labels = [found.labels for found in parts if found.labels is not None]
        return Embedding(
            torch.cat([found.mean for found in parts]),
            torch.cat([found.log_var for found in parts]),
            torch.cat(labels) if labels else None,
            torch.cat([found.index for found in parts]),
        )

    return _embeddings.get((run.path, at, part, _embedding_stamp(run, at)), make)


def prefetch(run: Run, at: At, part: str) -> None:
    """Begin to work out the posteriors that a page will ask for, beside it; whoever asks meanwhile waits for these."""

    def make() -> None:
        with suppress(UserError, OSError):
            embedding(run, at, part)

    threading.Thread(target=make, name="prefetch", daemon=True).start()


def pace(run: Run, at: At) -> float:
    """About how many images of a run are encoded in a second on this machine."""
    from vae.latent.embedding import pace as measured

    return _summaries.get(("pace", run.path, at, stamp(run, at)), lambda: measured(model(run, at)))


def dimensions(run: Run, at: At) -> tuple[list[Dimension], int]:
    """Every latent dimension over the test images, the largest rate first, and how many images these are."""
    from vae.diagnostics.diagnose import dimensions as over

    def make() -> tuple[list[Dimension], int]:
        found = embedding(run, at, "test")
        return over(found, own_prior(run, at)), len(found.mean)

    return _summaries.get(("dimensions", run.path, at, _embedding_stamp(run, at)), make)


def surprise(run: Run, at: At) -> Surprise:
    """What the first training images cost the model (`vae.evaluation.typicality`); test images, where these are all.

    Raises:
        DataError: If the images are not on this machine.
        CheckpointError: If the weights are missing or damaged.
    """
    from vae.evaluation.typicality import surprise as over

    def make() -> Surprise:
        images = datasets.dataset(run)
        return over(model(run, at), images, "train" if len(images.train) else "test", MOST_COMPARED)

    return _summaries.get(("surprise", run.path, at, stamp(run, at)), make)


def plane(run: Run, at: At) -> Projection:
    """The plane of largest variance through the test images' posterior means."""
    from vae.latent.embedding import principal_plane

    return _summaries.get(
        ("plane", run.path, at, _embedding_stamp(run, at)),
        lambda: principal_plane(embedding(run, at, "test").mean),
    )


def trust(run: Run, at: At) -> Trust:
    """How far the plane of largest variance can be trusted, over the test images (`vae.latent.trust`).

    Raises:
        UserError: As `embedding` does, or if the images are too few.
    """
    from vae.latent.trust import trust as of

    def make() -> Trust:
        mean = embedding(run, at, "test").mean.float()
        return of(mean.numpy(), plane(run, at).project(mean).numpy())

    return _summaries.get(("trust", run.path, at, _embedding_stamp(run, at)), make)


def mixture(run: Run, at: At, num_components: int | None) -> tuple[Mixture, PriorGap]:
    """A Gaussian mixture fitted to the test images' posteriors, and how far these themselves are from the prior.

    Args:
        run: The run.
        at: Which weights.
        num_components: None takes the number with the lowest BIC.

    Raises:
        DataError: If the posteriors must be computed and the images are not on this machine.
        CheckpointError: If the weights are missing or damaged.
    """
    from vae.latent.aggregate_posterior import prior_gap
    from vae.latent.generation import MIXTURE_SIZES, fit_mixture

    def make() -> tuple[Mixture, PriorGap]:
        sizes = MIXTURE_SIZES if num_components is None else (num_components,)
        posteriors = embedding(run, at, "test")
        found = fit_mixture(posteriors, sizes)
        return found, prior_gap(posteriors, found, prior=own_prior(run, at))

    return _summaries.get(("mixture", run.path, at, _embedding_stamp(run, at), num_components), make)


def leak(run: Run, at: At) -> Leak:
    """How well the class can be read off the test images' posterior means.

    Raises:
        UserError: As `vae.diagnostics.label_leakage.label_leak` and `embedding` do.
    """
    from vae.diagnostics.label_leakage import label_leak

    return _summaries.get(
        ("leak", run.path, at, _embedding_stamp(run, at)), lambda: label_leak(embedding(run, at, "test"))
    )


def neighbour_radius(run: Run, at: At) -> float:
    """The radius within which a typical test image has ten others (`vae.latent.interpolation.default_radius`)."""
    from vae.latent.interpolation import default_radius

    return _summaries.get(
        ("radius", run.path, at, _embedding_stamp(run, at)),
        lambda: default_radius(embedding(run, at, "test").mean),
    )


def _embedding_stamp(run: Run, at: At) -> tuple[str, int]:
    kept = stat_of(run.path / "latent.safetensors")
    return stamp(run, at), kept.st_mtime_ns if kept else 0
