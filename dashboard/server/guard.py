"""Checks every request: host name, origin and frame, so that other sites reach nothing.

A browser tells of each request where it comes from. What a page of another site or port asks for is refused before
anything is looked up or computed, Streamlit's websocket included; such a page may only lead here by a link.
"""

from __future__ import annotations

import re
import socket
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard import settings
from dashboard.streamlit_internals import BROWSER_FILES, INTERNAL, allows_origin

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
#: A host header: a name or an IPv4 address, or an IPv6 address in brackets; then, perhaps, a port.
_HOST = re.compile(
    r"(?:(?P<name>[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?)\.?|\[(?P<v6>[0-9a-f:.]{2,45}(?:%[a-z0-9]{1,15})?)\])"
    r"(?::(?P<port>[0-9]{1,5}))?",
    re.ASCII | re.IGNORECASE,
)
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
#: What a browser puts a page of another origin into.
_FRAMES = frozenset({"iframe", "frame", "fencedframe", "embed", "object"})


class Guard:
    """Refuses foreign host names, foreign pages and foreign frames; gives answers their headers.

    - A page of another site can have its own name resolve to this machine (DNS rebinding); the browser then sends that
      name, and is refused: see `allows_host`.
    - A websocket or request whose `Origin` is not the host that it asks is refused, and so is what the browser itself
      calls cross-site or same-site (another port), unless it opens a page by a link.
    - Every answer says who may frame it: the server's own pages, and what the operator names.
    - Answers below `/api/` say that nobody is to guess their type or embed them elsewhere. They and Streamlit's files
      go uncompressed to this machine: compressing 14 MB takes longer than copying them. Other machines get files
      compressed once for all (`static_files`); what is computed is never compressed, for that would hold up all other
      answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if (sentence := _host_refusal(headers)) is not None:
            await _refuse(sentence, 400, scope, receive, send)
            return
        if (sentence := _page_refusal(scope, headers)) is not None:
            await _refuse(sentence, 403, scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self.app(_same_origin(scope, headers), receive, send)
            return
        is_ours = "/api/" in scope["path"]
        is_file = _is_file(scope["path"])
        if (is_ours or is_file) and (_is_local(scope) or not is_file):
            scope = {**scope, "headers": [item for item in scope["headers"] if item[0] != b"accept-encoding"]}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                _say_who_may_frame(headers)
                if is_ours:
                    headers["X-Content-Type-Options"] = "nosniff"
                    headers["Cross-Origin-Resource-Policy"] = "same-origin"
            await send(message)

        await self.app(scope, receive, send_with_headers)


# The name under which the server is opened ----------------------------------------------------------------------------


def allows_host(host: str) -> bool:
    """Whether the server may be opened under the name of a host header.

    On a server that is meant for this machine alone these are the machine's own names, and what the operator allows.
    On one that listens for other machines an address in numbers is allowed too, since no web page can take it for its
    own name, and the name of this computer.
    """
    parsed = parse_host(host)
    if parsed is None:
        return False
    exact, endings, is_here = _rules(settings.server_address(), tuple(settings.extra_hosts()))
    name = parsed[0]
    return (
        name in exact
        or name.endswith(endings)
        or ((number := settings.ip_number(name)) is not None and (number.is_loopback or not is_here))
    )


@lru_cache(8)
def _rules(address: str, extra: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...], bool]:
    """Names that are allowed, endings that are, and whether the server is meant for this machine alone."""
    is_here = settings.is_loopback(address)
    allowed = [address, *extra]
    if not is_here:
        own = socket.gethostname()
        allowed += [own, f"{own}.local", own.partition(".")[0]]
    names = {parsed[0] for name in allowed if (parsed := parse_host(name)) is not None}
    endings = {".localhost"} | {name.strip().lower()[1:] for name in extra if name.startswith("*.")}
    return _HERE | names, tuple(endings), is_here


def parse_host(host: str) -> tuple[str, int | None] | None:
    """Name (lower case, without brackets and a final dot) and port of a host header; None if it is none."""
    match = _HOST.fullmatch(host.strip())
    if match is None:
        return None
    port = match["port"]
    if port is not None and not 1 <= int(port) <= 65535:
        return None
    if match["v6"] is not None:
        number = settings.ip_number(match["v6"])
        return None if number is None or number.version != 6 else (match["v6"].lower(), _int(port))
    return match["name"].lower(), _int(port)


def _int(text: str | None) -> int | None:
    return None if text is None else int(text)


def _is_file(path: str) -> bool:
    """Whether one of the files is asked for that are compressed beforehand."""
    return BROWSER_FILES in path or any(f"/api/{shelf}/" in path for shelf in ("lib", "runtime", "plotly"))


def _is_local(scope: Scope) -> bool:
    client = scope.get("client")
    return client is not None and settings.is_loopback(client[0])


def _host_refusal(headers: Headers) -> str | None:
    hosts = headers.getlist("host")
    if len(hosts) == 1 and allows_host(hosts[0]):
        return None
    host = hosts[0][:80] if hosts else ""
    parsed = parse_host(host)
    if len(hosts) != 1 or parsed is None:
        return f"a request must give its host once, as a name with or without a port, got {host!r}; open localhost"
    return (
        f"this dashboard was opened as {host!r}, which is not one of its names; open it as localhost or by its IP "
        f"address, or start it with {settings.HOSTS_VARIABLE}={parsed[0]}"
    )


# The page that asks ---------------------------------------------------------------------------------------------------


def _page_refusal(scope: Scope, headers: Headers) -> str | None:
    """Why a request of a foreign page is refused; None if it is no such request."""
    origins = headers.getlist("origin")
    if origins and (len(origins) > 1 or not _is_allowed_origin(origins[0], headers["host"])):
        return f"a page at {origins[0][:80]!r} may not send requests to this dashboard; open the dashboard itself"
    site = headers.get("sec-fetch-site", _site_of_referer(headers)).strip().lower()
    if scope["type"] == "websocket" or origins or site in ("none", "same-origin"):
        return None
    is_link = (
        headers.get("sec-fetch-mode", "navigate") == "navigate"
        and scope["method"] in ("GET", "HEAD")
        and "/api/" not in scope["path"]
        and INTERNAL not in scope["path"]
    )
    is_framed = headers.get("sec-fetch-dest", "") in _FRAMES
    if is_link and not (is_framed and not settings.frame_ancestors()):
        return None
    if is_framed:
        return (
            "other sites may not show this dashboard in a frame; open it in its own tab, or start it with "
            f"{settings.FRAMES_VARIABLE}=https://course.example"
        )
    return "other sites may only link to this dashboard's pages; open the dashboard itself"


def _site_of_referer(headers: Headers) -> str:
    """Where a request comes from, of a browser that does not say so itself: over plain HTTP to another machine."""
    referer = headers.get("referer", "")
    return "none" if not referer or _is_allowed_origin(referer, headers["host"]) else "cross-site"


def _is_allowed_origin(origin: str, host: str) -> bool:
    """Whether a page of this origin is one of ours: same host and port, or one that Streamlit's setting lists."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    theirs, ours = parse_host(parts.netloc), parse_host(host)
    if allows_origin(origin):
        return True
    if parts.scheme not in ("http", "https") or theirs is None or ours is None:
        return False
    usual = _PORTS[parts.scheme]
    return (theirs[0], theirs[1] or usual) == (ours[0], ours[1] or usual)


def _same_origin(scope: Scope, headers: Headers) -> Scope:
    """The request with its origin as Streamlit compares it, letter by letter: what is asked here is allowed."""
    if "origin" not in headers:
        return scope
    ours = f"http://{headers['host']}".encode("latin-1")
    rest = [item for item in scope["headers"] if item[0] != b"origin"]
    return {**scope, "headers": [*rest, (b"origin", ours)]}


def _say_who_may_frame(headers: MutableHeaders) -> None:
    ancestors = settings.frame_ancestors()
    rule = " ".join(["frame-ancestors 'self'", *ancestors])
    before = headers.get("content-security-policy")
    headers["Content-Security-Policy"] = f"{before}; {rule}" if before else rule
    if not ancestors:
        headers["X-Frame-Options"] = "SAMEORIGIN"  # for what does not know the line above


async def _refuse(sentence: str, status: int, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
        return
    await JSONResponse({"error": sentence}, status)(scope, receive, send)
