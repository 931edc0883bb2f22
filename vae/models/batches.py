"""Batches of a part as a model sees them, sized by memory; results do not depend on the batch size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vae.data.dataset import Dataset, Part
from vae.errors import UserError
from vae.models.memory_budget import BUDGET, MOST_ROWS, rows_for
from vae.models.vae import VAE
from vae.runtime.eval_mode import at_rest
from vae.runtime.seeding import generator


@dataclass(frozen=True)
class Batch:
    """Some images of a part, ready for a model.

    Attributes:
        x: Pixels ``(B, C, H, W)``, of the model's precision and on its device.
        y: Labels ``(B,)`` on the model's device, or None.
        rows: Their places in the part ``(B,)``, on the CPU.
        total: How many images all batches have together.
    """

    x: Tensor
    y: Tensor | None
    rows: Tensor
    total: int


class ModelInputs:
    """Images of a part as a model sees them, whose pixels are made when they are asked for and then forgotten.

    A slice of it, or rows of it, are pixels ``(B, C, H, W)``, just as those of a tensor of all pixels would be. With
    dynamic binarisation an image is the same each time, and for everything that is measured under one seed.

    Args:
        dataset: The images.
        part: Of which part.
        rows: Places in the part ``(N,)``; None takes all.
        seed: Of dynamic binarisation.
        device: Where the pixels are wanted.
        dtype: Of the pixels.

    Attributes:
        rows: Places in the part ``(N,)``, on the CPU.
        index: Places in the data set ``(N,)``, on the CPU.
        labels: ``(N,)`` on the device, or None.
    """

    def __init__(
        self,
        dataset: Dataset,
        part: Part,
        rows: Tensor | None = None,
        seed: int = 0,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        places = dataset.places(part)
        self.rows = torch.arange(len(places)) if rows is None else rows
        self.index = places[self.rows]
        self.labels = None if dataset.labels is None else dataset.labels[self.index].to(device)
        self._dataset, self._seed, self._device, self._dtype = dataset, seed, device, dtype

    @classmethod
    def by(
        cls, model: VAE, dataset: Dataset, part: Part, rows: Tensor | None = None, seed: int = 0
    ) -> ModelInputs:
        """Those of the model's precision and on its device.

        Raises:
            UserError: If there are none.
        """
        if not len(dataset.places(part) if rows is None else rows):
            raise UserError(f"the {part} part must hold images, got none; choose another part")
        weight = next(model.parameters())
        return cls(dataset, part, rows, seed, device=weight.device, dtype=weight.dtype)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, some: slice | Tensor) -> Tensor:
        return self._dataset.seen(self.index[some], self._seed, self._device).to(self._dtype)

    def held(self) -> Tensor | ModelInputs:
        """All pixels as one tensor, if that takes little memory; else itself, which makes them anew each time."""
        each = self._dataset.images[0].numel() * self._dtype.itemsize
        return self[:] if len(self) * each <= BUDGET / 4 else self

    def batch(self, some: slice) -> Batch:
        """Those of a slice, with labels and places."""
        y = None if self.labels is None else self.labels[some]
        return Batch(self[some], y, self.rows[some], len(self))

    def batches(self, model: VAE) -> Iterator[Batch]:
        """All of them in order, as many at once as the model may be given; the last batch may be smaller."""
        return map(self.batch, slices(len(self), rows_for(model)))


def slices(num: int, size: int) -> Iterator[slice]:
    """So many rows in pieces of a size; the last one may be smaller."""
    for start in range(0, num, size):
        yield slice(start, min(num, start + size))


def chosen_images(
    model: VAE, dataset: Dataset, part: Part = "test", num_images: int | None = None, seed: int = 0
) -> Iterator[Batch]:
    """The images of a part, or so many of them, drawn by the seed, in order.

    With dynamic binarisation an image is the same whatever others are chosen, and whatever is measured, so that methods
    can be compared on a few.

    Raises:
        UserError: If the part holds no images, or ``num_images`` is not positive.
    """
    total = len(dataset.places(part))
    if num_images is not None and num_images < 1:
        raise UserError(f"the number of images must be at least 1, got {num_images}; leave it out for all")
    wanted = torch.arange(total)
    if num_images is not None and num_images < total:
        order = torch.randperm(total, generator=generator(seed, "probe"))
        wanted = order[:num_images].sort().values
    seen, size = ModelInputs.by(model, dataset, part, wanted, seed), rows_for(model)
    # Pieces of the part, whether few or all of its images are wanted.
    ends = torch.searchsorted(wanted, torch.arange(size, total + size, size)).tolist()
    for start, end in zip([0, *ends], ends, strict=False):
        if start < end:
            yield seen.batch(slice(start, end))


@at_rest
def posteriors(model: VAE, x: Tensor | ModelInputs, y: Tensor | None) -> tuple[Tensor, Tensor]:
    """Means and log-variances of many images, each ``(N, D)``, as many at once as the model may be given."""
    found = [
        model.posterior(x[some], None if y is None else y[some]) for some in slices(len(x), rows_for(model))
    ]
    return torch.cat([mean for mean, _ in found]), torch.cat([log_var for _, log_var in found])


@at_rest
def log_probs(model: VAE, z: Tensor, x: Tensor | ModelInputs, condition: Tensor | None) -> Tensor:
    """log p(x|z) of the first of many images, one for each z, ``(N,)``, as many at once as the model may be given."""
    return torch.cat(
        [
            model.log_prob(z[some], x[some], None if condition is None else condition[some])
            for some in slices(len(z), rows_for(model))
        ]
    )


@torch.no_grad()
def decoded(model: VAE, z: Tensor, y: Tensor | None = None) -> Tensor:
    """E[x|z] of many latent points, ``(N, C, H, W)``, as many at once as the model may be given; see `VAE.decode`."""
    pieces = [
        model.decode(z[some], None if y is None else y[some]) for some in slices(len(z), rows_for(model))
    ]
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)


class Noise:
    """Standard normal numbers for each of many images, drawn so that it does not matter how many are worked on at once.

    Args:
        num_images: For how many.
        num_dims: Numbers for each.
        like: Of their precision and device.
        draw: Where they are drawn from.
    """

    def __init__(self, num_images: int, num_dims: int, like: Tensor, draw: torch.Generator) -> None:
        self._left, self._num_dims, self._draw = num_images, num_dims, draw
        self._block = torch.empty(0, num_dims, dtype=like.dtype, device=like.device)

    def take(self, num: int) -> Tensor:
        """Those of the next so many images, ``(num, D)``."""
        while len(self._block) < num and self._left:
            more = self._block.new_empty(min(MOST_ROWS, self._left), self._num_dims)
            self._left -= len(more)
            self._block = torch.cat([self._block, more.normal_(generator=self._draw)])
        taken, self._block = self._block[:num], self._block[num:]
        return taken
