"""Read-only routes of paths through the latent space: stops, group means, neighbours on the way, and files to keep.

Stops are named as in `dashboard.views.explore.path_text`; an image stands for its posterior mean under the weights that
are asked for.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dashboard.cache import datasets, image_sheets, latents, models
from dashboard.cache.models import At
from dashboard.server.admission import check
from dashboard.server.answers import tagged
from dashboard.server.http import MAX_Z, at_of, choice, condition_weights, run_of, whole
from dashboard.views.explore import path_text
from vae.browser import packed_arrays
from vae.errors import UserError
from vae.runs.run import Run

if TYPE_CHECKING:
    from torch import Tensor

    from vae.latent.embedding import Embedding
    from vae.latent.interpolation import Kind, Pace, Path

KINDS = ("straight", "spherical")
PACES = ("legs", "length")
#: Most frames of a path.
MAX_FRAMES = 241
#: Frames of an animation in each second, and how many seconds it may take one way.
FRAME_RATE = 20
MAX_SECONDS = 12
#: Values of all frames of an animation.
_IN_ALL = 1 << 27
#: Pixels that pictures are enlarged towards, by whole factors.
_WIDE = 224


def routes(run: str) -> dict[str, Callable[[Request], Response]]:
    """The routes, below the address of a run."""
    return {
        f"{run}/test-image": _test_image,
        f"{run}/group": _group,
        f"{run}/path": _path,
        f"{run}/path.gif": _animation,
    }


# Images and groups ---------------------------------------------------------------------------------------------------


def _test_image(request: Request) -> Response:
    """A test image by `number`, or the `pick`-th of a `label`, counted round: its mean, and its pixels if at hand."""
    run, at = run_of(request), at_of(request)
    found = latents.embedding(run, at, "test")
    if "number" in request.query_params:
        row = whole(request, "number", 0, 0, len(found.mean) - 1)
    else:
        rows = _rows(request, run, found)
        row = int(rows[whole(request, "pick", 0, 0, 2**31 - 1) % len(rows)])
    listed = {"z": found.mean[row].numpy().astype(np.float32)}
    fields: dict[str, Any] = {"number": row, "label": None, "max_value": None, "reason": ""}
    if found.labels is not None:
        fields["label"] = int(found.labels[row])
    try:
        images = datasets.dataset(run)
        listed["image"] = images.images[found.index[row]].numpy()
        fields["max_value"] = images.max_value
    except UserError as error:
        fields["reason"] = str(error)
    return tagged(request, packed_arrays.pack(listed, **fields), "application/octet-stream")


def _rows(request: Request, run: Run, found: Embedding) -> Tensor:
    """Rows of the test images of a label; of all of them if none is asked for."""
    import torch

    if "label" not in request.query_params:
        return torch.arange(len(found.mean))
    label = whole(request, "label", 0, 0, max(0, run.info.num_classes - 1))
    if found.labels is None:
        raise UserError("label needs images with labels, and these have none; choose stops instead")
    rows = (found.labels == label).nonzero().flatten()
    if not len(rows):
        name = run.info.class_names[label]
        raise UserError(f"class {name!r} must have test images, and has none; choose another class")
    return rows


def _group(request: Request) -> Response:
    """The mean of a group, a `label` of the test images or `stops`, and how many are in it."""
    from vae.latent.interpolation import group_mean

    run, at = run_of(request), at_of(request)
    if "stops" in request.query_params:
        points = _points(request, run, at, 1)
        mean, num = points.mean(0), len(points)
    else:
        found = latents.embedding(run, at, "test")
        rows = _rows(request, run, found)
        mean, num = group_mean(found.mean, rows), len(rows)
    return JSONResponse({"mean": mean.tolist(), "num": num}, headers={"Cache-Control": "no-cache"})


# Paths ---------------------------------------------------------------------------------------------------------------


def _stops(request: Request, run: Run, at_least: int) -> list[path_text.Stop]:
    """The stops that a request names."""
    text = request.query_params.get("stops", "")
    limits = run.config.model.latent_dim, run.info.num_test, MAX_Z
    try:
        asked = path_text.parse(text, *limits)
    except ValueError:
        raise UserError(f"stops must be {path_text.rule(*limits)}, got {text[:40]!r}; correct it") from None
    if len(asked) < at_least:
        raise UserError(f"stops must be at least {at_least}, got {len(asked)}; add one")
    return asked


def _points(request: Request, run: Run, at: At, at_least: int) -> Tensor:
    """The stops as latent points ``(K, D)``."""
    import torch

    points = []
    for stop in _stops(request, run, at_least):
        if isinstance(stop, int):
            points.append(latents.embedding(run, at, "test").mean[stop].float())
        else:
            points.append(torch.tensor(stop))
    return torch.stack(points)


def _asked(request: Request, num: int | None = None) -> tuple[Run, At, Path]:
    """The run, the weights and the path that a request is about; of so many frames, or as many as it says."""
    from vae.latent.interpolation import path

    run, at = run_of(request), at_of(request)
    kind: Kind = choice(request, "kind", KINDS)  # type: ignore[assignment]
    pace: Pace = choice(request, "pace", PACES)  # type: ignore[assignment]
    frames = num or whole(request, "num", 61, 2, MAX_FRAMES)
    return run, at, path(_points(request, run, at, 2), frames, kind, pace)


def _labels(request: Request, run: Run, at: At) -> list[int | None]:
    """The class of each stop: an image may know its own, a point has none."""

    def label(stop: path_text.Stop) -> int | None:
        if not isinstance(stop, int):
            return None
        labels = latents.embedding(run, at, "test").labels
        return None if labels is None else int(labels[stop])

    return [label(stop) for stop in _stops(request, run, 2)]


def _conditions(request: Request, run: Run, at: At, found: Path) -> Tensor | None:
    """Weights of the classes ``(N, K)`` under which the frames are decoded; None for a model without condition.

    A frame's are between those of its two stops: an image's own class, and for a point the `y` of the request.
    """
    import torch

    num = models.model(run, at).num_conditions
    if not num:
        return None
    own = condition_weights(request, num)
    at_stops = np.array([own if label is None else np.eye(num)[label] for label in _labels(request, run, at)])
    frames = np.arange(len(found.z))
    weights = [np.interp(frames, found.stops, at_stops[:, label]) for label in range(num)]
    return torch.from_numpy(np.stack(weights, 1)).float()


def _radius(request: Request) -> float | None:
    """The radius within which neighbours are to be counted; None for the usual one."""
    text = request.query_params.get("radius")
    if text is None:
        return None
    low, high = path_text.MIN_RADIUS, path_text.MAX_RADIUS
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise UserError(
            f"radius must be a number from {low:g} to {high:g}, got {text[:40]!r}; leave it out for the default"
        )
    return value


def _path(request: Request) -> Response:
    """Frames of a path, the classes of its stops, and how many test images are near each, or why that is not known."""
    from vae.latent.interpolation import NUM_NEIGHBOURS, neighbours

    run, at, found = _asked(request)
    asked_for = _radius(request)
    listed = {"z": found.z.numpy().astype(np.float32)}
    fields: dict[str, Any] = {"stops": found.stops, "length": found.length, "reason": ""}
    fields["labels"] = _labels(request, run, at)
    try:
        means = latents.embedding(run, at, "test").mean
        usual = latents.neighbour_radius(run, at)
        radius = asked_for or usual
        listed["count"] = neighbours(found.z, means, radius).numpy().astype(np.int32)
        fields |= {
            "radius": radius,
            "usual_radius": usual,
            "num_images": len(means),
            "num_neighbours": NUM_NEIGHBOURS,
        }
    except UserError as error:
        fields["reason"] = str(error)
    if not all(np.isfinite(values).all() for values in listed.values()):
        raise UserError("the latent positions must be finite, got others; train the run again")
    return tagged(request, packed_arrays.pack(listed, **fields), "application/octet-stream")


def _decoded(request: Request, run: Run, at: At, found: Path) -> Iterator[NDArray[np.uint8]]:
    """The decoded frames as bytes, ``(C, H, W)`` each, a few at a time."""
    import torch

    from vae.models.memory_budget import rows_for

    model = models.model(run, at)
    y = _conditions(request, run, at, found)
    for some in torch.arange(len(found.z)).split(rows_for(model)):
        check()
        with torch.inference_mode():
            images = model.decode(found.z[some], None if y is None else y[some])
        yield from image_sheets.to_bytes(images.numpy())


def _animation(request: Request) -> Response:
    """The path as a GIF that goes on for ever: there, and back again unless `back` is 0."""
    run = run_of(request)
    seconds = whole(request, "seconds", 3, 1, MAX_SECONDS)
    back = whole(request, "back", 1, 0, 1)
    num_legs = max(1, request.query_params.get("stops", "").count("_"))
    most = max(2, min(MAX_FRAMES, _IN_ALL // run.info.num_pixels))
    num = min(most, num_legs * max(1, math.ceil(seconds * FRAME_RATE / num_legs)) + 1)
    run, at, found = _asked(request, num)
    frames: list[Image.Image] = []
    for pixels in _decoded(request, run, at, found):
        frames.append(_enlarged(_picture(pixels), _WIDE // max(run.info.height, run.info.width)))
    if back:
        frames += frames[-2:0:-1]
    file, pause = io.BytesIO(), round(1000 * seconds / (num - 1), -1)
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=int(pause), loop=0)
    return _download(file.getvalue(), "image/gif", f"{run.id}-path.gif")


def _picture(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))


def _enlarged(picture: Image.Image, times: int) -> Image.Image:
    """Larger by a whole factor, so that pixels stay square and sharp."""
    times = max(1, times)
    return picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)


def _download(content: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-cache"}
    return Response(content, media_type=media_type, headers=headers)
