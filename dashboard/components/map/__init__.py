"""The latent map: where the posterior of each image lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dashboard.components import hold, is_number, is_point, plain, register, told
from dashboard.components.sliders import Mix
from dashboard.link import keys
from dashboard.look.colours import DIGITS, SCALE, ThemeName, classes_palette

#: The pad's style is for “like my drawing”.
_STYLES = ("map/map.css", "drawing_pad/drawing_pad.css")
_COMPONENT = register("map", height=560, fills=True, styles=_STYLES)
_COMPACT = register("map", height=300, styles=("map/map.css",), variant="compact")


@dataclass(frozen=True)
class Plane:
    """The plane that the map shows of a latent space that has not two dimensions.

    Attributes:
        mean: A latent point in the plane.
        components: Two orthonormal directions.
        explained: Share of the variance that the plane shows.
    """

    mean: Sequence[float]
    components: Sequence[Sequence[float]]
    explained: float


@dataclass(frozen=True)
class Click:
    """What was clicked: a latent point, and the image whose mean it is (its index in the data set), or None."""

    z: list[float]
    index: int | None
    y: int | None


@dataclass(frozen=True)
class Method:
    """A way to lay the points out in a plane.

    Attributes:
        value: As the URL has it; `pca` is the straight plane that needs no computing.
        title: As the page has it.
        hint: Why it cannot be used here, with the remedy; empty if it can.
        cap: Of how many images at most it is computed, unless more are asked for; None for any number.
    """

    value: str
    title: str
    hint: str = ""
    cap: int | None = None


@dataclass(frozen=True)
class Kind:
    """A column of the user's own data that points may be coloured by.

    Attributes:
        name: As the user called it.
        num_classes: How many classes it has; 0 for numbers on a scale.
    """

    name: str
    num_classes: int = 0


@dataclass(frozen=True)
class View:
    """What the map shows.

    Attributes:
        projection: Which plane.
        colour: What the colours say.
        layers: The layers that are on.
        tiles: The tiles of the decoded plane: `even` or `quantiles` of the prior.
        hidden: Classes of the legend that stand back, by their numbers.
        area: Centre of what is in view and its zoom, of which 1 shows all; None for all.
        lasso: The lassos around what is selected: 0 begins, 1 adds, −1 takes away, then across and up of each corner.
        opacity: How strongly the points show, up to 1.
        ranges: What images outside of a range stand back by: name, lowest and highest value.
    """

    projection: str = "pca"
    colour: str = "label"
    layers: Sequence[str] = ("contours",)
    tiles: str = "even"
    hidden: Sequence[int] = ()
    area: Sequence[float] | None = None
    lasso: Sequence[Sequence[float]] = ()
    opacity: float = 1.0
    ranges: Sequence[tuple[str, float, float]] = ()


@dataclass(frozen=True)
class Wish:
    """To begin or give up the computation of a plane of so many images."""

    action: Literal["start", "cancel"]
    method: str
    num: int


@dataclass(frozen=True)
class Said:
    """What the person did on the map since the page last ran: each None if nothing of its kind."""

    click: Click | None = None
    view: View | None = None
    wish: Wish | None = None


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    run: str
    latent_dim: int
    z: Sequence[float]
    y: int | None
    mix: Mix | None
    at: str
    stamp: str
    part: str
    classes: Sequence[str]
    conditional: bool
    shape: tuple[int, int, int]
    plane: Plane | None
    num: int
    sizes: Mapping[str, int]
    missing: str
    question: str
    methods: Sequence[Method]
    columns: Sequence[Kind]
    view: View
    prior: str
    pinned: int | None
    cut: float | None
    centre: bool
    palette: Mapping[ThemeName, Sequence[str]]
    scale: Mapping[ThemeName, Sequence[str]]
    compact: bool
    #: Indices of the images that are selected, where the host keeps them; None where the view's lassos say them.
    selected: Sequence[int] | None = None


def latent_map(
    run_id: str,
    *,
    latent_dim: int,
    z: Sequence[float],
    y: int | None = None,
    mix: Mix | None = None,
    at: str = "best",
    stamp: str = "",
    part: str = "test",
    classes: Sequence[str] = (),
    conditional: bool = False,
    shape: tuple[int, int, int],
    plane: Plane | None = None,
    num: int = 0,
    sizes: Mapping[str, int] | None = None,
    missing: str = "",
    question: str = "",
    methods: Sequence[Method] = (Method("pca", "PCA"),),
    columns: Sequence[Kind] = (),
    view: View | None = None,
    prior: str = "",
    pinned: int | None = None,
    cut: float | None = None,
    centre: bool = False,
    compact: bool = False,
    key: str,
) -> Said:
    """Draw the posterior means of a part's images; the spot under the pointer is decoded.

    A click moves the page's point and tells Python; so do another plane, colour, layer, class or part in view.

    Args:
        run_id: The run.
        latent_dim: Number of latent dimensions.
        z: Where the page's point is.
        y: Class in which spots are decoded, for a conditional model.
        mix: A second class that it is blended with, and its share.
        at: Which weights: `best`, `last` or a snapshot's step.
        stamp: Names the content of these weights (`model_cache.stamp`).
        part: `test`, `validation`, `train` or `all`.
        classes: Names of the labels.
        conditional: Whether the model takes the label.
        shape: Channels, height and width of the images.
        plane: The straight plane to show; left out for two latent dimensions.
        num: How many images the part has.
        sizes: How many each part has, by which images of the whole data set are numbered within their parts.
        missing: Why the images themselves cannot be shown; empty if they can.
        question: What to ask before so many points are shown; empty to show them at once.
        methods: Planes to choose from.
        columns: What else than labels and numbers of the model points may be coloured by.
        view: What the map shows: at first, and where it is another than the map has told.
        prior: Why the prior's contours and quantiles are not shown; empty if they are.
        pinned: The image whose card is open when the map appears, by its index in the data set.
        cut: Pixels of a drawing at or above this are 1 and the others 0, for models of binary pixels.
        centre: Whether drawings are centred at first.
        compact: Whether it goes beside other things: without controls, cards and the images themselves. In a window as
            narrow as a telephone's it is loaded when the person asks for it.
        key: Streamlit's key of this component.

    Returns:
        What the person did that made the page run.

    Raises:
        ValueError: If a plane is missing for other than two dimensions.
    """
    if latent_dim != 2 and plane is None:
        raise ValueError(f"a map of {latent_dim} latent dimensions needs a plane, got none; pass plane")
    chosen = _view(told(key, "view"))
    most = [column.num_classes for column in columns]
    (_COMPACT if compact else _COMPONENT)(
        key=key,
        height="stretch" if compact else "content",
        data=plain(
            State(
                run=run_id,
                latent_dim=latent_dim,
                z=list(z),
                y=y,
                mix=mix,
                at=at,
                stamp=stamp,
                part=part,
                classes=classes,
                conditional=conditional,
                shape=shape,
                plane=None if plane is None else _plain(plane),
                num=num,
                sizes=dict(sizes or {}),
                missing=missing,
                question=question,
                methods=methods,
                columns=columns,
                # What was chosen goes back as it is, so that the map knows later news of it (Back) from its own echo.
                view=chosen or view or View(),
                prior=prior,
                pinned=pinned,
                cut=cut,
                centre=centre,
                palette={name: classes_palette(max(1, len(classes), *most), name) for name in DIGITS},
                scale=SCALE,
                compact=compact,
            )
        ),
        on_point_change=hold(key, "point", keys.POINT),
        on_view_change=hold(key, "view"),
        on_job_change=hold(key, "job"),
    )
    return Said(
        _click(told(key, "point"), latent_dim, len(classes)),
        chosen,
        _wish(told(key, "job"), [method.value for method in methods if not method.hint], num),
    )


def _plain(plane: Plane) -> Plane:
    return Plane(
        [float(value) for value in plane.mean],
        [[float(value) for value in row] for row in plane.components],
        float(plane.explained),
    )


def _click(said: Any, latent_dim: int, num_classes: int) -> Click | None:
    """What the browser said, checked: it is input like any other."""
    if not isinstance(said, dict) or not is_point(said.get("z"), latent_dim):
        return None
    index, y = said.get("index"), said.get("y")
    return Click(
        [float(value) for value in said["z"]],
        int(index) if isinstance(index, int | float) and index >= 0 else None,
        int(y) if isinstance(y, int | float) and 0 <= y < num_classes else None,
    )


def _view(said: Any) -> View | None:
    match said:
        case {
            "projection": str(projection),
            "colour": str(colour),
            "layers": list(layers),
            "tiles": str(tiles),
            "hidden": list(hidden),
            "area": None | list() as area,
            "lasso": list(lasso),
            "opacity": int() | float() as opacity,
            "ranges": list(ranges),
        }:
            whole = all(type(label) is int for label in hidden)
            numbers = area is None or (len(area) == 3 and all(is_number(value) for value in area))
            numbers = numbers and all(
                isinstance(one, list) and all(is_number(value) for value in one) for one in lasso
            )
            named = all(_is_range(one) for one in ranges)
            if whole and numbers and named and all(isinstance(layer, str) for layer in layers):
                return View(
                    projection,
                    colour,
                    tuple(layers),
                    tiles,
                    tuple(hidden),
                    area and tuple(area),
                    tuple(tuple(one) for one in lasso),
                    float(opacity),
                    tuple((str(name), float(low), float(high)) for name, low, high in ranges),
                )
    return None


def _is_range(said: Any) -> bool:
    match said:
        case [str(), low, high]:
            return is_number(low) and is_number(high)
    return False


def _wish(said: Any, methods: Sequence[str], most: int) -> Wish | None:
    match said:
        case {"action": "start" | "cancel" as action, "method": str(method), "num": int(num)}:
            return Wish(action, method, num) if method in methods and 1 <= num <= most else None
    return None
