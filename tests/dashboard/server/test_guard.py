"""The guard before every request: names of the host, pages that ask, frames, and the folders that visitors may name."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import anyio
import pytest
from streamlit import config

from dashboard import settings
from dashboard.server import guard
from vae.errors import UserError


@pytest.fixture(autouse=True)
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that is meant for this machine alone, and no wish of the operator's."""
    for name in (settings.HOSTS_VARIABLE, settings.FRAMES_VARIABLE, settings.DATA_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    before = config.get_option("server.address")
    config.set_option("server.address", "localhost")
    yield
    config.set_option("server.address", before)


@pytest.fixture
def shared() -> None:
    """A server that listens for other machines."""
    config.set_option("server.address", "0.0.0.0")


class Asked:
    """What became of one request that went through the guard."""

    def __init__(
        self, path: str, headers: list[tuple[str, str]], *, kind: str = "http", method: str = "GET"
    ) -> None:
        self.reached: dict[str, Any] | None = None
        self.said: list[Any] = []
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        scope = {"type": kind, "path": path, "headers": raw, "method": method, "client": ("127.0.0.1", 5)}
        anyio.run(guard.Guard(self._app), scope, self._receive, self._send)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.reached = scope
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async def _receive(self) -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def _send(self, message: Any) -> None:
        self.said.append(message)

    @property
    def status(self) -> int:
        return int(self.said[0]["status"])

    @property
    def sentence(self) -> str:
        return str(json.loads(self.said[1]["body"])["error"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.said[0]["headers"]}


def get(path: str = "/api/runs/a/stream", host: str = "localhost:8501", **headers: str) -> Asked:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Asked(path, [("host", host), *named])


def socket_of(origin: str | None, host: str = "localhost:8501") -> Asked:
    headers = [("host", host)] + ([] if origin is None else [("origin", origin)])
    return Asked("/_stcore/stream", headers, kind="websocket")


class TestHost:
    @pytest.mark.parametrize(
        "host",
        ["localhost", "localhost:8501", "LOCALHOST.", "127.0.0.1:1", "127.0.0.2", "[::1]:8501", "[0:0::1]",
         "lab.localhost"],
    )  # fmt: skip
    def test_names_of_this_machine_are_answered(self, host: str) -> None:
        assert get(host=host).status == 200

    @pytest.mark.parametrize(
        "host",
        ["evil.example", "evil.example:8501", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.7", "0.0.0.0",
         "[::1].evil", "[::1]evil:80", "[::1", "::1", "localhost:8501:evil", "localhost:0", "localhost:99999",
         "localhost@evil.example", "localhost evil", "localhost/", "", "localhost\t.evil", "evil-localhost",
         "xlocalhost", "127.1", "2130706433", "\xb2localhost"],
    )  # fmt: skip
    def test_all_else_is_refused_before_it_reaches_anything(self, host: str) -> None:
        asked = get(host=host)
        assert asked.reached is None and asked.status == 400
        assert "localhost" in asked.sentence and len(asked.sentence) <= 400
        websocket = socket_of(None, host)
        assert websocket.reached is None
        assert [message["type"] for message in websocket.said] == ["websocket.close"]

    @pytest.mark.parametrize("hosts", [[], ["localhost", "localhost"], ["localhost", "evil.example"]])
    def test_a_request_names_its_host_once(self, hosts: list[str]) -> None:
        asked = Asked("/", [("host", host) for host in hosts])
        assert asked.reached is None and "once" in asked.sentence

    def test_user_may_allow_further_names(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(settings.HOSTS_VARIABLE, "Lab.example:80, other.example,*.course.example,")
        for host in ("lab.example:8501", "other.example", "a.course.example:80", "a.b.course.example"):
            assert get(host=host).status == 200, host
        for host in ("course.example", "xcourse.example", "lab.example.evil", "example"):
            assert get(host=host).status == 400, host


class TestHostOfASharedServer:
    pytestmark = pytest.mark.usefixtures("shared")

    @pytest.mark.parametrize(
        "host", ["192.168.1.5:8501", "10.0.0.7", "[fe80::1]:8501", "localhost", "127.0.0.1:80"]
    )
    def test_addresses_in_numbers_are_answered(self, host: str) -> None:
        assert get(host=host).status == 200

    def test_own_name_is_answered(self) -> None:
        assert get(host=f"{socket.gethostname()}:8501").status == 200

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "192.168.1.5.evil.example",
            "[::1].evil",
            "[fe80::1]x",
            "[1.2.3.4]",
            "192.168.1.5:x",
        ],
    )
    def test_names_of_other_machines_are_refused(self, host: str) -> None:
        asked = get(host=host)
        assert asked.reached is None and asked.status == 400

    def test_no_address_at_all_listens_for_everybody_too(self) -> None:
        config.set_option("server.address", None)
        assert get(host="192.168.1.5").status == 200 and get(host="evil.example").status == 400

    def test_name_that_it_listens_on_is_answered(self) -> None:
        config.set_option("server.address", "lab.example")
        assert get(host="lab.example:8501").status == 200


class TestPages:
    @pytest.mark.parametrize(
        "origin", ["http://localhost:8501", "HTTP://LOCALHOST:8501", "https://localhost:8501", None]
    )
    def test_websocket_of_the_own_page_is_passed_on_with_an_origin_that_streamlit_knows(
        self, origin: str | None
    ) -> None:
        reached = socket_of(origin).reached
        assert reached is not None
        origins = [value for name, value in reached["headers"] if name == b"origin"]
        assert origins == ([] if origin is None else [b"http://localhost:8501"])

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_usual_port_need_not_be_said(self, scheme: str) -> None:
        port = {"http": 80, "https": 443}[scheme]
        assert socket_of(f"{scheme}://localhost", "localhost").reached is not None
        assert socket_of(f"{scheme}://localhost", f"localhost:{port}").reached is not None
        assert socket_of(f"{scheme}://localhost:{port}", "localhost").reached is not None

    @pytest.mark.parametrize(
        "origin",
        ["http://evil.example", "http://localhost:9999", "http://localhost", "http://127.0.0.1:8501", "null", "",
         "file://", "http://localhost:8501.evil.example", "http://localhost:8501@evil.example", "chrome-extension://abc",
         "http://[::1]:8501", "http://[", "http://0.0.0.0:8501", "ftp://localhost:8501", "localhost:8501"],
    )  # fmt: skip
    def test_what_a_foreign_page_asks_reaches_nothing(self, origin: str) -> None:
        assert socket_of(origin).reached is None
        for path in ("/api/runs/a/decode", "/", "/_stcore/upload_file/a", "/media/a.zip"):
            asked = get(path, origin=origin)
            assert asked.reached is None and asked.status == 403

    def test_two_origins_are_refused(self) -> None:
        origin = ("origin", "http://localhost:8501")
        asked = Asked("/_stcore/stream", [("host", "localhost:8501"), origin, origin], kind="websocket")
        assert asked.reached is None

    def test_origin_that_the_operator_lists_is_answered(self) -> None:
        before = config.get_option("server.corsAllowedOrigins")
        config.set_option("server.corsAllowedOrigins", ["https://lab.example"])
        try:
            reached = socket_of("https://lab.example").reached
            assert reached is not None and (b"origin", b"http://localhost:8501") in reached["headers"]
            assert socket_of("https://lab.example:9").reached is None
        finally:
            config.set_option("server.corsAllowedOrigins", before)

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", "nonsense"])
    @pytest.mark.parametrize(
        "path", ["/api/runs/a/sheet.png", "/api/runs/a/stream", "/media/a.zip", "/_stcore/health"]
    )
    def test_pictures_scripts_and_links_into_the_routes_are_refused(self, site: str, path: str) -> None:
        for mode, dest in (("no-cors", "image"), ("no-cors", "script"), ("cors", "empty")):
            asked = get(path, sec_fetch_site=site, sec_fetch_mode=mode, sec_fetch_dest=dest)
            assert asked.reached is None and asked.status == 403
        if not path.startswith("/media"):
            assert (
                get(path, sec_fetch_site=site, sec_fetch_mode="navigate", sec_fetch_dest="document").reached
                is None
            )

    def test_link_from_another_site_opens_a_page(self) -> None:
        link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
        assert get("/explore", **link).status == 200
        form = Asked(
            "/explore",
            [("host", "localhost"), *((name.replace("_", "-"), value) for name, value in link.items())],
            method="POST",
        )
        assert form.reached is None

    @pytest.mark.parametrize("site", ["same-origin", "none"])
    def test_own_page_and_the_address_bar_are_answered(self, site: str) -> None:
        assert get(sec_fetch_site=site, sec_fetch_mode="cors", sec_fetch_dest="empty").status == 200

    def test_browser_that_names_only_the_referring_page_is_understood(self) -> None:
        """Over plain HTTP to another machine a browser says no more than that."""
        for path, referer, answered in (
            ("/api/runs/a/sheet.png", "http://localhost:8501/train?run=a", True),
            ("/api/runs/a/sheet.png", "http://localhost:9999/", False),
            ("/api/runs/a/sheet.png", "http://evil.example/?x=http://localhost:8501/", False),
            ("/_stcore/health", "https://evil.example/", False),
            ("/explore", "https://course.example/week-3", True),
        ):
            assert (get(path, referer=referer).reached is not None) == answered, (path, referer)

    def test_program_that_is_no_browser_is_answered(self) -> None:
        assert get().status == 200


class TestFrames:
    framed: ClassVar = {
        "sec_fetch_site": "cross-site",
        "sec_fetch_mode": "navigate",
        "sec_fetch_dest": "iframe",
    }

    @pytest.mark.parametrize("path", ["/", "/train", "/api/runs/a/decode", "/static/js/index.js"])
    def test_every_answer_says_that_only_own_pages_may_frame_it(self, path: str) -> None:
        headers = get(path).headers
        assert headers["content-security-policy"] == "frame-ancestors 'self'"
        assert headers["x-frame-options"] == "SAMEORIGIN"

    @pytest.mark.parametrize("dest", ["iframe", "frame", "embed", "object", "fencedframe"])
    def test_foreign_frame_gets_no_page(self, dest: str) -> None:
        asked = get("/", **{**self.framed, "sec_fetch_dest": dest})
        assert asked.reached is None and settings.FRAMES_VARIABLE in asked.sentence

    def test_operator_may_allow_frames(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(settings.FRAMES_VARIABLE, "https://course.example, http://*.uni.example:8000")
        asked = get("/", **self.framed)
        rule = "frame-ancestors 'self' https://course.example http://*.uni.example:8000"
        assert asked.status == 200 and asked.headers["content-security-policy"] == rule
        assert "x-frame-options" not in asked.headers
        assert get("/api/runs/a/decode", **self.framed).reached is None

    def test_no_other_rule_can_be_smuggled_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(
            settings.FRAMES_VARIABLE, "https://a.example; script-src *;,'none' 'unsafe-inline'"
        )
        assert get("/").headers["content-security-policy"] == "frame-ancestors 'self'"


class TestOwnData:
    """Which images on the server's disk a visitor may name."""

    def test_on_the_users_own_machine_any_may_be_named(self) -> None:
        assert settings.data_roots() is None
        assert settings.own_data("/etc/hosts") == Path("/etc/hosts")

    @pytest.mark.parametrize("text", ["/etc/passwd", "a.npz", "..", "~", "/nowhere/at/all"])
    def test_on_a_shared_server_none_may(self, shared: None, text: str) -> None:
        with pytest.raises(UserError, match=r"offers \(none\)"):
            settings.own_data(text)

    def test_below_an_offered_folder_they_may(
        self, shared: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        offered, other, secret = tmp_path / "offered", tmp_path / "other", tmp_path / "secret"
        for folder in (offered, other, secret, tmp_path / "offered-not"):
            folder.mkdir()
        (offered / "way-out").symlink_to(secret)
        (offered / "circle").symlink_to("circle")
        monkeypatch.setenv(settings.DATA_VARIABLE, f"{offered}{os.pathsep}{other}{os.pathsep}")
        for text, path in (
            (str(offered / "a.npz"), offered / "a.npz"), ("digits", offered / "digits"), (str(other), other),
            (f"{offered}/../other/b", other / "b"),
        ):  # fmt: skip
            assert settings.own_data(text) == path.resolve()
        outside = [
            str(secret), f"{offered}/../secret", "../secret", str(offered / "way-out"), "way-out/a.npz",
            f"{offered}-not/a", "/", "circle/../../secret/a",
        ]  # fmt: skip
        for text in outside:
            with pytest.raises(UserError, match="must be in one of the folders"):
                settings.own_data(text)

    def test_refusal_does_not_tell_what_is_there(self, shared: None, tmp_path: Path) -> None:
        (tmp_path / "here").touch()
        sentences = []
        for name in ("here", "gone"):
            with pytest.raises(UserError) as caught:
                settings.own_data(str(tmp_path / name))
            sentences.append(str(caught.value).replace(name, ""))
        assert sentences[0] == sentences[1]

    @pytest.mark.parametrize("text", ["~nosuchuser/x", "a\0b"])
    def test_what_is_no_path_gets_a_sentence(self, text: str) -> None:
        with pytest.raises(UserError, match="a path must name a file or folder"):
            settings.own_data(text)

    def test_offered_folders_bind_on_ones_own_machine_too(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(settings.DATA_VARIABLE, str(tmp_path))
        with pytest.raises(UserError, match="must be in"):
            settings.own_data("/etc/hosts")
