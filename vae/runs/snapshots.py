"""Snapshots of a run's weights during training, and the newest weights while it trains."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vae.config.registries import STANDARD_NORMAL
from vae.data.dataset import Dataset, Part
from vae.export.onnx_networks import external_model
from vae.limits import WEIGHTS_BYTES
from vae.models.batches import ModelInputs, posteriors
from vae.models.network_builder import drawing
from vae.models.posterior_statistics import active_variance
from vae.models.priors import Prior, StandardNormal
from vae.models.vae import VAE, At
from vae.runs.size import NUM_PROBES, halved
from vae.runs.watch_notes import why_no_networks
from vae.runs.weights_file import LIVE as LIVE
from vae.runs.weights_file import OF_MODEL, in_full, weights_path, without_numbers
from vae.runs.weights_file import check_weights as check_weights
from vae.runs.weights_file import is_external as is_external
from vae.runtime.devices import choose_device
from vae.runtime.eval_mode import at_rest
from vae.storage.atomic import write_json
from vae.storage.confined import make_folder, remove_folder, rename
from vae.storage.finite_tensors import check_divergence
from vae.storage.safetensors_header import CheckpointError as CheckpointError
from vae.storage.safetensors_io import check_shapes, load, save

if TYPE_CHECKING:
    from vae.runs.run import Run


def snapshot_steps(num_steps: int, num_snapshots: int) -> frozenset[int]:
    """The steps after which a snapshot is kept: 0, the last, and between them denser early; one alone is the last."""
    if num_snapshots < 2:
        return frozenset([num_steps] * num_snapshots)
    last = num_snapshots - 1
    return frozenset(round(num_steps * (i / last) ** 2) for i in range(num_snapshots))


@dataclass(frozen=True)
class Probe:
    """A fixed set of images whose posterior every snapshot keeps, from the validation part if there is one.

    Attributes:
        x: Their pixels, all of them or as they are asked for, see `vae.models.batches.ModelInputs.held`.
        labels: On the device, or None.
        index: Places in the data set.
    """

    x: Tensor | ModelInputs
    labels: Tensor | None
    index: Tensor

    @classmethod
    def of(cls, dataset: Dataset, device: torch.device, most: int = NUM_PROBES) -> Probe:
        """The first images of the validation (else the test) part; dynamic binarisation is that of seed 0."""
        part: Part = "validation" if len(dataset.validation) else "test"
        rows = torch.arange(min(most, NUM_PROBES, len(dataset.places(part))))
        seen = ModelInputs(dataset, part, rows, device=device)
        return cls(seen.held(), seen.labels, seen.index)


@torch.no_grad()
@at_rest
def write_snapshot(
    run: Run,
    model: VAE,
    probe: Probe,
    position: dict[str, Any],
    weights: dict[str, Tensor] | None = None,
    *,
    in_half: bool = False,
) -> None:
    """Keep the weights, the probe's posterior and the rate of each dimension; the folder appears whole or never.

    Args:
        run: Whose snapshot.
        model: The model of now.
        probe: The images whose posterior is kept.
        position: Step, epoch, seconds and β.
        weights: What to keep as its weights, if that is not its `cpu_weights`.
        in_half: Keep them in half precision.

    Raises:
        Diverged: If one of them is not finite.
    """
    mean, log_var = posteriors(model, probe.x, probe.labels)
    tensors = {"mean": mean.cpu(), "log_var": log_var.cpu(), "index": probe.index}
    if probe.labels is not None:
        tensors["labels"] = probe.labels.cpu()
    rates = model.prior.rate_per_dim(mean, log_var).mean(0)
    weights = cpu_weights(model) if weights is None else weights
    check_divergence({**weights, "rates": rates})
    if in_half:
        weights = halved(weights)
    target = run.snapshot_dir(int(position["step"]))
    beside = target.with_name(f".{target.name}")  # swept away by the next trainer if this one is killed here
    remove_folder(beside)
    make_folder(beside)
    save(beside, "weights", weights, durable=False)
    save(beside, "probe", tensors, durable=False)
    of_dims = {
        "rate_per_dim": rates.tolist(),
        "sigma_per_dim": torch.exp(0.5 * log_var).mean(0).tolist(),
        "active_variance": active_variance(mean).tolist(),
    }
    said = {"precision": "float16"} if in_half else {}
    write_json(beside / "snapshot.json", {**position, **of_dims, **said}, durable=False)
    remove_folder(target)
    rename(beside, target.name)


def thin_snapshots(run: Run, at_most: int) -> None:
    """Remove snapshots until so many are left: those that stand closest, on the scale of `snapshot_steps`.

    The first and the last stay, where two may; of them the first.
    """
    steps = run.snapshots()
    while len(steps) > at_most:
        gaps = [math.sqrt(after) - math.sqrt(before) for before, after in zip(steps, steps[2:], strict=False)]
        run.drop_snapshot(steps.pop(1 + gaps.index(min(gaps)) if gaps else -1))


def write_live(run: Run, weights: dict[str, Tensor], step: int) -> None:
    """Replace the newest weights, which pages show while the run trains."""
    save(run.path, LIVE, weights, {"step": step}, durable=False)


def cpu_weights(model: VAE) -> dict[str, Tensor]:
    """The model's tensors as they are saved."""
    return {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}


