"""The Evaluate page on models of one or two dimensions: the truth of an image, and how far the encoder lags."""

from __future__ import annotations

import streamlit as st

from dashboard import bounds, keys, latent_view, measured, model_cache, state
from dashboard.background import Progress, background
from dashboard.components.chart import Series, chart
from dashboard.components.truth import Chosen, truth
from dashboard.plain import plain
from vae import measurements
from vae.errors import UserError
from vae.files import disk_sentence
from vae.runs import Run
from vae.yardstick import Yardstick

#: Probe images and snapshots of the lag: a minute or two on one core.
LAG_IMAGES, LAG_MOMENTS = 20, 12


def draw(run: Run) -> None:
    """The posterior of a test image or of a drawing, with q over it, and log p(x) as a sum."""
    config, info = run.config, run.info
    data = config.data
    panel = state.read(keys.WHOSE, "test")
    drawing = state.read(keys.DRAWING, "")
    row = state.read(keys.image(info.num_test), 0)
    y = latent_view.label(run)
    said = truth(
        run.id,
        chosen=Chosen("draw" if panel == "draw" else "test", row, drawing),
        num_images=info.num_test,
        shape=(info.channels, info.height, info.width),
        labels=info.class_names,
        conditional=config.model.conditional,
        y=y,
        latent_dim=config.model.latent_dim,
        cut={"none": None, "threshold": data.threshold}.get(data.binarize, 0.5),
        centre=data.name in ("mnist", "emnist"),
        missing=model_cache.missing_images(run),
        stamp=model_cache.stamp(run, "best"),
        key=f"truth:{run.id}",
    )
    if said is not None:
        panel, row, drawing = said.panel, said.row, said.drawing
    state.write(keys.WHOSE, panel)
    state.write(keys.image(info.num_test), row)
    state.keep(keys.DRAWING, drawing or None)
    if config.model.conditional and panel == "draw":
        _class(run, y)
    moments = " The scrubber below shows any moment of the training." if run.snapshots() else ""
    lines = (
        "A line at 1 σ is where the density is as far below its peak as a Gaussian's is at 1 σ from its mean. "
        if config.model.latent_dim > 1
        else ""
    )
    st.caption(
        plain(
            f"{lines}log p(x) by quadrature over a grid that is made finer until the integral settles; N = 1, no "
            f"samples; {Yardstick.of(run).words}.{moments}"
        )
    )


def _class(run: Run, y: int | None) -> None:
    names = run.info.class_names
    widget = f"truth-class:{run.id}"
    key = keys.label(len(names))
    state.seat(key, widget, y or 0)
    picked = st.selectbox(
        "Class that the drawing is taken for", range(len(names)), format_func=names.__getitem__, key=widget
    )
    state.write(key, int(picked or 0))


def lag(run: Run) -> None:
    """How far the encoder is behind the true posterior along training: measured on demand, kept in the run."""
    found = bounds.kept(run)
    key, why = f"bound:{run.path}:lag", measured.why_not(run)
    job = background.get(key)

    def work(progress: Progress) -> None:
        from vae.lag import encoder_lag

        made = encoder_lag(
            run, model_cache.dataset(run), num_images=LAG_IMAGES, num_moments=LAG_MOMENTS, progress=progress
        )
        try:
            measurements.keep(run, measured.folder(run), lag=made)
        except OSError as error:
            raise UserError(disk_sentence(error)) from error

    is_open = job is not None and job.is_open
    is_old = found.lag_step != run.status().step
    if (not found.lag or is_old) and not is_open and not state.presenting():
        if job is not None and job.state == "failed":
            st.error(plain(job.error), icon=":material/block:")
        if st.button(
            "Measure the lag",
            icon=":material/play_arrow:",
            disabled=bool(why) or len(run.snapshots()) < 2,
            help=plain(why)
            if why
            else f"The true posterior of {LAG_IMAGES} probe images at up to {LAG_MOMENTS} snapshots, beside this page.",
            key=f"{key}:start",
        ):
            background.start(key, work)
            st.rerun()
    if is_open:
        state.begin_watch(key)
        bounds.progress(key)
    if not found.lag:
        return
    points = found.lag
    epochs = [one.epoch for one in points]
    left, right = st.columns(2, gap="medium")
    with left:
        chart(
            [
                Series(
                    "Gap",
                    epochs,
                    [one.gap for one in points],
                    [one.gap_standard_error for one in points],
                    colour="rate",
                )
            ],
            x="epoch",
            y="KL(q ‖ p(z|x)), nats",
            key=f"lag-gap:{run.id}",
        )
    with right:
        chart(
            [
                Series(
                    "Distance of the means",
                    epochs,
                    [one.in_deviations for one in points],
                    [one.in_deviations_standard_error for one in points],
                    colour="distortion",
                )
            ],
            x="epoch",
            y="distance, σ of the true posterior",
            key=f"lag-distance:{run.id}",
        )
    part = "validation" if run.info.num_validation else "test"
    later = " The run has been trained on since." if is_old else ""
    st.caption(
        plain(
            f"Left: what the ELBO loses because q is not the true posterior. Right: how far apart their means are. "
            f"{points[0].num_images} probe images ({part}), by quadrature, at {len(points)} snapshots; bars are one "
            f"standard error over the images. Measured at step {found.lag_step:,}.{later}"
        )
    )
