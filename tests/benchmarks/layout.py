"""Layout and access of every page: four widths, two themes, by bounding boxes and axe; with a picture of each.

    python tests/benchmarks/layout.py [--pictures FOLDER] [--present] [PAGE …]

Prints what is wrong (text cut or overlapping, a page that scrolls sideways, a control smaller than 44 px on a width
that is touched, a serious or critical violation by axe) and a table of counts; the exit status is 1 if anything is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.boxes import axe, look
from tests.browser.server import Server
from tests.browser.tab import FLAGS, App

PAGES = ("learn", "train", "explore", "map", "generate", "collapse", "evaluate", "compare", "runs")
WIDTHS = {390: 844, 820: 1180, 1366: 768, 1920: 1080}
THEMES = ("light", "dark")
#: Seconds for a page to come to rest, at first and after the window has another size.
REST, AGAIN = 2.0, 0.7


def measure(pages: list[str], pictures: Path | None, *, present: bool, run: str) -> int:
    """Look at the pages; returns how much is wrong."""
    from shutil import which

    counts: Counter[tuple[str, str, int, str]] = Counter()
    told: set[tuple[str, str]] = set()
    server = Server(Path(tempfile.mkdtemp(prefix="layout-")))
    try:
        server.start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=which("chromium"), args=FLAGS)
            for name in pages:
                for theme in THEMES:
                    context = browser.new_context(viewport={"width": 1366, "height": 768}, color_scheme=theme)
                    app = App(context, server)
                    for width, height in WIDTHS.items():
                        app.page.set_viewport_size({"width": width, "height": height})
                        if width in (390, 1366):  # folded and unfolded sidebar
                            query = {"run": run, **({"present": "1"} if present else {})}
                            app.open(name, **query)
                            app.idle()
                            app.pause(REST)
                        app.pause(AGAIN)
                        found = look(app.page, width)
                        if width in (390, 1366):
                            found += axe(app.page)
                        for one in found:
                            counts[name, theme, width, one.kind] += 1
                            if (one.kind, one.where) not in told:
                                told.add((one.kind, one.where))
                                print(f"{name} {width} {theme} {one.kind}: {one.where}", flush=True)
                        if pictures:
                            pictures.mkdir(parents=True, exist_ok=True)
                            app.page.screenshot(path=str(pictures / f"{name}-{width}-{theme}.png"))
                    context.close()
            browser.close()
    finally:
        server.stop()
    print(f"\n{'page':<10}" + "".join(f"{width:>8}{theme[0]}" for theme in THEMES for width in WIDTHS))
    for name in pages:
        cells = [
            sum(n for (p, t, w, _), n in counts.items() if (p, t, w) == (name, theme, width))
            for theme in THEMES
            for width in WIDTHS
        ]
        print(f"{name:<10}" + "".join(f"{cell:>9}" for cell in cells))
    return sum(counts.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--present", action="store_true")
    parser.add_argument("--run", default="digits-2d")
    parser.add_argument("pages", nargs="*", default=[])
    options = parser.parse_args()
    wrong = measure(options.pages or list(PAGES), options.pictures, present=options.present, run=options.run)
    sys.exit(1 if wrong else 0)
