"""How far the encoder lags behind, along training: measured beside the page, on demand, for one and two dimensions."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard import model_cache
from dashboard.background import Job, Progress, background
from dashboard.figures import CURVES, ThemeName, template
from vae.runs import Run

#: By the key of the job.
_lags: dict[str, list[dict[str, Any]]] = {}
_KEY = "lag:"


def key(run: Run) -> str:
    """Of a run's job: another one when it has other snapshots."""
    steps = run.snapshots()
    return f"{_KEY}{run.path}:{len(steps)}:{model_cache.stamp(run, steps[-1]) if steps else ''}"


def why_not(run: Run) -> str:
    """Why the lag cannot be measured, as a sentence; empty if it can."""
    if run.config.model.latent_dim > 2:
        return "The encoder's lag is measured against the true posterior, which is known in one or two dimensions."
    if len(run.snapshots()) < 2:
        return "The encoder's lag is read from snapshots, and this run kept none."
    return model_cache.missing_images(run)


def start(run: Run) -> None:
    """Measure it beside the page."""
    name = key(run)

    def work(progress: Progress) -> None:
        from vae.lag import encoder_lag

        found = encoder_lag(run, model_cache.dataset(run), progress=progress)
        _lags[name] = [lag.to_dict() for lag in found]

    background.start(name, work)


def job(run: Run) -> Job | None:
    """What became of the measurement."""
    return background.get(key(run))


def found(run: Run) -> list[dict[str, Any]] | None:
    """The lag at each moment, as `vae.lag.Lag.to_dict` tells it, if it was measured."""
    return _lags.get(key(run))


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
