"""Rules about what a loss says: the scale of its terms, σ, where z lies, and whether all of it is worse than no z."""

from __future__ import annotations

from vae.diagnostics.findings import Evidence, Verdict
from vae.diagnostics.prior_mismatch import left_the_prior, prior_mismatch
from vae.diagnostics.rules.facts import Facts
from vae.diagnostics.rules.own_loop import LOOP_CHECKS, unchanged_words
from vae.diagnostics.sample_size import FEWEST, SMALL_ERRORS
from vae.objectives.effective_beta import Coincidence, coincidence, is_round
from vae.runtime.number_format import equals, readable

#: What the noise of a sample costs a decoder that was trained with it is at most ½ β nats for each dimension; so many
#: times as much says that it was not.
_NOISE_FACTOR = 4.0
#: By so many nats must the validation objective have risen since it was best, to speak of images learned by heart.
_OVERFIT = 0.5
#: A rate within this share of its capacity is what it is because of it.
_NEAR_CAPACITY = 0.25


def loop_out_of_scale(facts: Facts) -> Verdict | None:
    """A watched loop's terms, compared with ours, are not what they seem to be."""
    scale = facts.scale
    if scale is None or not scale.is_off:
        return None
    is_suspected = (scale.is_far or scale.is_named) and _suffers(facts)
    if scale.is_unknown:
        is_suspected = not facts.is_fine and not facts.is_untrained
    if not (scale.is_certain or is_suspected):
        return None
    return Verdict(
        "wrong-scale",
        scale.title,
        scale.sentence,
        (
            Evidence("β in your loop", scale.beta),
            *(() if scale.slip is not None else (Evidence(scale.amounts, scale.effective_beta),)),
            *(() if facts.sigma is None else facts.sigma.fitted()),
            *(Evidence(f"your {name} relative to ours", ratio.measured) for name, ratio in scale.parts),
            Evidence("comparisons", scale.num_comparisons),
            *facts.sizes(),
            *facts.critical(),
            *facts.activity(),
        ),
        scale.remedies,
    )


def wrong_scale(facts: Facts) -> Verdict | None:
    """β is what a mean in place of a sum would make of 1, nobody would choose it, and the model suffers from it."""
    found = _coincidence(facts)
    if found is None or (is_round(facts.beta) and found.factor != facts.diagnosis.num_pixels):
        return None
    return _mistaken(
        facts,
        f"β {equals(facts.beta)} is as large as if {found.words}. Reconstruction and KL are both sums over what "
        "belongs to one image; a mean instead of one of these sums changes the balance by a factor of hundreds.",
    )


def round_coincidence(facts: Facts) -> Verdict | None:
    """Likewise of a β that somebody may well have chosen: a remark beside what is wrong."""
    found = _coincidence(facts)
    if found is None or wrong_scale(facts) is not None:
        return None
    return _mistaken(
        facts,
        f"β {equals(facts.beta)} is a round number, and may be what you want. It is also as large as if {found.words}.",
    )


def _coincidence(facts: Facts) -> Coincidence | None:
    """The mistaken reduction that would make β of 1, if the model suffers from it."""
    is_compared = facts.scale is not None and facts.scale.is_named  # then it is known, and not guessed
    if not facts.is_price or is_compared or facts.is_on_its_way or not _suffers(facts):
        return None
    return coincidence(facts.beta, facts.diagnosis.num_pixels, facts.diagnosis.latent_dim)


def _suffers(facts: Facts) -> bool:
    """Whether the model does what a β this far from 1 makes it do."""
    if facts.is_heavy:
        return facts.is_beyond_doubt or not facts.is_unfinished
    return facts.beta < 1 and (prior_mismatch(facts.diagnosis) is not None or facts.costs)


def _mistaken(facts: Facts, sentence: str) -> Verdict:
    return Verdict(
        "wrong-scale",
        "A mean where a sum belongs",
        sentence,
        (Evidence("β", facts.beta), *facts.sizes(), *facts.critical(), *facts.activity()),
        ("β = 1 with sums over pixels and dimensions, averaged over images only",),
    )


def wrong_sigma(facts: Facts) -> Verdict | None:
    """The fixed σ is far from the residuals; but where z says nothing, large residuals speak of no small σ."""
    sigma = facts.sigma
    if sigma is None or facts.diagnosis.num_images < FEWEST:
        return None
    is_small = sigma.is_small and not (facts.is_silent or facts.is_open or _residual_may_shrink(facts))
    if not (sigma.is_large or is_small):
        return None
    return sigma.verdict(
        facts.activity(),
        is_watched=facts.is_watched,
        is_compared=facts.scale is not None,
        is_used=facts.is_used and not facts.is_silent,
    )


def _residual_may_shrink(facts: Facts) -> bool:
    """Whether residuals that still fall may come to what σ says: then σ is not wrong, but the training not done."""
    sigma, curve = facts.sigma, facts.curve
    assert sigma is not None
    if facts.is_on_its_way or (curve.is_young and curve.next_fall is None):
        return True
    if not curve.is_falling:
        return False
    # A nat of a squared error over 2σ² is so much of the mean square of a pixel.
    promised = 2 * sigma.told**2 * curve.promise / facts.diagnosis.num_pixels
    return (max(sigma.residual**2 - promised, 0.0)) ** 0.5 < sigma.most_residual


def variance_blown_up(facts: Facts) -> Verdict | None:
    """The aggregate posterior has left the prior, and β is what it is to be."""
    if facts.is_on_its_way or (facts.curve.is_young and facts.curve.is_falling and facts.beta >= 1):
        return None
    return left_the_prior(facts.diagnosis, facts.beta, is_silent=facts.is_silent)


