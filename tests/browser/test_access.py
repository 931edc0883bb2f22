"""Every control by mouse, keyboard and touch, and by its name for those who cannot see it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from vae.latent.embedding import kept_embedding
from vae.runs.run import Run

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App, Watch

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


#: What a screen reader calls the kinds of controls.
ROLES = "button|slider|textbox|spinbutton|combobox|checkbox|radio|switch|tab|application"
#: Our controls that a finger cannot hit: smaller than 24 pixels, or with something else on top of them.
MISSED = """nodes => nodes
  .filter((node) => node.checkVisibility() && !node.disabled && node.type !== "file")
  .filter((node) => {
    node.scrollIntoView({ block: "center", inline: "nearest" })
    const box = node.getBoundingClientRect()
    let hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)
    while (hit?.shadowRoot) {
      const inner = hit.shadowRoot.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)
      if (!inner || inner === hit) break
      hit = inner
    }
    const own = [node, ...(node.labels ?? [])]
    return Math.min(box.width, box.height) < 24 || !own.some((one) => one.contains(hit))
  })
  .map((node) => node.outerHTML.slice(0, 120))"""


@dataclass(frozen=True)
class Kind:
    """A kind of control: one of it by role and name, keys that move it, and what then changes.

    `changes` is a property of the control, or the name of a value in the link. A finger taps it at `tap`, a
    share of its width; where that opens the system's own list or keyboard, the control is in focus.
    """

    role: str
    name: str | re.Pattern[str]
    keys: tuple[str, ...]
    changes: str
    tap: float | None = 0.5


KINDS = {
    "explore": [
        Kind("slider", re.compile("^z₁, "), ("ArrowRight",), "z", 0.8),
        Kind("textbox", "z₁, number", ("1", "Enter"), "z", None),
        Kind("radio", "Prior ±3", ("Space",), "range"),
        Kind("tab", "Draw", ("Enter",), "panel"),
        Kind("combobox", "Second class to blend with", ("ArrowDown",), "value", None),
        Kind("button", "Random", ("Enter",), "z"),
        Kind("slider", "Snapshot of the training", ("ArrowLeft",), "at", 0.1),
        Kind("button", "KL over time", ("Space",), "ariaPressed"),
        Kind("combobox", "Speed of playing", ("ArrowDown",), "value", None),
    ],
    "map": [
        Kind("application", re.compile("^Latent map"), ("ArrowRight", "Enter"), "z", 0.3),
        Kind("checkbox", "3", ("Space",), "checked"),
        Kind("button", "Layers", ("Enter",), "ariaExpanded"),
        Kind("button", "Density", ("Space",), "ariaPressed"),
        Kind("combobox", "Colour", ("ArrowDown",), "value", None),
        Kind("radio", re.compile("^Validation"), ("Space",), "part"),
    ],
    "generate": [
        Kind("slider", re.compile("^Images"), ("ArrowRight",), "num", 0.8),
        Kind("spinbutton", "Seed", ("5", "Enter"), "seed", None),
        Kind("button", "Sample again", ("Enter",), "seed"),
        Kind("radio", "7", ("Space",), "y"),
        Kind("radio", "Style × class", ("Space",), "mode"),
    ],
}


#: What is ready before a page is looked at.
PARTS = {"explore": ("sliders", "draw"), "map": ("map", "sliders"), "generate": ("follow",)}


@pytest.fixture(scope="module")
def run(server: Server, shelf: Shelf) -> Iterator[Run]:
    """The run that is looked at."""
    yield shelf.put("digits-conditional", server, "access")


@pytest.fixture(scope="module")
def tablet(context: Any, server: Server) -> Iterator[App]:
    """A tab of a tablet, which fetches Streamlit's own files once."""
    from tests.browser.conftest import App

    window = context.browser.new_context(viewport={"width": 1024, "height": 768}, has_touch=True)
    window.set_default_timeout(20_000)
    yield App(window, server)
    window.close()


@pytest.fixture
def touched(tablet: App, watch: Watch) -> App:
    return watch(tablet)


@pytest.fixture
def typed(kept: App, watch: Watch) -> App:
    """A tab of a machine with a keyboard."""
    return watch(kept)


@pytest.mark.thorough
def test_every_control_of_the_train_page_has_a_name_and_is_reached_by_the_keyboard(
    typed: App, run: Run
) -> None:
    typed.open("train", "curves", "time", run=run.id).idle()
    check_names(typed)


@pytest.mark.parametrize("page", KINDS)
@pytest.mark.thorough
def test_every_control_has_a_name_and_every_kind_works_by_keyboard_and_by_touch(
    typed: App, touched: App, run: Run, page: str
) -> None:
    for app, by_touch in ((typed, False), (touched, True)):
        app.open(page, *PARTS[page], "time", run=run.id, z="0.1,0.2").idle()
        if by_touch:
            assert app.page.locator(CONTROLS).evaluate_all(MISSED) == []
        else:
            check_names(app)
        for kind in KINDS[page]:
            control = app.page.get_by_role(kind.role, name=kind.name, exact=True).first
            before = state(app, control, kind)
            if by_touch:
                touch(app, control, kind)
            else:
                control.focus()
                for key in kind.keys:
                    app.page.keyboard.press(key)
            if by_touch and kind.tap is None:
                app.until(lambda c=control: c.evaluate(FOCUSED), f"{kind.name} is not in focus")
            else:
                app.until(
                    lambda a=app, c=control, k=kind, b=before: state(a, c, k) != b,
                    f"{kind.role} {kind.name} did nothing {'by touch' if by_touch else 'by keyboard'}",
                )


def check_names(app: App) -> None:
    """All that can be used is named for a screen reader and reached by the keyboard."""
    found = app.page.locator(CONTROLS).evaluate_all(LOOK)
    assert len(found) > 5
    said = app.page.locator('[data-testid="stMain"]').aria_snapshot()
    listed = re.findall(rf'^ *- ({ROLES})( "|:| \[|$)', said, re.MULTILINE)
    nameless = [line for line in said.splitlines() if re.match(rf" *- ({ROLES})(:| \[|$)", line)]
    assert len(listed) >= len(found) and nameless == []
    assert [control["html"] for control in found if not control["name"]] == []
    assert [control["html"] for control in found if not control["reached"]] == []


FOCUSED = "node => node === node.getRootNode().activeElement"


def state(app: App, control: Any, kind: Kind) -> Any:
    """What a control changes, now."""
    if kind.changes in ("value", "checked", "ariaPressed", "ariaExpanded"):
        return control.evaluate(f"node => node.{kind.changes}")
    return app.query().get(kind.changes)


def touch(app: App, control: Any, kind: Kind) -> None:
    """Tap a control as a finger does: where a label is drawn for it, the label; of Streamlit's slider, the track."""
    if kind.role in ("radio", "checkbox", "switch") and control.evaluate(
        "node => Boolean(node.labels?.length)"
    ):
        control = app.page.locator("label").filter(has=control).last
    elif kind.role == "slider":
        track = app.page.locator('[data-testid="stSlider"]').get_by_role("group").filter(has=control)
        control = track.last if track.count() else control
    control.evaluate("node => node.scrollIntoView({ block: 'center' })")  # not below the scrubber
    box = control.bounding_box()
    app.page.touchscreen.tap(box["x"] + (kind.tap or 0.5) * box["width"], box["y"] + box["height"] * 0.5)


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
    app = touched.open("map", "map", run=run.id)
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
