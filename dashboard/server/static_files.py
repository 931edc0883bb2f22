"""Our browser files and Streamlit's, served from memory.

A first visit asks for a hundred files of Streamlit's, whose own way opens, reads and closes each in other threads: a
fifth of the visit's processor time on the server.

A file that is edited while the server runs is handed out as it is now; only what is still as it was when the server
registered its components may be kept by browsers under that version's address.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard import settings
from dashboard.server import browser_files
from dashboard.server.answers import FOR_EVER, NotFound, reads, refusal
from dashboard.streamlit_internals import BROWSER_FILES
from dashboard.streamlit_internals import browser_files as streamlits_files

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
#: Asks V8 to compile a script's functions while it is read, beside the page's own thread; elsewhere a comment.
_EAGERLY = b"//# allFunctionsCalledOnLoad\n"


@dataclass
class _File:
    """A file as it was read."""

    path: Path
    stamp: browser_files.Stamp
    content: bytes
    tag: str
    #: The same, compressed, once a client has asked for it.
    compressed: bytes = field(default=b"", repr=False)

    @property
    def is_current(self) -> bool:
        """Whether it still is what is on the disk."""
        try:
            return browser_files.stamp(self.path) == self.stamp
        except OSError:
            return False

    @property
    def is_registered(self) -> bool:
        """Whether it is what the version of this process means."""
        return browser_files.registered().stamps.get(self.path) == self.stamp

    def compress(self) -> bytes:
        """Make it smaller, once for all clients."""
        self.compressed = self.compressed or gzip.compress(self.content, 6, mtime=0)
        return self.compressed


class _Shelf:
    """Files that may be handed out, by name.

    Args:
        listed: Reads from the disk which they are.
        before: Bytes that stand before each.
    """

    def __init__(self, listed: Callable[[], Mapping[str, Path]], before: bytes = b"") -> None:
        self._listed, self._before = listed, before
        self._files: dict[str, _File] = {}

    async def get(self, name: str) -> _File:
        """A file: from memory, or read in a thread, once for all who ask, if it is not there or has changed.

        Raises:
            NotFound: If there is none of that name.
        """
        known = self._files.get(name)
        if known is not None and known.is_current:
            return known
        return await reads.run(name, partial(self._read, name), (self, name))

    def _read(self, name: str) -> _File:
        path = self._listed().get(name)
        if path is None:
            self._files.pop(name, None)
            raise NotFound(f"there is no file {name[:80]!r} here; reload the page")
        stamp = browser_files.stamp(path)
        content = self._before + path.read_bytes()
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        found = self._files[name] = _File(path, stamp, content, tag)
        return found

    async def endpoint(self, request: Request) -> Response:
        """The route: a file, for ever under the address of the version that it is of."""
        try:
            file = await self.get(request.path_params["name"])
            is_kept = file.is_registered and request.path_params["version"] == browser_files.version()
            return await _answer(request, file, is_kept=is_kept)
        except Exception as error:
            return refusal(error)


async def _answer(request: Request, file: _File, *, is_kept: bool) -> Response:
    """A file, compressed for who can read that, or only that the client has it already."""
    headers = {"ETag": file.tag, "Cache-Control": FOR_EVER if is_kept else "no-store"}
    headers["Vary"] = "Accept-Encoding"
    if file.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    content = file.content
    if file.path.suffix != ".woff2" and "gzip" in request.headers.get("accept-encoding", ""):
        content = file.compressed or await reads.run(file.tag, file.compress, ("compressed", file.tag))
        headers["Content-Encoding"] = "gzip"
    return Response(content, media_type=_TYPES[file.path.suffix], headers=headers)


class StreamlitsFiles:
    """Answers for Streamlit what asks for the scripts, styles and fonts of its browser side."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._shelf = _Shelf(streamlits_files)
        base = settings.base_path()
        self._place = f"/{base}{BROWSER_FILES}" if base else BROWSER_FILES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on what is no such file."""
        name = scope.get("path", "").removeprefix(self._place)
        known = streamlits_files().get(name)
        if scope["type"] != "http" or scope["method"] != "GET" or known is None or known.suffix not in _TYPES:
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await _answer(request, await self._shelf.get(name), is_kept=True)
        except Exception as error:
            response = refusal(error)
        await response(scope, receive, send)


def _plotly() -> dict[str, Path]:
    return {"plotly.min.js": browser_files.plotly_file()}


def endpoints(prefix: str) -> dict[str, Callable[[Request], Any]]:
    """The routes, below the address of all."""
    return {
        f"{prefix}/lib/{{version}}/{{name:path}}": _Shelf(browser_files.files).endpoint,
        f"{prefix}/runtime/{{version}}/{{name}}": _Shelf(browser_files.runtime_files).endpoint,
        # With the hint, plotly.js holds up the page for half as long.
        f"{prefix}/plotly/{{version}}/{{name}}": _Shelf(_plotly, _EAGERLY).endpoint,
    }
