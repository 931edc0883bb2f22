"""What is read of one run: its snapshots, networks as ONNX, images, and pictures that the server decodes."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from dashboard.cache import datasets, image_sheets, latents, models
from dashboard.cache.models import Half
from dashboard.server.answers import FOR_EVER, reads, route, tagged
from dashboard.server.http import (
    MAX_Z,
    PARTS,
    at_of,
    choice,
    condition_weights,
    numbers,
    rows_of,
    run_of,
    whole,
)
from vae.browser import packed_arrays
from vae.runs.snapshot_index import moments


def _snapshots(request: Request) -> Response:
    """The run's snapshots, each with a name for its weights, and whether more are to come; `lib/time.js` reads it."""
    run = run_of(request)
    listed = [moment.told(models.stamp(run, moment.step)) for moment in moments(run)]
    content = json.dumps({"state": run.status().state, "snapshots": listed}, separators=(",", ":")).encode()
    return tagged(request, content, "application/json")


def _onnx(request: Request, half: Half) -> Response:
    run, at = run_of(request), at_of(request)
    answer = tagged(request, models.onnx(run, at, half), "application/octet-stream")
    # A snapshot's weights never change under their name: going through the training again asks nobody.
    if isinstance(at, int) and request.query_params.get("v") == models.stamp(run, at):
        answer.headers["Cache-Control"] = FOR_EVER.replace("public", "private")
    return answer


def _originals(request: Request) -> Response:
    """The images of a part as bytes, and their indices in the data set; with `rows`, those of the part alone."""
    run, part = run_of(request), choice(request, "part", PARTS)
    images = datasets.dataset(run)
    index = (
        np.arange(len(images.images), dtype=np.int32)
        if part == "all"
        else getattr(images, part).numpy().astype(np.int32)
    )
    if "rows" in request.query_params:
        index = index[rows_of(request, len(index))]
    length, pieces = packed_arrays.gathered(
        "images", images.images.numpy(), index, max_value=images.max_value, part=part
    )
    headers = {"Cache-Control": "no-cache", "Content-Length": str(length)}
    return StreamingResponse(pieces, media_type="application/octet-stream", headers=headers)


def _surprise(request: Request) -> Response:
    """Percentiles of what training images cost the model, nats per example, and of which images they are."""
    found = latents.surprise(run_of(request), at_of(request))
    content = json.dumps(vars(found), allow_nan=False)
    return tagged(request, content.encode(), "application/json")


def _decode(request: Request) -> Response:
    import torch

    run, at = run_of(request), at_of(request)
    z = numbers(request.query_params.get("z", ""), "z", run.config.model.latent_dim, MAX_Z)
    model = models.model(run, at)
    y = torch.tensor([condition_weights(request, model.num_conditions)]) if model.num_conditions else None
    with torch.inference_mode():
        image = model.decode(torch.tensor([z]), y)[0].numpy()
    return tagged(request, image_sheets.png(image), "image/png")


def _sheet(request: Request) -> Response:
    run, at = run_of(request), at_of(request, "last")
    kind = choice(request, "kind", ("samples", "reconstructions", "manifold"))
    label = request.query_params.get("y")
    content = image_sheets.draw(
        run,
        kind,  # type: ignore[arg-type]
        at,
        num=whole(request, "num", 10, 1, 40),
        seed=whole(request, "seed", 0, 0, 2**31 - 1),
        label=None if label is None else whole(request, "y", 0, 0, max(0, run.info.num_classes - 1)),
    )
    return tagged(request, content, "image/png")


def endpoints(run: str) -> dict[str, Callable[[Request], Any]]:
    """The routes, below the address of a run."""
    return {
        f"{run}/snapshots": route(_snapshots, reads),
        f"{run}/decoder.onnx": route(partial(_onnx, half="decoder")),
        f"{run}/encoder.onnx": route(partial(_onnx, half="encoder")),
        f"{run}/autoencoder.onnx": route(partial(_onnx, half="autoencoder")),
        f"{run}/pass.onnx": route(partial(_onnx, half="pass")),
        f"{run}/surprise": route(_surprise),
        f"{run}/originals": route(_originals),
        f"{run}/decode": route(_decode),
        f"{run}/sheet.png": route(_sheet),
    }
