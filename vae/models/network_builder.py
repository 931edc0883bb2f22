"""How encoder and decoder are made: by the builder that `model.network` names, the package's own or a user's.

A new one is a class derived from `Network` under `vae.config.registries.NETWORKS`::

    @NETWORKS.register("residual", title="Residual", options=ResidualOptions)
    class Residual(Network): ...

Its layers may be any of PyTorch's: the trainer puts them into training mode, everything that looks at a model into
evaluation mode, and what dropout draws while training follows from the run's seed and the step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from vae.config.base import Config
from vae.config.registries import NETWORKS
from vae.config.schema import DataInfo, ModelConfig
from vae.errors import UserError
from vae.models.initialisation import Draw
from vae.models.likelihoods import num_outputs
from vae.runtime.eval_mode import evaluating


class Network(ABC):
    """A builder of encoder and decoder for given images.

    Args:
        config: Of the model; ``config.latent_dim`` and its conditions are to be heeded.
        info: Of the images.
        options: Its own options, if it registered some.

    Attributes:
        num_conditions: Length K of the one-hot condition that both networks get; 0 for an unconditional model.
        num_outputs: Channels that the decoder gives: several for each of the images' where the likelihood wants them.
    """

    def __init__(self, config: ModelConfig, info: DataInfo, options: Config | None = None) -> None:
        self.config, self.info, self.options = config, info, options
        self.num_conditions = info.num_classes if config.conditional else 0
        self.num_outputs = num_outputs(config, info)

    @abstractmethod
    def encoder(self) -> nn.Module:
        """From images ``(B, C, H, W)`` and condition ``(B, K)`` or None to mean and log-variance, each ``(B, D)``."""

    @abstractmethod
    def decoder(self) -> nn.Module:
        """From z ``(B, D)`` and condition ``(B, K)`` or None to the likelihood's numbers, ``(B, num_outputs, H, W)``.

        It is called with the images as a third argument, which a decoder of independent pixels leaves alone.
        """

    @classmethod
    def misfit(cls, config: ModelConfig, info: DataInfo) -> str | None:
        """Why such networks cannot be made for such images, as a sentence with rule, value and remedy; else None."""
        return None


def build(config: ModelConfig, info: DataInfo, draw: Draw = None) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder of a configuration.

    Args:
        config: Of the model.
        info: Of the images.
        draw: Where the first weights are drawn from; None is the process's own random state.

    Raises:
        UserError: If the builder is not registered here, or what it makes does not fit images and latent space.
    """
    entry = NETWORKS[config.network]
    builder: Any = entry.load()
    if entry.is_built_in:
        ours: tuple[nn.Module, nn.Module] = builder.made(config, info, draw)
        return ours
    own = () if config.network_options is None else (config.network_options,)
    with drawing(draw):
        found = builder(config, info, *own)
        encoder, decoder = found.encoder(), found.decoder()
    _check(encoder, decoder, found, entry.name)
    return encoder, decoder


@contextmanager
def drawing(draw: Draw, step: int = 0) -> Iterator[None]:
    """Let PyTorch's own random state follow from a generator inside, and be as it was afterwards.

    Args:
        draw: The generator, which moves on by one number; None changes nothing.
        step: Added to that number.
    """
    if draw is None:
        yield
        return
    with torch.random.fork_rng(devices=[] if draw.device.type == "cpu" else [draw.device]):
        torch.manual_seed(int(torch.randint(1 << 62, (), generator=draw, device=draw.device)) + step)
        yield


@torch.no_grad()
def _check(encoder: nn.Module, decoder: nn.Module, built: Network, name: str) -> None:
    """Try both networks with one example, where they have numbers at all."""
    if any(tensor.is_meta for network in (encoder, decoder) for tensor in network.state_dict().values()):
        return
    info, num_dims = built.info, built.config.latent_dim
    y = torch.zeros(1, built.num_conditions, device="cpu") if built.num_conditions else None
    x = torch.zeros(1, info.channels, info.height, info.width, device="cpu")
    with evaluating(encoder, decoder):
        try:
            answer: Any = encoder(x, y)
            shapes = [tuple(part.shape) for part in answer]
            output = tuple(decoder(torch.zeros(1, num_dims, device="cpu"), y, x).shape)
        except (TypeError, RuntimeError, ValueError, AttributeError) as error:
            raise UserError(
                f"network {name!r} must take images of {info.channels} × {info.height} × {info.width} and z of "
                f"{num_dims} dimensions, and fails: {error}; mend its encoder() or decoder()"
            ) from error
    wanted = (1, built.num_outputs, info.height, info.width)
    if shapes != [(1, num_dims)] * 2 or output != wanted:
        raise UserError(
            f"network {name!r} must give mean and log-variance of shape {(1, num_dims)} and outputs of {wanted}, got "
            f"{shapes} and {output}; mend its encoder() or decoder()"
        )
