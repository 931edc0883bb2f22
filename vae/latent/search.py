"""Finds images among their posteriors: by number, by class, and those that are most like another image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from vae.errors import UserError
from vae.latent.embedding import Embedding

#: What “near” means: the distance of the posterior means, or the KL divergence between the posteriors.
By = Literal["mean", "kl"]


@dataclass(frozen=True)
class Nearest:
    """Images that are like another one, the most alike first.

    Attributes:
        rows: Their rows in the embedding, ``(K,)``.
        distances: How far each is, ``(K,)``: Euclidean, in units of the prior's σ, for ``mean``; nats for ``kl``.
    """

    rows: Tensor
    distances: Tensor


def by_number(found: Embedding, number: int) -> int:
    """The row of an image by its number in the part, from 0.

    Args:
        found: Posteriors of a part's images, N of them.
        number: From 0 to N − 1.

    Raises:
        UserError: If there is no such image.
    """
    num = len(found.mean)
    if not 0 <= number < num:
        raise UserError(f"the number of an image must be from 0 to {num - 1}, got {number}; use 0")
    return number


def by_class(found: Embedding, label: int) -> Tensor:
    """The rows of all images of a class, ascending, ``(K,)``.

    Args:
        found: Posteriors of a part's images.
        label: Number of the class.

    Raises:
        UserError: If the images have no labels, or none has this one.
    """
    if found.labels is None:
        raise UserError("images are found by class where they have labels, and these have none; use a number")
    rows = (found.labels == label).nonzero().flatten()
    if not len(rows):
        raise UserError(
            f"a class must have an image in this part, and class {label} has none; use another part"
        )
    return rows


def nearest(
    found: Embedding, mean: Tensor, log_var: Tensor | None = None, *, by: By = "mean", num: int = 10
) -> Nearest:
    r"""The images whose posteriors are nearest to one, that of a drawing for example.

    By ``mean`` it is the distance :math:`\lVert \mu - \mu_n \rVert`, which takes each dimension alike. By ``kl`` it is
    :math:`\mathrm{KL}(q(z|x) \,\Vert\, q(z|x_n))`, in which a dimension counts by how sharp the posteriors are there:
    one that says nothing about the images, because its σ is 1, hardly counts.

    Args:
        found: Posteriors of N images, ``(N, D)``.
        mean: Mean of the one posterior, ``(D,)``.
        log_var: Its log-variances, ``(D,)``; for ``kl``.
        by: What near means.
        num: How many at most.

    Returns:
        At most ``num`` images, the nearest first; of equally near ones the first in the data.

    Raises:
        UserError: If ``by`` is unknown, or the log-variances are needed and missing, or dimensions differ.
    """
    if by not in get_args(By):
        raise UserError(f"by must be one of {', '.join(get_args(By))}, got {by!r}; use mean")
    if mean.shape != found.mean.shape[1:]:
        raise UserError(
            f"a posterior must have {found.mean.shape[1]} dimensions as the images' have, got {mean.numel()}; "
            "encode it with the same model"
        )
    if by == "kl":
        if log_var is None:
            raise UserError("the KL between posteriors needs the log-variances, got none; pass log_var")
        one, other = (mean, log_var), (found.mean, found.log_var)
        distances = gaussian_kl(*(values.cpu().double() for values in (*one, *other)))
    else:
        distances = torch.linalg.vector_norm(found.mean.cpu().double() - mean.cpu().double(), dim=1)
    order = torch.argsort(distances, stable=True)[:num]
    return Nearest(order, distances[order])


def gaussian_kl(mean: Tensor, log_var: Tensor, other_mean: Tensor, other_log_var: Tensor) -> Tensor:
    r"""KL divergence between Gaussians with diagonal covariances, summed over the last dimension.

    .. math::
        \tfrac12 \sum_d \left( \log \frac{s_d^2}{\sigma_d^2} + \frac{\sigma_d^2 + (\mu_d - m_d)^2}{s_d^2} - 1 \right)

    Args:
        mean: :math:`\mu`, shape ``(…, D)``.
        log_var: :math:`\log \sigma^2`, shape ``(…, D)``.
        other_mean: :math:`m`, shape ``(…, D)``, broadcast against the first.
        other_log_var: :math:`\log s^2`, shape ``(…, D)``.

    Returns:
        Nats, shape ``(…)``.
    """
    squares = (mean - other_mean).square()
    terms = other_log_var - log_var + (log_var.exp() + squares) / other_log_var.exp() - 1
    return 0.5 * terms.sum(-1)
