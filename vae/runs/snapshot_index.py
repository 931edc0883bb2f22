"""A run through its training: what its snapshots say, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vae.errors import UserError
from vae.storage.atomic import read_json

if TYPE_CHECKING:
    from torch import Tensor

    from vae.latent.embedding import Projection
    from vae.runs.listing import Run

#: Snapshots that are listed; of more, so many are chosen evenly.
MOST = 240


@dataclass(frozen=True)
class Moment:
    """What a snapshot says of itself.

    Attributes:
        step: Steps of training before it.
        epoch: Passes over the training images before it, with the part of the one under way.
        seconds: Of training, pauses left out.
        beta: β of the last step before it.
        rate_per_dim: KL of each latent dimension over the run's probe images, nats per example.
    """

    step: int
    epoch: float
    seconds: float
    beta: float
    rate_per_dim: tuple[float, ...]


@dataclass(frozen=True)
class Evolution:
    """Where the posterior means of a run's probe images lay at each snapshot.

    Attributes:
        moments: The snapshots, S of them, ascending.
        positions: Posterior means in the plane, ``(S, N, 2)``.
        labels: Of the images, ``(N,)``, or None.
        plane: The plane; for two latent dimensions the latent space itself, for one its axis, for more the plane of
            largest variance of the last snapshot.
    """

    moments: tuple[Moment, ...]
    positions: Tensor
    labels: Tensor | None
    plane: Projection


def moments(run: Run) -> list[Moment]:
    """The snapshots of a run, ascending, at most `MOST`; one that is being removed, or is damaged, is left out."""
    steps = run.snapshots()
    if len(steps) > MOST:
        steps = [steps[round(place * (len(steps) - 1) / (MOST - 1))] for place in range(MOST)]
    found = (_moment(run, step) for step in steps)
    return [moment for moment in found if moment is not None]


def _moment(run: Run, step: int) -> Moment | None:
    try:
        values = read_json(run.snapshot_dir(step) / "snapshot.json")
    except (OSError, UserError):
        return None
    if not isinstance(values, dict):
        return None
    rates = values.get("rate_per_dim")
    numbers = [values.get(name) for name in ("epoch", "seconds", "beta")]
    if not isinstance(rates, list) or len(rates) != run.config.model.latent_dim:
        return None
    if not all(_is_number(value) for value in [*numbers, *rates]):
        return None
    epoch, seconds, beta = map(float, numbers)  # type: ignore[arg-type]
    return Moment(step, epoch, seconds, beta, tuple(map(float, rates)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def evolution(run: Run) -> Evolution:
    """How the map of a run's probe images came about.

    Raises:
        CheckpointError: If the run kept fewer than two snapshots, or what they keep is damaged.
    """
    import torch

    from vae.latent.embedding import principal_plane
    from vae.storage.safetensors_io import CheckpointError, check_shapes, load

    kept: list[Moment] = []
    means: list[Tensor] = []
    index, labels = None, None
    for moment in moments(run):
        try:
            tensors, _ = load(run.snapshot_dir(moment.step), "probe")
        except CheckpointError:
            if moment.step in run.snapshots():
                raise
            continue  # thinned out by its trainer meanwhile
        num = len(tensors["mean"]) if "mean" in tensors and tensors["mean"].dim() else 0
        numbers = torch.empty(num, run.config.model.latent_dim, device="meta")
        whole = torch.empty(num, dtype=torch.int64, device="meta")
        expected = {"mean": numbers, "log_var": numbers, "index": whole}
        if "labels" in tensors:
            expected["labels"] = whole
        check_shapes(tensors, expected, f"the probe of step {moment.step}")
        if index is not None and not torch.equal(tensors["index"], index):
            raise CheckpointError(
                f"the probe of step {moment.step} must be of the same images as the others, got others; "
                "remove that snapshot's folder"
            )
        index, labels = tensors["index"], tensors.get("labels")
        kept.append(moment)
        means.append(tensors["mean"])
    if len(kept) < 2:
        raise CheckpointError(
            f"a run's evolution needs at least 2 snapshots, and run {run.id} has {len(kept)}; "
            "train one with train.num_snapshots of 60"
        )
    plane = principal_plane(means[-1])
    return Evolution(tuple(kept), torch.stack([plane.project(mean) for mean in means]), labels, plane)
