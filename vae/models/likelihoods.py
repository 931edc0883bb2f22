"""What the decoder's output means: p(x|z) as Bernoulli, continuous Bernoulli, Gaussian, or what a user registers.

Each likelihood takes the decoder's raw output (logits, means …): of the shape of the images, or with several numbers
for each of their values. A new one is a class derived from `Likelihood` under `vae.config.registries.LIKELIHOODS`::

    @LIKELIHOODS.register("laplace", title="Laplace")
    class Laplace(Likelihood): ...
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from vae.config.registries import LIKELIHOODS
from vae.config.schema import DataInfo, ModelConfig
from vae.errors import UserError

#: Bytes are this far apart: a standard deviation below it would model the quantisation instead of the image.
SMALLEST_LEARNED_SIGMA = 1 / 256
#: Below this |logit| the closed forms of the continuous Bernoulli lose digits, and their series have all of double
#: precision.
_SERIES_BELOW = 0.05


def _sum_pixels(values: Tensor) -> Tensor:
    return values.flatten(1).sum(1)


def _few_logarithms(output: Tensor, x: Tensor) -> Tensor:
    """The Bernoulli's log p(x|z), shape ``(B,)``, of logits and images ``(B, C, H, W)``; ``output`` is overwritten."""
    # With a = |logit|: log p = (x − ½) logit − ½ a + log sigmoid(a). A sigmoid of a is at least ½, so that the
    # product of 64 of them is a normal number, and there are few logarithms to take.
    one = x[:1] if x.stride(0) == 0 else x  # one image for all z
    size = output.abs()
    linear = output.mul_(one - 0.5).sub_(size, alpha=0.5).flatten(1).sum(1)
    factors = size.sigmoid_().flatten(1)
    num = factors.shape[1]
    for _ in range(6):
        if num % 2:
            break
        num //= 2
        factors = factors[:, :num] * factors[:, num:]
    return linear + factors.log().sum(1)


