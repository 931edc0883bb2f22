"""What is said of a loop of the user's own where its networks do not learn."""

from __future__ import annotations

from vae.diagnostics.rules.facts import Facts

#: What keeps an encoder from learning in a loop of one's own, and looks like a collapse.
LOOP_CHECKS = (
    "check the loop: the gradient must reach the encoder, by z = mean + exp(½ log_var) · noise or rsample(), not "
    "sample() or detach(), and the optimiser must have the encoder's parameters",
)


def unchanged_words(facts: Facts) -> str:
    """That a watched loop leaves one of its networks as it was, as a further sentence; empty if it trains both."""
    if len(facts.unchanged) != 1:
        return ""
    (name,) = facts.unchanged
    return (
        f" No weight of the {name} has changed since the watching began: the optimiser does not have its parameters, "
        "or no gradient reaches it."
    )
