"""Stands before every request: refuses foreign host names, and gives our answers their headers."""

from __future__ import annotations

import ipaddress
from functools import cache

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard import settings

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class Guard:
    """Checks the host name where the server is meant for this machine alone, websockets included.

    A page of another site can have its own name resolve to this machine (DNS rebinding); the browser then sends that
    name, and is refused. Answers below `/api/` say that nobody is to guess their type or embed them elsewhere, and go
    uncompressed to this machine: compressing 14 MB takes longer than copying them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        host = host_name(Headers(scope=scope).get("host", ""))
        allowed = allowed_hosts()
        if allowed is not None and host not in allowed and not host.endswith(".localhost"):
            await _refuse(host, scope, receive, send)
            return
        if scope["type"] == "websocket" or "/api/" not in scope["path"]:
            await self.app(scope, receive, send)
            return
        if _is_local(scope):
            scope = {**scope, "headers": [item for item in scope["headers"] if item[0] != b"accept-encoding"]}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
            await send(message)

        await self.app(scope, receive, send_with_headers)


@cache
def allowed_hosts() -> frozenset[str] | None:
    """Names under which the server may be opened; None for any, where it is meant for other machines too."""
    from streamlit import config

    address = config.get_option("server.address")
    if not address or not _is_loopback(address):
        return None
    return _HERE | {host_name(name) for name in (address, *settings.extra_hosts())}


def host_name(host: str) -> str:
    """The name of a host header, without port and brackets, in lower case."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def _is_loopback(address: str) -> bool:
    if address.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_local(scope: Scope) -> bool:
    client = scope.get("client")
    return client is not None and _is_loopback(client[0])


async def _refuse(host: str, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": "foreign host name"})
        return
    sentence = (
        f"this dashboard is for this machine alone and was opened as {host[:80]!r}; open it as localhost, or start it "
        f"with {settings.HOSTS_VARIABLE}={host[:80]}"
    )
    await JSONResponse({"error": sentence}, 400)(scope, receive, send)
