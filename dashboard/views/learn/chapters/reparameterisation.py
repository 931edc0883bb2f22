"""Chapter 7: one gradient by reparameterisation and by the score function, on the run's own decoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from dashboard.cache import models
from dashboard.components.facts import tell_lesson
from dashboard.views.learn import computed
from dashboard.views.learn.figure import figure, panel
from dashboard.views.learn.frame import chapter, choose, formula, number, trace, written
from vae.latent.embedding import rate_order
from vae.runs.run import Run
from vae.runtime.number_format import readable

_BINS = 60


def draw(run: Run, title: str) -> None:
    """Draw the chapter."""
    from vae.theory.gradients import NUM_SAMPLES, gradient_estimates

    words, chart = chapter(title, run, "reparameterisation")
    model = models.model(run, "best")
    with chart:
        subject = choose(run)
        with st.spinner("Sampling gradients…"):
            found = computed.of_image(
                run, subject, "gradients", lambda: gradient_estimates(model, subject.x, subject.y)
            )
            order = computed.of_image(run, subject, "order", lambda: _order(model, subject))
        dim = st.selectbox(
            "Gradient in the direction of",
            order,
            format_func=lambda k: f"μ of dimension {k + 1}",
            key=f"learn-dim:{run.id}",
            help="Dimensions with the largest KL come first.",
        )
        means = {name: found.mean(name, dim) for name in ("reparameterised", "score", "with_baseline")}
        wide = float(np.quantile(np.abs(found.score[:, dim].numpy()), 0.98)) or 1.0
        exact = means["reparameterised"].mean
        rows = [
            ("Reparameterisation: ∇z of −log p(x|z)", "reparameterised", "@elbo"),
            ("Score function: −log p(x|z) · ε/σ", "score", "@rate"),
            ("Score function with a baseline: the mean of the others", "with_baseline", "@distortion"),
        ]
        figure(
            [
                panel(
                    f"{title} · mean {written(means[name].mean)} ± {written(means[name].standard_error)}",
                    _histogram(getattr(found, name)[:, dim].numpy(), wide, colour, exact),
                    x="one sample’s gradient, nats per unit of μ" if name == "with_baseline" else "",
                    y="samples",
                    saved=("one sample’s gradient (nats per unit of μ)", "number of samples"),
                    layout={
                        "xaxis": {"range": [-wide, wide]},
                        "bargap": 0.02,
                        "margin": {"l": 52, "r": 12, "t": 4, "b": 40 if name == "with_baseline" else 22},
                    },
                )
                for title, name, colour in rows
            ],
            rows="1fr 1fr 1.15fr",
            taken=196,
            key="learn-figure-gradients",
        )
    with words:
        st.markdown(
            "The encoder must learn how $\\mu$ and $\\sigma$ change the reconstruction. But they choose "
            "the *distribution* that $z$ is drawn from, and a draw has no derivative. **Reparameterise**: "
            "draw the noise first."
        )
        formula(
            r"z = \mu + \sigma \odot \varepsilon, \quad \varepsilon \sim \mathcal N(0, I), \qquad \frac{\partial "
            r"z}{\partial \mu} = 1, \; \frac{\partial z}{\partial \sigma} = \varepsilon"
        )
        formula(
            r"\nabla_\mu \mathbb E_q[f(z)] = «\mathbb E_\varepsilon[\nabla_z f(z)]», \quad f = -\log p(x|z)",
            means["reparameterised"].mean,
        )
        st.markdown("The **score function** needs no derivative of $f$, only its value:")
        formula(
            r"\nabla_\mu \mathbb E_q[f(z)] = «\mathbb E_q[f(z)\, \nabla_\mu \log q(z|x)]», \quad \nabla_\mu \log "
            r"q = \tfrac{\varepsilon}{\sigma}",
            means["score"].mean,
        )
        ratio, better = found.variance_ratio(dim), found.variance_ratio(dim, "with_baseline")
        formula(
            r"«\frac{\mathrm{Var}[\text{score}]}{\mathrm{Var}[\text{reparam.}]}» \qquad «\text{with a baseline}»",
            ratio,
            better,
        )
        tell_lesson("gradients", variance_ratio=ratio)
        a, b = means["reparameterised"], means["score"]
        st.markdown(
            f"Both have the same mean (here ${number(a.mean)} \\pm {number(a.standard_error)}$ and "
            f"${number(b.mean)} \\pm {number(b.standard_error)}$, {NUM_SAMPLES:,} samples of this run's "
            f"decoder). But the score function would need about **{readable(ratio, 2)} times** as many samples for "
            "the same precision. That is why one sample of $z$ per image is enough to train a VAE."
        )


def _order(model: Any, subject: Any) -> list[int]:
    from vae.theory.one_pass import one_pass

    return rate_order(one_pass(model, subject.x, subject.y).rate_per_dim)


def _histogram(values: Any, wide: float, colour: str, mean: float) -> list[dict[str, Any]]:
    counts, edges = np.histogram(np.clip(values, -wide, wide), bins=_BINS, range=(-wide, wide))
    middle = (edges[1:] + edges[:-1]) / 2
    bars = {
        "type": "bar",
        "x": middle.tolist(),
        "y": counts.tolist(),
        "width": [2 * wide / _BINS] * _BINS,
        "marker": {"color": colour},
        "hoverinfo": "x+y",
    }
    return [
        bars,
        trace([mean, mean], [0, int(counts.max())], mode="lines", line={"color": "@text", "width": 2}),
    ]
