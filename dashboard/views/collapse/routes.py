"""Read-only routes of the page Collapse: the diagnosis of a run's weights, and its dimensions along training."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dashboard.cache import diagnoses
from dashboard.server.admission import Admission
from dashboard.server.answers import reads, route, tagged
from dashboard.server.http import at_of, run_of
from dashboard.views.collapse.link import THRESHOLDS
from vae.errors import UserError

#: A diagnosis takes a second of all cores: one at a time, so that decoders and sheets of other pages do not wait.
_diagnoses = Admission("diagnosis", at_once=1, in_all=3, of_a_group=1)


def diagnosis(request: Request) -> Response:
    """The diagnosis of the weights `at`, active above `threshold`; without images, what the snapshots say."""
    run, at = run_of(request), at_of(request, "last")
    return _json(request, diagnoses.told(run, at, threshold(request)))


def course(request: Request) -> Response:
    """KL, σ and variance of the mean of each dimension at every snapshot."""
    return _json(request, {"stages": diagnoses.course(run_of(request))})


def threshold(request: Request) -> float:
    """The variance above which a dimension is active.

    Raises:
        UserError: If it is no number, or out of its range.
    """
    text = request.query_params.get("threshold", "0.01")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    low, high = THRESHOLDS
    if not low <= value <= high:
        raise UserError(f"threshold must be a number from {low:g} to {high:g}, got {text[:40]!r}; use 0.01")
    return value


def _json(request: Request, values: Any) -> Response:
    try:
        content = json.dumps(values, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        raise UserError(
            "the test metrics of these weights are not finite because the training diverged; choose an earlier "
            "snapshot"
        ) from None
    return tagged(request, content, "application/json")


def endpoints(run: str) -> dict[str, Callable[[Request], Any]]:
    """The routes, below the address of a run."""
    return {f"{run}/diagnosis": route(diagnosis, _diagnoses), f"{run}/course": route(course, reads)}
