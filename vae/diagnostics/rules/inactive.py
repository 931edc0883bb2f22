"""Rules about a z, or dimensions of it, that say nothing: because nothing pays, or although something would."""

from __future__ import annotations

from vae.diagnostics.beta_strength import sentence, silences
from vae.diagnostics.dead_layers import DeadLayer
from vae.diagnostics.findings import Evidence, Verdict
from vae.diagnostics.rules.facts import SILENCE, SMALLEST_RISE, Facts
from vae.diagnostics.rules.loss import loop_out_of_scale, variance_blown_up
from vae.diagnostics.rules.own_loop import LOOP_CHECKS, unchanged_words
from vae.diagnostics.watched_loops.loss_scale import pays
from vae.runtime.number_format import counted, equals, readable

#: A decoder knows something without z if it is better by this share than the best picture of all images.
KNOWS_SHARE = 0.1
#: What further dimensions would save, nats and as a share of what z saves, from which on their silence is a fault.
WORTH_HAVING, WORTH_SHARE = 0.05, 0.03
#: Below these nats they would save nothing worth a word.
_NOTHING = 0.02
#: Images whose variance in every direction is below this share of the noise are all but the same.
_ALIKE = 0.02


def nothing_to_encode(facts: Facts) -> Verdict | None:
    """By a linear model these images hold nothing that pays at β = 1, and this model finds nothing either."""
    diagnosis = facts.diagnosis
    if not diagnosis.is_empty or facts.pays or (facts.is_open and not facts.costs):
        return None
    given = "Given its class, what" if diagnosis.conditional else "What"
    critical = diagnosis.critical_beta
    are_alike = not diagnosis.conditional and critical is not None and critical < _ALIKE
    differs = (
        f"{given} distinguishes these images is noise: by a linear model, measured on held-out images, no direction "
        "in it is worth the nats that it would cost."
    )
    if are_alike:
        differs = (
            "These images are nearly identical: they differ by less than the noise that the likelihood "
            "expects."
        )
    if facts.is_silent or not facts.costs:
        what = "So a posterior that equals the prior is the best solution, and no change of the training can help."
    else:
        what = (
            f"What this model encodes in z, {readable(diagnosis.rate, 3)} nats of KL, is that noise: "
            "it saves less than it costs."
        )
    gain = diagnosis.class_gain
    says_all = diagnosis.conditional and gain is not None and gain.nats > SMALLEST_RISE
    return Verdict(
        "nothing-to-encode",
        "The label already says everything" if says_all else "There is nothing to encode",
        f"{differs} {what}",
        (*facts.critical(), *facts.activity(), *facts.balance()[:1], *facts.balance()[2:], *_of_class(facts)),
        ("nothing, if this is intended: the condition determines the images of a class",)
        if says_all
        else ("check the images: do they differ in what you want to learn?",),
    )


def _of_class(facts: Facts) -> tuple[Evidence, ...]:
    gain = facts.diagnosis.class_gain
    words = "saving by the best image of each class, compared with one image for all"
    return () if gain is None else (Evidence(words, gain.nats, "nats", gain.standard_error),)


def dead_network(facts: Facts) -> Verdict | None:
    """A layer gives the same whatever goes in: no gradient gets through it, and nothing that is said of β helps."""
    dead = facts.diagnosis.dead
    if dead is None or facts.is_used:
        return None
    where = (
        f"Layer {dead.layer} of the {dead.network}, with all its {counted(dead.num_units, 'unit')},"
        if dead.layer is not None
        else f"The {dead.network}"
    )
    whose = "image" if dead.network == "encoder" else "z"
    return Verdict(
        "dead-network",
        f"The {dead.network} is dead",
        f"{where} gives the same output for every {whose}. No gradient passes through it, so the {dead.network} can "
        "no longer learn, whatever the objective: β, its schedule, free bits and a capacity change "
        f"nothing.{_when(facts)}",
        (
            *((Evidence("units of the dead layer", dead.num_units),) if dead.num_units else ()),
            *facts.activity(),
            Evidence("response to z from the prior", facts.diagnosis.usage.response, "nats"),
        ),
        _revive(facts, dead),
    )


