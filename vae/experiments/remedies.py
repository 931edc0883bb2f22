"""Remedies for a run: the same settings and seed with one change."""

from __future__ import annotations

from typing import Any

from vae.config.registries import NETWORKS
from vae.config.schema import RunConfig
from vae.diagnostics.findings import Name
from vae.experiments.failure_modes import Cure

#: Share of the epochs over which β rises, and over which a capacity does; and of those of a long rise.
_SHARE, _LONG = 0.4, 0.8
#: Nats of each dimension's rate that cost nothing, and nats that a rate is pulled to, for each dimension.
_FREE, _CAPACITY = 0.5, 1.0
#: What mends a verdict, the best first; a verdict that is not here, none of these changes mends.
_MENDS: dict[Name, tuple[str, ...]] = {
    "over-regularised": ("beta-1", "capacity", "free-bits"),
    "early-collapse": ("fewer-layers", "warm-up", "warm-up-with-encoder", "free-bits", "cyclical"),
    "partial-collapse": ("warm-up-with-encoder", "fewer-layers", "warm-up"),
    "decoder-ignores-z": ("free-bits",),
    "wrong-scale": ("beta-1",),
    "wrong-sigma": ("learned-sigma",),
    "variance-blown-up": ("beta-1",),
    "condition-ignored": ("beta-1",),
    "worse-than-no-z": ("beta-1",),
    "dead-network": ("smaller-steps", "silu"),
    "diverged": ("smaller-steps",),
}
#: Verdicts of which nothing else is offered than what mends them: all other changes leave their cause as it is.
_NOTHING_ELSE: tuple[Name, ...] = (
    "condition-ignored",
    "dead-network",
    "diverged",
    "nothing-to-encode",
)
#: Changes of what a network is or how it steps, which no other verdict asks for.
_OF_THE_NETWORK = ("smaller-steps", "silu", "fewer-layers", "warm-up-with-encoder")
#: Verdicts that blame β itself: a change after which a nat costs what it did before leaves them as they are.
_OF_BETA = ("over-regularised", "wrong-scale")
_CHANGES_PRICE = ("beta-1", "capacity", "free-bits")


def mends(cure: Cure, verdict: Name | None) -> bool:
    """Whether one of `cures` is a cure of a verdict, and not just something else to try."""
    return verdict is not None and cure.name in _MENDS.get(verdict, ())


def cures(config: RunConfig, verdict: Name | None = None) -> tuple[Cure, ...]:
    """What may bring back the use of z where a training has lost it; what the run does already is left out.

    Args:
        config: Of the run; one whose networks are somebody's own has none, since they cannot be trained here.
        verdict: Of the run, if it is known: what mends it comes first, and what cannot, because it leaves β where it
            is too high, is left out.
    """
    if config.model.network == "external":
        return ()
    found = tuple(cure for cure in _all(config) if _fits(cure, config) and cure.applied(config) != config)
    if verdict in _OF_BETA:
        found = tuple(cure for cure in found if cure.name in _CHANGES_PRICE)
    if verdict == "over-regularised" and config.objective.beta < 1:
        found = tuple(cure for cure in found if cure.name != "beta-1")  # it would raise β
    if verdict in ("condition-ignored", "worse-than-no-z") and not _is_cheap(config):
        found = tuple(cure for cure in found if cure.name != "beta-1")
    order = () if verdict is None else _MENDS.get(verdict, ())
    if verdict in _NOTHING_ELSE:
        found = tuple(cure for cure in found if cure.name in order)
    else:
        found = tuple(cure for cure in found if cure.name not in _OF_THE_NETWORK or cure.name in order)
    return tuple(sorted(found, key=lambda cure: order.index(cure.name) if cure.name in order else len(order)))


def _is_cheap(config: RunConfig) -> bool:
    """Whether a nat of rate costs less than a nat, or is even asked for."""
    objective = config.objective
    return objective.beta < 1 or bool(objective.capacity or objective.free_bits)


