"""The evolution of a run's map: the probe images of its snapshots, on the plane of the last one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae.runs.snapshot_index import Moment, moments

if TYPE_CHECKING:
    from torch import Tensor

    from vae.latent.embedding import Projection
    from vae.runs.run import Run


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


@dataclass(frozen=True)
class ProbeMap:
    """Where the posterior means of a run's probe images lie at one snapshot, on the plane of the newest one.

    Attributes:
        positions: In the plane, ``(N, 2)``.
        labels: Of the images, ``(N,)``, or None.
        plane: As in `Evolution`.
        origin: Where the prior's mean lies in the plane, ``(2,)``.
        newest: Step of the snapshot whose plane it is.
    """

    positions: Tensor
    labels: Tensor | None
    plane: Projection
    origin: Tensor
    newest: int


def probe_map(run: Run, step: int) -> ProbeMap:
    """The map of a run's probe images at a snapshot; all snapshots are seen on one plane, so that they can be compared.

    Raises:
        CheckpointError: If there is no such snapshot, or what it keeps is damaged.
    """
    from vae.latent.embedding import principal_plane
    from vae.storage.safetensors_header import CheckpointError

    found = _probe(run, step)
    newest = max(run.snapshots(), default=step)
    try:
        last = found if newest == step else _probe(run, newest)
    except CheckpointError:  # thinned out by its trainer meanwhile
        newest, last = step, found
    plane = principal_plane(last["mean"])
    origin = plane.project(found["mean"].new_zeros(1, found["mean"].shape[1]))[0]
    return ProbeMap(plane.project(found["mean"]), found.get("labels"), plane, origin, newest)


def evolution(run: Run) -> Evolution:
    """How the map of a run's probe images came about.

    Raises:
        CheckpointError: If the run kept fewer than two snapshots, or what they keep is damaged.
    """
    import torch

    from vae.latent.embedding import principal_plane
    from vae.storage.safetensors_header import CheckpointError

    kept: list[Moment] = []
    means: list[Tensor] = []
    index, labels = None, None
    for moment in moments(run):
        try:
            tensors = _probe(run, moment.step)
        except CheckpointError:
            if moment.step in run.snapshots():
                raise
            continue  # thinned out by its trainer meanwhile
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


def _probe(run: Run, step: int) -> dict[str, Tensor]:
    """What a snapshot keeps of its probe images, checked.

    Raises:
        CheckpointError: If it is gone or damaged.
    """
    import torch

    from vae.storage.safetensors_io import check_shapes, load

    tensors, _ = load(run.snapshot_dir(step), "probe")
    num = len(tensors["mean"]) if "mean" in tensors and tensors["mean"].dim() else 0
    numbers = torch.empty(num, run.config.model.latent_dim, device="meta")
    whole = torch.empty(num, dtype=torch.int64, device="meta")
    expected = {"mean": numbers, "log_var": numbers, "index": whole}
    if "labels" in tensors:
        expected["labels"] = whole
    check_shapes(tensors, expected, f"the probe of step {step}")
    return tensors
