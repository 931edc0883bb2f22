"""How many images or latent points fit into memory at once: one budget in bytes, from which batch sizes follow.

Every batch that we choose ourselves is as large as it always was for small images, and smaller where images or networks
are large, so that what a command takes does not grow with the size of an image.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vae.config.schema import DataInfo, ModelConfig
    from vae.models.vae import VAE

#: What the numbers of one batch may take together, bytes.
BUDGET = 256 << 20
#: Rows of a batch, at most, unless a caller says otherwise.
MOST_ROWS = 1000
#: Bytes of a number in single precision.
FLOAT = 4
#: Copies of an image's pixels beside the networks: the pixels, the output, and what a likelihood makes of them.
_PIXEL_COPIES = 5
#: Numbers for each pixel that a network is taken to hold whose layers we do not know.
UNKNOWN_NETWORK = 32


def rows_within(bytes_per_row: float, *, most: int = MOST_ROWS, budget: float = BUDGET) -> int:
    """How many rows may be worked on at once, one at least.

    Args:
        bytes_per_row: What all numbers of one row take at the moment when they take most.
        most: Never more rows than these, however small they are.
        budget: Bytes for all of them.

    Raises:
        ValueError: If ``most`` is not positive.
    """
    if most < 1:
        raise ValueError(f"most must be >= 1, got {most}; leave it out for {MOST_ROWS}")
    return max(1, min(most, int(budget // max(1.0, bytes_per_row))))


def image_bytes(info: DataInfo, copies: float = 1) -> float:
    """What so many copies of one image's pixels take in single precision, beside its bytes."""
    return info.num_pixels * (1 + FLOAT * copies)


def bytes_per_row(
    config: ModelConfig, info: DataInfo, *, gradient: bool = False, num_parameters: int = 1
) -> float:
    """About what one image or latent point takes on its way through both networks and the likelihood.

    Args:
        config: Of the networks.
        info: Of the images.
        gradient: Whether everything is kept for a gradient, and the gradient made; else only neighbouring layers are
            there at once.
        num_parameters: Of the likelihood, for each value of an image.
    """
    layers = _layers(config, info)
    layers[-1] *= num_parameters
    if gradient:  # outputs, what their nonlinearities make of them, and the gradient that comes back
        numbers = 3 * sum(layers)
    else:
        numbers = max(before + 2 * after for before, after in zip([0, *layers], [*layers, 0], strict=True))
    return image_bytes(info, _PIXEL_COPIES * num_parameters) + FLOAT * numbers


def rows_for(
    model: VAE, *, most: int = MOST_ROWS, budget: float = BUDGET, gradient: bool = False, copies: float = 0
) -> int:
    """How many images or latent points a model may be given at once.

    Args:
        model: The model.
        most: Never more than these.
        budget: Bytes for all of them.
        gradient: As in `bytes_per_row`.
        copies: Further copies of each image's pixels that the caller keeps meanwhile.
    """
    num_parameters = model.likelihood.num_parameters
    each = bytes_per_row(model.config, model.info, gradient=gradient, num_parameters=num_parameters)
    each += image_bytes(model.info, copies)
    return rows_within(each, most=most, budget=budget)


def _layers(config: ModelConfig, info: DataInfo) -> list[int]:
    """Numbers in the output of each layer of the encoder and of the decoder, for one row, in order."""
    if not config.has_known_layers:
        return [UNKNOWN_NETWORK * info.num_pixels]
    maps: list[int] = []
    if config.network == "conv":
        height, width = info.height, info.width
        for channels in config.channels:  # each halves the sides, rounded up
            height, width = (height + 1) // 2, (width + 1) // 2
            maps.append(channels * height * width)
    down = [*maps, *config.hidden, 2 * config.latent_dim]
    up = [*reversed(config.hidden), *reversed(maps), math.prod((info.channels, info.height, info.width))]
    return [info.num_pixels, *down, *up]
