"""What is my β if my code uses the mean? The question, and its answer by `vae.objectives.effective_beta`."""

from __future__ import annotations

import streamlit as st

from dashboard.link import session
from dashboard.look.markdown import plain
from dashboard.shell import stage
from dashboard.views.collapse import beta_question_text, link
from dashboard.views.collapse.beta_question_text import Question
from vae.diagnostics.watched_loops.loss_scale import loop_scale, unknown
from vae.errors import UserError
from vae.objectives.effective_beta import EffectiveBeta, effective_beta
from vae.runs.beta_history import title_of
from vae.runs.metrics import MetricsReader
from vae.runs.run import Run
from vae.runtime.number_format import counted, equals, readable

_RECONSTRUCTIONS = {"sum": "summed over pixels", "mean": "averaged over pixels"}
_DIVERGENCES = {
    "sum": "summed over latent dimensions",
    "mean": "averaged over latent dimensions",
    "all": "averaged over latent dimensions and pixels",
}
_ERRORS = {
    "nats": "−log p(x|z) in nats (cross-entropy, log-likelihood)",
    "squared": "a squared error, (x − x̂)²",
    "half": "half a squared error, ½ (x − x̂)²",
}


def line(run: Run) -> None:
    """One line of what β means in a run: pixels, latent dimensions, σ, effective β, and β·D/pixels."""
    try:
        found, means, is_known = _of_run(run)
    except UserError as error:
        st.caption(plain(str(error)))
        return
    sigma = {"gaussian": f"σ {run.config.model.sigma:g}, ", "gaussian-learned": "σ learned, "}
    beta = (
        f"effective β {readable(found.effective_beta)} ({means}), β·D/pixels {readable(found.normalised_beta, 3)}"
        if is_known
        else f"effective β unknown ({means})"
    )
    st.caption(
        plain(
            f"{counted(found.num_pixels, 'pixel')}, {counted(found.latent_dim, 'latent dimension')}, "
            f"{sigma.get(run.config.model.likelihood, '')}{beta}."
        )
    )


def _of_run(run: Run) -> tuple[EffectiveBeta, str, bool]:
    """The scale of a run, how its loss comes to it, and whether it is known; a loop of the user's own is measured."""
    info, model = run.info, run.config.model
    num_pixels, sigma = info.channels * info.height * info.width, model.sigma
    asked = run.control().beta
    beta, means = run.config.objective.beta if asked is None else asked, "only the batch is averaged"
    is_known = True
    if model.network == "external":
        history = MetricsReader(run.metrics_path).read(at_most=2000)[1]
        beta = next((said["beta"] for said in reversed(history) if "split" in said), beta)
        scale = loop_scale(history, beta, num_pixels, model.latent_dim, sigma if _has_sigma(run) else None)
        is_known = (
            scale is not None
            and scale.kl is not None
            and not scale.is_of_loss
            and scale.slip is None
            and scale.effective_beta >= 0
        )
        if scale is not None and is_known:
            beta = scale.effective_beta
            means = f"measured in your loop, which reports β {equals(scale.beta)}"
        else:
            means = unknown(beta, scale)
    return (
        effective_beta(beta, num_pixels, model.latent_dim, sigma=sigma if _has_sigma(run) else None),
        means,
        is_known,
    )


def _has_sigma(run: Run) -> bool:
    return run.config.model.likelihood == "gaussian"


def panel(run: Run | None) -> None:
    """Draw the question, filled from the run, and the answer."""
    asked = session.read(link.UNITS, _first(run))
    st.markdown(
        "Losses are often written with means instead of sums, which changes the effective β. Say what your code "
        "does; the mean over the batch does not matter, because both terms have it."
    )
    left, right = stage.columns(3, 2, name="below")
    with left, stage.card("question", "Your loss"):
        asked = _question(asked)
    session.write(link.UNITS, asked)
    with right, stage.card("effective-beta"):
        _answer(asked)
    if run is not None and not session.presenting():
        with stage.card("this-run", f"This run: {title_of(run)}"):
            line(run)


def _first(run: Run | None) -> Question:
    if run is None:
        return Question(1.0, 784, 16)
    found, _, _ = _of_run(run)
    return Question(found.beta, found.num_pixels, found.latent_dim, sigma=found.sigma or 0.0)


def _question(asked: Question) -> Question:
    def seated(name: str, value: object) -> str:
        session.seat(link.UNITS, key := f"units:{name}", value)
        return key

    error = st.selectbox(
        "The reconstruction term is",
        list(_ERRORS),
        format_func=_ERRORS.__getitem__,
        key=seated("error", asked.error),
    )
    first, second = st.columns(2)
    reconstruction = first.selectbox(
        "… and is",
        list(_RECONSTRUCTIONS),
        format_func=_RECONSTRUCTIONS.__getitem__,
        key=seated("reconstruction", asked.reconstruction),
        help="A loss function with reduction='mean' averages over the pixels too.",
    )
    divergence = second.selectbox(
        "The KL term is",
        list(_DIVERGENCES),
        format_func=_DIVERGENCES.__getitem__,
        key=seated("divergence", asked.divergence),
    )
    columns = st.columns(4)
    beta = columns[0].number_input(
        "β in your code",
        min_value=0.0,
        max_value=beta_question_text.MOST_WEIGHT,
        step=None,
        format="%.6g",
        key=seated("beta", asked.beta),
    )
    pixels = columns[1].number_input(
        "Values per image",
        min_value=1,
        max_value=beta_question_text.MOST_VALUES,
        key=seated("pixels", asked.num_pixels),
        help="Pixels times colour channels.",
    )
    dims = columns[2].number_input(
        "Latent dimensions",
        min_value=1,
        max_value=beta_question_text.MOST_VALUES,
        key=seated("dims", asked.latent_dim),
    )
    sigma = columns[3].number_input(
        "σ (0: none)",
        min_value=0.0,
        max_value=beta_question_text.MOST_WEIGHT,
        step=None,
        format="%.6g",
        key=seated("sigma", asked.sigma),
        help="The decoder's standard deviation per pixel. With a squared error, 0 means the σ that this error "
        "implies.",
    )
    return Question(float(beta), int(pixels), int(dims), reconstruction, divergence, error, float(sigma))


def _answer(asked: Question) -> None:
    try:
        found = effective_beta(
            asked.beta,
            asked.num_pixels,
            asked.latent_dim,
            reconstruction=beta_question_text.RECONSTRUCTIONS[asked.reconstruction],
            divergence=beta_question_text.DIVERGENCES[asked.divergence],
            error=beta_question_text.ERRORS[asked.error],
            sigma=asked.sigma or None,
        )
    except UserError as error:
        st.error(plain(str(error)))
        return
    st.metric("Effective β, in nats per image", readable(found.effective_beta))
    st.markdown(plain(found.sentence))
    parts = [f"β·D/pixels {readable(found.normalised_beta, 3)}"]
    if found.sigma is not None:
        parts.append(f"in nats of a Gaussian with σ {equals(found.sigma)}")
    if found.equivalent_sigma is not None and found.equivalent_sigma != found.sigma:
        parts.append(f"the same as β = 1 with σ {equals(found.equivalent_sigma)}")
    st.caption(plain("; ".join(parts) + "."))
