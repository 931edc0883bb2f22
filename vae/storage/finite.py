"""Numbers that are not finite: refused, or null in JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any


def json_value(value: Any) -> Any:
    """The same value with null in the place of each number that JSON does not know: NaN and the infinities.

    Args:
        value: Mappings, lists, tuples, text and numbers, one in another.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: json_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(inner) for inner in value]
    return value


def not_finite(value: Any, name: str = "") -> Iterator[str]:
    """Where in a dataclass, or in what it holds, a number is not finite, as names with dots between them."""
    if isinstance(value, float):
        if not math.isfinite(value):
            yield name
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from not_finite(getattr(value, field.name), f"{name}.{field.name}" if name else field.name)
    elif isinstance(value, list | tuple):
        yield from dict.fromkeys(where for inner in value for where in not_finite(inner, name))
