"""Whether a loop's optimiser changes the networks that are watched: it may have others, or a learning rate of 0."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vae.watching.reachable_modules import has_numbers

#: Values of each weight that are compared, and steps after which they are for the first time.
_NUM_VALUES, _FIRST_LOOK = 64, 30


class WeightChanges:
    """Compares a few values of each weight with what they were at first.

    Args:
        halves: Encoder and decoder, by these names; one without weights in sight is not judged.
        step: Where the loop is now.

    Attributes:
        told: The halves that were last said to be unchanged.
    """

    def __init__(self, halves: Mapping[str, nn.Module], step: int) -> None:
        self._first = {name: _sample(half) for name, half in halves.items()}
        self._first = {name: values for name, values in self._first.items() if values}
        self._halves = halves
        self._begun, self._next = step, step + _FIRST_LOOK
        self.told: tuple[str, ...] = ()

    def is_due(self, step: int) -> bool:
        """Whether to look now: after some steps, then after twice as many each time, until all have changed."""
        return bool(self._first) and step >= self._next

    def look(self, step: int) -> bool:
        """Look which halves are unchanged; says whether that is news. Waits for the device."""
        if step - self._begun < _FIRST_LOOK:
            return False
        self._next = step + (step - self._begun)
        for name in list(self._first):
            now = _sample(self._halves[name])
            before = self._first[name]
            if len(now) != len(before) or not all(map(torch.equal, now, before)):
                del self._first[name]
        is_news, self.told = self.told != tuple(self._first), tuple(self._first)
        return is_news


def _sample(half: nn.Module) -> list[Tensor]:
    """A few values of each weight, spread over it, as they are now."""
    found = []
    for weight in half.own.parameters():  # type: ignore[union-attr]
        if not has_numbers(weight):
            continue
        values = weight.detach().flatten()
        found.append(values[:: max(1, len(values) // _NUM_VALUES)].clone().cpu())
    return found
