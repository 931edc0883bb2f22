"""The sliders: the image follows the pointer, the keyboard and the typed number, and nothing is asked of the server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tests.browser.explorer import CANVAS, centred, slider, value
from tests.support.thorough import few
from vae.latent.embedding import kept_embedding
from vae.runs.run import Run
from vae.runs.snapshots import load_model

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App, Browse, Watch

REPOSITORY = Path(__file__).resolve().parents[2]
KINDS = ("shapes-mlp", "shapes-conv", "shapes-mlp-conditional", "shapes-conv-conditional")

DECODE = """
  const { run, z, y, num } = argument
  const decoder = module.decoderOf(run, { at: "best", stamp: "a test" })
  await decoder.ready
  if (decoder.source !== "browser") throw new Error(decoder.reason)
  const { data } = await decoder.batch(Float32Array.from(z), y && Float32Array.from(y), num)
  return Array.from(data)
"""


ENCODE = """
  const { run, x, y, num } = argument
  const encoder = module.encoderOf(run, { at: "best", stamp: "a test" })
  const found = []
  for (let k = 0; k < num; k += 1) {
    const part = (values) => Float32Array.from(values.slice((k * values.length) / num, ((k + 1) * values.length) / num))
    const { mean, logVar, distortion, rate } = await encoder.encode(part(x), y && part(y))
    found.push([...mean, ...logVar, distortion, rate])
  }
  return found
