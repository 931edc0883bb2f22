"""How far an image lies from those that a model has learned, by the model's own measure."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vae.data import Dataset, Part
from vae.errors import UserError
from vae.evaluation import batches
from vae.model import VAE
from vae.objective import Terms, rate_per_dim
from vae.randomness import generator

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


def terms_at_mean(model: VAE, x: Tensor, y: Tensor | None = None) -> tuple[Terms, Tensor, Tensor, Tensor]:
    """The objective's terms with z at the posterior mean: nothing is sampled, so that one image has one number.

    Args:
        model: The model.
        x: Images, shape ``(B, C, H, W)``.
        y: Labels ``(B,)`` or weights of the classes ``(B, K)``, for a conditional model.

    Returns:
        The terms; mean and log-variance of q(z|x), each ``(B, D)``; and E[x|z] at the mean, ``(B, C, H, W)``.
    """
    condition = model.condition(y, len(x))
    mean, log_var = model.encoder(x, condition)
    distortion = -model.log_prob(mean, x, condition)
    return Terms(distortion, rate_per_dim(mean, log_var)), mean, log_var, model.decode(mean, y)


@torch.no_grad()
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
    weight = next(model.parameters())
    noise = generator(0, "evaluation", weight.device)
    found: list[Tensor] = []
    num_in_part = len(getattr(dataset, part))
    left = num_in_part if most is None else min(most, num_in_part)
    for some_images, some_labels in batches(dataset, part):
        images, labels = some_images[:left], None if some_labels is None else some_labels[:left]
        left -= len(images)
        x = dataset.pixels(images.to(weight.device), noise).to(weight.dtype)
        terms, *_ = terms_at_mean(model, x, None if labels is None else labels.to(weight.device))
        found.append(-terms.elbo.double().cpu())
        if left == 0:
            break
    if not found:
        raise UserError(f"the {part} part must hold images, got none; choose another part")
    values = torch.cat(found).sort().values
    # Sorted values rather than torch.quantile, which refuses more than 16 million.
    places = torch.linspace(0, len(values) - 1, NUM_QUANTILES, dtype=torch.float64).round().long()
    return Surprise(tuple(values[places].tolist()), len(values), part, num_in_part)
