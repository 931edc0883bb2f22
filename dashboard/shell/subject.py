"""The image that a chapter looks at: a test image of the run or, where these are not available, a decoded one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboard.cache import datasets, models, test_images
from dashboard.link import keys, session
from dashboard.shell import latent_view
from vae.runs.run import Run

if TYPE_CHECKING:
    from torch import Tensor

#: Images to choose from.
NUM = 10


@dataclass(frozen=True)
class Subject:
    """One image, and those that it was chosen from.

    Attributes:
        x: The image as the model sees it, ``(1, C, H, W)``.
        y: Its label ``(1,)``, for a conditional run.
        row: Its number among the test images; of decoded images, their place.
        rows: Numbers of those to choose from.
        images: Their pixels, ``(N, C, H, W)``.
        is_decoded: Whether they are no test images but decoded from samples of the prior.
        words: What it is.
    """

    x: Tensor
    y: Tensor | None
    row: int
    rows: tuple[int, ...]
    images: Tensor
    is_decoded: bool
    words: str


def of(run: Run) -> Subject:
    """The image that the link names, else the first of the first class."""
    asked = session.read(keys.image(run.info.num_test), -1)
    return _decoded(run, asked) if datasets.missing_images(run) else _test(run, asked)


def _test(run: Run, asked: int) -> Subject:
    rows = test_images.first_of_each(run, NUM)
    if asked >= 0 and asked not in rows:
        rows = [asked, *rows[: NUM - 1]]
    row = asked if asked >= 0 else rows[0]
    images, labels = test_images.pixels(run, rows)
    place = rows.index(row)
    label = None if labels is None else int(labels[place])
    name = "" if label is None else f", class {run.info.class_names[label]}"
    y = labels[place : place + 1] if labels is not None and run.config.model.conditional else None
    return Subject(images[place : place + 1], y, row, tuple(rows), images, False, f"Test image {row}{name}")


def _decoded(run: Run, asked: int) -> Subject:
    import torch

    from vae.theory.marginal import ancestral

    model = models.model(run, "best")
    _, means, _ = ancestral(model, NUM)
    images = means.clamp(0, 1)
    if (edge := latent_view.cut(run)) is not None:
        images = (images >= edge).to(images.dtype)
    place = asked if 0 <= asked < NUM else 0
    y = torch.tensor([place % model.num_conditions]) if model.num_conditions else None
    return Subject(
        images[place : place + 1],
        y,
        place,
        tuple(range(NUM)),
        images,
        True,
        f"Decoded image {place}",
    )
