"""A real server, a real browser, and real runs, for tests that walk a person's path through the pages."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np
import pytest

from vae.config import DataConfig, ModelConfig, RunConfig, TrainConfig
from vae.data import load
from vae.runs import Run, list_runs

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="browser tests need playwright; pip install -e '.[test]'"
)

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
#: Streamlit asks for the first below the page's own address, and below the server's root when it gets a 404. It drops a
#: picture as soon as a newer run of the page has another, also if the browser has not fetched the old one yet.
STREAMLITS_OWN = re.compile(
    r"404 .*/[\w-]+/_stcore/(health|host-config)|404 .*/media/\w+\.png|Image source error - \S*/media/\w+\.png"
)
ALERTS = '[data-testid="stAlert"] li, [data-testid="stAlert"]:not(:has(li))'
_failed = pytest.StashKey[bool]()
T = TypeVar("T")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("browser")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report: Any = yield
    item.stash[_failed] = item.stash.get(_failed, False) or report.failed
    return report  # type: ignore[return-value]


# The server ----------------------------------------------------------------------------------------------------------


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
        nowhere = "http://127.0.0.1:9"
        environment = {
            **inherited,
            "LATENT_LAB_RUNS": str(self.runs),
            "LATENT_LAB_TRAINERS": "3",
            "XDG_CACHE_HOME": str(self.cache),
            **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), nowhere),
        }
        command = [sys.executable, "-m", "streamlit", "run", str(REPOSITORY / "dashboard" / "app.py")]
        options = ["--server.address=127.0.0.1", f"--server.port={self.port}", "--server.headless=true"]
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


@pytest.fixture(scope="package")
def shared_server(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all files."""
    found = Server(tmp_path_factory.mktemp("server"))
    try:
        yield found.start()
    finally:
        found.stop()


@pytest.fixture(scope="module")
def server(shared_server: Server) -> Iterator[Server]:
    """The server that most tests share; the tests of each file begin without runs, and bring their own."""
    yield shared_server
    shared_server.clear()


