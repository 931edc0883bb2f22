"""How far the encoder lags behind during training: measured on demand, saved in the run, drawn on two pages."""

from __future__ import annotations

import streamlit as st

from dashboard.cache import datasets
from dashboard.components.chart import Series, chart
from dashboard.jobs import test_metrics
from dashboard.jobs.measurements import kept
from dashboard.jobs.queue import Progress, background
from dashboard.link import session
from dashboard.look.markdown import plain
from dashboard.shell.job_progress import progress
from vae.evaluation import saved_bounds
from vae.evaluation.exact_posterior import MOST_DIMS
from vae.runs.run import Run

#: Probe images and snapshots that are looked at: a minute or two on one core.
NUM_IMAGES, NUM_MOMENTS = 20, 12


def key(run: Run) -> str:
    """Of a run's job."""
    return f"bound:{run.path}:lag"


def why_not(run: Run) -> str:
    """Why the lag cannot be measured now, as a sentence; empty if it can."""
    if run.config.model.latent_dim > MOST_DIMS:
        return (
            "The encoder's lag is measured against the true posterior, which can be computed for one or two "
            "latent dimensions only."
        )
    if len(run.snapshots()) < 2:
        return "The encoder's lag is measured from snapshots, and this run kept none."
    return test_metrics.why_not(run)


def start(run: Run) -> None:
    """Measure it beside the page."""

    def work(progress: Progress) -> None:
        from vae.evaluation.inference_lag import encoder_lag

        made = encoder_lag(
            run, datasets.dataset(run), num_images=NUM_IMAGES, num_moments=NUM_MOMENTS, progress=progress
        )
        saved_bounds.keep(run, test_metrics.folder(run), lag=made)

    background.start(key(run), work)


def draw(run: Run) -> None:
    """The lag that was measured, and the way to measure it where there is none, or the run was trained on since."""
    found, job = kept(run), background.get(key(run))
    is_old = found.lag_step != run.status().step
    if job is not None and job.is_open:
        session.begin_watch(key(run))
        progress(key(run))
    elif (not found.lag or is_old) and not session.presenting():
        if job is not None and job.state == "failed":
            st.error(plain(job.error), icon=":material/block:")
        if why := why_not(run):
            st.caption(plain(why))
        elif st.button(
            "Measure the lag again" if found.lag else "Measure the lag",
            icon=":material/play_arrow:",
            help=f"Computes the true posterior of {NUM_IMAGES} probe images at up to {NUM_MOMENTS} snapshots, in "
            "the background. The result is saved with the run.",
            key=f"lag-start:{run.id}",
        ):
            start(run)
            st.rerun()
    if found.lag:
        _charts(run, found, is_old)


def _charts(run: Run, found: saved_bounds.Measurements, is_old: bool) -> None:
    points = found.lag

    def along(name: str, values: list[float], errors: list[float | None], colour: str) -> Series:
        return Series(name, [one.epoch for one in points], values, errors, colour=colour)

    gap = along("Gap", [one.gap for one in points], [one.gap_standard_error for one in points], "rate")
    distances = [one.in_deviations for one in points]
    errors = [one.in_deviations_standard_error for one in points]
    distance = along("Distance between the means", distances, errors, "distortion")
    left, right = st.columns(2, gap="medium")
    with left:
        chart([gap], x="epoch", y="KL(q ‖ p(z|x)), nats", key=f"lag-gap:{run.id}")
    with right:
        chart([distance], x="epoch", y="distance, in σ of the true posterior", key=f"lag-distance:{run.id}")
    part = "validation" if run.info.num_validation else "test"
    later = " The run has been trained further since." if is_old else ""
    st.caption(
        "Left: what the ELBO loses because q is not the true posterior. Right: distance between their means. Measured "
        f"at step {found.lag_step:,}.{later}",
        help=f"If the encoder lags, the gap is large early and shrinks late. {points[0].num_images} probe images "
        f"({part}), by quadrature, at {len(points)} snapshots; bars are one standard error over the images.",
    )


def section(run: Run) -> None:
    """The same behind its question, for runs of one or two dimensions; shown to a class only if it was measured."""
    if run.config.model.latent_dim > MOST_DIMS or (session.presenting() and not kept(run).lag):
        return
    with st.expander(
        "Does the encoder lag behind the decoder?", icon=":material/hourglass_bottom:", key="lag-open"
    ):
        draw(run)
