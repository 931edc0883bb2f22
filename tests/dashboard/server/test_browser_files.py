"""Modules, Plotly and the runtime, as browsers ask a real server for them."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from plotly import graph_objects
from plotly.basedatatypes import BaseTraceType

import dashboard
from dashboard import settings
from dashboard.server import answers, browser_files, guard, static_files
from dashboard.streamlit_internals import browser_files as streamlits_files
from tests.dashboard.server.http_client import Client
from vae import browser


class TestFiles:
    def test_module_of_the_current_version_may_be_kept_for_ever(self, client: Client) -> None:
        answer = client.get(f"/api/lib/{browser_files.version()}/vae/browser/lib/store.js")
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.body == (browser.FOLDER / "lib" / "store.js").read_bytes()

    def test_module_of_another_version_is_not_kept(self, client: Client) -> None:
        answer = client.get("/api/lib/0000000000000000/vae/browser/lib/store.js")
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")

    @pytest.mark.parametrize(
        "path",
        [
            "lib/{v}/../routes.py", "lib/{v}/..%2froutes.py", "lib/{v}/dashboard/components/..%2f..%2fsettings.py",
            "lib/{v}/vae/browser/__init__.py", "lib/{v}//etc/passwd", "lib/{v}/vae/browser/lib/store.js%00",
            "lib/{v}/dashboard/components/loader.js",
            "runtime/{v}/..%2f..%2fapi.py", "plotly/{v}/package.json", "", "nothing",
        ],
    )  # fmt: skip
    def test_what_is_not_on_the_list_is_refused(self, client: Client, path: str) -> None:
        answer = client.get(f"/api/{path.format(v=browser_files.version())}")
        assert answer.status == 404
        assert answer.sentence.endswith("reload the page")

    def test_plotly_is_the_part_that_the_build_hook_brought(self, client: Client) -> None:
        answer = client.get(f"/api/plotly/{browser_files.version()}/plotly.min.js")
        assert b"plotly.js (cartesian" in answer.body[:200] and len(answer.body) < 2_000_000

    def test_plotly_can_draw_every_kind_of_trace_that_our_sources_name(self) -> None:
        classes = inspect.getmembers(graph_objects, inspect.isclass)
        kinds = {name.lower() for name, kind in classes if issubclass(kind, BaseTraceType)}
        sources = [path for place in (dashboard, browser) for path in Path(place.__path__[0]).rglob("*.*")]
        text = "\n".join(path.read_text() for path in sources if path.suffix in (".js", ".py"))
        ours = kinds.intersection(re.findall(r'\btype"?: *"(\w+)"', text))
        there = set(re.findall(r'moduleType:"trace",name:"(\w+)"', browser_files.plotly_file().read_text()))
        assert {"scatter", "bar", "contour", "heatmap", "histogram"} <= ours <= there

    def test_plotly_is_the_python_packages_where_no_hook_has_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(browser, "RUNTIME", tmp_path)
        assert b"plotly.js v" in browser_files.plotly_file().read_bytes()[:200]

    @pytest.mark.skipif(not browser_files.runtime_files(), reason="onnxruntime-web was not built in")
    def test_runtime_comes_with_the_types_that_browsers_ask_for(self, client: Client) -> None:
        types = {
            Path(name).suffix: client.get(f"/api/runtime/{browser_files.version()}/{name}").headers[
                "Content-Type"
            ]
            for name in browser_files.runtime_files()
        }
        assert types == {".mjs": "text/javascript; charset=utf-8", ".wasm": "application/wasm"}

    def test_this_machine_gets_large_files_uncompressed(self, client: Client) -> None:
        answer = client.get(f"/api/plotly/{browser_files.version()}/plotly.min.js", Accept_Encoding="gzip")
        assert "Content-Encoding" not in answer.headers

    def test_module_is_answered_while_everything_computes(self, client: Client) -> None:
        done = threading.Event()
        running = threading.Semaphore(0)

        def work() -> None:
            running.release()
            done.wait(20)

        def ask(number: int) -> None:
            asyncio.run(answers.computations.run(number, work))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(answers.computations.in_all):
                assert running.acquire(timeout=10)
            began = time.monotonic()
            version = browser_files.version()
            for path in (
                f"lib/{version}/vae/browser/lib/dom.js",
                f"plotly/{version}/plotly.min.js",
                "runs/short/snapshots",
            ):
                assert client.get(f"/api/{path}").status == 200
            with client.events("/api/stream?run=short") as events:
                events.until("reset")
            assert time.monotonic() - began < 1
        finally:
            done.set()
            for thread in threads:
                thread.join()

    def test_files_are_read_once_for_all(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        names = list(browser_files.files())[:20]
        version = browser_files.version()
        for name in names:
            client.get(f"/api/lib/{version}/{name}")
        monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} was read again"))
        for name in names:
            answer = client.get(f"/api/lib/{version}/{name}")
            assert (answer.status, "immutable" in answer.headers["Cache-Control"]) == (200, True)
            again = client.get(f"/api/lib/{version}/{name}", If_None_Match=answer.headers["ETag"])
            assert (again.status, again.body) == (304, b"")

    def test_module_that_is_edited_is_handed_out_as_it_is_and_not_kept(
        self, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "lib").mkdir()
        module = tmp_path / "lib" / "edited.js"
        module.write_text("1")
        monkeypatch.setattr(browser, "FOLDER", tmp_path)
        browser_files.registered.cache_clear()
        try:
            path = f"/api/lib/{browser_files.version()}/vae/browser/lib/edited.js"
            assert "immutable" in client.get(path).headers["Cache-Control"]
            module.write_text("22")
            answer = client.get(path)
            assert (answer.body, answer.headers["Cache-Control"]) == (b"22", "no-store")
            module.unlink()
            assert client.get(path).status == 404
        finally:
            browser_files.registered.cache_clear()

    def test_other_machines_get_files_compressed_and_computed_answers_as_they_are(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(guard, "_is_local", lambda scope: False)
        path = f"/api/plotly/{browser_files.version()}/plotly.min.js"
        answer = client.get(path, Accept_Encoding="gzip")
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.body) == client.get(path).body
        assert "Content-Encoding" not in client.get("/api/runs/short/latent", Accept_Encoding="gzip").headers


class TestStreamlitsFiles:
    @pytest.fixture
    def script(self) -> str:
        return next(name for name in streamlits_files() if re.fullmatch(r"js/index\.\w+\.js", name))

    def test_they_are_answered_as_streamlit_has_them_and_may_be_kept_for_ever(
        self, client: Client, script: str
    ) -> None:
        for name, kind in ((script, "text/javascript; charset=utf-8"), (_font(), "font/woff2")):
            answer = client.get(f"/static/{name}", Accept_Encoding="gzip")
            assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
            assert "immutable" in answer.headers["Cache-Control"]
            assert "Content-Encoding" not in answer.headers
            assert answer.body == streamlits_files()[name].read_bytes()
            again = client.get(f"/static/{name}", If_None_Match=answer.headers["ETag"])
            assert (again.status, again.body) == (304, b"")

    def test_other_machines_get_scripts_compressed_and_fonts_as_they_are(
        self, client: Client, script: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(guard, "_is_local", lambda scope: False)
        answer = client.get(f"/static/{script}", Accept_Encoding="gzip")
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.body) == streamlits_files()[script].read_bytes()
        assert "Content-Encoding" not in client.get(f"/static/{_font()}", Accept_Encoding="gzip").headers

    @pytest.mark.parametrize(
        "path",
        [
            "/static/js/none.js",
            "/static/",
            "/static/../routes.py",
            "/static/js/..%2f..%2findex.html",
            "/js/x.js",
        ],
    )
    def test_what_is_none_of_them_is_left_to_streamlit(self, client: Client, path: str) -> None:
        assert client.get(path).body == b"Not Found"  # of an application without Streamlit's routes

    @pytest.mark.parametrize(
        ("method", "path", "is_ours"),
        [
            ("GET", "/course/vae/static/{}", True),
            ("HEAD", "/course/vae/static/{}", False),
            ("GET", "/static/{}", False),
            ("GET", "/course/vae/{}", False),
        ],
    )
    def test_below_a_base_path(
        self, monkeypatch: pytest.MonkeyPatch, script: str, method: str, path: str, is_ours: bool
    ) -> None:
        passed: list[str] = []
        sent: list[Any] = []

        async def others(scope: Any, receive: Any, send: Any) -> None:
            passed.append(scope["path"])

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.request"}

        monkeypatch.setattr(settings, "base_path", lambda: "course/vae")
        scope = {"type": "http", "method": method, "path": path.format(script), "headers": []}
        asyncio.run(static_files.StreamlitsFiles(others)(scope, receive, send))
        assert passed == ([] if is_ours else [scope["path"]])
        body = b"".join(message.get("body", b"") for message in sent)
        assert body == (streamlits_files()[script].read_bytes() if is_ours else b"")


def _font() -> str:
    return next(name for name in streamlits_files() if name.endswith(".woff2"))
