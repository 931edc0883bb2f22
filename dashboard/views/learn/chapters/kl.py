"""Chapter 6: the KL in closed form, its gradient, the KL of each dimension of an image, and slips of notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.cache import models
from dashboard.views.learn import computed
from dashboard.views.learn.figure import figure, panel
from dashboard.views.learn.frame import chapter, choose, formula, number, written
from dashboard.views.learn.kl import sliders
from vae.config.registries import STANDARD_NORMAL
from vae.latent.embedding import rate_order
from vae.runs.run import Run

if TYPE_CHECKING:
    from dashboard.shell.subject import Subject
    from vae.theory.closed_form_kl import KLTerms

#: Most dimensions of which the bars are drawn.
_MOST = 16
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def draw(run: Run, title: str) -> None:
    """Draw the chapter."""
    words, chart = chapter(title, run, "kl")
    with chart:
        subject = choose(run)
        found = computed.of_image(run, subject, "kl", lambda: _terms(run, subject))
        order = rate_order(found.kl)
        first = order[0]
        mean, sigma = float(found.mean[first]), float((0.5 * found.log_var[first]).exp())
        sliders(mean=mean, sigma=sigma, key=f"learn-kl:{run.id}")
        shown, sigmas = order[:_MOST], (0.5 * found.log_var).exp()
        left_out = len(order) - len(shown)
        note = f"The other {left_out} dimensions have less." if left_out else ""
        figure(
            [
                panel(
                    "KL of each dimension for this image, nats",
                    [
                        {
                            "type": "bar",
                            "x": ["z" + str(dim + 1).translate(_SUBSCRIPTS) for dim in shown],
                            "y": [float(found.kl[dim]) for dim in shown],
                            "text": [written(float(found.kl[dim])) for dim in shown],
                            "textposition": "auto",
                            "marker": {"color": "@rate"},
                            "hovertext": [
                                f"μ = {written(float(found.mean[dim]))}, σ = {written(float(sigmas[dim]))}"
                                for dim in shown
                            ],
                            "hoverinfo": "x+y+text",
                        }
                    ],
                    y="nats",
                    note=note,
                    layout={"margin": {"l": 52, "r": 12, "t": 4, "b": 24}},
                )
            ],
            taken=430,
            key="learn-figure-kl",
        )
    with words:
        formula(
            r"\mathrm{KL}(q \,\|\, p) = \tfrac12 \sum_d \big(\sigma_d^2 + \mu_d^2 - 1 - \log \sigma_d^2\big)"
        )
        variance, square = float(found.log_var[first].exp()), mean**2
        formula(
            rf"\tfrac12 \big(«\sigma^2» + «\mu^2» - 1 - «\log\sigma^2»\big) = {number(float(found.kl[first]))}",
            variance,
            square,
            float(found.log_var[first]),
        )
        st.markdown(
            f"This is dimension {first + 1} of the chosen image; all {len(order)} together cost "
            f"${number(float(found.kl.sum()))}$ nats. Both Gaussians are known, so no sample is needed: the "
            "KL is **exact**."
        )
        st.markdown("Its **gradient** pulls every posterior to the prior:")
        formula(
            r"«\frac{\partial\,\mathrm{KL}}{\partial \mu} = \mu» \qquad «\frac{\partial\,\mathrm{KL}}{\partial "
            r"\sigma} = \sigma - \frac1\sigma»",
            float(found.d_mean[first]),
            float(found.d_sigma[first]),
        )
        st.markdown(
            "- $\\mu$ is pulled to 0, $\\sigma$ to 1: there the KL is 0, and $z$ says nothing.\n- A narrow "
            "$\\sigma$ costs by $-\\log \\sigma^2$: precision has a price.\n- The encoder gives $\\log "
            "\\sigma^2$, so that $\\sigma$ is positive whatever the network says."
        )
        st.markdown(
            "**Slips in notes.** Some write $\\mu$ for $\\mu^2$: then the term can fall below 0, and "
            "$\\mu$ runs away. Some turn the sign, $\\tfrac12\\sum(1 + \\log\\sigma^2 - \\mu^2 - "
            "\\sigma^2)$: that is *minus* the KL, right in the ELBO and wrong in the loss."
        )
        if run.config.model.prior != STANDARD_NORMAL:
            st.caption("The run that you chose has another prior; the closed form here is for N(0, I).")


def _terms(run: Run, subject: Subject) -> KLTerms:
    from vae.theory.closed_form_kl import kl_terms
    from vae.theory.one_pass import one_pass

    found = one_pass(models.model(run, "best"), subject.x, subject.y)
    return kl_terms(found.mean, found.log_var)
