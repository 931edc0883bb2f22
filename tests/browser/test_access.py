"""Every control by mouse, keyboard and touch, and by its name for those who cannot see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from vae.latent import kept_embedding
from vae.runs import Run

if TYPE_CHECKING:
    from tests.browser.conftest import App, Browse, Server, Shelf, Watch

CONTROLS = ", ".join(
    f".ll {kind}" for kind in ("button", "input", "select", "a[href]", '[role="slider"]', '[tabindex="0"]')
)
#: A step of a slider's strip is reached by the slider's keys 1 to 5, a tab by the arrow keys of the one that is open.
ELSEWHERE = ".cell, [role=tab]"
#: Visible controls: what a screen reader calls each, and whether the keyboard reaches it.
LOOK = """nodes => nodes
  .filter((node) => node.checkVisibility() && !node.disabled && node.type !== "file")
  .map((node) => {
    const named = (node.getAttribute("aria-labelledby") ?? "").split(" ").filter(Boolean)
      .map((id) => node.getRootNode().getElementById(id)?.textContent ?? "")
    const labels = [...(node.labels ?? [])].map((label) => label.textContent)
    const own = node.matches("input, select") ? "" : node.textContent
    const name = [node.ariaLabel, ...named, ...labels, own, node.title].find((text) => text?.trim()) ?? ""
    const reached = node.tabIndex >= 0 || node.type === "radio" || node.matches(ELSEWHERE)
    return { name: name.trim(), html: node.outerHTML.slice(0, 120), reached }
  })""".replace("ELSEWHERE", f'"{ELSEWHERE}"')


@pytest.fixture(scope="module")
def run(server: Server, shelf: Shelf) -> Iterator[Run]:
    """The run that is looked at."""
    yield shelf.put("digits-conditional", server, "access")


@pytest.fixture
def touched(context: Any, server: Server, watch: Watch) -> Iterator[App]:
    """A tab of a tablet."""
    from tests.browser.conftest import App

    tablet = context.browser.new_context(viewport={"width": 1024, "height": 768}, has_touch=True)
    tablet.set_default_timeout(20_000)
    yield watch(App(tablet, server))
    tablet.close()


def test_every_control_has_a_name_and_is_reached_by_the_keyboard(
    browse: Browse, server: Server, run: Run
) -> None:
    app = browse(server)
    parts = {
        "train": ("curves", "time"),
        "explore": ("sliders", "draw", "time"),
        "map": ("map", "sliders", "time"),
    }
    for page, names in parts.items():
        app.open(page, *names, run=run.id)
        app.idle()
        found = app.page.locator(CONTROLS).evaluate_all(LOOK)
        assert len(found) > 5, page
        assert [control["html"] for control in found if not control["name"]] == [], page
        assert [control["html"] for control in found if not control["reached"]] == [], page


def test_finger_drags_a_slider_and_the_image_follows(touched: App, run: Run) -> None:
    app = touched.open("explore", "image", "sliders", run=run.id)
    app.idle()
    box = app.page.locator(".dim input[type=range]").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    picture = app.pixels('[data-component="image"] canvas')
    finger = touched.page.context.new_cdp_session(app.page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        listed = [{"x": a, "y": b} for a, b in points]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": listed})

    send("touchStart", (x, y))
    for k in range(1, 9):
        send("touchMove", (x + 10 * k, y))
    app.until(lambda: app.pixels('[data-component="image"] canvas') != picture, "the image did not follow")
    send("touchEnd")
    app.until(
        lambda: any(abs(value) > 0.1 for value in app.z()), "the address does not say where it was left"
    )


def test_tap_on_the_map_chooses_an_image(touched: App, run: Run) -> None:
    app = touched.open("map", "map", "image", run=run.id)
    app.idle()
    found = kept_embedding(run)
    assert found is not None
    row = int(found.mean.norm(dim=1).argmin())
    x, y = app.page.evaluate("place => window.__latentLab.map.place(place)", found.mean[row].tolist())
    app.page.touchscreen.tap(x, y)
    near = found.mean.tolist()
    app.until(
        lambda: any(
            max(abs(a - b) for a, b in zip(app.z(), mean, strict=False)) < 1e-3 for mean in near if app.z()
        ),
        "no image was chosen",
    )
