"""Measurements of a diagnosis that a user registers: a name, a unit and a function.

::

    @MEASUREMENTS.register("max-mean", title="Largest posterior mean", unit="")
    def largest(examined: Examined) -> float:
        return float(examined.mean.abs().max())

Each is in the diagnosis, on the page Collapse and in ``vae evaluate --diagnose --json``. One that fails says why in its
place, and the rest of the diagnosis stands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from vae.config.registries import MEASUREMENTS
from vae.config.registry import Entry
from vae.data.dataset import Dataset, Part
from vae.errors import clean, first_line
from vae.models.batches import ModelInputs
from vae.models.vae import VAE
from vae.runtime.number_format import readable


@dataclass(frozen=True)
class Examined:
    """What a measurement gets: a model, and what its encoder says of the images of a diagnosis.

    Attributes:
        model: Evaluating, without gradients.
        dataset: The images.
        part: Of which part the images are.
        x: Their pixels: index it by rows or a slice for ``(B, C, H, W)``.
        labels: On the model's device, or None.
        mean: Of q(z|x), ``(N, D)``.
        log_var: Its log-variance, ``(N, D)``.
        z: One sample of each posterior, ``(N, D)``.
        index: Places of the images in the data set, ``(N,)``.
        seed: Of all noise: one seed, one number.
    """

    model: VAE
    dataset: Dataset
    part: Part
    x: Tensor | ModelInputs
    labels: Tensor | None
    mean: Tensor
    log_var: Tensor
    z: Tensor
    index: Tensor
    seed: int


@dataclass(frozen=True)
class Measured:
    """What a measurement came to.

    Attributes:
        name: Of the measurement.
        title: As it is shown.
        unit: Of its numbers; empty where they have none.
        value: The number, or the mean over dimensions; None if it failed.
        per_dim: One for each latent dimension, if it gives those.
        why: Why there is none, as a sentence; empty if there is.
    """

    name: str
    title: str
    unit: str
    value: float | None
    per_dim: tuple[float, ...] = ()
    why: str = ""

    def line(self) -> str:
        """The measurement in words."""
        if self.value is None:
            return f"{self.title}: {self.why}"
        unit = f" {self.unit}" if self.unit else ""
        each = (
            f" ({', '.join(f'{readable(value, 3)}' for value in self.per_dim)})"
            if 1 < len(self.per_dim) <= 16
            else ""
        )
        return f"{self.title}  {readable(self.value)}{unit}{each}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def measurements(examined: Examined) -> tuple[Measured, ...]:
    """All registered measurements, in the order of their registration."""
    return tuple(_measured(entry, examined) for entry in MEASUREMENTS)


def _measured(entry: Entry, examined: Examined) -> Measured:
    unit = str(entry.facts.get("unit", ""))
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(examined.seed)
            found = entry.load()(examined)
        values = _numbers(found)
        num_dims = examined.mean.shape[1]
        if len(values) not in (1, num_dims):
            raise ValueError(
                f"it must give one number, or one for each of {num_dims} dimensions, got {len(values)}"
            )
    except Exception as error:  # whatever a user's function does
        return Measured(entry.name, entry.title, unit, None, why=clean(f"not measured: {first_line(error)}"))
    per_dim = tuple(values) if len(values) == num_dims and not _is_scalar(found) else ()
    return Measured(entry.name, entry.title, unit, math.fsum(values) / len(values), per_dim)


def _is_scalar(found: Any) -> bool:
    return isinstance(found, int | float) or (isinstance(found, Tensor) and found.dim() == 0)


def _numbers(found: Any) -> list[float]:
    """A number, a tensor or a sequence as numbers, all finite."""
    if isinstance(found, Tensor):
        values = found.detach().cpu().double().flatten().tolist()
    elif isinstance(found, Sequence) and not isinstance(found, str):
        values = [float(value) for value in found]
    else:
        values = [float(found)]
    if not all(map(math.isfinite, values)):
        raise ValueError("it came to a number that is not finite")
    return values
