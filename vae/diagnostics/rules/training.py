"""Rules that ask about the training before anything is said of z: whether its numbers are any, whether it has ended."""

from __future__ import annotations

from vae.config.registries import LIKELIHOODS
from vae.diagnostics.convergence import ENOUGH_WAY
from vae.diagnostics.findings import Evidence, Verdict
from vae.diagnostics.rules.facts import Facts
from vae.diagnostics.sample_size import FEWEST
from vae.runtime.number_format import readable
from vae.storage.finite import not_finite

#: A training that has gone less than this share of the way in so many steps takes steps that are too small.
_SMALL_STEPS, _MANY_STEPS = 0.03, 200
#: What is still to come, as a share of what z saves, that is worth a remark on a healthy run.
_WORTH_NAMING = 0.1


def not_a_number(facts: Facts) -> Verdict | None:
    """A number of the diagnosis is none: nothing else can be concluded."""
    found = list(dict.fromkeys(not_finite(facts.diagnosis)))
    if not found:
        return None
    names = ", ".join(name.replace("_", " ") for name in found[:4])
    return Verdict(
        "diverged",
        "The numbers are not finite",
        f"What these weights compute is not finite ({names}{', …' if len(found) > 4 else ''}): the training has "
        "diverged, and nothing can be said about z.",
        (Evidence("numbers that are not finite", len(found)),),
        _smaller_steps(facts),
    )


def diverged(facts: Facts) -> Verdict | None:
    """The training ended because its loss stopped being a number; the weights are those of a checkpoint before."""
    training = facts.training
    state = None if training is None else training.state
    if state != "diverged" and not any(line.get("event") == "diverged" for line in facts.history[-5:]):
        return None
    is_last = training is None or training.is_last
    if not is_last and facts.is_fine:
        return None
    step = None if training is None else training.step
    whose = "an earlier checkpoint" if step is None else f"step {step:,}"
    return Verdict(
        "diverged",
        "The training diverged",
        "The loss stopped being a number, and the training ended there. The weights measured here are those of "
        f"{whose}, before it diverged: they say nothing about what this model would learn.",
        (*_position(facts), *facts.balance()),
        _smaller_steps(facts),
    )


def _smaller_steps(facts: Facts) -> tuple[str, ...]:
    """What keeps a loss finite."""
    config = facts.config
    if config is None or facts.is_watched:
        return ("a smaller learning rate", "clipped gradients, by torch.nn.utils.clip_grad_norm_")
    found = [f"a learning rate below {config.train.learning_rate:g}"]
    if facts.plan > 1:
        found.append(f"a β below {readable(facts.plan)}")
    if LIKELIHOODS.uses(config.model.likelihood, "sigma"):
        found.append(f"a σ above {config.model.sigma:g}")
    return tuple(found)


def weights_unchanged(facts: Facts) -> Verdict | None:
    """A watched loop that changes neither network."""
    if len(facts.unchanged) < 2 or facts.is_fine:
        return None
    return Verdict(
        "still-learning",
        "The weights have not changed",
        "No weight of encoder or decoder has changed since the watching began: the optimiser has the parameters of "
        "other networks, a learning rate of 0, or is never called. What is measured here is not what your loop trains.",
        (*_position(facts), *facts.balance()[:1]),
        (
            "check the loop: the optimiser must have the parameters of the very networks that vae.watch was given, and "
            "optimizer.step() must follow loss.backward()",
        ),
    )


def still_learning(facts: Facts) -> Verdict | None:
    """Neither β nor the objective has come to rest: what z says now is not what it will say."""
    if facts.is_on_its_way:
        return _on_its_way(facts)
    if facts.is_untrained:
        return _not_trained(facts)
    if facts.is_fine or not (facts.is_unfinished or facts.is_silent):
        return None
    if facts.diagnosis.num_images < FEWEST:
        return None  # which say nothing, however long it is trained
    return _falling(facts)


