"""Who asked the system for little motion sees none: in our parts, in Streamlit's, and in menus and dialogs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.tab import App, Tabs, Watch

#: Longer than this, seconds, is motion.
BRIEF = 0.001
#: What moves by a style, with pseudo-elements and shadow trees: how long, and again and again or not.
MOVING = """brief => {
  const found = new Set()
  const inSeconds = (one) => parseFloat(one) * (one.trim().endsWith("ms") ? 0.001 : 1)
  const seconds = (text) => Math.max(...text.split(",").map(inSeconds))
  const look = (root) => {
    for (const node of root.querySelectorAll("*")) {
      for (const part of [null, "::before", "::after"]) {
        const style = getComputedStyle(node, part)
        const goesOn = /infinite/.test(style.animationIterationCount)
        const moves = style.animationName !== "none" && (goesOn || seconds(style.animationDuration) > brief)
        if (!moves && seconds(style.transitionDuration) <= brief && style.scrollBehavior !== "smooth") continue
        found.add(`${node.tagName.toLowerCase()}.${[...node.classList].join(".")}${part ?? ""}`)
      }
      if (node.shadowRoot) look(node.shadowRoot)
    }
  }
  look(document)
  return [...found]
}"""


@pytest.fixture(scope="module")
def tab(spare_tabs: Tabs, server: Server) -> Iterator[App]:
    """A tab of a person who asked for little motion."""
    found = spare_tabs.open(server)
    found.goes_on = False
    found.page.set_viewport_size({"width": 1366, "height": 768})
    found.page.emulate_media(reduced_motion="reduce")
    yield found
    spare_tabs.close(found)


def test_nothing_moves_by_itself_for_whom_asked_for_little_motion(tab: App, watch: Watch) -> None:
    app = watch(tab)
    app.open("styleguide", "style_parts").idle()
    assert app.page.evaluate(MOVING, BRIEF) == []
    app.page.emulate_media(reduced_motion="no-preference")
    moving = app.page.evaluate(MOVING, BRIEF)
    app.page.emulate_media(reduced_motion="reduce")
    assert [one for one in moving if "ll-skeleton" in one], "what moves for others is not found either"


@pytest.mark.parametrize(
    "page", ["train", "explore", "map", "generate", "collapse", "evaluate", "compare", "runs", "learn"]
)
@pytest.mark.thorough
def test_nothing_moves_on_any_page_nor_in_what_its_buttons_open(tab: App, watch: Watch, page: str) -> None:
    app = watch(tab)
    app.open(page, run="digits-2d").idle()
    assert app.page.evaluate(MOVING, BRIEF) == []
    app.page.locator(".st-key-help button").first.click()
    app.page.locator('[data-testid="stPopoverBody"], [role="dialog"]').first.wait_for()
    assert app.page.evaluate(MOVING, BRIEF) == []
