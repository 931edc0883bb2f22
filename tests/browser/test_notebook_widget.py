"""The widget's page on a fake anywidget model, which brings what it asks for to the real widget in Python, and back."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

import vae
from tests.browser.server import wait_until
from vae import browser
from vae.data.dataset import Dataset
from vae.runs.run import Run

#: As much of anywidget's model as a widget may use.
_MODEL = """
window.model = (() => {
  const values = {}, heard = {}
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
      const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer
      const views = buffers.map((text) => new DataView(bytes(text)))
      for (const hear of [...(heard["msg:custom"] ?? [])]) hear(content, views)
    },
  }
})()
"""


class Cell:
    """A cell in Chromium that shows a widget."""

    def __init__(self, page: Any, widget: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.page, self.widget, self.errors = page, widget, list[str]()
        self._letters: list[dict[str, Any]] = []
        monkeypatch.setattr(widget, "send", self._send)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on(
            "request",
            lambda asked: None if asked.url.startswith(("blob:", "data:")) else self.errors.append(asked.url),
        )
        page.set_content("<main id=cell style='width: 1200px'></main>")
        page.expose_function("asked", self._asked)
        page.expose_function("saved", self._saved)
        page.evaluate(_MODEL)
        for name in ("value", "_told", "_library"):
            page.evaluate("([name, value]) => model.set(name, value)", [name, getattr(widget, name)])
        page.evaluate(
            """async (esm) => {
              const module = await import(URL.createObjectURL(new Blob([esm], { type: "text/javascript" })))
              window.unmount = await module.default.render({ model, el: document.getElementById("cell") })
            }""",
            widget._esm,
        )

    def _requested(self, asked: Any) -> None:
        if not asked.url.startswith(("blob:", "data:")):
            self.errors.append(f"asked for {asked.url}")

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
        self.page.evaluate("(value) => model.set('value', value)", self.widget.value)

    def marks(self, part: str) -> dict[str, str]:
        found: dict[str, str] = self.page.evaluate(
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
    wait_until(lambda: any(widget.value["point"]), "Python did not hear of the slider")

    # A click on the map.
    page.locator("#cell .chart").scroll_into_view_if_needed()
    chart = page.locator("#cell [data-part=map] .chart").bounding_box()
    before = widget.value["point"]
    page.mouse.click(chart["x"] + 0.4 * chart["width"], chart["y"] + 0.4 * chart["height"])
    wait_until(lambda: widget.value["point"] != before, "Python did not hear of the click")

    # A lasso around everything.
    page.locator("#cell [data-action=lasso]").first.click()
    corners = [(0.03, 0.03), (0.97, 0.03), (0.97, 0.9), (0.03, 0.9), (0.03, 0.05)]
    places = [(chart["x"] + u * chart["width"], chart["y"] + v * chart["height"]) for u, v in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()
    wait_until(lambda: widget.value["selection"], "Python did not hear of the lasso")
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
    assert cell.errors == []
    page.evaluate("() => window.unmount()")
