"""The widget's page on a fake anywidget model, which brings what it asks for to the real widget in Python, and back."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import vae
from tests.browser.server import wait_until
from tests.browser.stroke import stroke
from vae import browser
from vae.data.dataset import Dataset
from vae.runs.run import Run

#: As much of anywidget's model as a widget may use.
_MODEL = """
window.model = (() => {
  const values = {}, heard = {}
  // As hosts hand over buffers: JupyterLab and marimo, Colab, and others.
  const behind = (bytes) => Uint8Array.from([0, 0, 0, ...bytes])
  const kinds = [
    (bytes) => new DataView(behind(bytes).buffer, 3), (bytes) => behind(bytes).subarray(3), (bytes) => bytes.buffer,
  ]
  let num = 0
  return {
    values, get: (name) => values[name],
    set(name, value) { values[name] = value; for (const hear of heard[`change:${name}`] ?? []) hear() },
    save_changes() { window.saved(JSON.stringify(values.value)) },
    on(name, hear) { (heard[name] ??= []).push(hear) },
    off(name, hear) { heard[name] = (heard[name] ?? []).filter((one) => one !== hear) },
    async send(content) {
      for (const message of JSON.parse(await window.asked(JSON.stringify(content)))) window.model.receive(message)
    },
    receive({ content, buffers }) {
      const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
      const views = buffers.map((text) => kinds[num++ % kinds.length](bytes(text)))
      for (const hear of [...(heard["msg:custom"] ?? [])]) hear(content, views)
    },
  }
})()
"""

_PAGE = "<main id=cell style='width: 1200px'></main><aside id=again style='width: 560px'></aside>"
#: As VS Code frames the outputs of a notebook, and Colab too: another origin, of which nothing is shared.
_FRAME = (
    "<iframe sandbox='allow-scripts' style='border: 0; height: 900px; width: 1300px' srcdoc=\"{}\"></iframe>"
)
#: VS Code's policy for them, where ``notebook.experimental.enableCsp`` is set, with two changes: scripts at blob: and
#: data:, from which anywidget itself imports every widget; and WebAssembly, but no ``eval``.
_POLICY = (
    "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; script-src 'wasm-unsafe-eval' blob: data:; "
    "style-src 'unsafe-inline'; img-src https: http: data:; font-src https:; connect-src https:; "
    'child-src https: data:">'
)
#: As anywidget (blob:), and as hosts that make no blobs, import a widget's module.
_RENDER = """async ([esm, scheme]) => {
  const type = "text/javascript"
  const blob = () => URL.createObjectURL(new Blob([esm], { type }))
  const address = scheme === "blob" ? blob() : `data:${type},${encodeURIComponent(esm)}`
  const { default: widget } = await import(address)
  window.unmount = await widget.render({ model, el: document.getElementById("cell") })
  window.showAgain = () => widget.render({ model, el: document.getElementById("again") })
}"""


class Cell:
    """A cell in Chromium that shows a widget."""

    def __init__(
        self,
        page: Any,
        widget: Any,
        monkeypatch: pytest.MonkeyPatch,
        *,
        in_frame: bool = False,
        scheme: str = "blob",
    ) -> None:
        self.page, self.widget, self.errors = page, widget, list[str]()
        self._letters: list[dict[str, Any]] = []
        monkeypatch.setattr(widget, "send", self._send)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on(
            "request",
            lambda asked: None if asked.url.startswith(("blob:", "data:")) else self.errors.append(asked.url),
        )
        page.expose_function("asked", self._asked)
        page.expose_function("saved", self._saved)
        if in_frame:
            page.set_content(_FRAME.format(html.escape(_PAGE.replace("<main", f"{_POLICY}<main"))))
            page.wait_for_function("() => frames.length === 1")
        else:
            page.set_content(_PAGE)
        #: Where the cell is.
        self.place = page.frames[-1]
        self.place.wait_for_selector("#cell", state="attached")
        self.place.evaluate(_MODEL)
        for name in ("value", "_told", "_library", "_picture"):
            self.place.evaluate("([name, value]) => model.set(name, value)", [name, getattr(widget, name)])
        self.place.evaluate(_RENDER, [widget._esm, scheme])

    def _send(self, content: dict[str, Any], buffers: Any = None) -> None:
        texts = [base64.b64encode(bytes(buffer)).decode() for buffer in buffers or []]
        self._letters.append({"content": content, "buffers": texts})

    def _asked(self, text: str) -> str:
        self.widget._hear(self.widget, json.loads(text), [])
        letters, self._letters = self._letters, []
        return json.dumps(letters)

    def _saved(self, text: str) -> None:
        self.widget.value = json.loads(text)

    def set(self, value: dict[str, Any]) -> None:
        """As Python does."""
        self.widget.value = value
        self.place.evaluate("(value) => model.set('value', value)", self.widget.value)

    def heard(self, holds: Callable[[dict[str, Any]], object], sentence: str) -> None:
        """Wait for Python's value; the page's messages arrive while Playwright is at work."""
        wait_until(lambda: holds(self.widget.value), sentence, pause=lambda: self.page.wait_for_timeout(20))

    def marks(self, part: str) -> dict[str, str]:
        found: dict[str, str] = self.place.evaluate(
            """(part) => ({...document.querySelector("#cell").shadowRoot?.querySelector(`[data-part=${part}]`)
              ?.shadowRoot?.querySelector(".ll")?.dataset})""",
            part,
        )
        return found


@pytest.fixture
def cell(trained_run: Run, digits: Dataset, context: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cell]:
    model = vae.load_model(trained_run)
    page = context.new_page()
    yield Cell(page, vae.show(model, digits), monkeypatch)
    page.close()


@pytest.mark.skipif(not browser.runtime_files(), reason="onnxruntime-web was not built in")
def test_slider_click_and_lasso_reach_python_and_python_sets_them(cell: Cell) -> None:
    page, widget = cell.page, cell.widget
    wait_until(lambda: cell.marks("image").get("source") == "browser", "the decoder did not come")
    wait_until(lambda: cell.marks("map").get("ready"), "the map did not come")

    # A slider: the image follows while the hand is down, Python hears of the release.
    decoded = int(cell.marks("image")["decoded"])
    rail = page.locator("#cell input[type=range]").first.bounding_box()
    y = rail["y"] + rail["height"] / 2
    page.mouse.move(rail["x"] + rail["width"] / 2, y)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(rail["x"] + rail["width"] * (0.5 + 0.07 * step), y)
    wait_until(lambda: int(cell.marks("image")["decoded"]) >= decoded + 3, "the image does not follow")
    assert widget.value["point"] == [0.0] * len(widget.value["point"])
    page.mouse.up()
    cell.heard(lambda value: any(value["point"]), "Python did not hear of the slider")

    # A click on the map.
    page.locator("#cell .chart").scroll_into_view_if_needed()
    chart = page.locator("#cell [data-part=map] .chart").bounding_box()
    before = widget.value["point"]
    page.mouse.click(chart["x"] + 0.4 * chart["width"], chart["y"] + 0.4 * chart["height"])
    cell.heard(lambda value: value["point"] != before, "Python did not hear of the click")

    # A lasso around everything.
    page.locator("#cell [data-action=lasso]").first.click()
    corners = [(0.03, 0.03), (0.97, 0.03), (0.97, 0.9), (0.03, 0.9), (0.03, 0.05)]
    places = [(chart["x"] + u * chart["width"], chart["y"] + v * chart["height"]) for u, v in corners]
    stroke(page, places, steps=4)
    cell.heard(lambda value: value["selection"], "Python did not hear of the lasso")
    assert set(widget.value["selection"]) <= set(widget._source.dataset.test.tolist())

    # Python sets the point, and what is selected.
    wanted = [0.5] * len(widget.value["point"])
    few = widget._source.dataset.test[:3].tolist()
    cell.set({"point": wanted, "selection": few})
    wait_until(lambda: cell.marks("map").get("selected") == "3", "the page did not hear what Python selects")
    value = page.evaluate(
        """() => Number(document.querySelector("#cell").shadowRoot.querySelector("[data-part=sliders]").shadowRoot
          .querySelector("input[type=range]").value)"""
    )
    assert value == pytest.approx(0.5, abs=2e-3)
    assert widget.value == {"point": wanted, "class": widget.value["class"], "selection": few}

    # Shown twice: both views stay in step.
    page.evaluate("() => showAgain()")
    slider = page.locator("#again input[type=range]").first
    wait_until(
        lambda: slider.count() and float(slider.input_value()) == pytest.approx(0.5, abs=2e-3), "not in step"
    )
    cell.set({"point": [-0.25] * len(wanted)})
    # The map has room in a wide cell and in a narrow one.
    for place in ("#cell", "#again"):
        assert page.locator(f"{place} [data-part=map] .chart").bounding_box()["width"] > 400
    both = [page.locator(f"{place} input[type=range]").first for place in ("#cell", "#again")]
    wait_until(
        lambda: [float(one.input_value()) for one in both] == pytest.approx([-0.25, -0.25], abs=2e-3),
        "not in step",
    )
    assert cell.errors == []
    page.evaluate("() => window.unmount()")


@pytest.mark.skipif(not browser.runtime_files(), reason="onnxruntime-web was not built in")
@pytest.mark.parametrize("scheme", ["blob", pytest.param("data", marks=pytest.mark.thorough)])
def test_it_runs_in_a_frame_of_no_origin_under_the_policy_of_an_editor(
    trained_run: Run, context: Any, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    page = context.new_page()
    widget = vae.show(vae.load_model(trained_run), parts=["sliders", "image"])
    cell = Cell(page, widget, monkeypatch, in_frame=True, scheme=scheme)
    assert cell.place.evaluate("() => self.origin") == "null"
    wait_until(lambda: cell.marks("image").get("source") == "browser", "nothing is decoded in the frame")
    assert cell.errors == []
    page.close()


def test_a_page_without_a_kernel_shows_what_was_kept(
    trained_run: Run, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    widget = trained_run.show(parts=["image"])
    widget._repr_mimebundle_()
    monkeypatch.setattr(widget, "_hear", lambda *_: None)
    page = context.new_page()
    cell = Cell(page, widget, monkeypatch)
    image = page.locator("#cell img")
    wait_until(lambda: image.evaluate("(node) => node.naturalWidth") == 320, "no picture")
    assert "run this cell again" in page.locator("#cell").inner_text()
    assert cell.errors == []
    widget.close()
    page.close()
