"""Walks every shipped lesson to its end in a real browser, as a student who does what each step says.

``python -m tests.benchmarks.walk_lessons [NAME...]`` prints a line for each step: how long it took, and what came of
the prediction. For each lesson it prints what was computed: processor time of the server with its trainers, and the
time in which runs trained. It fails if a step is complete before anything was done, or is not after it, or if a
lesson computes for more than two minutes on two cores. With LATENT_LAB_PICTURES=DIR it keeps a picture of each step, as
it opens and once it is done.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from dashboard import settings
from dashboard.views.train.config_form import BETAS
from tests.browser.server import Server
from tests.browser.stroke import stroke
from tests.browser.tab import FLAGS, App
from vae.lessons.conditions import Condition
from vae.lessons.files import lessons_in
from vae.lessons.lesson import Lesson, Step
from vae.runs.listing import list_runs
from vae.runs.run import Run

#: Seconds for which a step may take until its condition holds.
PATIENCE = 150
#: Seconds of processor time that a lesson may compute: two minutes on two cores.
MOST = 240.0


def rail(app: App) -> dict[str, str]:
    return app.marks("lesson_rail")


def ready(app: App, number: int) -> None:
    app.until(lambda: rail(app).get("step") == str(number) and "ready" in rail(app), f"step {number}", 40)
    app.idle()


def commit(app: App, step: Step) -> None:
    field = app.part("lesson_rail").locator("input[name=answer]").first
    if step.predict is not None and step.predict.value:
        field.fill("2")
    else:
        field.check()
    app.part("lesson_rail").locator("button[type=submit]").click()
    app.until(lambda: rail(app).get("committed") == "true", "the prediction was not committed")


def act(app: App, step: Step) -> None:
    """Do what the step's condition waits for."""
    assert step.done is not None
    wanted = step.done.names()
    if "training started" in wanted:
        if step.page == "collapse":
            app.page.locator('[class*="st-key-recipe-beta-too-high"] button').first.click()
        else:
            app.button("Train").click()
    if "beta changed" in wanted:
        thumb = app.page.locator(
            '.st-key-card-steering [role="slider"], .st-key-card-steering input[type="range"]'
        )
        thumb.first.focus()
        app.page.keyboard.press("End" if "beta >= 20" in asked(step) else "Home")
        if "beta == 1" in asked(step):
            for _ in range(BETAS.index(1)):
                app.page.keyboard.press("ArrowRight")
    if "remedy tried" in wanted:
        buttons = app.page.locator(".st-key-remedies button")
        app.until(lambda: buttons.count() > 0, "no remedies", 90)
        lower = buttons.filter(has_text="β")
        (lower if lower.count() else buttons).first.click()
    if "point moved" in wanted:
        move(app, step)
    if "slider_kl" in wanted:
        for name, value in (("μ", "0"), ("σ", "1")):
            app.part("kl").get_by_label(name, exact=True).fill(value)
    if "pass" in wanted:
        app.part("pipeline").get_by_label("Reconstruction", exact=True).check(force=True)
    if "image chosen" in wanted:
        choose(app, step)
    if "image drawn" in wanted:
        draw(app, step)
    if "samples drawn" in wanted:
        app.button("Sample again").first.click()
    if "time moved" in wanted:
        app.page.locator('[data-component="time"] input[type=range]').focus()
        app.page.keyboard.press("Home")
    if "class chosen" in wanted:
        app.part("sliders").get_by_text("7", exact=True).first.click()


def move(app: App, step: Step) -> None:
    if step.page == "learn":
        slider = app.part("pipeline").get_by_label("ε of z₁", exact=True)
        slider.focus()
        app.page.keyboard.press("ArrowRight")
        return
    if "nearest" in asked(step):
        return seek_empty_place(app)
    app.ready("sliders")
    app.idle()
    slider = app.part("sliders").get_by_role("slider").first
    if "radius > 3" in asked(step):
        slider.press("End")
    slider.press("ArrowRight")


def asked(step: Step) -> str:
    """The numbers that the step's condition asks for, as ``beta >= 20``."""

    def words(tree: Condition) -> list[str]:
        return [
            *([f"{tree.name} {tree.sign} {tree.value:g}"] if isinstance(tree.value, float) else []),
            *itertools.chain.from_iterable(map(words, tree.parts)),
        ]

    return ", ".join(words(step.done)) if step.done else ""


def seek_empty_place(app: App) -> None:
    """Click into the map where no point is near, and 0 is."""
    app.ready("map")
    app.idle()
    place = app.page.evaluate(
        """() => {
          const { map } = window.__latentLab, { x, y } = map.drawn(), [left, right, low, high] = map.region()
          let best = [0, 0, 0]
          for (let k = 0; k <= 60; k += 1) {
            for (let n = 0; n <= 60; n += 1) {
              const [u, v] = [left + (k / 60) * (right - left), low + (n / 60) * (high - low)]
              if (Math.hypot(u, v) > 1.9) continue
              const free = Math.min(...x.map((one, j) => Math.hypot(one - u, y[j] - v)))
              if (free > best[2]) best = [u, v, free]
            }
          }
          return map.place(best)
        }"""
    )
    app.page.mouse.click(*place)


def choose(app: App, step: Step) -> None:
    if step.page == "learn":
        app.ready("thumbs")
        for place in (3, 1, 2, *range(4, 10)):
            app.part("thumbs").locator("label").nth(place).click()
            app.idle()
            app.pause(0.5)
            if rail(app).get("done") == "true":
                return
    else:
        app.part("truth").locator("input[value='5']").check(force=True)


