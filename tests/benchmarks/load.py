"""The server under load: tabs of one browser on live runs, further streams and sessions, and what a new visitor waits.

    python tests/benchmarks/load.py [--tabs 30] [--streams 100] [--sessions 20] [--rounds 10]

Tabs are of one Chromium window, spread over the pages of runs that are at work: one of them is looked at, the others
are hidden. Streams and sessions are read by a process of its own (`load_clients.py`): Chromium shares the machine with
the server here and does not elsewhere, and is not what is to be measured. In each round a visitor with an empty cache
opens all eight pages, another one of them first; what such a visitor waits before anybody else is there stands beside,
and so does what an app of Streamlit's with one line takes at that moment, which is the least that any page can take.
Explore can be used when its image follows the sliders; when the decoder is in the page as well stands at the end.

Prints for each round how long the pages take until they can be used, and the server's memory; at the end the trainer's
steps per second of its own processor time with these viewers over those without, and whose processor time it all was.
Needs Chromium (on the PATH or in LATENT_LAB_CHROMIUM) and Linux; start it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import psutil
from playwright.sync_api import sync_playwright

from tests.browser.live import live_runs
from tests.browser.server import Server, free_port, wait_until
from tests.browser.shelf import Shelf
from tests.browser.tab import FLAGS, App
from vae.config.schema import ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import load_dataset
from vae.runs.run import Run

LIVE = [f"live-{number}" for number in range(6)]
#: What must be drawn before a page can be used.
PARTS = {
    "train": ("curves", "samples"),
    "explore": ("sliders",),
    "map": ("map",),
    "generate": ("follow", "time"),
    "collapse": ("diagnosis",),
    "evaluate": ("truth",),
    "compare": ("beside",),
    "runs": (),
}
#: Seconds until Explore had its decoder, of each tour.
DECODER: list[float] = []
#: Makes a tab look hidden to its scripts, as all tabs of a window but one are.
HIDE = """() => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => true })
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" })
  document.dispatchEvent(new Event("visibilitychange"))
}"""


class Clock:
    """Processor time of this server, its trainer, and its clients, since the last reading."""

    def __init__(self, server: Server, run: Run) -> None:
        self._server, self._run = server, run
        self._before = self._now()

    def _now(self) -> dict[str, float]:
        assert self._server.process is not None
        own = psutil.Process()
        trainer = self._run.status().pid
        clients = own.children(recursive=True)
        mine = {self._server.process.pid, trainer, *self._server.processes()}
        found = {
            "server": _seconds(psutil.Process(self._server.process.pid)),
            "trainer": 0.0 if trainer is None else _seconds(psutil.Process(trainer)),
            "clients": _seconds(own) + sum(_seconds(one) for one in clients if one.pid not in mine),
        }
        return {**found, "clock": time.monotonic()}

    def read(self) -> dict[str, float]:
        """Of each, seconds of processor time for a second."""
        now, before = self._now(), self._before
        self._before = now
        elapsed = now["clock"] - before["clock"]
        return {
            name: max(0.0, now[name] - before[name]) / elapsed for name in ("server", "trainer", "clients")
        }


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def steps_per_cpu_second(run: Run, seconds: float) -> float:
    """Of a run's trainer, over a while."""
    before = run.status()
    assert before.pid is not None
    process = psutil.Process(before.pid)
    spent = _seconds(process)
    time.sleep(seconds)
    after = run.status()
    assert after.pid == before.pid, "the trainer ended meanwhile"
    return (after.step - before.step) / (_seconds(process) - spent)


def streams(server: Server) -> int:
    """Streams that the server has open."""
    with urllib.request.urlopen(f"{server.url}/api/health", timeout=30) as answer:
        return int(json.load(answer)["streams"])


def open_tab(context: Any, server: Server, page: str, number: int, *, shown: bool) -> None:
    """Open a page of a run that is at work in a tab of its own, and leave it hidden or not."""
    app = App(context, server)
    app.page.set_default_timeout(120_000)
    reach(app, page, **({"runs": ",".join(LIVE)} if page == "compare" else {"run": LIVE[number % len(LIVE)]}))
    if not shown:
        app.page.evaluate(HIDE)


