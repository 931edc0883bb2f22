"""Injects our first script, `components/streamlit/address.js`, into Streamlit's page before its own scripts."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.server import browser_files

_HEAD = b"<head>"


class FirstScript:
    """Adds one script to the head of every page of HTML that is not ours; such a page goes uncompressed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; a page of HTML is held until it is whole."""
        if (
            scope["type"] != "http"
            or scope["method"] != "GET"
            or "text/html" not in Headers(scope=scope).get("accept", "")
        ):
            await self.app(scope, receive, send)
            return
        scope = {**scope, "headers": [item for item in scope["headers"] if item[0] != b"accept-encoding"]}
        start: Message | None = None
        body = b""

        async def send_page(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_page(Headers(raw=message["headers"])):
                start = message
            elif start is None or message["type"] != "http.response.body":
                await send(message)
            else:
                body += message.get("body", b"")
                if message.get("more_body", False):
                    return
                page = body.replace(_HEAD, _HEAD + _script(), 1)
                MutableHeaders(scope=start)["Content-Length"] = str(len(page))
                await send(start)
                await send({"type": "http.response.body", "body": page})

        await self.app(scope, receive, send_page)


def _is_page(headers: Headers) -> bool:
    return headers.get("content-type", "").startswith("text/html") and "content-encoding" not in headers


def _script() -> bytes:
    # Relative to the page's address, as Streamlit's own are: below a base path too.
    address = f"./api/lib/{browser_files.version()}/dashboard/components/streamlit/address.js"
    return f'<script type="module" src="{address}"></script>'.encode()
