"""What the tests of the map's page look at and reach for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vae.latent.embedding import kept_embedding
from vae.runs.run import Run

if TYPE_CHECKING:
    from tests.browser.tab import App

#: What the page says that it has drawn: places, labels, colours (−1 where a point stands back), the part in view.
DRAWN = "window.__latentLab.map.drawn()"
AT = "window.__latentLab.map.at()"
REGION = "window.__latentLab.map.region()"


def chart(app: App) -> Any:
    return app.part("map").locator(".chart")


def drawn(app: App) -> dict[str, np.ndarray[Any, Any]]:
    return {name: np.array(values) for name, values in app.page.evaluate(DRAWN).items()}


def region(app: App) -> list[float]:
    """Left, right, low and high of the part of the plane in view."""
    return list(app.page.evaluate(REGION))


def screen(app: App, place: list[float]) -> tuple[float, float]:
    """Where a place of the plane is on the screen."""
    x, y = app.page.evaluate("place => window.__latentLab.map.place(place)", place)
    return x, y


def lonely(run: Run) -> tuple[int, torch.Tensor, int]:
    """The row, mean and label of the image that is farthest from all others, within 3 of the middle."""
    found = kept_embedding(run)
    assert found is not None and found.labels is not None
    distances = torch.cdist(found.mean, found.mean) + torch.eye(len(found.mean)) * 1e9
    alone = distances.min(1).values.where(found.mean.norm(dim=1) < 3, torch.tensor(0.0))
    row = int(alone.argmax())
    return row, found.mean[row], int(found.labels[row])


def point_at(app: App, mean: torch.Tensor, steps: int = 3) -> tuple[float, float]:
    """Move the pointer to a latent point."""
    x, y = screen(app, mean.tolist())
    app.page.mouse.move(x, y, steps=steps)
    return x, y


def on_the_map(app: App, run: Run) -> App:
    """A tab on the map of a run, with the pointer away from it."""
    if app.headline() != "Map":
        app.open("map", "map", "sliders", run=run.id)
    app.page.mouse.move(5, 5)
    app.idle()
    return app