def load_weights(run: Run, at: At = "best") -> dict[str, Tensor]:
    """The weights of a run, by name.

    Args:
        run: An opened run.
        at: ``"best"`` on validation, ``"last"`` (the newest there are), or the step of a snapshot.
            Without a best checkpoint, ``"best"`` is the newest.

    Raises:
        CheckpointError: If there are none, or they are damaged.
    """
    if isinstance(at, int):
        if at not in run.snapshots():
            raise CheckpointError(
                f"run {run.id} has no snapshot of step {at}; choose one of its {len(run.snapshots())} snapshots"
            )
        return in_full(_read(run, run.snapshot_dir(at) / "weights.safetensors"))
    path = weights_path(run, at)
    if path is None:
        raise CheckpointError(
            why_no_networks(run)
            or f"run {run.id} has no weights yet; wait for its first checkpoint, or train it again"
        )
    return in_full(_read(run, path))


def _read(run: Run, path: Path) -> dict[str, Tensor]:
    """The model's tensors of a file: a `last` checkpoint has the optimiser's too, which stay where they are."""
    if path.stem != "last" or is_external(run):
        return load(path.parent, path.stem, at_most=WEIGHTS_BYTES)[0]
    found, _ = load(path.parent, path.stem, lambda name: name.startswith(OF_MODEL), at_most=WEIGHTS_BYTES)
    return {name.removeprefix(OF_MODEL): tensor for name, tensor in found.items()}


def prior_of(run: Run, at: At = "best") -> Prior:
    """The prior of a run's model; the standard normal needs no weights.

    Raises:
        UserError: As `load_model`, for another prior.
    """
    if run.config.model.prior == STANDARD_NORMAL:
        return StandardNormal(run.config.model.latent_dim)
    return load_model(run, at).prior


def load_model(run: Run, at: At = "best", *, device: str = "cpu") -> VAE:
    """The model of a run, ready to evaluate.

    Args:
        run: An opened run.
        at: As for `load_weights`.
        device: Where it is to compute: ``"cpu"``, ``"cuda"``, ``"mps"``, or ``"auto"`` for the best there is. Networks
            that are kept as ONNX compute on the CPU, whatever is said.

    Raises:
        CheckpointError: If the weights are missing, damaged, or belong to another architecture.
        UserError: If the device is not there.
    """
    place = choose_device(device)
    if is_external(run):
        return external_model(run.config.model, run.info, load_weights(run, at))
    model, weights = without_numbers(run), load_weights(run, at)
    check_shapes(weights, model.state_dict())
    if run.config.model.is_extended:  # a user's classes may hold numbers that no checkpoint brings
        with drawing(torch.Generator()):
            model = VAE(run.config.model, run.info)
    model.load_state_dict(weights, assign=True)
    return model.eval().requires_grad_(False).to(place)
