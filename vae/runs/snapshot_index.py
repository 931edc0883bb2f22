"""The snapshots of a run side by side: their probe images and KL per dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vae.errors import UserError
from vae.storage.atomic import read_json

if TYPE_CHECKING:
    from vae.runs.run import Run

#: Snapshots that are listed; of more, so many are chosen evenly.
MOST = 240


@dataclass(frozen=True)
class Moment:
    """What a snapshot says of itself.

    Attributes:
        step: Steps of training before it.
        epoch: Passes over the training images before it, with the part of the one under way.
        seconds: Of training, pauses left out.
        beta: β of the last step before it.
        rate_per_dim: KL of each latent dimension over the run's probe images, nats per example.
    """

    step: int
    epoch: float
    seconds: float
    beta: float
    rate_per_dim: tuple[float, ...]

    def told(self, stamp: str) -> dict[str, Any]:
        """As the explorer reads it (`vae/browser/time_machine`), with the name of its weights' content."""
        rates = [round(rate, 5) for rate in self.rate_per_dim]
        return {**vars(self), "rate_per_dim": rates, "stamp": stamp}


def moments(run: Run) -> list[Moment]:
    """The snapshots of a run, ascending, at most `MOST`; one that is being removed, or is damaged, is left out."""
    steps = run.snapshots()
    if len(steps) > MOST:
        steps = [steps[round(place * (len(steps) - 1) / (MOST - 1))] for place in range(MOST)]
    found = (_moment(run, step) for step in steps)
    return [moment for moment in found if moment is not None]


def _moment(run: Run, step: int) -> Moment | None:
    try:
        values = read_json(run.snapshot_dir(step) / "snapshot.json")
    except (OSError, UserError):
        return None
    if not isinstance(values, dict):
        return None
    rates = values.get("rate_per_dim")
    numbers = [values.get(name) for name in ("epoch", "seconds", "beta")]
    if not isinstance(rates, list) or len(rates) != run.config.model.latent_dim:
        return None
    if not all(_is_number(value) for value in [*numbers, *rates]):
        return None
    epoch, seconds, beta = map(float, numbers)  # type: ignore[arg-type]
    return Moment(step, epoch, seconds, beta, tuple(map(float, rates)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
