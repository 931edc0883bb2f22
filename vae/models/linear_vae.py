"""The linear VAE in closed form: probabilistic PCA with a fixed noise, an oracle for everything that is estimated."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vae.errors import UserError
from vae.models.likelihoods import Gaussian
from vae.models.priors import gaussian_kl
from vae.models.vae import VAE
from vae.objectives.terms import Terms


@dataclass(frozen=True)
class PPCA:
    r"""The best linear Gaussian model of some images, for a given noise: x = m + W z + σ ε, z and ε standard normal.

    With the eigenvalues λ of the images' covariance, largest first, W has a column
    :math:`\sqrt{\lambda_i - \sigma^2} u_i` for each of the D largest that is above σ², and zeros for the rest:
    dimensions that the noise explains better are pruned, and not by any fault of the training.

    Attributes:
        mean: m, shape ``(P,)``.
        weight: W, shape ``(P, D)``; its columns are orthogonal, so that the posterior is diagonal.
        eigenvalues: Of the covariance (divided by N), descending, shape ``(P,)``.
        sigma: The noise's standard deviation.

    Source:
        Tipping & Bishop (1999), https://www.jstor.org/stable/2680726; the optimum of a linear VAE: Lucas et al. (2019),
        "Don't Blame the ELBO!", https://arxiv.org/abs/1911.02469
    """

    mean: Tensor
    weight: Tensor
    eigenvalues: Tensor
    sigma: float

    @classmethod
    def fit(cls, x: Tensor, latent_dim: int, sigma: float) -> PPCA:
        """The optimum for images of any shape ``(N, …)``, in double precision.

        Raises:
            UserError: If there are no images, or sigma is not positive.
        """
        if not len(x):
            raise UserError("probabilistic PCA needs images, got none; choose another part")
        if not sigma > 0:
            raise UserError(f"sigma must be > 0, got {sigma:g}; use 0.1 for pixels between 0 and 1")
        flat = x.flatten(1).cpu().double()
        mean = flat.mean(0)
        centred = flat - mean
        values, vectors = torch.linalg.eigh(centred.T @ centred / len(flat))
        values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
        scale = (values[:latent_dim] - sigma**2).clamp(min=0).sqrt()
        weight = flat.new_zeros(flat.shape[1], latent_dim)
        weight[:, : len(scale)] = vectors[:, :latent_dim] * scale
        return cls(mean, weight, values, sigma)

    @property
    def num_active(self) -> int:
        """Dimensions that the optimum uses: those of the D largest eigenvalues that are above σ²."""
        return int((self.eigenvalues[: self.weight.shape[1]] > self.sigma**2).sum())

    @property
    def elbo(self) -> float:
        """The best mean ELBO over the fitted images, nats per example; it is their mean log p(x), with no gap."""
        num_active, variance = self.num_active, self.sigma**2
        explained, rest = self.eigenvalues[:num_active], self.eigenvalues[num_active:]
        log_det = float(explained.log().sum()) + len(rest) * math.log(variance)
        spread = num_active + float(rest.sum()) / variance
        return -0.5 * (len(self.eigenvalues) * math.log(2 * math.pi) + log_det + spread)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) of images ``(N, …)``, nats, shape ``(N,)``, double precision."""
        centred = x.flatten(1).cpu().double() - self.mean
        # In the columns of W lies what it explains, beside it noise alone (Woodbury's identity).
        lengths = self.weight.square().sum(0)
        along = centred @ self.weight
        variance = self.sigma**2
        square = (centred.square().sum(1) - (along.square() / (lengths + variance)).sum(1)) / variance
        num_pixels = len(self.mean)
        log_det = float((lengths + variance).log().sum())
        log_det += (num_pixels - len(lengths)) * math.log(variance)
        return -0.5 * (num_pixels * math.log(2 * math.pi) + log_det + square)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of p(z|x), a diagonal Gaussian, each ``(N, D)``."""
        lengths = self.weight.square().sum(0) + self.sigma**2
        mean = (x.flatten(1).cpu().double() - self.mean) @ self.weight / lengths
        return mean, (self.sigma**2 / lengths).expand_as(mean)

    @torch.no_grad()
    def install(self, model: VAE) -> VAE:
        """Give a linear VAE these weights: its posterior is then the true one. Returns the model.

        Raises:
            UserError: If the model is not linear and Gaussian, with this sigma and these sizes.
        """
        sigma, linear = _check_linear(model)
        if linear.weight.shape != self.weight.shape:
            raise UserError(
                f"the model must have a decoder of shape {tuple(self.weight.shape)}, got "
                f"{tuple(linear.weight.shape)}; make it for the same images and latent dimensions"
            )
        if abs(sigma - self.sigma) > 1e-9:
            raise UserError(f"the model must have sigma {self.sigma:g}, got {sigma:g}; use one")
        lengths = self.weight.square().sum(0) + self.sigma**2
        linear.weight.copy_(self.weight)
        linear.bias.copy_(self.mean)
        model.encoder.mean.weight.copy_((self.weight / lengths).T)
        model.encoder.mean.bias.copy_(-(self.mean @ self.weight) / lengths)
        model.encoder.log_var.weight.zero_()
        model.encoder.log_var.bias.copy_((self.sigma**2 / lengths).log())
        return model


@torch.no_grad()
def linear_terms(model: VAE, x: Tensor) -> Terms:
    r"""The exact terms of a linear VAE: E[−log p(x|z)] over q(z|x), not of one sample.

    .. math:: E\|x - b - W z\|^2 = \|x - b - W \mu\|^2 + \sum_d \sigma_d^2 \|w_d\|^2

    Args:
        model: Unconditional, without hidden layers, with a Gaussian likelihood.
        x: Images ``(B, C, H, W)``.

    Raises:
        UserError: If the model is not linear and Gaussian.
    """
    sigma, linear = _check_linear(model)
    mean, log_var = model.posterior(x)
    spread = (log_var.exp() * linear.weight.square().sum(0)).sum(1) / (2 * sigma**2)
    return Terms(spread - model.log_prob(mean, x), gaussian_kl(mean, log_var))


def _check_linear(model: VAE) -> tuple[float, nn.Linear]:
    """The noise's standard deviation and the decoder's one layer."""
    config = model.config
    linear = config.network == "mlp" and not config.hidden and not config.conditional
    layer = model.decoder.flat[0]
    if not (linear and isinstance(model.likelihood, Gaussian) and isinstance(layer, nn.Linear)):
        raise UserError(
            "the closed form needs a linear Gaussian model, got another; use model.network mlp, no model.hidden, "
            "model.likelihood gaussian, and no condition"
        )
    return float(model.likelihood.sigma), layer
