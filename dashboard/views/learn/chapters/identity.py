"""Chapter 5: log p(x) = ELBO + KL(q ‖ p(z|x)), with the exact posterior or a bound that climbs."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from dashboard.cache import models
from dashboard.components.facts import tell_lesson
from dashboard.views.learn import computed
from dashboard.views.learn.figure import figure, panel
from dashboard.views.learn.frame import chapter, choose, formula, level, listed, offer, summed, trace
from vae.evaluation.exact_posterior import MOST_DIMS
from vae.runs.run import Run

#: Points to a side of the grid that is drawn, and of an ellipse.
_SIDE, _TURN = 90, 97


def draw(run: Run, title: str) -> None:
    """Draw the chapter."""
    if run.config.model.latent_dim <= MOST_DIMS:
        _exact(run, title)
    else:
        _climbing(run, title)


def _exact(run: Run, title: str) -> None:
    from vae.evaluation.exact_posterior import exact_posterior

    words, chart = chapter(title, run, "identity")
    model = models.model(run, "best")

    def made() -> tuple[Any, list[Any], Any]:
        found = exact_posterior(model, subject.x, subject.y)
        axes, density = found.on_grid(_SIDE if run.config.model.latent_dim > 1 else 400)
        return found.to_dict(), [axis.tolist() for axis in axes], density.tolist()

    with chart:
        subject = choose(run)
        with st.spinner("Computing the integrals…"):
            found, axes, density = computed.of_image(run, subject, "identity", made)
        figure(
            [
                panel(
                    "The exact posterior p(z|x), and the encoder’s q(z|x) over it",
                    _plane(found, axes, density) if len(axes) > 1 else _line(found, axes[0], density),
                    x="z₁",
                    y="z₂" if len(axes) > 1 else "density",
                    saved=("", "", "density (per unit of z₁ and z₂)")
                    if len(axes) > 1
                    else ("", "density (per unit of z₁)"),
                    layout={
                        "showlegend": True,
                        **(
                            {"yaxis": {"scaleanchor": "x", "showgrid": False}, "xaxis": {"showgrid": False}}
                            if len(axes) > 1
                            else {}
                        ),
                    },
                )
            ],
            taken=122,
            key="learn-figure-identity",
        )
    tell_lesson("identity", gap=found["gap"])
    with words:
        formula(r"\log p(x) = \mathrm{ELBO} + \mathrm{KL}\big(q(z|x) \,\|\, p(z|x)\big)")
        (elbo, gap), total = summed([found["elbo"], found["gap"]], found["log_prob"])
        formula(r"«\log p(x)» = «\mathrm{ELBO}» + «\mathrm{KL}(q \,\|\, p(z|x))»", total, elbo, gap)
        st.markdown(
            "This is no inequality: it holds exactly, for every $q$. A KL is never negative, so the ELBO "
            "is a **lower bound**. The gap is how wrong the encoder's Gaussian is."
        )
        st.markdown(
            "Two things follow. **Raising the ELBO** does two jobs at once: $\\log p(x)$ goes up, or "
            "$q(z|x)$ comes closer to the true posterior. And with a **better encoder** the bound touches "
            "$\\log p(x)$, if the true posterior is a Gaussian."
        )
        num = run.config.model.latent_dim
        st.markdown(
            f"This run has {num} latent dimension{'s' if num > 1 else ''}, so a grid over $z$ gives all "
            "three numbers without sampling. The two sides were integrated by different rules; they differ "
            f"by {abs(found['elbo'] + found['gap'] - found['log_prob']):.1e} nats."
        )


def _plane(found: Any, axes: list[Any], density: Any) -> list[dict[str, Any]]:
    columns = [list(row) for row in zip(*density, strict=True)]
    mean, sigma = found["q_mean"], [math.exp(value / 2) for value in found["q_log_var"]]
    turn = [2 * math.pi * k / (_TURN - 1) for k in range(_TURN)]
    ellipses = [
        trace(
            [mean[0] + times * sigma[0] * math.cos(t) for t in turn],
            [mean[1] + times * sigma[1] * math.sin(t) for t in turn],
            mode="lines",
            line={
                "color": "@rate",
                "width": 2.4 if times == 1 else 1.6,
                "dash": "solid" if times == 1 else "dash",
            },
            name="q(z|x): 1, 2 and 3 σ",
            showlegend=times == 1,
        )
        for times in (1, 2, 3)
    ]
    heat = {
        "type": "heatmap",
        "x": axes[0],
        "y": axes[1],
        "z": columns,
        "colorscale": "ramp",
        "showscale": False,
        "zsmooth": "best",
        "hoverinfo": "skip",
        "name": "p(z|x)",
    }
    marks = [
        trace(
            [found["mean"][0]],
            [found["mean"][1]],
            mode="markers",
            marker={"color": "@elbo", "symbol": "x", "size": 10},
            name="mean of p(z|x)",
        ),
        trace(
            [mean[0]], [mean[1]], mode="markers", marker={"color": "@rate", "size": 9}, name="mean of q(z|x)"
        ),
    ]
    return [heat, *ellipses, *marks]


def _line(found: Any, axis: Any, density: Any) -> list[dict[str, Any]]:
    mean, sigma = found["q_mean"][0], math.exp(found["q_log_var"][0] / 2)
    q = [math.exp(-(((z - mean) / sigma) ** 2) / 2) / (sigma * math.sqrt(2 * math.pi)) for z in axis]
    return [
        trace(axis, density, mode="lines", fill="tozeroy", line={"color": "@elbo"}, name="p(z|x)"),
        trace(axis, q, mode="lines", line={"color": "@rate", "dash": "dash"}, name="q(z|x)"),
    ]


def _climbing(run: Run, title: str) -> None:
    from vae.theory.identity import climb

    words, chart = chapter(title, run, "identity")
    model = models.model(run, "best")
    with chart:
        subject = choose(run)
        with st.spinner("Weighting samples of q(z|x)…"):
            found = computed.of_image(run, subject, "climb", lambda: climb(model, subject.x, subject.y))
        figure(
            [
                panel(
                    "The importance-weighted bound climbs towards log p(x)",
                    [
                        trace(
                            found.k,
                            listed(found.bound),
                            mode="lines+markers",
                            line={"color": "@elbo", "width": 2},
                            name="bound with k samples",
                        ),
                        level(found.elbo, found.k[0], found.k[-1], "@rate", "ELBO, k = 1"),
                    ],
                    x="samples k in each weighted mean",
                    saved=("number of samples k", ""),
                    y="nats",
                    layout={"showlegend": True, "xaxis": {"type": "log", "dtick": 1}},
                )
            ],
            taken=122,
            key="learn-figure-climb",
        )
    with words:
        formula(r"\log p(x) = \mathrm{ELBO} + \mathrm{KL}\big(q(z|x) \,\|\, p(z|x)\big)")
        (elbo, gap), total = summed([found.elbo, found.gap_at_least], found.bound[-1])
        formula(
            r"«\log p(x)» = «\mathrm{ELBO}» + «\mathrm{KL}(q \,\|\, p(z|x))»",
            rf"\ge {total}",
            elbo,
            rf"\ge {gap}",
        )
        st.markdown(
            "This is no inequality: it holds exactly, for every $q$. A KL is never negative, so the ELBO "
            "is a **lower bound**. The gap is how wrong the encoder's Gaussian is."
        )
        formula(
            r"\mathcal L_k = \mathbb E\Big[\log \frac1k \sum_{j=1}^k \frac{p(x|z_j)\,p(z_j)}{q(z_j|x)}\Big], "
            r"\quad \mathcal L_1 = \mathrm{ELBO}"
        )
        st.markdown(
            f"This run has {run.config.model.latent_dim} latent dimensions: no grid covers them. Instead, "
            "average $k$ weights before the logarithm. The bound rises with $k$ towards $\\log p(x)$, so "
            "what it has climbed is a lower bound on the gap."
        )
        offer(
            lambda one: one.config.model.latent_dim == 2,
            "A run with 2 latent dimensions shows the exact posterior here.",
        )
