"""What the pages that show a latent space share: the sliders' ranges and order, the point, the condition."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.cache import datasets, latents, models
from dashboard.components.map import Click
from dashboard.components.sliders import Dim, Mix
from dashboard.link import keys, session
from dashboard.link.posterior import Posterior
from dashboard.shell import time_machine
from vae.config.registries import PRIORS, STANDARD_NORMAL
from vae.errors import UserError
from vae.runs.run import Run
from vae.runtime.number_format import counted

#: A point so many standard deviations from a posterior's mean, in any dimension, is not a draw of it.
_FAR = 6.0


#: Points of a user's prior that the browser chooses from.
_NUM_POINTS = 200


@dataclass(frozen=True)
class LatentView:
    """A run's latent space, ready to draw.

    Attributes:
        dims: Sliders, the largest rate first and collapsed ones last.
        conditions: Names of the classes, for a conditional model only.
        shape: Channels, height, width of an image.
        stamp: Names the content of the weights.
        prior_range: How far the sliders reach where the prior's range is asked for.
        words: What the numbers were computed from.
        prior_points: Points to choose a random one from, where the prior is not the standard normal.
    """

    dims: list[Dim]
    conditions: tuple[str, ...]
    shape: tuple[int, int, int]
    stamp: str
    prior_range: float
    words: str
    prior_points: tuple[tuple[float, ...], ...] = ()


def of(run: Run) -> LatentView:
    """The latent space of a run's best weights.

    Raises:
        CheckpointError: If the run has no weights yet, or they are damaged.
    """
    from vae.latent.embedding import PRIOR_RANGE

    stamp = models.stamp(run, "best")
    dims, words = _dims(run)
    words = f"{_weights(run)} {words}"
    info, points = run.info, _prior_points(run)
    reach = max((abs(value) for point in points for value in point), default=PRIOR_RANGE)
    return LatentView(
        dims=dims,
        conditions=info.class_names if run.config.model.conditional else (),
        shape=(info.channels, info.height, info.width),
        stamp=stamp,
        prior_range=reach,
        words=words,
        prior_points=points,
    )


def prior_refusal(run: Run) -> str:
    """Why contours and tiles of the prior are left out, as a sentence; empty for the standard normal."""
    if run.config.model.prior == STANDARD_NORMAL:
        return ""
    return f"For the standard normal prior only; this run has {PRIORS.title(run.config.model.prior)}"


def _prior_points(run: Run) -> tuple[tuple[float, ...], ...]:
    """Samples of a prior that the browser cannot draw from; none of the standard normal."""
    from vae.latent.embedding import prior_draws

    prior = models.own_prior(run, "best")
    if prior is None:
        return ()
    return tuple(map(tuple, prior_draws(prior, _NUM_POINTS, seed=0).tolist()))


def _dims(run: Run) -> tuple[list[Dim], str]:
    from vae.data.types import DataError
    from vae.models.posterior_statistics import ACTIVE_THRESHOLD

    models.model(run, "best")  # refuses weights that are missing or damaged
    try:
        found, num_images = latents.dimensions(run, "best")
    except DataError as error:
        plain = [Dim(index) for index in range(run.config.model.latent_dim)]
        return plain, f"KL per dimension is not available: {error}"
    dims = [
        Dim(index=dim.index, low=dim.low, high=dim.high, rate=dim.rate, collapsed=not dim.active)
        for dim in found
    ]
    dims.sort(key=lambda dim: dim.collapsed)
    num_active = sum(dim.active for dim in found)
    words = (
        f"KL in nats per example, over {counted(num_images, 'test image')}. Active dimensions: "
        f"{num_active} of {len(dims)} (variance of the posterior mean above {ACTIVE_THRESHOLD:g})."
    )
    return dims, words


def _weights(run: Run) -> str:
    """Which weights the page shows: where the best differ from the newest, somebody may look for a collapse in vain."""
    best, newest = models.best_state(run), run.status()
    if best is None:
        return "Weights: newest."
    words = f"Weights: best on validation (−ELBO {-best['elbo']:.2f} at step {best['step']:,}"
    if newest.step <= best["step"]:
        return f"{words})."
    later = "; the last snapshot shows the newest weights" if len(run.snapshots()) > 1 else ""
    return f"{words} of {newest.step:,}){later}."


def point(run: Run) -> list[float]:
    """The latent point of the URL, else the prior's mean."""
    latent_dim = run.config.model.latent_dim
    return session.read(keys.point(latent_dim), [0.0] * latent_dim)


