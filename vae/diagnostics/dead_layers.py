"""Layers all of whose units lie where their nonlinearity is flat, whatever goes in: no gradient gets through them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from vae.models.batches import ModelInputs, slices
from vae.models.made import ACTIVATIONS
from vae.models.memory_budget import rows_for
from vae.runtime.eval_mode import at_rest
from vae.runtime.seeding import generator

if TYPE_CHECKING:
    from vae.models.vae import VAE

#: Inputs that a network is tried out on, at most.
_NUM_TRIED = 1000
#: So near to the flat end of its nonlinearity a unit passes on no gradient that counts.
_FLAT = 1e-6


@dataclass(frozen=True)
class DeadLayer:
    """The first layer of a network whose units are all flat for every input, so that it gives the same for each.

    Attributes:
        network: Which of the two.
        layer: Its place among the network's hidden layers, from 1; None where the layers are not ours, and it is only
            seen that the encoder's answer is always the same.
        num_units: Units of that layer; 0 where they are not ours.
    """

    network: Literal["encoder", "decoder"]
    layer: int | None
    num_units: int


@torch.no_grad()
@at_rest
def dead_layer(
    model: VAE, x: Tensor | ModelInputs, y: Tensor | None, mean: Tensor, log_var: Tensor
) -> DeadLayer | None:
    """The first layer of the encoder, else of the decoder, that says nothing; None if all say something.

    A layer behind which everything is constant passes on no gradient either, so that training cannot bring it back.

    Args:
        model: The model.
        x: Images, of which at least two differ.
        y: Their labels, for a conditional model.
        mean: Posterior means of all images ``(N, D)``.
        log_var: Their log-variances.
    """
    if not model.config.has_known_layers:
        is_constant = all(bool((values == values[0]).all()) for values in (mean, log_var))
        return DeadLayer("encoder", None, 0) if is_constant and len(mean) > 1 else None
    num = min(len(x), _NUM_TRIED)
    condition = None if y is None else model.condition(y[:num], num)
    with _watched(model.encoder) as layers:
        for some in slices(num, rows_for(model)):
            model.encoder(x[some], None if condition is None else condition[some])
    if found := _first_dead("encoder", layers):
        return found
    z = model.prior.sample(num, generator(0, "prior")).to(mean)
    with _watched(model.decoder) as layers:
        for some in slices(num, rows_for(model)):
            model.decoder(z[some], None if condition is None else condition[some], x[some])
    return _first_dead("decoder", layers)


@dataclass
class _Range:
    """The smallest and the largest value of each unit of a layer so far, behind its nonlinearity."""

    activation: nn.Module
    low: Tensor | None = None
    high: Tensor | None = None

    def see(self, output: Tensor) -> None:
        values = output.flatten(1)
        low, high = values.amin(0), values.amax(0)
        self.low = low if self.low is None else torch.minimum(self.low, low)
        self.high = high if self.high is None else torch.maximum(self.high, high)

    @property
    def is_dead(self) -> bool:
        if self.low is None or self.high is None:
            return False
        if isinstance(self.activation, nn.Tanh):
            is_flat = torch.minimum(self.low.abs(), self.high.abs()) >= 1 - _FLAT
            is_flat &= self.low.sign() == self.high.sign()
        else:  # flat below 0, where they give 0, or next to it
            is_flat = torch.maximum(self.low.abs(), self.high.abs()) <= _FLAT
        return bool(is_flat.all())

    @property
    def num_units(self) -> int:
        return 0 if self.low is None else len(self.low)


@contextmanager
def _watched(network: nn.Module) -> Iterator[list[_Range]]:
    """What the activations of a network give while it is used, in their order; what looks at pixels is left out."""
    kinds, ranges, handles = tuple(ACTIVATIONS.values()), [], []
    for name, module in network.named_modules():
        if isinstance(module, kinds) and not name.startswith("autoregression"):
            seen = _Range(module)
            ranges.append(seen)
            handles.append(module.register_forward_hook(lambda _, __, output, seen=seen: seen.see(output)))
    try:
        yield ranges
    finally:
        for handle in handles:
            handle.remove()


def _first_dead(network: Literal["encoder", "decoder"], layers: list[_Range]) -> DeadLayer | None:
    for place, layer in enumerate(layers, 1):
        if layer.is_dead:
            return DeadLayer(network, place, layer.num_units)
    return None
