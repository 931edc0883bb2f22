"""A real server of the app for tests and measurements, on runs of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest

from vae.runs.listing import list_runs
from vae.runs.run import Run

REPOSITORY = Path(__file__).resolve().parents[2]
T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Server:
    """A `streamlit run dashboard/app.py` of its own, on a folder of runs of its own, with no way to the internet."""

    def __init__(self, folder: Path) -> None:
        self.runs, self.log, self.port = folder / "runs", folder / "server.log", free_port()
        self.runs.mkdir(exist_ok=True)
        self.cache = folder / "cache"
        self.process: subprocess.Popen[bytes] | None = None
        #: Where it listens, and where whatever it asks of the internet ends up: nowhere.
        self.address, self.proxy = "127.0.0.1", "http://127.0.0.1:9"
        #: Further settings of its environment.
        self.variables: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Server:
        """Start it and wait until it answers."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name != "PYTHONWARNINGS" and not name.startswith(("STREAMLIT_", "LATENT_LAB_"))
        }
        environment = {
            **inherited,
            "LATENT_LAB_RUNS": str(self.runs),
            "LATENT_LAB_TRAINERS": "3",
            "XDG_CACHE_HOME": str(self.cache),
            **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), self.proxy),
            **self.variables,
        }
        command = [sys.executable, "-m", "streamlit", "run", str(REPOSITORY / "dashboard" / "app.py")]
        options = [f"--server.address={self.address}", f"--server.port={self.port}", "--server.headless=true"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *options],
                cwd=REPOSITORY,
                env=environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        deadline = time.monotonic() + 60
        while True:
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return self
            assert self.process.poll() is None and time.monotonic() < deadline, f"no server:\n{self.said()}"
            time.sleep(0.05)

    def kill(self) -> None:
        """End the server as a crash does; what it started goes on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def terminate(self) -> None:
        """Ask the server to end, as Ctrl-C does."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"the server did not end within 20 s of being asked to:\n{self.said()}")

    def rest(self) -> None:
        """Stop every trainer that is at work on one of the runs."""
        at_work = [run for run in list_runs(self.runs) if isinstance(run, Run) and run.is_locked()]
        for run in at_work:
            run.request(command="stop")
        wait_until(lambda: not any(run.is_locked() for run in at_work), "a trainer did not stop", 20)

    def stop(self) -> None:
        """End the server and whatever it started, each by its id."""
        with suppress(pytest.fail.Exception):
            self.rest()
        self.terminate()
        with suppress(pytest.fail.Exception):
            wait_until(lambda: not self.processes(), "", 5)
        for number in self.processes():
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def clear(self) -> None:
        """Remove all runs, when nobody is at work on them any more."""
        self.rest()
        for path in self.runs.iterdir():
            shutil.rmtree(path, ignore_errors=True)

    def processes(self) -> list[int]:
        """Ids of all processes that the server started: they carry the folder of runs in their environment."""
        mark, found = f"LATENT_LAB_RUNS={self.runs}".encode(), []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        own = None if self.process is None or self.process.poll() is not None else self.process.pid
        return [number for number in found if number != own]

    def settle(self) -> None:
        """Wait until none of its processes computes: the one that waits for a run has then loaded everything."""
        before: list[str] = []

        def rests() -> bool:
            nonlocal before
            time.sleep(0.5)
            files = [Path(f"/proc/{number}/stat") for number in self.processes()]
            now = [
                " ".join(file.read_text().rpartition(")")[2].split()[11:13])
                for file in files
                if file.exists()
            ]
            before, rested = now, now == before
            return rested

        with suppress(pytest.fail.Exception):
            wait_until(rests, "", 30)

    def said(self) -> str:
        """The end of what the server wrote into its terminal."""
        return self.log.read_text(errors="replace")[-3000:]

    def newest(self) -> Run:
        """The run that was made last."""
        return next(run for run in list_runs(self.runs) if isinstance(run, Run))


def wait_until(
    condition: Callable[[], T], sentence: str, seconds: float = 20, pause: Callable[[], None] | None = None
) -> T:
    """Wait for something to be true, and give it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"{sentence} within {seconds:g} s", pytrace=False)
        (pause or (lambda: time.sleep(0.02)))()
    return found
