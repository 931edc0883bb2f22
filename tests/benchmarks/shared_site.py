"""How soon a shared site shows its first image, and how it follows a slider: as a folder and as one file from disk.

    python tests/benchmarks/shared_site.py [RUN] [--seconds 3] [--rounds 3]

prints a row for each way, medians of the rounds: seconds from the address to the first decoded image, of a browser that
has seen nothing of it yet; while a slider is dragged at 60 events a second, images a second, frames a second without an
event, or with one and no image (see `dragging.py`), and milliseconds from an event of the pointer to its image;
megabytes, requests to anywhere else, and complaints in the console. The aims are at most 2 s, at least 58 images, 95 %
within 8 ms, 25 MB, and none of the last two.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import http.server
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from dragging import drag
from playwright.async_api import Browser, Page, async_playwright

from tests.browser.tab import FLAGS
from vae.browser.share import share
from vae.runs.run import Run

RUN = Path(__file__).resolve().parents[2] / "assets" / "models" / "mnist-2d"
COLUMNS = (
    "first s",
    "images/s",
    "idle/s",
    "missed/s",
    "median ms",
    "95 % ms",
    "max ms",
    "MB",
    "elsewhere",
    "complaints",
)
#: Notes when the first image was drawn, in the page's own time.
_FIRST = """
  const look = () => {
    if ((window.__latentLab?.decoded ?? 0) > 0) window.__first = performance.now()
    else requestAnimationFrame(look)
  }
  look()
"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *values: Any) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    """A server that does not mind a browser that is closed."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """What ``python -m http.server`` does."""
    server = _Server(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/index.html"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def _first(page: Page) -> float:
    """Milliseconds until the first image; the site's policy forbids what would wait for it in the page."""
    for _ in range(600):
        if found := await page.evaluate("window.__first ?? 0"):
            return float(found)
        await asyncio.sleep(0.05)
    raise TimeoutError("no image came within 30 s")


async def _measure(browser: Browser, address: str, rounds: int, seconds: float) -> dict[str, float]:
    first: list[float] = []
    asked: list[str] = []
    complaints: list[str] = []
    drags: list[dict[str, float]] = []
    for _ in range(rounds):
        context = await browser.new_context(viewport={"width": 1366, "height": 768})
        page = await context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        await page.add_init_script(_FIRST)
        await page.goto(address)
        first.append(await _first(page) / 1000)
        await page.wait_for_timeout(3000)  # the snapshots' decoders, if there are any
        drags.append(await drag(page, asked, 60, seconds))
        await context.close()
    elsewhere = [url for url in asked if not url.startswith((address.rsplit("/", 1)[0], "blob:", "data:"))]
    for words in complaints:
        print(f"  complaint: {words}")
    return {
        "first s": statistics.median(first),
        **{name: statistics.median(one[name] for one in drags) for name in COLUMNS if name in drags[0]},
        "elsewhere": len(elsewhere),
        "complaints": len(complaints),
    }


async def _all(run: Path, rounds: int, seconds: float) -> None:
    print(f"{run.name:24}" + "".join(f"{name:>11}" for name in COLUMNS))
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        folder = share([Run.open(run)], root / "site", max_mb=100)
        file = share([Run.open(run)], root / "site.html", single_file=True, max_mb=100)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            with _served(folder.path) as address:
                ways = (
                    ("folder, http.server", address, folder),
                    ("one file, from disk", file.path.as_uri(), file),
                )
                for title, at, shared in ways:
                    found = await _measure(browser, at, rounds, seconds) | {"MB": shared.num_bytes / 1e6}
                    print(f"{title:24}" + "".join(f"{found[name]:11.1f}" for name in COLUMNS), flush=True)
            await browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, nargs="?", default=RUN)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    asyncio.run(_all(asked.run, asked.rounds, asked.seconds))


if __name__ == "__main__":
    main()
