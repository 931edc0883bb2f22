"""Captions are short: on a laptop of 1366 pixels none that runs over the page has more than two lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.tab import App, Browse

#: Lines of each wide caption of the main column and of the components' notes: distinct tops of its text's rectangles.
LINES = """() => {
  const notes = [...document.querySelectorAll('[data-testid="stMain"] [data-testid="stCaptionContainer"] p')]
  for (const host of document.querySelectorAll('*')) {
    if (host.shadowRoot) notes.push(...host.shadowRoot.querySelectorAll('p.ll-note, caption'))
  }
  notes.push(...document.querySelectorAll('.ll p.ll-note'))
  return notes.filter((node) => node.checkVisibility() && node.clientWidth > 600).map((node) => {
    const range = document.createRange()
    range.selectNodeContents(node)
    const tops = [...range.getClientRects()].filter(({ width }) => width > 2).map(({ top, height }) => top + height / 2)
    tops.sort((a, b) => a - b)
    const lines = tops.filter((top, k) => k === 0 || top - tops[k - 1] > 8).length
    return [node.textContent.trim(), lines]
  })
}"""


def lines(app: App) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = app.page.evaluate(LINES)
    return found


@pytest.mark.parametrize(
    ("page", "parts"),
    [
        ("train", ["curves"]),
        ("explore", ["sliders"]),
        ("map", ["map"]),
        ("generate?mode=compare", []),
        ("generate?mode=leak", []),
        ("collapse", ["diagnosis"]),
        ("evaluate", ["truth"]),
        ("compare", []),
    ],
)
@pytest.mark.thorough
def test_captions_have_two_lines_at_most(
    browse: Browse, own_server: Server, page: str, parts: list[str]
) -> None:
    name, _, query = page.partition("?")
    app = browse(own_server)
    app.page.set_viewport_size({"width": 1366, "height": 768})
    app.open(name, *parts, run="digits-2d", **dict([query.split("=")] if query else []))
    app.idle()
    long = [text for text, count in lines(app) if count > 2]
    assert not long
