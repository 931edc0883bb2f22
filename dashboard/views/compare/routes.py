"""Read-only route of the Compare page: what one run makes of given test images and of the points of a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from dashboard.cache import datasets, image_sheets, lru, models
from dashboard.cache.models import At
from dashboard.cache.test_images import model_of, pixels
from dashboard.server.answers import tagged
from dashboard.server.http import at_of, rows_of, run_of, whole
from vae.browser import packed_arrays
from vae.errors import UserError
from vae.runs.run import Run

if TYPE_CHECKING:
    pass

#: Images in a row of the comparison, at most.
MOST = 20
_rows = lru.Cache(600, max_bytes=96 << 20)


def side_by_side(request: Request) -> Response:
    """Reconstructions of the `rows` of the test part and the decoded points of a `seed`, as bytes.

    With them go distortion at the posterior mean and rate of each image, nats, the images as the model sees them, and
    the images' labels (−1 for none). Where the images are not on this machine, `missing` says why.
    """
    run, at = run_of(request), at_of(request)
    rows = _numbers(request, run)
    num = whole(request, "num", 10, 1, MOST)
    seed = whole(request, "seed", 0, 0, 2**31 - 1)
    stamp = models.stamp(run, at)
    key = (run.path, at, stamp, tuple(rows), seed, num)
    answer = _rows.get(key, lambda: _made(run, at, rows, seed, num))
    return tagged(request, answer, "application/octet-stream")


def _numbers(request: Request, run: Run) -> list[int]:
    if "rows" in request.query_params:
        found = rows_of(request, run.info.num_test)
        if len(found) > MOST:
            raise UserError(f"rows must be at most {MOST}, got {len(found)}; ask for fewer")
        return found
    return []


def _made(run: Run, at: At, rows: list[int], seed: int, num: int) -> bytes:
    from vae.latent.side_by_side import decoded, reconstructed

    model = model_of(run, at)
    listed: dict[str, Any] = {"decoded": image_sheets.to_bytes(decoded(model, num, seed).numpy())}
    fields: dict[str, Any] = {"missing": "", "labels": []}
    try:
        x, labels = pixels(run, rows) if rows else (None, None)
    except UserError as error:
        x, labels, fields["missing"] = None, None, datasets.missing_images(run) or str(error)
    if x is not None:
        found = reconstructed(model, x, labels)
        fields["labels"] = [-1] * len(rows) if labels is None else labels.tolist()
        listed |= {
            "originals": image_sheets.to_bytes(x.numpy()),
            "reconstructions": image_sheets.to_bytes(found.images.numpy()),
            "distortion": found.distortion.numpy().astype(np.float32),
            "rate": found.rate.numpy().astype(np.float32),
        }
        if not all(np.isfinite(listed[name]).all() for name in ("distortion", "rate")):
            raise UserError("the test metrics of these weights are not finite; choose another snapshot")
    return packed_arrays.pack(listed, **fields)


def routes(run: str) -> dict[str, Callable[[Request], Response]]:
    """The routes, below the address of a run."""
    return {f"{run}/side-by-side": side_by_side}
