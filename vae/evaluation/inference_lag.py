"""Inference lag: how far the encoder is behind the true posterior, snapshot by snapshot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vae.errors import UserError
from vae.runtime.eval_mode import at_rest
from vae.runtime.mean_of import MeanOf, known

if TYPE_CHECKING:
    from vae.data.dataset import Dataset
    from vae.models.batches import ModelInputs
    from vae.models.vae import VAE
    from vae.runs.run import Run

#: Probe images and snapshots that are looked at unless the user asks for others.
NUM_IMAGES, NUM_MOMENTS = 50, 20


@dataclass(frozen=True)
class InferenceLag:
    """The lag at one moment, over the probe images.

    Attributes:
        step: Steps of training before it.
        epoch: Passes over the training images before it.
        mean: Means of q(z|x), shape ``(N, D)``.
        true_mean: Means of the true posterior, ``(N, D)``.
        distance: Between them, ``(N,)``.
        in_deviations: The distance in units of the true posterior's standard deviation, √ of the mean variance of its
            dimensions, ``(N,)``.
        gap: KL(q(z|x) ‖ p(z|x)), nats, ``(N,)``.
    """

    step: int
    epoch: float
    mean: Tensor
    true_mean: Tensor
    distance: Tensor
    in_deviations: Tensor
    gap: Tensor

    def to_dict(self) -> dict[str, Any]:
        """The means over the images as JSON values, each with its standard error."""
        found: dict[str, Any] = {"step": self.step, "epoch": self.epoch, "num_images": len(self.gap)}
        for name in ("distance", "in_deviations", "gap"):
            of = MeanOf.of(getattr(self, name))
            found |= {name: of.mean, f"{name}_standard_error": known(of.standard_error)}
        return found


@at_rest
def lag_of(
    model: VAE, x: Tensor | ModelInputs, y: Tensor | None, *, step: int = 0, epoch: float = 0.0
) -> InferenceLag:
    """The lag of a model of one or two latent dimensions, on images ``(B, C, H, W)``.

    Raises:
        UserError: If there are no images, or the model has more than two latent dimensions.
    """
    from vae.evaluation.exact_posterior import each_exact_posterior

    if not len(x):
        raise UserError(
            "the encoder's lag needs images, got none; choose a run with a validation or test part"
        )
    figures = [
        (one.q_mean, one.mean, one.covariance.diagonal().mean(), one.gap)
        for one in each_exact_posterior(model, x, y)
    ]
    means, true_means, variances, gaps = zip(*figures, strict=True)
    mean, true_mean, variance = torch.stack(means), torch.stack(true_means), torch.stack(variances)
    distance = (mean - true_mean).norm(dim=1)
    gap = torch.tensor(gaps, dtype=torch.float64)
    return InferenceLag(step, epoch, mean, true_mean, distance, distance / variance.sqrt(), gap)


def encoder_lag(
    run: Run,
    dataset: Dataset,
    *,
    num_images: int = NUM_IMAGES,
    num_moments: int = NUM_MOMENTS,
    progress: Callable[[int, int], None] | None = None,
) -> list[InferenceLag]:
    """The lag at the snapshots of a run, on the first of its probe images.

    Args:
        run: With snapshots, and one or two latent dimensions.
        dataset: The run's images.
        num_images: Of the probe, at most.
        num_moments: Snapshots, spread evenly, at most.
        progress: Told of the snapshots done; an exception that it raises ends the work.

    Raises:
        UserError: If the run has no snapshots, or more than two latent dimensions.

    Source:
        He, Spokoyny, Neubig & Berg-Kirkpatrick (2019), "Lagging inference networks", https://arxiv.org/abs/1901.05534
    """
    from vae.runs.snapshot_index import moments
    from vae.runs.snapshots import Probe, load_model

    found = moments(run)
    if not found:
        raise UserError(
            f"the encoder's lag needs snapshots, and run {run.id} has none; train with train.num_snapshots"
        )
    if min(num_images, num_moments) < 1:
        raise UserError(
            f"images and snapshots must be at least 1, got {num_images} and {num_moments}; leave them out"
        )
    if len(found) > num_moments:
        places = torch.linspace(0, len(found) - 1, num_moments).round().long().tolist()
        found = [found[place] for place in places]
    probe = Probe.of(dataset, torch.device("cpu"), num_images)
    lags = []
    for number, moment in enumerate(found):
        model = load_model(run, moment.step)
        lags.append(lag_of(model, probe.x, probe.labels, step=moment.step, epoch=moment.epoch))
        if progress is not None:
            progress(number + 1, len(found))
    return lags
