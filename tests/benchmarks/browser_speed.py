"""Speed of what follows the pointer, in headless Chromium without a GPU, on the shipped examples.

    python tests/benchmarks/browser_speed.py [--data-root DIR] [--seconds 5] [--rounds 5]

Dragging a slider, see `dragging.py`. Scrubbing, on a run trained for it: snapshots of the training shown a
second, and milliseconds from a new snapshot's file to the screen. Map: milliseconds until 70,000 points are drawn, the
fetch included, and coloured anew; images decoded a second while the pointer moves over them; and milliseconds for each
move of a brush over a histogram by which they are narrowed. It needs torchvision's folder with MNIST.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from dragging import print_table
from playwright.sync_api import Page, sync_playwright

from tests.browser.server import Server
from tests.browser.shelf import Shelf
from tests.browser.tab import FLAGS
from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig
from vae.runs.metrics import MetricsWriter
from vae.runs.run import Run
from vae.runs.status import Status, this_host

RATE = 60


def component(page: Page, name: str) -> Any:
    """The root of one of our components, once it is ready."""
    root = page.locator(f'.ll[data-component="{name}"]').first
    page.locator(f'.ll[data-component="{name}"][data-ready]').first.wait_for(timeout=60_000)
    return root


def listen(page: Page) -> list[str]:
    """What the page sends from now on: requests, and frames of sockets that it will open."""
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.on("websocket", lambda socket: socket.on("framesent", lambda _: sent.append("frame")))
    return sent


def draw_map(page: Page, url: str, rounds: int) -> list[int]:
    """Milliseconds to draw all 70,000 images' positions; the first round also encodes them on the server."""
    found = []
    for _ in range(rounds + 1):
        page.goto(f"{url}/map?run=mnist-2d&part=all")
        root = component(page, "map")
        assert root.get_attribute("data-points") == "70000", root.get_attribute("data-points")
        found.append(int(root.get_attribute("data-ready")))
        page.goto("about:blank")
    return found


def hover_map(page: Page, sent: list[str], seconds: float) -> tuple[float, float]:
    """Images decoded a second while the pointer wanders over the map that is open, and messages sent meanwhile."""
    root = component(page, "map")
    before = len(sent)
    box = root.locator(".chart").bounding_box()
    assert box is not None
    first = int(root.get_attribute("data-decoded") or 0)
    began, events = time.perf_counter(), 0
    while (now := time.perf_counter()) - began < seconds:
        phase = 1.7 * (now - began)
        x = box["x"] + box["width"] * (0.5 + 0.25 * math.sin(phase))
        page.mouse.move(x, box["y"] + box["height"] * (0.5 + 0.25 * math.cos(1.3 * phase)))
        events += 1
        time.sleep(max(0.0, began + events / RATE - time.perf_counter()))
    elapsed = time.perf_counter() - began
    return (int(root.get_attribute("data-decoded") or 0) - first) / elapsed, len(sent) - before


def recolour(page: Page) -> list[int]:
    """Milliseconds to colour the map that is open anew, by values that it has fetched before."""
    root = component(page, "map")
    control, found = root.locator('[data-control="colour"]'), []
    for number, colour in enumerate(2 * ("rate", "distortion", "label")):
        control.select_option(colour)
        page.locator(f'.ll[data-component="map"][data-colour="{colour}"]').wait_for(timeout=60_000)
        if number > 2:
            found.append(int(root.get_attribute("data-recoloured") or -1))
    return found


def brush(page: Page, moves: int = 90) -> list[float]:
    """Milliseconds from a move of the brush over the histogram of the KL to the points drawn anew."""
    root = component(page, "map")
    root.locator(".ranges > summary").click()
    histogram = root.locator('[data-quantity="rate"] canvas')
    histogram.wait_for(timeout=60_000)
    histogram.scroll_into_view_if_needed()
    box = histogram.bounding_box()
    assert box is not None
    y, found = box["y"] + box["height"] / 2, []
    page.mouse.move(box["x"] + 0.1 * box["width"], y)
    page.mouse.down()
    for move in range(moves):
        page.mouse.move(box["x"] + box["width"] * (0.2 + 0.7 * move / moves), y)
        page.wait_for_timeout(1000 / RATE)
        found.append(float(root.get_attribute("data-brushed") or "nan"))
    page.mouse.up()
    return sorted(value for value in found if not math.isnan(value))


def decoded_run(server: Server, network: str, num_snapshots: int) -> Run:
    """A short run of images as large as MNIST's that keeps snapshots."""
    shelf = Shelf(server.runs.parent)
    data = DataConfig(name="npz", path=shelf.images("shapes"))
    epochs = 300 if num_snapshots else 2
    train = TrainConfig(epochs=epochs, batch_size=50, seed=3, device="cpu", num_snapshots=num_snapshots)
    model = ModelConfig(network=network, hidden=(400,), latent_dim=16)
    return shelf.train(server.runs / f"shapes-{network}", RunConfig(data=data, model=model, train=train))


