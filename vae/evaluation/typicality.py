"""How typical an image is: its cost under the model compared with that of the training images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vae.data.dataset import Dataset, Part
from vae.models.batches import ModelInputs
from vae.models.vae import VAE
from vae.objectives.terms import Terms
from vae.runtime.eval_mode import at_rest

#: Steps of the distribution that is kept: percent.
NUM_QUANTILES = 101


@dataclass(frozen=True)
class Surprise:
    """The distribution of the surprise, −ELBO at the posterior mean, over a part's images.

    Attributes:
        quantiles: The smallest, the percentiles 1 to 99 and the largest, nats per example, ascending.
        num_images: How many images they are of.
        part: Of which part.
        num_in_part: How many images that part has.
    """

    quantiles: tuple[float, ...]
    num_images: int
    part: Part
    num_in_part: int


@at_rest
def elbo_at_mean(model: VAE, x: Tensor, y: Tensor | None = None) -> Tensor:
    """−(distortion + rate) of images ``(B, C, H, W)`` with z at the posterior mean, nats, ``(B,)``."""
    condition = model.condition(y, len(x))
    mean, log_var = model.encoder(x, condition)
    return Terms(-model.log_prob(mean, x, condition), model.prior.rate_per_dim(mean, log_var)).elbo


@torch.no_grad()
@at_rest
def surprise(model: VAE, dataset: Dataset, part: Part = "test", most: int | None = None) -> Surprise:
    """What the images of a part cost the model: distortion at the posterior mean plus rate.

    An image is unlike them in either tail: one that costs more than they do, and one that costs less, as an almost
    empty picture does. Dynamic binarisation is drawn once, from a fixed seed.

    Args:
        model: The model.
        dataset: The images.
        part: Which of them.
        most: Only so many, the first ones, at least 1; None for all.

    Raises:
        UserError: If the part holds no images.

    Source:
        Nalisnick et al. (2019), https://arxiv.org/abs/1906.02994: typical is what lies near the middle, not what is
        most likely.
    """
    num_in_part = len(dataset.places(part))
    rows = torch.arange(num_in_part if most is None else min(most, num_in_part))
    found: list[Tensor] = []
    for batch in ModelInputs.by(model, dataset, part, rows).batches(model):
        found.append(-elbo_at_mean(model, batch.x, batch.y).cpu().double())
    values = torch.cat(found).sort().values
    # Sorted values rather than torch.quantile, which refuses more than 16 million.
    places = torch.linspace(0, len(values) - 1, NUM_QUANTILES, dtype=torch.float64).round().long()
    return Surprise(tuple(values[places].tolist()), len(values), part, num_in_part)
