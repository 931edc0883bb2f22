"""A run that a user's own loop wrote opens in the pages like any other, and its networks run in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

import vae
from tests.browser.test_explore import CANVAS, DECODE, ENCODE, slider, value
from vae.config.schema import DataConfig
from vae.data.dataset import load_dataset
from vae.runs.run import Run
from vae.runs.snapshots import load_model

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.tab import App, Watch


@pytest.fixture(scope="module")
def run(server: Server) -> Run:
    """A watched run, trained by nobody: weights as they were drawn, made larger so that images differ."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 4))
        decoder = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 64))
    with torch.no_grad():
        decoder[2].weight.mul_(5)
    data = load_dataset(DataConfig())
    path: Path = server.runs / "explore-watched"
    watcher = vae.watch(path, encoder=encoder, decoder=decoder, data=data, epochs=1, batch_size=1294)
    watcher.step()
    watcher.close()
    return watcher.run


def test_a_watched_run_opens_in_explore_and_its_sliders_decode(kept: App, watch: Watch, run: Run) -> None:
    app = watch(kept)
    app.open("explore", "image", "sliders", run=run.id)
    app.until(lambda: app.marks("image").get("source") == "browser", "the decoder does not run in the page")
    before = app.pixels(CANVAS)
    slider(app, 0).focus()
    for _ in range(10):
        app.page.keyboard.press("ArrowRight")
    app.until(lambda: value(app, 0) > 0.05, "the slider did not move")
    app.until(lambda: app.pixels(CANVAS) != before, "the image did not follow the slider")
    model = load_model(run)
    z, x = torch.tensor([[0.5, -1.0], [2.0, 0.0]]), torch.rand(1, 1, 8, 8)
    with torch.inference_mode():
        expected = model.decode(z).numpy()
        terms, mean, log_var, _ = model.at_mean(x)
    asked = {"run": run.id, "z": z.flatten().tolist(), "y": None, "num": 2}
    found = np.array(app.module("/source/source.js", DECODE, asked), np.float32).reshape(expected.shape)
    assert np.abs(found - expected).max() < 1e-4
    asked = {"run": run.id, "x": x.flatten().tolist(), "y": None, "num": 1}
    (found,) = np.array(app.module("/source/source.js", ENCODE, asked), np.float32)
    numbers = torch.cat([mean[0], log_var[0], terms.distortion, terms.rate]).numpy()
    np.testing.assert_allclose(found, numbers, rtol=1e-4, atol=1e-4)


@pytest.mark.thorough
def test_a_watched_run_opens_in_the_map(kept: App, watch: Watch, run: Run) -> None:
    app = watch(kept)
    app.open("map", "map", run=run.id)
    drawn = app.page.evaluate("window.__latentLab.map.drawn()")
    assert len(next(iter(drawn.values()))) == run.info.num_test