def answers(address: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health", timeout=2) as answer:
        return bool(answer.status == 200)
    return False


def reach(app: App, page: str, **query: str) -> float:
    """Go to a page, and give the seconds until it can be used."""
    began = time.perf_counter()
    app.open(page, **query)
    for part in PARTS[page]:
        app.page.wait_for_selector(f'[data-component="{part}"][data-ready]', state="attached")
    if page == "explore":  # the image follows the sliders: the server draws it until the decoder is here
        app.page.wait_for_selector('[data-component="image"]:not([data-decoded="0"])', state="attached")
    if page == "runs":
        app.page.wait_for_selector('[data-testid="stDataFrame"] canvas', state="attached")
    app.page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    return time.perf_counter() - began


def tour(browser: Any, server: Server, first: int) -> dict[str, float]:
    """What a new visitor waits for each page, beginning with one of them."""
    names = list(PARTS)
    context = browser.new_context(viewport={"width": 1366, "height": 900})
    try:
        app = App(context, server)
        app.page.set_default_timeout(120_000)
        found = {}
        for name in names[first % 8 :] + names[: first % 8]:
            began = time.perf_counter()
            found[name] = reach(
                app, name, run="ended", **({"runs": "ended,example"} if name == "compare" else {})
            )
            if name == "explore":
                app.page.wait_for_selector('[data-component="image"][data-ready]', state="attached")
                DECODER.append(time.perf_counter() - began)
        return found
    finally:
        context.close()


@contextmanager
def one_line(folder: Path) -> Iterator[str]:
    """The address of an app with one line, on a server of its own."""
    script, port = folder / "one_line.py", free_port()
    script.write_text("import streamlit\nstreamlit.title('One line')\n")
    options = [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true"]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), *options, "--browser.gatherUsageStats=false"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def reach_one_line(browser: Any, address: str) -> float:
    """What a new visitor waits for the app with one line."""
    context = browser.new_context(viewport={"width": 1366, "height": 900})
    try:
        page = context.new_page()
        page.set_default_timeout(120_000)
        began = time.perf_counter()
        page.goto(address)
        page.get_by_text("One line").wait_for()
        page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
        return time.perf_counter() - began
    finally:
        context.close()


def train(server: Server) -> Run:
    """A run that trains all the time, started as the Train page does."""
    config = RunConfig(model=ModelConfig(hidden=(400,)), train=TrainConfig(epochs=100_000, device="cpu"))
    return Run.create(server.runs / "trains", config, load_dataset(config.data).info())


@contextmanager
def clients(server: Server, num_streams: int, num_sessions: int, run: Run) -> Iterator[None]:
    """Streams and sessions of a process of its own."""
    script = Path(__file__).with_name("load_clients.py")
    command = [sys.executable, str(script), str(server.port), "--runs", ",".join(LIVE), "--run", run.id]
    numbers = ["--streams", str(num_streams), "--sessions", str(num_sessions)]
    process = subprocess.Popen([*command, *numbers], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n", "the clients could not connect"
        yield
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def shares(found: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in found.items())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, number in (("tabs", 30), ("streams", 100), ("sessions", 20), ("rounds", 10)):
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument(
        "--seconds", type=float, default=15, help="over which a trainer is measured, each time"
    )
    parser.add_argument(
        "--limit", type=float, default=3600, help="seconds after which no further round begins"
    )
    wanted = parser.parse_args()
    began_at = time.monotonic()
    chromium = os.environ.get("LATENT_LAB_CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        folder = Path(place)
        server, shelf = Server(folder), Shelf(folder / "shelf")
        for name in ("ended", "example"):
            shelf.put("digits", server, name)
        run = train(server)
        server.start()
        stack.callback(server.stop)
        assert server.process is not None
        process = psutil.Process(server.process.pid)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        stack.callback(browser.close)

        tour(browser, server, 0)  # the server has loaded what its pages need
        least = stack.enter_context(one_line(folder))
        wait_until(lambda: answers(least), "no server of one line", 30)
        reach_one_line(browser, least)
        alone, least_alone = tour(browser, server, 0), reach_one_line(browser, least)
        print("seconds until a page can be used by a visitor who is alone, first visit first:")
        print("  " + ", ".join(f"{name} {seconds:.2f}" for name, seconds in alone.items()))
        print(f"an app with one line: {least_alone:.2f}", flush=True)

        first = App(browser.new_context(), server).open("train", run=run.id)
        first.page.locator(f".st-key-wish-start-{run.id} button").click()
        wait_until(lambda: run.status().step > 100, "it does not train", 60)
        first.page.context.close()
        with stack.enter_context(ExitStack()) as viewers:
            wait_until(lambda: streams(server) == 0, "somebody follows", 30)
            clock = Clock(server, run)
            without = [steps_per_cpu_second(run, wanted.seconds)]
            print(f"CPU seconds per second without viewers: {shares(clock.read())}", flush=True)

            opened_at = time.monotonic()
            viewers.enter_context(live_runs(shelf, server, LIVE, 0.5))
            shared = browser.new_context(viewport={"width": 1366, "height": 900})
            viewers.callback(shared.close)
            names = [name for name in PARTS if name != "runs"] + ["train"]
            for number in range(wanted.tabs):
                is_last = number == wanted.tabs - 1
                open_tab(
                    shared, server, "train" if is_last else names[number % len(names)], number, shown=is_last
                )
            viewers.enter_context(clients(server, wanted.streams, wanted.sessions, run))
            print(f"opened within {time.monotonic() - opened_at:.0f} s: {shares(clock.read())}", flush=True)
            watched = [steps_per_cpu_second(run, wanted.seconds)]
            print(
                f"with {wanted.tabs} tabs of one browser, {wanted.streams} streams, {wanted.sessions} sessions: "
                f"{shares(clock.read())}; {streams(server)} streams are open",
                flush=True,
            )

            print(
                f"{'round':>5} {'one line, s':>12} {'first page':>20} {'s':>6} {'longest of the others':>24} {'s':>6} "
                f"{'memory, MB':>11}"
            )
            memory, waits = [], []
            for number in range(wanted.rounds):
                if time.monotonic() - began_at > wanted.limit:
                    print(f"time is up after {number} rounds of {wanted.rounds}")
                    break
                bare = reach_one_line(browser, least)
                found = tour(browser, server, number)
                began, *others = found.items()
                longest = max(others, key=lambda item: item[1])
                waits.append(found)
                memory.append(process.memory_info().rss / 2**20)
                print(
                    f"{number + 1:>5} {bare:>12.2f} {began[0]:>20} {began[1]:>6.2f} {longest[0]:>24} "
                    f"{longest[1]:>6.2f} {memory[-1]:>11.0f}",
                    flush=True,
                )
            print(f"CPU seconds per second meanwhile: {shares(clock.read())}")
            watched.append(steps_per_cpu_second(run, wanted.seconds))
        wait_until(lambda: streams(server) == 0, "somebody follows still", 60)
        without.append(steps_per_cpu_second(run, wanted.seconds))
        if waits:
            print("page, s: alone, median and longest under load")
            for name in PARTS:
                ordered = sorted(found[name] for found in waits)
                print(
                    f"  {name:>9} {alone[name]:>6.2f} {ordered[len(ordered) // 2]:>6.2f} {ordered[-1]:>6.2f}"
                )
            under_load = sorted(DECODER[-len(waits) :])
            print(
                f"  Explore's decoder: alone {DECODER[-len(waits) - 1]:.2f}, median {under_load[len(waits) // 2]:.2f}, "
                f"longest {under_load[-1]:.2f}"
            )
            print(
                f"longest wait of a new visitor: {max(max(found.values()) for found in waits):.2f} s (aim: 3)"
            )
        if len(memory) > 3:
            print(
                f"memory after the third round: {memory[-1] - memory[2]:+.0f} MB, "
                f"at most {max(memory[3:]) - memory[2]:+.0f} MB (aim: flat)"
            )
        ratio = sum(watched) / sum(without)
        rates = ", ".join(f"{value:.0f}" for value in (*without, *watched))
        print(
            f"steps per CPU second with viewers over without: {ratio:.3f} (aim: 0.97; without, with: {rates})"
        )


if __name__ == "__main__":
    main()
