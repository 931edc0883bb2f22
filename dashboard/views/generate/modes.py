"""What the Generate page can show: its modes, and which of them a run can have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.cache import latents
from dashboard.look.markdown import plain
from dashboard.shell import stage
from dashboard.shell.time_machine import Weights
from dashboard.views.generate import images
from dashboard.views.generate.parts import Following
from dashboard.views.generate.samples import compare, samples
from dashboard.views.generate.styles import mix, styles, transfer
from vae.runs.run import Run

if TYPE_CHECKING:
    from vae.diagnostics.label_leakage import Leak


def leak(run: Run, weights: Weights) -> Following:
    """How well the class can be read off z."""
    with st.spinner("Fitting a linear classifier to predict the class from z…"):
        found = latents.leak(run, weights.at)
    with stage.card("leak"):
        return _leak(run, found)


def _leak(run: Run, found: Leak) -> Following:
    first, second, third = st.columns(3, gap="medium")
    first.metric(
        "Accuracy of predicting the class from z", f"{found.accuracy:.1%} ± {found.standard_error:.1%}"
    )
    second.metric("Chance level", f"{found.chance:.1%}")
    third.metric("Held-out test images", f"{found.num_held_out:,}")
    st.html(images.scale(found.accuracy, found.standard_error, found.chance))
    st.markdown(f"**{plain(found.verdict(conditional=run.config.model.conditional))}**")
    left_out = (
        f" {found.num_left_out:,} images were left out: each is the only one of its class."
        if found.num_left_out
        else ""
    )
    st.caption(
        f"± one standard error. Chance level: always answering the most frequent class.{left_out}",
        help=f"Multinomial logistic regression on standardised posterior means, fitted to {found.num_fitted:,} test "
        f"images and tested on the other {found.num_held_out:,}, of {found.num_classes} classes (random halves, seed "
        f"{found.seed}, each class alike).",
    )
    return Following(later="The classifier is fitted again when you release the scrubber.")


#: Title, who may have it, and what draws it.
MODES: dict[str, tuple[str, str, Callable[[Run, Weights], Following]]] = {
    "samples": ("Samples", "any", samples),
    "styles": ("Style × class", "conditional", styles),
    "transfer": ("Style transfer", "conditional", transfer),
    "mix": ("Class mixing", "conditional", mix),
    "compare": ("Prior and posterior", "unconditional", compare),
    "leak": ("Label leak", "labelled", leak),
}


def offered(run: Run) -> list[str]:
    """The modes that a run can have."""
    has = {"any", "conditional" if run.config.model.conditional else "unconditional"}
    if run.info.num_classes:
        has.add("labelled")
    return [mode for mode, (_, need, _) in MODES.items() if need in has]
