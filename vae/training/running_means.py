"""Means of the steps since the last line of metrics, which no step waits for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from vae.objectives.schedules import StepSettings
from vae.objectives.terms import MeanTerms
from vae.storage.finite_tensors import Diverged


class Total:
    """A running sum that no step waits for: on the CPU in double precision, elsewhere of two numbers in single.

    Not all devices have double precision. The second number holds what rounding took from the first.

    Args:
        size: Numbers that are summed side by side; none for a scalar.
        device: Where they are.

    Source:
        Knuth's exact sum of two floating-point numbers, The Art of Computer Programming, volume 2, section 4.2.2.
    """

    def __init__(self, size: tuple[int, ...], device: torch.device) -> None:
        self._is_wide = device.type == "cpu"
        dtype = torch.float64 if self._is_wide else torch.float32
        self._sum = torch.zeros(size, dtype=dtype, device=device)
        self._lost = torch.zeros_like(self._sum)

    def add(self, values: Tensor, times: int) -> None:
        """Add values so many times."""
        if self._is_wide:
            self._sum.add_(values, alpha=times)
            return
        values = values * times
        total = self._sum + values
        taken = total - self._sum
        self._lost += (self._sum - (total - taken)) + (values - taken)
        self._sum = total

    def take(self) -> Tensor:
        """The sum, in double precision on the CPU; it begins anew."""
        found = self._sum.cpu().double() + self._lost.cpu().double()
        self._sum.zero_()
        self._lost.zero_()
        return found


@dataclass
class Means:
    """Running sums of the terms since the last line, kept on the device, so that no step waits for it."""

    distortion: Total
    rate_per_dim: Total
    logs: dict[str, Total] = field(default_factory=dict)
    num_images: int = 0
    num_steps: int = 0

    @classmethod
    def zero(cls, latent_dim: int, device: torch.device) -> Means:
        """Nothing summed yet."""
        return cls(Total((), device), Total((latent_dim,), device))

    def add(self, terms: MeanTerms, num_images: int) -> None:
        """Add the means of one batch of so many images."""
        self.distortion.add(terms.distortion, num_images)
        self.rate_per_dim.add(terms.rate_per_dim, num_images)
        for name, value in terms.logs.items():
            if name not in self.logs:
                self.logs[name] = Total((), value.device)
            self.logs[name].add(value, num_images)
        self.num_images += num_images
        self.num_steps += 1

    def take(self) -> dict[str, Any]:
        """The means as a line's values, in nats per example, and start anew.

        Raises:
            Diverged: If one of them is not finite.
        """
        distortion = float(self.distortion.take()) / self.num_images
        rates = (self.rate_per_dim.take() / self.num_images).tolist()
        logs = {
            f"objective.{name}": float(total.take()) / self.num_images for name, total in self.logs.items()
        }
        rate, num_steps = math.fsum(rates), self.num_steps
        self.num_images = self.num_steps = 0
        if not math.isfinite(distortion + rate + sum(logs.values())):
            raise Diverged
        return {
            "distortion": distortion,
            "rate": rate,
            "elbo": -(distortion + rate),
            "rate_per_dim": rates,
            "num_steps": num_steps,
            **logs,
        }


class SettingsMean:
    """What the steps since the last line were taken with, as a mean over them."""

    def __init__(self) -> None:
        self._taken: list[StepSettings] = []  # of a tenth of a second

    def add(self, settings: StepSettings) -> None:
        """Add those of one step."""
        self._taken.append(settings)

    def take(self) -> StepSettings:
        """The means, and start anew. What did not move is as it was, to the bit.

        Raises:
            ValueError: If no step was added.
        """
        if not self._taken:
            raise ValueError("a mean needs at least one step, got none; add what a step was taken with")
        found = [
            values[0] if min(values) == max(values) else math.fsum(values) / len(values)
            for values in zip(*self._taken, strict=True)
        ]
        self._taken.clear()
        return StepSettings(*found)
