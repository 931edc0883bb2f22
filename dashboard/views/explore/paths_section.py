"""The section of paths and arithmetic below the sliders of the Explore page."""

from __future__ import annotations

import streamlit as st

from dashboard.link import keys, session
from dashboard.shell.latent_view import LatentView
from dashboard.views.explore import link
from dashboard.views.explore.path_text import Difference, Stop
from dashboard.views.explore.paths import Route, paths
from vae.runs.run import Run


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
        session.write(keys.point(run.config.model.latent_dim), said.z)
        session.forget(keys.posterior(run.info.num_test))  # it has left the posterior that it was of
    if said.y is not None:
        session.write(keys.label(run.info.num_classes), said.y)
        session.keep(keys.mix(run.info.num_classes), said.mix)
    if said.route is not None:
        _keep(run, said.route)


def _route(run: Run) -> Route:
    """The path of the link; what of it was bad is told and taken out."""
    stops = _stops(run)
    found = session.read(stops, [])
    radius = session.read(link.PATH_RADIUS, 0.0)
    difference = link.difference(run.info.num_classes, len(found))
    wanted: Difference | tuple[()] = session.read(difference, ())  # type: ignore[misc]
    route = Route(
        stops.write(found),
        session.read(link.PATH_KIND, "straight"),
        session.read(link.PATH_PACE, "legs"),
        link.PATH_RADIUS.write(radius) if radius else "",
        difference.write(wanted) if wanted else "",
    )
    _keep(run, route)
    return route


def _keep(run: Run, route: Route) -> None:
    """Put the path and the arithmetic into the URL; without stops there is no path."""
    stops = _stops(run)
    try:
        found = stops.parse(route.stops)
        kind, pace = link.PATH_KIND.parse(route.kind), link.PATH_PACE.parse(route.pace)
        radius = link.PATH_RADIUS.parse(route.radius) if route.radius else None
        difference = link.difference(run.info.num_classes, len(found))
        wanted = difference.parse(route.sum) if route.sum else None
    except ValueError:
        return  # a browser said it, but not our page
    session.keep(stops, found or None)
    session.keep(link.PATH_KIND, kind if found else None)
    session.keep(link.PATH_PACE, pace if found else None)
    session.keep(link.PATH_RADIUS, radius if found else None)
    session.keep(difference, wanted)


def _stops(run: Run) -> keys.Key[list[Stop]]:
    return link.path_stops(run.config.model.latent_dim, run.info.num_test)