def more_to_learn(facts: Facts) -> Verdict | None:
    """A remark on a run that is well: it would be better still if it were trained longer."""
    promise = facts.curve.promise
    if not facts.is_fine or facts.is_on_its_way or promise <= _WORTH_NAMING * max(facts.surplus, 0.0):
        return None
    fall = facts.curve.fall
    if fall is None:
        return None
    return Verdict(
        "still-learning",
        "Still learning",
        f"The objective still falls: by {readable(fall, 2)} nats while the training became twice as long. "
        "As many "
        f"epochs again may bring about {readable(promise, 2)} nats more.",
        (*_position(facts), *_of_the_curve(facts)),
        _longer(facts),
    )


def _not_trained(facts: Facts) -> Verdict:
    return Verdict(
        "still-learning",
        "Not trained yet",
        "These are the initial weights, of step 0: encoder and decoder have learned nothing yet. Choose a later "
        "snapshot, or train.",
        (Evidence("steps of training", 0), *facts.balance()),
        ("a later snapshot, or the last weights",),
    )


def _on_its_way(facts: Facts) -> Verdict:
    """β, or the capacity, has still to come to its value."""
    target, standing, config = facts.target, facts.standing, facts.config
    assert config is not None  # nothing else knows of a plan
    objective, epoch = config.objective, facts.curve.epoch
    if target is not None and not target.is_reached:
        title = "The capacity is still rising"
        what = (
            f"The target of the KL has reached {readable(target.value, 3)} of {readable(target.plateau)} nats, "
            f"after {readable(epoch, 3)} of the {objective.capacity_epochs:g} epochs in which it rises "
            "(objective.capacity_epochs)"
        )
        rest, shorter = objective.capacity_epochs - epoch, "a smaller objective.capacity_epochs"
        numbers = (
            Evidence("capacity so far", target.value, "nats"),
            Evidence("capacity", target.plateau, "nats"),
        )
    else:
        assert standing is not None
        is_cyclical = objective.schedule == "cyclical"
        name = "cycle" if is_cyclical else "warm-up"
        title = f"Still in its {name}: β has not reached its value"
        length = objective.cycle_epochs if is_cyclical else objective.warmup_epochs
        done = epoch % length if is_cyclical else epoch
        what = (
            f"β has reached {readable(standing.value, 3)} of {readable(standing.plateau)}, after "
            f"{readable(done, 3)} of the {length:g} epochs of its {name}"
        )
        rest = (0.75 if is_cyclical and done < length / 2 else 1.0) * length - done
        shorter = f"a {name} that ends well before the training does"
        numbers = Evidence("β so far", standing.value), Evidence("β of the plan", standing.plateau)
    return Verdict(
        "still-learning",
        title,
        f"{what}. Until then a nat of KL costs less than it will later, and z will still "
        f"change.{_how_it_ended(facts)}",
        (*numbers, *_position(facts), *facts.activity()),
        (*_more_epochs(facts, max(1, round(rest + 0.5 * epoch))), shorter),
    )


def _falling(facts: Facts) -> Verdict:
    curve = facts.curve
    sentences = []
    if curve.is_falling and curve.fall is not None:
        half, end = curve.since + (curve.epoch - curve.since) / 2, curve.epoch
        sentences.append(
            f"The objective still falls: by {readable(curve.fall, 2)} nats from epoch {readable(half, 3)} to "
            f"{readable(end, 3)}. z cannot be judged yet."
        )
    elif curve.way is not None and curve.steps and not (curve.is_waking and not curve.is_young):
        sentences.append(
            f"So far {curve.steps:,} step{' was' if curve.steps == 1 else 's were'} taken, in which a weight can "
            f"have moved by about {readable(curve.way, 2)} at most: too little to judge z."
        )
    elif facts.curve.is_waking and facts.curve.rates is not None:
        before, now = facts.curve.rates
        sentences.append(
            f"z begins to be used: its KL has grown from {readable(before, 2)} to {readable(now, 2)} nats lately."
        )
    else:
        sentences.append("The decoder is worse than the mean of all images: it has hardly been trained.")
    if facts.is_silent:
        sentences.append(
            "It is usual that z is not used at first: a decoder learns the mean of all images before it uses z."
        )
    sentences.append("Training has converged when twice as many epochs hardly change the curve.")
    return Verdict(
        "still-learning",
        "Still learning",
        " ".join(sentences) + _how_it_ended(facts),
        (
            *_position(facts),
            *_of_the_curve(facts),
            *facts.activity(),
            *facts.balance()[:1],
            *facts.balance()[2:],
        ),
        _longer(facts),
    )


