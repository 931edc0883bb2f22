"""Chapter 1: ancestral sampling, maximum likelihood, and why the integral over z is hard."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.cache import models
from dashboard.link import session
from dashboard.shell.subject import Subject
from dashboard.views.learn import computed, link
from dashboard.views.learn.figure import figure, images, panel
from dashboard.views.learn.frame import chapter, choose, formula, level, number, trace
from vae.config.registries import STANDARD_NORMAL
from vae.runs.run import Run
from vae.theory.marginal import COUNTS, REPEATS

if TYPE_CHECKING:
    from torch import Tensor

#: Samples of q(z|x) by which log p(x) of each of the ten images is estimated for their sum.
_SUM_SAMPLES = 500


def draw(run: Run, title: str) -> None:
    """Draw the chapter."""
    from vae.theory.marginal import ancestral, prior_sampling

    words, chart = chapter(title, run, "model")
    model = models.model(run, "best")
    with chart:
        subject = choose(run)
        count = int(session.read(link.COUNT, "100"))
        session.seat(link.COUNT, "learn-count", count)
        count = st.select_slider(
            "Samples n of the prior", COUNTS, key="learn-count", format_func=lambda n: f"{n:,}"
        )
        session.write(link.COUNT, str(count))
        with st.spinner("Sampling the prior…"):
            found = computed.of_image(
                run, subject, "marginal", lambda: prior_sampling(model, subject.x, subject.y)
            )
        _, means, drawn = computed.of_run(run, "ancestral", lambda: ancestral(model, 6))
        place = found.counts.index(count)
        estimates = found.log_estimate
        dots = [
            trace(
                [n] * REPEATS,
                estimates[:, k],
                mode="markers",
                marker={"color": "@rate" if n == count else "@muted/0.6", "size": 7 if n == count else 5},
                showlegend=False,
            )
            for k, n in enumerate(found.counts)
        ]
        known = "log p(x), by a grid over z" if found.is_exact else "log p(x), importance-weighted"
        low = float(estimates[:, max(0, place - 2) :].min())
        figure(
            [
                panel(
                    f"{REPEATS} estimates for each n: each dot is one",
                    [*dots, level(found.log_prob, 1, COUNTS[-1], "@elbo", known)],
                    x="samples n",
                    saved=("number of samples n", ""),
                    y="log p̂(x), nats",
                    layout={
                        "showlegend": True,
                        "xaxis": {"type": "log", "dtick": 1},
                        "yaxis": {"range": [min(low, found.log_prob) - 3, found.log_prob + 4]},
                    },
                ),
                images(
                    "Ancestral sampling: above the mean of p(x|z) for z ~ p(z), below an image drawn from it",
                    _stacked(means, drawn),
                    columns=6,
                ),
            ],
            rows="3fr 2fr",
            taken=178,
            key="learn-figure-model",
        )
        spread = math.sqrt(found.relative_variance / count)
    with words:
        prior = r" = \mathcal N(0, I)" if run.config.model.prior == STANDARD_NORMAL else ""
        formula(rf"z \sim p(z){prior}, \qquad x \sim p_\theta(x \mid z)")
        st.markdown(
            "A VAE says how images come about: draw a code $z$ from the **prior**; the **decoder** turns "
            "it into the parameters of $p(x|z)$; draw $x$. This is *ancestral sampling*. **Maximum "
            "likelihood** looks for the decoder under which the training images are most probable:"
        )
        total = computed.of_run(run, "sum", lambda: _sum(run, subject), subject.rows, subject.is_decoded)
        formula(
            r"\max_\theta \sum_i \log p_\theta(x^{(i)}), \qquad "
            rf"«\sum_{{i=1}}^{{{len(subject.rows)}}} \log p(x^{{(i)}})»",
            total,
        )
        formula(
            r"p_\theta(x) = \int p_\theta(x|z)\, p(z)\, dz \;\approx\; \frac1n \sum_{j=1}^n p_\theta(x|z_j), "
            r"\quad z_j \sim p(z)"
        )
        formula(
            rf"«\log p_\theta(x)» \qquad «\log \hat p_{{{count}}}(x)» \qquad "
            rf"«\sqrt{{\mathrm{{Var}}[\hat p_n]}}\,/\,p(x)»",
            found.log_prob,
            found.middle(count),
            spread,
        )
        st.markdown(
            "The integral runs over **all** $z$. The estimate has no bias, but nearly every $z$ decodes to "
            f"another image and adds almost nothing. At $n = {count:,}$ the standard deviation is "
            f"${number(100 * spread)}\\,\\%$ of $p(x)$; it falls only as $1/\\sqrt n$, and the logarithm "
            "of a noisy estimate comes out too low. Training needs this for every image at every step. The "
            "next chapters find a way."
        )
        st.caption("The sum is over the images above the chart, by importance weighting (chapter 3).")


def _stacked(means: Tensor, drawn: Tensor) -> Tensor:
    import torch

    return torch.cat([means, drawn])


def _sum(run: Run, subject: Subject) -> float:
    """log p of all images of the row together, importance-weighted, nats."""
    import torch

    from vae.evaluation.importance import log_weights
    from vae.runtime.seeding import generator

    model = models.model(run, "best")
    y = None
    if model.num_conditions:
        from dashboard.cache import test_images

        if subject.is_decoded:
            y = torch.arange(len(subject.rows)) % model.num_conditions
        else:
            _, y = test_images.pixels(run, list(subject.rows))
    weights = log_weights(model, subject.images, y, _SUM_SAMPLES, generator(0, "importance"))
    return float((weights.logsumexp(1) - math.log(_SUM_SAMPLES)).sum())
