"""What became of each latent dimension along training: what the snapshots keep of the probe images says it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vae.diagnostics.measure import NUM_IMAGES
from vae.diagnostics.mutual_information import Information, information
from vae.errors import UserError
from vae.models.posterior_statistics import ACTIVE_THRESHOLD, active_variance
from vae.models.priors import Prior
from vae.runs.snapshot_index import Moment, moments
from vae.runs.snapshots import prior_of
from vae.storage.atomic import read_json
from vae.storage.safetensors_header import CheckpointError
from vae.storage.safetensors_io import check_shapes, load

if TYPE_CHECKING:
    from vae.runs.run import Run


@dataclass(frozen=True)
class Stage:
    """Every latent dimension at one snapshot, over the run's probe images.

    Attributes:
        step, epoch: Of the snapshot.
        rate_per_dim: Mean KL of each dimension, nats per example.
        sigma_per_dim: Mean posterior standard deviation of each; the prior's is 1.
        active_variance: Variance over the images of each one's posterior mean.
    """

    step: int
    epoch: float
    rate_per_dim: tuple[float, ...]
    sigma_per_dim: tuple[float, ...]
    active_variance: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class PosteriorSummary:
    """What posteriors alone say, without images and without the decoder.

    Attributes:
        step: Of the weights, None if it is not known.
        part: Of the data that the images are of: ``probe`` for those of the snapshots.
        num_images: How many they are.
        rate_per_dim: Mean KL of each dimension, nats per example.
        sigma_per_dim: Mean posterior standard deviation of each; the prior's is 1.
        active_variance: Variance over the images of each one's posterior mean.
        spread_per_dim: Standard deviation of each dimension of the aggregate posterior; the prior's is 1.
        information: Mutual information and marginal KL.
    """

    step: int | None
    part: str
    num_images: int
    rate_per_dim: tuple[float, ...]
    sigma_per_dim: tuple[float, ...]
    active_variance: tuple[float, ...]
    spread_per_dim: tuple[float, ...]
    information: Information

    def outline(self, missing: str, threshold: float = ACTIVE_THRESHOLD) -> dict[str, Any]:
        """As much of a diagnosis as can be said of them, in the words of `Diagnosis.to_dict`.

        Args:
            missing: Why there is no more.
            threshold: Variance above which a dimension is active.
        """
        active = [value > threshold for value in self.active_variance]
        return {
            "missing": missing,
            "verdict": None,
            "remarks": [],
            "step": self.step,
            "part": self.part,
            "num_images": self.num_images,
            "latent_dim": len(self.active_variance),
            "rate": self.information.rate_exact,
            "rate_per_dim": self.rate_per_dim,
            "sigma_per_dim": self.sigma_per_dim,
            "spread_per_dim": self.spread_per_dim,
            "active_variance": self.active_variance,
            "active_threshold": threshold,
            "active": active,
            "num_active": sum(active),
            "information": self.information.to_dict(),
            "usage": None,
        }


def training_stages(run: Run) -> list[Stage]:
    """Every dimension at every snapshot of a run, ascending; one that is damaged, or being removed, is left out."""
    found = (_stage(run, moment) for moment in moments(run))
    return [stage for stage in found if stage is not None]


def posterior_summary(run: Run, step: int | None = None) -> PosteriorSummary:
    """What can be said of a run where its images are not at hand: from posteriors that training left in it.

    Args:
        run: The run.
        step: Of a snapshot; without it, the last one, or the posteriors of the best weights where there is none.

    Raises:
        UserError: If there are none, they are damaged, or they are of fewer than two images.
    """
    from vae.latent.embedding import kept_embedding

    found = [moment for moment in moments(run) if step is None or moment.step == step]
    if found:
        return _silhouette(
            found[-1].step, "probe", *_probe(run, found[-1].step), prior_of(run, found[-1].step)
        )
    kept = None if step is not None else kept_embedding(run)
    if kept is None:
        wanted = "none" if step is None else f"none of step {step}"
        raise CheckpointError(
            f"without images, a diagnosis uses the posteriors that training saved in the run, and run {run.id} has "
            f"{wanted}; choose another run"
        )
    mean, log_var = kept.mean[:NUM_IMAGES], kept.log_var[:NUM_IMAGES]
    return _silhouette(None, "test", mean, log_var, prior_of(run, "best"))


def _silhouette(step: int | None, part: str, mean: Tensor, log_var: Tensor, prior: Prior) -> PosteriorSummary:
    rate, sigma, variance = _per_dim(mean, log_var, prior)
    spread = (active_variance(mean) + torch.exp(log_var.cpu().double()).mean(0)).sqrt()
    about = information(mean, log_var, prior=prior)
    return PosteriorSummary(step, part, len(mean), rate, sigma, variance, tuple(spread.tolist()), about)


def _stage(run: Run, moment: Moment) -> Stage | None:
    """A stage, from the snapshot's own numbers; snapshots of older versions have none, and their probe is read."""
    folder, num = run.snapshot_dir(moment.step), run.config.model.latent_dim
    try:
        values = read_json(folder / "snapshot.json")
        kept = [values.get(name) for name in ("sigma_per_dim", "active_variance")]
        if all(_are_numbers(listed, num) for listed in kept):
            sigma, variance = (tuple(map(float, listed)) for listed in kept)
            return Stage(moment.step, moment.epoch, moment.rate_per_dim, sigma, variance)
        return Stage(
            moment.step, moment.epoch, *_per_dim(*_probe(run, moment.step), prior_of(run, moment.step))
        )
    except (OSError, UserError):
        return None


def _per_dim(
    mean: Tensor, log_var: Tensor, prior: Prior
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """Rate, σ and variance of the mean, dimension by dimension."""
    rate = prior.rate_per_dim(mean, log_var).cpu().double().mean(0)
    sigma = torch.exp(0.5 * log_var.cpu().double()).mean(0)
    return tuple(rate.tolist()), tuple(sigma.tolist()), tuple(active_variance(mean).tolist())


def _probe(run: Run, step: int) -> tuple[Tensor, Tensor]:
    """Posterior means and log-variances of the probe images, ``(N, D)`` each."""
    tensors, _ = load(run.snapshot_dir(step), "probe")
    num = len(tensors["mean"]) if "mean" in tensors and tensors["mean"].dim() else 0
    expected = torch.empty(num, run.config.model.latent_dim, device="meta")
    found: dict[str, Tensor] = {name: tensors[name] for name in ("mean", "log_var") if name in tensors}
    shapes: dict[str, Tensor] = {"mean": expected, "log_var": expected}
    check_shapes(found, shapes, f"the probe of step {step}")
    return found["mean"], found["log_var"]


def _are_numbers(values: Any, num: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) == num
        and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    )
