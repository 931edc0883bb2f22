"""Numbers that are none are found wherever they are held, and are null in JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from vae.storage.finite import json_value, not_finite


@dataclass(frozen=True)
class Inner:
    rates: tuple[float, ...]
    num: int = 3


@dataclass(frozen=True)
class Outer:
    inner: Inner
    value: float | None = None
    many: tuple[Inner, ...] = ()


def test_null_stands_for_what_json_does_not_know() -> None:
    given = {"a": [1.5, math.nan, (math.inf, 2)], "b": {"c": -math.inf, "d": "nan"}, "e": None, "f": True}
    found = json_value(given)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found == {"a": [1.5, None, [None, 2]], "b": {"c": None, "d": "nan"}, "e": None, "f": True}


def test_it_is_said_where_they_are_and_once() -> None:
    assert list(not_finite(Outer(Inner((1.0, math.nan, math.nan)), value=math.inf))) == [
        "inner.rates",
        "value",
    ]
    assert list(not_finite(Outer(Inner((1.0,)), many=(Inner((0.0,)), Inner((math.nan,)))))) == ["many.rates"]
    assert list(not_finite(Outer(Inner((1.0, 2.0))))) == []
