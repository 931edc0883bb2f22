"""What each part of the explorer is told, as plain JSON: the same as the dashboard tells the same part."""

from __future__ import annotations

from typing import Any

from vae.browser.palette import CURVES, DIGITS, SCALE, classes_palette
from vae.config.registries import PRIORS, STANDARD_NORMAL
from vae.diagnostics.diagnose import dimensions
from vae.errors import UserError
from vae.latent.embedding import PRIOR_RANGE, prior_draws
from vae.notebook.sources import Source

#: The parts of an explorer, in their order.
PARTS = ("sliders", "image", "map", "curves")
#: The largest number that a coordinate can have.
MAX_COORDINATE = 1000.0
#: Points of a user's prior that the browser chooses from.
_NUM_POINTS = 200
#: Of more points the person is asked first.
_MANY = 200_000


def states(source: Source, parts: tuple[str, ...]) -> dict[str, Any]:
    """The state of each part; None where there is nothing to show yet, and why in `missing`; `notes` on the images.

    Args:
        source: What is shown.
        parts: Which parts are wanted.
    """
    found: dict[str, Any] = dict.fromkeys(parts)
    missing: dict[str, str] = {}
    if "curves" in found:
        found["curves"] = {"run": source.name, "palette": CURVES} if source.run is not None else None
        if source.run is None:
            del found["curves"]
    try:
        source.model()
    except UserError as error:
        missing = {part: str(error) for part in found if found[part] is None}
        return {"parts": found, "missing": missing, "notes": source.notes}
    common = _common(source)
    for part, make in (("sliders", _sliders), ("image", _image), ("map", _map)):
        if part not in found:
            continue
        try:
            found[part] = {**common, **make(source)}
        except UserError as error:
            missing[part] = str(error)
    return {"parts": found, "missing": missing, "notes": source.notes}


def _common(source: Source) -> dict[str, Any]:
    info = source.info
    return {
        "run": source.name,
        "z": [0.0] * source.config.latent_dim,
        "y": 0 if source.config.conditional else None,
        "mix": None,
        "classes": list(info.class_names) if source.config.conditional else [],
        "shape": [info.channels, info.height, info.width],
        "at": "best",
        "stamp": source.stamp(),
    }


def _sliders(source: Source) -> dict[str, Any]:
    model, is_normal = source.model(), source.config.prior == STANDARD_NORMAL
    points = [] if is_normal else prior_draws(model.prior, _NUM_POINTS, seed=0).tolist()
    reach = max((abs(value) for point in points for value in point), default=PRIOR_RANGE)
    dims: list[dict[str, Any]]
    try:
        over = dimensions(source.embedding(), None if is_normal else model.prior)
        over.sort(key=lambda dim: not dim.active)
        dims = [
            {
                "index": dim.index,
                "low": dim.low,
                "high": dim.high,
                "rate": dim.rate,
                "collapsed": not dim.active,
            }
            for dim in over
        ]
    except UserError:  # no images, or none that this model takes
        dims = [
            {"index": index, "low": -PRIOR_RANGE, "high": PRIOR_RANGE, "rate": None, "collapsed": False}
            for index in range(source.config.latent_dim)
        ]
    return {
        "dims": dims,
        "y_label": "Class",
        "range": "data",
        "prior_range": reach,
        "prior_points": points,
        "full": False,
        "height": None,
        "bound": MAX_COORDINATE,
    }


def _image(source: Source) -> dict[str, Any]:
    return {"size": None, "title": "Decoded image"}


def _map(source: Source) -> dict[str, Any]:
    num, plane, names = len(source.embedding().mean), source.plane(), source.label_names
    question = f"There are {num:,} images. Show them all?" if num > _MANY else ""
    is_normal = source.config.prior == STANDARD_NORMAL
    return {
        "latent_dim": source.config.latent_dim,
        "part": "test",
        # The labels' names, for a model of any kind.
        "classes": list(names),
        "conditional": source.config.conditional,
        "plane": plane
        and {
            "mean": plane.mean.tolist(),
            "components": plane.components.tolist(),
            "explained": float(plane.explained),
        },
        "num": num,
        "sizes": {"test": num},
        "missing": source.lack,
        "question": question,
        "methods": [{"value": "pca", "title": "PCA", "hint": "", "cap": None}],
        "columns": [],
        "view": {
            "projection": "pca",
            "colour": "label",
            "layers": ["contours"],
            "tiles": "even",
            "hidden": [],
            "area": None,
            "lasso": [],
            "opacity": 1.0,
            "ranges": [],
        },
        "prior": ""
        if is_normal
        else f"For the standard normal prior only; this run has {PRIORS.title(source.config.prior)}",
        "pinned": None,
        "cut": None,
        "centre": False,
        "palette": {theme: classes_palette(max(1, len(names)), theme) for theme in DIGITS},
        "scale": {theme: list(colours) for theme, colours in SCALE.items()},
        "compact": False,
        "selected": [],
    }
