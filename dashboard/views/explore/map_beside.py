"""The map beside other things: where the page's point and its posterior lie among the test images."""

from __future__ import annotations

import streamlit as st

from dashboard.cache import latents
from dashboard.components.map import Click, Plane, View, latent_map
from dashboard.components.sliders import Mix
from dashboard.link import session
from dashboard.look.markdown import plain
from dashboard.shell import latent_view
from dashboard.shell.latent_view import LatentView
from dashboard.views.explore import link
from vae.errors import UserError
from vae.runs.run import Run

#: Of more test images the Map page asks first.
MOST = 200_000
_VIEW = View(layers=("contours", "ellipses"))


def switch(run: Run) -> bool:
    """Draw the switch of the map, and say whether it is on; in a presentation the link alone decides."""
    wanted = session.read(link.SHOW_MAP, "on") == "on"
    if not session.presenting():
        session.seat(link.SHOW_MAP, widget := f"explore-show-map:{run.id}", wanted)
        wanted = st.toggle(
            "Map", key=widget, help="Where the point and its posterior lie among the test images."
        )
    session.write(link.SHOW_MAP, "on" if wanted else "off")
    return wanted


def beside_map(run: Run, view: LatentView, z: list[float], y: int | None, mix: Mix | None) -> Click | None:
    """Draw the map; what was clicked on it is why the page runs, or None."""
    if run.info.num_test > MOST:
        st.caption(f"Too many test images for this map ({run.info.num_test:,}): use the Map page.")
        return None
    latent_dim = run.config.model.latent_dim
    try:
        latents.embedding(run, "best", "test")
        found = latents.plane(run, "best") if latent_dim != 2 else None
    except UserError as error:
        st.caption(plain(f"No map: {error}"))
        return None
    plane = None if found is None else Plane(found.mean.tolist(), found.components.tolist(), found.explained)
    return latent_map(
        run.id,
        latent_dim=latent_dim,
        z=z,
        y=y,
        mix=mix,
        stamp=view.stamp,
        classes=run.info.class_names,
        conditional=run.config.model.conditional,
        shape=view.shape,
        plane=plane,
        num=run.info.num_test,
        view=_VIEW,
        prior=latent_view.prior_refusal(run),
        compact=True,
        key=f"beside-map-chart:{run.id}",
    ).click
