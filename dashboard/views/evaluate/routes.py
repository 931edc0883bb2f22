"""Read-only route of the Evaluate page: the true posterior of one image, with q(z|x) over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from dashboard.cache import lru, models, test_images
from dashboard.cache.models import At
from dashboard.server import sent_pixels
from dashboard.server.answers import tagged
from dashboard.server.http import at_of, run_of, whole
from vae.browser import packed_arrays
from vae.errors import UserError
from vae.runs.run import Run

#: Points to a side of the grid that is drawn.
SIDE = 96
#: Of log p(x) and its parts, as they are printed.
DECIMALS = 3
_found = lru.Cache(400)


def truth(request: Request) -> Response:
    """log p(x), ELBO and gap of a test image (`row`) or of given pixels (`x`, base64 of bytes), and the posterior.

    The density is given as `vae.latent.density.sigma_equivalent`, on a grid of two axes or along one. `printed` is the
    sum as it is shown.
    """
    run, at = run_of(request), at_of(request)
    label = whole(request, "y", 0, 0, max(0, run.info.num_classes - 1))
    text = request.query_params.get("x")
    if text is None:
        row = whole(request, "row", 0, 0, max(0, run.info.num_test - 1))
        key: Any = ("row", row)
        pixels = None
    else:
        key, pixels = (text, label), sent_pixels.read(text, run)
    stamp = models.stamp(run, at)
    content = _found.get(
        (run.path, at, stamp, key), lambda: _made(run, at, pixels, label, 0 if text else row)
    )
    return tagged(request, content, "application/octet-stream")


def _made(run: Run, at: At, pixels: Any, label: int, row: int) -> bytes:
    import torch

    from vae.evaluation.exact_posterior import TOLERANCE
    from vae.evaluation.exact_posterior import exact_posterior as of
    from vae.latent.density import sigma_equivalent
    from vae.runtime.number_format import adding_up

    model = test_images.model_of(run, at)
    if pixels is None:
        pixels, y = test_images.pixels(run, [row])
    else:
        y = torch.tensor([label])
    found = of(model, pixels, y if run.config.model.conditional else None)
    axes, density = found.on_grid(SIDE if run.config.model.latent_dim > 1 else 400)
    listed = {
        "depth": sigma_equivalent(density).numpy().astype(np.float32),
        "density": density.numpy().astype(np.float32),
        **{f"axis{number}": axis.numpy().astype(np.float32) for number, axis in enumerate(axes)},
        "image": pixels[0].numpy().astype(np.float32),
    }
    fields = found.to_dict()
    (elbo, gap), log_prob = adding_up([found.elbo, found.gap], found.log_prob, DECIMALS)
    if not all(np.isfinite(values).all() for values in listed.values()) or not np.isfinite(found.log_prob):
        raise UserError("log p(x) of this image is not finite under these weights; choose another snapshot")
    misfit = abs(found.elbo + found.gap - found.log_prob)
    printed = {"elbo": elbo, "gap": gap, "log_prob": log_prob, "decimals": DECIMALS, "misfit": misfit}
    printed |= {"settled": found.change < TOLERANCE}
    return packed_arrays.pack(listed, num_cells=len(found.points), printed=printed, **fields)


def routes(run: str) -> dict[str, Callable[[Request], Response]]:
    """The routes, below the address of a run."""
    return {f"{run}/truth": truth}
