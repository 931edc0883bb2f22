"""The section of paths and arithmetic below the sliders of the Explore page."""

from __future__ import annotations

import streamlit as st

from dashboard import state
from dashboard.components.paths import Route, paths
from dashboard.latent_view import LatentView
from vae.runs import Run


def paths_section(run: Run, view: LatentView) -> None:
    """Draw the section: closed until it is asked for, unless the link names stops.

    Must come after all that reads the point, because it may write a new one.
    """
    route = _route(run)
    opened = f"explore-paths-open:{run.id}"
    # Not by `expanded`: a box whose default changes is mounted anew, and what is in it begins anew.
    if opened not in st.session_state:
        st.session_state[opened] = bool(route.stops)
    box = st.expander("Paths and arithmetic", icon=":material/timeline:", key=opened, on_change="rerun")
    if not box.open:
        return
    with box:
        said = paths(
            run.id,
            latent_dim=run.config.model.latent_dim,
            route=route,
            classes=run.info.class_names,
            conditional=run.config.model.conditional,
            num_images=run.info.num_test,
            shape=view.shape,
            stamp=view.stamp,
            key=f"explore-paths:{run.id}",
        )
    if said.z is not None:
        state.write(state.point(run.config.model.latent_dim), said.z)
    if said.route is not None:
        _keep(run, said.route)


def _route(run: Run) -> Route:
    """The path of the link; what of it was bad is told and taken out."""
    key = state.path_stops(run.config.model.latent_dim, run.info.num_test)
    route = Route(
        key.write(state.read(key, [])),
        state.read(state.PATH_KIND, "straight"),
        state.read(state.PATH_PACE, "legs"),
    )
    _keep(run, route)
    return route


def _keep(run: Run, route: Route) -> None:
    """Put the path into the URL; without stops there is none."""
    key = state.path_stops(run.config.model.latent_dim, run.info.num_test)
    try:
        stops, kind, pace = (
            key.parse(route.stops),
            state.PATH_KIND.parse(route.kind),
            state.PATH_PACE.parse(route.pace),
        )
    except ValueError:
        return  # a browser said it, but not our page
    if not stops:
        state.forget(key)
        state.forget(state.PATH_KIND)
        state.forget(state.PATH_PACE)
        return
    state.write(key, stops)
    state.write(state.PATH_KIND, kind)
    state.write(state.PATH_PACE, pace)
