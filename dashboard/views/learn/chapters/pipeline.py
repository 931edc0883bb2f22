"""Chapter 2: one pass through the whole model, opened."""

from __future__ import annotations

import streamlit as st

from dashboard.shell import one_pass, stage
from dashboard.views.learn import script_lines
from dashboard.views.learn.frame import choose
from vae.runs.run import Run

#: What each part does, in the order of the drawing.
_PARTS = (
    "**Encoder**: computes μ and log σ² of q(z|x) from the image. The logarithm keeps σ positive.",
    "**Sampling**: all randomness is in ε, so gradients reach μ and σ (chapter 7). Drag μ, σ or ε.",
    "**Decoder**: turns z into the parameters of p(x|z). Shown is its mean, x̂.",
    "**Loss**: what the image costs given z, plus what z costs. At β = 1 it is the negative ELBO.",
)


def draw(run: Run, title: str) -> None:
    """Draw the chapter."""
    with st.container(key="stage"), stage.card("pipeline", title, fill=True):
        left, right = st.columns([3, 2], gap="small")
        left.latex(
            r"x \to q_\phi(z|x) = \mathcal N(\mu, \mathrm{diag}\,\sigma^2) \to z = \mu + \sigma \odot "
            r"\varepsilon \to p_\theta(x|z)"
        )
        right.latex(r"\mathcal L = \mathbb E[-\log p_\theta(x|z)] + \beta \cdot \mathrm{KL}(q \,\|\, p)")
        one_pass.draw(run, choose(run))
        for place, words in zip(st.columns(len(_PARTS), gap="small"), _PARTS, strict=True):
            place.caption(words)
    script_lines.draw(run, "pipeline")
