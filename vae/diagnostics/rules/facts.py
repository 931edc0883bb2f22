"""What the rules of a verdict ask: the numbers of a diagnosis, and what settings and history say about them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from vae.diagnostics.beta_strength import leaves_little
from vae.diagnostics.convergence import LearningCurve, is_waking, learning_curve
from vae.diagnostics.decoder_sigma import Sigma
from vae.diagnostics.findings import Evidence
from vae.diagnostics.lost_dimensions import Loss, lost_dimensions
from vae.diagnostics.sample_size import ENOUGH, FEWEST, LARGE_ERRORS, SMALL_ERRORS, is_large, is_small
from vae.objectives.schedules import Standing
from vae.runs.metric_lines import Line

if TYPE_CHECKING:
    from vae.config.schema import RunConfig
    from vae.diagnostics.diagnosis import Diagnosis

#: Rise of the distortion, nats, below which a decoder does not use what was permuted.
SMALLEST_RISE = 0.5
#: Mutual information, nats, below which z says nothing about the images.
SILENCE = 0.5
#: So many times the critical β leave no doubt, however early in a training, that nothing will pay.
BEYOND_DOUBT = 3.0
#: A β within this share of its plan's has come to it.
_AT_PLATEAU = 0.999


class Facts:
    """The numbers of a diagnosis in the words of the rules; computed when they are asked for, and once.

    Args:
        diagnosis: The numbers.
        config: How the model was trained, if that is known.
        history: Lines of its training up to these weights, see `vae.runs.metric_lines`.
    """

    def __init__(self, diagnosis: Diagnosis, config: RunConfig | None, history: Sequence[Line]) -> None:
        self.diagnosis, self.config, self.history = diagnosis, config, history
        self.scale, self.training = diagnosis.scale, diagnosis.training
        self.is_watched = config is not None and config.model.network == "external"
        self.is_autoregressive = config is not None and config.model.decoder == "autoregressive"
        #: With a capacity, β is how hard the rate is pulled to it, not the price of a nat.
        self.is_price = config is None or not config.objective.capacity

    # What the plan says -----------------------------------------------------------------------------------------------

    @cached_property
    def standing(self) -> Standing | None:
        """Where β stands in its plan; None if settings or lines do not tell."""
        from vae.runs.history import standing_of_beta

        measured = [line for line in self.history if "split" in line and "beta" in line and "step" in line]
        if self.config is None or not measured:
            return None
        return standing_of_beta(self.config, self.history)

    @cached_property
    def target(self) -> Standing | None:
        """Where the target of the rate stands in its plan; None if there is none, or nothing tells."""
        from vae.objectives.schedules import capacity_standing
        from vae.runs.history import _batches_per_epoch

        measured = [line for line in self.history if "split" in line and "step" in line]
        if self.config is None or not self.config.objective.capacity or not measured:
            return None
        batches = _batches_per_epoch(self.config, measured, None)
        return capacity_standing(self.config.objective, int(measured[-1]["step"]), batches)

    @cached_property
    def is_on_its_way(self) -> bool:
        """Whether β, or the target of the rate, has still to come to what the plan wants."""
        if self.target is not None and not self.target.is_reached:
            return True
        standing = self.standing
        return standing is not None and (
            not standing.is_reached or standing.value < _AT_PLATEAU * standing.plateau
        )

    @cached_property
    def plan(self) -> float:
        """The weight of the rate that the training comes to, or has come to; 1 if nothing tells."""
        if self.standing is not None:
            return self.standing.plateau
        if self.diagnosis.beta is not None:
            return self.diagnosis.beta
        return 1.0 if self.config is None else self.config.objective.beta

    @cached_property
    def beta(self) -> float:
        """The weight of the rate that the weights are judged by, in nats over nats, whatever a loop calls it."""
        scale = self.scale
        if scale is not None and scale.slip is None and (scale.is_off or scale.is_certain):
            return scale.effective_beta
        return self.plan

    @cached_property
    def curve(self) -> LearningCurve:
        """How the objective moved since the rate has its weight."""
        since = 0.0
        for standing in (self.standing, self.target):
            if standing is not None and standing.is_reached and not self._is_cyclical:
                epoch = max((line["epoch"] for line in self.history if "split" in line), default=0.0)
                since = max(since, epoch - standing.epochs_at_plateau)
        plan = self.plan

        def is_at_plateau(line: Line) -> bool:
            return not self._is_cyclical or line.get("beta", plan) >= _AT_PLATEAU * plan

        return learning_curve(
            self.history, self.config, beta=max(self.beta, 0.0), since=since, is_at_plateau=is_at_plateau
        )

    @property
    def _is_cyclical(self) -> bool:
        return self.config is not None and self.config.objective.schedule == "cyclical"

    @cached_property
    def is_unfinished(self) -> bool:
        """Whether the numbers are those of a training that has not come to rest, and may yet come to others."""
        return (
            self.is_untrained
            or self.knows_no_picture
            or self.is_on_its_way
            or self.curve.is_young
            or self.curve.is_falling
        )

    @property
    def is_untrained(self) -> bool:
        """Whether these are the weights of step 0."""
        return self.training is not None and self.training.step == 0

    @cached_property
    def knows_no_picture(self) -> bool:
        """Whether no history says how long it was trained, and the decoder knows less than the mean of all images."""
        gain = self.diagnosis.gain
        if gain is None or self.curve.way is not None or not self.is_silent:
            return False
        return gain.nats < -max(1.0, 0.02 * abs(self.diagnosis.distortion), 3 * gain.standard_error)

    @cached_property
    def unchanged(self) -> tuple[str, ...]:
        """Networks of a watched loop in which no weight has changed since the watching began."""
        events = [line for line in self.history if line.get("event") == "unchanged"]
        named = str(events[-1].get("networks", "")).split(",") if events else []
        return tuple(name for name in ("encoder", "decoder") if name in named)

    # What z does ------------------------------------------------------------------------------------------------------

    @cached_property
    def is_used(self) -> bool:
        """Whether the decoder reads z, beyond doubt."""
        return is_large(self.diagnosis.usage.all, SMALLEST_RISE)

    @cached_property
    def is_unused(self) -> bool:
        """Whether it does not, beyond doubt."""
        return is_small(self.diagnosis.usage.all, SMALLEST_RISE)

    @cached_property
    def is_silent(self) -> bool:
        """Whether z says nothing about the images; posteriors that moved together pay a rate all the same."""
        says_little = self.diagnosis.information.mutual_information < SILENCE
        is_idle, num = self.diagnosis.num_active == 0, self.diagnosis.num_images
        is_shown = is_idle and says_little and num >= ENOUGH
        return not self.is_used and (is_shown or (self.is_unused and (is_idle or says_little)))

    @cached_property
    def is_open(self) -> bool:
        """Whether the images cannot tell if z is used."""
        return self.diagnosis.num_images < FEWEST or not (self.is_used or self.is_unused or self.is_silent)

    @cached_property
    def pays(self) -> bool:
        """Whether distortion and rate together are smaller than without z, beyond doubt."""
        return self.surplus - LARGE_ERRORS * self.surplus_error > 0

    @cached_property
    def costs(self) -> bool:
        """Whether they are larger, or no smaller: whether a model without z would do as well."""
        if self.diagnosis.gain is None and not self.is_autoregressive:
            return False
        return self.surplus <= 0 or self.surplus < SMALL_ERRORS * self.surplus_error

    @property
    def surplus(self) -> float:
        """Nats by which distortion and rate are smaller than without z, below 0 if they are larger.

        Beside the best decoder that ignores z stands this very decoder, with z from another image: what z saves of the
        distortion then is more than its rate, in a model that is better with it.
        """
        own = self.diagnosis.usage.all.nats - self.diagnosis.rate
        gain = self.diagnosis.gain
        return own if gain is None else min(own, gain.nats)

    @property
    def surplus_error(self) -> float:
        """Standard error of it."""
        rise, gain = self.diagnosis.usage.all, self.diagnosis.gain
        own = rise.nats - self.diagnosis.rate
        return rise.standard_error if gain is None or own < gain.nats else gain.standard_error

    @cached_property
    def is_fine(self) -> bool:
        """Whether z is used and pays for its rate."""
        return self.is_used and not self.is_silent and not self.costs

    @cached_property
    def lost(self) -> Loss | None:
        """Dimensions that once said something, and when they fell silent."""
        return lost_dimensions(self.history, self.diagnosis.active)

    @cached_property
    def rates(self) -> list[tuple[float, float]]:
        """Epoch and rate of each line."""
        return [(line["epoch"], line["rate"]) for line in self.history if "split" in line]

    # What weighs on it ------------------------------------------------------------------------------------------------

    @cached_property
    def is_heavy(self) -> bool:
        """Whether a β above 1 leaves the model little to say, or nothing."""
        if not self.is_price or self.is_silent:
            return self.is_price and self.beta > 1
        return leaves_little(self.diagnosis, self.beta)

    @property
    def is_beyond_doubt(self) -> bool:
        """Whether β is so far above the critical one that no further training changes what it does."""
        critical = self.diagnosis.critical_beta
        return self.is_price and critical is not None and self.beta >= BEYOND_DOUBT * max(critical, 1.0)

    @cached_property
    def sigma(self) -> Sigma | None:
        """Of a Gaussian likelihood whose σ is given; nothing can be wrong with any other's."""
        diagnosis = self.diagnosis
        if diagnosis.decoder_sigma and diagnosis.residual and not diagnosis.sigma_is_learned:
            price = self.beta if self.is_price else 1.0
            return Sigma(diagnosis.decoder_sigma, diagnosis.residual, max(price, 0.0))
        return None

    @property
    def is_sigma_large(self) -> bool:
        """Whether σ is so large that a collapse has its reason in it."""
        return self.sigma is not None and self.sigma.is_large

    @cached_property
    def is_rest_waking(self) -> bool:
        """Whether the dimensions that are not active say more and more."""
        measured = [line for line in self.history if "split" in line and line.get("rate_per_dim")]
        idle = [dim for dim, active in enumerate(self.diagnosis.active) if not active]
        if not idle or not measured or len(measured[-1]["rate_per_dim"]) <= max(idle):
            return False
        points = [(float(line["epoch"]), sum(line["rate_per_dim"][dim] for dim in idle)) for line in measured]
        return is_waking(points)

    @cached_property
    def num_further(self) -> int:
        """Dimensions that say nothing and would pay, by a linear model of what the reconstructions leave."""
        further = self.diagnosis.further
        if further is None or not self.is_price or self.beta <= 0:
            return 0
        return min(self.diagnosis.latent_dim - self.diagnosis.num_active, further.num_paying(self.beta))

    @cached_property
    def further_gain(self) -> float:
        """Nats of the objective that these would save."""
        further = self.diagnosis.further
        if further is None or not self.num_further:
            return 0.0
        return further.gain(self.beta, self.num_further)

    # The same numbers as evidence -------------------------------------------------------------------------------------

    def activity(self) -> tuple[Evidence, ...]:
        """How many dimensions are active, and the rate."""
        diagnosis = self.diagnosis
        return (
            Evidence(f"active units (of {diagnosis.latent_dim})", diagnosis.num_active),
            Evidence("KL (rate)", diagnosis.rate, "nats"),
        )

    def permuted(self) -> Evidence:
        """What the decoder loses with another image's z."""
        rise = self.diagnosis.usage.all
        words = "rise of the reconstruction with z from other images"
        return Evidence(words, rise.nats, "nats", rise.standard_error)

    def by_class(self) -> tuple[Evidence, ...]:
        """What it loses with another image's class."""
        rise = self.diagnosis.usage.condition
        words = "rise of the reconstruction with the class of another image"
        return () if rise is None else (Evidence(words, rise.nats, "nats", rise.standard_error),)

    def critical(self) -> tuple[Evidence, ...]:
        """Above which β a linear model collapses."""
        critical = self.diagnosis.critical_beta
        words = "β above which a linear model of these images collapses"
        return () if critical is None else (Evidence(words, critical),)

    def balance(self) -> tuple[Evidence, ...]:
        """Distortion and rate beside what a model without z has to pay."""
        diagnosis, alone = self.diagnosis, self.diagnosis.ignorant_distortion
        found = (
            Evidence("reconstruction (distortion)", diagnosis.distortion, "nats"),
            Evidence("KL (rate)", diagnosis.rate, "nats"),
        )
        if alone is None:
            return (*found, self.permuted())
        return (*found, Evidence("reconstruction of the best decoder without z", alone, "nats"))

    def sizes(self) -> tuple[Evidence, ...]:
        """Of image and latent space."""
        return (
            Evidence("values per image", self.diagnosis.num_pixels),
            Evidence("latent dimensions", self.diagnosis.latent_dim),
        )
