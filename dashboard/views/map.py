"""Map: where the posterior puts each image."""

from __future__ import annotations

import streamlit as st

from dashboard import chooser, evolution, latent_view, model_cache, state, time_machine
from dashboard.components.image import image
from dashboard.components.map import Method, Plane, Said, View, latent_map
from dashboard.components.sliders import sliders
from dashboard.plain import plain
from dashboard.projections import Wanted, projections
from vae.errors import UserError
from vae.runs import Run

#: More points than these are shown only when the person says so.
MOST_AT_ONCE = 200_000


def page() -> None:
    """Draw the page."""
    chooser.headline(
        "Map", "Each point is the posterior mean of an image. Hover to decode a spot, click to go there."
    )
    run = chooser.chosen()
    if run is None:
        st.info("There is no run yet. Train one on the Train page.")
        return
    try:
        view = latent_view.of(run)
        plane = _plane(run) if run.config.model.latent_dim != 2 else None
    except UserError as error:
        st.error(plain(str(error)))
        return
    z, y = latent_view.point(run), latent_view.label(run)
    part, num = _part(run)
    if num <= MOST_AT_ONCE:
        model_cache.prefetch(run, "best", part)
    left, right = st.columns([5, 2], gap="medium")
    with left:
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
            missing=model_cache.missing_images(run),
            plane=plane,
            num=num,
            question=_question(run, num),
            methods=_methods(run),
            view=_view(run),
            key=f"map:{run.id}",
        )
    _heed(run, part, said)
    if said.click is not None:
        z, y = said.click.z, y if said.click.y is None else said.click.y
    with right:
        image(
            run.id,
            z=z,
            y=y,
            classes=view.conditions,
            shape=view.shape,
            stamp=view.stamp,
            size=240,
            key=f"map-image:{run.id}",
        )
        position = sliders(run.id, view.dims, z=z, y=y, classes=view.conditions, key=f"map-sliders:{run.id}")
    latent_view.keep(run, position.z, position.y)
    st.caption(plain(view.words))
    evolution.download_button(run)
    time_machine.draw(run, end="Best", decoders=True)


def _part(run: Run) -> tuple[str, int]:
    """Which images the map shows, and how many these are."""
    words = {"test": "Test", "validation": "Validation", "train": "Training", "all": "All"}
    sizes = {"test": run.info.num_test, "validation": run.info.num_validation, "train": run.info.num_train}
    sizes["all"] = sum(sizes.values())
    parts = [part for part in words if sizes[part]]
    picked = st.segmented_control(
        "Images",
        parts,
        default=found if (found := state.read(state.PART, "test")) in parts else "test",
        format_func=lambda part: f"{words[part]} ({sizes[part]:,})",
        required=True,
        key=f"map-part:{run.id}",
        label_visibility="collapsed",
    )
    part = str(picked or "test")
    state.write(state.PART, part)
    return part, sizes[part]


def _plane(run: Run) -> Plane:
    found = model_cache.plane(run, "best")
    return Plane(found.mean.tolist(), found.components.tolist(), found.explained)


def _question(run: Run, num: int) -> str:
    """What so many points cost, if they are many."""
    if num <= MOST_AT_ONCE:
        return ""
    seconds = num / model_cache.pace(run, "best")
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
    from vae.projections import CAPS, METHODS, TITLES, missing

    straight = Method("pca", "Largest variance (PCA)")
    if run.config.model.latent_dim <= 2:
        return [straight]
    return [
        straight,
        *(Method(method, TITLES[method], missing(method), CAPS[method]) for method in METHODS),
    ]


def _view(run: Run) -> View:
    """What the link says that the map shows."""
    latent_dim = run.config.model.latent_dim
    projection = state.read(state.PROJECTION, "pca")
    layers: list[str] = state.read(state.LAYERS, ["contours"])
    return View(
        projection if latent_dim > 2 else "pca",
        state.read(state.colour(latent_dim), "label"),
        layers,
    )


def _heed(run: Run, part: str, said: Said) -> None:
    """Do what the person asked of the map."""
    if said.view is not None:
        for key, value in (
            (state.PROJECTION, said.view.projection),
            (state.colour(run.config.model.latent_dim), said.view.colour),
            (state.LAYERS, ",".join(said.view.layers) or "none"),
        ):
            state.write_text(key, value)
    if said.wish is not None:
        wanted = Wanted(run, "best", part, said.wish.method, said.wish.num)  # type: ignore[arg-type]
        if said.wish.action == "cancel":
            projections.cancel(wanted)
        else:
            try:
                projections.start(wanted)
            except UserError as error:
                st.warning(plain(str(error)), icon=":material/info:")