def label(run: Run) -> int | None:
    """The condition of the URL, else the first class; None for an unconditional run."""
    if not run.config.model.conditional:
        return None
    return session.read(keys.label(run.info.num_classes), 0)


def mix(run: Run, y: int | None) -> Mix | None:
    """The second class of the URL and its share; None without one."""
    if not run.config.model.conditional:
        return None
    second, share = session.read(keys.mix(run.info.num_classes), (-1, 0.0))
    return None if second in (-1, y) else (second, share)


def posterior(
    run: Run, row: int | None = None, *, z: list[float] | None = None
) -> tuple[Posterior, int | None] | None:
    """The posterior of a test image and its label, or of the one that the URL names; None without one.

    It is that of the weights which the page shows: of a snapshot's own encoder, where the scrubber is there. A point
    that was taken from the best weights' posterior stays theirs while the scrubber moves.

    Args:
        run: The run.
        row: The image's number among the test images, from 0.
        z: The point that should be of it.
    """
    if row is None:
        row = session.read(keys.posterior(run.info.num_test), -1)
    best = _best(run, row)
    at = time_machine.at(run)
    if best is None or at == "best":
        return best
    try:
        shown = _encoded(run, at, row, best[1])
    except UserError:
        return best  # neither the image nor a snapshot of it is here
    if z is not None and is_of(z, best[0]) and not is_of(z, shown):
        return best
    return shown, best[1]


def _best(run: Run, row: int) -> tuple[Posterior, int | None] | None:
    from vae.data.types import DataError

    try:
        found = latents.embedding(run, "best", "test") if row >= 0 else None
    except DataError:
        return None
    if found is None or row >= len(found.mean):
        return None
    sigma = (0.5 * found.log_var[row]).exp()
    label = None if found.labels is None else int(found.labels[row])
    return Posterior(row, found.mean[row].tolist(), sigma.tolist()), label


def _encoded(run: Run, at: models.At, row: int, label: int | None) -> Posterior:
    """The posterior of one test image under other weights, from pixels as the page's own encoder sees them."""
    import torch

    images = datasets.dataset(run)
    model = models.model(run, at)
    x = images.images[images.test[row : row + 1]].to(torch.float32) / images.max_value
    if (edge := cut(run)) is not None:
        x = (x >= edge).to(x.dtype)
    y = torch.tensor([label]) if run.config.model.conditional else None
    with torch.no_grad():
        mean, log_var = model.posterior(x, y)
    return Posterior(row, mean[0].tolist(), (0.5 * log_var[0]).exp().tolist())


def cut(run: Run) -> float | None:
    """Pixels at or above this are 1 and the others 0 for the page's encoder; None for a model of grey pixels."""
    data = run.config.data
    binary = {"none": None, "threshold": data.threshold}
    return binary.get(data.binarize, 0.5)


def is_of(z: list[float], found: Posterior) -> bool:
    """Whether a point may be the mean or a draw of a posterior."""
    return all(
        abs(value - mean) <= max(_FAR * sigma, 1e-3)
        for value, mean, sigma in zip(z, found.mean, found.sigma, strict=True)
    )


def keep(run: Run, z: list[float], y: int | None) -> None:
    """Put the point and the condition into the URL."""
    session.write(keys.point(run.config.model.latent_dim), z)
    if run.config.model.conditional and y is not None:
        session.write(keys.label(run.info.num_classes), y)


def row_of(run: Run, click: Click) -> int | None:
    """The number among the test images of the image that was clicked; None for a spot without one."""
    if click.index is None:
        return None
    found = (latents.embedding(run, "best", "test").index == click.index).nonzero().flatten()
    return int(found[0]) if len(found) else None
