"""The exact posterior and log p(x) of one image, for models of one or two latent dimensions."""

from __future__ import annotations

import streamlit as st

from dashboard.cache import datasets, models
from dashboard.link import keys, session
from dashboard.look.markdown import plain
from dashboard.shell import latent_view
from dashboard.views.evaluate import link
from dashboard.views.evaluate.exact_posterior import Chosen, truth
from vae.evaluation.comparability import EvaluationProtocol
from vae.runs.run import Run


def draw(run: Run) -> None:
    """The posterior of a test image or of a drawing, with q over it, and log p(x) as a sum."""
    config, info = run.config, run.info
    data = config.data
    panel = session.read(link.WHOSE, "test")
    drawing = session.read(keys.DRAWING, "")
    row = session.read(keys.image(info.num_test), 0)
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
        missing=datasets.missing_images(run),
        stamp=models.stamp(run, "best"),
        key=f"truth-plot:{run.id}",
    )
    if said is not None:
        panel, row, drawing = said.panel, said.row, said.drawing
    session.write(link.WHOSE, panel)
    session.write(keys.image(info.num_test), row)
    session.keep(keys.DRAWING, drawing or None)
    if config.model.conditional and panel == "draw":
        _class(run, y)
    replayed = " The time machine below shows any snapshot." if run.snapshots() else ""
    lines = (
        " A line at 1 σ is where the density is as far below its peak as a Gaussian's is at 1 σ from its mean."
        if config.model.latent_dim > 1
        else ""
    )
    st.caption(
        plain(f"{EvaluationProtocol.of(run).words}; N = 1.{replayed}"),
        help=f"log p(x) by quadrature over a grid that is refined until the integral settles; no samples.{lines}",
    )


def _class(run: Run, y: int | None) -> None:
    names = run.info.class_names
    widget = f"truth-class:{run.id}"
    key = keys.label(len(names))
    session.seat(key, widget, y or 0)
    picked = st.selectbox(
        "Condition for the drawing", range(len(names)), format_func=names.__getitem__, key=widget
    )
    session.write(key, int(picked or 0))