def _revive(facts: Facts, dead: DeadLayer) -> tuple[str, ...]:
    config = facts.config
    if config is None or facts.is_watched or dead.layer is None:
        return (
            "a smaller learning rate, from new weights",
            "units that cannot die: SiLU or a leaky ReLU instead of ReLU",
            "check the network: does its output depend on its input, and does its optimiser have its parameters?",
        )
    found = [f"train again with a learning rate below {config.train.learning_rate:g}"]
    if config.model.activation != "silu":
        found.append("units that cannot die: model.activation = silu, with the smaller learning rate")
    return (*found, "another seed")


def decoder_ignores_z(facts: Facts) -> Verdict | None:
    """The decoder does well without z, or does not read what the encoder writes."""
    diagnosis, alone = facts.diagnosis, facts.diagnosis.ignorant_distortion
    if not (facts.is_unused or facts.is_silent) or diagnosis.dead is not None:
        return None
    gain = 0.0 if alone is None else alone - diagnosis.distortion  # a density's may be near or below zero
    knows = alone is not None and gain > max(KNOWS_SHARE * abs(alone), SMALLEST_RISE)
    speaks = diagnosis.num_active > 0 and diagnosis.information.mutual_information >= SILENCE
    if not (facts.is_autoregressive or knows or speaks):
        return None
    # An autoregressive decoder learns for long without z, so that its falling objective says nothing of z.
    falls = facts.curve.is_falling and not facts.is_autoregressive
    if facts.is_on_its_way or facts.curve.is_young or facts.curve.is_waking or falls:
        return None
    if facts.is_autoregressive:
        why = (
            "The decoder explains the images by itself, each pixel from those before it, and does not need z"
        )
    elif speaks:
        why = "The encoder writes information about the images into z, but the decoder does not use it"
    else:
        why = "The decoder explains the images better than any single image does, and not through z"
    alone_evidence = (
        () if alone is None else (Evidence("reconstruction of the best decoder without z", alone, "nats"),)
    )
    return Verdict(
        "decoder-ignores-z",
        "The decoder ignores z",
        f"{why}: with z from another image, or from the prior, its reconstruction is as good. Information in z is "
        f"then not worth its KL.{_when(facts)}{unchanged_words(facts)}",
        (
            facts.permuted(),
            Evidence("response to z from the prior", diagnosis.usage.response, "nats"),
            *facts.activity(),
            Evidence("reconstruction (distortion)", diagnosis.distortion, "nats"),
            *alone_evidence,
        ),
        (
            *(LOOP_CHECKS if facts.unchanged else ()),
            *(("a weaker decoder: independent pixels",) if facts.is_autoregressive else ()),
            "free bits in total: a rate that costs nothing, so that it pays to use it",
            "a warm-up together with extra encoder steps",
        ),
    )


def is_beta_too_high(facts: Facts) -> bool:
    """Whether silence, or near silence, is what this β makes the best solution."""
    if not facts.is_price or facts.is_autoregressive or facts.is_sigma_large or facts.is_on_its_way:
        return False
    if facts.is_unfinished and not facts.is_beyond_doubt:
        return False
    if facts.is_silent:
        return silences(facts.diagnosis, facts.beta)
    return facts.is_heavy and facts.diagnosis.critical_beta is not None


def _is_capacity_too_small(facts: Facts) -> bool:
    """Whether the rate is held where it says nothing, because its target is there."""
    capacity = 0.0 if facts.config is None else facts.config.objective.capacity
    if not 0 < capacity < SILENCE or facts.is_on_its_way or not facts.is_silent:
        return False
    return abs(facts.diagnosis.rate - capacity) <= max(0.25 * capacity, _NOTHING)