class _OfRounded(torch.autograd.Function):
    r"""The Bernoulli's log p(x|z) of logits in bfloat16, whose gradient :math:`x - p` is written down, not derived.

    To take log-sigmoids and their gradients one by one would be a sixth of a step in bfloat16.
    """

    @staticmethod
    def forward(ctx: Any, output: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(output, x)
        return _few_logarithms(output.to(x.dtype, copy=True), x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        output, x = ctx.saved_tensors
        each = x - torch.sigmoid(output.to(x.dtype))
        return each.mul_(grad[:, None, None, None]).to(output.dtype), None


class Likelihood(nn.Module, ABC):
    """A distribution over images given the decoder's output; log-probabilities are summed over pixels, in nats.

    The output has the shape ``(B, K · C, H, W)`` for images ``(B, C, H, W)`` and K parameters for each of their values;
    `split` takes it apart. What is learned beside the networks is an `nn.Parameter` of the likelihood. It is traced
    into ONNX: `log_prob` and `mean` work on tensors alone.
    """

    #: K: numbers that the decoder gives for each value of an image.
    num_parameters: ClassVar[int] = 1
    #: Whether the output is the natural parameter of an exponential family: the slope of `mean` is then the variance.
    has_natural_output: ClassVar[bool] = False

    @classmethod
    def from_config(cls, config: ModelConfig) -> Self:
        """The likelihood of a configuration: made without arguments, or of its own options if it registered some."""
        return cls() if config.likelihood_options is None else cls(config.likelihood_options)

    def split(self, output: Tensor) -> tuple[Tensor, ...]:
        """The K parameters, each of the images' shape: the first K-th of the channels is the first parameter."""
        return output.chunk(self.num_parameters, 1)

    @abstractmethod
    def log_prob(self, output: Tensor, x: Tensor) -> Tensor:
        """log p(x|z), shape ``(B,)``, for the decoder's output ``(B, K · C, H, W)`` and images ``(B, C, H, W)``."""

    def log_prob_of_many(self, output: Tensor, x: Tensor) -> Tensor:
        """As `log_prob`, nats, ``(B,)``, for very many z and without a gradient; ``output`` may be overwritten."""
        return self.log_prob(output, x)

    def log_prob_of_rounded(self, output: Tensor, x: Tensor) -> Tensor:
        """As `log_prob`, for an output in bfloat16, with its gradient; the sums are in the precision of the images."""
        return self.log_prob(output.to(x.dtype), x)

    def log_prob_table(self, output: Tensor, x: Tensor) -> Tensor:
        """log p(x|z) of every image under every z, for a first look.

        Args:
            output: The decoder's output for S latent points, ``(S, K · C, H, W)``.
            x: N images, ``(N, C, H, W)``.

        Returns:
            Nats, shape ``(N, S)``.
        """
        return torch.stack([self.log_prob(output, image.expand(len(output), *image.shape)) for image in x])

    @abstractmethod
    def mean(self, output: Tensor) -> Tensor:
        """E[x|z], shape ``(B, C, H, W)``."""

    @abstractmethod
    def sample(self, output: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A draw of x given z, shape ``(B, C, H, W)``."""


class _ExponentialFamily(Likelihood):
    """One of x, with one parameter a value: log p(x|z) = x · η(z) − A(z) + c(x)."""

    def log_prob_table(self, output: Tensor, x: Tensor) -> Tensor:
        """As `Likelihood.log_prob_table`, by matrix products alone.

        In single precision the difference of large sums costs digits: expect errors of 1e-5 of their size.
        """
        natural, partition = self._natural(output.flatten(1))
        return torch.addmm(-partition, x.flatten(1), natural.T) + self._of_images_alone(x.flatten(1))[:, None]

    @abstractmethod
    def _natural(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """η(z), shape ``(S, P)``, and A(z), shape ``(S,)``, of flat outputs ``(S, P)``."""

    def _of_images_alone(self, x: Tensor) -> Tensor:
        """c(x), shape ``(N,)``, of flat images ``(N, P)``."""
        return x.new_zeros(len(x))


class Bernoulli(_ExponentialFamily):
    """Cross-entropy from logits, in nats. Grey pixels are allowed; then it is not a density.

    Source:
        Kingma & Welling (2014), appendix C.1, https://arxiv.org/abs/1312.6114
    """

    has_natural_output = True

    def log_prob(self, output: Tensor, x: Tensor) -> Tensor:
        return -_sum_pixels(F.binary_cross_entropy_with_logits(output, x, reduction="none"))

    @torch.no_grad()
    def log_prob_of_many(self, output: Tensor, x: Tensor) -> Tensor:
        return _few_logarithms(output, x)

    def log_prob_of_rounded(self, output: Tensor, x: Tensor) -> Tensor:
        found: Tensor = _OfRounded.apply(output, x)
        return found

    def _natural(self, output: Tensor) -> tuple[Tensor, Tensor]:
        return output, F.softplus(output).sum(1)

    def mean(self, output: Tensor) -> Tensor:
        return torch.sigmoid(output)

    def sample(self, output: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return torch.bernoulli(torch.sigmoid(output), generator=generator)


class ContinuousBernoulli(_ExponentialFamily):
    r"""The Bernoulli's form, normalised on [0, 1], so that grey pixels have a density.

    With the logit :math:`\ell`, the normaliser is :math:`\ell / \tanh(\ell / 2)`.

    Source:
        Loaiza-Ganem & Cunningham (2019), https://arxiv.org/abs/1907.06845
    """

    has_natural_output = True

    def log_prob(self, output: Tensor, x: Tensor) -> Tensor:
        cross_entropy = F.binary_cross_entropy_with_logits(output, x, reduction="none")
        return _sum_pixels(self._log_normaliser(output) - cross_entropy)

    def _natural(self, output: Tensor) -> tuple[Tensor, Tensor]:
        return output, (F.softplus(output) - self._log_normaliser(output)).sum(1)

    def mean(self, output: Tensor) -> Tensor:
        near = output.abs() < _SERIES_BELOW
        far = torch.where(near, torch.ones_like(output), output)
        square = output.square()
        series = 0.5 + output * (1 / 12 + square * (-1 / 720 + square / 30240))
        return torch.where(near, series, 0.5 + 0.5 / torch.tanh(far / 2) - 1 / far)

    def sample(self, output: Tensor, generator: torch.Generator | None = None) -> Tensor:
        u = torch.empty_like(output).uniform_(generator=generator)
        near = output.abs() < 1e-6
        down = -torch.where(near, torch.ones_like(output), output).abs()
        draw = torch.log1p(u * torch.expm1(down)) / down  # the inverse CDF for a negative logit
        draw = torch.where(output > 0, 1 - draw, draw)
        return torch.where(near, u, draw).clamp(0, 1)

    @staticmethod
    def _log_normaliser(output: Tensor) -> Tensor:
        near = output.abs() < _SERIES_BELOW
        far = torch.where(near, torch.ones_like(output), output).abs()
        square = output.square()
        series = math.log(2) + square * (1 / 12 + square * (-7 / 1440 + square * (31 / 90720)))
        return torch.where(near, series, torch.log(far) - torch.log(torch.tanh(far / 2)))


class Gaussian(_ExponentialFamily):
    """Independent Gaussians of one standard deviation around the decoder's output, in nats, all constants included.

    Source:
        Kingma & Welling (2014), appendix C.2, https://arxiv.org/abs/1312.6114
    """

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self._sigma = sigma
        self._placed: dict[tuple[torch.dtype, torch.device], Tensor] = {}

    @classmethod
    def from_config(cls, config: ModelConfig) -> Self:
        """The likelihood of a configuration, with its ``sigma`` in units of a pixel's range 0 to 1."""
        return cls(config.sigma)

    @property
    def sigma(self) -> Tensor:
        """The standard deviation, in units of a pixel's range 0 to 1, a scalar."""
        return torch.tensor(self._sigma, dtype=torch.float64)

    def sigma_beside(self, output: Tensor) -> Tensor:
        """The standard deviation in the precision of an output and on its device, where it stays for later steps."""
        if torch.onnx.is_in_onnx_export():
            return self.sigma.to(output)
        place = (output.dtype, output.device)
        if place not in self._placed:
            self._placed[place] = self.sigma.to(output)
        return self._placed[place]

    def log_prob(self, output: Tensor, x: Tensor) -> Tensor:
        sigma = self.sigma_beside(output)
        scaled = (x - output) / sigma
        num_pixels = x[0].numel()
        constant = num_pixels * (torch.log(sigma) + 0.5 * math.log(2 * math.pi))
        return -0.5 * _sum_pixels(scaled.square()) - constant

    def _natural(self, output: Tensor) -> tuple[Tensor, Tensor]:
        sigma = self.sigma_beside(output)
        constant = output.shape[1] * (torch.log(sigma) + 0.5 * math.log(2 * math.pi))
        return output / sigma.square(), 0.5 * (output / sigma).square().sum(1) + constant

    def _of_images_alone(self, x: Tensor) -> Tensor:
        return -0.5 * (x / self.sigma_beside(x)).square().sum(1)

    def mean(self, output: Tensor) -> Tensor:
        return output

    def sample(self, output: Tensor, generator: torch.Generator | None = None) -> Tensor:
        noise = torch.empty_like(output).normal_(generator=generator)
        return output + self.sigma_beside(output) * noise


class LearnedGaussian(Gaussian):
    """A Gaussian whose one standard deviation is learned, never below the distance of two byte values.

    Source:
        Rybkin, Daniilidis & Levine (2021), σ-VAE, https://arxiv.org/abs/2006.13202
    """

    def __init__(self, sigma: float) -> None:
        super().__init__(sigma)
        above = max(sigma - SMALLEST_LEARNED_SIGMA, 1e-4)
        self.raw_sigma = nn.Parameter(torch.tensor(math.log(math.expm1(above)), dtype=torch.float32))

    @property
    def sigma(self) -> Tensor:
        return SMALLEST_LEARNED_SIGMA + F.softplus(self.raw_sigma)

    def sigma_beside(self, output: Tensor) -> Tensor:
        return self.sigma.to(output)  # it is there already, and changes with every step


def likelihood(config: ModelConfig) -> Likelihood:
    """The likelihood that a configuration names.

    Raises:
        UserError: If it is not registered here, or cannot be made.
    """
    found = LIKELIHOODS[config.likelihood].load().from_config(config)
    assert isinstance(found, Likelihood), "the registry checks what is registered"
    return found


def num_outputs(config: ModelConfig, info: DataInfo) -> int:
    """Channels of the decoder's output: those of the images, times the likelihood's parameters for each value."""
    num: int = LIKELIHOODS[config.likelihood].load().num_parameters
    if num < 1:
        raise UserError(f"num_parameters of a likelihood must be at least 1, got {num}; use 1")
    return num * info.channels
