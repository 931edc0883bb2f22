"""Read-only routes of the map: latent positions, numbers of each image, the images, and computed planes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dashboard.cache import columns, datasets, latents, lru, models
from dashboard.cache.models import At
from dashboard.jobs.planes import Wanted, find, projections
from dashboard.server import sent_pixels
from dashboard.server.answers import reads, route, tagged
from dashboard.server.http import PARTS, at_of, choice, run_of, whole
from vae.browser import packed_arrays
from vae.errors import UserError
from vae.runs.run import Run

if TYPE_CHECKING:
    from vae.evaluation.elbo import CostPerImage

#: Images that one request may name.
MOST_IMAGES = 300
_terms = lru.Cache(16)


def _answer(request: Request, listed: dict[str, Any], **fields: Any) -> Response:
    """Arrays as they lie in memory, so that two million images need no second copy."""
    return tagged(request, packed_arrays.parts(listed, **fields), "application/octet-stream")


def _embedding(request: Request) -> tuple[Run, At, str, Any]:
    run, at, part = run_of(request), at_of(request), choice(request, "part", PARTS)
    return run, at, part, latents.embedding(run, at, part)


def latent(request: Request) -> Response:
    """Posterior means, labels (−1 for none) and indices of a part's images; log-variances if `log_var=1`."""
    _, at, part, found = _embedding(request)
    num = len(found.mean)
    labels = np.full(num, -1, np.int16) if found.labels is None else found.labels.numpy()
    listed: dict[str, Any] = {
        "mean": found.mean.numpy().astype(np.float32, copy=False),
        "labels": labels.astype(np.int16, copy=False),
        "index": found.index.numpy().astype(np.int32, copy=False),
    }
    if whole(request, "log_var", 0, 0, 1):
        listed["log_var"] = found.log_var.numpy().astype(np.float32, copy=False)
    _check(listed)
    return _answer(request, listed, part=part, at=str(at), count=num)


def spread(request: Request) -> Response:
    """Standard deviations of a part's posteriors, ``(N, D)``, in the order of `latent`."""
    *_, found = _embedding(request)
    listed = {"sigma": np.exp(0.5 * found.log_var.numpy()).astype(np.float32, copy=False)}
    _check(listed)
    return _answer(request, listed)


def terms(request: Request) -> Response:
    """Distortion at the posterior mean, and rate, of each image of a part, in nats, in the order of `latent`."""
    run, at, part = run_of(request), at_of(request), choice(request, "part", PARTS)
    stamp = models.stamp(run, at)
    found = _terms.get((run.path, at, part, stamp), lambda: _at_means(run, at, part))
    listed = {"distortion": found.distortion.numpy(), "rate": found.rate.numpy()}
    _check(listed)
    return _answer(request, listed)


def column(request: Request) -> Response:
    """A column of the run's own data for each image of a part, in the order of `latent`.

    Numbers of its classes (−1 for none), with their names in the header, or float32 numbers.
    """
    run, _, _, found = _embedding(request)
    name = request.query_params.get("name", "")
    asked = columns.of(run).named(name)
    if asked is None:
        raise UserError(f"name must be one of the dataset's columns, got {name[:40]!r}; reload the page")
    datasets.dataset(run)  # refuses images that are not the ones the run was made for
    values = asked.values[found.index.long()].numpy()
    values = values.astype(np.float32 if asked.is_number else np.int16, copy=False)
    return _answer(request, {"values": values}, classes=list(asked.classes))


def _at_means(run: Run, at: At, part: str) -> CostPerImage:
    from vae.evaluation.elbo import CostPerImage, at_posterior_mean

    model, images = models.model(run, at), datasets.dataset(run)
    names = ("train", "validation", "test") if part == "all" else (part,)
    found = [at_posterior_mean(model, images, name) for name in names if len(getattr(images, name))]  # type: ignore[arg-type]
    return CostPerImage.joined(found)


