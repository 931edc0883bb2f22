"""The controls of a page, by the names with which links hide and fix them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.browser.tab import App

#: Each control alone: the address hides all others, by the link that the product itself makes of it.
_ALONE = """async (most) => {
  const beside = document.querySelector('script[src*="frame.js"]').src
  const { controlsInPage } = await import(new URL("controls.js", beside).href)
  const { viewLink } = await import(new URL("../shell/copy_link/view_link.js", beside).href)
  const controls = controlsInPage()
  const unnamed = controls.filter(({ name }) => !name).map(({ title }) => title)
  const named = controls.filter(({ name }) => name)
  const inner = named.filter(({ name }) => !named.some(({ around }) => around.includes(name)))
  const seen = () => inner.filter(({ nodes }) => nodes.some((node) => node.checkVisibility())).map(({ name }) => name)
  const before = location.href
  const all = seen()
  const wrong = []
  const step = Math.max(1, Math.ceil(all.length / most))
  for (const one of all.filter((_, k) => k % step === 0)) {
    history.replaceState(history.state, "", viewLink(before, named, new Set([one]), new Set()))
    const shown = seen()
    if (shown.length !== 1 || shown[0] !== one) wrong.push(`${one}: ${shown}`)
  }
  history.replaceState(history.state, "", before)
  return { unnamed, wrong, all, after: seen() }
}"""


def alone(app: App, most: int = 1000) -> dict[str, list[str]]:
    """Hide all controls but one, each in its turn.

    Args:
        app: The tab.
        most: So many controls at most, evenly spread.

    Returns:
        ``all``: names of the visible controls; ``unnamed``: those without a name; ``wrong``: those beside which
        another one stayed, or that went themselves; ``after``: what is visible when nothing is hidden any more.
    """
    found: Any = app.page.evaluate(_ALONE, most)
    return dict(found)
