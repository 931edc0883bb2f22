"""Read-only routes beside Streamlit's own: browser modules, metrics streams, ONNX files, latent positions, pictures.

Nothing here changes a run. Every parameter is checked and bounded; a refusal is ``{"error": sentence}`` with status 400
or 404. Files are handed out from lists made here, never by a path that a client named.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from dashboard import settings
from dashboard.cache import models
from dashboard.server import ending, exports, run_files, static_files
from dashboard.server.answers import computations, reads, refusal, route
from dashboard.server.first_scripts import FirstScripts
from dashboard.server.guard import Guard
from dashboard.server.http import run_of
from dashboard.server.run_stream import MOST_RUNS, Follow, Streams
from dashboard.server.topics import TOPICS
from dashboard.views.collapse import routes as collapse_api
from dashboard.views.compare import routes as compare_api
from dashboard.views.evaluate import routes as evaluate_api
from dashboard.views.explore import routes as path_api
from dashboard.views.map import routes as map_api
from dashboard.views.train import routes as train_api
from vae.errors import UserError
from vae.runs.listing import find_run

_streams = Streams()


async def _stream(request: Request) -> Response:
    """One run, followed for as long as the client likes."""
    try:
        run = await reads.run("", partial(run_of, request))
    except Exception as error:
        return refusal(error)
    after = request.headers.get("last-event-id") or request.query_params.get("after") or None
    return _streams.response([(run, after)], {}, holds=True)


async def _stream_of_runs(request: Request) -> Response:
    """All that a browser follows: each `run` is an id, ``ID~PLACE`` where it is known up to a place, or a topic."""
    asked = request.query_params.getlist("run")
    if not 1 <= len(asked) <= MOST_RUNS:
        sentence = f"run must be given 1 to {MOST_RUNS} times, got {len(asked)}; follow fewer"
        return refusal(UserError(sentence))
    if "probe" in request.query_params:
        return _streams.refusal() or JSONResponse({})
    follows: dict[str, Follow] = {}
    missing: dict[str, str] = {}

    def find() -> None:
        for text in asked:
            run_id, _, after = text.partition("~")
            if run_id in TOPICS:
                follows[run_id] = (TOPICS[run_id], None)
                continue
            try:
                follows[run_id] = (find_run(run_id, settings.roots()), after or None)
            except UserError as error:
                missing[run_id] = str(error)

    try:
        await reads.run("", find)
    except Exception as error:
        return refusal(error)
    return _streams.response(list(follows.values()), missing, holds=False)


async def _health(request: Request) -> Response:
    """That the server is there, which pages ask that lost it, and how busy it is."""
    busy = {"streams": _streams.num, "runs": _streams.num_watched, "waiting": computations.num_waiting}
    return JSONResponse(busy, headers={"Cache-Control": "no-store"})


async def _unknown(request: Request) -> Response:
    return JSONResponse({"error": f"there is nothing at {request.url.path[:120]}; reload the page"}, 404)


def routes() -> list[BaseRoute]:
    """All routes, below the server's base path."""
    base = settings.base_path()
    prefix = f"/{base}/api" if base else "/api"
    run = f"{prefix}/runs/{{run_id}}"
    endpoints: dict[str, Callable[[Request], Any]] = {
        **static_files.endpoints(prefix),
        f"{prefix}/health": _health,
        f"{prefix}/stream": _stream_of_runs,
        f"{prefix}/exports/{{token}}": exports.answer,
        f"{run}/stream": _stream,
        **run_files.endpoints(run),
        **{path: route(function) for path, function in path_api.routes(run).items()},
        **map_api.endpoints(run),
        **train_api.endpoints(run),
        **{path: route(function) for path, function in compare_api.routes(run).items()},
        **{path: route(function) for path, function in evaluate_api.routes(run).items()},
        **collapse_api.endpoints(run),
        f"{prefix}/{{rest:path}}": _unknown,
    }
    return [Route(path, endpoint, methods=["GET"]) for path, endpoint in endpoints.items()]


def middleware() -> list[Middleware]:
    """What stands before all requests: the check of the host name, headers, Streamlit's files and the first scripts."""
    return [Middleware(Guard), Middleware(static_files.StreamlitsFiles), Middleware(FirstScripts)]


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
    """End the streams when the server is asked to stop; import torch beside the first page.

    The server waits for open answers before it tells the application of its end, so the signal itself is listened to;
    and it waits without a limit, so there is one here (`dashboard.server.ending`).
    """
    _streams.closing = False
    before: dict[int, Any] = {}

    def stop(number: int, frame: Any) -> None:
        if not _streams.closing:
            ending.within(ending.PATIENCE, 128 + number)
        _streams.closing = True
        if callable(before[number]):
            before[number](number, frame)

    if threading.current_thread() is threading.main_thread():
        for number in (int(signal.SIGINT), int(signal.SIGTERM)):
            before[number] = signal.signal(number, stop)
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
    try:
        yield {}
    finally:
        _streams.closing = True
        for number, handler in before.items():
            if signal.getsignal(number) is stop:
                signal.signal(number, handler)


def _warm_up() -> None:
    with suppress(Exception):
        models.warm_up()
