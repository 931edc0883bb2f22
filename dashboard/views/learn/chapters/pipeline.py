"""Chapter 2: one pass through the whole model, opened."""

from __future__ import annotations

import streamlit as st

from dashboard.shell import one_pass, stage
from dashboard.views.learn.frame import choose
from vae.runs.run import Run


def draw(run: Run, title: str) -> None:
    """Draw the chapter."""
    with st.container(key="stage"), stage.card("pipeline", title, fill=True):
        st.latex(
            r"x \to q_\phi(z|x) = \mathcal N(\mu, \mathrm{diag}\,\sigma^2) \to z = \mu + \sigma \odot \varepsilon \to "
            r"p_\theta(x|z), \qquad \mathcal L = \mathbb E[-\log p_\theta(x|z)] + \beta \cdot \mathrm{KL}"
        )
        subject = choose(run)
        one_pass.draw(run, subject)
        st.caption(
            "Drag μ, σ or ε: z, x̂ and the loss follow. The encoder gives log σ²; σ is the exponential of half of it. "
            "KL in nats, dimension by dimension.",
            help=f"{subject.words}. β weighs the KL in the sum below; the run itself is not changed. A conditional run "
            "gets the class as a one-hot vector at both ends; leave it out at one end to see what is lost.",
        )
