"""Chapter 7, reparameterisation: one gradient, two estimators, and how much they vary."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vae.errors import UserError
from vae.evaluation.importance import max_rows, repeated
from vae.models.vae import VAE
from vae.runtime.eval_mode import at_rest
from vae.runtime.mean_of import MeanOf
from vae.runtime.seeding import generator

#: Samples of ε.
NUM_SAMPLES = 10_000


@dataclass(frozen=True)
class GradientEstimates:
    r"""The gradient of the reconstruction term :math:`E_q[-\log p(x|z)]` in the posterior's means, of one image.

    Each sample of ε gives one estimate by either estimator; all are without bias, so their means agree.

    Attributes:
        reparameterised: :math:`\nabla_z(-\log p(x|z))` at z = μ + σ ⊙ ε, shape ``(N, D)``, double precision.
        score: :math:`-\log p(x|z)\, \nabla_\mu \log q(z|x)`, shape ``(N, D)``.
        with_baseline: The same, of −log p(x|z) minus the mean over the other samples, shape ``(N, D)``.
    """

    reparameterised: Tensor
    score: Tensor
    with_baseline: Tensor

    def mean(self, name: str, dim: int) -> MeanOf:
        """An estimator's mean over the samples in one dimension, nats per unit of μ, with its standard error."""
        return MeanOf.of(getattr(self, name)[:, dim])

    def variance_ratio(self, dim: int, name: str = "score") -> float:
        """How many times the variance of reparameterisation another estimator has in one dimension."""
        return float(getattr(self, name)[:, dim].var() / self.reparameterised[:, dim].var())


@at_rest
def gradient_estimates(
    model: VAE, x: Tensor, y: Tensor | None = None, *, num_samples: int = NUM_SAMPLES, seed: int = 0
) -> GradientEstimates:
    """Estimate one gradient by reparameterisation and by the score function, from the same samples.

    Args:
        model: The model; its weights get no gradient.
        x: One image, ``(1, C, H, W)``.
        y: Its label ``(1,)``, or weights of the classes ``(1, K)``, for a conditional model.
        num_samples: Of ε, two at least.
        seed: Of the samples.

    Raises:
        UserError: If the networks are kept as ONNX, as those of a watched loop: these have no gradient.

    Source:
        Kingma & Welling (2014), section 2.3, https://arxiv.org/abs/1312.6114; score function: Williams (1992),
        doi:10.1007/BF00992696; mean over the others as a baseline: Kool, van Hoof & Welling (2019)
    """
    if model.config.network == "external":
        raise UserError(
            "gradients need networks of PyTorch, got those of a watched loop, which are kept as ONNX; choose a run "
            "that was trained here"
        )
    condition = model.condition(y, 1)
    with torch.no_grad():
        mean, log_var = model.encoder(x, condition)
    noise = torch.empty(num_samples, mean.shape[1], dtype=mean.dtype, device=mean.device)
    noise.normal_(generator=generator(seed, "noise", mean.device))
    costs, slopes = [], []
    for epsilon in noise.split(max_rows(model)):
        with torch.enable_grad():
            z = model.sample(mean, log_var, noise=epsilon).detach().requires_grad_()
            images, conditions = repeated(x, condition, len(z))
            cost = -model.log_prob(z, images, conditions)
            # Each cost depends on its own z alone, and ∂z/∂μ is 1.
            (slope,) = torch.autograd.grad(cost.sum(), z)
        costs.append(cost.detach().cpu().double())
        slopes.append(slope.cpu().double())
    cost = torch.cat(costs)[:, None]
    # ∇ log q(z|x) in μ is (z − μ) / σ², which is ε / σ.
    by_mean = (noise / torch.exp(0.5 * log_var)).cpu().double()
    others = (cost.sum() - cost) / (num_samples - 1)
    return GradientEstimates(torch.cat(slopes), cost * by_mean, (cost - others) * by_mean)
