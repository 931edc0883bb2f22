"""What a diagnosis means, in plain words: a verdict with its evidence and what to try, then remarks.

Before anything is said of z it is asked whether the numbers are any, whether the training ended and β came to its
value, and whether there is anything to encode. Then each rule looks for one fault. A cause goes before its effects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from vae.diagnostics.findings import Verdict
from vae.diagnostics.rules.facts import Facts
from vae.diagnostics.rules.inactive import (
    dead_network,
    decoder_ignores_z,
    early_collapse,
    nothing_to_encode,
    over_regularised,
    partial_collapse,
    spare_dimensions,
)
from vae.diagnostics.rules.loss import (
    loop_out_of_scale,
    round_coincidence,
    variance_blown_up,
    worse_than_no_z,
    wrong_scale,
    wrong_sigma,
)
from vae.diagnostics.rules.training import (
    diverged,
    more_to_learn,
    not_a_number,
    still_learning,
    weights_unchanged,
)
from vae.diagnostics.rules.usage import condition_ignored, healthy, too_few_images
from vae.runs.metric_lines import Line

if TYPE_CHECKING:
    from vae.config.schema import RunConfig
    from vae.diagnostics.diagnosis import Diagnosis

Rule = Callable[[Facts], Verdict | None]

#: Each looks for one fault; what causes another goes before it.
FAULTS: tuple[Rule, ...] = (
    loop_out_of_scale,
    diverged,
    nothing_to_encode,
    dead_network,
    wrong_sigma,
    wrong_scale,
    variance_blown_up,
    decoder_ignores_z,
    over_regularised,
    early_collapse,
    partial_collapse,
    condition_ignored,
    worse_than_no_z,
)
#: What is still said where there is nothing to encode: all else is its effect.
_CAUSES: tuple[Rule, ...] = (loop_out_of_scale, diverged, nothing_to_encode, worse_than_no_z)
#: What is said where none of them was found: the first that is so.
OTHERWISE: tuple[Rule, ...] = (still_learning, too_few_images)


def decide(
    diagnosis: Diagnosis, config: RunConfig | None = None, history: Sequence[Line] = ()
) -> tuple[Verdict, ...]:
    """What a diagnosis means: the verdict, then remarks.

    Args:
        diagnosis: The numbers.
        config: How the model was trained, if that is known.
        history: Lines of its training, see `vae.runs.metric_lines`.
    """
    facts = Facts(diagnosis, config, history)
    if (broken := not_a_number(facts)) is not None:
        is_known = facts.scale is not None and facts.scale.is_certain  # by comparisons of before
        cause = loop_out_of_scale(facts) if is_known else None
        return (broken,) if cause is None else (cause, broken)
    if (idle := weights_unchanged(facts)) is not None:
        return (idle,)
    rules = FAULTS if nothing_to_encode(facts) is None else _CAUSES
    found = [verdict for rule in rules if (verdict := rule(facts)) is not None]
    if any(verdict.is_fault for verdict in found) and (doubtful := round_coincidence(facts)) is not None:
        found.append(doubtful)
    if not found:
        for rule in OTHERWISE:
            if (verdict := rule(facts)) is not None:
                return (verdict,)
    spare = None if rules is _CAUSES else spare_dimensions(facts)
    if not found:
        if spare is not None and 2 * diagnosis.num_active <= diagnosis.latent_dim:
            found, spare = [spare], None
        else:
            found = [healthy(facts)]
    if spare is not None and not (facts.is_heavy or facts.is_sigma_large):  # so they are pruned to no good
        found.append(spare)
    is_well = not found[0].is_fault or found[0].name == "partial-collapse"
    if is_well and (more := more_to_learn(facts)) is not None:
        found.append(more)
    return tuple(found)
