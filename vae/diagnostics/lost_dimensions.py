"""When a latent dimension that once said something fell silent, and what was changed just before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vae.diagnostics.findings import Evidence
from vae.runs.metric_lines import Line

#: Nats of rate above which a dimension says something, and below which it says nothing.
_SPEAKS, _SILENT = 0.1, 0.03
#: More dimensions than these are counted, not named.
_MOST_NAMES = 6
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True)
class Loss:
    """Dimensions that fell silent together.

    Attributes:
        dims: Which, from 0.
        step, epoch: When they were first seen silent for good.
        raised: The event of β that was raised by hand just before; None if it was not.
    """

    dims: tuple[int, ...]
    step: int
    epoch: float
    raised: Line | None = None

    @property
    def sentence(self) -> str:
        """When and why, as far as it is known."""
        who = _names(self.dims)
        if self.raised is None:
            return f"{who} was active before, and became inactive by epoch {self.epoch:.3g} (step {self.step:,})."
        before, beta = float(self.raised["before"]), float(self.raised["beta"])
        return (
            f"{who} became inactive when β was raised by hand from {before:.4g} to {beta:.4g}, at epoch "
            f"{float(self.raised['epoch']):.3g} (step {int(self.raised['step']):,})."
        )

    def evidence(self) -> tuple[Evidence, ...]:
        """The moment as numbers."""
        if self.raised is None:
            return (Evidence("epoch by which they became inactive", self.epoch),)
        return (
            Evidence("epoch at which β was raised by hand", float(self.raised["epoch"])),
            Evidence("β before", float(self.raised["before"])),
            Evidence("β after", float(self.raised["beta"])),
        )


def lost_dimensions(history: Sequence[Line], is_active: Sequence[bool]) -> Loss | None:
    """The last loss of dimensions that are not active now; None if those said nothing all along.

    Args:
        history: Lines up to the weights that are looked at, see `vae.runs.metric_lines`.
        is_active: Of each dimension, at these weights.
    """
    measured = [
        line
        for line in history
        if "split" in line and isinstance(line.get("rate_per_dim"), list) and "step" in line
    ]
    measured = [line for line in measured if len(line["rate_per_dim"]) == len(is_active)]
    died: dict[int, Line] = {}
    for dim, active in enumerate(is_active):
        if active or not measured or measured[-1]["rate_per_dim"][dim] > _SILENT:
            continue
        spoke = [place for place, line in enumerate(measured) if line["rate_per_dim"][dim] > _SPEAKS]
        if spoke and spoke[-1] > _settled(measured):
            died[dim] = measured[min(spoke[-1] + 1, len(measured) - 1)]
    if not died:
        return None
    events = [line for line in history if line.get("event") == "beta"]
    by_hand = {dim: _raised(events, line) for dim, line in died.items()}
    if any(by_hand.values()):
        raised = max((line for line in by_hand.values() if line is not None), key=lambda line: line["step"])
        dims = tuple(dim for dim, line in by_hand.items() if line is raised)
        last = max((died[dim] for dim in dims), key=lambda line: line["step"])
        return Loss(dims, int(last["step"]), float(last["epoch"]), raised)
    last = max(died.values(), key=lambda line: line["step"])
    return Loss(tuple(died), int(last["step"]), float(last["epoch"]))


def _names(dims: Sequence[int]) -> str:
    """As the pages name them, z₁ the first."""
    names = ["z" + str(dim + 1).translate(_SUBSCRIPTS) for dim in dims]
    if len(names) > _MOST_NAMES:
        return f"{len(names)} dimensions"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _settled(measured: Sequence[Line]) -> int:
    """The place of the first line after the first epochs, in which rates of fresh networks mean nothing."""
    end = float(measured[-1]["epoch"])
    early = [place for place, line in enumerate(measured) if line["epoch"] <= 0.05 * end]
    return early[-1] if early else -1


def _raised(events: Sequence[Line], silent: Line) -> Line | None:
    """The newest event that raised β by hand before a line at which a dimension was silent, and nothing after it."""
    before = [event for event in events if event["step"] <= silent["step"]]
    if not before:
        return None
    newest = before[-1]
    is_higher = newest.get("beta") is not None and newest.get("before") is not None
    return newest if is_higher and newest.get("by_hand") and newest["beta"] > newest["before"] else None