def _all(config: RunConfig) -> tuple[Cure, ...]:
    rise = max(1.0, float(round(_SHARE * config.train.epochs)))
    steady = (("objective.schedule", "constant"),)
    beta = config.objective.beta
    return (
        Cure(
            "beta-1",
            "β = 1",
            "The ELBO: a nat of KL costs one nat.",
            (("objective.capacity", 0.0), ("objective.free_bits", 0.0), ("objective.beta", 1.0), *steady),
        ),
        Cure(
            "warm-up",
            "Warm-up",
            f"β rises from 0 to {beta:g} over the first {rise:g} epochs, so that the encoder learns something "
            "before it has to pay.",
            (("objective.schedule", "linear"), ("objective.warmup_epochs", rise)),
        ),
        Cure(
            "warm-up-with-encoder",
            "Long warm-up with extra encoder steps",
            f"β rises to {beta:g} over most of the training, and at first the encoder is trained alone for five "
            "steps before each step, so that it stays ahead.",
            (
                ("objective.schedule", "sigmoid"),
                ("objective.warmup_epochs", max(1.0, float(round(_LONG * config.train.epochs)))),
                ("train.encoder_steps", 5),
                ("train.encoder_steps_epochs", max(1.0, float(round(0.3 * config.train.epochs)))),
            ),
        ),
        Cure(
            "fewer-layers",
            "One hidden layer",
            "Fewer layers pass on more of the image at first, so more dimensions become active.",
            (("model.hidden", config.model.hidden[:1]),),
        ),
        Cure(
            "cyclical",
            "Cyclical β",
            f"β rises from 0 to {beta:g} again and again: the next cycle may find what the last one lost.",
            (("objective.schedule", "cyclical"), ("objective.cycle_epochs", max(1.0, rise / 2))),
        ),
        Cure(
            "free-bits",
            "Free bits",
            "Half a nat of each dimension's KL costs nothing, so nothing pushes it to 0.",
            (
                ("objective.capacity", 0.0),
                ("objective.free_bits", _FREE),
                ("objective.free_bits_per", "dimension"),
            ),
        ),
        Cure(
            "capacity",
            "Capacity",
            f"The KL is pulled to {_CAPACITY * config.model.latent_dim:g} nats, one for each dimension; the encoder "
            "chooses what to encode.",
            (
                ("objective.free_bits", 0.0),
                ("objective.capacity", _CAPACITY * config.model.latent_dim),
                ("objective.capacity_epochs", rise),
                ("objective.beta", max(beta, 5.0)),
                *steady,
            ),
        ),
        Cure(
            "learned-sigma",
            "Learned σ",
            "The decoder's σ is trained with everything else, until it matches the residuals.",
            (("model.likelihood", "gaussian-learned"),),
        ),
        Cure(
            "smaller-steps",
            "A tenth of the learning rate",
            f"A learning rate of {config.train.learning_rate / 10:g}, which lets no unit die.",
            (("train.learning_rate", config.train.learning_rate / 10),),
        ),
        Cure(
            "silu",
            "SiLU, and a tenth of the learning rate",
            "Units that cannot die: SiLU passes on a gradient on either side of 0.",
            (("model.activation", "silu"), ("train.learning_rate", config.train.learning_rate / 10)),
        ),
        Cure(
            "encoder-steps",
            "Extra encoder steps",
            "Before each step the encoder is trained alone for five, so that it does not lag behind the decoder.",
            (("train.encoder_steps", 5),),
        ),
    )


def _fits(cure: Cure, config: RunConfig) -> bool:
    model, objective = config.model, config.objective
    already: dict[str, Any] = {
        "beta-1": objective.beta == 1 and not (objective.capacity or objective.free_bits),
        "warm-up": objective.schedule != "constant" or objective.beta == 0,
        "warm-up-with-encoder": objective.beta == 0 or bool(objective.capacity or config.train.encoder_steps),
        "fewer-layers": len(model.hidden) < 2 or not NETWORKS.uses(model.network, "hidden"),
        "cyclical": objective.schedule == "cyclical" or objective.beta == 0,
        "free-bits": objective.free_bits > 0 or objective.beta == 0,
        "capacity": objective.capacity > 0,
        "learned-sigma": model.likelihood != "gaussian",
        "encoder-steps": config.train.encoder_steps > 0,
        "smaller-steps": False,
        "silu": model.activation == "silu" or not NETWORKS.uses(model.network, "activation"),
    }
    return not already[cure.name]
