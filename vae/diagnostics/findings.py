"""One finding about a model: which verdict, what it means in plain words, the numbers behind it, what to try."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from vae.runtime import html
from vae.runtime.number_format import readable
from vae.storage.finite import json_value

Name = Literal[
    "healthy",
    "spare-dimensions",
    "still-learning",
    "nothing-to-encode",
    "over-regularised",
    "early-collapse",
    "partial-collapse",
    "decoder-ignores-z",
    "condition-ignored",
    "wrong-scale",
    "wrong-sigma",
    "variance-blown-up",
    "worse-than-no-z",
    "dead-network",
    "diverged",
    "too-few-images",
]
#: What accuses nobody: all is well, or it cannot be told, or not yet, or there is nothing that the model could do.
_NO_FAULTS: tuple[Name, ...] = (
    "healthy",
    "spare-dimensions",
    "still-learning",
    "nothing-to-encode",
    "too-few-images",
)


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

    @property
    def text(self) -> str:
        """The number as a person reads it, with its standard error."""
        error = "" if self.standard_error is None else f" ± {readable(self.standard_error, 2)}"
        return f"{readable(self.value)}{error if math.isfinite(self.value) else ''}"

    def __str__(self) -> str:
        return f"{self.words}: {self.text}{f' {self.unit}' if math.isfinite(self.value) else ''}".rstrip()


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
        """Whether something is wrong; pruned spare dimensions are not, nor is what cannot be told, or not yet."""
        return self.name not in _NO_FAULTS

    def paragraphs(self, label: str = "") -> list[str]:
        """What it means, why, and what to try, as HTML of a card; `label` is set in bold before it."""
        found = [html.paragraph(self.sentence, label)]
        if self.evidence:
            found.append(html.paragraph("; ".join(map(str, self.evidence)), "Because:"))
        if self.remedies:
            found.append(html.paragraph("; ".join(self.remedies), "Try:"))
        return found

    def _repr_html_(self) -> str:
        """A card of it, in a notebook."""
        return html.card(self.title, *self.paragraphs())

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON values; null where a number is not finite."""
        evidence = [{**asdict(one), "text": one.text} for one in self.evidence]
        found: dict[str, Any] = json_value({**asdict(self), "evidence": evidence, "is_fault": self.is_fault})
        return found
