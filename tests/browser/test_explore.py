"""The sliders: the image follows the pointer, the keyboard and the typed number, and nothing is asked of the server."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from vae.latent import kept_embedding
from vae.runs import Run
from vae.snapshots import load_model
from vae.surprise import surprise, terms_at_mean

if TYPE_CHECKING:
    from tests.browser.conftest import App, Browse, Server, Shelf, Watch

REPOSITORY = Path(__file__).resolve().parents[2]
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


def test_encoder_in_the_browser_agrees_with_torch(exploring: App, shelf: Shelf) -> None:
    num = 20
    for kind in KINDS:
        model = load_model(shelf.make(kind), "best")
        generator = torch.Generator().manual_seed(0)
        x = torch.rand(num, 1, 28, 28, generator=generator)
        y = torch.rand(num, model.num_conditions, generator=generator) if model.num_conditions else None
        with torch.inference_mode():
            terms, mean, log_var, _ = terms_at_mean(model, x, y)
        asked = {"run": f"explore-{kind}", "x": x.flatten().tolist(), "num": num}
        found = exploring.module(
            "/lib/encoder.js", ENCODE, {**asked, "y": None if y is None else y.flatten().tolist()}
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
    assert "z₂ must be a number from −1,000 to 1,000, got east" in app.part("sliders").inner_text()


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
        app.until(lambda e=expected: shows(app, 0, e), f"the strip does not show z2 = {other}", 5)
    app.idle()
    strip(app, 0).locator("button").nth(3).click()
    app.until(lambda: app.z() == pytest.approx([steps[3], -1.25], abs=2e-3), "no step was taken")
    slider(app, 0).press("1")
    app.until(lambda: app.z() == pytest.approx([steps[0], -1.25], abs=2e-3), "key 1 is not the first step")


def test_range_is_that_of_the_data_and_on_demand_the_prior_s(exploring: App, shelf: Shelf) -> None:
    app = exploring
    found = kept_embedding(shelf.make("digits"))
    assert found is not None
    posterior = torch.distributions.Normal(found.mean.double(), (0.5 * found.log_var.double()).exp())
    for dim in (0, 1):
        ends = [float(slider(app, dim).get_attribute(end)) for end in ("min", "max")]
        shares = [float(posterior.cdf(torch.tensor(end, dtype=torch.float64))[:, dim].mean()) for end in ends]
        assert shares == pytest.approx([0.0005, 0.9995], abs=1e-4)
    app.part("sliders").get_by_text("±3 of the prior").click()
    assert [slider(app, 0).get_attribute(end) for end in ("min", "max")] == ["-3.000", "3.000"]
    app.until(lambda: app.query().get("range") == "prior", "the address did not follow")
    app.part("sliders").get_by_text("Range of the data").click()
    app.until(lambda: app.query().get("range") == "data", "the address did not follow")


# Images to encode ----------------------------------------------------------------------------------------------------


def thumb(app: App, place: int) -> Any:
    return app.part("draw").locator(".thumb input").nth(place)


def panel(app: App, name: str) -> None:
    app.part("draw").locator(f'.tab[data-tab="{name}"]').click()
    app.until(lambda: app.query().get("panel") == name, "the panel did not open")
    app.until(lambda: app.marks("draw").get("tab") == name, "the panel did not open")


def test_posterior_of_a_test_image_goes_to_the_sliders_with_its_width(exploring: App, shelf: Shelf) -> None:
    app = exploring
    found = kept_embedding(shelf.make("digits"))
    assert found is not None
    panel(app, "test")
    app.until(lambda: app.marks("draw").get("gallery"), "the test images did not come")
    thumb(app, 4).click()
    app.until(lambda: app.query().get("posterior") == "4", "the address did not follow")
    mean, sigma = found.mean[4].tolist(), (0.5 * found.log_var[4]).exp().tolist()
    assert app.z() == pytest.approx(mean, abs=1e-4)
    assert f"σ {sigma[0]:.2f}" in app.page.locator('.dim[data-dim="0"] .rate').inner_text()
    app.until(lambda: app.marks("draw").get("subject") == "4", "the image was not looked at")
    bound = app.page.locator('.dim[data-dim="1"] .band').bounding_box()
    track = app.page.locator('.dim[data-dim="1"] .bands').bounding_box()
    low, high = (float(slider(app, 1).get_attribute(end)) for end in ("min", "max"))
    left = low + (bound["x"] - track["x"]) / track["width"] * (high - low)
    right = left + bound["width"] / track["width"] * (high - low)
    assert (left, right) == pytest.approx((mean[1] - sigma[1], mean[1] + sigma[1]), abs=0.03)
    # The link shows it again; a drawn z lies in the posterior; the keyboard chooses too; and the sliders leave it.
    app.page.reload()
    app.ready("image", "sliders", "draw").idle()
    app.until(lambda: app.marks("sliders").get("band") == "true", "the posterior was lost")
    app.until(lambda: app.marks("draw").get("subject") == "4", "the image was not looked at")
    app.part("draw").locator('[data-action="sample"]').click()
    app.until(lambda: app.z() != pytest.approx(mean, abs=1e-4), "nothing was drawn")
    assert all(abs(z - m) < 6 * s for z, m, s in zip(app.z(), mean, sigma, strict=True))
    assert app.query()["posterior"] == "4"
    thumb(app, 4).focus()
    app.page.keyboard.press("ArrowRight")
    app.until(lambda: app.query().get("posterior") == "5", "the keyboard chose nothing")
    slider(app, 0).press("ArrowRight")
    app.until(lambda: "posterior" not in app.query(), "the point is still said to be an image's")
    assert app.marks("sliders")["band"] == "false"


def test_test_images_can_be_chosen_by_class_and_number(exploring: App, shelf: Shelf) -> None:
    app = exploring
    found = kept_embedding(shelf.make("digits"))
    assert found is not None and found.labels is not None
    panel(app, "test")
    app.until(lambda: app.marks("draw").get("gallery"), "the test images did not come")
    app.part("draw").locator("select").select_option("7")
    sevens = (found.labels == 7).nonzero().flatten().tolist()
    gallery = app.part("draw").locator(".gallery")
    app.until(lambda: gallery.get_attribute("data-page") == ",".join(map(str, sevens[:24])), "not the sevens")
    gallery.locator('[data-action="next"]').click()
    app.until(lambda: gallery.get_attribute("data-page").startswith(f"{sevens[24]},"), "no next page")
    field = gallery.get_by_label("Number of a test image")
    field.fill("100")
    field.press("Enter")
    app.until(lambda: app.query().get("posterior") == "100", "number 100 was not chosen")
    assert app.z() == pytest.approx(found.mean[100].tolist(), abs=1e-4)
    field.fill("67216")
    field.press("Enter")
    num = len(found.mean)
    assert f"have the numbers 0 to {num - 1} on every page, got 67216" in gallery.inner_text()
    assert field.input_value() == "100"


def test_drawing_moves_the_point_live_and_is_judged_by_the_library_s_numbers(
    exploring: App, shelf: Shelf
) -> None:
    from vae.data import load

    app = exploring
    panel(app, "draw")
    app.until(lambda: app.marks("draw").get("encoder") == "browser", "no encoder")
    app.idle()
    pad = app.page.locator("canvas.pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    sent, before = app.num_sent, app.number("image", "decoded")
    places = [(0.3, 0.2), (0.7, 0.2), (0.5, 0.5), (0.4, 0.9)]
    for number, (x, y) in enumerate(places):
        app.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=5)
        if not number:
            app.page.mouse.down()
        app.pause(0.05)
    app.until(lambda: app.number("image", "decoded") >= before + 3, "the image did not follow the pen")
    assert app.num_sent == sent
    assert app.z() == [0, 0]
    app.page.mouse.up()
    app.until(lambda: app.z() != [0, 0], "the address did not follow")
    drawn = np.array(app.pixels("canvas.pad"), np.float32).reshape(1, 1, 8, 8) / 255
    run = shelf.make("digits")
    model = load_model(run, "best")
    with torch.inference_mode():
        terms, mean, log_var, _ = terms_at_mean(model, torch.from_numpy(drawn))
    assert app.z() == pytest.approx(mean[0].tolist(), abs=0.05)
    sigma = float((0.5 * log_var[0, 0]).exp())
    assert f"σ {sigma:.2f}" in app.page.locator('.dim[data-dim="0"] .rate').inner_text()
    cost = -float(terms.elbo[0])
    assert float(app.marks("draw")["cost"]) == pytest.approx(cost, abs=0.2)
    quantiles = surprise(model, load(run.config.data)).quantiles
    share = np.searchsorted(quantiles, cost)
    kind = "far" if share > 100 else "simplest" if share == 0 else "unusual" if share > 97.5 else "like"
    app.until(lambda: app.marks("draw").get("verdict") == kind, f"not judged as {kind}")
    assert "test images" in app.part("draw").locator(".verdict").inner_text()
    # Undo and clear.
    app.part("draw").locator('[data-action="clear"]').click()
    assert not any(app.pixels("canvas.pad"))
    app.until(lambda: "subject" not in app.marks("draw"), "the empty pad is still looked at")
    app.part("draw").locator('[data-action="undo"]').click()
    assert any(app.pixels("canvas.pad"))
    app.until(lambda: app.marks("draw").get("subject") == "draw", "the drawing did not come back")


def ellipse(app: App) -> list[float]:
    """Where the middle of the posterior is drawn on the map."""
    return [float(value) for value in app.marks("map").get("ellipse", "").split(",") if value]


def draw_line(app: App, places: list[tuple[float, float]], between: Any = lambda: None) -> None:
    """Draw on the pad, doing something before the pen is lifted."""
    pad = app.page.locator("canvas.pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    for number, (x, y) in enumerate(places):
        app.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=5)
        if not number:
            app.page.mouse.down()
    between()
    app.page.mouse.up()


def test_posterior_of_a_drawing_moves_on_the_map_while_it_is_drawn(app: App, shelf: Shelf) -> None:
    app.open("explore", "image", "map", run="explore-shapes-mlp", panel="draw")
    app.until(lambda: app.marks("draw").get("encoder") == "browser", "no encoder")
    assert app.query()["map"] == "on"
    assert app.number("map", "points") == shelf.make("shapes-mlp").info.num_test
    assert ellipse(app) == []
    for hidden in (".legend button", '[data-action="lasso"]', "select", ".layers"):
        assert not app.part("map").locator(hidden).locator("visible=true").count()
    app.idle()
    sent = app.num_sent

    def while_drawing() -> None:
        first = app.until(lambda: ellipse(app), "there is no posterior on the map")
        draw_more = app.page.locator("canvas.pad").bounding_box()
        app.page.mouse.move(draw_more["x"] + 10, draw_more["y"] + 0.9 * draw_more["height"], steps=5)
        app.until(lambda: ellipse(app) != first, "the posterior did not move")
        assert app.num_sent == sent

    draw_line(app, [(0.2, 0.2), (0.8, 0.2), (0.5, 0.5)], while_drawing)
    app.until(lambda: "drawing" in app.query(), "the drawing is not in the link")
    app.idle()
    # The sliders leave it: the point is no posterior's any more.
    slider(app, 0).press("ArrowRight")
    app.until(lambda: ellipse(app) == [], "the posterior is still on the map")
    # A click on an image of the map goes to its posterior; switched off, the map is gone and the link says so.
    chart = app.part("map").locator(".chart")
    chart.scroll_into_view_if_needed()
    x, y = app.page.evaluate(
        "window.__latentLab.map.place([window.__latentLab.map.at().x[0], window.__latentLab.map.at().y[0]])"
    )
    app.page.mouse.click(x, y)
    app.until(lambda: "posterior" in app.query(), "the click led to no image")
    app.until(lambda: ellipse(app) != [], "the image's posterior is not on the map")
    app.page.get_by_text("Map", exact=True).last.click()
    app.until(lambda: app.query()["map"] == "off", "the address did not follow")
    app.until(lambda: not app.marks("map"), "the map is still there")
    app.addresses.clear()
    app.page.reload()
    app.ready("image", "draw").idle()
    assert not [address for address in app.addresses if "/map/" in address or "/embedding" in address]


def test_link_with_a_drawing_shows_the_same_drawing_and_posterior(
    exploring: App, browse: Browse, server: Server
) -> None:
    app = exploring
    panel(app, "draw")
    app.until(lambda: app.marks("draw").get("encoder") == "browser", "no encoder")
    app.part("draw").locator('[data-action="centring"]').check()
    rng = np.random.default_rng(0)
    for _ in range(12):
        draw_line(app, [tuple(place) for place in rng.uniform(0.1, 0.9, (12, 2))])
    app.idle()
    app.until(
        lambda: app.query().get("drawing") == app.page.evaluate("location.href.match(/drawing=([^&]*)/)[1]"),
        "no drawing",
    )
    assert 100 < len(app.query()["drawing"]) <= 1500
    drawn, cost, place = app.pixels("canvas.pad"), app.marks("draw")["cost"], ellipse(app)
    other = browse(server)
    other.page.goto(app.page.url)
    other.ready("image", "sliders", "draw", "map")
    other.until(lambda: ellipse(other) == place, "the posterior is elsewhere")
    assert other.pixels("canvas.pad") == drawn
    assert other.marks("draw")["cost"] == cost
    other.idle()
    assert other.page.url == app.page.url
    # A draw of the posterior is still known for one.
    app.part("draw").locator('[data-action="sample"]').click()
    app.until(lambda: app.z() != other.z(), "nothing was drawn")
    assert app.query()["posterior"] == "drawing"
    other.page.goto(app.page.url)
    other.ready("image", "sliders", "draw", "map")
    other.until(lambda: ellipse(other) == place, "the posterior of the draw is lost")
    assert other.z() == app.z()
    # A link that names no point takes that of the drawing; one to another run forgets the drawing.
    app.part("draw").locator('[data-action="mean"]').click()
    app.until(lambda: app.z() != other.z(), "the mean was not taken")
    z = app.z()
    other.open("explore", "image", run="explore-digits", panel="draw", drawing=app.query()["drawing"])
    other.until(lambda: other.z() == pytest.approx(z, abs=1e-3), "the drawing's point was not taken")
    app.part("draw").locator('[data-action="clear"]').click()
    app.until(lambda: "drawing" not in app.query(), "the empty pad is still in the link")


def test_drawing_of_a_link_that_is_none_is_told(app: App) -> None:
    app.open("explore", "image", run="explore-digits", panel="draw", drawing="<b>", map="yes")
    said = app.until(lambda: len(app.alerts()) == 2 and app.alerts(), "two things were to be told")
    words = (
        "The link's drawing must be a drawing as this page writes it, of at most 1,500 characters, got '<b>'"
    )
    assert any(words in sentence for sentence in said)
    assert any("The link's map must be one of on, off, got 'yes'" in sentence for sentence in said)
    app.idle()
    assert "drawing" not in app.query()
    assert not any(app.pixels("canvas.pad"))


def paper(kind: str, **options: Any) -> bytes:
    """A photograph of a 1 on bright paper, as a file."""
    picture = Image.new("RGB", (300, 200), (230, 225, 210))
    ImageDraw.Draw(picture).line([(150, 40), (150, 160)], (30, 30, 60), 40)
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def test_picture_of_ones_own_is_encoded_in_the_page_and_others_are_refused(exploring: App) -> None:
    app = exploring
    panel(app, "picture")
    app.until(lambda: app.marks("draw").get("encoder") == "browser", "no encoder")
    file = app.part("draw").locator("input[type=file]")
    app.idle()
    file.set_input_files({"name": "one.jpg", "mimeType": "image/jpeg", "buffer": paper("JPEG")})
    app.until(lambda: app.marks("draw").get("subject") == "picture", "the picture was not looked at")
    app.until(lambda: app.z() != [0, 0], "the address did not follow")
    assert "The background is bright" in app.part("draw").inner_text()
    seen = np.array(app.pixels('[data-picture="input"]')).reshape(8, 8)
    assert seen[4, 3:5].max() > 100 > 80 > seen[:, [0, 1, 6, 7]].max()
    z = app.z()
    refused = [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "must be a PNG, JPEG, WebP or GIF"),
        (
            paper("PNG")[:16] + (60_000).to_bytes(4, "big") * 2 + paper("PNG")[24:],
            "at most 50 million pixels",
        ),
        (paper("PNG")[:200], "damaged"),
    ]
    for content, words in refused:
        file.set_input_files({"name": "x.png", "mimeType": "image/png", "buffer": content})
        app.until(lambda w=words: w in app.part("draw").inner_text(), f"nothing was said of {words}")
    assert app.z() == z
    large = "try { await module.read(new Blob([new Uint8Array(21 * 2 ** 20)])) } catch (error) { return error.message }"
    assert "at most 20 MB, got 21 MB" in app.module("/draw/photo.js", large)
    files = [paper("PNG"), paper("GIF"), paper("JPEG", progressive=True)]
    files += [paper("WEBP"), paper("WEBP", lossless=True), b""]
    found = app.module(
        "/draw/photo.js",
        "return argument.map((file) => module.sizeOf(Uint8Array.from(file)))",
        [list(content) for content in files],
    )
    assert found == [{"width": 300, "height": 200}] * 5 + [None]


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


def test_missing_test_images_are_told_and_can_still_be_chosen(app: App) -> None:
    app.expect_error("404 .*/(originals|surprise)")
    app.open("explore", "image", "sliders", "draw", run="mnist-conditional", y=3)
    app.until(lambda: app.marks("draw").get("gallery"), "the test images did not come")
    said = "These are reconstructions, for the test images are not on this machine"
    app.until(lambda: said in app.part("draw").inner_text(), "the missing images were not told")
    picture = app.pixels(".thumb canvas")
    assert max(picture) > 150
    thumb(app, 0).click()
    app.until(lambda: app.query().get("posterior") == "0", "the address did not follow")
    assert app.query()["y"] == "7"
    assert "how far it lies from the others are unknown" in app.part("draw").inner_text()
    assert not math.isnan(sum(app.z()))
    assert np.abs(np.array(app.pixels(CANVAS)) - np.array(picture)).max() <= 1
