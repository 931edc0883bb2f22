"""A shared site in Chromium: as a folder behind a plain web server, and as one file from disk."""

from __future__ import annotations

import functools
import http.server
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.browser.server import wait_until
from vae import browser
from vae.browser.share import share
from vae.browser.shared_lesson import find_lesson
from vae.models.vae import VAE
from vae.runs.run import Run
from vae.runs.run_dataset import images_of
from vae.runs.snapshots import load_model

RUN = Path(__file__).resolve().parents[2] / "assets" / "models" / "digits-2d"
LESSON = "08-prior-and-aggregate"
pytestmark = pytest.mark.skipif(not browser.runtime_files(), reason="onnxruntime-web was not built in")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *values: Any) -> None:
        pass


class Site:
    """A page with a site, and what it asked for and complained of."""

    def __init__(self, context: Any, address: str) -> None:
        self.page = context.new_page()
        self.errors: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)
        self.frame = self.page.main_frame

    def root(self, part: str) -> dict[str, str]:
        script = "part => ({...document.querySelector(`.part.${part}`)?.shadowRoot?.querySelector('.ll')?.dataset})"
        found: dict[str, str] = self.frame.evaluate(script, part)
        return found

    def point(self) -> list[float]:
        found: list[float] = self.frame.evaluate("() => [...window.__latentLab.site.point().z]")
        return found

    def saved(self, part: str, kind: str) -> bytes:
        """What a chart of a part is saved as."""
        place = self.frame.locator(f".part.{part}").first
        place.locator(".ll-save-open").first.click()
        with self.page.expect_download() as got:
            place.locator(f"[data-save={kind}]").first.click()
        return Path(got.value.path()).read_bytes()

    def walk(self) -> None:
        """Drag, draw, hover and lasso on the map, generate, go back in time, and read the diagnosis."""
        page, frame = self.page, self.frame
        wait_until(lambda: self.root("image").get("source") == "browser", "the decoder did not come")
        wait_until(lambda: int(self.root("image").get("decoded", 0)) > 0, "no image")
        rail = frame.locator(".part.sliders input[type=range]").first
        box = rail.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2, steps=6)
        page.mouse.up()
        wait_until(lambda: any(abs(value) > 0.5 for value in self.point()), "the slider moved nothing")
        wait_until(
            lambda: "z=" in frame.evaluate("() => location.hash"), "the address does not name the point"
        )

        frame.locator(".part.image_source").get_by_role("tab", name="Draw").click()
        before = self.point()
        pad = frame.locator(".part.image_source canvas.pad, .part.image_source .drawing canvas").first
        box = pad.bounding_box()
        page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.15 * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.85 * box["height"], steps=8)
        page.mouse.up()
        wait_until(lambda: self.root("image_source").get("subject") == "draw", "the drawing was not encoded")
        assert self.point() != before

        frame.locator("button[data-view=map]").click()
        wait_until(lambda: self.root("map").get("ready"), "the map did not come")
        place = frame.locator(".part.map .chart").bounding_box()
        hovered = frame.evaluate("() => window.__latentLab.decoded")
        page.mouse.move(place["x"] + 0.4 * place["width"], place["y"] + 0.5 * place["height"], steps=4)
        assert hovered is not None
        page.keyboard.down("Shift")
        page.mouse.move(place["x"] + 0.3 * place["width"], place["y"] + 0.3 * place["height"])
        page.mouse.down()
        for across, up in ((0.7, 0.3), (0.7, 0.8), (0.3, 0.8), (0.3, 0.32)):
            page.mouse.move(place["x"] + across * place["width"], place["y"] + up * place["height"], steps=3)
        page.mouse.up()
        page.keyboard.up("Shift")
        wait_until(
            lambda: '"lasso":[[' in frame.evaluate("() => decodeURIComponent(location.hash)"), "no lasso"
        )

        frame.locator("button[data-view=generate]").click()
        wait_until(lambda: self.root("generate").get("ready"), "no samples")

        frame.locator(".part.time_machine [data-action=previous]").click()
        wait_until(
            lambda: self.root("generate").get("at", "best") != "best", "the samples do not follow the time"
        )
        frame.locator("button[data-view=diagnosis]").click()
        wait_until(lambda: self.root("diagnosis").get("ready"), "no diagnosis")
        assert self.root("diagnosis")["verdict"]
        assert self.saved("diagnosis [data-chart=bars]", "png").startswith(b"\x89PNG")
        assert self.saved("diagnosis [data-chart=course]", "svg").startswith(b"<svg")
        assert self.errors == []

    def close(self) -> None:
        self.page.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    root = tmp_path_factory.mktemp("shared")
    share([Run.open(RUN)], root / "site", lessons=[find_lesson(LESSON)])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", root
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def model() -> VAE:
    return load_model(Run.open(RUN), "best")