#: Strokes of what is drawn, from 0 to 1: a 7 with its bar; then more and more of a figure between two digits.
SEVEN = [[(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)], [(0.35, 0.5), (0.7, 0.5)]]
BETWEEN = [
    [(0.25, 0.15), (0.75, 0.15), (0.45, 0.9)],
    [(0.25, 0.15), (0.25, 0.5), (0.7, 0.5)],
    [(0.7, 0.15), (0.7, 0.9)],
    [(0.3, 0.9), (0.75, 0.9)],
    [(0.25, 0.5), (0.25, 0.9)],
    [(0.2, 0.3), (0.8, 0.7)],
]


def draw(app: App, step: Step) -> None:
    app.part("truth").locator('[data-tab="draw"]').click()
    app.until(lambda: app.part("truth").locator(".pad").bounding_box(), "no pad")
    box = app.part("truth").locator(".pad").bounding_box()
    for line in BETWEEN if "gap" in asked(step) else SEVEN:
        stroke(app.page, [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in line])
        app.pause(1.5)
        if rail(app).get("done") == "true":
            return


def processor_time(server: Server) -> float:
    """Seconds that the server, its trainers and what has ended of them have computed."""
    total, tick = 0.0, os.sysconf("SC_CLK_TCK")
    own = [] if server.process is None else [server.process.pid]
    for number in {*own, *server.processes()}:
        with suppress(OSError):
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15])) / tick
    return total


def training_time(server: Server, known: set[str]) -> float:
    """Seconds that runs have trained which were not there before."""
    total = 0.0
    for run in list_runs(server.runs):
        if isinstance(run, Run) and run.id not in known:
            lines = run.metrics_path.read_text().splitlines()
            total += max((json.loads(line).get("seconds") or 0.0 for line in lines), default=0.0)
    return total


def keep_picture(app: App, lesson: Lesson, number: int, when: str) -> None:
    if folder := os.environ.get("LATENT_LAB_PICTURES"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        app.pause(1)
        app.page.screenshot(path=Path(folder) / f"{lesson.name}-{number}-{when}.png")


def walk(app: App, server: Server, lesson: Lesson) -> list[str]:
    """What stuck, a sentence each."""
    stuck = []
    app.open("learn", "lesson_rail", lesson=lesson.name, step=1)
    for number, step in enumerate(lesson.steps, 1):
        began = time.monotonic()
        try:
            ready(app, number)
            if number == 1:
                app.part("lesson_rail").locator("button.open, button.again").first.click()
                ready(app, 1)
                app.until(lambda page=step.page: f"/{page}" in app.page.url, "its page did not open")
                app.idle()
            keep_picture(app, lesson, number, "1-opens")
            if rail(app).get("done") == "true":
                stuck.append(f"{lesson.name} {number}: complete before anything was done")
            if step.predict is not None:
                commit(app, step)
                if step.done is not None and rail(app).get("done") == "true":
                    stuck.append(f"{lesson.name} {number}: complete as soon as it was predicted")
            if step.done is not None and rail(app).get("done") != "true":
                act(app, step)
                app.until(lambda: rail(app).get("done") == "true", "not completed", PATIENCE)
            keep_picture(app, lesson, number, "2-done")
        except BaseException as error:
            stuck.append(
                f"{lesson.name} {number} ({step.title}): {str(error).splitlines()[0]} {app.page.url}"
            )
            app.page.screenshot(path=Path(tempfile.gettempdir()) / f"stuck-{lesson.name}-{number}.png")
        kept: Any = json.loads(app.page.evaluate("localStorage.getItem('latent-lab-lessons')") or "{}")
        answer = kept.get(lesson.name, {}).get("steps", {}).get(str(number), {})
        said = f"{answer.get('came', '')} ({answer.get('right')})" if answer.get("predicted") else ""
        sys.stdout.write(
            f"{lesson.name:24} {number} {time.monotonic() - began:6.1f} s  {step.title}  {said}\n"
        )
        sys.stdout.flush()
        if number < len(lesson.steps):
            app.part("lesson_rail").locator("button.next").click()
    return stuck


def main(names: list[str]) -> None:
    found, _ = lessons_in(settings.lesson_folders()[-1])
    server = Server(Path(tempfile.mkdtemp())).start()
    stuck: list[str] = []
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            for lesson in found:
                if names and lesson.name[:2] not in names:
                    continue
                context = browser.new_context(viewport={"width": 1366, "height": 768})
                context.set_default_timeout(20_000)
                app = App(context, server)
                known, before = {run.id for run in list_runs(server.runs)}, processor_time(server)
                began = time.monotonic()
                stuck += walk(app, server, lesson)
                stuck += [f"{lesson.name}: {error}" for error in app.unexpected()]
                walked = time.monotonic() - began
                server.rest()
                computed, trained = processor_time(server) - before, training_time(server, known)
                sys.stdout.write(
                    f"{lesson.name:24} computed {computed:.0f} s of processor time, trained {trained:.0f} s, walked in "
                    f"{walked:.0f} s\n"
                )
                if computed > MOST:
                    stuck.append(f"{lesson.name}: computed for {computed:.0f} s, more than {MOST:.0f}")
                context.close()
            browser.close()
    finally:
        server.stop()
    sys.stdout.write("\n".join(stuck or ["nothing stuck"]) + "\n")
    sys.exit(bool(stuck))


if __name__ == "__main__":
    main(sys.argv[1:])
