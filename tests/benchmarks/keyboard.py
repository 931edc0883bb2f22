"""Walk through every page by the Tab key: every stop must show the focus, be in the window, and let go of it.

    python tests/benchmarks/keyboard.py [--theme dark] [--list] [PAGE[?QUERY] …]

Then opens what opens (menus, dialogs, lessons) by Enter, has axe look at it, and closes it by Escape. Prints how many
stops each page has and what is wrong; the exit status is 1 if anything is. `--list` prints the stops.
"""

from __future__ import annotations

import argparse
import sys

from playwright.sync_api import Error

from tests.benchmarks.visits import REST, own_tab, visit
from tests.browser.boxes import axe
from tests.browser.keyboard import walk
from tests.browser.tab import App

PLACES = (
    "learn",
    "learn?lesson=01-holes",
    "train",
    "explore",
    "explore?panel=draw",
    "map",
    "generate",
    "generate?mode=transfer&run=digits-conditional",
    "generate?mode=styles&run=digits-conditional",
    "generate?mode=mix&run=digits-conditional",
    "generate?mode=compare",
    "generate?mode=leak",
    "collapse",
    "collapse?tab=recipes",
    "collapse?tab=units",
    "evaluate",
    "compare",
    "runs",
    "explore?present=1",
)
#: What opens: where, the button that is pressed by Enter, and what is there then.
OPENED = (
    ("train", ".st-key-help button", '[role="dialog"]'),
    ("train", ".st-key-more-options button", '[data-testid="stPopoverBody"]'),
    ("explore", '[data-component="image"] .ll-save > summary', '[data-component="image"] .ll-save-panel'),
    ("map", '[data-action="layers"]', ".menu-body"),
    ("generate", '[data-component="follow"] .ll-save > summary', '[data-component="follow"] .ll-save-panel'),
    ("compare", ".st-key-help button", '[role="dialog"]'),
)


def measure(places: list[str], *, theme: str, run: str, listed: bool) -> int:
    """Walk through the places; returns how much is wrong."""
    wrong = 0
    with own_tab(viewport={"width": 1366, "height": 768}, color_scheme=theme) as app:
        for place in places:
            visit(app, place, run)
            found = walk(app.page)
            print(f"{place}: {len(found.stops)} stops, {len(found.faults())} wrong", flush=True)
            for fault in found.faults():
                print(f"  {fault}")
            if listed:
                print("    " + "\n    ".join(found.stops))
            wrong += len(found.faults())
        for page, button, body in OPENED:
            wrong += _open(app.open(page, run=run), button, body)
    return wrong


def _open(app: App, button: str, body: str) -> int:
    """Open something by Enter, look at it, and close it by Escape; how much is wrong."""
    app.idle()
    app.pause(REST)
    faults = []
    app.page.locator(button).first.focus()
    app.page.keyboard.press("Enter")
    try:
        app.page.locator(body).first.wait_for(timeout=5000)
        app.pause(0.5)
        faults += [f"{one.kind}: {one.where}" for one in axe(app.page)]
        app.page.keyboard.press("Escape")
        app.page.locator(body).first.wait_for(state="hidden", timeout=5000)
    except Error as error:
        faults.append(str(error).splitlines()[0])
    print(f"{button} opened: {len(faults)} wrong", *(f"  {fault}" for fault in faults), sep="\n", flush=True)
    return len(faults)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--theme", default="light")
    parser.add_argument("--run", default="digits-2d")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("places", nargs="*", default=[])
    options = parser.parse_args()
    total = measure(options.places or list(PLACES), theme=options.theme, run=options.run, listed=options.list)
    sys.exit(1 if total else 0)
