"""Read-only routes beside Streamlit's own: browser modules, metrics streams, ONNX files, latent positions, pictures.

Nothing here changes a run. Every parameter is checked and bounded; a refusal is ``{"error": sentence}`` with status 400
or 404. Files are handed out from lists made here, never by a path that a client named.
"""

from __future__ import annotations

import json
import math
import re
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import numpy as np
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from dashboard import settings
from dashboard.cache import models, sheets
from dashboard.cache.models import At, Half
from dashboard.server import packed_arrays, static_files
from dashboard.server.answers import FOR_EVER, computations, reads, refusal, route, tagged
from dashboard.server.guard import Guard
from dashboard.server.inject_history_script import FirstScript
from dashboard.server.run_stream import MOST_RUNS, Follow, Streams
from vae.errors import UserError
from vae.runs.listing import find_run
from vae.runs.run import Run
from vae.runs.snapshot_index import moments

#: Largest coordinate of a latent point that is decoded.
MAX_Z = 1e3
#: Most originals that one request names.
MAX_ROWS = 100
PARTS = ("test", "validation", "train", "all")
_streams = Streams()


# Parameters ----------------------------------------------------------------------------------------------------------


def _run(request: Request) -> Run:
    return find_run(request.path_params["run_id"], settings.roots())


def _at(request: Request, otherwise: str = "best") -> At:
    text = request.query_params.get("at", otherwise)
    if text == "best" or text == "last":
        return text  # type: ignore[return-value]
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise UserError(f"at must be best, last or the step of a snapshot, got {text[:40]!r}; use best")
    return int(text)


def _choice(request: Request, name: str, options: tuple[str, ...]) -> str:
    text = request.query_params.get(name, options[0])
    if text not in options:
        raise UserError(f"{name} must be one of {', '.join(options)}, got {text[:40]!r}; use {options[0]}")
    return text


def _whole(request: Request, name: str, otherwise: int, low: int, high: int) -> int:
    text = request.query_params.get(name, str(otherwise))
    if not re.fullmatch(r"[0-9]{1,10}", text) or not low <= int(text) <= high:
        raise UserError(
            f"{name} must be a whole number from {low} to {high}, got {text[:40]!r}; use {otherwise}"
        )
    return int(text)


def _numbers(text: str, name: str, num: int, limit: float) -> list[float]:
    parts = text.split(",", num)
    if len(parts) != num:
        raise UserError(
            f"{name} must be {num} numbers with commas between, got {text[:40]!r}; add or drop some"
        )
    try:
        values = [float(part) for part in parts]
    except ValueError:
        raise UserError(f"{name} must be numbers with commas between, got {text[:40]!r}; use 0") from None
    if not all(math.isfinite(value) and abs(value) <= limit for value in values):
        raise UserError(f"{name} must be from {-limit:g} to {limit:g}, got {text[:40]!r}; use 0")
    return values


def _weights(request: Request, num_classes: int) -> list[float]:
    """The condition: a class, or a weight from 0 to 1 for each class; the first class if nothing is said."""
    text = request.query_params.get("y", "0")
    if re.fullmatch(r"[0-9]{1,6}", text) and (num_classes != 1 or text == "0"):
        if int(text) >= num_classes:
            raise UserError(f"y must be a class from 0 to {num_classes - 1}, got {text}; use 0")
        return [float(k == int(text)) for k in range(num_classes)]
    values = _numbers(text, "y", num_classes, 1.0)
    if min(values) < 0:
        raise UserError(
            f"y must be weights from 0 to 1, got {text[:40]!r}; use 0 for a class that has no part"
        )
    return values


# Runs ----------------------------------------------------------------------------------------------------------------


def _snapshots(request: Request) -> Response:
    """The run's snapshots, each with a name for its weights, and whether more are to come; `lib/time.js` reads it."""
    run = _run(request)
    listed = [
        {
            "step": moment.step,
            "epoch": moment.epoch,
            "seconds": moment.seconds,
            "beta": moment.beta,
            "rate_per_dim": [round(rate, 5) for rate in moment.rate_per_dim],
            "stamp": models.stamp(run, moment.step),
        }
        for moment in moments(run)
    ]
    content = json.dumps({"state": run.status().state, "snapshots": listed}, separators=(",", ":")).encode()
    return tagged(request, content, "application/json")


def _onnx(request: Request, half: Half) -> Response:
    run, at = _run(request), _at(request)
    answer = tagged(request, models.onnx(run, at, half), "application/octet-stream")
    # A snapshot's weights never change under their name: going through the training again asks nobody.
    if isinstance(at, int) and request.query_params.get("v") == models.stamp(run, at):
        answer.headers["Cache-Control"] = FOR_EVER.replace("public", "private")
    return answer