@pytest.fixture(scope="module")
def own_server(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for the tests of one file, with no run of its own."""
    found = Server(tmp_path_factory.mktemp("own"))
    try:
        yield found.start()
    finally:
        found.stop()


# The browser ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="package")
def chromium() -> str:
    """The path of Chromium; without it the tests are skipped, or fail where LATENT_LAB_REQUIRE_BROWSER=1."""
    named = os.environ.get("LATENT_LAB_CHROMIUM")
    names = [named] if named else ["chromium", "chromium-browser", "google-chrome"]
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        sentence = (
            f"a browser must be there for this test, found none of {', '.join(names)}; install Chromium "
            "(on Debian: apt-get install chromium), or name it in LATENT_LAB_CHROMIUM"
        )
        if os.environ.get("LATENT_LAB_REQUIRE_BROWSER") == "1":
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)
    return found


@pytest.fixture(scope="package")
def context(chromium: str) -> Iterator[Any]:
    """A browser window that all tests share, so that it loads Streamlit's own files once."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context(viewport={"width": 1366, "height": 900}, accept_downloads=True)
        context.set_default_timeout(20_000)
        yield context
        context.close()
        browser.close()


class App:
    """One browser tab on a server. Playwright's CSS selectors look into open shadow roots by themselves."""

    def __init__(self, context: Any, server: Server) -> None:
        self.server, self.context = server, context
        self.page = context.new_page()
        self.errors: list[str] = []
        self.addresses: list[str] = []
        #: Requests, and frames of the websocket, that the tab has sent.
        self.num_sent = 0
        self._expected: list[re.Pattern[str]] = [STREAMLITS_OWN]
        self.page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        self.page.on("console", self._heard)
        self.page.on("dialog", self._asked)
        self.page.on("request", self._requested)
        self.page.on("websocket", self._connected)

    def _heard(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    def _asked(self, dialog: Any) -> None:
        self.errors.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _requested(self, request: Any) -> None:
        self.addresses.append(request.url)
        self.num_sent += not request.url.startswith(("data:", "blob:"))

    def _connected(self, socket: Any) -> None:
        self.addresses.append(socket.url)

        def sent(_: Any) -> None:
            self.num_sent += 1

        socket.on("framesent", sent)

    def expect_error(self, pattern: str) -> None:
        """A test provokes this error on purpose."""
        self._expected.append(re.compile(pattern))

    def unexpected(self) -> list[str]:
        """Errors that nobody expected."""
        return [error for error in self.errors if not any(known.search(error) for known in self._expected)]

    def open(self, path: str = "", *parts: str, **query: Any) -> App:
        """Go to an address, and wait until the page is connected and the named components are ready."""
        asked = "?" + urlencode(query) if query else ""
        self.page.goto(f"{self.server.url}/{path}{asked}")
        return self.ready(*parts)

    def ready(self, *parts: str) -> App:
        """Wait until the page is connected and the named components are ready."""
        self.page.wait_for_selector('[data-testid="stApp"][data-test-connection-state="CONNECTED"]')
        for part in parts:
            self.until(lambda part=part: "ready" in self.marks(part), f"{part} was not ready", 40)
        return self

    def idle(self) -> None:
        """Wait until the page's script does not run."""
        self.pause(0.15)
        self.page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')

    def click(self, title: str) -> None:
        """Go to another page by the menu."""
        self.page.locator('[data-testid="stSidebarNav"] a', has_text=title).click()
        self.until(lambda: self.headline() == title, f"{title} did not open")

    def headline(self) -> str:
        titles = self.page.locator('[data-testid="stHeading"]')
        return titles.first.inner_text().strip() if titles.count() else ""

    def part(self, name: str) -> Any:
        """A component's root element."""
        return self.page.locator(f'[data-component="{name}"]').first

    def marks(self, name: str) -> dict[str, str]:
        """The `data-…` marks of a component; none if it is not there."""
        found = self.page.locator(f'[data-component="{name}"]')
        with suppress(sync_api.Error):
            if found.count():
                return dict(found.first.evaluate("node => ({...node.dataset})", timeout=1000))
        return {}

    def number(self, name: str, mark: str) -> int:
        """A mark that counts."""
        return int(self.marks(name).get(mark, 0))

    def button(self, name: str) -> Any:
        """One of Streamlit's buttons."""
        return self.page.locator('[data-testid="stMain"], [role="dialog"]').get_by_role(
            "button", name=name, exact=True
        )

    def pause(self, seconds: float) -> None:
        """Let time pass for the page."""
        self.page.wait_for_timeout(1000 * seconds)

    def until(self, condition: Callable[[], T], sentence: str, seconds: float = 20) -> T:
        """Wait for something to be true in the page, and give it."""
        return wait_until(condition, sentence, seconds, lambda: self.page.wait_for_timeout(25))

    def query(self) -> dict[str, str]:
        """The query of the address."""
        return dict(parse_qsl(urlsplit(self.page.url).query))

    def z(self) -> list[float]:
        """The latent point of the address."""
        return [float(value) for value in self.query().get("z", "").split(",") if value]

    def alerts(self) -> list[str]:
        """The sentences that the page shows as errors and warnings; several of them are a list in one box."""
        return list(self.page.locator(ALERTS).all_inner_texts())

    def pixels(self, canvas: str) -> list[int]:
        """Red of each pixel of a canvas."""
        return list(
            self.page.locator(canvas).first.evaluate(
                """canvas => {
                  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
                  return Array.from({ length: data.length / 4 }, (_, k) => data[4 * k])
                }"""
            )
        )

    def module(self, name: str, body: str, argument: Any = None) -> Any:
        """Evaluate the body of an async function of `(module, argument)` with the page's own module of a name."""
        return self.page.evaluate(
            f"""async ([name, argument]) => {{
              const address = performance.getEntriesByType("resource").map((entry) => entry.name)
                .find((url) => url.endsWith(name))
              return await (async (module, argument) => {{ {body} }})(await import(address), argument)
            }}""",
            [name, argument],
        )


Browse = Callable[[Server], App]


@pytest.fixture(scope="package")
def new_tab(context: Any) -> Browse:
    """Opens tabs that whoever asked for them closes."""
    return lambda server: App(context, server)


@pytest.fixture(scope="module")
def kept(new_tab: Browse, server: Server) -> Iterator[App]:
    """A tab that the tests of a file share: opening one takes longer than most of them."""
    tab = new_tab(server)
    yield tab
    tab.page.close()


class Watch:
    """Looks after tabs during one test, and keeps a picture of a failure."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tabs: list[App] = []

    def __call__(self, tab: App) -> App:
        tab.errors.clear()
        self.tabs.append(tab)
        return tab

    def keep_pictures(self) -> None:
        for number, tab in enumerate(self.tabs):
            picture = self.folder / f"tab-{number}.png"
            with suppress(sync_api.Error):
                tab.page.screenshot(path=picture)
            sys.stdout.write(f"{tab.page.url}\npicture: {picture}\n{tab.server.said()}\n")


@pytest.fixture
def watch(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watch]:
    """Hand it a tab, and an error there that was not expected fails the test."""
    found = Watch(tmp_path)
    yield found
    unexpected = [error for tab in found.tabs for error in tab.unexpected()]
    if unexpected or request.node.stash.get(_failed, False):
        found.keep_pictures()
    assert not unexpected, "errors in the browser:\n" + "\n".join(unexpected)


@pytest.fixture
def opened(new_tab: Browse) -> Iterator[list[App]]:
    """Tabs that are closed when the test has been looked at."""
    tabs: list[App] = []
    yield tabs
    for tab in tabs:
        tab.page.close()


@pytest.fixture
def browse(new_tab: Browse, opened: list[App], watch: Watch) -> Browse:
    """Opens tabs for one test: ``browse(server)``."""

    def make(server: Server) -> App:
        opened.append(new_tab(server))
        return watch(opened[-1])

    return make


@pytest.fixture
def app(browse: Browse, server: Server) -> App:
    """A tab on the shared server."""
    return browse(server)


# Runs made in advance ------------------------------------------------------------------------------------------------


class Shelf:
    """Runs made by real, short training; each kind is made once, and copied for whoever asks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, kind: str) -> Run:
        """Train a run of a kind, if it has not been."""
        path = self.folder / kind
        if (path / "config.json").is_file():
            return Run.open(path)
        return self.train(path, self._config(kind))

    @staticmethod
    def train(path: Path, config: RunConfig, name: str | None = None) -> Run:
        """Train a run to its end, in this process; models so small are fastest on one core."""
        import torch

        from vae.engine import Trainer

        images = load(config.data)
        run = Run.create(path, config, images.info(), name)
        num_threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            for _ in Trainer(run, images).train():
                pass
        finally:
            torch.set_num_threads(num_threads)
        return run

    def put(self, kind: str, server: Server, run_id: str, name: str | None = None) -> Run:
        """Copy a run of a kind to a server's runs."""
        shutil.copytree(self.make(kind).path, server.runs / run_id)
        run = Run.open(server.runs / run_id)
        if name is not None:
            run.rename(name)
        return run

    def _config(self, kind: str) -> RunConfig:
        """digits, digits-conditional, digits-3d, or shapes-<mlp|conv>[-conditional]: 28×28, as MNIST has them."""
        data, _, rest = kind.partition("-")
        conditional = rest.endswith("conditional")
        if data == "digits":
            model = ModelConfig(hidden=(128,), conditional=conditional, latent_dim=3 if rest == "3d" else 2)
            epochs = 5 if rest == "3d" else 40
            train = TrainConfig(
                epochs=epochs, batch_size=64, seed=3, device="cpu", num_snapshots=2, learning_rate=3e-3
            )
            return RunConfig(model=model, train=train)
        network = "conv" if rest.startswith("conv") else "mlp"
        model = ModelConfig(
            network=network, hidden=(400,), channels=(16, 32), conditional=conditional, latent_dim=4
        )
        train = TrainConfig(epochs=1, batch_size=50, seed=3, device="cpu", num_snapshots=1)
        return RunConfig(data=DataConfig(name="npz", path=self.images("shapes")), model=model, train=train)

    def images(self, name: str, labels: list[str] | None = None, num: int = 240, side: int = 28) -> Path:
        """Blurred bars of as many directions as there are labels, as an .npz."""
        path = self.folder / f"{name}.npz"
        if not path.exists():
            names = np.array(labels or ["across", "slanted", "upright"])
            kinds = np.arange(num) % len(names)
            angle = np.pi * kinds / len(names) + np.random.default_rng(0).normal(0, 0.1, num)
            row, column = np.mgrid[:side, :side] - (side - 1) / 2
            away = row * np.cos(angle)[:, None, None] - column * np.sin(angle)[:, None, None]
            np.savez(path, images=np.exp(-((8 * away / side) ** 2)).astype(np.float32), labels=names[kinds])
        return path


@pytest.fixture(scope="package")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Where the runs made in advance are."""
    return Shelf(tmp_path_factory.mktemp("shelf"))
