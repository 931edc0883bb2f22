"""Chapter 8: the same image's cost under each likelihood, σ, BCE against squared error, and a mean over pixels."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from dashboard.cache import models
from dashboard.link import session
from dashboard.views.learn import computed, link
from dashboard.views.learn.figure import figure, panel
from dashboard.views.learn.frame import chapter, choose, formula, number, summed, trace, written
from vae.runs.run import Run
from vae.theory.likelihood_costs import SIGMAS


def draw(run: Run, title: str) -> None:
    """Draw the chapter."""
    from vae.theory.likelihood_costs import likelihood_costs, pixel_costs

    words, chart = chapter(title, run, "likelihoods")
    model = models.model(run, "best")
    with chart:
        subject = choose(run)
        session.seat(link.SIGMA, "learn-sigma", session.read(link.SIGMA, 0.1))
        sigma = st.slider(
            "σ of the Gaussian, in units of a pixel’s range", 0.02, 1.0, step=0.01, key="learn-sigma"
        )
        session.write(link.SIGMA, sigma)
        found = computed.of_image(
            run, subject, "costs", lambda: likelihood_costs(model, subject.x, subject.y)
        )
        at = computed.of_image(
            run,
            subject,
            "cost",
            lambda: likelihood_costs(model, subject.x, subject.y, sigmas=(sigma,)),
            sigma,
        )
        pixel = float(subject.x.flatten()[int(((subject.x - 0.6).abs()).argmin())])
        guess, entropy, square = pixel_costs(pixel)
        balance = np.geomspace(SIGMAS[0], 1, 60)
        figure(
            [
                panel(
                    "The same image under each likelihood",
                    [
                        {
                            "type": "bar",
                            "x": ["Bernoulli", "continuous<br>Bernoulli", f"Gaussian<br>σ = {sigma:g}"],
                            "y": [found.bernoulli, found.continuous_bernoulli, at.gaussian[0]],
                            "marker": {"color": ["@distortion", "@beta", "@elbo"]},
                            "text": [
                                written(value)
                                for value in (found.bernoulli, found.continuous_bernoulli, at.gaussian[0])
                            ],
                            "textposition": "auto",
                            "hoverinfo": "x+text",
                        }
                    ],
                    y="−log p(x|z), nats",
                    note="Probabilities and densities are not comparable.",
                    layout={"margin": {"l": 52, "r": 12, "t": 8, "b": 44}},
                ),
                panel(
                    "What σ does to the balance",
                    [
                        trace(
                            balance,
                            found.squared_error / (2 * balance**2),
                            mode="lines",
                            line={"color": "@distortion"},
                            name="‖x−x̂‖²/2σ²",
                        ),
                        trace(
                            [balance[0], 1],
                            [found.rate, found.rate],
                            mode="lines",
                            line={"color": "@rate"},
                            name="KL",
                        ),
                        trace(
                            [sigma],
                            [found.squared_error / (2 * sigma**2)],
                            mode="markers",
                            marker={"color": "@distortion", "size": 10},
                            showlegend=False,
                        ),
                    ],
                    x="σ",
                    y="nats",
                    saved=("σ (of a pixel’s range)", "value (nats)"),
                    layout={"showlegend": True, "xaxis": {"type": "log"}, "yaxis": {"type": "log"}},
                ),
                panel(
                    "BCE against squared error",
                    [
                        trace(guess, entropy, mode="lines", line={"color": "@distortion"}, name="BCE"),
                        trace(guess, square, mode="lines", line={"color": "@elbo"}, name="(x − x̂)²"),
                    ],
                    x=f"what the decoder says for a pixel x = {written(pixel)}",
                    y="cost",
                    saved=("x̂ (0 to 1)", "cost (BCE: nats; squared error: no unit)"),
                    layout={"showlegend": True},
                ),
                panel(
                    "Gaussian: cost over σ",
                    [
                        trace(
                            found.sigmas,
                            found.gaussian,
                            mode="lines+markers",
                            line={"color": "@elbo", "shape": "spline"},
                            name="cost",
                        ),
                        trace(
                            [sigma],
                            [at.gaussian[0]],
                            mode="markers",
                            marker={"color": "@rate", "size": 11},
                            name="your σ",
                        ),
                    ],
                    x=f"σ, least cost at {written(found.best_sigma)}",
                    y="nats",
                    saved=("σ (of a pixel’s range)", "cost (nats)"),
                    layout={
                        "xaxis": {"type": "log"},
                        "yaxis": {"range": _range(found.gaussian, at.gaussian[0])},
                    },
                ),
            ],
            columns=2,
            taken=190,
            key="learn-figure-likelihoods",
        )
    with words:
        st.markdown(
            "The decoder gives one number $\\hat x_i$ for each pixel. What it *means* is a choice. For $x "
            "\\in \\{0,1\\}$: **Bernoulli**, the cross-entropy (BCE). For grey pixels: **continuous "
            "Bernoulli**, which is the BCE with a normaliser $C$. Or **Gaussian**:"
        )
        formula(
            r"«-\sum_i x_i \log \hat x_i + (1-x_i) \log(1-\hat x_i)»"
            r"\;\; «-\sum_i \log C(\hat x_i)»",
            found.bernoulli,
            found.continuous_bernoulli - found.bernoulli,
        )
        error = found.squared_error / (2 * sigma**2)
        constant = found.num_pixels * (math.log(sigma) + 0.5 * math.log(2 * math.pi))
        (a, b), total = summed([error, constant], at.gaussian[0])
        formula(
            rf"-\log \mathcal N = «\frac{{\|x - \hat x\|^2}}{{2\sigma^2}}» + «P \log \sigma\sqrt{{2\pi}}» = "
            rf"{total}",
            a,
            b,
        )
        st.markdown(
            "**σ sets the balance.** A small σ makes the squared error heavy and the KL cheap; multiply "
            f"the loss by $2\\sigma^2$ and it is the squared error plus $\\beta \\cdot \\mathrm{{KL}}$ with "
            f"$\\beta = 2\\sigma^2 = {number(found.beta_of_squared_error(sigma))}$. BCE punishes a "
            "confident mistake without limit, the squared error at most by 1."
        )
        hidden = found.mean_over_pixels
        formula(
            r"\frac{1}{P} \sum_i \ell_i + \mathrm{KL} \;\propto\; \sum_i \ell_i + «P» \cdot \mathrm{KL}",
            str(hidden.num_pixels),
        )
        st.markdown(
            f'**A mean over pixels hides a β.** `reduction="mean"` divides the reconstruction by '
            f"$P = {hidden.num_pixels}$. With the KL summed, the code trains like $\\beta = "
            f"{number(hidden.effective_beta)}$, and the posterior collapses. Sum over pixels, average "
            "over images."
        )


def _range(values: tuple[float, ...], own: float) -> list[float]:
    middle = sorted(values)[len(values) // 2]
    low = min(*values, own)
    return [low - 0.1 * abs(middle - low) - 1, max(middle, own) * 1.05 + 5]