_SCRUB = """async (image, run) => {
  const resources = performance.getEntriesByType("resource").map(({ name }) => name)
  const { timeOf } = await import(resources.find((name) => name.endsWith("/source/source.js")))
  const time = timeOf(run)
  const waits = []
  for (let round = 0; round < 5; round += 1) {
    for (const step of time.steps) {
      const began = performance.now()
      time.set(step, { source: "time" })
      while (image.dataset.at !== String(step)) await new Promise((resolve) => setTimeout(resolve))
      waits.push(performance.now() - began)
    }
  }
  time.set(null, { source: "time" })
  return waits
}"""

_ARRIVAL = """(bar, num) => new Promise((resolve) => {
  const look = () => Number(bar.dataset.snapshots) >= num && resolve(Date.now())
  new MutationObserver(look).observe(bar, { attributes: true })
  look()
})"""


def scrub(page: Page, url: str, run: Run) -> tuple[float, list[float]]:
    """Seconds until all snapshots' decoders are loaded, and milliseconds from a step to its image, for each step."""
    began = time.perf_counter()
    page.goto(f"{url}/explore?run={run.id}")
    component(page, "image")
    num = len(run.snapshots())
    page.locator(f'.ll[data-component="time"][data-loaded="{num}"]').wait_for(timeout=120_000)
    loaded = time.perf_counter() - began
    return loaded, sorted(component(page, "image").evaluate(_SCRUB, run.id))


def arrivals(page: Page, url: str, run: Run, rounds: int) -> list[float]:
    """Milliseconds from the file of a new snapshot to the scrubber of a page that is open."""
    found = []
    first, step = run.snapshots()[0], run.snapshots()[-1]
    with run.lock(), MetricsWriter(run.metrics_path) as metrics:
        status = Status(state="running", pid=os.getpid(), host=this_host(), heartbeat=time.time(), step=step)
        run.write_status(status)
        page.goto(f"{url}/explore?run={run.id}")
        bar = component(page, "time")
        page.wait_for_timeout(1500)
        for _ in range(rounds):
            step += 1
            page.wait_for_timeout(700)
            beside = run.snapshot_dir(step).with_name(f".{step}")
            shutil.copytree(run.snapshot_dir(first), beside)
            beside.rename(run.snapshot_dir(step))
            written = 1000 * time.time()
            metrics.write({"event": "snapshot", "step": step, "epoch": 1.0, "seconds": 1.0})
            found.append(bar.evaluate(_ARRIVAL, len(run.snapshots())) - written)
        run.write_status(status.replace(state="finished"))
    return sorted(found)


def measure_rest(server: Server, page: Page, options: argparse.Namespace) -> None:
    """Measure and print what is not dragged."""
    sent = listen(page)
    run = decoded_run(server, "mlp", 60)
    loaded, waits = scrub(page, server.url, run)
    num, mean = len(run.snapshots()), statistics.mean(waits)
    print(
        f"scrubbing {num} snapshots: {1000 / mean:.0f} steps/s, median {statistics.median(waits):.1f} ms, "
        f"95 % {waits[int(0.95 * len(waits))]:.1f} ms; loaded {loaded:.1f} s after opening the page"
    )
    late = arrivals(page, server.url, run, 2 * options.rounds)
    print(
        f"a new snapshot on the screen: median {statistics.median(late):.0f} ms, slowest {late[-1]:.0f} ms",
        flush=True,
    )
    if options.data_root is None:
        return
    first, *others = draw_map(page, server.url, options.rounds)
    print(f"map of 70,000 points: median {statistics.median(others):.0f} ms, slowest {max(others)} ms")
    print(f"  the first time, with the images still to be encoded: {first} ms")
    page.goto(f"{server.url}/map?run=mnist-2d&part=all")
    page.wait_for_timeout(3000)
    decoded, messages = hover_map(page, sent, options.seconds)
    print(f"  hovering: {decoded:.1f} images/s decoded, {messages:.0f} messages")
    print(f"  coloured anew: slowest {max(recolour(page))} ms")
    took = brush(page)
    late = took[int(0.95 * len(took))]
    print(
        f"  brushing: median {statistics.median(took):.1f} ms, 95 % {late:.1f} ms, slowest {took[-1]:.1f} ms a move"
    )


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    chromium = shutil.which(os.environ.get("LATENT_LAB_CHROMIUM", "chromium"))
    if chromium is None:
        sys.exit("Chromium must be on the PATH; on Debian: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        if options.data_root is not None:
            (server.cache / "latent-lab").mkdir(parents=True)
            (server.cache / "latent-lab" / "data").symlink_to(options.data_root.resolve())
        server.start()
        try:
            conv = decoded_run(server, "conv", 0).id
            views = {
                "explore": ("mnist-16d", conv, "mnist-2d", "mnist-conditional"),
                "map": ("mnist-16d", conv),
                "learn": ("mnist-16d", "mnist-2d"),
            }
            cases = [(view, run) for view, runs in views.items() for run in runs]
            launching = {"executable_path": chromium, "args": FLAGS}
            print_table(server.url, cases, options.seconds, **launching)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(**launching)
                measure_rest(server, browser.new_page(viewport={"width": 1366, "height": 768}), options)
                browser.close()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
