"""The variational autoencoder: posterior, sample, decode, and the terms of its objective."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae.config.schema import DataInfo, ModelConfig
from vae.errors import UserError
from vae.models.likelihoods import likelihood
from vae.models.network_builder import build
from vae.models.networks import Decoder, Encoder
from vae.models.priors import prior
from vae.objectives.objective import PosteriorBatch
from vae.objectives.terms import Terms
from vae.runtime import html

#: Which weights of a run: the best on validation, the newest, or the snapshot of a step.
At = Literal["best", "last"] | int


class Passed(NamedTuple):
    """What comes of images that go through a model.

    Attributes:
        image: E[x|z], ``(B, C, H, W)``.
        mean: Of q(z|x), ``(B, D)``.
        log_var: Its log-variance, ``(B, D)``.
        z: The sample of q(z|x) that was decoded, ``(B, D)``.
    """

    image: Tensor
    mean: Tensor
    log_var: Tensor
    z: Tensor

    def _repr_html_(self) -> str:
        """A card of the shapes, in a notebook."""
        return html.card("Passed through a model", html.shapes(**self._asdict()))


class AtMean(NamedTuple):
    """What a model makes of images at the means of their posteriors.

    Attributes:
        terms: Distortion and rate, nats; no ELBO, for which z is drawn.
        mean: Of q(z|x), ``(B, D)``.
        log_var: Its log-variance, ``(B, D)``.
        image: E[x|z] at the mean, ``(B, C, H, W)``.
    """

    terms: Terms
    mean: Tensor
    log_var: Tensor
    image: Tensor

    def _repr_html_(self) -> str:
        """A card of the shapes and of the mean cost, in a notebook."""
        terms = self.terms.mean().detach()
        rows = {
            "distortion": html.nats(float(terms.distortion)),
            "KL (rate)": html.nats(float(terms.rate_per_dim.sum())),
        }
        tensors = html.shapes(mean=self.mean, log_var=self.log_var, image=self.image)
        return html.card("At the posterior means", html.table(rows), tensors)


class VAE(nn.Module):
    """A variational autoencoder, conditional if its configuration says so.

    Args:
        config: Networks, latent space and likelihood.
        info: Shape of the images and names of the classes.
        networks: Encoder and decoder in the place of ours, for ``network = external``; see `vae.export.onnx_networks`.
        draw: Where our networks' first weights are drawn from; without it, PyTorch's own random state.

    Raises:
        UserError: If the model is conditional and the images have no labels, or cannot be made for such images.

    Source:
        Kingma & Welling (2014), https://arxiv.org/abs/1312.6114; conditional: Sohn, Lee & Yan (2015).
    """

    def __init__(
        self,
        config: ModelConfig,
        info: DataInfo,
        networks: tuple[Any, Any] | None = None,
        draw: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if config.conditional and not info.num_classes:
            raise UserError(
                "a conditional model needs labels, got images without; add labels or set model.conditional to false"
            )
        if networks is None and (misfit := config.misfit(info)):
            raise UserError(misfit)
        self.config = config
        self.info = info
        made: tuple[Any, Any] = networks or build(config, info, draw)
        self.encoder: Encoder = made[0]
        self.decoder: Decoder = made[1]
        self.likelihood = likelihood(config)
        self.prior = prior(config)

    def _repr_html_(self) -> str:
        """A card of what the model is, in a notebook; ``print(model)`` lists its layers."""
        config, info = self.config, self.info
        weights = next(self.parameters())
        rows = {
            "network": config.network,
            "latent dimensions": config.latent_dim,
            "likelihood": config.likelihood,
            "prior": config.prior,
            "images": f"{info.channels} × {info.height} × {info.width}",
            "classes": ", ".join(info.class_names) if config.conditional else None,
            "weights": sum(weight.numel() for weight in self.parameters()),
            "device": weights.device.type,
        }
        return html.card("Conditional VAE" if config.conditional else "VAE", html.table(rows))

    @property
    def num_conditions(self) -> int:
        """Length of the one-hot condition; 0 for an unconditional model."""
        return self.info.num_classes if self.config.conditional else 0

    def condition(self, y: Tensor | None, num: int) -> Tensor | None:
        """The condition as both networks take it.

        Args:
            y: Labels ``(B,)`` of an integer type, or weights of the classes ``(B, K)``; ignored if unconditional.
            num: B.

        Returns:
            ``(B, K)``, or None if the model is unconditional.

        Raises:
            UserError: If labels are missing, out of range or of another number than the images.
        """
        if not self.num_conditions:
            return None
        if y is None:
            raise UserError(
                f"a conditional model needs a label for each image, got none; pass y with values 0 to "
                f"{self.num_conditions - 1}"
            )
        if y.is_floating_point():
            if y.shape != (num, self.num_conditions):
                raise UserError(
                    f"class weights must have shape ({num}, {self.num_conditions}), got {tuple(y.shape)}; "
                    "pass one row for each image"
                )
            return y
        if y.shape != (num,):
            raise UserError(
                f"labels must have shape ({num},), got {tuple(y.shape)}; pass one label for each image"
            )
        if num and not (int(y.min()) >= 0 and int(y.max()) < self.num_conditions):
            raise UserError(
                f"labels must be from 0 to {self.num_conditions - 1}, got {int(y.min())} to {int(y.max())}; "
                "number the classes from 0"
            )
        return F.one_hot(y.long(), self.num_conditions).to(next(self.parameters()).dtype)

    def posterior(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x), each ``(B, D)``, for images ``(B, C, H, W)``."""
        mean, log_var = self.encoder(x, self.condition(y, len(x)))
        return mean, log_var

    def sample(
        self,
        mean: Tensor,
        log_var: Tensor,
        generator: torch.Generator | None = None,
        noise: Tensor | None = None,
    ) -> Tensor:
        """One reparameterised draw z = μ + σ ⊙ ε from each posterior, ``(B, D)``; ε is drawn unless it is given."""
        if noise is None:
            noise = torch.empty_like(mean).normal_(generator=generator)
        return mean + torch.exp(0.5 * log_var) * noise

    def log_prob(self, z: Tensor, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """log p(x|z) of images ``(B, C, H, W)`` for latent points ``(B, D)``, in nats, summed over pixels, ``(B,)``.

        Args:
            z: Latent points.
            x: Images.
            condition: As `condition` gives it; None for an unconditional model.
        """
        found: Tensor = self.likelihood.log_prob(self.decoder(z, condition, x), x)
        return found

    @torch.no_grad()
    def log_prob_of_many(self, z: Tensor, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """As `log_prob`, nats, ``(B,)``, for very many z and without a gradient; ``x`` may be one image expanded."""
        found: Tensor = self.likelihood.log_prob_of_many(self.decoder(z, condition, x), x)
        return found

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """E[x|z], ``(B, C, H, W)``, for latent points ``(B, D)``.

        An autoregressive decoder is fed its own means, pixel by pixel: not the mean of its samples, but the one image
        that it makes of z without drawing anything.
        """
        mean: Tensor = self.likelihood.mean(self.decoder(z, self.condition(y, len(z))))
        return mean

    def forward(self, x: Tensor, y: Tensor | None = None, generator: torch.Generator | None = None) -> Passed:
        """Images through the whole model: encoded, one z drawn from each posterior, and decoded.

        Args:
            x: Images, shape ``(B, C, H, W)``.
            y: Labels ``(B,)`` or weights of the classes ``(B, K)``, for a conditional model.
            generator: Where the noise of z is drawn from; torch's own without.

        Raises:
            UserError: If a conditional model gets no labels, or wrong ones.
        """
        mean, log_var = self.posterior(x, y)
        z = self.sample(mean, log_var, generator)
        return Passed(self.likelihood.mean(self.decoder(z, self.condition(y, len(x)), x)), mean, log_var, z)

    def at_mean(self, x: Tensor, y: Tensor | None = None) -> AtMean:
        """The objective's terms with z at the posterior mean: nothing is sampled, so that one image has one number.

        Args:
            x: Images, shape ``(B, C, H, W)``.
            y: Labels ``(B,)`` or weights of the classes ``(B, K)``, for a conditional model.
        """
        condition = self.condition(y, len(x))
        mean, log_var = self.encoder(x, condition)
        output = self.decoder(mean, condition, x)
        distortion = -self.likelihood.log_prob(output, x)
        # An autoregressive decoder that sees the image gives other means than its own: then it runs once more.
        alone = self.config.decoder == "independent"
        image = self.likelihood.mean(output) if alone else self.decode(mean, y)
        return AtMean(Terms(distortion, self.prior.rate_per_dim(mean, log_var)), mean, log_var, image)

    def terms(
        self,
        x: Tensor,
        y: Tensor | None = None,
        generator: torch.Generator | None = None,
        noise: Tensor | None = None,
        products: torch.dtype = torch.float32,
    ) -> Terms:
        """Distortion of one sample of z, and the rate, of images ``(B, C, H, W)``, nats; see `posterior_batch`."""
        return self.posterior_batch(x, y, generator, noise, products).terms

    def posterior_batch(
        self,
        x: Tensor,
        y: Tensor | None = None,
        generator: torch.Generator | None = None,
        noise: Tensor | None = None,
        products: torch.dtype = torch.float32,
    ) -> PosteriorBatch:
        """Posteriors of images ``(B, C, H, W)``, one sample of each, and what it costs, in nats: what objectives get.

        Args:
            x: Images.
            y: Labels ``(B,)`` or weights of the classes ``(B, K)``, for a conditional model.
            generator: Where the noise of z is drawn from.
            noise: Or that noise itself, ``(B, D)``.
            products: What the networks multiply in; all else is of the images' precision.
        """
        condition = self.condition(y, len(x))
        if products == torch.float32:
            mean, log_var = self.encoder(x, condition)
            z = self.sample(mean, log_var, generator, noise)
            log_prob = self.log_prob(z, x, condition)
            rates = self.prior.rate_per_dim(mean, log_var, z)
            return PosteriorBatch(z, mean, log_var, log_prob, rates, self.prior)
        with torch.autocast(x.device.type, products):
            mean, log_var = self.encoder(x, condition)
        mean, log_var = mean.to(x.dtype), log_var.to(x.dtype)
        z = self.sample(mean, log_var, generator, noise)
        with torch.autocast(x.device.type, products):
            output = self.decoder(z, condition, x)
        log_prob = self.likelihood.log_prob_of_rounded(output, x)
        rates = self.prior.rate_per_dim(mean, log_var, z)
        return PosteriorBatch(z, mean, log_var, log_prob, rates, self.prior)