"""

#: Values of all cells of a strip, row by row.
STRIP = """strip => [...strip.querySelectorAll("canvas")].map((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
  return Array.from({ length: data.length / 4 }, (_, k) => data[4 * k])
})"""


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
    return centred(watch(kept))


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
            "/source/source.js", DECODE, {**asked, "y": None if y is None else y.flatten().tolist()}
        )
        difference = np.abs(np.array(found, np.float32).reshape(expected.shape) - expected).max()
        assert difference < 1e-4, f"{kind}: {difference:.2g}"
        assert expected.std(0).max() > 0.01, f"{kind}: the images do not differ"


def test_encoder_in_the_browser_agrees_with_torch(exploring: App, shelf: Shelf) -> None:
    num = 20
    for kind in KINDS:
        model = load_model(shelf.make(kind), "best")
        generator = torch.Generator().manual_seed(0)
        x = torch.rand(num, 1, 28, 28, generator=generator)
        y = torch.rand(num, model.num_conditions, generator=generator) if model.num_conditions else None
        with torch.inference_mode():
            terms, mean, log_var, _ = model.at_mean(x, y)
        asked = {"run": f"explore-{kind}", "x": x.flatten().tolist(), "num": num}
        found = exploring.module(
            "/source/source.js", ENCODE, {**asked, "y": None if y is None else y.flatten().tolist()}
        )
        *posterior, distortion, rate = np.array(found, np.float32).T
        expected = torch.cat([mean, log_var], 1).numpy()
        assert np.abs(np.array(posterior).T - expected).max() < 1e-4, kind
        np.testing.assert_allclose(distortion, terms.distortion.numpy(), rtol=1e-5, err_msg=kind)
        np.testing.assert_allclose(rate, terms.rate.numpy(), rtol=1e-4, atol=1e-4, err_msg=kind)


def test_image_follows_the_pointer_while_dragging_and_the_server_hears_of_the_release(exploring: App) -> None:
    app = exploring
    app.until(lambda: app.marks("draw").get("gallery"), "the test images did not come")
    box = slider(app, 0).bounding_box()
    middle, height = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    app.page.mouse.move(middle, height)
    app.page.mouse.down()
    app.idle()
    sent, decoded, pictures = app.num_sent, app.number("image", "decoded"), [app.pixels(CANVAS)]
    for k in range(1, 31):
        app.page.mouse.move(middle + 4 * k, height)
        app.frames()
        if k % 10 == 0:
            pictures.append(app.pixels(CANVAS))
    app.until(lambda: app.number("image", "decoded") >= decoded + 15, "the image did not follow")
    app.frames()
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


@pytest.mark.thorough  # the links of test_generate.py and test_paths.py are opened anew, too
def test_link_shows_the_same_picture_again(exploring: App, browse: Browse, server: Server) -> None:
    app = exploring
    slider(app, 1).focus()
    for _ in range(7):
        app.page.keyboard.press("Shift+ArrowRight" if app.z()[0] else "ArrowLeft")
    app.until(lambda: app.z()[1] != 0, "the address did not change")
    app.idle()
    picture, address = app.pixels(CANVAS), app.page.url
    other = browse(server)  # a tab that knows nothing but the link
    other.page.goto(address)
    other.ready("image", "sliders").idle()
    assert other.page.url == address
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
        app.until(lambda d=decoded: app.number("image", "decoded") > d, f"{key} decoded nothing")
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
    told = "z₂ must be a number from −1,000 to 1,000, got east"
    app.until(lambda: told in app.part("sliders").inner_text(), "nothing was told")
    app.idle()
    assert field.input_value() == "−1.25"
    assert app.z() == [0, -1.25]


@pytest.mark.thorough
def test_slider_reaches_as_far_as_the_number_that_was_typed_or_linked(exploring: App) -> None:
    app = exploring
    ends = [slider(app, 1).get_attribute(end) for end in ("min", "max")]
    field = app.page.locator('.dim[data-dim="1"] input.value')
    field.fill("9")
    field.press("Enter")
    app.until(lambda: app.z() == [0, 9], "the address did not follow")
    assert (value(app, 1), slider(app, 1).get_attribute("max")) == (9, "9.000")
    app.idle()
    app.page.reload()
    app.ready("image", "sliders").idle()
    assert value(app, 1) == 9
    slider(app, 1).press("ArrowLeft")
    assert value(app, 1) == pytest.approx(8.95, abs=2e-3)
    app.page.locator('[data-action="centre"]').click()
    assert [slider(app, 1).get_attribute(end) for end in ("min", "max")] == ends
    app.until(lambda: app.z() == [0, 0], "no centre")


def test_centre_and_random_move_all_sliders(exploring: App) -> None:
    app = exploring
    app.page.locator('[data-action="random"]').click()
    app.until(lambda: 0 not in app.z(), "no random point")
    assert [value(app, dim) for dim in (0, 1)] == pytest.approx(app.z(), abs=2e-3)
    picture = app.pixels(CANVAS)
    app.page.locator('[data-action="centre"]').click()
    app.until(lambda: app.z() == [0, 0], "no centre")
    assert app.pixels(CANVAS) != picture


@pytest.mark.parametrize("missing", few(["decoder.onnx", "ort-wasm-simd-threaded.wasm"], 1))
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


# Strips and ranges ---------------------------------------------------------------------------------------------------


def strip(app: App, dim: int) -> Any:
    return app.page.locator(f'.dim[data-dim="{dim}"] .strip')


def decoded(shelf: Shelf, points: list[list[float]]) -> Any:
    """What the best weights make of points, as bytes."""
    with torch.inference_mode():
        images = load_model(shelf.make("digits"), "best").decode(torch.tensor(points))
    return (255 * images.flatten(1).numpy()).clip(0, 255)


def shows(app: App, dim: int, expected: Any) -> bool:
    return bool(np.abs(np.array(strip(app, dim).evaluate(STRIP)) - expected).max() <= 1)


@pytest.mark.thorough
def test_strip_shows_five_steps_with_the_other_dimensions_where_they_are(
    exploring: App, shelf: Shelf
) -> None:
    app = exploring
    low, high = (float(slider(app, 0).get_attribute(end)) for end in ("min", "max"))
    steps = np.linspace(low, high, 5).tolist()
    for other in (0.0, -1.25):
        if other:
            field = app.page.locator('.dim[data-dim="1"] input.value')
            field.fill(str(other))
            field.press("Enter")
        expected = decoded(shelf, [[step, other] for step in steps])
        assert expected.std(0).max() > 10
        app.until(lambda e=expected: shows(app, 0, e), f"the strip does not show z2 = {other}")
    app.idle()
    strip(app, 0).locator("button").nth(3).click()
    app.until(lambda: app.z() == pytest.approx([steps[3], -1.25], abs=2e-3), "no step was taken")
    slider(app, 0).press("1")
    app.until(lambda: app.z() == pytest.approx([steps[0], -1.25], abs=2e-3), "key 1 is not the first step")


@pytest.mark.thorough
def test_range_is_that_of_the_data_and_on_demand_the_prior_s(exploring: App, shelf: Shelf) -> None:
    app = exploring
    found = kept_embedding(shelf.make("digits"))
    assert found is not None
    posterior = torch.distributions.Normal(found.mean.double(), (0.5 * found.log_var.double()).exp())
    for dim in (0, 1):
        ends = [float(slider(app, dim).get_attribute(end)) for end in ("min", "max")]
        shares = [float(posterior.cdf(torch.tensor(end, dtype=torch.float64))[:, dim].mean()) for end in ends]
        assert shares == pytest.approx([0.0005, 0.9995], abs=1e-4)
    app.part("sliders").get_by_text("Prior ±3").click()
    assert [slider(app, 0).get_attribute(end) for end in ("min", "max")] == ["-3.000", "3.000"]
    app.until(lambda: app.query().get("range") == "prior", "the address did not follow")
    app.part("sliders").get_by_text("Data range").click()
    app.until(lambda: app.query().get("range") == "data", "the address did not follow")


@pytest.mark.thorough
def test_class_of_a_conditional_run_changes_the_image_and_can_be_blended_with_another(app: App) -> None:
    app.open("explore", "image", "sliders", run="digits-conditional", z="0.5,-0.5", y=8, range="prior")
    app.idle()
    assert slider(app, 0).get_attribute("max") == "3.000"
    picture = app.pixels(CANVAS)
    app.part("sliders").locator(".classes label", has_text="3").click()
    app.until(lambda: app.query()["y"] == "3", "the address did not follow")
    assert app.pixels(CANVAS) != picture
    assert "class 3" in app.part("image").inner_text()
    app.part("sliders").locator('[data-blend="class"]').select_option("8")
    app.until(lambda: app.query().get("mix") == "8,0.5", "the address did not follow")
    share = app.part("sliders").locator('[data-blend="share"]')
    share.focus()
    for _ in range(10):
        share.press("ArrowLeft")
    app.until(lambda: app.query().get("mix") == "8,0.4", "the share did not follow")
    model = load_model(Run.open(REPOSITORY / "assets" / "models" / "digits-conditional"), "best")
    weights = torch.zeros(1, 10)
    weights[0, 3], weights[0, 8] = 0.6, 0.4
    with torch.inference_mode():
        expected = 255 * model.decode(torch.tensor([[0.5, -0.5]]), weights).flatten().numpy()
    assert np.abs(np.array(app.pixels(CANVAS)) - expected).max() <= 1
    app.page.reload()
    app.ready("image", "sliders").idle()
    assert np.abs(np.array(app.pixels(CANVAS)) - expected).max() <= 1
    assert "3 60 % + 8 40 %" in app.part("image").inner_text()
