"""The drawing of a VAE with an image of the run in it: a whole screen on Learn, a strip on other pages."""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st

from dashboard.cache import models
from dashboard.components.pipeline import MODES, MOST_BETA, Origin, pipeline
from dashboard.link import keys, session
from dashboard.link.keys import Key, choice, named_point, number
from dashboard.look.markdown import plain
from dashboard.shell import latent_view, subject
from dashboard.shell.subject import Subject
from vae.errors import UserError
from vae.runs.run import Run

#: Which parts are on, and the weight of the KL in the sum.
MODE = choice("pass", MODES)
BETA = number("beta", 0.0, MOST_BETA)
#: Whether the chosen image goes through, or the drawing.
WHOSE = choice("x", ("test", "draw"))


def draw(run: Run, of: Subject, *, size: Literal["stage", "strip"] = "stage") -> None:
    """Draw it with the run's best weights, and keep what was set in the link.

    Args:
        run: The run.
        of: The image that goes through.
        size: A whole screen, or a strip.
    """
    config = run.config
    key: Key[Any] = named_point("eps", config.model.latent_dim)
    mode = session.read(MODE, "training")
    beta = session.read(BETA, min(MOST_BETA, config.objective.beta))
    origin: Origin = "draw" if session.read(WHOSE, "test") == "draw" else "test"
    drawing = session.read(keys.DRAWING, "")
    said = pipeline(
        run.id,
        of.x,
        y=None if of.y is None else int(of.y),
        classes=run.info.class_names if config.model.conditional else (),
        latent_dim=config.model.latent_dim,
        mode=mode,
        beta=beta,
        noise=session.read(key, None),
        origin=origin,
        drawing=drawing,
        cut=latent_view.cut(run),
        centre=config.data.name in ("mnist", "emnist"),
        stamp=models.stamp(run, "best"),
        size=size,
        key=f"pipeline-{size}:{run.id}",
    )
    if said is None:
        return
    session.write(MODE, said.mode)
    session.write(BETA, said.beta)
    session.write(key, said.noise)
    session.keep(WHOSE, said.origin if said.origin == "draw" else None)
    session.keep(keys.DRAWING, said.drawing or None)


def strip(run: Run) -> None:
    """A line that opens the drawing as a strip; nothing where the run has no weights."""
    if not models.stamp(run, "best") or session.presenting():
        return
    with st.container(key="one-pass"):
        shown = st.toggle(
            "One pass through the model",
            key="one-pass-open",
            help="An image on its way through encoder, sampling, decoder and loss. The Learn page explains each part.",
        )
        if not shown:
            return
        try:
            draw(run, subject.of(run), size="strip")
        except UserError as error:
            st.info(plain(str(error)), icon=":material/info:")
