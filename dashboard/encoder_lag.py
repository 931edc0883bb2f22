"""How far the encoder lags behind, along training: measured beside the page, on demand, for one and two dimensions."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from dashboard import model_cache
from dashboard.background import Job, Progress, background
from dashboard.figures import CURVES, ThemeName, template
from dashboard.plain import plain
from vae.runs import Run

#: By the key of the job: of which snapshots, and what was found.
_lags: dict[str, tuple[str, list[dict[str, Any]]]] = {}
_KEY = "lag:"


def key(run: Run) -> str:
    """Of a run's job: another one when it was trained afresh."""
    steps = run.snapshots()
    return f"{_KEY}{run.path}:{model_cache.stamp(run, steps[0]) if steps else ''}"


def _extent(run: Run) -> str:
    """Changes with every new snapshot."""
    steps = run.snapshots()
    return f"{len(steps)} {model_cache.stamp(run, steps[-1])}" if steps else ""


def why_not(run: Run) -> str:
    """Why the lag cannot be measured, as a sentence; empty if it can."""
    if run.config.model.latent_dim > 2:
        return "The encoder's lag is measured against the true posterior, which is known in one or two dimensions."
    if len(run.snapshots()) < 2:
        return "The encoder's lag is read from snapshots, and this run kept none."
    return model_cache.missing_images(run)


def start(run: Run) -> None:
    """Measure it beside the page."""
    name, extent = key(run), _extent(run)

    def work(progress: Progress) -> None:
        from vae.lag import encoder_lag

        found = encoder_lag(run, model_cache.dataset(run), progress=progress)
        _lags[name] = extent, [lag.to_dict() for lag in found]

    background.start(name, work)


def job(run: Run) -> Job | None:
    """What became of the measurement."""
    return background.get(key(run))


def found(run: Run) -> list[dict[str, Any]] | None:
    """The lag at each moment, as `vae.lag.Lag.to_dict` tells it, if it was measured."""
    return _lags[key(run)][1] if key(run) in _lags else None


def is_outdated(run: Run) -> bool:
    """Whether the run has had other snapshots since."""
    return key(run) in _lags and _lags[key(run)][0] != _extent(run)


def chart(lags: list[dict[str, Any]], theme: ThemeName) -> go.Figure:
    """Distance of the means and gap over the epochs, each with its standard error."""
    titles = ("Distance of the means", "Gap KL(q(z|x) ‖ p(z|x))")
    figure = make_subplots(1, 2, subplot_titles=titles, horizontal_spacing=0.1)
    panels = (("in_deviations", "standard deviations", "rate"), ("gap", "nats per image", "distortion"))
    for column, (name, unit, colour) in enumerate(panels, 1):
        figure.add_scatter(
            x=[lag["epoch"] for lag in lags],
            y=[lag[name] for lag in lags],
            error_y={"array": [lag[f"{name}_standard_error"] for lag in lags], "thickness": 1, "width": 2},
            customdata=[lag["step"] for lag in lags],
            hovertemplate=f"step %{{customdata:,}}: %{{y:.3f}} {unit}<extra></extra>",
            mode="lines+markers",
            line={"color": CURVES[theme][colour], "width": 1.5},
            row=1,
            col=column,
        )
        figure.update_yaxes(title_text=unit, rangemode="tozero", row=1, col=column)
        figure.update_xaxes(title_text="epochs", row=1, col=column)
    figure.update_layout(template=template(theme), height=280, showlegend=False)
    return figure


def section(run: Run) -> None:
    """Posterior means against the true posterior's, along training; measured when it is asked for."""
    if run.config.model.latent_dim > 2:
        return
    with st.expander("Does the encoder lag behind the decoder?", icon=":material/hourglass_bottom:"):
        if sentence := why_not(run):
            st.caption(plain(sentence))
            return
        measured, under_way = found(run), job(run)
        if measured is not None:
            theme: ThemeName = "dark" if st.context.theme.type == "dark" else "light"
            figure = chart(measured, theme)
            st.plotly_chart(figure, theme=None, width="stretch", config={"displayModeBar": False})
            st.caption(
                "At each snapshot, over probe images: how far the mean of q(z|x) stands from that of the true "
                "posterior, in standard deviations of the true one; and the gap, KL(q(z|x) ‖ p(z|x)). An encoder that "
                "lags has a gap that is large early and closes late."
            )
        if under_way is not None and under_way.is_open:
            _progress(run)
        elif measured is None or is_outdated(run):
            if under_way is not None and under_way.error:
                st.error(plain(under_way.error))
            if measured is None:
                st.caption(
                    "In one or two dimensions the true posterior is known by quadrature. This takes up to a minute."
                )
            st.button(
                "Measure it" if measured is None else "Measure it again, with the newer snapshots",
                icon=":material/straighten:",
                on_click=start,
                args=(run,),
                key=f"lag:{run.id}",
            )


def _progress(run: Run) -> None:
    @st.fragment(run_every=0.5)
    def draw() -> None:
        under_way = job(run)
        if under_way is None or not under_way.is_open:
            st.rerun()
        else:
            st.progress(under_way.share, "Quadrature at each snapshot…")

    draw()
