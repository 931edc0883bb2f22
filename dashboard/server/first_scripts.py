"""Puts our first scripts and the one style sheet into the head of Streamlit's page, before its own scripts."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.look import controls
from dashboard.server import browser_files
from dashboard.streamlit_internals import HEAD

#: What is there before Streamlit draws: one entry of the history for one choice, the frame, its style.
_SCRIPTS = ("dashboard/streamlit_internals/address.js", "dashboard/streamlit_internals/frame.js")
_STYLE = "dashboard/look/streamlit.css"


class FirstScripts:
    """Adds them to the head of every page of HTML that is not ours; such a page goes uncompressed."""

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
                page = body.replace(HEAD, HEAD + _first(), 1)
                MutableHeaders(scope=start)["Content-Length"] = str(len(page))
                await send(start)
                await send({"type": "http.response.body", "body": page})

        await self.app(scope, receive, send_page)


def _is_page(headers: Headers) -> bool:
    return headers.get("content-type", "").startswith("text/html") and "content-encoding" not in headers


def _first() -> bytes:
    # Relative to the page's address, as Streamlit's own are: below a base path too.
    place = f"./api/lib/{browser_files.version()}"
    scripts = "".join(f'<script type="module" src="{place}/{name}"></script>' for name in _SCRIPTS)
    names = f'<script type="application/json" id="latent-lab-controls">{controls.for_browser()}</script>'
    return f'<link rel="stylesheet" href="{place}/{_STYLE}">{names}{scripts}'.encode()
