"""The time machine: one scrubber moves image, sliders, curves, sheets and the link, and follows a running training."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Error

from tests.browser.mapped import drawn, region
from tests.support.thorough import few
from vae.config.schema import ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import load_dataset
from vae.evaluation.typicality import surprise
from vae.latent.embedding import embed
from vae.runs.metrics import MetricsWriter
from vae.runs.run import Run
from vae.runs.snapshots import cpu_weights, load_model, write_live
from vae.runs.status import Status, this_host

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App, Watch
    from vae.data.dataset import Dataset

CANVAS = '[data-component="image"] canvas'
NUM = 8


@pytest.fixture(scope="module")
def run(server: Server, shelf: Shelf) -> Run:
    """A run with snapshots of its own."""
    train = TrainConfig(epochs=6, batch_size=64, seed=3, device="cpu", num_snapshots=NUM, learning_rate=3e-3)
    config = RunConfig(model=ModelConfig(hidden=(32,)), train=train)
    return shelf.train(server.runs / "timed", config)


@pytest.fixture(scope="module")
def digits(run: Run) -> Dataset:
    """The images of that run."""
    return load_dataset(run.config.data)


@pytest.fixture
def exploring(kept: App, watch: Watch, run: Run) -> App:
    """A tab on the Explore page of that run, at the right end, all decoders loaded."""
    app = watch(kept)
    if not app.page.url.startswith(f"{app.server.url}/explore") or app.query().get("run") != run.id:
        # Speed, and whether it is open, are remembered from whoever had the tab before.
        app.page.goto(f"{app.server.url}/styleguide")
        app.page.evaluate("localStorage.clear()")
        app.open("explore", "image", "sliders", "time", run=run.id)
        app.until(lambda: app.marks("time").get("loaded") == str(NUM), "the decoders were not loaded")
    elif app.marks("time")["step"] != "end":
        press(app, "End")
        app.until(lambda: "at" not in app.query(), "the link kept its step")
    app.until(lambda: app.marks("image").get("at") == "best", "the image is not the best weights'")
    return app


def scrubber(app: App) -> Any:
    return app.page.locator('[data-component="time"] input[type=range]')


def button(app: App, action: str) -> Any:
    return app.page.locator(f'[data-component="time"] [data-action="{action}"]')


def press(app: App, key: str) -> None:
    scrubber(app).focus()
    app.page.keyboard.press(key)


def watch_playing(app: App) -> Callable[[], list[str]]:
    """Says of each change from now on whether it plays: so few snapshots are played faster than a test may look."""
    app.part("time").evaluate(
        """node => {
          const seen = window.__played = []
          const look = () => seen.push(node.dataset.playing)
          new MutationObserver(look).observe(node, { attributeFilter: ["data-playing"] })
        }"""
    )
    return lambda: list(app.page.evaluate("window.__played"))


def play_to_the_end(app: App) -> None:
    played = watch_playing(app)
    button(app, "play").click()
    app.until(lambda: "true" in played(), "it does not play")
    app.until(lambda: played()[-1] == "false", "it does not stop")


def shows(app: App, step: int) -> None:
    app.until(lambda: app.marks("time").get("step") == str(step), f"the scrubber is not at step {step}")
    app.until(lambda: app.marks("image").get("at") == str(step), f"the image is not that of step {step}")


def expected(run: Run, at: Any) -> list[int]:
    with torch.inference_mode():
        image = load_model(run, at).decode(torch.zeros(1, 2))[0, 0]
    return [round(float(value) * 255) for value in image.flatten()]


def is_image_of(app: App, run: Run, at: Any) -> bool:
    found = app.pixels(CANVAS)
    wanted = expected(run, at)
    return len(found) == len(wanted) and max(abs(a - b) for a, b in zip(found, wanted, strict=True)) <= 1


def rates(run: Run, step: int) -> list[float]:
    return list(json.loads((run.snapshot_dir(step) / "snapshot.json").read_text())["rate_per_dim"])


def test_keys_move_image_and_kl_through_the_training_and_the_link_follows(exploring: App, run: Run) -> None:
    app, steps = exploring, run.snapshots()
    order = [int(dim.get_attribute("data-dim")) for dim in app.page.locator(".dim").all()]
    assert is_image_of(app, run, "best")
    before = len(app.addresses)
    press(app, "Home")
    for step in steps[:4]:
        shows(app, step)
        app.until(lambda step=step: is_image_of(app, run, step), f"not the image of step {step}")
        found = [app.page.locator(f'.dim[data-dim="{dim}"] .rate').inner_text() for dim in range(2)]
        assert found == [f"KL\u00a0{rate:.2f}\u00a0nats" for rate in rates(run, step)]
        press(app, "ArrowRight")
    assert not [url for url in app.addresses[before:] if "decoder.onnx" in url], "it was loaded beforehand"
    app.until(lambda: app.query().get("at") == str(steps[4]), "the link did not follow")
    assert [int(dim.get_attribute("data-dim")) for dim in app.page.locator(".dim").all()] == order
    press(app, "End")
    app.until(lambda: "at" not in app.query(), "the link kept its step")
    app.until(lambda: is_image_of(app, run, "best"), "the right end is not the best weights")


def test_dragging_moves_the_image_and_the_server_hears_of_the_release_alone(exploring: App, run: Run) -> None:
    app = exploring
    box = scrubber(app).bounding_box()
    middle = box["y"] + box["height"] / 2
    app.page.mouse.move(box["x"] + box["width"] - 8, middle)
    app.page.mouse.down()
    app.idle()
    seen, sent = [], app.num_sent
    for place in reversed(range(NUM)):
        app.page.mouse.move(box["x"] + 8 + place / NUM * (box["width"] - 16), middle)
        shows(app, run.snapshots()[place])
        seen.append(app.pixels(CANVAS))
    assert all(a != b for a, b in pairwise(seen))
    assert app.num_sent == sent and "at" not in app.query()
    app.page.mouse.up()
    app.until(lambda: app.query().get("at") == "0", "the link did not follow")


def test_playing_shows_every_snapshot_and_rests_at_the_last(exploring: App, run: Run) -> None:
    app, steps = exploring, run.snapshots()
    press(app, "Home")
    app.module(
        "/source/source.js",
        "window.__seen = []; module.timeOf(argument).subscribe(({ step }) => window.__seen.push(step))",
        run.id,
    )
    play_to_the_end(app)
    shows(app, steps[-1])
    seen = app.page.evaluate("window.__seen")
    assert seen == sorted(seen) and len(set(seen)) >= NUM // 2
    app.until(lambda: app.query().get("at") == str(steps[-1]), "the link did not follow")
    played = watch_playing(app)
    press(app, "Space")
    app.until(lambda: "true" in played(), "the space bar does not play")
    press(app, "Space")
    app.until(lambda: played()[-1] == "false", "the space bar does not stop")


def test_strip_shows_the_kl_of_every_dimension_and_a_click_goes_to_its_snapshot(
    exploring: App, run: Run
) -> None:
    app, steps = exploring, run.snapshots()
    button(app, "heat").click()
    strip = app.page.locator('[data-component="time"] .stage canvas')
    assert strip.evaluate("canvas => [canvas.width, canvas.height]") == [NUM, 2]
    last = rates(run, steps[-1])
    red = np.array(app.pixels('[data-component="time"] .stage canvas')).reshape(2, NUM)
    kl = [[rates(run, step)[dim] for step in steps] for dim in np.argsort(last)[::-1]]
    # More KL is darker on the light page: the colours fall as the rates rise.
    for row, values in zip(red, kl, strict=True):
        pairs = [(a, b) for a in range(NUM) for b in range(NUM) if values[a] < values[b]]
        assert all(row[a] >= row[b] for a, b in pairs)
    box = strip.bounding_box()
    app.page.mouse.click(box["x"] + 2.5 / NUM * box["width"], box["y"] + 4)
    shows(app, steps[2])
    button(app, "heat").click()
    app.until(lambda: app.query().get("at") == str(steps[2]), "the link did not follow")


@pytest.mark.thorough
def test_link_opens_at_its_step_and_the_other_pages_stay_there(app: App, run: Run) -> None:
    step = run.snapshots()[3]
    app.open("explore", "image", "time", run=run.id, at=str(step))
    shows(app, step)
    app.until(lambda: is_image_of(app, run, step), "not the image of the link")
    app.click("Train")
    app.ready("curves", "samples", "time")
    assert app.marks("time")["step"] == str(step)
    app.until(lambda: app.query().get("at") == str(step), "the link lost its step")
    app.until(lambda: app.marks("curves").get("cursor") == str(step), "the curves have no cursor")

    line = app.page.locator('[data-cursor="rate"]')
    app.until(line.is_visible, "the cursor is hidden")
    sheet = app.page.locator('[data-sheet="samples"]')
    app.until(lambda: sheet.get_attribute("data-at") == str(step), "the samples are not of that step")
    # A click in a panel goes to the snapshot nearest to it: here the first, at the left edge.
    box = app.page.locator('[data-component="curves"] .nsewdrag').first.bounding_box()
    app.page.mouse.click(box["x"] + 2, box["y"] + box["height"] / 2)
    app.until(lambda: app.marks("time")["step"] == "0", "the click did not move the scrubber")
    app.until(lambda: sheet.get_attribute("data-at") == "0", "the samples did not follow")
    app.until(lambda: app.query().get("at") == "0", "the link did not follow")


@pytest.mark.thorough
def test_map_of_a_link_shows_its_step_in_the_frame_of_the_right_end(
    app: App, run: Run, digits: Dataset
) -> None:
    step = run.snapshots()[1]
    app.open("map", "map", "time", run=run.id)
    frame = region(app)
    # However late the right end's positions come: the page asks for them before it knows its moment.
    held: list[Any] = []
    late = re.compile(r"/latent\?.*at=best")
    app.page.route(late, lambda route: held.append(route))
    app.open("map", "time", run=run.id, at=str(step))
    app.until(lambda: app.marks("time").get("step") == str(step), "the scrubber is not at the link's step")
    app.until(lambda: held, "the right end's positions were not asked for")
    app.page.unroute(late)
    for route in held:
        with suppress(Error):
            route.continue_()
    app.until(lambda: app.marks("map").get("step") == str(step), "the map is not of the link's step")
    expected = embed(load_model(run, step), digits, "test").mean.numpy()
    np.testing.assert_allclose(drawn(app)["x"], expected[:, 0], atol=1e-4)
    assert region(app) == pytest.approx(frame)


@pytest.mark.thorough
def test_posterior_of_an_image_goes_along_through_the_training_and_its_link_shows_the_same(
    exploring: App, run: Run, digits: Dataset
) -> None:
    app = exploring
    image = digits.part("test")[0][4:5].float() / digits.max_value

    def point() -> dict[str, list[float]]:
        body = """
        const { z, sigma } = module.pointOf(argument).point
        return { z: Array.from(z), sigma: Array.from(sigma ?? []) }
        """
        found: dict[str, list[float]] = app.module("/source/source.js", body, run.id)
        return found

    def follows(at: Any) -> None:
        with torch.inference_mode():
            terms, mean, log_var, _ = load_model(run, at).at_mean(image)
        goal = {
            "z": pytest.approx(mean[0].tolist(), abs=1e-3),
            "sigma": pytest.approx((0.5 * log_var[0]).exp().tolist(), abs=1e-3),
        }
        app.until(lambda: point() == goal, f"the point is not of the posterior at {at}")
        cost = pytest.approx(-float(terms.elbo[0]), abs=0.02)
        app.until(lambda: float(app.marks("draw").get("cost", 0)) == cost, f"not the cost at {at}")
        # Nothing is said of how far it lies until that is known of these weights.
        quantiles = surprise(load_model(run, at), digits, "train").quantiles
        above = np.searchsorted(quantiles, -float(terms.elbo[0]))
        ends = {
            0: "simplest",
            1: "simple",
            2: "simple",
            98: "unusual",
            99: "unusual",
            100: "unusual",
            101: "far",
        }
        kind = ends.get(int(above), "like")
        app.until(lambda: app.marks("draw").get("verdict") == kind, f"not judged as {kind} at {at}")
        assert app.part("draw").locator(".verdict").is_visible()

    app.until(lambda: app.marks("draw").get("gallery"), "the test images did not come")
    app.part("draw").locator(".thumb input").nth(4).click()
    app.until(lambda: app.query().get("posterior") == "4", "the address did not follow")
    follows("best")
    press(app, "Home")
    follows(0)
    app.until(lambda: app.query().get("at") == "0", "the link did not follow")
    app.module(
        "/source/source.js",
        "window.__went = new Set(); module.pointOf(argument).subscribe(({ z }) => window.__went.add(z[0]))",
        run.id,
    )
    play_to_the_end(app)
    assert app.page.evaluate("window.__went.size") > 2, "the point stood still while it played"
    follows(run.snapshots()[-1])
    # The link says it, and going on from there it follows too.
    press(app, "Home")
    follows(0)

    def is_told() -> bool:
        return app.query().get("at") == "0" and app.z() == pytest.approx(point()["z"], abs=1e-4)

    app.until(is_told, "the link does not say it")
    app.open("explore", "image", "draw", **app.query())
    follows(0)
    press(app, "End")
    follows("best")


def test_new_snapshot_and_newer_weights_of_a_running_training_appear(
    app: App, run: Run, server: Server
) -> None:
    shutil.copytree(run.path, server.runs / "growing")
    growing = Run.open(server.runs / "growing")
    steps = growing.snapshots()
    status = Status(
        state="running",
        pid=os.getpid(),
        host=this_host(),
        heartbeat=time.time(),
        step=steps[-1],
        epoch=6.0,
        num_steps=999,
        live_step=steps[-1] // 2,
    )
    with growing.lock(), MetricsWriter(growing.metrics_path) as metrics:
        growing.write_status(status)
        app.open("explore", "image", "time", run=growing.id)
        app.until(lambda: app.marks("image").get("at") == "last", "the image does not follow the training")
        newest = f"newest weights · epoch {6 * (steps[-1] // 2) / steps[-1]:.2f}"
        app.until(lambda: newest in app.part("time").inner_text(), "it does not say how new the newest are")
        # What the trainer does when it keeps a snapshot.
        shutil.copytree(growing.snapshot_dir(steps[-1]), growing.snapshot_dir(900))
        metrics.write({"event": "snapshot", "step": 900, "epoch": 7.0, "seconds": 9.0})
        app.until(lambda: app.number("time", "snapshots") == NUM + 1, "the new snapshot did not appear")
        assert app.marks("time")["step"] == "end"
        early = load_model(growing, 0)
        assert not is_image_of(app, growing, 0)
        write_live(growing, cpu_weights(early), 901)
        app.until(lambda: is_image_of(app, growing, 0), "the image did not follow the newest weights")
        press(app, "ArrowLeft")
        shows(app, 900)
        growing.write_status(status.replace(state="finished"))
        press(app, "End")
        app.until(lambda: app.marks("image").get("at") == "best", "the right end is not the best weights")


@pytest.mark.thorough
def test_run_without_snapshots_has_no_foot(app: App) -> None:
    app.open("explore", "image", "sliders", run="digits-conditional")
    app.idle()
    assert not app.marks("time")
    assert app.page.locator(".st-key-foot").count() == 0


@pytest.mark.thorough
def test_foot_is_one_row_unless_it_is_opened_and_stays_as_it_was_left(
    exploring: App, app: App, run: Run
) -> None:
    def height(tab: App) -> float:
        return float(tab.page.locator(".st-key-foot").bounding_box()["height"])

    assert height(exploring) <= 64
    button(exploring, "heat").click()
    exploring.until(lambda: height(exploring) > 90, "it did not open")
    exploring.open("map", "map", "time", run=run.id)
    assert height(exploring) > 90
    button(exploring, "heat").click()
    exploring.until(lambda: height(exploring) <= 64, "it did not close")
    exploring.open("explore", "image", "time", run=run.id)
    assert height(exploring) <= 64
    for width in (390, 820, 1920):
        exploring.page.set_viewport_size({"width": width, "height": 768})
        exploring.until(
            lambda: height(exploring) <= 64, f"{height(exploring)} px high in a window of {width}"
        )
    exploring.page.set_viewport_size({"width": 1366, "height": 768})


@pytest.mark.parametrize("after", few(["when the first is under way", "at once"], 1))
def test_of_two_buttons_pressed_within_a_second_none_is_lost(exploring: App, run: Run, after: str) -> None:
    app, steps = exploring, run.snapshots()
    for first, second, step in (
        ("previous", "previous", steps[-2]),
        ("end", "previous", steps[-1]),
        ("play", "end", None),
    ):
        asked = app.num_reruns
        button(app, first).click()
        if after != "at once" and step is not None:
            app.until(lambda num=asked: app.num_reruns > num, "nobody heard of the first")
        button(app, second).click()
        wanted = None if step is None else str(step)
        app.until(
            lambda wanted=wanted: app.query().get("at") == wanted, f"{first}, {second}: the link lost one"
        )
        app.fetched()
        assert (app.query().get("at"), app.marks("time")["step"]) == (wanted, wanted or "end")


@pytest.mark.thorough
def test_evolution_of_the_map_is_downloaded_as_an_animation_and_as_a_film(app: App, run: Run) -> None:
    app.open("map", "map", run=run.id)
    files = {}
    for kind in ("GIF", "MP4"):
        app.button(f"Evolution as {kind}").click()
        save = app.page.locator(f'[class*="st-key-evolution-save-{kind.lower()}"] button')
        save.wait_for()
        with app.page.expect_download() as download:
            save.click()
        assert download.value.suggested_filename == f"timed-evolution.{kind.lower()}"
        files[kind] = BytesIO(download.value.path().read_bytes())
    with Image.open(files["GIF"]) as picture:
        assert (picture.format, picture.n_frames) == ("GIF", NUM)
    with av.open(files["MP4"]) as film:
        assert sum(1 for _ in film.decode(video=0)) >= NUM
