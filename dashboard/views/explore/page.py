"""Explore: a slider for each latent dimension, and the decoder following in real time."""

from __future__ import annotations

import streamlit as st

from dashboard.cache import datasets
from dashboard.components.image import image
from dashboard.components.sliders import Mix, Range, sliders
from dashboard.link import keys, session
from dashboard.link.posterior import Posterior
from dashboard.look.markdown import plain
from dashboard.shell import latent_view, no_weights_yet, one_pass, run_picker, stage, time_machine, welcome
from dashboard.shell.latent_view import LatentView, row_of
from dashboard.views.explore import link
from dashboard.views.explore.image_source import Picked, draw
from dashboard.views.explore.map_beside import beside_map, switch
from dashboard.views.explore.paths_section import paths_section
from vae.errors import UserError
from vae.runs.run import Run

#: So few sliders, without classes, stand below the image; more stand beside it.
FEW = 2


def page() -> None:
    """Draw the page."""
    modes = run_picker.head(
        "Explore",
        "What does each latent dimension control? Drag a slider: the decoded image follows at once.",
    )
    welcome.draw("explore")
    run = run_picker.chosen_or_told()
    if run is None:
        return
    try:
        view = latent_view.of(run)
    except UserError as error:
        no_weights_yet.instead(run, error)
        return
    z, y = latent_view.point(run), latent_view.label(run)
    mix = latent_view.mix(run, y)
    found = latent_view.posterior(run, z=z if session.has_point() else None)
    span: Range = "prior" if session.read(link.RANGE, "data") == "prior" else "data"
    if found is not None and not session.has_point():
        z, y, mix = list(found[0].mean), _label(run, found[1], y), None
    posterior = found[0] if found is not None and latent_view.is_of(z, found[0]) else None
    whose = keys.posterior(run.info.num_test)
    drawn = posterior is None and session.read(whose, -1) == keys.DRAWN

    with modes:
        mapped = switch(run)
    # The style sheet puts the cards into their places (`dashboard/look/streamlit.css`), by how many sliders there are.
    few = len(view.dims) <= FEW and not view.conditions
    with st.container(key=f"stage-explore-{'few' if few else 'many'}"):
        with stage.sticky():
            picture = stage.card("image", bare=True, fill=True)
        controls = stage.card("sliders", bare=True, fill=True)
        panel = stage.card("source", bare=True, fill=True)
        chart = stage.card("map", bare=True, fill=True) if mapped else None
    if chart is not None:
        with chart:
            click = beside_map(run, view, z, y, mix)
        if click is not None:
            z, posterior, drawn = click.z, None, False
            row = row_of(run, click)
            if row is not None:
                y, mix = _label(run, click.y, y), None
                found = latent_view.posterior(run, row, z=z)
                posterior = None if found is None else found[0]
    with panel:
        picked = _panel(run, view, z, y, mix, posterior, drawn)
    if picked.z is not None:
        z, posterior, drawn = picked.z, None, picked.panel == "draw"
        if picked.y is not None:
            y, mix = picked.y, None
        if picked.row is not None and (found := latent_view.posterior(run, picked.row, z=z)) is not None:
            posterior = found[0]
    with controls:
        position = sliders(
            run.id,
            view.dims,
            z=z,
            y=y,
            mix=mix,
            classes=view.conditions,
            range=span,
            prior_range=view.prior_range,
            prior_points=view.prior_points,
            full=True,
            shape=view.shape,
            stamp=view.stamp,
            fill=True,
            key=f"explore-sliders:{run.id}",
        )
    with picture:
        image(
            run.id,
            z=position.z,
            y=position.y,
            mix=position.mix,
            classes=view.conditions,
            shape=view.shape,
            stamp=view.stamp,
            fill=True,
            key=f"explore-image:{run.id}",
        )
    latent_view.keep(run, position.z, position.y)
    session.write(link.RANGE, position.range)
    session.write(keys.PANEL, picked.panel)
    if picked.drawing is not None:
        session.keep(keys.DRAWING, picked.drawing or None)
    session.keep(keys.mix(len(view.conditions)), position.mix)
    moved = any(abs(a - b) > 1e-3 for a, b in zip(position.z, z, strict=True))
    row = posterior.row if posterior is not None else keys.DRAWN if drawn else None
    session.keep(whose, None if moved else row)
    step = time_machine.draw(run, end="Best", decoders=True)
    st.caption(plain(time_machine.words(run, step, view.words)))
    paths_section(run, view)
    one_pass.strip(run)


def _panel(
    run: Run,
    view: LatentView,
    z: list[float],
    y: int | None,
    mix: Mix | None,
    posterior: Posterior | None,
    drawn: bool,
) -> Picked:
    """Where the point can come from besides the sliders."""
    drawing = session.read(keys.DRAWING, "")
    session.keep(keys.DRAWING, drawing or None)
    return draw(
        run.id,
        z=z,
        y=y,
        mix=mix,
        conditions=view.conditions,
        labels=run.info.class_names,
        num_images=run.info.num_test,
        shape=view.shape,
        missing=datasets.lack(run),
        panel=session.read(keys.PANEL, "test"),  # type: ignore[arg-type]
        drawing=drawing,
        pointless=not session.has_point(),
        drawn=drawn,
        posterior=posterior,
        cut=latent_view.cut(run),
        centre=run.config.data.name in ("mnist", "emnist"),
        stamp=view.stamp,
        key=f"explore-draw:{run.id}",
    )


def _label(run: Run, label: int | None, otherwise: int | None) -> int | None:
    return label if run.config.model.conditional and label is not None else otherwise