def test_a_folder_behind_a_plain_web_server(served: tuple[str, Path], context: Any, model: VAE) -> None:
    address, _ = served
    site = Site(context, f"{address}/site/index.html")
    site.walk()
    assert all(url.startswith((f"{address}/site/", "blob:", "data:")) for url in site.asked)

    # The same numbers: 20 points decoded, and 20 images encoded.
    points = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    images = images_of(Run.open(RUN))
    x = images.images[images.test[:20]].float() / images.max_value
    found = site.page.evaluate(
        """async ([points, images]) => {
          const { source, place } = window.__latentLab.site
          const stamp = (await (await fetch("site.json")).json()).runs[0].stamp
          const weights = { at: "best", stamp }
          const run = place().run
          const { decoders } = await import("./browser/lib/decoder.js")
          const { encoders } = await import("./browser/lib/encoder.js")
          const decoder = decoders.of(source, run, weights)
          const encoder = encoders.of(source, run, weights)
          const decoded = await decoder.batch(Float32Array.from(points.flat()), null, points.length)
          const means = []
          for (const image of images) means.push([...(await encoder.encode(Float32Array.from(image), null)).mean])
          return { decoded: [...decoded.data], means }
        }""",
        [points.tolist(), x.flatten(1).tolist()],
    )
    with torch.no_grad():
        decoded = model.decode(torch.from_numpy(points)).flatten().numpy()
        mean = model.posterior(x, None)[0].numpy()
    np.testing.assert_allclose(found["decoded"], decoded, atol=1e-4)
    np.testing.assert_allclose(found["means"], mean, atol=1e-4)
    site.close()


def test_inside_a_frame_of_another_page(served: tuple[str, Path], context: Any) -> None:
    address, root = served
    (root / "course.html").write_text(
        "<!doctype html><link rel=icon href=data:,>"
        '<iframe src="site/index.html?embed=1#view=generate" width="900" height="600"></iframe>'
    )
    site = Site(context, f"{address}/course.html")
    wait_until(lambda: len(site.page.frames) > 1, "no frame")
    site.frame = site.page.frames[1]
    wait_until(lambda: site.root("generate").get("ready"), "no samples in the frame")
    assert not site.frame.locator("header.head").is_visible()
    assert site.errors == []
    site.close()


def test_a_shipped_lesson_is_walked_to_its_end(served: tuple[str, Path], context: Any) -> None:
    address, _ = served
    site = Site(context, f"{address}/site/index.html")
    page, rail = site.page, site.page.locator(".lesson")

    told = "() => ({...document.querySelector('.lesson .alive').shadowRoot.querySelector('.ll').dataset})"

    def state(step: int, done: bool, words: str) -> None:
        wait_until(
            lambda: (
                [page.evaluate(told).get(name) for name in ("step", "done")] == [str(step), str(done).lower()]
            ),
            words,
        )

    page.locator("summary", has_text="Lesson").click()
    page.locator(f"button[data-lesson='{LESSON}']").click()
    state(1, False, "the lesson did not open")
    assert "#" in page.url and "view=map" in page.url
    assert (
        rail.locator("math").count() == 2
        and rail.locator("strong").first.inner_text() == "aggregate posterior"
    )
    wait_until(lambda: site.root("map").get("ready"), "the map did not come")
    chart = page.locator(".part.map .chart")
    box = chart.bounding_box()

    def is_empty() -> bool:
        """Click one place after the other until one lies in a hole."""
        across, up = next(places)
        chart.click(position={"x": across * box["width"], "y": up * box["height"]})
        return page.evaluate(told)["done"] == "true"

    places = itertools.cycle(itertools.product((0.25, 0.3, 0.2, 0.7), (0.71, 0.66, 0.76)))
    wait_until(is_empty, "a click into a hole of the map did not complete the step")

    rail.get_by_role("button", name="Next").click()
    state(2, False, "step 2 did not open")
    wait_until(lambda: site.root("generate").get("ready"), "no samples")
    again = page.locator(".part.generate [data-action=again]")
    again.click()
    state(2, True, "new samples did not complete the step")

    rail.get_by_role("button", name="Next").click()
    state(3, False, "step 3 did not open")
    numbers = page.locator(".part.generate p[role=status]")
    wait_until(lambda: "KL(prior" in (numbers.text_content() or ""), "no numbers")
    assert not numbers.is_visible()  # they would give the answer away
    again.click()
    state(3, False, "done before its prediction")
    rail.locator("input[name=answer]").nth(1).check()
    rail.get_by_role("button", name="Commit").click()
    wait_until(numbers.is_visible, "the numbers stay covered")
    again.click()
    state(3, True, "new samples did not complete the step")
    assert rail.get_by_text("Right", exact=True).is_visible()

    rail.get_by_role("button", name="Next").click()
    state(4, False, "step 4 did not open")
    slider = page.locator(".part.sliders input[type=range]").first
    assert float(slider.get_attribute("max") or 0) == 3.0  # the range of the prior
    slider.focus()
    page.keyboard.press("End")
    page.locator(".part.sliders input[type=range]").nth(1).focus()
    page.keyboard.press("End")
    state(4, True, "the slider did not complete the step")

    rail.get_by_role("button", name="Next").click()
    state(5, False, "step 5 did not open")
    page.locator(".part.time_machine [data-action=previous]").click()
    state(5, True, "the time machine did not complete the step")
    assert rail.get_by_text("You have finished this lesson.").is_visible()
    # It is all there again when the page is opened anew, and goes with the lesson.
    page.reload()
    state(5, True, "progress was forgotten")
    rail.get_by_role("button", name="Leave the lesson").first.click()
    wait_until(lambda: "lesson" not in page.url, "the lesson was not left")
    assert not rail.is_visible() and site.errors == []
    site.close()


@pytest.mark.thorough
def test_one_file_from_disk(tmp_path: Path, context: Any) -> None:
    file = tmp_path / "out.html"
    share([Run.open(RUN)], file, single_file=True)
    site = Site(context, file.as_uri())
    site.walk()
    assert all(url.startswith((file.as_uri(), "blob:", "data:")) for url in site.asked)
    site.close()
