"""When a latent dimension that once said something fell silent, and what β did just before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from vae.diagnostics.findings import Evidence
from vae.runs.metric_lines import Line
from vae.runtime.number_format import counted, readable

#: Nats of rate above which a dimension says something, and below which it says nothing.
_SPEAKS, _SILENT = 0.1, 0.03
#: More dimensions than these are counted, not named.
_MOST_NAMES = 6
#: β has jumped if one line has so many times that of the line before, and risen if several together have.
_JUMP, _RISE = 1.25, 1.1
#: A change of β so much of the training ago is not what a dimension fell silent at.
_LONG_AGO = 0.15
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True)
class BetaChange:
    """How β went up before dimensions fell silent.

    Attributes:
        before, after: β, as the steps were taken with.
        step, epoch: Where it began to.
        is_by_hand: Whether it was raised by hand.
        is_gradual: Whether it rose step by step, as a warm-up does.
    """

    before: float
    after: float
    step: int
    epoch: float
    is_by_hand: bool = False
    is_gradual: bool = False


@dataclass(frozen=True)
class Loss:
    """Dimensions that fell silent together.

    Attributes:
        dims: Which, from 0.
        step, epoch: When they were first seen silent for good.
        raised: How β went up before that; None if it did not, or long ago.
    """

    dims: tuple[int, ...]
    step: int
    epoch: float
    raised: BetaChange | None = None

    @property
    def sentence(self) -> str:
        """When, and what β did then."""
        who, epoch = names_of(self.dims), readable(self.epoch, 3)
        if self.raised is None:
            return f"{who} became inactive by epoch {epoch} (step {self.step:,})."
        change = self.raised
        from_to = f"from {readable(change.before)} to {readable(change.after)}"
        if change.is_gradual:
            return f"{who} became inactive at epoch {epoch}, while β rose {from_to}."
        by_hand = ", raised by hand" if change.is_by_hand else ""
        at = readable(change.epoch, 3)
        since = f" at epoch {at} (step {change.step:,})" if at != epoch else ""
        return f"{who} became inactive at epoch {epoch}, when β went {from_to}{by_hand}{since}."

    def evidence(self) -> tuple[Evidence, ...]:
        """The moment as numbers."""
        found = (Evidence("epoch by which they became inactive", self.epoch),)
        if self.raised is None:
            return found
        how = "was raised by hand" if self.raised.is_by_hand else "went up"
        return (
            *found,
            Evidence(f"epoch at which β {how}", self.raised.epoch),
            Evidence("β before", self.raised.before),
            Evidence("β after", self.raised.after),
        )


def lost_dimensions(history: Sequence[Line], is_active: Sequence[bool]) -> Loss | None:
    """The last loss of dimensions that are not active now; None if those said nothing all along.

    Where β went up before some of them fell silent, these are told, with that change of β.

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
    changes = {dim: _raised(history, line) for dim, line in died.items()}
    if any(changes.values()):
        raised = max((change for change in changes.values() if change is not None), key=lambda one: one.step)
        dims = tuple(dim for dim, change in changes.items() if change == raised)
        last = max((died[dim] for dim in dims), key=lambda line: line["step"])
        return Loss(dims, int(last["step"]), float(last["epoch"]), raised)
    last = max(died.values(), key=lambda line: line["step"])
    return Loss(tuple(died), int(last["step"]), float(last["epoch"]))


def names_of(dims: Sequence[int]) -> str:
    """Dimensions as the pages name them, z₁ the first; more than a few are counted."""
    names = ["z" + str(dim + 1).translate(_SUBSCRIPTS) for dim in dims]
    if len(names) > _MOST_NAMES:
        return counted(len(names), "dimension")
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _settled(measured: Sequence[Line]) -> int:
    """The place of the first line after the first epochs, in which rates of fresh networks mean nothing."""
    end = float(measured[-1]["epoch"])
    early = [place for place, line in enumerate(measured) if line["epoch"] <= 0.05 * end]
    return early[-1] if early else -1


def _raised(history: Sequence[Line], silent: Line) -> BetaChange | None:
    """How β went up before a line at which a dimension was silent, if nothing was changed after that by hand."""
    events = [line for line in history if line.get("event") == "beta" and line["step"] <= silent["step"]]
    if events:
        newest = events[-1]
        is_higher = newest.get("beta") is not None and newest.get("before") is not None
        if not is_higher or not newest["beta"] > newest["before"]:
            return None
        return BetaChange(
            float(newest["before"]),
            float(newest["beta"]),
            int(newest["step"]),
            float(newest["epoch"]),
            is_by_hand=bool(newest.get("by_hand")),
        )
    return _risen([line for line in history if "split" in line and line["step"] <= silent["step"]])


def _risen(lines: Sequence[Line]) -> BetaChange | None:
    """How β itself went up at the end of some lines, as a schedule or a watched loop has it; None if it did not."""
    if len(lines) < 2:
        return None
    end = float(lines[-1]["epoch"])
    last = len(lines) - 1
    # Since its last rise it stayed as it is.
    while last > 0 and lines[last]["beta"] == lines[last - 1]["beta"]:
        last -= 1
    first = last
    while first > 0 and lines[first - 1]["beta"] < lines[first]["beta"]:
        first -= 1
    before, after = float(lines[first]["beta"]), float(lines[last]["beta"])
    long_ago = end - float(lines[last]["epoch"]) > _LONG_AGO * end
    if first == last or long_ago or after <= _RISE * before:
        return None
    steepest = max(
        pairwise(lines[first : last + 1]), key=lambda two: float(two[1]["beta"]) - float(two[0]["beta"])
    )
    is_jump = last - first == 1 and float(steepest[1]["beta"]) >= _JUMP * float(steepest[0]["beta"])
    began = lines[last] if is_jump else lines[first]
    return BetaChange(before, after, int(began["step"]), float(began["epoch"]), is_gradual=not is_jump)
