"""What the tests of the Explore page share: its tab, its sliders, its pad."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.browser.tab import App

RUN = "explore-digits"
CANVAS = '[data-component="image"] canvas'


def centred(app: App) -> App:
    """The tab on the Explore page of a two-dimensional run, at the prior's mean."""
    if app.query().get("run") != RUN:
        app.open("explore", "image", "sliders", run=RUN)
    else:
        app.page.locator('[data-action="centre"]').click()
    app.until(lambda: app.z() == [0, 0], "the point is not at the centre")
    app.idle()
    return app


def slider(app: App, dim: int) -> Any:
    return app.page.locator(f'.dim[data-dim="{dim}"] input[type=range]')


def value(app: App, dim: int) -> float:
    return float(slider(app, dim).input_value())


def thumb(app: App, place: int) -> Any:
    return app.part("draw").locator(".thumb input").nth(place)


def panel(app: App, name: str) -> None:
    app.part("draw").locator(f'.tab[data-tab="{name}"]').click()
    app.until(lambda: app.query().get("panel") == name, "the panel did not open")
    app.until(lambda: app.marks("draw").get("tab") == name, "the panel did not open")


def ellipse(app: App) -> list[float]:
    """Where the middle of the posterior is drawn on the map."""
    return [float(value) for value in app.marks("map").get("ellipse", "").split(",") if value]


def draw_line(
    app: App, places: list[tuple[float, float]], between: Callable[[], None] = lambda: None
) -> None:
    """Draw on the pad, doing something before the pen is lifted."""
    pad = app.page.locator("canvas.pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    for number, (x, y) in enumerate(places):
        app.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=3)
        if not number:
            app.page.mouse.down()
    between()
    app.page.mouse.up()
