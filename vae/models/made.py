"""MADE: an autoregressive decoder, so that pixels need not be independent given z."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vae.models.initialisation import Draw

#: Nonlinearities between layers, by the names that a configuration gives them.
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "silu": nn.SiLU}


class MaskedNetwork(nn.Module):
    r"""For each pixel, a logit from the pixels before it in raster order (row by row), and from no others.

    .. math:: \ell_i = \sum_{j<i} V_{ij} x_j + \sum_{k:\, m_k < i} W_{ik}\, f\Big(b_k + \sum_{j \le m_k} U_{kj} x_j\Big)

    Hidden unit k sees the pixels up to its degree :math:`m_k`, and is seen by those after it; degrees are spread
    evenly. A decoder adds these logits to its own: p(x|z) is the product over pixels of p(x_i | x_1 … x_{i−1}, z).

    Args:
        num_pixels: P.
        num_hidden: Units of the one hidden layer; with 0, V alone is left.
        activation: f, one of `ACTIVATIONS`.
        draw: Where its first weights are drawn from, see `vae.models.initialisation.linear`.

    Source:
        Germain et al. (2015), MADE, https://arxiv.org/abs/1502.03509, with its direct connections (V).
    """

    #: Where a weight connects a pixel with what may see it; not part of a checkpoint.
    mask_direct: Tensor
    mask_into: Tensor
    mask_out: Tensor

    def __init__(self, num_pixels: int, num_hidden: int, activation: str, draw: Draw = None) -> None:
        super().__init__()
        # On the CPU also where a model is made without numbers: masks are in no checkpoint that would bring them.
        pixel = torch.arange(num_pixels, device="cpu")
        degree = torch.arange(num_hidden, device="cpu") * max(1, num_pixels - 1) // max(1, num_hidden)
        masks = {
            "direct": pixel[:, None] < pixel,  # (from, to), as all weights here
            "into": pixel[:, None] <= degree,
            "out": degree[:, None] < pixel,
        }
        for name, mask in masks.items():
            self.register_buffer(f"mask_{name}", mask, persistent=False)
        self.direct = nn.Parameter(_drawn(num_pixels, num_pixels, draw))
        self.into = nn.Parameter(_drawn(num_pixels, num_hidden, draw))
        self.out = nn.Parameter(_drawn(num_hidden, num_pixels, draw))
        self.hidden_bias = nn.Parameter(torch.zeros(num_hidden, dtype=torch.float32))
        self.activation = ACTIVATIONS[activation]()

    def _masked(self) -> tuple[Tensor, Tensor, Tensor]:
        """The weights of V, U and W, 0 where nothing is connected."""
        return (
            torch.where(self.mask_direct, self.direct, 0.0),
            torch.where(self.mask_into, self.into, 0.0),
            torch.where(self.mask_out, self.out, 0.0),
        )

    def forward(self, logits: Tensor, pixels: Tensor) -> Tensor:
        """The decoder's logits and what the pixels add to them, all ``(B, P)``: at once, as all pixels are known."""
        direct, into, out = self._masked()
        return logits + self.activation(pixels @ into + self.hidden_bias) @ out + pixels @ direct

    def by_own_means(self, logits: Tensor) -> Tensor:
        """The same where each pixel before is at the mean that was found for it, ``(B, P)``.

        Pixel by pixel; each adds what it says to the sums of those after it, so that all P passes together cost about
        as much as one pass of `forward`. Nothing is sampled.
        """
        direct, into, out = self._masked()
        to_pixels, to_hidden, from_hidden = direct.split(1), into.split(1), out.split(1, 1)
        hidden, found = self.hidden_bias, []  # of one image, until the first pixel makes them differ
        for pixel in range(len(self.direct)):
            logit = logits[:, pixel : pixel + 1] + self.activation(hidden) @ from_hidden[pixel]
            mean = torch.sigmoid(logit)
            found.append(logit)
            hidden = hidden + mean * to_hidden[pixel]
            logits = logits + mean * to_pixels[pixel]
        return torch.cat(found, 1)


def _drawn(num_from: int, num_to: int, draw: Draw) -> Tensor:
    """First weights, as those of a linear layer with so many inputs."""
    bound = 1 / math.sqrt(max(1, num_from))
    weights = torch.empty(num_from, num_to, dtype=torch.float32)
    return weights if weights.is_meta else weights.uniform_(-bound, bound, generator=draw)
