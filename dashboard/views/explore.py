"""Explore: a slider for each latent dimension, and the decoder following in real time."""

from __future__ import annotations

import streamlit as st

from dashboard import chooser, latent_view, model_cache, state, time_machine
from dashboard.components.draw import Picked, Posterior, draw
from dashboard.components.image import image
from dashboard.components.sliders import Mix, Range, sliders
from dashboard.latent_view import LatentView
from dashboard.paths import paths_section
from dashboard.plain import plain
from vae.errors import UserError
from vae.runs import Run

#: More sliders than these are taller than a laptop's screen.
MANY = 8
#: So few sliders leave room below them.
FEW = 3


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
    mix, found = latent_view.mix(run, y), latent_view.posterior(run)
    span: Range = "prior" if state.read(state.RANGE, "data") == "prior" else "data"
    if found is not None and not state.has_point():
        z, y, mix = list(found[0].mean), _label(run, found[1], y), None
    posterior = found[0] if found is not None and latent_view.is_of(z, found[0]) else None

    left, right = st.columns([4, 7], gap="medium")
    picture = left.container()
    num = len(view.dims)
    # Many sliders scroll by themselves, so that the image stays in sight.
    controls = right.container(height=664 if num > MANY else "content", border=False)
    with right if num <= FEW else left:
        picked = _panel(run, view, z, y, mix, posterior)
    if picked.z is not None:
        z, posterior = picked.z, None
        if picked.y is not None:
            y, mix = picked.y, None
        if picked.row is not None and (found := latent_view.posterior(run, picked.row)) is not None:
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
            full=True,
            shape=view.shape,
            stamp=view.stamp,
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
            size=360 if num <= FEW else 256,
            key=f"explore-image:{run.id}",
        )
    latent_view.keep(run, position.z, position.y)
    state.write(state.RANGE, position.range)
    state.write(state.PANEL, picked.panel)
    state.keep(state.mix(len(view.conditions)), position.mix)
    moved = any(abs(a - b) > 1e-3 for a, b in zip(position.z, z, strict=True))
    state.keep(state.posterior(run.info.num_test), None if posterior is None or moved else posterior.row)
    st.caption(plain(view.words))
    paths_section(run, view)
    time_machine.draw(run, end="Best", decoders=True)


def _panel(
    run: Run, view: LatentView, z: list[float], y: int | None, mix: Mix | None, posterior: Posterior | None
) -> Picked:
    """Where the point can come from besides the sliders."""
    data = run.config.data
    binary = {"none": None, "threshold": data.threshold}
    return draw(
        run.id,
        z=z,
        y=y,
        mix=mix,
        conditions=view.conditions,
        labels=run.info.class_names,
        num_images=run.info.num_test,
        shape=view.shape,
        missing=model_cache.missing_images(run),
        panel=state.read(state.PANEL, "test"),  # type: ignore[arg-type]
        posterior=posterior,
        cut=binary.get(data.binarize, 0.5),
        centre=data.name in ("mnist", "emnist"),
        stamp=view.stamp,
        key=f"explore-draw:{run.id}",
    )


def _label(run: Run, label: int | None, otherwise: int | None) -> int | None:
    return label if run.config.model.conditional and label is not None else otherwise
