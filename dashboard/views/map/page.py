"""Map: where the posterior puts each image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.cache import columns as own_columns
from dashboard.cache import datasets, latents
from dashboard.components.image import image
from dashboard.components.map import Kind, Method, Plane, Said, View, latent_map
from dashboard.components.sliders import sliders
from dashboard.jobs.planes import Wanted, projections
from dashboard.link import keys, session
from dashboard.look.markdown import plain
from dashboard.shell import latent_view, no_weights_yet, run_picker, stage, time_machine
from dashboard.shell.latent_view import row_of
from dashboard.views.map import evolution, link
from vae.errors import UserError
from vae.runs.run import Run

if TYPE_CHECKING:
    from vae.data.attributes import Attributes

#: More points than these are shown only when the person says so.
MOST_AT_ONCE = 200_000


def page() -> None:
    """Draw the page."""
    modes = run_picker.head(
        "Map",
        "Where does the encoder place each image? Hover to decode, click to pin.",
    )
    run = run_picker.chosen_or_told()
    if run is None:
        return
    try:
        view = latent_view.of(run)
        plane = _plane(run) if run.config.model.latent_dim != 2 else None
    except UserError as error:
        no_weights_yet.instead(run, error)
        return
    z, y = latent_view.point(run), latent_view.label(run)
    missing = datasets.missing_images(run)
    with modes:
        part, sizes = _part(run, missing)
    num = sizes[part]
    if num <= MOST_AT_ONCE:
        latents.prefetch(run, "best", part)
    columns = own_columns.of(run)
    shown = _view(run, columns)
    (place,) = stage.columns(1)
    with place, stage.card("map", bare=True):
        said = latent_map(
            run.id,
            latent_dim=run.config.model.latent_dim,
            z=z,
            y=y,
            stamp=view.stamp,
            part=part,
            classes=run.info.class_names,
            conditional=run.config.model.conditional,
            shape=view.shape,
            missing=missing,
            plane=plane,
            num=num,
            sizes=sizes,
            question=_question(run, num),
            methods=_methods(run),
            columns=[Kind(column.name, len(column.classes)) for column in columns.found],
            view=shown,
            prior=latent_view.prior_refusal(run),
            pinned=_pinned(run, z),
            cut=latent_view.cut(run),
            centre=run.config.data.name in ("mnist", "emnist"),
            key=f"map-chart:{run.id}",
        )
    _keep(run, columns, said.view or shown)
    _heed(run, part, said)
    found = latent_view.posterior(run, z=z)
    if said.click is not None:
        z, y = said.click.z, y if said.click.y is None else said.click.y
        row = row_of(run, said.click)
        found = None if row is None else latent_view.posterior(run, row, z=z)
    # The map's own card is out of sight from here: what the sliders change stands beside them.
    beside, controls = stage.columns(1, 3, name="below")
    with controls, stage.card("sliders", bare=True):
        position = sliders(
            run.id,
            view.dims,
            z=z,
            y=y,
            classes=view.conditions,
            prior_points=view.prior_points,
            key=f"map-sliders:{run.id}",
        )
    with beside, stage.sticky(), stage.card("image", bare=True):
        image(
            run.id,
            z=position.z,
            y=position.y,
            classes=view.conditions,
            shape=view.shape,
            stamp=view.stamp,
            key=f"map-image:{run.id}",
        )
    latent_view.keep(run, position.z, position.y)
    # Explore shows whose posterior the point is the mean of, as long as it is.
    moved = any(abs(a - b) > 1e-3 for a, b in zip(position.z, z, strict=True))
    of = None if found is None or moved or not latent_view.is_of(z, found[0]) else found[0].row
    session.keep(keys.posterior(run.info.num_test), of)
    for sentence in columns.refused:
        st.caption(plain(f"A column cannot be used: {sentence}."))
    step = time_machine.draw(run, end="Best", decoders=True)
    st.caption(plain(time_machine.words(run, step, view.words)))
    evolution.download_button(run)


def _part(run: Run, missing: str) -> tuple[str, dict[str, int]]:
    """Which images the map shows, and how many each part has; without the images, the test part alone is there.

    In a presentation the link alone decides.
    """
    words = {"test": "Test", "validation": "Validation", "train": "Training", "all": "All"}
    sizes = {"test": run.info.num_test, "validation": run.info.num_validation, "train": run.info.num_train}
    sizes["all"] = sum(sizes.values())
    parts = ["test"] if missing else [part for part in words if sizes[part]]
    wanted = session.read(link.PART, "test")
    if missing and wanted != "test":
        session.notice(
            f"Images not available: showing the test images instead of {words[wanted].lower()} images."
        )
    part = wanted if wanted in parts else "test"
    if not session.presenting():
        session.seat(link.PART, widget := f"map-part:{run.id}", part)
        picked = st.segmented_control(
            "Images",
            parts,
            format_func=lambda part: f"{words[part]} ({sizes[part]:,})",
            required=True,
            key=widget,
            label_visibility="collapsed",
        )
        part = str(picked or "test")
        if missing:
            st.caption("The other images are not available.", help=plain(missing))
    session.write(link.PART, part)
    return part, sizes


def _pinned(run: Run, z: list[float]) -> int | None:
    """The image whose posterior the link names, by its index in the data set, as long as the point is of it."""
    found = latent_view.posterior(run, z=z)
    if found is None or not latent_view.is_of(z, found[0]):
        return None
    return int(latents.embedding(run, "best", "test").index[found[0].row])


def _plane(run: Run) -> Plane:
    found = latents.plane(run, "best")
    return Plane(found.mean.tolist(), found.components.tolist(), found.explained)


def _question(run: Run, num: int) -> str:
    """What so many points cost, if they are many."""
    if num <= MOST_AT_ONCE:
        return ""
    seconds = num / latents.pace(run, "best")
    # Mean, places, drawing order, label and index of each point.
    megabytes = num * (4 * run.config.model.latent_dim + 34) / 1e6
    return (
        f"{num:,} images. Encoding them takes the server about {_about(seconds)} s the first time, and showing them "
        f"takes about {_about(megabytes)} MB of this browser's memory. Nothing is left out."
    )


def _about(value: float) -> str:
    """A number to one digit, at least 1."""
    whole = max(1, round(value))
    return f"{round(whole, 1 - len(str(whole))):,}"


def _methods(run: Run) -> list[Method]:
    from vae.latent.tsne_umap import CAPS, METHODS, TITLES, missing

    straight = Method("pca", "PCA (largest variance)")
    if run.config.model.latent_dim <= 2:
        return [straight]
    return [
        straight,
        *(Method(method, TITLES[method], missing(method), CAPS[method]) for method in METHODS),
    ]


def _view(run: Run, columns: Attributes) -> View:
    """What the link says that the map shows."""
    latent_dim = run.config.model.latent_dim
    projection = session.read(link.projection(latent_dim), "pca")
    colour = session.read(_colour(run, columns), "label")
    layers: list[str] = session.read(link.LAYERS, ["contours", "names"])
    lasso: tuple[link.Lasso, ...] = session.read(link.LASSO, ())
    ranges: tuple[link.Range, ...] = session.read(link.ranges(_numeric(columns)), ())
    hidden: list[int] = session.read(_hidden(run, columns, colour), [])
    return View(
        projection,
        colour,
        layers,
        session.read(link.TILES, "even"),
        hidden,
        session.read(link.VIEW, None),
        lasso,
        session.read(link.OPACITY, 1.0),
        ranges,
    )


def _numeric(columns: Attributes) -> list[str]:
    return [column.name for column in columns.found if column.is_number]


def _colour(run: Run, columns: Attributes) -> keys.Key[str]:
    return link.colour(run.config.model.latent_dim, [column.name for column in columns.found])


def _hidden(run: Run, columns: Attributes, colour: str) -> keys.Key[list[int]]:
    """The legend's classes: those of the column that the colours say, else the labels."""
    column = columns.named(colour.removeprefix("column:")) if colour.startswith("column:") else None
    return link.hidden(len(column.classes) if column is not None and column.classes else run.info.num_classes)


def _keep(run: Run, columns: Attributes, view: View) -> None:
    """Put into the link what the map shows."""
    for key, value in (
        (link.projection(run.config.model.latent_dim), view.projection),
        (_colour(run, columns), view.colour),
        (link.LAYERS, ",".join(view.layers) or "none"),
        (link.TILES, view.tiles),
        (_hidden(run, columns, view.colour), ",".join(map(str, view.hidden)) or "none"),
        (link.LASSO, link.lassos_text(view.lasso)),
        (link.ranges(_numeric(columns)), link.ranges_text(view.ranges)),
        (link.OPACITY, f"{view.opacity:g}"),
        (link.VIEW, "all" if view.area is None else ",".join(f"{value:.5g}" for value in view.area)),
    ):
        session.write_text(key, value)


def _heed(run: Run, part: str, said: Said) -> None:
    """Do what the person asked of the map's planes."""
    if said.wish is not None:
        wanted = Wanted(run, "best", part, said.wish.method, said.wish.num)  # type: ignore[arg-type]
        if said.wish.action == "cancel":
            projections.cancel(wanted)
        else:
            try:
                projections.start(wanted)
            except UserError as error:
                st.warning(plain(str(error)), icon=":material/info:")
