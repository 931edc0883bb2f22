"""Encoders and decoders: fully connected or convolutional, with or without a condition.

A condition is the one-hot label. Both networks get it: concatenated to the flat input, or as constant planes beside
the channels of a convolutional encoder.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from vae.config.schema import DataInfo, ModelConfig
from vae.models.initialisation import Draw, convolution, linear, transposed_convolution
from vae.models.likelihoods import num_outputs
from vae.models.made import ACTIVATIONS, MaskedNetwork
from vae.models.priors import ClassPrior


def _layers(sizes: list[int], activation: str, draw: Draw) -> list[nn.Module]:
    """Linear layers of these sizes, each followed by the activation."""
    layers: list[nn.Module] = []
    for num_in, num_out in pairwise(sizes):
        layers += [linear(num_in, num_out, draw), ACTIVATIONS[activation]()]
    return layers


def sizes_when_halved(size: int, times: int) -> list[int]:
    """The side of an image before and after each convolution of stride 2."""
    sizes = [size]
    for _ in range(times):
        sizes.append((sizes[-1] + 1) // 2)
    return sizes


def channels_last(convolutions: nn.Sequential) -> nn.Sequential:
    """Convolutions whose weights lie in memory with the channels last, in which a step is 1.2 times as fast on the CPU.

    What they compute differs in its last bits from the other order; on other devices the trainer takes the usual one.
    """
    return convolutions.to(memory_format=torch.channels_last)


class Encoder(nn.Module):
    """Images (and condition) to the mean and log-variance of q(z|x), each ``(B, D)``.

    Args:
        config: Of the networks.
        info: Of the images.
        draw: Where its first weights are drawn from, see `vae.models.initialisation.linear`.
    """

    def __init__(self, config: ModelConfig, info: DataInfo, draw: Draw = None) -> None:
        super().__init__()
        num_conditions = info.num_classes if config.conditional else 0
        self.is_conv = config.network == "conv"
        convolutions: list[nn.Module] = []
        if self.is_conv:
            channels = [info.channels + num_conditions, *config.channels]
            for num_in, num_out in pairwise(channels):
                convolutions += [convolution(num_in, num_out, draw), ACTIVATIONS[config.activation]()]
            sides = [sizes_when_halved(side, len(config.channels))[-1] for side in (info.height, info.width)]
            num_flat = config.channels[-1] * sides[0] * sides[1]
        else:
            num_flat = info.num_pixels + num_conditions
        sizes = [num_flat, *config.hidden]
        self.convolutions = channels_last(nn.Sequential(*convolutions))
        self.hidden = nn.Sequential(*_layers(sizes, config.activation, draw))
        self.mean = linear(sizes[-1], config.latent_dim, draw)
        self.log_var = linear(sizes[-1], config.latent_dim, draw)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if self.is_conv:
            if condition is not None:
                planes = condition[:, :, None, None].expand(-1, -1, x.shape[2], x.shape[3])
                x = torch.cat([x, planes], 1)
            features = self.convolutions(x).flatten(1)
        else:
            features = x.flatten(1)
            if condition is not None:
                features = torch.cat([features, condition], 1)
        features = self.hidden(features)
        return self.mean(features), self.log_var(features)


class Decoder(nn.Module):
    """Latent points (and condition) to the likelihood's raw parameters, ``(B, K · C, H, W)``, K for each value.

    An autoregressive decoder also looks at the image itself: given ``x``, each pixel's logit sees the pixels of x
    before it, which is how p(x|z) is measured; without, it sees the means that were found for them.

    Args:
        config: Of the networks.
        info: Of the images.
        draw: Where its first weights are drawn from, see `vae.models.initialisation.linear`.
    """

    def __init__(self, config: ModelConfig, info: DataInfo, draw: Draw = None) -> None:
        super().__init__()
        num_conditions = info.num_classes if config.conditional else 0
        self.prior = ClassPrior(num_conditions, config.latent_dim) if config.learned_prior else None
        sizes = [config.latent_dim + num_conditions, *reversed(config.hidden)]
        self.hidden = nn.Sequential(*_layers(sizes, config.activation, draw))
        self.is_conv = config.network == "conv"
        convolutions: list[nn.Module] = []
        if self.is_conv:
            heights = sizes_when_halved(info.height, len(config.channels))
            widths = sizes_when_halved(info.width, len(config.channels))
            self.start = (config.channels[-1], heights[-1], widths[-1])
            channels = [*reversed(config.channels), num_outputs(config, info)]
            for layer, (num_in, num_out) in enumerate(pairwise(channels)):
                if layer:
                    convolutions.append(ACTIVATIONS[config.activation]())
                # An even side needs one more row than the inverse of the stride gives.
                extra = (1 - heights[-2 - layer] % 2, 1 - widths[-2 - layer] % 2)
                convolutions.append(transposed_convolution(num_in, num_out, extra, draw))
            num_flat = self.start[0] * self.start[1] * self.start[2]
            self.flat = nn.Sequential(linear(sizes[-1], num_flat, draw), ACTIVATIONS[config.activation]())
        else:
            self.start = (num_outputs(config, info), info.height, info.width)
            self.flat = nn.Sequential(linear(sizes[-1], math.prod(self.start), draw))
        self.convolutions = channels_last(nn.Sequential(*convolutions))
        self.image = (info.channels, info.height, info.width)
        self.autoregression = (
            MaskedNetwork(info.num_pixels, config.hidden[0] if config.hidden else 0, config.activation, draw)
            if config.decoder == "autoregressive"
            else None
        )

    def forward(self, z: Tensor, condition: Tensor | None = None, x: Tensor | None = None) -> Tensor:
        if condition is not None:
            if self.prior is not None:
                z = self.prior(z, condition)
            z = torch.cat([z, condition], 1)
        output: Tensor = self.convolutions(self.flat(self.hidden(z)).unflatten(1, self.start))
        if self.autoregression is None:
            return output
        logits = output.flatten(1)
        if x is None:
            return self.autoregression.by_own_means(logits).unflatten(1, self.image)
        return self.autoregression(logits, x.flatten(1)).unflatten(1, self.image)


class LayeredNetworks:
    """The package's own encoder and decoder, fully connected or convolutional, see `vae.models.network_builder`."""

    @staticmethod
    def made(config: ModelConfig, info: DataInfo, draw: Draw = None) -> tuple[Encoder, Decoder]:
        """Encoder and decoder, drawn in this order."""
        return Encoder(config, info, draw), Decoder(config, info, draw)
