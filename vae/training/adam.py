"""Adam with smaller steps for layers with very many inputs."""

from __future__ import annotations

import torch
from torch import nn

from vae.config.schema import TrainConfig

#: A layer with more inputs than this is a wide one.
WIDE = 65_536
#: A wide layer learns as one with so many inputs does.
USUAL = 4_096


def adam(model: nn.Module, config: TrainConfig) -> torch.optim.Adam:
    r"""The optimiser of a model's training.

    A step of Adam moves each weight by about the learning rate :math:`\eta`, whatever its gradient, and all weights of
    a unit alike where the pixels are bright: the unit moves by :math:`\eta \sum_i |x_i|`, which grows with the number n
    of its inputs. In an image of 600 × 900 colour pixels that is hundreds in one step, and log σ² of the posterior
    overflows within a few. So the weights of a layer with more than `WIDE` inputs learn with
    :math:`\eta \cdot 4096 / n`. No other layer, and no smaller model, is touched.

    Source:
        Yang et al. (2022), https://arxiv.org/abs/2203.03466, table 3: Adam's learning rate of a layer falls as 1 / n.
    """
    slower = {
        module.weight: USUAL / module.in_features
        for module in model.modules()
        if isinstance(module, nn.Linear) and module.in_features > WIDE
    }
    usual = [parameter for parameter in model.parameters() if parameter not in slower]
    groups = [
        {"params": usual, "scale": 1.0},
        *({"params": [weight], "scale": scale} for weight, scale in slower.items()),
    ]
    device = next(model.parameters()).device.type
    optimizer = torch.optim.Adam(
        groups, lr=config.learning_rate, eps=config.adam_eps, fused=device in ("cpu", "cuda")
    )
    set_learning_rate(optimizer, config.learning_rate)
    return optimizer


def set_learning_rate(optimizer: torch.optim.Adam, learning_rate: float) -> None:
    """Go on with this learning rate; wide layers have their part of it."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group["scale"]


def numbered(optimizer: torch.optim.Adam) -> dict[nn.Parameter, int]:
    """The number by which the optimiser's own state knows each parameter."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return {parameter: number for number, parameter in enumerate(parameters)}
