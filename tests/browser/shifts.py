"""Layout shift: how much of what one sees jumps while a page opens, as Chromium counts it (CLS).

Source: https://wicg.github.io/layout-instability/
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

#: Put into a tab before it opens a page.
WATCH = Path(__file__).with_name("shifts.js").read_text(encoding="utf-8")

#: A page with a sidebar and nothing else, for what Streamlit shifts by itself.
EMPTY = (
    'import streamlit as st\nst.set_page_config(layout="wide")\nst.sidebar.write("side")\nst.write("page")\n'
)


def shifts(page: Any) -> list[dict[str, Any]]:
    """What has shifted since the page was opened, or since `forget`."""
    found: list[dict[str, Any]] = page.evaluate("window.__shifts")
    return found


def total(page: Any) -> float:
    """The sum of all shifts, also of those that an input caused."""
    return sum(float(one["value"]) for one in shifts(page))


def forget(page: Any) -> None:
    """Begin anew."""
    page.evaluate("window.__shifts.length = 0")
