"""The sliders: the image follows the pointer, the keyboard and the typed number, and nothing is asked of the server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from vae.snapshots import load_model

if TYPE_CHECKING:
    from tests.browser.conftest import App, Browse, Server, Shelf, Watch

KINDS = ("shapes-mlp", "shapes-conv", "shapes-mlp-conditional", "shapes-conv-conditional")
CANVAS = '[data-component="image"] canvas'

DECODE = """
  const { run, z, y, num } = argument
  const decoder = module.decoderOf(run, { at: "best", stamp: "a test" })
  await decoder.ready
  if (decoder.source !== "browser") throw new Error(decoder.reason)
  const { data } = await decoder.batch(Float32Array.from(z), y && Float32Array.from(y), num)
  return Array.from(data)
"""


@pytest.fixture(scope="module", autouse=True)
def runs(server: Server, shelf: Shelf) -> Iterator[None]:
    """The runs that these tests explore."""
    for kind in KINDS:
        shelf.put(kind, server, f"explore-{kind}")
    shelf.put("digits", server, "explore-digits")
    yield


@pytest.fixture
def exploring(kept: App, watch: Watch) -> App:
    """A tab on the Explore page of a two-dimensional run, at the prior's mean."""
    app = watch(kept)
    if app.query().get("run") != "explore-digits":
        app.open("explore", "image", "sliders", run="explore-digits")
    else:
        app.page.locator('[data-action="centre"]').click()
    app.until(lambda: app.z() == [0, 0], "the point is not at the centre")
    app.idle()
    return app


def slider(app: App, dim: int) -> Any:
    return app.page.locator(f'.dim[data-dim="{dim}"] input[type=range]')


def value(app: App, dim: int) -> float:
    return float(slider(app, dim).input_value())


def test_decoder_in_the_browser_agrees_with_torch(exploring: App, shelf: Shelf) -> None:
    for kind in KINDS:
        model = load_model(shelf.make(kind), "best")
        generator = torch.Generator().manual_seed(0)
        z = 2 * torch.randn(100, model.config.latent_dim, generator=generator)
        y = torch.rand(100, model.num_conditions, generator=generator) if model.num_conditions else None
        with torch.inference_mode():
            expected = model.decode(z, y).numpy()
        asked = {"run": f"explore-{kind}", "z": z.flatten().tolist(), "num": 100}
        found = exploring.module(
            "/lib/decoder.js", DECODE, {**asked, "y": None if y is None else y.flatten().tolist()}
        )
        difference = np.abs(np.array(found, np.float32).reshape(expected.shape) - expected).max()
        assert difference < 1e-4, f"{kind}: {difference:.2g}"
        assert expected.std(0).max() > 0.01, f"{kind}: the images do not differ"


def test_image_follows_the_pointer_while_dragging_and_the_server_hears_of_the_release(exploring: App) -> None:
    app = exploring
    box = slider(app, 0).bounding_box()
    middle, height = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    app.page.mouse.move(middle, height)
    app.page.mouse.down()
    app.pause(0.3)
    sent, decoded, pictures = app.num_sent, app.number("image", "decoded"), [app.pixels(CANVAS)]
    for k in range(1, 31):
        app.page.mouse.move(middle + 4 * k, height)
        app.pause(0.016)
        if k % 10 == 0:
            pictures.append(app.pixels(CANVAS))
    app.pause(0.3)
    assert app.number("image", "decoded") >= decoded + 15
    assert all(first != second for first, second in pairwise(pictures))
    assert app.num_sent == sent
    assert app.z() == [0, 0]
    app.page.mouse.up()
    app.until(lambda: app.z() != [0, 0], "the address did not change")
    assert app.num_sent > sent
    assert app.z() == pytest.approx([value(app, 0), 0], abs=2e-3)
    assert value(app, 0) > 0.5
    timings = app.page.evaluate("window.__latentLab.timings.slice(-15)")
    assert len(timings) == 15
    assert all(timing["done"] > timing["event"] and timing["source"] == "browser" for timing in timings)


