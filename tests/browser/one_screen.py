"""A control and what it changes: which pairs are in sight together, and where they are on a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.browser.tab import App


@dataclass(frozen=True)
class Pair:
    """What must lie wholly in the window, with the page scrolled to its top.

    Attributes:
        name: As `docs/one-screen.md` has it.
        page: Address of the page.
        query: What the address asks for.
        parts: CSS selectors, the first match of each; Playwright looks into shadow roots by itself.
        waits: Components that must be ready.
        prepare: What is done before it is measured.
    """

    name: str
    page: str
    query: dict[str, str]
    parts: tuple[str, ...]
    waits: tuple[str, ...] = ()
    prepare: Callable[[App], None] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Box:
    """A rectangle of the window, CSS pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left


def box_of(app: App, selector: str) -> Box:
    """Where the first visible match of a selector is, without scrolling to it."""
    found: Any = app.page.locator(selector).first.bounding_box()
    assert found is not None, f"{selector} is not on the page"
    return Box(found["x"], found["y"], found["x"] + found["width"], found["y"] + found["height"])


def outside(app: App, pair: Pair) -> list[str]:
    """What of a pair is not wholly in the window, in words; a bar at its foot covers what lies under it."""
    size = app.page.viewport_size
    foot = app.page.locator(".st-key-foot")
    bottom = size["height"]
    if foot.count() and ".st-key-foot" not in pair.parts:
        bottom = min(bottom, box_of(app, ".st-key-foot").top)
    found = []
    for selector in pair.parts:
        box = box_of(app, selector)
        is_in = (
            box.left >= -0.5
            and box.top >= -0.5
            and box.right <= size["width"] + 0.5
            and box.bottom <= bottom + 0.5
        )
        if not is_in or box.width < 8:
            found.append(
                f"{selector}: {box.left:.0f}–{box.right:.0f} across, {box.top:.0f}–{box.bottom:.0f} down, of "
                f"{size['width']}×{bottom:.0f}"
            )
    return found
