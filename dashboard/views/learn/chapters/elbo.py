"""Chapter 4: both forms of the ELBO, term by term, for one image, and β on the KL."""

from __future__ import annotations

import streamlit as st

from dashboard.cache import models
from dashboard.components.facts import tell_lesson
from dashboard.link import session
from dashboard.shell import one_pass
from dashboard.views.learn import computed
from dashboard.views.learn.figure import figure, panel
from dashboard.views.learn.frame import chapter, choose, formula, number, summed, written
from vae.runs.run import Run


def draw(run: Run, title: str) -> None:
    """Draw the chapter."""
    from vae.theory.elbo_forms import NUM_SAMPLES, elbo_forms

    words, chart = chapter(title, run, "elbo")
    model = models.model(run, "best")
    with chart:
        subject = choose(run)
        own = min(10.0, max(0.0, float(run.config.objective.beta)))
        session.seat(one_pass.BETA, "learn-beta", session.read(one_pass.BETA, own))
        beta = st.slider("β, the weight of the KL in the loss", 0.0, 10.0, step=0.1, key="learn-beta")
        session.write(one_pass.BETA, beta)
        found = computed.of_image(run, subject, "elbo", lambda: elbo_forms(model, subject.x, subject.y))
        loss = found.distortion + beta * found.rate
        figure(
            [
                panel(
                    "First form: reconstruction and KL",
                    _falls(
                        ["E[log<br>p(x|z)]", "− KL", "ELBO"],
                        [found.log_likelihood.mean, -found.rate, found.elbo],
                        ["@distortion", "@rate", "@elbo"],
                    ),
                    y="nats",
                    layout=_room(found.log_likelihood.mean, -found.rate, found.elbo),
                ),
                panel(
                    "Second form: joint and entropy",
                    _falls(
                        ["E[log<br>p(x|z)]", "E[log<br>p(z)]", "H[q]", "ELBO"],
                        [found.log_likelihood.mean, found.log_prior, found.entropy, found.elbo],
                        ["@distortion", "@beta", "@muted", "@elbo"],
                    ),
                    y="nats",
                    layout=_room(
                        found.log_likelihood.mean,
                        found.log_prior,
                        found.log_likelihood.mean + found.log_prior,
                    ),
                ),
                panel(
                    f"The loss at β = {beta:g}: what training lowers",
                    [
                        _bar("Reconstruction (distortion)", found.distortion, "@distortion"),
                        _bar("β · KL (rate)", beta * found.rate, "@rate"),
                    ],
                    x=f"{written(loss)} nats",
                    saved=("cost (nats)", ""),
                    layout={
                        "barmode": "stack",
                        "showlegend": True,
                        "yaxis": {"showticklabels": False},
                        "margin": {"l": 12, "r": 12, "t": 8, "b": 40},
                    },
                    wide=2,
                ),
            ],
            columns=2,
            rows="3fr 1.4fr",
            taken=190,
            key="learn-figure-elbo",
        )
    tell_lesson("elbo", image_reconstruction=found.distortion, image_kl=found.rate)
    with words:
        formula(r"\mathrm{ELBO} = \mathbb E_{q(z|x)}\big[\log p(x,z) - \log q(z|x)\big]")
        st.markdown("Split the logarithms in one way, and the two terms of the loss appear:")
        (first, second), total = summed([found.log_likelihood.mean, -found.rate], found.elbo)
        formula(
            r"«\mathrm{ELBO}» = «\mathbb E_q[\log p(x|z)]» «-\,\mathrm{KL}(q \,\|\, p)»", total, first, second
        )
        st.markdown("In another way: fit the joint, and stay as wide as you can (entropy $\\mathbb H$):")
        (a, b, c), total = summed(
            [found.log_likelihood.mean, found.log_prior, found.entropy], found.elbo_by_entropy
        )
        formula(rf"«\mathbb E_q[\log p(x|z)]» + «\mathbb E_q[\log p(z)]» + «\mathbb H[q]» = {total}", a, b, c)
        st.markdown("Training *lowers* the negative ELBO. **β** weighs the KL in it:")
        (d, e), whole = summed([found.distortion, beta * found.rate], loss)
        formula(
            rf"\mathcal L_\beta = «-\mathbb E_q[\log p(x|z)]» + «\beta \cdot \mathrm{{KL}}» = {whole}", d, e
        )
        st.markdown(
            "At $\\beta = 1$ the loss is the negative ELBO. Above it the model pays more for what $z$ says "
            "about the image, and the bound on $\\log p(x)$ is not what is trained any more."
        )
        error = found.log_likelihood.standard_error
        exact = "KL and entropy are exact."
        if not model.prior.has_exact_rate:
            exact = (
                "The entropy is exact; the KL to this run's prior has no closed form and is an estimate too."
            )
        st.caption(
            f"Nats. The expectation over q is a mean of {NUM_SAMPLES:,} samples, ± ${number(error)}$. {exact}"
        )


def _bar(name: str, value: float, colour: str) -> dict[str, object]:
    return {
        "type": "bar",
        "orientation": "h",
        "x": [value],
        "y": ["loss"],
        "name": f"{name} {written(value)}",
        "marker": {"color": colour},
        "hoverinfo": "name",
    }


def _falls(names: list[str], values: list[float], colours: list[str]) -> list[dict[str, object]]:
    """Terms as steps that add up to the last bar."""
    starts, at = [], 0.0
    for value in values[:-1]:
        starts.append(at)
        at += value
    starts.append(0.0)
    texts, total = summed(values[:-1], values[-1])  # as the formula prints them
    return [
        {
            "type": "bar",
            "x": names,
            "y": values,
            "base": starts,
            "marker": {"color": colours},
            "text": [text.replace("-", "−") for text in (*texts, total)],
            "textposition": "outside",
            "textangle": 0,
            "textfont": {"size": 10},
            "constraintext": "none",
            "hoverinfo": "x+text",
            "cliponaxis": False,
        }
    ]


def _room(*ends: float) -> dict[str, object]:
    """A vertical axis that leaves room for the numbers below and above the bars."""
    low, high = min(*ends, 0.0), max(*ends, 0.0)
    room = 0.09 * (high - low)
    return {
        "yaxis": {"range": [low - room, high + (room if high > 0 else 0.2 * room)]},
        "bargap": 0.12,
    }