def test_link_shows_the_same_picture_again(exploring: App, browse: Browse, server: Server) -> None:
    app = exploring
    slider(app, 1).focus()
    for _ in range(7):
        app.page.keyboard.press("Shift+ArrowRight" if app.z()[0] else "ArrowLeft")
    app.until(lambda: app.z()[1] != 0, "the address did not change")
    app.idle()
    picture, address = app.pixels(CANVAS), app.page.url
    app.page.reload()
    app.ready("image", "sliders").idle()
    assert app.page.url == address
    assert app.pixels(CANVAS) == picture
    other = browse(server)
    other.page.goto(address)
    other.ready("image").idle()
    assert other.pixels(CANVAS) == picture


def test_sliders_work_by_keyboard(exploring: App) -> None:
    app = exploring
    slider(app, 0).focus()
    low, high = (float(slider(app, 0).get_attribute(end)) for end in ("min", "max"))
    moves = [
        ("ArrowRight", 0.05), ("Shift+ArrowRight", 0.55), ("ArrowLeft", 0.5), ("PageDown", 0.0), ("PageDown", -0.5),
        ("Delete", 0.0), ("Home", low), ("End", high), ("0", 0.0),
    ]  # fmt: skip
    for key, goal in moves:
        decoded = app.number("image", "decoded")
        app.page.keyboard.press(key)
        assert value(app, 0) == pytest.approx(goal, abs=2e-3), key
        app.until(lambda d=decoded: app.number("image", "decoded") > d, f"{key} decoded nothing", 5)
    slider(app, 1).focus()
    app.page.keyboard.press("Shift+ArrowUp")
    app.until(lambda: app.z() == [0, 0.5], "the address did not follow")
    app.page.keyboard.press("r")
    app.until(lambda: 0 not in app.z() and app.z() != [0, 0.5], "no random point")
    app.page.keyboard.press("Tab")
    app.page.keyboard.press("Shift+Tab")
    assert slider(app, 1).evaluate("node => node.matches(':focus-visible')")


def test_number_can_be_typed_and_nonsense_is_put_back(exploring: App) -> None:
    app = exploring
    field = app.page.locator('.dim[data-dim="1"] input.value')
    field.fill("-1.25")
    field.press("Enter")
    app.until(lambda: app.z() == [0, -1.25], "the address did not follow")
    assert value(app, 1) == -1.25
    field.fill("east")
    field.press("Enter")
    app.pause(0.3)
    assert field.input_value() == "−1.25"
    assert app.z() == [0, -1.25]


def test_centre_and_random_move_all_sliders(exploring: App) -> None:
    app = exploring
    app.page.locator('[data-action="random"]').click()
    app.until(lambda: 0 not in app.z(), "no random point")
    assert [value(app, dim) for dim in (0, 1)] == pytest.approx(app.z(), abs=2e-3)
    picture = app.pixels(CANVAS)
    app.page.locator('[data-action="centre"]').click()
    app.until(lambda: app.z() == [0, 0], "no centre")
    assert app.pixels(CANVAS) != picture


def test_class_of_a_conditional_run_changes_the_image_and_the_address(app: App) -> None:
    app.open("explore", "image", "sliders", run="digits-conditional", z="0,0", y=3)
    app.idle()
    picture = app.pixels(CANVAS)
    app.part("sliders").locator("fieldset label", has_text="8").click()
    app.until(lambda: app.query()["y"] == "8", "the address did not follow")
    assert app.pixels(CANVAS) != picture
    assert "class 8" in app.part("image").inner_text()


@pytest.mark.parametrize("missing", ["decoder.onnx", "ort-wasm-simd-threaded.wasm"])
def test_server_decodes_and_the_page_says_so_where_the_browser_cannot(
    app: App, server: Server, missing: str
) -> None:
    refusal = {
        "status": 404,
        "body": json.dumps({"error": "it was left out"}),
        "content_type": "application/json",
    }
    app.page.route(f"**/{missing}*", lambda route: route.fulfill(**refusal))
    app.expect_error(f"404 .*{missing}")
    app.expect_error("wasm|WebAssembly")
    app.open("explore", "image", "sliders", run="explore-digits")
    app.until(lambda: app.marks("image").get("source") == "server", "the server does not decode", 30)
    assert "Decoded on the server, which is slower" in app.part("image").inner_text()
    app.until(lambda: any(app.pixels(CANVAS)), "no image")
    picture = app.pixels(CANVAS)
    slider(app, 0).focus()
    app.page.keyboard.press("End")
    app.until(lambda: app.pixels(CANVAS) != picture, "the image did not follow")
