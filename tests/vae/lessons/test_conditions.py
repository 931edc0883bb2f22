"""Conditions of lessons: what they say, and what is refused; nothing in them is executed."""

from __future__ import annotations

import math
import operator
import random
from collections.abc import Callable
from typing import Any

import pytest

from vae.errors import UserError
from vae.lessons.conditions import FLAGS, HAPPENINGS, MAX_LETTERS, NUMBERS, WORDS, Condition, parse_condition

STATE: dict[str, Any] = {
    "kl": 3.0,
    "beta": 1,
    "epoch": 5,
    "verdict": "healthy",
    "state": "running",
    "training": True,
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("kl < 3.5", True),
        ("kl < 3", False),
        ("kl <= 3 and epoch >= 5", True),
        ("kl < 1 or epoch == 5", True),
        ("kl < 1 or epoch == 5 and beta != 1", False),  # and binds more than or
        ("(kl < 1 or epoch == 5) and beta == 1.0", True),
        ("not kl < 1", True),
        ("not (kl > 1 and training)", False),
        ("training", True),
        ("conditional", False),
        ('verdict == "healthy"', True),
        ("verdict != healthy", False),
        ("state == “running”", True),
        ("kl ≥ 3", True),
        ("kl ≠ 3", False),
        ("kl > -1e3", True),
        ("active_units == 0", False),  # nobody knows
        ("point moved", True),
        ("image drawn", False),
        ("point moved and not image drawn", True),
        ("kl > beta", True),
        ("epoch <= kl", False),
        ("kl != active_units", False),  # nobody knows
    ],
)
def test_a_condition_is_looked_up_in_the_state(text: str, holds: bool) -> None:
    assert parse_condition(text).holds(STATE, {"point moved"}) is holds


def test_what_is_no_number_is_nothing() -> None:
    assert not parse_condition("kl < 1").holds({"kl": math.nan})
    assert not parse_condition("kl >= 1").holds({"kl": math.nan})
    assert not parse_condition("kl < 1").holds({"kl": "0"})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must say something"),
        ("kl", "must continue with a comparison"),
        ("kl <", "must continue with a value"),
        ("kl < 'one'", "must be made of names"),
        ("kl < one", "must be compared with a number"),
        ("kl = 1", "must be made of names"),
        ("kl < 1e999", "must be compared with a number"),
        ("loss < 1", "a name must be one of kl, .* got 'loss'"),
        ("kl < 1 kl > 2", "must end or continue with 'and' or 'or'"),
        ("(kl < 1", "must continue with a closing bracket"),
        ("kl < 1)", "must end or continue"),
        ("< 1", "must begin with a name"),
        ("not", "must continue with a name"),
        ("verdict == 3", "must be compared with a word"),
        ('verdict < "healthy"', "must be compared by == or !="),
        ('verdict == "ill"', "'verdict' must be one of healthy, .* got 'ill'"),
        ('state == "asleep"', "'state' must be one of queued"),
        ("__import__('os').system('true')", "must be made of names|must be one of"),
        ("kl.__class__ == 1", "must be made of names"),
        ("kl < 1; epoch", "must be made of names"),
        ("lambda: 0", "must be made of names|must be one of"),
        ("(" * 50 + "kl < 1" + ")" * 50, "at most 12 brackets deep"),
        ("not " * 60 + "training", "at most 12 brackets deep"),
        ("kl < 1 and " * 40 + "kl < 1", "at most 300 letters"),
    ],
)
def test_anything_else_is_told_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as error:
        parse_condition(text, ("healthy", "early-collapse"))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) <= 400


def test_no_text_does_anything_but_be_read_or_refused() -> None:
    draw = random.Random(0)
    pieces = [
        *NUMBERS,
        *WORDS,
        *FLAGS,
        *HAPPENINGS,
        *"<>=!()'\"\\\n\0.,;:[]{}+-0123456789",
        "and",
        "or",
        "not",
        "≤",
        "𝟙",
        "\u202e",
    ]
    for _ in range(2000):
        text = draw.choice([" ", ""]).join(draw.choices(pieces, k=draw.randrange(12)))
        try:
            found = parse_condition(text)
        except UserError:
            continue
        assert found.holds({}) in (True, False)


SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def drawn(draw: random.Random, state: dict[str, Any], happened: set[str], depth: int = 3) -> tuple[str, bool]:
    """A condition, and whether it holds, said without any parser; what is not known is false."""
    kind = draw.choice(["compare", "flag", "happening"] if not depth else ["compare", "and", "or", "not"])
    if kind == "compare":
        name, sign, value = draw.choice([*NUMBERS]), draw.choice([*SIGNS]), draw.randrange(-3, 4)
        return f"{name} {sign} {value}", name in state and SIGNS[sign](state[name], value)
    if kind == "flag":
        name = draw.choice([*FLAGS])
        return name, state.get(name, False)
    if kind == "happening":
        name = draw.choice([*HAPPENINGS])
        return name, name in happened
    text, holds = drawn(draw, state, happened, depth - 1)
    if kind == "not":
        return f"not ({text})", not holds
    other, also = drawn(draw, state, happened, depth - 1)
    return f"({text}) {kind} ({other})", (holds and also) if kind == "and" else (holds or also)


def test_conditions_mean_what_their_words_say() -> None:
    draw = random.Random(1)
    answers = set()
    for _ in range(500):
        state: dict[str, Any] = {name: draw.randrange(-3, 4) for name in draw.sample([*NUMBERS], 6)}
        state |= {name: True for name in FLAGS if draw.random() < 0.5}
        happened = {name for name in HAPPENINGS if draw.random() < 0.5}
        text, holds = drawn(draw, state, happened)
        if len(text) <= MAX_LETTERS:
            assert parse_condition(text).holds(state, happened) is holds, (text, state, happened)
            answers.add(holds)
    assert answers == {True, False}


def test_a_browser_gets_the_same_tree() -> None:
    found = parse_condition('kl < 0.5 and not (verdict == "healthy" or point moved)')
    assert found.to_json() == {
        "kind": "and",
        "parts": [
            {"kind": "compare", "name": "kl", "sign": "<", "value": 0.5},
            {
                "kind": "not",
                "parts": [
                    {
                        "kind": "or",
                        "parts": [
                            {"kind": "compare", "name": "verdict", "sign": "==", "value": "healthy"},
                            {"kind": "happening", "name": "point moved"},
                        ],
                    }
                ],
            },
        ],
    }
    assert found.names() == {"kl", "verdict", "point moved"}
    both = parse_condition("reconstruction >= kl")
    assert both.to_json() == {"kind": "compare", "name": "reconstruction", "sign": ">=", "other": "kl"}
    assert both.names() == {"reconstruction", "kl"}
    assert isinstance(found, Condition)


def test_a_name_means_one_thing() -> None:
    kinds = [*NUMBERS, *WORDS, *FLAGS]
    assert len(kinds) == len(set(kinds))
    assert not [name for name in HAPPENINGS if len(name.split()) != 2]
