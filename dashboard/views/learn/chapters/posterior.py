"""Chapter 3: why the posterior is approximated, and Jensen's inequality as an image."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dashboard.cache import models
from dashboard.link import session
from dashboard.views.learn import computed, link
from dashboard.views.learn.figure import figure, panel
from dashboard.views.learn.frame import chapter, choose, formula, level, summed, trace, written
from vae.runs.run import Run


def draw(run: Run, title: str) -> None:
    """Draw the chapter."""
    from vae.theory.jensen import jensen

    words, chart = chapter(title, run, "posterior")
    model = models.model(run, "best")
    with chart:
        subject = choose(run)
        session.seat(link.WEIGHTS, "learn-weights", session.read(link.WEIGHTS, "32"))
        options = ("8", "32", "128")
        picked = st.segmented_control(
            "Samples k of q(z|x)",
            options,
            key="learn-weights",
            help="Each gives one weight, one dot in the chart.",
        )
        k = int(picked or "32")
        session.write(link.WEIGHTS, str(k))
        found = computed.of_image(run, subject, "jensen", lambda: jensen(model, subject.x, subject.y, k=k), k)
        relative = found.relative.numpy()
        top = max(2.0, float(relative.max()) * 1.08)
        curve = np.geomspace(max(1e-4, float(relative.min()) / 2), top, 160)
        low = float(np.log(relative.min())) - 0.4
        figure(
            [
                panel(
                    "The logarithm bends: the mean of the logs lies below the log of the mean",
                    [
                        trace(
                            curve,
                            np.log(curve),
                            mode="lines",
                            line={"color": "@muted", "width": 2},
                            name="log",
                        ),
                        trace(
                            relative,
                            np.log(relative),
                            mode="markers",
                            marker={"color": "@distortion", "size": 8, "opacity": 0.75},
                            name=f"{k} weights wⱼ",
                        ),
                        level(0.0, 0, top, "@elbo", "log of the mean"),
                        level(-found.gap, 0, top, "@rate", "mean of the logs"),
                        trace(
                            [1, 1],
                            [-found.gap, 0],
                            mode="lines+markers",
                            line={"color": "@text", "width": 3},
                            marker={"size": 8, "color": ["@rate", "@elbo"]},
                            name=f"Jensen’s gap {written(found.gap)}",
                        ),
                    ],
                    x="weight w over the mean weight",
                    y="log of it, nats",
                    saved=("weight w over the mean weight (no unit)", ""),
                    layout={
                        "showlegend": True,
                        "yaxis": {"range": [min(low, -found.gap - 0.5), float(np.log(top)) + 0.3]},
                    },
                )
            ],
            taken=200,
            key="learn-figure-posterior",
        )
    with words:
        formula(r"p_\theta(z \mid x) = \frac{p_\theta(x \mid z)\, p(z)}{p_\theta(x)}")
        st.markdown(
            "Which $z$ made this image? Bayes' rule says it: the **posterior**. But it divides by $p(x)$, "
            "the very integral that cannot be computed. So the encoder *guesses* it, with a Gaussian whose "
            "mean and variance it computes from the image:"
        )
        formula(r"q_\phi(z \mid x) = \mathcal N\big(\mu(x),\, \mathrm{diag}\,\sigma^2(x)\big)")
        st.markdown(
            "Now sample where the image's codes are likely to be, and correct for it with the **importance "
            "weight** $w$:"
        )
        formula(
            r"\log p(x) = \log \mathbb E_{q}\Big[\underbrace{\tfrac{p(x|z)\,p(z)}{q(z|x)}}_{w}\Big] \;\ge\; "
            r"\mathbb E_{q}[\log w]"
        )
        (low_side, gap), high = summed([found.mean_of_logs, found.gap], found.log_of_mean)
        formula(
            r"«\log \tfrac1k \sum_j w_j» = «\tfrac1k \sum_j \log w_j» + «\text{gap}»", high, low_side, gap
        )
        st.markdown(
            "The inequality is **Jensen's**: the logarithm is concave. The gap is 0 only if all weights "
            "are equal, that is, if $q(z|x)$ is the true posterior. The right side, the mean of the logs, "
            "is the **ELBO**: it needs no $p(x)$, and its gradient can be estimated from single samples."
        )
