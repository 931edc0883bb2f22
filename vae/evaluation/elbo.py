"""Numbers of a model on a whole part of its data, in nats per example."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vae.data.dataset import Dataset, Part
from vae.models.batches import ModelInputs, Noise
from vae.models.vae import VAE
from vae.runtime import html
from vae.runtime.eval_mode import at_rest
from vae.runtime.mean_of import MeanOf, known
from vae.runtime.seeding import generator
from vae.storage.finite_tensors import check_finite


@dataclass(frozen=True)
class Evaluation:
    """The ELBO of a model on every image of a part, with one sample of z for each, in nats per example.

    Attributes:
        elbo: Mean of −(distortion + rate), at β = 1 whatever the training β was.
        standard_error: Of that mean over the images; not a number for a single image.
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

    def check_finite(self) -> None:
        """Refuse an ELBO that is no number.

        Raises:
            UserError: If it is not finite.
        """
        check_finite("the ELBO", torch.tensor(self.elbo))

    def _repr_html_(self) -> str:
        """A card of the numbers, in a notebook."""
        rows = {
            "ELBO": html.nats(self.elbo, self.standard_error),
            "distortion": f"{self.distortion:,.2f} nats",
            "KL (rate)": f"{self.rate:,.2f} nats",
            "images": self.num_images,
        }
        return html.card("Evaluation", html.table(rows))

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values, with the ELBO in bits per example besides."""
        return {
            "elbo": self.elbo,
            "neg_elbo": -self.elbo,
            "standard_error": known(self.standard_error),
            "distortion": self.distortion,
            "rate": self.rate,
            "rate_per_dim": list(self.rate_per_dim),
            "elbo_bits": self.elbo / math.log(2),
            "num_images": self.num_images,
        }


@dataclass(frozen=True)
class CostPerImage:
    """What each image costs where z is its posterior's mean: no ELBO, for which z is drawn.

    Attributes:
        distortion: −log p(x|z) at z = the posterior mean, nats, shape ``(N,)``.
        rate: KL(q(z|x) ‖ p(z)), nats, shape ``(N,)``; exact where the prior has a closed form.
    """

    distortion: Tensor
    rate: Tensor

    @classmethod
    def joined(cls, parts: list[CostPerImage]) -> CostPerImage:
        """Several sets of images as one."""
        return cls(torch.cat([part.distortion for part in parts]), torch.cat([part.rate for part in parts]))


@torch.no_grad()
@at_rest
def at_posterior_mean(model: VAE, dataset: Dataset, part: Part = "test") -> CostPerImage:
    """Distortion at the posterior mean, and rate, of every image of a part.

    Pixels are as in training; with dynamic binarisation they are those of seed 0, as `vae.latent.embedding.embed` takes
    them.

    Raises:
        UserError: If the part holds no images.
    """
    distortion, rate = [], []
    for batch in ModelInputs.by(model, dataset, part).batches(model):
        condition = model.condition(batch.y, len(batch.x))
        mean, log_var = model.encoder(batch.x, condition)
        distortion.append(-model.log_prob(mean, batch.x, condition).float().cpu())
        rate.append(model.prior.rate_per_dim(mean, log_var).sum(1).float().cpu())
    return CostPerImage(torch.cat(distortion), torch.cat(rate))


@torch.no_grad()
@at_rest
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
    seen, weight = ModelInputs.by(model, dataset, part, seed=seed), next(model.parameters())
    noise = Noise(len(seen), model.config.latent_dim, weight, generator(seed, "evaluation", weight.device))
    elbo, distortion, rates = [], [], []
    for batch in seen.batches(model):
        terms = model.terms(batch.x, batch.y, noise=noise.take(len(batch.x)))
        elbo.append(terms.elbo.cpu().double())
        distortion.append(terms.distortion.cpu().double())
        rates.append(terms.rate_per_dim.cpu().double())
    all_elbo, rate_per_dim = MeanOf.of(torch.cat(elbo)), torch.cat(rates).mean(0)
    return Evaluation(
        elbo=all_elbo.mean,
        standard_error=all_elbo.standard_error,
        distortion=float(torch.cat(distortion).mean()),
        rate=float(rate_per_dim.sum()),
        rate_per_dim=tuple(rate_per_dim.tolist()),
        num_images=sum(map(len, elbo)),
    )