def worse_than_no_z(facts: Facts) -> Verdict | None:
    """Distortion and rate together are no smaller than the distortion of the best decoder without z."""
    diagnosis, curve = facts.diagnosis, facts.curve
    if not facts.costs or (facts.is_silent and not _decoder_is_off(facts)):
        return None
    if loop_out_of_scale(facts) is not None:  # which is why
        return None
    is_sure = facts.surplus < -SMALL_ERRORS * facts.surplus_error
    if diagnosis.num_images < FEWEST or (facts.is_open and not is_sure) or facts.is_on_its_way:
        return None
    is_early = curve.is_young and (curve.is_falling or curve.fall is None)
    if is_early or curve.promise > max(0.0, -facts.surplus):
        return None  # it is getting there
    reason, remedies = _reason(facts)
    alone = diagnosis.ignorant_distortion
    than = "this decoder with the z of another image" if alone is None else "the best single image without z"
    amount = f"{readable(-facts.surplus, 3)} nats more than" if is_sure else "not less than"
    return Verdict(
        "worse-than-no-z",
        "Worse than a model without z" if facts.surplus < 0 else "No better than a model without z",
        f"Reconstruction and KL together are {readable(diagnosis.distortion + diagnosis.rate)} nats, {amount} {than}. "
        f"{reason}",
        (
            *facts.balance(),
            *_noise(facts),
            Evidence("β", facts.beta),
            *(() if curve.overfit <= _OVERFIT else (_overfit(facts),)),
        ),
        remedies,
    )


def _decoder_is_off(facts: Facts) -> bool:
    """Whether even the decoder alone is clearly worse than one picture, which no training leaves so."""
    return facts.surplus < -max(1.0, 3 * facts.surplus_error) and not facts.is_unfinished


def _noise_costs(facts: Facts) -> float:
    """Nats that a sample of z costs beside its mean."""
    at_mean = facts.diagnosis.distortion_at_mean
    return 0.0 if at_mean is None else facts.diagnosis.distortion - at_mean


def _is_noise_untrained(facts: Facts) -> bool:
    """Whether the noise of a sample costs more than any training with samples would leave.

    Where β weighs the rate, a width is best if the noise that it lets in costs ½ β nats at most, to second order.
    """
    most = 0.5 * max(facts.beta, 1.0) * facts.diagnosis.latent_dim
    return _noise_costs(facts) > max(_NOISE_FACTOR * most, -0.5 * facts.surplus)


def _noise(facts: Facts) -> tuple[Evidence, ...]:
    at_mean = facts.diagnosis.distortion_at_mean
    if at_mean is None or not _is_noise_untrained(facts):
        return ()
    return (Evidence("reconstruction with z = the posterior's mean", at_mean, "nats"),)


def _overfit(facts: Facts) -> Evidence:
    return Evidence("rise of the validation objective since it was best", facts.curve.overfit, "nats")


def _reason(facts: Facts) -> tuple[str, tuple[str, ...]]:
    """Why it is so, and what helps: the first cause whose number says so."""
    config, diagnosis = facts.config, facts.diagnosis
    if _is_noise_untrained(facts):
        return (
            f"The noise of a sample of z costs {readable(_noise_costs(facts), 3)} nats, more than in a decoder trained "
            "with samples. Probably z was not sampled in training as the posterior has it: set to the mean, with "
            "another σ, or with the same noise each time.",
            ("sample z in training: z = mean + exp(½ log_var) · noise, fresh for each image and step",),
        )
    objective = None if config is None else config.objective
    if objective is not None and objective.capacity and _is_held_at(diagnosis.rate, objective.capacity):
        return (
            f"The capacity pulls the KL to {objective.capacity:g} nats, more than is worth encoding about these "
            "images.",
            (f"a smaller capacity than {objective.capacity:g} nats", "β = 1 without a capacity, the ELBO"),
        )
    if objective is not None and objective.free_bits and facts.beta >= 1:
        free = objective.free_bits * (diagnosis.latent_dim if objective.free_bits_per == "dimension" else 1)
        if _is_held_at(diagnosis.rate, free):
            return (
                f"Free bits keep the KL at {readable(free, 3)} nats, more than is worth encoding about these images.",
                (f"fewer free bits than {objective.free_bits:g}", "fewer latent dimensions"),
            )
    if facts.curve.overfit > max(_OVERFIT, -0.25 * facts.surplus):
        return (
            "The model has memorised the training images: on images that it has not seen the objective was better "
            f"before, by {readable(facts.curve.overfit, 3)} nats.",
            (
                "the best weights instead of the last ones, or fewer epochs",
                "more images",
                "a smaller network",
            ),
        )
    if facts.is_price and facts.beta < 1:
        return (
            f"At β {equals(facts.beta, 3)} a nat of KL costs {readable(facts.beta, 3)} nats of the objective, so z "
            "encodes much that is not worth its cost at β = 1, where it is judged. Samples from the prior "
            "suffer from it.",
            ("β = 1, the ELBO", "a β between, if images matter more than samples"),
        )
    if facts.is_silent:
        return (
            "The decoder does not even produce the mean of all images, and no longer learns: its optimiser may "
            f"lack its parameters, or the learning rate is far too large.{unchanged_words(facts)}",
            ("a learning rate of 0.001", "the decoder's parameters in the optimiser"),
        )
    return (
        f"The KL is larger than what z saves in the reconstruction.{unchanged_words(facts)}",
        (
            *(LOOP_CHECKS if facts.is_watched else ()),
            "a smaller learning rate",
            "the best weights instead of the last ones",
            "fewer latent dimensions",
        ),
    )


def _is_held_at(rate: float, nats: float) -> bool:
    return abs(rate - nats) <= _NEAR_CAPACITY * nats
