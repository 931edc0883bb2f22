"""How many images a slider shows while it is dragged, and how late.

The pointer's events are sent on time and nobody waits for the page's answer, as no mouse does: a driver that waits for
each event to be handled sends fewer of them as soon as the page takes a frame to answer, and then measures itself. Two
rates: 60 a second, where each event should have its image, and the 125 of a usual mouse, where Chromium hands over
several at once if the page is busy, and each frame should have an image.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from typing import Any

from playwright.async_api import Page, async_playwright

RATES = (60, 125)
COLUMNS = (
    "events/s",
    "images/s",
    "frames/s",
    "idle/s",
    "missed/s",
    "median ms",
    "95 % ms",
    "max ms",
    "messages",
)

_WATCH = """() => {
  const lab = window.__latentLab
  const seen = { events: 0, frames: [], on: true }
  window.__seen = seen
  window.addEventListener("pointermove", () => { seen.events += 1 }, { capture: true })
  lab.timings.length = 0
  const frame = (now) => {
    seen.frames.push([now, seen.events, lab.decoded])
    if (seen.on) requestAnimationFrame(frame)
  }
  requestAnimationFrame(frame)
}"""


#: The slider that is dragged on each page.
_SLIDERS = {"learn": '.ll[data-component="pipeline"] input[aria-label^="ε"]'}
_SLIDER = '.ll[data-component="sliders"] .dim input[type="range"]'


async def drag(
    page: Page, sent: list[str], rate: int, seconds: float, selector: str = _SLIDER
) -> dict[str, float]:
    """Drag the first such slider of the page that is open to and fro.

    Of the frames of the browser, `idle/s` had no event of the pointer, and `missed/s` had one and no new image.
    """
    slider = page.locator(selector).first
    await slider.scroll_into_view_if_needed()
    box = await slider.bounding_box()
    assert box is not None
    before = len(sent)
    middle = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + box["width"] / 2, middle)
    await page.mouse.down()
    await page.evaluate(_WATCH)
    began, events, moves = time.perf_counter(), 0, []
    # Each event is a move of some pixels, also on a short slider: a move within a pixel is none.
    sweep = min(1.0, (box["width"] - 16) / (2.5 * rate))
    while (now := time.perf_counter()) - began < seconds:
        phase = (now - began) / sweep % 2
        share = phase if phase < 1 else 2 - phase
        moves.append(
            asyncio.ensure_future(page.mouse.move(box["x"] + 8 + share * (box["width"] - 16), middle))
        )
        events += 1
        await asyncio.sleep(max(0.0, began + events / rate - time.perf_counter()))
    await asyncio.gather(*moves)
    seen = await page.evaluate("() => { window.__seen.on = false; return window.__seen }")
    timings = await page.evaluate("window.__latentLab.timings")
    messages = len(sent) - before
    await page.mouse.up()
    waits = sorted(timing["done"] - timing["event"] for timing in timings)
    frames = seen["frames"]
    length = (frames[-1][0] - frames[0][0]) / 1000
    pairs = list(itertools.pairwise(frames))
    idle = sum(now[1] == last[1] and now[2] == last[2] for last, now in pairs)
    missed = sum(now[1] > last[1] and now[2] == last[2] for last, now in pairs)
    found = (
        events / seconds,
        (len(timings) - 1) / (timings[-1]["done"] - timings[0]["done"]) * 1000,
        len(pairs) / length,
        idle / length,
        missed / length,
        statistics.median(waits),
        waits[int(0.95 * len(waits))],
        waits[-1],
        messages,
    )
    return dict(zip(COLUMNS, found, strict=True))


async def _open(page: Page, url: str, run: str, view: str) -> None:
    if view == "learn":
        await page.goto(f"{url}/{view}?run={run}&chapter=pipeline")
        await page.locator('.ll[data-component="pipeline"][data-ready]').wait_for(timeout=60_000)
        return await page.wait_for_timeout(500)
    await page.goto(f"{url}/{view}?run={run}")
    for name in ("sliders", "map"):
        await page.locator(f'.ll[data-component="{name}"][data-ready]').first.wait_for(timeout=60_000)
    # The page of the map shows the point's image in the map's own card.
    shown = "map" if view == "map" else "image"
    await page.locator(f'.ll[data-component="{shown}"][data-source="browser"]').first.wait_for(timeout=60_000)
    await page.wait_for_timeout(500)  # Streamlit's own start-up traffic is not ours to measure


async def _all(url: str, cases: list[tuple[str, str]], seconds: float, launching: dict[str, Any]) -> None:
    print(f"{'dragging':30}" + "".join(f"{name:>10}" for name in COLUMNS))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launching)
        page = await browser.new_page(viewport={"width": 1366, "height": 768})
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url))
        page.on("websocket", lambda socket: socket.on("framesent", lambda _: sent.append("frame")))
        for view, run in cases:
            await _open(page, url, run, view)
            for rate in RATES:
                await page.wait_for_timeout(1000)  # what the release before sends is not of this round
                found = await drag(page, sent, rate, seconds, _SLIDERS.get(view, _SLIDER))
                row = "".join(f"{found[name]:10.1f}" for name in COLUMNS)
                print(f"{f'{run} ({view})':30}{row}", flush=True)
        await browser.close()


def print_table(url: str, cases: list[tuple[str, str]], seconds: float, **launching: Any) -> None:
    """Drag on a page for each view and run, in a browser launched so, and print what was seen."""
    asyncio.run(_all(url, cases, seconds, launching))
