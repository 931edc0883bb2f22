"""Map: where the posterior puts each image."""

from __future__ import annotations

import streamlit as st

from dashboard import chooser, latent_view, model_cache, state
from dashboard.components.image import image
from dashboard.components.map import Plane, latent_map
from dashboard.components.sliders import sliders
from dashboard.plain import plain
from vae.errors import UserError
from vae.runs import Run

PART = state.choice("part", ("test", "validation", "train", "all"))


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
    part = _part(run)
    left, right = st.columns([5, 2], gap="medium")
    with left:
        click = latent_map(
            run.id,
            latent_dim=run.config.model.latent_dim,
            z=z,
            y=y,
            stamp=view.stamp,
            part=part,
            classes=run.info.class_names,
            conditional=run.config.model.conditional,
            shape=view.shape,
            plane=plane,
            key=f"map:{run.id}",
        )
    if click is not None:
        z, y = click.z, y if click.y is None else click.y
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


def _part(run: Run) -> str:
    """Which images the map shows."""
    words = {"test": "Test", "validation": "Validation", "train": "Training", "all": "All"}
    sizes = {"test": run.info.num_test, "validation": run.info.num_validation, "train": run.info.num_train}
    sizes["all"] = sum(sizes.values())
    parts = [part for part in words if sizes[part]]
    picked = st.segmented_control(
        "Images",
        parts,
        default=state.read(PART, "test"),
        format_func=lambda part: f"{words[part]} ({sizes[part]:,})",
        required=True,
        key=f"map-part:{run.id}",
        label_visibility="collapsed",
    )
    part = str(picked or "test")
    state.write(PART, part)
    return part


def _plane(run: Run) -> Plane:
    found = model_cache.plane(run, "best")
    return Plane(found.mean.tolist(), found.components.tolist(), found.explained)
