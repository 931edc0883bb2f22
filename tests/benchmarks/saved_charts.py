"""Save every chart and grid of images of every page as PNG, SVG and CSV, and look into the files.

    python tests/benchmarks/saved_charts.py [--run digits-2d] [PAGE[?QUERY] …]

Prints a line for each button that saves something: size of the PNG, texts of the SVG, header of the CSV. A PNG that is
not of twice the size, an SVG that is no XML or is empty, a table without rows or units, and a place that shows
something else or nothing to save are wrong; the exit status tells.
`tests/js/test_saved_charts.py` sees to it that whatever draws has such a button.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from PIL import Image

from tests.benchmarks.visits import REST, own_tab, visit
from tests.browser.tab import App
from tests.support.saved_tables import says_its_unit

PLACES = (
    *(f"learn?chapter={number}" for number in range(1, 10)),
    "learn?chapter=10&run=digits-conditional",
    "train",
    "explore?stops=n0_n1",
    "explore?posterior=3",
    "map?posterior=3",
    "generate",
    "generate?mode=compare",
    "generate?mode=leak",
    "generate?mode=styles&run=digits-conditional",
    "generate?mode=transfer&run=digits-conditional",
    "generate?mode=mix&run=digits-conditional",
    "collapse",
    "evaluate",
    "compare",
)
_SVG = "{http://www.w3.org/2000/svg}"


def _opened(app: App) -> None:
    """Open what is folded, and train what a chapter trains, so that its charts are there too."""
    train = app.page.locator(".st-key-learn-train-both button")
    if train.count() and train.is_visible():
        train.click()
        app.page.locator('[data-component="figure"]').first.wait_for(timeout=120_000)
        app.pause(REST)
    for summary in app.page.locator("details.ranges > summary").all():
        if summary.is_visible():
            summary.click()
    heat = app.page.locator('[data-action="heat"][aria-pressed="false"]')
    if heat.count() and heat.first.is_visible():
        heat.first.click()
    app.pause(1.0)


def _file(app: App, menu: Any, line: Any, kind: str) -> bytes:
    # Pressed as by a hand: of downloads that nobody asked for, Chromium gives ten.
    if menu.evaluate("node => !node.open"):
        menu.locator("summary").click(timeout=5000)
    with app.page.expect_download(timeout=15_000) as found:
        line.locator(f'[data-save="{kind}"]').click(timeout=5000)
    return Path(found.value.path()).read_bytes()


def look(app: App, menu: Any, line: Any) -> tuple[str, list[str]]:
    """What a line of a menu saves, in words, and what is wrong with it."""
    wrong = []
    picture = Image.open(io.BytesIO(_file(app, menu, line, "png")))
    if min(picture.size) < 32 or picture.width % 2 or picture.height % 2:
        wrong.append(f"PNG of {picture.size} is not of twice the size")
    svg = ElementTree.fromstring(_file(app, menu, line, "svg"))
    texts = ["".join(node.itertext()) for node in svg.iter(f"{_SVG}text")]
    # A grid of images may be without headers, and so may a plot that Python drew; a chart has axes.
    if not texts and not any(True for kind in ("image", "circle") for _ in svg.iter(f"{_SVG}{kind}")):
        wrong.append("SVG without text and images")
    header, *rows = csv.reader(io.StringIO(_file(app, menu, line, "csv").decode()))
    if not rows or any(len(row) != len(header) for row in rows):
        wrong.append(f"CSV of {len(rows)} rows under {len(header)} columns")
    wrong += [f"CSV header without a unit: {one}" for one in header if not says_its_unit(one)]
    return (
        f"{picture.width}×{picture.height}, {len(texts)} texts, {len(rows)} rows: {', '.join(header)[:90]}",
        wrong,
    )


def measure(places: list[str], run: str) -> int:
    """Visit the places; returns how much is wrong."""
    num = wrong = 0
    with own_tab(viewport={"width": 1366, "height": 900}, accept_downloads=True) as app:
        for place in places:
            keys = visit(app, place, run)
            _opened(app)
            menus = [one for one in app.page.locator(".ll-save").all() if one.is_visible()]
            print(f"{place}: {len(menus)} to save", flush=True)
            # A run that is not there, or cannot show what is asked for, is another place.
            left = {
                key: keys[key] for key in ("run", "mode") if key in keys and app.query().get(key) != keys[key]
            }
            if left or not menus:
                wrong += 1
                print(f"  WRONG: {'nothing to save' if not left else f'the page does not show {left}'}")
            for menu, line in [(one, line) for one in menus for line in one.locator("[role=group]").all()]:
                name = line.get_attribute("aria-label")
                try:
                    words, faults = look(app, menu, line)
                except Exception as error:  # a button that saves nothing is a finding, not an end
                    said = menu.locator(".ll-save-said").text_content()
                    words, faults = "", [f"{type(error).__name__}: {said or str(error)[:120]}"]
                num, wrong = num + 1, wrong + len(faults)
                print(f"  {name}: {words}{''.join(f' WRONG: {fault}' for fault in faults)}", flush=True)
    print(f"\n{num} charts and grids, {wrong} wrong")
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", default="digits-2d")
    parser.add_argument("places", nargs="*", default=[])
    options = parser.parse_args()
    sys.exit(1 if measure(options.places or list(PLACES), options.run) else 0)
