"""A tab of a real browser, and who looks after it during a test."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from playwright.sync_api import Error
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser.server import Server, wait_until

#: How Chromium is started.
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
#: So many tabs wait for another test.
MOST_FREE = 3
#: The machines that a tab may ask; whatever a page asks of another one fails the test that had it open.
OWN_HOSTS = {None, "127.0.0.1", "localhost"}
#: Of a tab; a test may change it.
VIEWPORT = {"width": 1366, "height": 900}
#: Streamlit asks for the first below the page's own address, and below the server's root when it gets a 404. It drops a
#: picture or a download as soon as a newer run of the page has another, also if the browser has not the old one yet.
STREAMLITS_OWN = re.compile(
    r"404 .*/[\w-]+/_stcore/(health|host-config)|404 .*/media/\w+\.(png|zip)|Image source error - \S*/media/\w+\.png|"
    r"Download Button source error - 404"
)
#: What a script run that another one follows at once ends with.
OVERTAKEN = ForwardMsg.ScriptFinishedStatus.FINISHED_EARLY_FOR_RERUN
#: Seconds without a frame of the websocket after which a fragment is taken for one that is no longer there.
SILENCE = 5.0
#: So many frames of the page; a page that is not painted shows none.
PAINTED = """num => new Promise((done) => {
  setTimeout(done, 200)
  const next = () => num-- > 0 ? requestAnimationFrame(next) : done()
  next()
})"""
#: Transitions that are under way, in shadow roots too.
NUM_GLIDING = """() => {
  const roots = [document]
  for (const root of roots) {
    for (const node of root.querySelectorAll("*")) if (node.shadowRoot) roots.push(node.shadowRoot)
  }
  return roots.flatMap((root) => root.getAnimations())
    .filter((one) => one instanceof CSSTransition && one.playState === "running").length
}"""
#: What a tab keeps for itself, and whether the sidebar is folded, which all tabs share.
FORGET = """() => {
  sessionStorage.clear()
  for (const key of ["stSidebarCollapsed-", "latent-lab-folded"]) localStorage.removeItem(key)
}"""
ALERTS = '[data-testid="stAlert"] li, [data-testid="stAlert"]:not(:has(li))'
T = TypeVar("T")


class App:
    """One browser tab on a server. Playwright's CSS selectors look into open shadow roots by themselves."""

    def __init__(self, context: Any, server: Server) -> None:
        self.context = context
        self.page = context.new_page()
        self.errors: list[str] = []
        self.addresses: list[str] = []
        #: Whether another test may have the tab: not if it holds what cannot be taken back, as a script or a listener.
        self.goes_on = True
        self.begin(server)
        self.page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        self.page.on("console", self._heard)
        self.page.on("dialog", self._asked)
        self.page.on("request", self._requested)
        self.page.on("response", lambda answer: self._under_way.discard(answer.url))
        self.page.on("requestfailed", lambda request: self._under_way.discard(request.url))
        self.page.on("websocket", self._connected)

    def begin(self, server: Server) -> None:
        """Forget what the tab has done, and be one of this server."""
        self.server = server
        self.errors.clear()
        self.addresses.clear()
        #: Requests, and frames of the websocket, that the tab has sent.
        self.num_sent = 0
        #: Script runs that the tab has asked for.
        self.num_reruns = 0
        self._under_way: set[str] = set()
        #: How far the last script run that the tab asked for has come.
        self._run: Literal["asked", "begun", "ended"] = "ended"
        #: Whether it was asked of a fragment of the page, and when the websocket last carried a frame.
        self._is_of_fragment, self._last_frame = False, 0.0
        self._expected: list[re.Pattern[str]] = [STREAMLITS_OWN]

    def leave(self) -> bool:
        """Leave the page, and whatever it held, for one without script; False if the tab can do so no more."""
        with suppress(Error):
            self.page.unroute_all(behavior="ignoreErrors")
            if self.page.viewport_size != VIEWPORT:
                self.page.set_viewport_size(VIEWPORT)
            self.page.evaluate(FORGET)
            answer = self.page.goto(f"{self.server.url}/_stcore/health")
            self.page.mouse.move(-1, -1)  # a new tab has no pointer that rests on what comes
            # A browser counts no more than 50 entries of a history.
            return bool(answer and answer.ok) and self.page.evaluate("history.length") < 30
        return False

    def _heard(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    def _asked(self, dialog: Any) -> None:
        self.errors.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _asks(self, address: str) -> None:
        self.addresses.append(address)
        host = urlsplit(address).hostname
        if host not in OWN_HOSTS and not str(host).endswith(".localhost"):
            self.errors.append(f"asked of another machine: {address}")

    def _requested(self, request: Any) -> None:
        self._asks(request.url)
        self.num_sent += not request.url.startswith(("data:", "blob:"))
        # A stream does not end, and a module of the worker that tabs share is answered to none of them.
        if "/api/" in request.url and "/stream?" not in request.url and "/api/lib/" not in request.url:
            self._under_way.add(request.url)

    def _connected(self, socket: Any) -> None:
        self._asks(socket.url)
        self._run = "ended"

        def sent(frame: Any) -> None:
            self.num_sent += 1
            self._last_frame = time.monotonic()
            message = BackMsg.FromString(frame) if isinstance(frame, bytes) else BackMsg()
            if message.WhichOneof("type") == "rerun_script":
                self._run = "asked"
                self._is_of_fragment = bool(message.rerun_script.fragment_id)
                self.num_reruns += 1

        def received(frame: Any) -> None:
            self._last_frame = time.monotonic()
            message = ForwardMsg.FromString(frame) if isinstance(frame, bytes) else ForwardMsg()
            kind = message.WhichOneof("type")
            if kind == "new_session" and self._run == "asked":
                self._run = "begun"
            elif kind == "script_finished" and message.script_finished != OVERTAKEN and self._run == "begun":
                self._run = "ended"

        socket.on("framesent", sent)
        socket.on("framereceived", received)

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
        """Wait until every script run that the page has asked for has ended, and the page has drawn it."""
        self.frames(9)  # what a click or a key leads to has been sent by then
        self.until(
            lambda: self._run == "ended" or self._was_dropped(),
            "a script run that the page asked for did not end",
            30,
        )
        self.page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
        self.frames()

    def _was_dropped(self) -> bool:
        """Whether what was asked is of a fragment that another run has removed: Streamlit answers that with nothing."""
        is_silent = time.monotonic() - self._last_frame > SILENCE
        return self._run == "asked" and self._is_of_fragment and is_silent

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
        with suppress(Error):
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
        """Let time pass for the page: for measurements alone, a test waits for what it needs."""
        self.page.wait_for_timeout(1000 * seconds)

    def until(self, condition: Callable[[], T], sentence: str, seconds: float = 20) -> T:
        """Wait for something to be true in the page, and give it."""
        return wait_until(condition, sentence, seconds, lambda: self.page.wait_for_timeout(40))

    def frames(self, num: int = 2) -> None:
        """Wait until the page has drawn so many times what it is about to draw."""
        self.page.evaluate(PAINTED, num)

    def still(self) -> None:
        """Wait until nothing glides to another colour or place."""
        self.until(lambda: self.page.evaluate(NUM_GLIDING) == 0, "something moves on and on")

    def fetched(self) -> None:
        """Wait until what is drawn is all that it asked the routes for, and no answer is under way."""
        before = -1
        while before != (before := self.num_sent):
            self.until(lambda: not self._under_way, "an answer did not come")
            self.idle()

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


class Tabs:
    """Hands out tabs of one window, and takes them back: in a new one Chromium has to load Streamlit anew."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._free: list[App] = []

    def open(self, server: Server) -> App:
        """A tab that shows nothing of the app yet."""
        if not self._free:
            return App(self._context, server)
        tab = self._free.pop()
        tab.begin(server)
        return tab

    def close(self, tab: App) -> None:
        """Take a tab back, or close it for good."""
        if tab.goes_on and not tab.page.is_closed() and len(self._free) < MOST_FREE and tab.leave():
            self._free.append(tab)
        else:
            tab.page.close()


class Watch:
    """Looks after tabs during one test, and keeps a picture of a failure."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tabs: list[App] = []

    def __call__(self, tab: App) -> App:
        tab.errors.clear()
        tab.page.bring_to_front()  # a tab behind another draws nothing, and so takes no pointer
        self.tabs.append(tab)
        return tab

    def keep_pictures(self) -> None:
        for number, tab in enumerate(self.tabs):
            picture = self.folder / f"tab-{number}.png"
            with suppress(Error):
                tab.page.screenshot(path=picture)
            sys.stdout.write(f"{tab.page.url}\npicture: {picture}\n{tab.server.said()}\n")


Browse = Callable[[Server], App]