def _check(listed: dict[str, Any]) -> None:
    if not all(np.isfinite(values).all() for values in listed.values() if values.dtype.kind == "f"):
        raise UserError("the numbers of a map must be finite, got others; train the run again")


def some_images(request: Request) -> Response:
    """Images that are named by their indices in the data set, as bytes."""
    text = request.query_params.get("index", "")
    if not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})*", text) or text.count(",") >= MOST_IMAGES:
        raise UserError(
            f"index must be 1 to {MOST_IMAGES} whole numbers separated by commas, got {text[:40]!r}; use 0"
        )
    images = datasets.dataset(run_of(request))
    index = np.array([int(number) for number in text.split(",")], np.int32)
    if int(index.max()) >= len(images.images):
        raise UserError(
            f"index must be below {len(images.images)}, the number of images, got {int(index.max())}; use 0"
        )
    listed = {"images": images.images.numpy()[index], "index": index}
    return _answer(request, listed, max_value=images.max_value)


def nearest(request: Request) -> Response:
    """The images of a part whose posteriors are nearest to that of given pixels (`x`, base64 of bytes), by `by`."""
    import torch

    from vae.latent.search import nearest as find_nearest

    run, at, _, found = _embedding(request)
    x = sent_pixels.read(request.query_params.get("x", ""), run)
    label = whole(request, "y", 0, 0, max(0, run.info.num_classes - 1))
    by = choice(request, "by", ("mean", "kl"))
    num = whole(request, "num", 12, 1, 100)
    model = models.model(run, at)
    y = torch.tensor([label]) if run.config.model.conditional else None
    with torch.no_grad():
        mean, log_var = (values.cpu() for values in model.posterior(x, y))
    near = find_nearest(found, mean[0], log_var[0], by=by, num=num)  # type: ignore[arg-type]
    told = {
        "rows": near.rows.tolist(),
        "distances": near.distances.tolist(),
        "unit": "nats" if by == "kl" else "",
        "mean": mean[0].tolist(),
        "sigma": (0.5 * log_var[0]).exp().tolist(),
    }
    return JSONResponse(told, headers={"Cache-Control": "no-store"})


def plane_trust(request: Request) -> Response:
    """How far the straight plane can be trusted."""
    run, at = run_of(request), at_of(request)
    return JSONResponse(latents.trust(run, at).to_dict(), headers={"Cache-Control": "no-store"})


def _wanted(request: Request) -> Wanted:
    from vae.latent.tsne_umap import METHODS

    method = choice(request, "method", METHODS)
    num = whole(request, "num", 1, 1, 10**9)
    part = choice(request, "part", PARTS)
    return Wanted(run_of(request), at_of(request), part, method, num)  # type: ignore[arg-type]


def projection_status(request: Request) -> Response:
    """How far the computation of a plane is."""
    return JSONResponse(projections.status(_wanted(request)), headers={"Cache-Control": "no-store"})


def projection(request: Request) -> Response:
    """Places in a computed plane, and the rows of `latent` that they belong to."""
    found = find(wanted := _wanted(request))
    if found is None:
        raise UserError(
            f"a projection with {wanted.method} must be computed first, got none; start it on the Map page"
        )
    listed = {"xy": found.xy.numpy(), "rows": found.rows.numpy()}
    return _answer(request, listed, trust=found.trust.to_dict())


def endpoints(run: str) -> dict[str, Callable[[Request], Any]]:
    """The routes, below the address of a run."""
    return {
        f"{run}/latent": route(latent),
        f"{run}/spread": route(spread),
        f"{run}/terms": route(terms),
        f"{run}/column": route(column),
        f"{run}/images": route(some_images),
        f"{run}/nearest": route(nearest),
        f"{run}/plane/trust": route(plane_trust),
        f"{run}/projection": route(projection),
        f"{run}/projection/status": route(projection_status, reads),
    }
