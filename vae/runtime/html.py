"""How results draw themselves in a notebook: compact cards of names and numbers, as HTML.

Every text is escaped and made fit to be shown, whoever wrote it. Colours are those of the page around, so that a card
can be read on a light and on a dark one.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping
from typing import Any

from vae.errors import clean

#: Letters of a value, at most.
_MOST = 400
_CARD = "border:1px solid rgba(128,128,128,.4);border-radius:8px;padding:8px 12px;display:inline-block;max-width:64em"
_NAME = "text-align:left;opacity:.75;padding:1px 16px 1px 0;font-weight:normal;vertical-align:top"
_VALUE = "text-align:left;padding:1px 0;font-variant-numeric:tabular-nums"


def text(value: object) -> str:
    """A value as escaped text: numbers with four places, nothing as a dash."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return html.escape(f"{value:.4g}" if math.isfinite(value) and abs(value) < 1 else f"{value:,.2f}")
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return html.escape(clean(value, _MOST))


def nats(mean: float, error: float | None = None, decimals: int = 2) -> str:
    """A mean over examples, with its standard error where it has one; a question mark where that is unknown."""
    spread = "" if error is None else " ± ?" if math.isnan(error) else f" ± {error:.2g}"
    return f"{mean:,.{decimals}f}{spread} nats per example"


def table(rows: Mapping[str, object] | Iterable[tuple[str, object]]) -> str:
    """Names at the left, values at the right."""
    pairs = rows.items() if isinstance(rows, Mapping) else rows
    lines = "".join(
        f'<tr style="background:none"><th style="{_NAME}">{text(name)}</th><td style="{_VALUE}">{text(value)}</td></tr>'
        for name, value in pairs
    )
    return f'<table style="border:0;border-collapse:collapse;margin:4px 0">{lines}</table>'


def shapes(**arrays: Any) -> str:
    """Names of arrays and their shapes; None for one that is not there."""
    found = {name: None if one is None else " × ".join(map(str, one.shape)) for name, one in arrays.items()}
    return table(found)


def paragraph(words: object, label: str = "") -> str:
    """A sentence, after a word in bold."""
    head = f"<b>{text(label)}</b> " if label else ""
    return f'<p style="margin:4px 0">{head}{text(words)}</p>'


def card(title: object, *parts: str) -> str:
    """A titled card.

    Args:
        title: Its heading.
        *parts: HTML that functions of this module made.
    """
    heading = f'<div style="font-weight:600">{text(title)}</div>'
    return f'<div style="{_CARD}">{heading}{"".join(parts)}</div>'


def flat(values: Mapping[str, Any], above: str = "") -> list[tuple[str, object]]:
    """Nested values as rows, named by their path: ``train.epochs``."""
    rows: list[tuple[str, object]] = []
    for name, value in values.items():
        path = f"{above}{name}"
        if isinstance(value, Mapping):
            rows += flat(value, f"{path}.")
        else:
            rows.append((path, ", ".join(map(str, value)) if isinstance(value, list | tuple) else value))
    return rows