def _originals(request: Request) -> Response:
    """The images of a part as bytes, and their indices in the data set; with `rows`, those of the part alone."""
    run, part = _run(request), _choice(request, "part", PARTS)
    images = models.dataset(run)
    index = (
        np.arange(len(images.images), dtype=np.int32)
        if part == "all"
        else getattr(images, part).numpy().astype(np.int32)
    )
    if "rows" in request.query_params:
        index = index[_rows(request, len(index))]
    length, pieces = packed_arrays.gathered(
        "images", images.images.numpy(), index, max_value=images.max_value, part=part
    )
    headers = {"Cache-Control": "no-cache", "Content-Length": str(length)}
    return StreamingResponse(pieces, media_type="application/octet-stream", headers=headers)


def _rows(request: Request, num: int) -> list[int]:
    """Places of images in a part, at most so many as a page shows."""
    text = request.query_params["rows"]
    parts = text.split(",", MAX_ROWS)
    if len(parts) > MAX_ROWS or not all(re.fullmatch(r"[0-9]{1,10}", p) and int(p) < num for p in parts):
        raise UserError(
            f"rows must be at most {MAX_ROWS} whole numbers from 0 to {num - 1} with commas between, "
            f"got {text[:40]!r}; use 0"
        )
    return [int(part) for part in parts]


def _surprise(request: Request) -> Response:
    """Percentiles of what training images cost the model, nats per example, and of which images they are."""
    found = models.surprise(_run(request), _at(request))
    content = json.dumps(vars(found), allow_nan=False)
    return tagged(request, content.encode(), "application/json")


def _decode(request: Request) -> Response:
    import torch

    run, at = _run(request), _at(request)
    z = _numbers(request.query_params.get("z", ""), "z", run.config.model.latent_dim, MAX_Z)
    model = models.model(run, at)
    y = torch.tensor([_weights(request, model.num_conditions)]) if model.num_conditions else None
    with torch.inference_mode():
        image = model.decode(torch.tensor([z]), y)[0].numpy()
    return tagged(request, sheets.png(image), "image/png")


def _sheet(request: Request) -> Response:
    run, at = _run(request), _at(request, "last")
    kind = _choice(request, "kind", ("samples", "reconstructions", "manifold"))
    label = request.query_params.get("y")
    content = sheets.draw(
        run,
        kind,  # type: ignore[arg-type]
        at,
        num=_whole(request, "num", 10, 1, 40),
        seed=_whole(request, "seed", 0, 0, 2**31 - 1),
        label=None if label is None else _whole(request, "y", 0, 0, max(0, run.info.num_classes - 1)),
    )
    return tagged(request, content, "image/png")


# Serving -------------------------------------------------------------------------------------------------------------


async def _stream(request: Request) -> Response:
    """One run, followed for as long as the client likes."""
    try:
        run = await reads.run("", partial(_run, request))
    except Exception as error:
        return refusal(error)
    after = request.headers.get("last-event-id") or request.query_params.get("after") or None
    return _streams.response([(run, after)], {}, holds=True)


async def _stream_of_runs(request: Request) -> Response:
    """All the runs that a browser follows: each `run` is an id, or ``ID~PLACE`` where it is known up to a place."""
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
    from streamlit import config

    from dashboard.server import exports
    from dashboard.views.collapse import routes as collapse_api
    from dashboard.views.compare import routes as compare_api
    from dashboard.views.evaluate import routes as evaluate_api
    from dashboard.views.explore import routes as path_api
    from dashboard.views.map import routes as map_api

    base = str(config.get_option("server.baseUrlPath") or "").strip("/")
    prefix = f"/{base}/api" if base else "/api"
    run = f"{prefix}/runs/{{run_id}}"
    endpoints: dict[str, Callable[[Request], Any]] = {
        **static_files.endpoints(prefix),
        f"{prefix}/health": _health,
        f"{prefix}/stream": _stream_of_runs,
        f"{prefix}/exports/{{token}}": exports.answer,
        f"{run}/stream": _stream,
        f"{run}/snapshots": route(_snapshots, reads),
        f"{run}/decoder.onnx": route(partial(_onnx, half="decoder")),
        f"{run}/encoder.onnx": route(partial(_onnx, half="encoder")),
        f"{run}/autoencoder.onnx": route(partial(_onnx, half="autoencoder")),
        f"{run}/surprise": route(_surprise),
        f"{run}/originals": route(_originals),
        f"{run}/decode": route(_decode),
        f"{run}/sheet.png": route(_sheet),
        **{path: route(function) for path, function in path_api.routes(run).items()},
        **map_api.endpoints(run),
        **{path: route(function) for path, function in compare_api.routes(run).items()},
        **{path: route(function) for path, function in evaluate_api.routes(run).items()},
        **collapse_api.endpoints(run),
        f"{prefix}/{{rest:path}}": _unknown,
    }
    return [Route(path, endpoint, methods=["GET"]) for path, endpoint in endpoints.items()]


def middleware() -> list[Middleware]:
    """What stands before all requests, Streamlit's too: the check of the host name, headers, and the first script."""
    return [Middleware(Guard), Middleware(FirstScript)]


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
    """End the streams when the server is asked to stop; import torch beside the first page.

    The server waits for open answers before it tells the application of its end, so the signal itself is listened to.
    """
    _streams.closing = False
    before: dict[int, Any] = {}

    def stop(number: int, frame: Any) -> None:
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
