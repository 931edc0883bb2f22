"""Evaluate: test metrics, bounds on log p(x), and exact log p(x) where it can be computed."""

from __future__ import annotations

from dashboard.jobs import measurements, test_metrics
from dashboard.link import session
from dashboard.shell import encoder_lag, no_weights_yet, one_pass, run_picker, stage, time_machine
from dashboard.views.evaluate import bounds
from dashboard.views.evaluate.exact_posterior import section as exact_posterior
from vae.evaluation.exact_posterior import MOST_DIMS


def page() -> None:
    """Draw the page."""
    run_picker.head(
        "Evaluate",
        "How good is the model? The ELBO and its parts, bounds on log p(x), and exact log p(x) where "
        "it can be computed.",
    )
    run = no_weights_yet.chosen_with_weights()
    if run is None:
        return
    is_flat = run.config.model.latent_dim <= MOST_DIMS
    if is_flat:
        (place,) = stage.columns(1)
        with place, stage.card("posterior", bare=True):
            exact_posterior.draw(run)
    with stage.card("elbo", "ELBO"):
        found = bounds.elbo(run)
        if found is None and test_metrics.job(run) is not None:
            session.begin_watch("figures")
            bounds.until_measured(run)
    # A class is shown what was measured; the rest is for the person at the keyboard.
    there = measurements.kinds(run) if session.presenting() else measurements.KINDS
    if "importance" in there:
        with stage.card("importance", "Importance-weighted bound"):
            bounds.importance(run, found)
    if "annealed" in there:
        with stage.card("annealing", "Cross-check: annealed importance sampling"):
            bounds.annealing(run)
    if is_flat and "lag" in there:
        with stage.card("lag", "Encoder lag"):
            encoder_lag.draw(run)
    one_pass.strip(run)
    if is_flat:
        time_machine.draw(run, end="Best", decoders=False)
