"""Answers of routes: computed in turn, with an ETag, and every error as a sentence."""

from __future__ import annotations

import copy
import hashlib
import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from dashboard.server.admission import RETRY_SECONDS, Abandoned, Admission, Busy, unless_gone
from vae.errors import UserError

_log = logging.getLogger(__name__)

FOR_EVER = "public, max-age=31536000, immutable"
#: Two quick computations at once: more would only take time from each other and from a trainer.
computations = Admission("computation", at_once=2, in_all=8)
#: What reads a few small files does not wait for them.
reads = Admission("read", at_once=4, in_all=8, of_a_group=4)
#: What answers a client that has gone.
_GONE = 499
#: Bytes that are handed to the connection at once: meanwhile nobody else is served.
_PIECE = 1 << 20


class NotFound(UserError):
    """What was asked for is not there."""


class Pieces(Response):
    """An answer whose parts lie where they were computed: they are not put together first."""

    def __init__(self, pieces: Iterable[memoryview], headers: dict[str, str]) -> None:
        super().__init__(None, headers=headers, media_type="application/octet-stream")
        self.pieces = list(pieces)
        self.headers["Content-Length"] = str(sum(piece.nbytes for piece in self.pieces))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, as fast as the client takes it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for piece in self.pieces:
            for start in range(0, len(piece), _PIECE):
                await send(
                    {
                        "type": "http.response.body",
                        "body": bytes(piece[start : start + _PIECE]),
                        "more_body": True,
                    }
                )
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def tagged(request: Request, content: bytes | list[memoryview], media_type: str) -> Response:
    """An answer that a browser may keep, and asks about again by its tag.

    Args:
        request: What is answered.
        content: All of it, or its parts.
        media_type: Of all of it; parts are bytes.
    """
    found = hashlib.sha256()
    for piece in [content] if isinstance(content, bytes) else content:
        found.update(piece)
    tag = f'"{found.hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if isinstance(content, bytes):
        return Response(content, media_type=media_type, headers=headers)
    return Pieces(content, headers)


def refusal(error: Exception) -> Response:
    """An error as ``{"error": sentence}``: 404, 400, 503 for one that passes, or 500 for one that nobody foresaw."""
    if isinstance(error, Busy):
        return JSONResponse({"error": str(error)}, 503, headers={"Retry-After": str(RETRY_SECONDS)})
    if isinstance(error, UserError):
        return JSONResponse({"error": str(error)}, 404 if _is_missing(error) else 400)
    if isinstance(error, Abandoned):
        return Response(status_code=_GONE)
    _log.exception("a route failed", exc_info=error)
    return JSONResponse({"error": "something went wrong; details are in the server's log"}, 500)


def _is_missing(error: Exception) -> bool:
    """Whether what was asked for is not on this machine. By name: importing the classes here would import torch."""
    return any(
        kind.__name__ in ("NotFound", "RunError", "CheckpointError", "DataError")
        for kind in type(error).__mro__
    )


def route(
    function: Callable[[Request], Response], admission: Admission = computations
) -> Callable[[Request], Any]:
    """An endpoint that computes in a thread when its turn comes, and answers every error with a sentence.

    Whoever asks the same while it computes gets the same answer; when all who asked have gone, it is not begun.
    """

    async def endpoint(request: Request) -> Response:
        group = request.path_params.get("run_id", "")
        key = (request.url.path, request.url.query, request.headers.get("if-none-match"))
        try:
            answer = await unless_gone(request.receive, admission.run(group, partial(function, request), key))
        except Exception as error:
            return refusal(error)
        return _own(answer) if answer is not None else Response(status_code=_GONE)

    return endpoint


def _own(answer: Response) -> Response:
    """A client's own copy of an answer that several get: what stands before the routes writes into its headers."""
    own = copy.copy(answer)
    own.raw_headers = list(answer.raw_headers)
    return own
