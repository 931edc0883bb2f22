"""What completes a step of a lesson: a condition on the state of the run and of the page, in a small grammar.

::

    condition  = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation   = "not" negation | "(" condition ")" | comparison | flag | happening
    comparison = name ("<" | "<=" | ">" | ">=" | "==" | "!=") (value | name of another number)
    happening  = thing action                      for example: point moved

Nothing is evaluated as code: a condition becomes a tree of these few kinds, which is looked up in the state.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vae.errors import UserError

#: Letters of a condition, and conditions within conditions, at most.
MAX_LETTERS, MAX_DEPTH = 300, 12

#: Numbers of the state, with what they are.
NUMBERS: dict[str, str] = {
    "kl": "the newest KL (rate), nats per image",
    "reconstruction": "the newest reconstruction term (distortion), nats per image",
    "elbo": "the newest ELBO, nats per image",
    "beta": "the weight of the KL now",
    "epoch": "epochs trained",
    "epochs": "epochs that the run is to train",
    "step": "steps trained",
    "active_units": "latent dimensions that are active",
    "latent_dim": "latent dimensions",
    "num_runs": "runs that are not examples",
    "num_classes": "classes of the images",
    "epochs_since": "epochs trained since β was last changed in this step",
    "radius": "distance of the point from 0, in standard deviations of the prior",
    "nearest": "distance of the point from the nearest code in the map",
    "image_reconstruction": "the reconstruction term of the image that is shown, nats",
    "image_kl": "the KL of the image that is shown, nats",
    "image_sigma": "the smallest σ of q(z|x) of the image that is shown",
    "slider_kl": "the KL of the sliders μ and σ (chapter 6), nats",
    "gap": "log p(x) − ELBO of the image that is shown, nats",
    "variance_ratio": "variance of the score function over that of reparameterisation (chapter 7)",
    "prior_gap": "KL of the prior to the aggregate posterior (Generate, Compare), nats",
    "class_cost": "nats that the reconstruction costs more if the decoder is not told the class (chapter 10)",
}
#: Words of the state, and what each may be; an empty choice is any word.
WORDS: dict[str, tuple[str, ...]] = {
    "state": ("queued", "running", "paused", "finished", "stopped", "diverged", "failed", "example"),
    "verdict": (),
    "page": ("learn", "train", "explore", "map", "generate", "collapse", "evaluate", "compare", "runs"),
    "likelihood": (),
    "network": (),
    "data": (),
    "run": (),
    "pass": ("training", "reconstruction", "generation"),
}
#: What is so or is not.
FLAGS: dict[str, str] = {
    "conditional": "the chosen run is conditional",
    "has_snapshots": "its training can be replayed",
    "has_images": "its images are on this machine",
    "training": "the chosen run trains now",
}
#: What can happen while a step is open.
HAPPENINGS: dict[str, str] = {
    "point moved": "a latent slider, ε or the map's point was moved",
    "image chosen": "a test image was chosen",
    "image drawn": "an image was drawn by hand",
    "class chosen": "a class was chosen",
    "beta changed": "β was changed by hand",
    "training started": "a run was started",
    "training paused": "a run was paused",
    "samples drawn": "new images were sampled",
    "remedy tried": "a remedy was started",
    "run chosen": "another run was chosen",
    "time moved": "the time machine was moved",
    "chapter opened": "a chapter of the theory was opened",
    "image_reconstruction changed": "that number became another",
    "image_kl changed": "that number became another",
}

Value = float | str | bool
Kind = Literal["or", "and", "not", "compare", "flag", "happening"]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<word>[A-Za-zµβ_][\w-]*)"
    r'|(?P<text>"[^"]*"|“[^”]*”)|(?P<sign><=|>=|==|!=|≤|≥|≠|<|>|\(|\)))'
)
_SPELLINGS = {"≤": "<=", "≥": ">=", "≠": "!="}


@dataclass(frozen=True)
class Condition:
    """One node of a condition.

    Attributes:
        kind: What it is.
        name: The name that it looks up; empty for the connectives.
        sign: Of a comparison.
        value: What is compared with.
        other: The number that is compared with, in place of a value.
        parts: The conditions that it connects.
    """

    kind: Kind
    name: str = ""
    sign: str = ""
    value: Value = ""
    other: str = ""
    parts: tuple[Condition, ...] = ()

    def holds(self, state: Mapping[str, Value], happened: Collection[str] = ()) -> bool:
        """Whether it is so.

        Args:
            state: Numbers, words and flags by name; what is not known is left out, and nothing is true of it.
            happened: What happened since the step was opened, see `HAPPENINGS`.
        """
        match self.kind:
            case "or":
                return any(part.holds(state, happened) for part in self.parts)
            case "and":
                return all(part.holds(state, happened) for part in self.parts)
            case "not":
                return not self.parts[0].holds(state, happened)
            case "happening":
                return self.name in happened
            case "flag":
                return state.get(self.name) is True
        found, value = state.get(self.name), state.get(self.other) if self.other else self.value
        if any(one is None or (isinstance(one, float) and math.isnan(one)) for one in (found, value)):
            return False
        return isinstance(found, str) == isinstance(value, str) and _COMPARISONS[self.sign](found, value)

    def names(self) -> set[str]:
        """All that it looks at."""
        own = {name for name in (self.name, self.other) if name}
        return own.union(*(part.names() for part in self.parts))

    def to_json(self) -> dict[str, Any]:
        """The tree as plain JSON, for whoever looks it up in a browser."""
        if self.parts:
            return {"kind": self.kind, "parts": [part.to_json() for part in self.parts]}
        if self.other:
            return {"kind": self.kind, "name": self.name, "sign": self.sign, "other": self.other}
        if self.kind == "compare":
            return {"kind": self.kind, "name": self.name, "sign": self.sign, "value": self.value}
        return {"kind": self.kind, "name": self.name}


def parse_condition(text: str, verdicts: Collection[str] = ()) -> Condition:
    """Read a condition.

    Args:
        text: For example ``kl < 0.5 and not training``.
        verdicts: The names that a verdict may have; empty is any.

    Raises:
        UserError: If it is no condition, with what is wrong and what would be right.
    """
    if len(text) > MAX_LETTERS:
        raise UserError(
            f"a condition must have at most {MAX_LETTERS} letters, got {len(text)}; take it apart into steps"
        )
    return _Parser(text, verdicts).whole()


class _Parser:
    def __init__(self, text: str, verdicts: Collection[str]) -> None:
        self._verdicts, self._depth = tuple(verdicts), 0
        self._tokens: list[tuple[str, str]] = []
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                raise UserError(
                    f"a condition must be made of names, numbers, words in quotes, and < <= > >= == != and or not, got "
                    f"{text[place:].strip()[:20]!r}; write for example: kl < 0.5 and epoch >= 3"
                )
            kind = str(match.lastgroup)
            self._tokens.append((kind, match[kind]))
            place = match.end()
        self._tokens = [(kind, _SPELLINGS.get(word, word)) for kind, word in self._tokens]

    def whole(self) -> Condition:
        if not self._tokens:
            raise UserError("a condition must say something, got none; write for example: kl < 0.5")
        found = self._connected("or")
        if self._tokens:
            raise UserError(
                f"a condition must end or continue with 'and' or 'or', got {self._tokens[0][1]!r}; put one before it"
            )
        return found

    def _connected(self, word: Literal["or", "and"]) -> Condition:
        parts = [self._connected("and") if word == "or" else self._negation()]
        while self._tokens and self._tokens[0] == ("word", word):
            self._tokens.pop(0)
            parts.append(self._connected("and") if word == "or" else self._negation())
        return parts[0] if len(parts) == 1 else Condition(word, parts=tuple(parts))

    def _negation(self) -> Condition:
        kind, word = self._next("a name")
        if kind == "word" and word == "not":
            with_depth = self._deeper(self._negation)
            return Condition("not", parts=(with_depth,))
        if word == "(":
            found = self._deeper(lambda: self._connected("or"))
            if self._next("a closing bracket")[1] != ")":
                raise UserError("a bracket in a condition must be closed, got none; put a ) where it ends")
            return found
        if kind != "word":
            raise UserError(f"a condition must begin with a name, got {word!r}; write for example: kl < 0.5")
        return self._about(word)

    def _deeper(self, inner: Callable[[], Condition]) -> Condition:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise UserError(
                f"a condition must be at most {MAX_DEPTH} brackets deep, got more; take it apart into steps"
            )
        found = inner()
        self._depth -= 1
        return found

    def _about(self, name: str) -> Condition:
        following = self._tokens[0] if self._tokens else ("", "")
        if following[0] == "word" and f"{name} {following[1]}" in HAPPENINGS:
            self._tokens.pop(0)
            return Condition("happening", f"{name} {following[1]}")
        if name in FLAGS:
            return Condition("flag", name)
        if name not in NUMBERS and name not in WORDS:
            raise UserError(
                f"a name must be one of {', '.join([*NUMBERS, *WORDS, *FLAGS])}, or what happens "
                f"({', '.join(HAPPENINGS)}), got {name!r}"
            )
        sign = self._next("a comparison")[1]
        if sign not in _COMPARISONS:
            raise UserError(f"after {name!r} a comparison must stand (< <= > >= == !=), got {sign!r}")
        if name in NUMBERS and self._tokens and self._tokens[0][1] in NUMBERS:
            return Condition("compare", name, sign, other=self._tokens.pop(0)[1])
        return Condition("compare", name, sign, self._value(name, sign))

    def _value(self, name: str, sign: str) -> Value:
        kind, word = self._next("a value")
        if name in NUMBERS:
            if kind != "number" or not math.isfinite(float(word)):
                raise UserError(
                    f"{name!r} must be compared with a number, got {word!r}; write for example: {name} < 1"
                )
            return float(word)
        if sign not in ("==", "!="):
            raise UserError(f"{name!r} is a word and must be compared by == or !=, got {sign!r}; use ==")
        if kind not in ("text", "word"):
            raise UserError(f"{name!r} must be compared with a word in quotes, got {word!r}")
        text = word[1:-1] if kind == "text" else word
        known = self._verdicts if name == "verdict" else WORDS[name]
        if known and text not in known:
            raise UserError(f"{name!r} must be one of {', '.join(known)}, got {text!r}")
        return text

    def _next(self, wanted: str) -> tuple[str, str]:
        if not self._tokens:
            raise UserError(
                f"a condition must continue with {wanted}, got its end; write for example: kl < 0.5"
            )
        return self._tokens.pop(0)
