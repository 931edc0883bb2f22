"""Test images as a model sees them, and models of snapshots, for answers that need a few of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.cache import datasets, image_sheets, models
from dashboard.cache.models import At
from vae.errors import UserError
from vae.runs.run import Run

if TYPE_CHECKING:
    from vae.models.vae import VAE


def model_of(run: Run, at: At) -> VAE:
    """Snapshots are read anew: sixty of each of six runs would push all others out of memory."""
    if not isinstance(at, int):
        return models.model(run, at)
    from vae.runs.snapshots import load_model

    return load_model(run, at)


def pixels(run: Run, rows: list[int]) -> tuple[Any, Any]:
    """Test images ``(B, C, H, W)`` as the model sees them, and their labels or None.

    With dynamic binarisation they are those that `vae evaluate` looks at under seed 0.
    """
    import torch

    dataset = datasets.dataset(run)
    index = dataset.test[torch.tensor(rows)]
    return dataset.seen(index), None if dataset.labels is None else dataset.labels[index]


def first_of_each(run: Run, num: int) -> list[int]:
    """Places of test images: the first of each class, then whatever comes first; the first ones without labels."""
    try:
        dataset = datasets.dataset(run)
    except UserError:
        return list(range(min(num, run.info.num_test)))
    labels = None if dataset.labels is None else dataset.labels[dataset.test].numpy()
    return image_sheets.one_of_each(labels, len(dataset.test), num)
