"""The server under load: tabs of one browser on live runs, further streams and sessions, and what a new visitor waits.

    python tests/benchmarks/load.py [--tabs 30] [--streams 100] [--sessions 20] [--rounds 10]

Prints, for each round, how long a new visitor's page takes until it can be used, and the server's memory; at the end
the trainer's steps per second of its own processor time with these viewers over those without. Needs Chromium (on the
PATH or in LATENT_LAB_CHROMIUM) and Linux; start it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.live import live_runs
from tests.browser.server import Server
from tests.browser.shelf import Shelf
from tests.browser.tab import FLAGS, App
from vae.config.schema import ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import load_dataset
from vae.runs.run import Run

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
LIVE = [f"live-{number}" for number in range(6)]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def megabytes(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20


def steps_per_cpu_second(run: Run, seconds: float) -> float:
    """Of a run's trainer, over a while."""
    before = run.status()
    assert before.pid is not None
    spent = cpu_seconds(before.pid)
    time.sleep(seconds)
    after = run.status()
    assert after.pid == before.pid, "the trainer ended meanwhile"
    return (after.step - before.step) / (cpu_seconds(before.pid) - spent)


def follow(port: int, ending: threading.Event) -> None:
    """Read a stream as a browser does, until the end."""
    path = "/api/stream?" + "&".join(f"run={name}" for name in LIVE)
    while not ending.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
        with suppress(OSError, http.client.HTTPException):
            connection.request("GET", path)
            answer = connection.getresponse()
            while not ending.is_set() and answer.readline():
                pass
        connection.close()


def train(server: Server) -> Run:
    """A run that trains all the time, started as the Train page does."""
    config = RunConfig(model=ModelConfig(hidden=(400,)), train=TrainConfig(epochs=100_000, device="cpu"))
    return Run.create(server.runs / "trains", config, load_dataset(config.data).info())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, number in (("tabs", 30), ("streams", 100), ("sessions", 20), ("rounds", 10)):
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--seconds", type=float, default=20, help="over which a trainer is measured")
    wanted = parser.parse_args()
    chromium = os.environ.get("LATENT_LAB_CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        folder = Path(place)
        server, shelf = Server(folder), Shelf(folder / "shelf")
        stack.callback(server.stop)
        run = train(server)
        server.start()
        assert server.process is not None
        pid = server.process.pid
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        stack.enter_context(live_runs(shelf, server, LIVE, 0.5))
        shelf.put("digits", server, "ended")

        def visit(context: object, name: str) -> App:
            app = App(context, server)
            app.page.set_default_timeout(120_000)
            return app.open("train", "curves", run=name)

        first = visit(browser.new_context(), run.id)
        first.button("Train").click()
        first.until(lambda: run.status().step > 100, "it does not train", 60)
        first.page.close()
        alone = steps_per_cpu_second(run, wanted.seconds)

        shared = browser.new_context()
        tabs = [visit(shared, LIVE[k % len(LIVE)]) for k in range(wanted.tabs)]
        sessions = [visit(browser.new_context(), run.id) for _ in range(wanted.sessions)]
        ending = threading.Event()
        stack.callback(ending.set)
        for _ in range(wanted.streams):
            threading.Thread(target=follow, args=(server.port, ending), daemon=True).start()
        watched = steps_per_cpu_second(run, wanted.seconds)

        print(f"{len(tabs)} tabs of one browser, {wanted.streams} streams, {len(sessions)} sessions")
        print(f"{'round':>5} {'new visitor, s':>15} {'memory, MB':>11}")
        memory, waits = [], []
        for number in range(1, wanted.rounds + 1):
            context = browser.new_context()
            began = time.perf_counter()
            visit(context, "ended")
            waits.append(time.perf_counter() - began)
            memory.append(megabytes(pid))
            context.close()
            print(f"{number:>5} {waits[-1]:>15.2f} {memory[-1]:>11.0f}", flush=True)
        print(f"longest wait of a new visitor: {max(waits):.2f} s (aim: 3)")
        if len(memory) > 3:
            print(f"memory after the third round: {memory[-1] - memory[2]:+.0f} MB")
        print(f"steps per CPU second with viewers over without: {watched / alone:.3f} (aim: 0.97)")
        browser.close()


if __name__ == "__main__":
    main()
