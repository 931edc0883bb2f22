"""Hides all but one control of each page by the link, as whoever sends a link of a view does.

``python -m tests.benchmarks.one_control_left [PAGE...]`` takes each page's controls from the page itself (the list
beside *Copy link*), and for some of them opens the link that leaves that one alone. It prints a line for each page, and
fails if the control is gone, if another one is still there, or if the page refuses the link. Learn is opened at each
chapter and at its lessons.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import sync_playwright

from dashboard.views.learn.link import CHAPTERS
from tests.browser.server import Server
from tests.browser.tab import ALERTS, FLAGS, App

#: Controls of a page that are tried: so many, evenly spread over the list.
TRIED = 3
#: Seconds in which the page of a link must come to have that control alone.
PATIENCE = 12
PAGES: dict[str, tuple[str, dict[str, str]]] = {
    **{name: (name, {"run": "digits-2d"}) for name in ("train", "explore", "map", "generate", "collapse")},
    "evaluate": ("evaluate", {"run": "digits-2d"}),
    "compare": ("compare", {"runs": "digits-2d,digits-conditional"}),
    "runs": ("runs", {}),
    "lessons": ("learn", {"run": "digits-2d", "group": "lessons"}),
    "a step of a lesson": ("learn", {"lesson": "02-two-terms", "step": "1", "chapter": "pipeline", "run": "digits-2d"}),
    **{
        f"chapter {name}": (
            "learn",
            {"chapter": name, "run": "digits-conditional" if name == "conditional" else "digits-2d"},
        )
        for name in CHAPTERS
    },
}  # fmt: skip
#: The modules that list controls and make links, as the page itself has loaded them.
LOADED = """async () => {
  const loaded = performance.getEntriesByType('resource').map(({ name }) => name)
  window.controlsModule = loaded.find((name) => name.includes('streamlit_internals/controls.js'))
  window.controlsInPage = (await import(controlsModule)).controlsInPage
}"""
#: Names of controls of which something is in sight, each with what it stands in.
IN_SIGHT = """() => {
  const seen = (node) => node.checkVisibility({ visibilityProperty: true }) && node.getClientRects().length
  const found = controlsInPage().filter(({ nodes }) => nodes.some(seen))
  return found.map(({ name, title, around }) => ({ name: name || title, around }))
}"""
LINK = """async (name) => {
  const { viewLink } = await import(new URL('../shell/copy_link/view_link.js', controlsModule))
  return viewLink(location.href, controlsInPage(), new Set([name]), new Set())
}"""


def listed(app: App) -> list[dict[str, Any]]:
    """The controls in sight."""
    app.page.evaluate(LOADED)
    return list(app.page.evaluate(IN_SIGHT))


def settled(app: App) -> list[dict[str, Any]]:
    """The controls in sight once all parts of the page are there: their list is the same for a second."""
    app.idle()
    seen, since = listed(app), time.monotonic()
    while time.monotonic() - since < 1:
        app.page.wait_for_timeout(200)
        if (now := listed(app)) != seen:
            seen, since = now, time.monotonic()
    return seen


def wrong_with(app: App, name: str) -> str:
    """What is wrong with a page that shall have this control alone; empty if nothing is."""
    seen = listed(app)
    outer = {one for found in seen if found["name"] == name for one in found["around"]}
    inner = {found["name"] for found in seen if name in found["around"]}
    if name not in {found["name"] for found in seen} and not inner:
        return f"{name} is gone"
    if others := {found["name"] for found in seen} - outer - inner - {name}:
        return f"beside {name} there are {', '.join(sorted(others))}"
    said = app.page.locator(ALERTS).all_inner_texts()
    return f"{name}: {said[0]}" if any("link's hide" in one for one in said) else ""


def left(app: App, name: str, link: str) -> str:
    """What is wrong with the page of the link that leaves one control, also after some seconds."""
    app.page.goto(link)
    app.page.locator('[data-testid="stMain"]').wait_for()
    app.idle()
    until = time.monotonic() + PATIENCE
    while (wrong := wrong_with(app, name)) and time.monotonic() < until:
        app.page.wait_for_timeout(200)
    return wrong


def try_page(app: App, server: Server, path: str, query: dict[str, str]) -> tuple[int, int, list[str]]:
    """How many controls a page has, how many were tried, and what was wrong."""
    app.page.goto(f"{server.url}/{path}?{urlencode(query)}")
    app.page.locator('[data-testid="stMain"]').wait_for()
    names = [found["name"] for found in settled(app) if found["name"]]
    step = max(1, len(names) // TRIED)
    links = [(name, app.page.evaluate(LINK, name)) for name in names[step // 2 :: step][:TRIED]]
    return len(names), len(links), [wrong for name, link in links if (wrong := left(app, name, link))]


def main(pages: list[str]) -> None:
    server = Server(Path(tempfile.mkdtemp())).start()
    wrong: list[str] = []
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            context = browser.new_context(viewport={"width": 1366, "height": 768})
            app = App(context, server)
            for title, (path, query) in PAGES.items():
                if pages and title not in pages:
                    continue
                num, tried, found = try_page(app, server, path, query)
                sys.stdout.write(f"{title:28} {num:3} controls, {tried} tried, {len(found)} wrong\n")
                wrong += [f"{title}: {one}" for one in found]
                if not num:
                    wrong.append(f"{title}: it has no control")
            browser.close()
    finally:
        server.stop()
    sys.stdout.write("\n".join(wrong or ["each link left its control alone"]) + "\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(sys.argv[1:])
