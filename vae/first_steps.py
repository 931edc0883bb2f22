"""The KL term of a watched loop over ours in its first steps, while it is still large enough to be measured."""

from __future__ import annotations

import math
from statistics import median

import torch
from torch import Tensor

from vae.data import Dataset
from vae.minibatches import Seen, posteriors
from vae.model import VAE
from vae.objective import rate_per_dim

#: Steps that are compared, and images that each is compared on.
NUM_STEPS, NUM_IMAGES = 20, 128
#: Rates below this are not compared, nats: there single precision begins to show.
_SMALLEST_RATE = 1e-3


class FirstSteps:
    """Compares the KL that each of the first steps reports with the rate that was measured before that step.

    Both are of the very same networks, so that it does not matter how fast they collapse. A loop that weighs its KL
    term too much has none left some steps later.
    """

    def __init__(self, model: VAE, dataset: Dataset, device: torch.device) -> None:
        seen = Seen(dataset, "train", torch.arange(min(NUM_IMAGES, len(dataset.train))), device=device)
        self._model, self._x, self._labels = model, seen.held(), seen.labels
        self._rate: Tensor | None = None
        self._pairs: list[tuple[Tensor | float, Tensor]] = []

    @property
    def is_due(self) -> bool:
        """Whether the rate before the next step is to be measured."""
        return self._rate is None and len(self._pairs) < NUM_STEPS

    @torch.no_grad()
    def measure(self) -> None:
        """Measure the rate of now; no device is waited for."""
        mean, log_var = posteriors(self._model, self._x, self._labels)
        self._rate = rate_per_dim(mean, log_var).sum(1).mean()

    def reported(self, kl: Tensor | float) -> None:
        """What the loop says of the step since."""
        if self._rate is not None:
            self._pairs.append((kl, self._rate))
            self._rate = None

    def ratio(self) -> float | None:
        """The median of reported over ours; None if nothing could be compared."""
        pairs = [(float(kl), float(rate)) for kl, rate in self._pairs]
        ratios = [kl / rate for kl, rate in pairs if rate >= _SMALLEST_RATE]
        found = [ratio for ratio in ratios if math.isfinite(ratio) and ratio > 0]
        return median(found) if found else None
