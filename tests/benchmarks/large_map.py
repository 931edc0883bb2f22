"""A map of millions of points: time until they are drawn, and the memory that the server takes for it.

    python tests/benchmarks/large_map.py [--num 2000000] [--keep DIR]

Makes an .npz of so many 8×8 images (noisy copies of scikit-learn's digits, with their labels), trains a small model on
it for an epoch, opens the map of all images in headless Chromium, and prints the server's memory before and after, the
time until all points are drawn, and how long other colours take.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playwright.sync_api import sync_playwright

from tests.browser.server import Server
from tests.browser.tab import FLAGS

MAP = '.ll[data-component="map"]'
_AT_ONCE = 100_000


def make_images(path: Path, num: int) -> None:
    """Write an .npz of so many images, without holding more than them in memory."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    rng = np.random.default_rng(0)
    images = np.empty((num, 8, 8), np.uint8)
    labels = np.empty(num, np.int16)
    for start in range(0, num, _AT_ONCE):
        rows = rng.integers(0, len(digits.target), min(_AT_ONCE, num - start))
        noisy = 15.0 * digits.images[rows] + rng.normal(0, 12, (len(rows), 8, 8))
        images[start : start + len(rows)] = np.clip(noisy, 0, 255)
        labels[start : start + len(rows)] = digits.target[rows]
    np.savez(path, images=images, labels=labels)


def make_run(folder: Path, images: Path) -> str:
    """Train a two-dimensional model on some thousand steps, and give the run's id."""
    from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig
    from vae.data.dataset import load_dataset
    from vae.runs.run import Run
    from vae.training.trainer import Trainer

    config = RunConfig(
        data=DataConfig(name="npz", path=images),
        model=ModelConfig(hidden=(64,)),
        train=TrainConfig(epochs=1, batch_size=2000, seed=0, device="cpu", num_snapshots=0),
    )
    dataset = load_dataset(config.data)
    run = Run.create(folder / "large", config, dataset.info())
    for _ in Trainer(run, dataset).train():
        pass
    return run.id


def memory(pid: int) -> tuple[float, float]:
    """Resident memory of a process now, and at its highest, in MB."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    now, peak = (int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, peak


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--num", type=int, default=2_000_000)
    parser.add_argument("--keep", type=Path, help="where the images and the run are made, or found again")
    options = parser.parse_args()
    chromium = shutil.which(os.environ.get("LATENT_LAB_CHROMIUM", "chromium"))
    if chromium is None:
        sys.exit("Chromium must be on the PATH; on Debian: apt-get install chromium")
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = (options.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        server = Server(folder)
        if not (server.runs / "large" / "config.json").is_file():
            make_images(folder / "images.npz", options.num)
            make_run(server.runs, folder / "images.npz")
        server.start()
        assert server.process is not None
        pid = server.process.pid
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        try:
            page = browser.new_page(viewport={"width": 1366, "height": 900})
            page.goto(f"{server.url}/map?run=large&part=all")
            page.locator(f"{MAP}[data-asks]").wait_for(timeout=120_000)
            print(page.locator(f"{MAP} .ll-message").inner_text())
            print(f"server before: {memory(pid)[0]:.0f} MB")
            began = time.perf_counter()
            page.locator(f'{MAP} [data-action="show-all"]').click()
            page.locator(f"{MAP}[data-points]").wait_for(timeout=300_000)
            print(f"{page.locator(MAP).get_attribute('data-points')} points drawn after")
            print(
                f"  {time.perf_counter() - began:.1f} s, the first time, with the images still to be encoded"
            )
            print(f"one picture of all points: {page.evaluate('window.__latentLab.map.took()'):.0f} ms")
            now, peak = memory(pid)
            print(f"server after: {now:.0f} MB, at its highest {peak:.0f} MB")
            for colour in ("sigma", "label"):
                page.locator(f'{MAP} [data-control="colour"]').select_option(colour)
                page.locator(f'{MAP}[data-colour="{colour}"]').wait_for(timeout=120_000)
                print(
                    f"coloured by {colour}: {page.locator(MAP).get_attribute('data-recoloured')} ms, the fetch included"
                )
            now, peak = memory(pid)
            print(f"server at the end: {now:.0f} MB, at its highest {peak:.0f} MB")
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    main()
