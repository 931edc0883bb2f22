"""A walk through a page by the Tab key: where the focus goes, whether it is seen, and whether it comes out again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLLOW = Path(__file__).with_name("focus.js").read_text(encoding="utf-8")
#: Tabs after which a page that has not ended holds the focus for good.
MOST = 400


@dataclass
class Walk:
    """What was met, in order, and what is wrong with it.

    Attributes:
        stops: What had the focus, in words.
        invisible: What looks the same with the focus and without.
        outside: What had the focus while it was not in the window.
        ends: Whether the focus left the page, or came back to where it began.
    """

    stops: list[str] = field(default_factory=list)
    invisible: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    ends: bool = False

    def faults(self) -> list[str]:
        """All that is wrong, in words."""
        return [
            *(f"focus is not seen: {one}" for one in self.invisible),
            *(f"focus is out of the window: {one}" for one in self.outside),
            *([] if self.ends else [f"focus does not come out: {self.stops[-3:]}"]),
        ]


def walk(page: Any, key: str = "Tab", most: int = MOST) -> Walk:
    """Press Tab until the focus leaves the page or is where it began."""
    found = Walk()
    page.evaluate("document.activeElement?.blur()")
    page.evaluate(FOLLOW)
    for _ in range(most):
        page.keyboard.press(key)
        step = page.evaluate("globalThis.__focus.step()")
        if step["invisible"]:
            found.invisible.append(step["invisible"])
        if step["name"] is None or (found.stops and step["name"] == found.stops[0] and len(found.stops) > 3):
            found.ends = True
            break
        found.stops.append(step["name"])
        if step["out"]:
            found.outside.append(step["name"])
    return found
