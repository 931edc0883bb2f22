"""Proposals of importance weighting: q(z|x), or a mixture that also covers what q(z|x) misses."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from vae.errors import UserError
from vae.models.priors import Prior, StandardNormal, posterior_log_prob

#: q(z|x) itself, as the importance-weighted bound is defined, or a defensive mixture of it with wider ones.
Proposal = Literal["posterior", "mixture"]
#: The mixture: shares of q with its standard deviations so many times as wide …
_WIDTHS = ((0.4, 1.0), (0.15, 2.0), (0.15, 4.0), (0.1, 8.0))
#: … and of the prior.
_PRIOR_SHARE = 0.2


def check_proposal(name: str) -> None:
    """Refuse a proposal that there is not.

    Raises:
        UserError: If it is none of `Proposal`.
    """
    if name not in get_args(Proposal):
        raise UserError(
            f"proposal must be one of {', '.join(get_args(Proposal))}, got {name!r}; use posterior"
        )


def drawn(
    proposal: Proposal,
    mean: Tensor,
    log_var: Tensor,
    num: int,
    noise: torch.Generator | None = None,
    prior: Prior | None = None,
) -> tuple[Tensor, Tensor]:
    r"""Latent points, and what the prior's density is there over the proposal's.

    The mixture of densities :math:`g_j` with shares :math:`a_j` has the density :math:`\sum_j a_j g_j` wherever a point
    of it came from, so that the weights are those of one proposal: their mean is p(x) without bias. None is more than
    1 / 0.4 times what it would be under q alone, nor than 5 p(x|z), whatever q is, since the prior takes part.

    Args:
        proposal: The posterior or the mixture.
        mean: Posterior means, shape ``(B, D)``.
        log_var: Posterior log-variances, shape ``(B, D)``.
        num: Points for each image, each drawn on its own.
        noise: Where they are drawn from.
        prior: p(z); None is the standard normal.

    Returns:
        z, shape ``(B, num, D)``, and log p(z) − log proposal(z), nats, shape ``(B, num)``, in double precision on the
        CPU.

    Source:
        Defensive mixture and its whole density as the denominator: Owen & Zhou (2000), "Safe and effective importance
        sampling", https://doi.org/10.1080/01621459.2000.10473909
    """
    epsilon = torch.empty(len(mean), num, mean.shape[1], dtype=mean.dtype, device=mean.device)
    epsilon.normal_(generator=noise)
    scale = torch.exp(0.5 * log_var)
    if prior is not None and not isinstance(prior, StandardNormal):
        return _of_any_prior(proposal, mean, scale, epsilon, noise, prior)
    if proposal == "posterior":
        z = torch.addcmul(mean[:, None], scale[:, None], epsilon)
        # What is left of −log q beside the noise's own density is Σ log σ.
        volume = 0.5 * log_var.sum(1, keepdim=True).cpu().double()
        return z, 0.5 * (epsilon.square_() - z.square()).sum(2).cpu().double() + volume
    z = _of_mixture(mean, scale, epsilon, noise)
    centred = (((z - mean[:, None]) / scale[:, None]).square_().sum(2)).cpu().double()
    volume = log_var.sum(1, keepdim=True).cpu().double() * 0.5
    log_prior = -0.5 * z.square().sum(2).cpu().double()  # densities without (2π)^(−D/2), which all have
    num_dims = z.shape[2]
    parts = [
        math.log(share) - 0.5 * centred / width**2 - volume - num_dims * math.log(width)
        for share, width in _WIDTHS
    ]
    parts.append(math.log(_PRIOR_SHARE) + log_prior)
    return z, log_prior - torch.stack(parts).logsumexp(0)


def _of_any_prior(
    proposal: Proposal,
    mean: Tensor,
    scale: Tensor,
    epsilon: Tensor,
    noise: torch.Generator | None,
    prior: Prior,
) -> tuple[Tensor, Tensor]:
    """As `drawn`, of standard normal noise ``(B, num, D)``, with whole densities."""
    if proposal == "posterior":
        z = torch.addcmul(mean[:, None], scale[:, None], epsilon)
    else:
        seed = int(torch.randint(1 << 62, (), generator=noise, device=mean.device))
        own = prior.sample(epsilon[..., 0].numel(), torch.Generator().manual_seed(seed))
        z = _of_mixture(mean, scale, epsilon, noise, own.to(epsilon).reshape(epsilon.shape))
    exactly, points = prior.exact(), z.cpu().double()
    log_prior = exactly.log_prob(points.flatten(0, 1)).unflatten(0, z.shape[:2])
    scaled, spread = (
        ((z - mean[:, None]) / scale[:, None]).cpu().double(),
        scale.cpu().double()[:, None].log(),
    )
    widths = ((1.0, 1.0),) if proposal == "posterior" else _WIDTHS
    parts = [
        math.log(share) + (posterior_log_prob(scaled / width, 2 * spread) - math.log(width)).sum(2)
        for share, width in widths
    ]
    if proposal == "mixture":
        parts.append(math.log(_PRIOR_SHARE) + log_prior)
    return z, log_prior - torch.stack(parts).logsumexp(0)


def _of_mixture(
    mean: Tensor, scale: Tensor, epsilon: Tensor, noise: torch.Generator | None, prior: Tensor | None = None
) -> Tensor:
    """Points of the mixture from standard normal noise ``(B, num, D)``, each of a part that is drawn by its share.

    Those of the prior are the noise itself, unless they are given.
    """
    shares = torch.tensor([*(share for share, _ in _WIDTHS), _PRIOR_SHARE], dtype=torch.float64)
    widths = torch.tensor([width for _, width in _WIDTHS] + [0.0]).to(mean)
    # Not all devices have double precision.
    precision = torch.float64 if mean.device.type == "cpu" else torch.float32
    u = torch.empty(epsilon.shape[:2], dtype=precision, device=mean.device).uniform_(generator=noise)
    part = torch.bucketize(u, shares.cumsum(0)[:-1].to(precision).to(u.device), right=True)
    of_prior = (part == len(_WIDTHS))[:, :, None]
    z = mean[:, None] + widths[part][:, :, None] * scale[:, None] * epsilon
    return torch.where(of_prior, epsilon if prior is None else prior, z)
