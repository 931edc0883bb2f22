"""The section of paths and arithmetic below the sliders of the Explore page."""

from __future__ import annotations

import streamlit as st

from dashboard import state
from dashboard.components.paths import Route, paths
from dashboard.latent_view import LatentView
from dashboard.stops import Difference, Stop
from vae.runs import Run


def paths_section(run: Run, view: LatentView) -> None:
    """Draw the section: closed until it is asked for, unless the link names stops or arithmetic.

    Must come after all that reads the point, because it may write a new one.
    """
    route = _route(run)
    opened = f"explore-paths-open:{run.id}"
    # Not by `expanded`: a box whose default changes is mounted anew, and what is in it begins anew.
    if opened not in st.session_state:
        st.session_state[opened] = bool(route.stops or route.sum)
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
    stops = _stops(run)
    found = state.read(stops, [])
    radius = state.read(state.PATH_RADIUS, 0.0)
    difference = state.difference(run.info.num_classes, len(found))
    wanted: Difference | tuple[()] = state.read(difference, ())  # type: ignore[misc]
    route = Route(
        stops.write(found),
        state.read(state.PATH_KIND, "straight"),
        state.read(state.PATH_PACE, "legs"),
        state.PATH_RADIUS.write(radius) if radius else "",
        difference.write(wanted) if wanted else "",
    )
    _keep(run, route)
    return route


def _keep(run: Run, route: Route) -> None:
    """Put the path and the arithmetic into the URL; without stops there is no path."""
    stops = _stops(run)
    try:
        found = stops.parse(route.stops)
        kind, pace = state.PATH_KIND.parse(route.kind), state.PATH_PACE.parse(route.pace)
        radius = state.PATH_RADIUS.parse(route.radius) if route.radius else None
        difference = state.difference(run.info.num_classes, len(found))
        wanted = difference.parse(route.sum) if route.sum else None
    except ValueError:
        return  # a browser said it, but not our page
    state.keep(stops, found or None)
    state.keep(state.PATH_KIND, kind if found else None)
    state.keep(state.PATH_PACE, pace if found else None)
    state.keep(state.PATH_RADIUS, radius if found else None)
    state.keep(difference, wanted)


def _stops(run: Run) -> state.Key[list[Stop]]:
    return state.path_stops(run.config.model.latent_dim, run.info.num_test)
