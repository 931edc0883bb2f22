"""Explore: a slider for each latent dimension, and the decoder following in real time."""

from __future__ import annotations

import streamlit as st

from dashboard import chooser, latent_view
from dashboard.components.image import image
from dashboard.components.sliders import sliders
from dashboard.plain import plain
from vae.errors import UserError

#: More sliders than these are taller than a laptop's screen.
MANY = 8


def page() -> None:
    """Draw the page."""
    chooser.headline("Explore", "Drag a slider: the decoder follows your pointer, in this browser.")
    run = chooser.chosen()
    if run is None:
        st.info("There is no run yet. Train one on the Train page.")
        return
    try:
        view = latent_view.of(run)
    except UserError as error:
        st.error(plain(str(error)))
        return
    z, y = latent_view.point(run), latent_view.label(run)
    picture, controls = st.columns([4, 7], gap="medium")
    # Many sliders scroll by themselves, so that the image stays in sight.
    many = len(view.dims) > MANY
    with controls, st.container(height=560 if many else "content", border=False):
        position = sliders(
            run.id,
            view.dims,
            z=z,
            y=y,
            classes=view.conditions,
            key=f"explore-sliders:{run.id}",
        )
    with picture:
        image(
            run.id,
            z=position.z,
            y=position.y,
            classes=view.conditions,
            shape=view.shape,
            stamp=view.stamp,
            size=360,
            key=f"explore-image:{run.id}",
        )
    latent_view.keep(run, position.z, position.y)
    st.caption(plain(view.words))
