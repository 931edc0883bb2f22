"""Rules about a model that uses z: does it use its condition too, can these images tell, is all well."""

from __future__ import annotations

from vae.diagnostics.findings import Evidence, Verdict
from vae.diagnostics.rules.facts import SMALLEST_RISE, Facts
from vae.diagnostics.sample_size import SMALL_ERRORS, is_large, is_small, too_few

#: Rise of the distortion with another class, as a share of the rise with z permuted, below which a class is not used.
CONDITION_SHARE = 0.05


def condition_ignored(facts: Facts) -> Verdict | None:
    """A conditional model whose decoder does as well with a wrong class."""
    rise = facts.diagnosis.usage.condition
    if rise is None or facts.is_on_its_way or (facts.is_silent and facts.is_unfinished):
        return None
    if not is_small(rise, _least_of_condition(facts, -SMALL_ERRORS)):
        return None
    if facts.curve.is_young and facts.curve.is_falling:
        return None
    if (found := _labels_say_nothing(facts)) is not None:
        return found
    at_no_cost = facts.is_price and facts.beta < 1
    return Verdict(
        "condition-ignored",
        "The condition is ignored",
        "The decoder produces the same image whatever class it is given: z contains everything, the class too. "
        "Asked for a class, the model cannot generate it.",
        (*facts.by_class(), facts.permuted(), *facts.activity(), Evidence("β", facts.beta)),
        (
            *(("β = 1, so that repeating the class in z has its full cost",) if at_no_cost else ()),
            "a smaller latent space",
        ),
    )


def _labels_say_nothing(facts: Facts) -> Verdict | None:
    """Labels that belong to other images, or to what images do not show: to ignore them is right."""
    gain = facts.diagnosis.class_gain
    if gain is None or is_large(gain, 0.0):
        return None
    return Verdict(
        "condition-ignored",
        "The labels say nothing about the images",
        "The best image of each class explains these images no better than one image for all, so the decoder is "
        "right to ignore the class. The labels may be shuffled, belong to other images, or name what the images do "
        "not show.",
        (
            Evidence(
                "saving by the best image of each class, compared with one image for all",
                gain.nats,
                "nats",
                gain.standard_error,
            ),
            *facts.by_class(),
            facts.permuted(),
        ),
        (
            "check the images of one class: do the labels belong to them?",
            "a model without the condition, if they do",
        ),
    )


def _least_of_condition(facts: Facts, errors: float = 0.0) -> float:
    """Rise, nats, that a condition must reach to count, with that of z taken so many of its errors higher."""
    rise = facts.diagnosis.usage.all
    return max(SMALLEST_RISE, CONDITION_SHARE * (rise.nats + errors * rise.standard_error))


def too_few_images(facts: Facts) -> Verdict | None:
    """Neither the one nor the other can be told of these images."""
    rise, diagnosis = facts.diagnosis.usage.condition, facts.diagnosis
    num, part = diagnosis.num_images, diagnosis.part
    if facts.is_open:
        return too_few(
            num, part, "the decoder uses z", (facts.permuted(), *facts.by_class(), *facts.activity())
        )
    if facts.costs:
        return too_few(num, part, "z is worth its KL", (*facts.balance(), facts.permuted()))
    least = _least_of_condition(facts)
    if rise is None or not rise.num_images:  # no class at all, or one alone
        return None
    if is_large(rise, least) or condition_ignored(facts) is not None:
        return None
    return too_few(num, part, "the decoder uses the class", (*facts.by_class(), facts.permuted()))


def healthy(facts: Facts) -> Verdict:
    """Nothing else was found."""
    return Verdict(
        "healthy",
        "Healthy",
        "The encoder writes information about each image into z, and the decoder uses it: with z from another "
        "image the reconstruction gets much worse.",
        (
            *facts.activity(),
            facts.permuted(),
            *facts.by_class(),
            facts.diagnosis.information.mutual_evidence(),
            *facts.balance()[2:],
        ),
    )
