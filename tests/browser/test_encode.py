"""Images to encode on the Explore page: test images, drawings and pictures, by the encoder in the browser."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from tests.browser.explorer import CANVAS, RUN, centred, draw_line, ellipse, panel, slider, thumb
from vae.evaluation.typicality import surprise
from vae.latent.embedding import kept_embedding
from vae.runs.snapshots import load_model

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App, Browse, Watch


@pytest.fixture(scope="module", autouse=True)
def runs(server: Server, shelf: Shelf) -> Iterator[None]:
    """The runs whose encoders are asked."""
    for kind in ("digits", "shapes-mlp"):
        shelf.put(kind, server, f"explore-{kind}")
    yield


@pytest.fixture
def exploring(kept: App, watch: Watch) -> App:
    """A tab on the Explore page of a two-dimensional run, at the prior's mean."""
    return centred(watch(kept))


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
    assert f"σ\xa0{sigma[0]:.2f}" in app.page.locator('.dim[data-dim="0"] .rate').inner_text()
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
    from vae.data.dataset import load_dataset

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
        app.frames()
    app.until(lambda: app.number("image", "decoded") >= before + 3, "the image did not follow the pen")
    assert app.num_sent == sent
    assert app.z() == [0, 0]
    app.page.mouse.up()
    app.until(lambda: app.z() != [0, 0], "the address did not follow")
    drawn = np.array(app.pixels("canvas.pad"), np.float32).reshape(1, 1, 8, 8) / 255
    run = shelf.make("digits")
    model = load_model(run, "best")
    with torch.inference_mode():
        terms, mean, log_var, _ = model.at_mean(torch.from_numpy(drawn))
    assert app.z() == pytest.approx(mean[0].tolist(), abs=0.05)
    sigma = float((0.5 * log_var[0, 0]).exp())
    assert f"σ\xa0{sigma:.2f}" in app.page.locator('.dim[data-dim="0"] .rate').inner_text()
    cost = -float(terms.elbo[0])
    assert float(app.marks("draw")["cost"]) == pytest.approx(cost, abs=0.2)
    quantiles = surprise(model, load_dataset(run.config.data), "train").quantiles
    share = np.searchsorted(quantiles, cost)
    kind = "far" if share > 100 else "simplest" if share == 0 else "unusual" if share > 97.5 else "like"
    app.until(lambda: app.marks("draw").get("verdict") == kind, f"not judged as {kind}")
    assert "the 1,294 training images" in app.part("draw").locator(".verdict").inner_text()
    # Undo and clear.
    app.part("draw").locator('[data-action="clear"]').click()
    assert not any(app.pixels("canvas.pad"))
    app.until(lambda: "subject" not in app.marks("draw"), "the empty pad is still looked at")
    app.part("draw").locator('[data-action="undo"]').click()
    assert any(app.pixels("canvas.pad"))
    app.until(lambda: app.marks("draw").get("subject") == "draw", "the drawing did not come back")


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
    app.until(lambda: app.query().get("posterior", "drawing") != "drawing", "the click led to no image")
    app.until(lambda: ellipse(app) != [], "the image's posterior is not on the map")
    app.page.get_by_text("Map", exact=True).last.click()
    app.until(lambda: app.query()["map"] == "off", "the address did not follow")
    app.until(lambda: not app.marks("map"), "the map is still there")


@pytest.mark.thorough
def test_link_with_a_drawing_shows_the_same_drawing_and_posterior(
    exploring: App, browse: Browse, server: Server
) -> None:
    app = exploring
    panel(app, "draw")
    app.until(lambda: app.marks("draw").get("encoder") == "browser", "no encoder")
    app.part("draw").locator('[data-action="centring"]').check()
    rng = np.random.default_rng(0)
    for _ in range(4):
        draw_line(app, [tuple(place) for place in rng.uniform(0.1, 0.9, (12, 2))])
    app.until(lambda: len(app.query().get("drawing", "")) > 100, "no drawing")
    app.idle()
    drawn, cost, place, mean = app.pixels("canvas.pad"), app.marks("draw")["cost"], ellipse(app), app.z()
    # A draw of the posterior is still known for one.
    app.part("draw").locator('[data-action="sample"]').click()
    app.until(lambda: app.z() != mean, "nothing was drawn")
    assert app.query()["posterior"] == "drawing"
    app.idle()
    other = browse(server)
    other.page.goto(app.page.url)
    other.ready("image", "sliders", "draw", "map")
    other.until(lambda: ellipse(other) == place, "the posterior is elsewhere")
    assert other.pixels("canvas.pad") == drawn
    assert other.marks("draw")["cost"] == cost
    assert other.z() == app.z()
    other.idle()
    assert other.page.url == app.page.url
    # A link that names no point takes that of the drawing; without the map, nothing of it is fetched.
    other.addresses.clear()
    other.open("explore", "image", run=RUN, panel="draw", drawing=app.query()["drawing"], map="off")
    other.until(lambda: other.z() == pytest.approx(mean, abs=1e-3), "the drawing's point was not taken")
    assert not [address for address in other.addresses if "/map/" in address or "/embedding" in address]
    app.part("draw").locator('[data-action="clear"]').click()
    app.until(lambda: "drawing" not in app.query(), "the empty pad is still in the link")


@pytest.mark.thorough
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
    assert "at most 20 MB, got 21 MB" in app.module("/image_source/photo.js", large)
    files = [paper("PNG"), paper("GIF"), paper("JPEG", progressive=True)]
    files += [paper("WEBP"), paper("WEBP", lossless=True), b""]
    found = app.module(
        "/image_source/photo.js",
        "return argument.map((file) => module.sizeOf(Uint8Array.from(file)))",
        [list(content) for content in files],
    )
    assert found == [{"width": 300, "height": 200}] * 5 + [None]


@pytest.mark.thorough
def test_missing_test_images_are_told_and_can_still_be_chosen(app: App) -> None:
    app.expect_error("404 .*/(originals|surprise)")
    app.open("explore", "image", "sliders", "draw", run="mnist-conditional", y=3)
    app.until(lambda: app.marks("draw").get("gallery"), "the test images did not come")
    said = "Reconstructions: the originals are not here."
    app.until(lambda: said in app.part("draw").inner_text(), "the missing images were not told")
    picture = app.pixels(".thumb canvas")
    assert max(picture) > 150
    thumb(app, 0).click()
    app.until(lambda: app.query().get("posterior") == "0", "the address did not follow")
    assert app.query()["y"] == "7"
    assert "no comparison with the data" in app.part("draw").inner_text()
    assert not math.isnan(sum(app.z()))
    assert np.abs(np.array(app.pixels(CANVAS)) - np.array(picture)).max() <= 1
