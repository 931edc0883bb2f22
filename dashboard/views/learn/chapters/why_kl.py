"""Chapter 9: the same model with and without the KL, trained in seconds; the prior against the aggregate posterior.

Both trainings wait in the queue of measurements, so that the page stays alive, shows how far they are, and can call
them off.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import streamlit as st

from dashboard.cache import latents, models
from dashboard.jobs.queue import Progress, background
from dashboard.link import session
from dashboard.look.markdown import plain
from dashboard.shell.job_progress import follow
from dashboard.views.learn import computed, link
from dashboard.views.learn.figure import figure, images, panel
from dashboard.views.learn.frame import chapter, formula, number, trace
from vae.config.registries import STANDARD_NORMAL
from vae.errors import UserError
from vae.runs.run import Run

if TYPE_CHECKING:
    from vae.theory.without_kl import Compared, Space

_TURN = 73


def draw(run: Run, title: str) -> None:
    """Draw the chapter."""
    from vae.theory.without_kl import EPOCHS

    words, chart = chapter(title, run, "why-kl")
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
        found = _compared(seed)
    if found is None:
        return
    spaces = (found.without, found.with_kl)
    with chart:
        figure(
            [
                *(
                    panel(
                        f"β = {space.beta:g}: aggregate posterior",
                        _plane(space),
                        x="z₁",
                        y="z₂",
                        note="Dots: codes of the test images. Rings: 1, 2, 3 σ of the prior; crosses: its samples.",
                        layout=_frame(space),
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


def _compared(seed: int) -> Compared | None:
    """What came of both trainings; None as long as they are under way, and their progress is drawn."""
    from vae.theory.without_kl import EPOCHS, compared

    key, found = f"without-kl:{seed}", computed.made("without-kl", seed)
    if found is not None:
        return cast("Compared", found)
    job = background.get(key)
    if job is not None and job.state in ("failed", "cancelled"):
        if job.error:
            st.error(plain(job.error), icon=":material/block:")
        if not st.button("Train both", icon=":material/play_arrow:", key="learn-train-both"):
            return None

    def work(progress: Progress) -> None:
        computed.shared("without-kl", lambda: compared(seed=seed, progress=progress), seed)

    background.start(key, work)
    st.caption(f"Training two small models for {EPOCHS} epochs on the digits…")
    follow(key)
    return None


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
    own = "" if run.config.model.prior == STANDARD_NORMAL else " Its p(z) is a prior of its own, not N(0, I)."
    return (
        f"Of the run that you chose, trained at $\\beta = {beta:g}$, $\\mathrm{{KL}}(p(z) \\| q(z)) = "
        f"{number(gap)}$ nats.{own}"
    )


def _frame(space: Space) -> dict[str, Any]:
    """Axes that leave room around every code and the outermost ring."""
    axes = []
    for dim in (0, 1):
        low = min(-3.0, float(space.embedding.mean[:, dim].min()))
        high = max(3.0, float(space.embedding.mean[:, dim].max()))
        room = 0.05 * (high - low)
        axes.append([low - room, high + room])
    return {"xaxis": {"range": axes[0]}, "yaxis": {"range": axes[1], "scaleanchor": "x"}}


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
