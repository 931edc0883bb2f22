"""Pages of another port and of another host read, start, frame and compute nothing; and the server asks nobody."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dashboard import settings
from tests.browser.server import Server
from vae.runs.listing import list_runs

#: Everything that a page may try on a server of another origin; it writes down what came of it.
PAGE = """<!doctype html><title>foreign</title><body><script>
const target = new URL(location.href).searchParams.get('target')
const said = {}
const attempt = (name, make) => new Promise((done) => {
  const timer = setTimeout(() => { said[name] ??= 'nothing'; done() }, 4000)
  make((word) => { said[name] ??= word; clearTimeout(timer); done() })
})
const element = (tag, fields) => (tell) => {
  const made = Object.assign(document.createElement(tag), fields)
  made.onload = () => tell('loaded'); made.onerror = () => tell('refused')
  document.body.append(made)
}
Promise.all([
  attempt('fetch', (tell) => {
    fetch(target + '/api/runs/mnist-2d/snapshots').then((r) => r.text()).then(tell, () => tell('refused'))
  }),
  attempt('image', element('img', { src: target + '/api/runs/mnist-2d/sheet.png?kind=samples' })),
  attempt('script', element('script', { src: target + '/api/runs/mnist-2d/snapshots' })),
  attempt('stylesheet', element('link', { rel: 'stylesheet', href: target + '/api/runs/mnist-2d/snapshots' })),
  attempt('events', (tell) => {
    const stream = new EventSource(target + '/api/runs/mnist-2d/stream')
    stream.onmessage = stream.onopen = () => tell('open'); stream.onerror = () => { stream.close(); tell('refused') }
  }),
  attempt('websocket', (tell) => {
    const line = new WebSocket(target.replace('http', 'ws') + '/_stcore/stream', ['streamlit'])
    line.onopen = () => tell('open'); line.onerror = () => tell('refused')
  }),
  attempt('upload', (tell) => {
    const sent = fetch(target + '/_stcore/upload_file/a/b', { method: 'PUT', body: 'x' })
    sent.then(() => tell('answered'), () => tell('refused'))
  }),
]).then(() => { window.said = said })
const frame = document.createElement('iframe')
frame.src = target + '/train'; document.body.append(frame)
</script>"""


class Foreign(BaseHTTPRequestHandler):
    """Serves the page."""

    def do_GET(self) -> None:
        body = PAGE.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def foreign() -> Iterator[int]:
    """The port of another server of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield int(server.server_address[1])
    server.shutdown()
    thread.join()
    server.server_close()


class Outside:
    """Stands for the internet: whatever the server asks of it is counted, and left without an answer."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.asked: list[bytes] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            with line:
                line.settimeout(2)
                self.asked.append(line.recv(200))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    found = Outside()
    yield found
    found.listener.close()


@pytest.fixture(scope="module")
def shared(chromium: str, outside: Outside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that listens for other machines too."""
    found = Server(tmp_path_factory.mktemp("shared"))
    found.address, found.proxy = "0.0.0.0", outside.url
    try:
        yield found.start()
    finally:
        found.stop()


@pytest.mark.parametrize("host", ["127.0.0.1", "evil.localhost"])
def test_foreign_page_gets_nothing(
    context: Any, shared: Server, foreign: int, outside: Outside, host: str
) -> None:
    page = context.new_page()
    try:
        statuses: dict[str, list[int]] = {}
        page.on(
            "response",
            lambda answer: (
                statuses.setdefault(answer.url.removeprefix(shared.url), []).append(answer.status)
                if answer.url.startswith(shared.url)
                else None
            ),
        )
        page.goto(f"http://{host}:{foreign}/?target={shared.url}")
        said = page.wait_for_function("window.said", timeout=15_000).json_value()
        assert not any("streamlit" in frame.content().lower() for frame in page.frames[1:])
        assert set(said.values()) == {"refused"}, said
        assert {status for found in statuses.values() for status in found} == {403}, statuses
    finally:
        page.close()
    assert list_runs(shared.runs) == []
    assert outside.asked == []


def test_link_from_a_foreign_page_opens_the_app(context: Any, shared: Server, foreign: int) -> None:
    page = context.new_page()
    try:
        page.goto(f"http://evil.localhost:{foreign}/?target=http://127.0.0.1:9")
        page.evaluate("(address) => { location.href = address }", f"{shared.url}/map?run=mnist-2d")
        page.locator("[data-testid=stApp][data-test-connection-state=CONNECTED]").wait_for(timeout=30_000)
    finally:
        page.close()


@pytest.mark.thorough
def test_operator_may_let_a_course_page_frame_the_app(
    context: Any, foreign: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(tmp_path)
    server.variables = {settings.FRAMES_VARIABLE: f"http://course.localhost:{foreign}"}
    page = context.new_page()
    try:
        server.start()
        page.goto(f"http://course.localhost:{foreign}/?target={server.url}")
        frame = page.frame_locator("iframe")
        frame.locator("[data-testid=stApp][data-test-connection-state=CONNECTED]").wait_for(timeout=30_000)
        said = page.wait_for_function("window.said", timeout=15_000).json_value()
        assert set(said.values()) == {"refused"}, said
    finally:
        page.close()
        server.stop()


class TestSharedServer:
    @pytest.mark.parametrize(
        ("host", "status"), [("10.1.2.3:8501", 200), ("rebound.example", 400), ("[::1].evil", 400)]
    )
    def test_it_is_opened_by_numbers_and_not_by_foreign_names(
        self, shared: Server, host: str, status: int
    ) -> None:
        line = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=10)
        line.request("GET", "/api/runs/mnist-2d/snapshots", headers={"Host": host})
        answer = line.getresponse()
        body = json.loads(answer.read())
        line.close()
        assert answer.status == status and ("error" in body) == (status != 200)

    @pytest.mark.thorough
    def test_it_offers_no_folder_of_its_own_disk(self, context: Any, shared: Server) -> None:
        page = context.new_page()
        try:
            page.goto(f"{shared.url}/train")
            page.get_by_role("combobox", name="Data").first.click()
            page.get_by_role("option", name="Your image folder").click()
            page.get_by_text("A zip of images").first.wait_for()
            assert page.get_by_role("textbox", name="its path").count() == 0
            page.get_by_role("combobox", name="Data").first.click()
            page.get_by_role("option", name="Your .npz file").click()
            page.get_by_text("An .npz file with").first.wait_for()
            assert page.get_by_role("textbox", name="its path").count() == 0
        finally:
            page.close()

    def test_it_asks_nobody_for_its_address(self, shared: Server, outside: Outside) -> None:
        assert outside.asked == [] and f"http://localhost:{shared.port}" in shared.said()
