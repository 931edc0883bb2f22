"""Chapter 9: the same model with and without the KL, trained in seconds, and the prior against the aggregate "
"posterior."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.cache import latents, models
from dashboard.link import session
from dashboard.views.learn import computed, link
from dashboard.views.learn.figure import figure, images, panel
from dashboard.views.learn.frame import chapter, formula, trace
from vae.errors import UserError
from vae.runs.run import Run

if TYPE_CHECKING:
    from vae.theory.without_kl import Space

_TURN = 73


def draw(run: Run, title: str) -> None:
    """Draw the chapter."""
    from vae.theory.without_kl import EPOCHS, compared

    words, chart = chapter(title)
    with words:
        formula(
            r"\mathcal L = \mathbb E_q[-\log p(x|z)] + \beta \cdot \mathrm{KL}(q(z|x) \,\|\, \mathcal N(0, I))"
        )
        st.markdown(
            "With $\\beta = 0$ nothing keeps the codes near 0 or next to each other: the encoder spreads "
            "them as far apart as it likes, and makes each one narrow. That is a plain **autoencoder**. It "
            "reconstructs well, but new images start from $z \\sim \\mathcal N(0, I)$, and there the "
            "decoder was never trained: **holes**."
        )
        st.markdown(
            "All posteriors together are the **aggregate posterior**. Holes are where the prior has mass "
            "and it has none:"
        )
        formula(r"q(z) = \frac1N \sum_n q(z|x^{(n)})")
    with chart:
        seed = session.read(link.SEED, 0)
        if st.button(
            "Train both again, from other first weights", icon=":material/refresh:", key="learn-again"
        ):
            seed = (seed + 1) % 10
        session.write(link.SEED, seed)
        with st.spinner(f"Training two small models for {EPOCHS} epochs on the digits…"):
            found = computed.shared("without-kl", lambda: compared(seed=seed), seed)
        spaces = (found.without, found.with_kl)
        figure(
            [
                *(
                    panel(
                        f"β = {space.beta:g}: aggregate posterior; prior’s 1, 2, 3 σ",
                        _plane(space),
                        x="z₁",
                        y="z₂",
                        layout={"yaxis": {"scaleanchor": "x"}},
                    )
                    for space in spaces
                ),
                *(
                    images(f"β = {space.beta:g}: decoded samples of the prior", space.samples, columns=8)
                    for space in spaces
                ),
            ],
            columns=2,
            rows="3fr 1fr",
            taken=136,
            key="learn-figure-why-kl",
        )
    with words:
        for space in spaces:
            formula(
                rf"\beta = {space.beta:g}: \quad «\mathrm{{KL}}(p(z) \,\|\, q(z))» \quad "
                r"«\text{reconstruction}» \quad «\text{KL (rate)}»",
                space.gap.prior_to_aggregate.mean,
                space.test.distortion,
                space.test.rate,
            )
        st.markdown(_own(run))
        st.caption(
            f"Both trained now, from the same first weights: digits, 2 latent dimensions, {EPOCHS} epochs. "
            "The numbers are of the test images."
        )


def _own(run: Run) -> str:
    """The same number for the chosen run."""
    from vae.latent.aggregate_posterior import prior_gap

    try:
        found = computed.of_run(
            run,
            "gap",
            lambda: prior_gap(latents.embedding(run, "best", "test"), prior=models.own_prior(run, "best")),
        )
    except UserError:
        return ""
    beta, gap = run.config.objective.beta, found.prior_to_aggregate.mean
    return (
        f"Of the run that you chose, trained at $\\beta = {beta:g}$, $\\mathrm{{KL}}(p(z) \\| q(z)) = "
        f"{gap:.2f}$ nats."
    )


def _plane(space: Space) -> list[dict[str, Any]]:
    mean, labels = space.embedding.mean, space.embedding.labels
    turn = [2 * math.pi * k / (_TURN - 1) for k in range(_TURN)]
    colours = "@muted" if labels is None else [f"@class{int(label) % 10}" for label in labels]
    points = trace(
        mean[:, 0],
        mean[:, 1],
        mode="markers",
        marker={"color": colours, "size": 5, "opacity": 0.8},
        hoverinfo="skip",
    )
    rings = [
        trace(
            [times * math.cos(t) for t in turn],
            [times * math.sin(t) for t in turn],
            mode="lines",
            line={"color": "@text", "width": 1.5, "dash": "solid" if times == 1 else "dot"},
            hoverinfo="skip",
        )
        for times in (1, 2, 3)
    ]
    samples = trace(
        space.points[:, 0],
        space.points[:, 1],
        mode="markers",
        marker={"color": "@text", "symbol": "x-thin", "size": 8, "line": {"width": 2, "color": "@text"}},
        hoverinfo="skip",
    )
    return [points, *rings, samples]
