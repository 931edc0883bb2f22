"""How much each page jumps while it opens, and when one hovers or clicks: CLS, beside that of an empty Streamlit app.

    python tests/benchmarks/layout_shift.py [--why] [--width 1366] [PAGE …]

Every page is opened in a browser that knows nothing of it. The aim: 0.05 more than the empty app, 0 by hover or click.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import which
from typing import Any

from playwright.sync_api import sync_playwright

from tests.browser.server import Server, free_port, wait_until
from tests.browser.shifts import EMPTY, WATCH, forget, shifts, total
from tests.browser.tab import FLAGS, App

PAGES = ("start", "learn", "train", "explore", "map", "generate", "collapse", "evaluate", "compare", "runs")
#: Seconds until a page is at rest.
REST = 4.0


def empty(browser: Any, width: int, times: int) -> float:
    """CLS of a Streamlit app with a sidebar and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        script, port = Path(folder) / "empty.py", free_port()
        script.write_text(EMPTY)
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(script),
            f"--server.port={port}",
            "--server.headless=true",
            "--browser.gatherUsageStats=false",
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            import urllib.request

            def answers() -> bool:
                try:
                    return bool(
                        urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).status
                        == 200
                    )
                except OSError:
                    return False

            wait_until(answers, "Streamlit does not answer", 30)
            return statistics.median(
                opened(browser, f"http://127.0.0.1:{port}", width)[0] for _ in range(times)
            )
        finally:
            process.terminate()
            process.wait()


def opened(browser: Any, address: str, width: int) -> tuple[float, list[dict[str, Any]]]:
    context = browser.new_context(viewport={"width": width, "height": 768})
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(address)
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_timeout(1000 * REST)
    found = total(page), shifts(page)
    context.close()
    return found


def used(app: App) -> float:
    """What shifts by hovering over, and clicking into, the middle of each component."""
    forget(app.page)
    for part in app.page.locator("[data-component]").all():
        box = part.bounding_box()
        if not box or box["height"] < 40 or box["y"] + box["height"] / 2 > 760:
            continue
        app.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)
        app.pause(0.2)
        app.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        app.pause(0.6)
    app.pause(1.0)
    return total(app.page)


def measure(pages: list[str], width: int, times: int, *, why: bool, run: str) -> float:
    """Print the table; the largest excess over the empty app."""
    server = Server(Path(tempfile.mkdtemp(prefix="shift-")))
    try:
        server.start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=which("chromium"), args=FLAGS)
            base = empty(browser, width, times)
            print(f"{'page':<12}{'CLS':>8}{'− empty':>9}{'used':>8}\n{'(empty)':<12}{base:>8.3f}")
            worst = 0.0
            for name in pages:
                # The start page is what a newcomer sees who has only the address.
                query = {"welcome": "1"} if name == "start" else {"run": run}
                address = f"{server.url}/" if name == "start" else f"{server.url}/{name}?run={run}"
                opened(browser, address, width)  # the server's caches are warm
                found = sorted(
                    (opened(browser, address, width) for _ in range(times)),
                    key=lambda one: one[0],
                )
                value, entries = found[len(found) // 2]
                context = browser.new_context(viewport={"width": width, "height": 768})
                context.add_init_script(WATCH)
                app = App(context, server).open("explore" if name == "start" else name, **query)
                app.idle()
                app.pause(REST)
                by_use = used(app)
                print(f"{name:<12}{value:>8.3f}{value - base:>9.3f}{by_use:>8.3f}", flush=True)
                if why:
                    for entry in [*entries, *shifts(app.page)]:
                        if entry["value"] > 0.002:
                            cause = " (input)" if entry["input"] else ""
                            said = "; ".join(entry["sources"][:4])
                            print(f"    {entry['value']:.3f} at {entry['at']:.0f} ms{cause}: {said}")
                context.close()
                worst = max(worst, value - base)
            browser.close()
    finally:
        server.stop()
    return worst


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--why", action="store_true", help="name what shifted")
    parser.add_argument("--width", type=int, default=1366)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--run", default="digits-2d")
    parser.add_argument("pages", nargs="*", default=[])
    options = parser.parse_args()
    pages = options.pages or list(PAGES)
    excess = measure(pages, options.width, options.times, why=options.why, run=options.run)
    print(f"\nlargest excess: {excess:.3f}")
