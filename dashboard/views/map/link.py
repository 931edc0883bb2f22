"""What a link says of the Map page: which images, which plane, and what lies over it."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from urllib.parse import quote, unquote

from dashboard.link.keys import MAX_COORDINATE, Key, choice, is_finite, number

#: What a range is of, its lowest and its highest value.
Range = tuple[str, float, float]

#: The Map page: which images, which plane, and what lies over it.
PART = choice("part", ("test", "validation", "train", "all"))
MAP_LAYERS = ("contours", "names", "density", "ellipses", "manifold", "images")
#: The tiles of the decoded plane: equally large, or equally probable under the prior.
TILES = choice("tiles", ("even", "quantiles"))
#: A zoom of 1 shows all; further values are as far as the map lets one go.
ZOOMS = 0.1, 2000.0


def colour(latent_dim: int, columns: Sequence[str] = ()) -> Key[str]:
    """What a point's colour on the map says: its label, a term of the objective, σ of the posterior, or a column."""
    sigmas = tuple(f"sigma-{dim + 1}" for dim in range(latent_dim))
    own = tuple(f"column:{name}" for name in columns)
    return choice(
        "colour", ("label", "distortion", "rate", "sigma", *own[:3], *sigmas, *own), shown=4 + len(own[:3])
    )


def projection(latent_dim: int) -> Key[str]:
    """The plane that the map shows; up to two dimensions are shown as they are."""
    if latent_dim > 2:
        return choice("projection", ("pca", "tsne", "umap"))
    flat = choice("projection", ("pca",))
    return Key(flat.name, flat.parse, "pca, or left out, for a run with one or two latent dimensions")


def hidden(num_classes: int) -> Key[list[int]]:
    """Classes of the map's legend that stand back, by their numbers; −1 is the images without one."""

    def parse(text: str) -> list[int]:
        values = [] if text == "none" else [int(part) for part in text.split(",")]
        if not all(-1 <= value < num_classes for value in values):
            raise ValueError
        return sorted(set(values))

    rule = f"numbers of classes from −1 to {num_classes - 1} separated by commas, or none"
    return Key("hidden", parse, rule, lambda values: ",".join(map(str, values)) or "none")


def _area(text: str) -> tuple[float, float, float] | None:
    if text == "all":
        return None
    across, up, zoom = map(float, text.split(","))
    if not (abs(across) <= MAX_COORDINATE and abs(up) <= MAX_COORDINATE and ZOOMS[0] <= zoom <= ZOOMS[1]):
        raise ValueError
    return across, up, zoom


#: What of the map's plane is in view: its centre, and how many times larger than where all is seen.
VIEW: Key[tuple[float, float, float] | None] = Key(
    "view",
    _area,
    f"two coordinates between −{MAX_COORDINATE:g} and {MAX_COORDINATE:g} and a zoom from {ZOOMS[0]:g} to "
    f"{ZOOMS[1]:g}, separated by commas, or all",
    lambda area: "all" if area is None else ",".join(f"{value:.5g}" for value in area),
)
#: A lasso has at most so many corners, and a selection so many lassos.
MOST_CORNERS, MOST_LASSOS = 64, 8
#: What a lasso does to the selection before it, by the letter that its corners begin with.
_ADDS = {"add": 1.0, "less": -1.0}
#: A lasso: 0 begins a selection, 1 adds to it, −1 takes away from it; then across and up of each corner.
Lasso = tuple[float, ...]


def _lassos(text: str) -> tuple[Lasso, ...]:
    if text == "none":
        return ()
    found = tuple(_lasso(part) for part in text.split(";"))
    if len(found) > MOST_LASSOS:
        raise ValueError
    return found


def _lasso(text: str) -> Lasso:
    first, _, rest = text.partition(",")
    does = _ADDS.get(first, 0.0)
    values = tuple(map(float, (rest if does else text).split(",")))
    if len(values) % 2 or not 3 <= len(values) // 2 <= MOST_CORNERS or not is_finite(values):
        raise ValueError
    return (does, *values)


def lassos_text(lassos: Sequence[Sequence[float]]) -> str:
    """Lassos as `LASSO` reads them."""
    words = {value: f"{word}," for word, value in _ADDS.items()}
    parts = (words.get(does, "") + ",".join(f"{value:.6g}" for value in corners) for does, *corners in lassos)
    return ";".join(parts) or "none"


#: The lassos around the images that are selected on the map: across and up of each corner in the plane.
LASSO: Key[tuple[Lasso, ...]] = Key(
    "lasso",
    _lassos,
    f"two coordinates between −{MAX_COORDINATE:g} and {MAX_COORDINATE:g} for each of 3 to {MOST_CORNERS} corners, "
    f"separated by commas, up to {MOST_LASSOS} of them separated by semicolons, each that adds to the selection after "
    "add, and each that takes away after less,; or none",
    lassos_text,
)
#: How strongly the points show, from hardly to wholly.
OPACITY = number("opacity", 0.05, 1.0)
#: Numbers of an image by which the map can be narrowed, besides those of the data's own columns.
RANGED = ("rate", "distortion")


def ranges(columns: Sequence[str] = ()) -> Key[tuple[Range, ...]]:
    """Ranges outside of which images stand back: name, lowest and highest."""
    known = (*RANGED, *(f"column:{name}" for name in columns))

    def parse(text: str) -> tuple[Range, ...]:
        if text == "none":
            return ()
        found = []
        for part in text.split(";"):
            name, low, high = part.split("~")
            found.append((unquote(name), float(low), float(high)))
        if not all(
            name in known and isfinite(low) and isfinite(high) and low <= high for name, low, high in found
        ):
            raise ValueError
        return tuple(found)

    rule = f"one of {', '.join(known[:6])} with its lowest and highest value after ~, separated by semicolons, or none"
    return Key("within", parse, rule, ranges_text)


def ranges_text(found: Sequence[Range]) -> str:
    """Ranges as `ranges` reads them."""
    names = (quote(name, safe=":").replace("~", "%7E") for name, _, _ in found)
    parts = (f"{name}~{low:.6g}~{high:.6g}" for name, (_, low, high) in zip(names, found, strict=True))
    return ";".join(parts) or "none"


def _layers(text: str) -> list[str]:
    values = [] if text == "none" else text.split(",")
    if not set(values) <= set(MAP_LAYERS):
        raise ValueError
    return [name for name in MAP_LAYERS if name in values]


LAYERS = Key(
    "layers", _layers, f"some of {', '.join(MAP_LAYERS)}, or none", lambda values: ",".join(values) or "none"
)
