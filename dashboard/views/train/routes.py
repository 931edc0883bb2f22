"""What the Train page asks of a run: where its probe images lie at a snapshot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from dashboard.server.answers import reads, route, tagged
from dashboard.server.http import run_of, whole
from vae.browser import packed_arrays
from vae.latent.evolution import probe_map


def _probe(request: Request) -> Response:
    """Posterior means of the probe images at a snapshot, on the newest one's plane, and their labels (−1: none)."""
    run, step = run_of(request), whole(request, "at", 0, 0, 2**53)
    found = probe_map(run, step)
    labels = None if found.labels is None else found.labels.numpy()
    listed: dict[str, Any] = {
        "positions": found.positions.numpy().astype(np.float32, copy=False),
        "labels": np.full(len(found.positions), -1, np.int16) if labels is None else labels.astype(np.int16),
    }
    content = packed_arrays.parts(
        listed, explained=found.plane.explained, origin=found.origin.tolist(), newest=found.newest
    )
    return tagged(request, content, "application/octet-stream")


def endpoints(run: str) -> dict[str, Callable[[Request], Any]]:
    """The routes, below the address of a run."""
    return {f"{run}/probe": route(_probe, reads)}