def _how_it_ended(facts: Facts) -> str:
    """A last sentence on a training that ended before it should; empty for others."""
    training, epoch = facts.training, facts.curve.epoch
    if training is None or not training.is_last:
        return ""
    ended = {
        "stopped": f" The training was stopped at epoch {readable(epoch, 3)} of {training.epochs:,}.",
        "interrupted": f" The trainer ended without a message at epoch {readable(epoch, 3)} of {training.epochs:,}.",
        "failed": f" The training failed at epoch {readable(epoch, 3)} of {training.epochs:,}.",
        "finished": f" The training has ended anyway, after its {readable(epoch)} epochs.",
    }
    return ended.get(training.state, "")


def _position(facts: Facts) -> tuple[Evidence, ...]:
    """Where the training stands, as far as its lines say."""
    if facts.curve.way is None:
        return ()
    return (Evidence("epochs so far", facts.curve.epoch), Evidence("steps so far", facts.curve.steps))


def _of_the_curve(facts: Facts) -> tuple[Evidence, ...]:
    curve = facts.curve
    if curve.fall is None:
        return ()
    found = [
        Evidence("fall of the objective over the last half of the training", curve.fall, "nats", curve.error)
    ]
    if curve.is_falling and curve.next_fall is not None:
        words = "what as many epochs again may bring, estimated from the curve"
        found.append(Evidence(words, curve.next_fall, "nats"))
    return tuple(found)


def _longer(facts: Facts) -> tuple[str, ...]:
    """How much longer, or in what larger steps."""
    curve, config = facts.curve, facts.config
    if curve.way is not None and curve.way < _SMALL_STEPS * ENOUGH_WAY and curve.steps >= _MANY_STEPS:
        rate = "" if config is None or facts.is_watched else f" than {config.train.learning_rate:g}"
        return (
            f"a larger learning rate{rate}: in {curve.steps:,} steps a weight could move by "
            f"{readable(curve.way, 2)} at most",
        )
    by_curve = curve.epochs_to_rest or 0
    by_way = 0.0
    if not facts.is_fine and curve.way and curve.is_young:
        by_way = curve.epoch * min(ENOUGH_WAY / curve.way - 1, 10.0)
    by_rate = 0
    if not by_curve and not by_way and curve.is_waking:  # as many again, at this weight of the rate
        by_rate = round(curve.epoch - curve.since)
    return _more_epochs(facts, max(1, by_curve, round(by_way), by_rate))


def _more_epochs(facts: Facts, num: int) -> tuple[str, ...]:
    about = f"about {num:,} more epoch{'' if num == 1 else 's'}, an estimate"
    training = facts.training
    if training is None or facts.is_watched:
        return (about,)
    if training.state in ("running", "paused", "starting", "queued") and training.is_last:
        return (f"wait: {about}",)
    if not training.is_last:
        return ("a later snapshot, or the last weights",)
    left = training.epochs - facts.curve.epoch
    if training.state != "finished" and left >= 1:
        return (
            f"continue with the {left:,.0f} epochs that are left: `vae train --resume {training.id}`, or Continue "
            "training",
        )
    return (f"{about}: `vae train --resume {training.id} --more-epochs {num}`, or Continue training",)
