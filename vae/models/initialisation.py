"""Layers whose initial weights come from a given generator, never from torch's global one.

PyTorch draws a layer's first weights from the random state of the whole process: then they are not those of the seed if
another thread draws meanwhile, and whoever makes a model finds that state changed. The draws are the same here, number
for number, as PyTorch's own after ``torch.manual_seed`` with the generator's seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Draw = torch.Generator | None
Layer = TypeVar("Layer", nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def linear(num_in: int, num_out: int, draw: Draw = None) -> nn.Linear:
    """A fully connected layer.

    Args:
        num_in, num_out: Sizes of its input and output.
        draw: Where its weights are drawn from; None is the process's own random state, as for `torch.nn.Linear`.
    """
    return _drawn(nn.Linear, draw, num_in, num_out)


def convolution(num_in: int, num_out: int, draw: Draw = None) -> nn.Conv2d:
    """A 3 × 3 convolution that halves the image's sides, rounding up; arguments as for `linear`, in channels."""
    return _drawn(nn.Conv2d, draw, num_in, num_out, 3, stride=2, padding=1)


def transposed_convolution(
    num_in: int, num_out: int, extra: tuple[int, int], draw: Draw = None
) -> nn.ConvTranspose2d:
    """A 3 × 3 convolution that doubles the image's sides and takes one off; arguments as for `linear`, in channels.

    Args:
        num_in, num_out: Channels of its input and output.
        extra: Rows and columns to add, 0 or 1 each.
        draw: As for `linear`.
    """
    kind = GreyImages if num_out == 1 else nn.ConvTranspose2d
    return _drawn(kind, draw, num_in, num_out, 3, stride=2, padding=1, output_padding=extra)


class GreyImages(nn.ConvTranspose2d):
    """A transposed convolution as below that ends in one channel, in bfloat16 on the CPU as one matrix product.

    PyTorch's takes three times as long there: a twelfth of a step of a convolutional network. In float32, on other
    devices, and where a graph is exported, it is PyTorch's.
    """

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if x.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return super().forward(x, output_size)
        height, width = x.shape[2:]
        sides = (2 * height - 1 + int(self.output_padding[0]), 2 * width - 1 + int(self.output_padding[1]))
        each = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1]) @ self.weight.flatten(1)
        columns = each.unflatten(0, (len(x), height * width)).transpose(1, 2)
        image = F.fold(columns, sides, 3, padding=1, stride=2)
        return image if self.bias is None else image + self.bias[:, None, None]


def _drawn(kind: Callable[..., Layer], draw: Draw, *sizes: int, **options: Any) -> Layer:
    here = torch.empty(0).device  # a model without numbers is made where "meta" is the default
    layer = kind(*sizes, **options, device="meta", dtype=torch.float32).to_empty(device=here)
    if here.type != "meta":
        reset(layer.weight, layer.bias, draw)
    return layer


@torch.no_grad()
def reset(weight: Tensor, bias: Tensor | None, draw: Draw = None) -> None:
    r"""First weights as PyTorch's layers have them: uniform within :math:`\pm 1 / \sqrt{n}` of n inputs.

    Source:
        He et al. (2015), https://arxiv.org/abs/1502.01852, with the gain :math:`\sqrt{1/3}` of `torch.nn.Linear`.
    """
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=draw)
    if bias is not None:
        bound = 1 / math.sqrt(weight[0].numel())
        nn.init.uniform_(bias, -bound, bound, generator=draw)
