"""Chapter 10: p(x|y), its ELBO, what is lost where the condition is left out, and style against class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.cache import models
from dashboard.components.facts import tell_lesson
from dashboard.views.learn import computed
from dashboard.views.learn.figure import figure, images, panel
from dashboard.views.learn.frame import (
    chapter,
    choose,
    formula,
    listed,
    number,
    offer,
    shortened,
    summed,
    words_in_formula,
    written,
)
from vae.runs.run import Run

#: Styles in the sheet of style against class.
_STYLES = 5
#: Classes of the sheet, and classes whose names stand below their bars, at most; letters that there is room for.
_MOST_COLUMNS, _MOST_NAMES, _LETTERS = 20, 24, 40


def draw(run: Run, title: str) -> None:
    """Draw the chapter."""
    from vae.latent.embedding import prior_draws
    from vae.latent.generation import every_class
    from vae.theory.conditional import class_posterior, left_out

    words, chart = chapter(title, run, "conditional")
    if not run.config.model.conditional:
        with chart:
            offer(lambda one: one.config.model.conditional, "This chapter needs a conditional run.")
        with words:
            _introduction()
        return
    model = models.model(run, "best")
    with chart:
        subject = choose(run)
        y = subject.y
        assert y is not None, "a conditional run has labels"
        with st.spinner("Trying each class…"):
            classes = computed.of_image(run, subject, "classes", lambda: class_posterior(model, subject.x))
            ways = computed.of_image(run, subject, "left out", lambda: left_out(model, subject.x, y))
            sheet = computed.of_run(
                run, "styles", lambda: every_class(model, prior_draws(model.prior, _STYLES, seed=1))
            )
        label = int(y)
        names = list(run.info.class_names)
        import torch

        figure(
            [
                panel(
                    "log p(x|y) of this image for every class y",
                    [
                        {
                            "type": "bar",
                            "x": names,
                            "y": [value - min(classes.log_prob) for value in listed(classes.log_prob)],
                            "base": min(classes.log_prob),
                            "meta": {"values": listed(classes.log_prob)},
                            "text": [
                                f"{written(100 * share)} %" if share > 0.005 else ""
                                for share in classes.probability
                            ],
                            "textposition": "outside",
                            "cliponaxis": False,
                            "marker": {
                                "color": ["@elbo" if k == label else "@muted/0.5" for k in range(len(names))]
                            },
                            "hoverinfo": "x+text",
                        }
                    ],
                    x="class y; the share is p(y|x), by Bayes",
                    y="nats",
                    saved=("class", "log p(x|y) (nats)"),
                    layout={"xaxis": _axis(names), "margin": {"l": 52, "r": 12, "t": 18, "b": 42}},
                ),
                images(
                    "The class left out",
                    torch.stack([subject.x[0].to(ways[0].image), *(way.image for way in ways)]),
                    columns=5,
                    captions=[
                        "x",
                        *(
                            f"{_told(way.encoder_told, way.decoder_told)}\nrec. "
                            f"{written(way.distortion.mean)}\nKL {written(way.rate)}"
                            for way in ways
                        ),
                    ],
                ),
                images(
                    f"Style against class: a row is one z, a column is one class{_of_many(names)}",
                    sheet[:, :_MOST_COLUMNS].flatten(0, 1),
                    columns=min(len(names), _MOST_COLUMNS),
                    wide=2,
                ),
            ],
            columns=2,
            rows="1fr 1.1fr",
            taken=122,
            key="learn-figure-conditional",
        )
    with words:
        _introduction()
        both, decoder_alone, encoder_alone, _ = ways
        tell_lesson("conditional", class_cost=encoder_alone.distortion.mean - both.distortion.mean)
        (a, b), total = summed([-both.distortion.mean, -both.rate], both.elbo)
        formula(
            r"«\mathrm{ELBO}» = «\mathbb E_q[\log p(x|z,y)]» «-\,\mathrm{KL}(q(z|x,y) \,\|\, p(z))»",
            total,
            a,
            b,
        )
        st.markdown(
            "**Leave it out at one end.** Without the class at the decoder, the reconstruction costs "
            f"${number(encoder_alone.distortion.mean)}$ instead of ${number(both.distortion.mean)}$ nats. Without it "
            f"at the encoder, reconstruction and KL come to ${number(-decoder_alone.elbo)}$ instead of "
            f"${number(-both.elbo)}$."
        )
        formula(
            rf"p(y|x) = \frac{{p(x|y)\,p(y)}}{{\sum_{{y'}} p(x|y')\,p(y')}}, \qquad «p(y = "
            rf"{words_in_formula(names[label])} \mid x)»",
            classes.probability[label],
        )
        st.markdown(
            "So the model is a classifier too. And since $y$ carries the class, $z$ is free for the rest: "
            "the **style**."
        )


def _axis(names: Sequence[str]) -> dict[str, Any]:
    """The classes below their bars: cut where a name is wider than a bar; without names where there are many."""
    if len(names) > _MOST_NAMES:
        return {"type": "category", "showticklabels": False}
    most = max(2, _LETTERS // len(names))
    return {
        "type": "category",
        "tickvals": list(names),
        "ticktext": [shortened(name, most) for name in names],
        "tickangle": 0,
    }


def _of_many(names: Sequence[str]) -> str:
    return f", the first {_MOST_COLUMNS} of {len(names):,}" if len(names) > _MOST_COLUMNS else ""


def _introduction() -> None:
    formula(r"p(x \mid y) = \int p(x \mid z, y)\, p(z)\, dz")
    st.markdown(
        "A **conditional** VAE is told the class $y$, as a one-hot vector at *both* ends: $q(z|x,y)$ and "
        "$p(x|z,y)$. Everything else stays. The whole derivation holds for each class by itself:"
    )
    formula(
        r"\log p(x|y) \ge \mathbb E_{q(z|x,y)}[\log p(x|z,y)] - \mathrm{KL}\big(q(z|x,y) \,\|\, p(z)\big)"
    )


def _told(encoder: bool, decoder: bool) -> str:
    if encoder and decoder:
        return "both ends"
    if decoder:
        return "decoder only"
    return "encoder only" if encoder else "neither"
