"""Numbers of a model on a whole part of its data, in nats per example."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vae.data import Dataset, Part
from vae.errors import UserError
from vae.model import VAE
from vae.objective import rate_per_dim
from vae.randomness import generator

#: Images encoded at once where no gradient is kept.
BATCH = 1000


@dataclass(frozen=True)
class Evaluation:
    """The ELBO of a model on every image of a part, with one sample of z for each, in nats per example.

    Attributes:
        elbo: Mean of −(distortion + rate), at β = 1 whatever the training β was.
        standard_error: Of that mean over the images.
        distortion: Mean of −log p(x|z).
        rate: Mean of KL(q(z|x) ‖ p(z)).
        rate_per_dim: The rate of each latent dimension.
        num_images: All images of the part; nothing is left out.
    """

    elbo: float
    standard_error: float
    distortion: float
    rate: float
    rate_per_dim: tuple[float, ...]
    num_images: int

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values, with the ELBO in bits per example besides."""
        return {
            "elbo": self.elbo,
            "neg_elbo": -self.elbo,
            "standard_error": self.standard_error,
            "distortion": self.distortion,
            "rate": self.rate,
            "rate_per_dim": list(self.rate_per_dim),
            "elbo_bits": self.elbo / math.log(2),
            "num_images": self.num_images,
        }


def batches(dataset: Dataset, part: Part, size: int = BATCH) -> Iterator[tuple[Tensor, Tensor | None]]:
    """The bytes and labels of a part, in order, ``size`` images at a time; the last batch may be smaller."""
    images, labels = dataset.part(part)
    for start in range(0, len(images), size):
        chunk = slice(start, start + size)
        yield images[chunk], None if labels is None else labels[chunk]


@dataclass(frozen=True)
class AtMean:
    """What each image costs where z is its posterior's mean: no ELBO, for which z is drawn.

    Attributes:
        distortion: −log p(x|z) at z = the posterior mean, nats, shape ``(N,)``.
        rate: KL(q(z|x) ‖ p(z)), nats, shape ``(N,)``; exact.
    """

    distortion: Tensor
    rate: Tensor

    @classmethod
    def joined(cls, parts: list[AtMean]) -> AtMean:
        """Several sets of images as one."""
        return cls(torch.cat([part.distortion for part in parts]), torch.cat([part.rate for part in parts]))


@torch.no_grad()
def at_posterior_mean(model: VAE, dataset: Dataset, part: Part = "test") -> AtMean:
    """Distortion at the posterior mean, and rate, of every image of a part.

    Pixels are as in training; with dynamic binarisation each is drawn once, as `vae.latent.embed` does.

    Raises:
        UserError: If the part holds no images.
    """
    weight = next(model.parameters())
    noise = generator(0, "evaluation", weight.device)
    distortion, rate = [], []
    for images, labels in batches(dataset, part):
        x = dataset.pixels(images.to(weight.device), noise).to(weight.dtype)
        condition = model.condition(None if labels is None else labels.to(weight.device), len(x))
        mean, log_var = model.encoder(x, condition)
        log_prob: Tensor = model.likelihood.log_prob(model.decoder(mean, condition), x)
        distortion.append(-log_prob.float().cpu())
        rate.append(rate_per_dim(mean, log_var).sum(1).float().cpu())
    if not rate:
        raise UserError(f"the {part} part must hold images, got none; choose another part")
    return AtMean(torch.cat(distortion), torch.cat(rate))


@torch.no_grad()
def evaluate(model: VAE, dataset: Dataset, part: Part = "test", *, seed: int = 0) -> Evaluation:
    """The ELBO over all images of a part, with z sampled, not its mean.

    Args:
        model: On any device; its training mode is left as it is.
        dataset: Pixels are made as it says (``binarize``).
        part: ``"train"``, ``"validation"`` or ``"test"``.
        seed: Of the noise (and of dynamic binarisation): one seed, one number.

    Raises:
        UserError: If the part holds no images.
    """
    weight = next(model.parameters())
    noise = generator(seed, "evaluation", weight.device)
    elbo, distortion, rates = [], [], []
    for images, labels in batches(dataset, part):
        x = dataset.pixels(images.to(weight.device), noise).to(weight.dtype)
        terms = model.terms(x, None if labels is None else labels.to(weight.device), noise)
        elbo.append(terms.elbo.double().cpu())
        distortion.append(terms.distortion.double().cpu())
        rates.append(terms.rate_per_dim.double().cpu())
    if not elbo:
        raise UserError(f"the {part} part must hold images, got none; choose another part")
    all_elbo, rate_per_dim = torch.cat(elbo), torch.cat(rates).mean(0)
    num = len(all_elbo)
    spread = float(all_elbo.std(correction=1)) if num > 1 else 0.0
    return Evaluation(
        elbo=float(all_elbo.mean()),
        standard_error=spread / math.sqrt(num),
        distortion=float(torch.cat(distortion).mean()),
        rate=float(rate_per_dim.sum()),
        rate_per_dim=tuple(rate_per_dim.tolist()),
        num_images=num,
    )