def _capacity_too_small(facts: Facts) -> Verdict:
    assert facts.config is not None  # which has the capacity
    capacity = facts.config.objective.capacity
    return Verdict(
        "over-regularised",
        "The capacity is too small",
        f"The capacity pulls the KL to {readable(capacity, 3)} nats, less than it takes to tell images apart. So a "
        f"posterior that hardly differs from the prior is what this objective asks for.{_when(facts)}",
        (Evidence("capacity", capacity, "nats"), *facts.activity(), *facts.critical()),
        ("a larger capacity: several nats", "β = 1 without a capacity, the ELBO"),
    )


def over_regularised(facts: Facts) -> Verdict | None:
    """β leaves little to say, and it is the β that the code says: a wrong scale tells of it itself."""
    if _is_capacity_too_small(facts):
        return _capacity_too_small(facts)
    if not is_beta_too_high(facts) or loop_out_of_scale(facts) is not None:
        return None
    return Verdict(
        "over-regularised",
        "β is too high" if facts.beta > 1 else "Nothing pays at this β",
        sentence(facts.diagnosis, facts.beta, is_silent=facts.is_silent) + _when(facts),
        (Evidence("β", facts.beta), *facts.critical(), *facts.activity(), *_moment(facts)),
        (
            "β = 1, the ELBO" if facts.beta > 1 else "a smaller β",
            "a capacity: a KL that the training is pulled to",
            "free bits",
        ),
    )


def early_collapse(facts: Facts) -> Verdict | None:
    """Silent although silence is not the best solution, and the training has come to rest."""
    if not facts.is_silent or facts.is_sigma_large or facts.is_unfinished or facts.curve.is_waking:
        return None
    if facts.diagnosis.dead is not None or is_beta_too_high(facts) or _is_capacity_too_small(facts):
        return None
    if decoder_ignores_z(facts) is not None or variance_blown_up(facts) is not None:
        return None
    largest = max((rate for _, rate in facts.rates), default=0.0)
    if facts.lost is not None and facts.lost.raised is not None and not facts.lost.raised.is_gradual:
        title, when = "Collapsed when β was raised", f"since epoch {readable(facts.lost.epoch, 3)}"
    elif facts.rates and largest > 2 * SILENCE:
        epoch = max(epoch for epoch, rate in facts.rates if rate > 2 * SILENCE)
        title, when = "Collapsed during training", f"since epoch {readable(epoch, 3)}"
    else:
        title, when = "Collapsed at the start of training", "since its start"
    would_pay = pays(
        facts.beta,
        facts.scale,
        is_watched=facts.is_watched,
        is_known=facts.diagnosis.critical_beta is not None,
    )
    return Verdict(
        "early-collapse",
        title,
        f"The posterior has been equal to the prior {when}, {would_pay}. While encoder and decoder are untrained, "
        "only the KL term can be reduced: the posterior becomes the prior, and the decoder learns to do without "
        f"z.{_when(facts)}{unchanged_words(facts)}",
        (
            *facts.activity(),
            facts.permuted(),
            Evidence("β", facts.beta),
            *facts.critical(),
            *_of_further(facts),
            *_moment(facts),
        ),
        (*(LOOP_CHECKS if facts.is_watched else ()), *_remedies_of_collapse(facts)),
    )


def _remedies_of_collapse(facts: Facts) -> tuple[str, ...]:
    """What may keep z alive; what the run does already is left out."""
    config = facts.config
    is_known = config is not None and not facts.is_watched
    is_deep = config is None or facts.is_watched or len(config.model.hidden) > 1
    warms = is_known and config is not None and config.objective.schedule in ("linear", "sigmoid")
    has_free_bits = is_known and config is not None and config.objective.free_bits > 0
    return (
        *(("fewer layers, so that more of the image reaches z at first",) if is_deep else ()),
        f"a {'longer ' if warms else ''}warm-up: β from 0 upwards, together with extra encoder steps at first",
        *(() if has_free_bits else ("free bits: they keep each dimension active, at some cost",)),
    )


