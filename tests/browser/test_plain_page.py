"""The browser library without Streamlit: sliders, image and map on a plain page, with files as their source."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboard.cache import latents, models
from dashboard.components import image as image_face
from dashboard.components import map as map_face
from dashboard.components import sliders as sliders_face
from tests.browser.server import wait_until
from vae import browser
from vae.browser import packed_arrays
from vae.data.dataset import Dataset
from vae.latent.embedding import embed
from vae.runs.run import Run
from vae.runs.snapshots import load_model

PAGE = Path(__file__).resolve().parents[1] / "js" / "page.html"


class Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}

    def log_message(self, format: str, *values: Any) -> None:
        pass


def states(run: Run, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the dashboard would pass to the three parts: plain JSON."""
    found: dict[str, Any] = {}

    def keep(name: str) -> Any:
        def component(*, data: dict[str, Any], **_: Any) -> dict[str, Any]:
            found[name] = data
            return {}

        return component

    for name, face in (("sliders", sliders_face), ("image", image_face), ("map", map_face)):
        monkeypatch.setattr(face, "_COMPONENT", keep(name))
    monkeypatch.setattr(map_face, "told", lambda *asked: None)
    info, dim = run.info, run.config.model.latent_dim
    shape = (info.channels, info.height, info.width)
    z = [0.0] * dim
    dims = [sliders_face.Dim(index) for index in range(dim)]
    sliders_face.sliders(run.id, dims, z=z, shape=shape, stamp="s", full=True, key="k")
    image_face.image(run.id, z=z, shape=shape, stamp="s", key="k")
    plane = latents.plane(run, "best") if dim > 2 else None
    shown = (
        None
        if plane is None
        else map_face.Plane(plane.mean.tolist(), plane.components.tolist(), plane.explained)
    )
    names = info.class_names
    map_face.latent_map(
        run.id,
        latent_dim=dim,
        z=z,
        classes=names,
        shape=shape,
        plane=shown,
        num=info.num_test,
        stamp="s",
        key="k",
    )
    return found


@pytest.fixture
def site(trained_run: Run, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    run = trained_run
    shutil.copytree(browser.FOLDER, tmp_path / "vae" / "browser")
    shutil.copy(PAGE, tmp_path / "page.html")
    best = tmp_path / "runs" / run.id / "best"
    best.mkdir(parents=True)
    (best.parent / "snapshots").write_text(json.dumps({"state": "finished", "snapshots": []}))
    (best / "decoder.onnx").write_bytes(models.onnx(run, "best", "decoder"))
    found = embed(load_model(run, "best"), digits, "test")
    assert found.labels is not None
    arrays = {"mean": found.mean.numpy(), "labels": found.labels.numpy(), "index": found.index.numpy()}
    types = {"mean": np.float32, "labels": np.int16, "index": np.int32}
    packed = packed_arrays.pack({name: values.astype(types[name]) for name, values in arrays.items()})
    (best / "latent-test").write_bytes(packed)
    pixels = {"images": digits.images[digits.test].numpy(), "index": arrays["index"].astype(np.int32)}
    (best.parent / "originals-test").write_bytes(packed_arrays.pack(pixels, max_value=digits.max_value))
    (tmp_path / "states.json").write_text(json.dumps(states(run, monkeypatch)))
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/page.html"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.skipif(not browser.runtime_files(), reason="onnxruntime-web was not built in")
def test_sliders_image_and_map_follow_each_other_on_a_plain_page(
    site: str, context: Any, trained_run: Run
) -> None:
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("response", lambda answer: errors.append(answer.url) if answer.status >= 400 else None)
    page.goto(site)

    def marks(name: str) -> dict[str, str]:
        found: dict[str, str] = page.evaluate(
            "name => ({...document.getElementById(name).shadowRoot?.querySelector('.ll')?.dataset})", name
        )
        return found

    def told(name: str) -> list[Any]:
        return page.evaluate(
            "name => window.told.filter(([part, what]) => part === name && what === 'point')", name
        )  # type: ignore[no-any-return]

    wait_until(lambda: marks("image").get("source") == "browser", "the decoder did not come")
    wait_until(lambda: marks("map").get("ready"), "the map did not come")
    assert marks("map")["points"] == str(trained_run.info.num_test)

    # Drag the first slider: the image follows while the hand is down, the host hears of it on release.
    before = int(marks("image")["decoded"])
    rail = page.locator("#sliders input[type=range]").first
    box = rail.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(box["x"] + box["width"] * (0.5 + 0.08 * step), y)
    wait_until(lambda: int(marks("image")["decoded"]) >= before + 3, "the image does not follow the slider")
    assert told("sliders") == []
    page.mouse.up()
    wait_until(lambda: len(told("sliders")) == 1, "the host did not hear of the release")
    z = told("sliders")[0][2]["z"]
    assert z[0] > 0.5 and z[1:] == [0.0] * (len(z) - 1)

    # A click on the map moves the point, and the sliders with it.
    place = page.locator("#map .chart").bounding_box()
    page.mouse.click(place["x"] + 0.3 * place["width"], place["y"] + 0.4 * place["height"])
    wait_until(lambda: len(told("map")) == 1, "the host did not hear of the click")
    wanted = told("map")[0][2]["z"]
    assert wanted != z
    value = page.evaluate(
        "() => Number(document.getElementById('sliders').shadowRoot.querySelector('input[type=range]').value)"
    )
    assert value == pytest.approx(wanted[0], abs=2e-3)

    # Dragging the map moves its view, and tells the host.
    page.mouse.move(place["x"] + 0.5 * place["width"], place["y"] + 0.5 * place["height"])
    page.mouse.down()
    page.mouse.move(place["x"] + 0.6 * place["width"], place["y"] + 0.55 * place["height"], steps=4)
    page.mouse.up()
    assert page.locator("#map [data-action=reset-view]").is_visible()
    wait_until(
        lambda: page.evaluate("() => window.told.some(([part, what]) => part === 'map' && what === 'view')"),
        "the host did not hear where the map was dragged",
    )
    assert errors == []
    page.close()


@pytest.mark.skipif(not browser.runtime_files(), reason="onnxruntime-web was not built in")
def test_a_part_that_dies_says_so_in_its_own_place(site: str, context: Any) -> None:
    page = context.new_page()
    broken = page.goto(site.replace("page.html", "states.json")).json()
    broken["sliders"]["dims"] = None
    page.route("**/states.json", lambda route: route.fulfill(json=broken))
    page.goto(site)
    said = page.locator("#sliders [role=alert]")
    said.wait_for()
    assert said.text_content() == (
        "Something went wrong in this part of the page. Your runs are safe. Reload the page; details are in the "
        "browser's console."
    )
    page.locator("#image .ll[data-ready]").wait_for()
    assert page.locator("[role=alert]").count() == 1
    # What fails later, where nobody waits for it, is heard too: here a decoder that brings something else than pixels.
    page.evaluate(
        """async () => {
          const { decoders } = await import("/vae/browser/lib/decoder.js")
          const { Decoder } = await import("/vae/browser/lib/decoder.js")
          Decoder.prototype.request = () => { throw new Error("broken on purpose") }
          const { mount } = await import("/vae/browser/image/image.js")
          return [decoders, mount].length
        }"""
    )
    page.locator("#map .chart").hover()
    page.locator("#map [role=alert]").wait_for()
    assert page.locator("[role=alert]").count() == 2
    page.close()
