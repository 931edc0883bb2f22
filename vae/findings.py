"""One finding about a model: which verdict, what it means in plain words, the numbers behind it, what to try."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Name = Literal[
    "healthy",
    "spare-dimensions",
    "over-regularised",
    "early-collapse",
    "decoder-ignores-z",
    "condition-ignored",
    "wrong-scale",
    "wrong-sigma",
    "variance-blown-up",
    "too-few-images",
]


@dataclass(frozen=True)
class Evidence:
    """One number behind a verdict.

    Attributes:
        words: What it is.
        value: The number.
        unit: Its unit; empty for a count or a ratio.
        standard_error: Of the number, where it is a mean over images.
    """

    words: str
    value: float
    unit: str = ""
    standard_error: float | None = None

    def __str__(self) -> str:
        error = "" if self.standard_error is None else f" ± {self.standard_error:.2g}"
        return f"{self.words}: {self.value:.4g}{error} {self.unit}".rstrip()


@dataclass(frozen=True)
class Verdict:
    """One finding about a model.

    Attributes:
        name: Which.
        title: A few words.
        sentence: What it means, for somebody who hears of it for the first time.
        evidence: The numbers that it rests on.
        remedies: What to try, the best first; empty if nothing is wrong.
    """

    name: Name
    title: str
    sentence: str
    evidence: tuple[Evidence, ...]
    remedies: tuple[str, ...] = ()

    @property
    def is_fault(self) -> bool:
        """Whether something is wrong; pruned spare dimensions are not, nor is what cannot be told."""
        return self.name not in ("healthy", "spare-dimensions", "too-few-images")

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON values."""
        return {**asdict(self), "is_fault": self.is_fault}