def partial_collapse(facts: Facts) -> Verdict | None:
    """Some dimensions are active, and others are not that would pay."""
    diagnosis = facts.diagnosis
    if not diagnosis.num_active or not facts.is_used or facts.is_on_its_way or facts.curve.is_young:
        return None
    if facts.is_rest_waking:
        return None
    worth = max(WORTH_HAVING, WORTH_SHARE * max(facts.surplus, 0.0))
    if facts.further_gain < worth or facts.is_heavy or facts.is_sigma_large:
        return None
    num, active = facts.num_further, diagnosis.num_active
    return Verdict(
        "partial-collapse",
        f"{active} of {diagnosis.latent_dim} dimensions {'is' if active == 1 else 'are'} used, and more would pay",
        f"By a linear model of what the reconstructions leave, {num} more dimension{'' if num == 1 else 's'} "
        f"would save about {readable(facts.further_gain, 2)} nats of the objective at β {equals(facts.beta)}, "
        "their own KL included; a deeper model may find more. They became inactive early, and training does not bring "
        f"them back: a long warm-up may gain as much or more.{_when(facts)}",
        (
            *facts.activity(),
            *_of_further(facts),
            Evidence("variance of the posterior mean that counts as active", diagnosis.active_threshold),
            *_moment(facts),
        ),
        _remedies_of_partial_collapse(facts),
    )


def _remedies_of_partial_collapse(facts: Facts) -> tuple[str, ...]:
    """What brought more dimensions back where it was tried, and a better objective with them; free bits did not."""
    config = facts.config
    is_deep = config is None or facts.is_watched or len(config.model.hidden) > 1
    return (
        "a long warm-up, over most of the training, with extra encoder steps at first",
        *(("fewer layers",) if is_deep else ()),
        "a long warm-up alone",
    )


def _of_further(facts: Facts) -> tuple[Evidence, ...]:
    if facts.diagnosis.further is None or facts.beta <= 0:
        return ()
    return (
        Evidence("inactive dimensions that would pay, by a linear model", facts.num_further),
        Evidence("nats that they would save", facts.further_gain, "nats"),
    )


def spare_dimensions(facts: Facts) -> Verdict | None:
    """Some dimensions are active, others pruned, and nothing much is lost by it: no fault."""
    diagnosis = facts.diagnosis
    spare = diagnosis.latent_dim - diagnosis.num_active
    if not spare or not diagnosis.num_active or facts.is_open or partial_collapse(facts) is not None:
        return None
    if diagnosis.further is None or not facts.is_price:
        effect = (
            "The objective asks for this where a further dimension costs more KL than it saves in the "
            "reconstruction."
        )
    elif facts.further_gain < _NOTHING:
        effect = (
            "A further dimension would cost more KL than it saves in the reconstruction, by a linear model of what "
            "the reconstructions leave; so this does no harm."
        )
    else:
        effect = (
            f"By a linear model of what the reconstructions leave, {facts.num_further} of them would save about "
            f"{readable(facts.further_gain, 2)} nats: little, but not nothing."
        )
    return Verdict(
        "spare-dimensions",
        f"{spare} spare dimension{'' if spare == 1 else 's'}",
        f"The model uses {diagnosis.num_active} of {diagnosis.latent_dim} latent dimensions and keeps the others at "
        f"the prior, where they cost nothing. {effect}{_when(facts)}",
        (
            *facts.activity(),
            *_of_further(facts),
            Evidence("variance of the posterior mean that counts as active", diagnosis.active_threshold),
            *_moment(facts),
        ),
        (
            f"a latent space of {counted(diagnosis.num_active, 'dimension')} does the same with less",
            "a smaller β, if images matter more than samples",
            "free bits, to make each dimension active",
        ),
    )


def _when(facts: Facts) -> str:
    """When dimensions fell silent that once said something, as a further sentence; empty if none did."""
    if facts.lost is None or (facts.lost.raised is None and facts.is_silent):
        return ""
    return f" {facts.lost.sentence}"


def _moment(facts: Facts) -> tuple[Evidence, ...]:
    if facts.lost is None or facts.lost.raised is None:
        return ()
    return facts.lost.evidence()
