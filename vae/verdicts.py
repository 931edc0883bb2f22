"""What a diagnosis means, in plain words: nine verdicts, each with its evidence and what to try; or too few images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vae.departure import departure, left_the_prior
from vae.enough import ENOUGH, FEWEST, SMALL_ERRORS, is_large, is_small, too_few
from vae.findings import Evidence, Verdict
from vae.lines import Line
from vae.loop_scale import pays
from vae.sigma import Sigma
from vae.units import Coincidence, coincidence, is_round
from vae.weight import leaves_little, sentence, silences

if TYPE_CHECKING:
    from vae.config import RunConfig
    from vae.diagnostics import Diagnosis

#: Rise of the distortion, nats, below which a decoder does not use what was permuted.
SMALLEST_RISE = 0.5
#: Likewise for the condition, as a share of the rise with z permuted.
CONDITION_SHARE = 0.05
#: A decoder knows something without z if it is better by this share than the best picture of all images.
KNOWS_SHARE = 0.1
#: Mutual information, nats, below which z says nothing about the images.
SILENCE = 0.5


def decide(
    diagnosis: Diagnosis, config: RunConfig | None = None, history: Sequence[Line] = ()
) -> tuple[Verdict, ...]:
    """What a diagnosis means: the verdict, then remarks.

    A cause goes before its effects: a wrong σ before the collapse that it brings about.

    Args:
        diagnosis: The numbers.
        config: How the model was trained, if that is known.
        history: Lines of its training, see `vae.lines`.
    """
    case = _Case(diagnosis, config, history)
    found = [
        verdict
        for verdict in (
            case.loop_out_of_scale(),
            case.wrong_sigma(),
            case.wrong_scale(),
            case.variance_blown_up(),
            case.decoder_ignores_z(),
            case.over_regularised(),
            case.early_collapse(),
            case.condition_ignored(),
        )
        if verdict is not None
    ]
    if found and (doubtful := case.round_coincidence()) is not None:
        found.append(doubtful)
    spare = case.spare_dimensions()
    if not found and (open_question := case.too_few_images()) is not None:
        return (open_question,)
    if not found:
        if spare is not None and 2 * diagnosis.num_active <= diagnosis.latent_dim:
            return (spare,)
        found = [case.healthy()]
    if spare is not None and not (
        case.is_heavy or case.is_sigma_large
    ):  # so dimensions are pruned to no good
        found.append(spare)
    return tuple(found)


class _Case:
    """The rules, over one diagnosis."""

    def __init__(self, diagnosis: Diagnosis, config: RunConfig | None, history: Sequence[Line]) -> None:
        self.diagnosis, self.config = diagnosis, config
        self.rates = [(line["epoch"], line["rate"]) for line in history if "split" in line]
        self.scale = diagnosis.scale
        self.beta = 1.0 if diagnosis.beta is None else diagnosis.beta
        if self.scale is not None and (self.scale.is_off or self.scale.is_certain):
            self.beta = self.scale.effective_beta
        # With a capacity, β is how hard the rate is pulled to it, not the price of a nat.
        self.is_price = config is None or not config.objective.capacity
        usage, num = diagnosis.usage, diagnosis.num_images
        self.is_used, self.is_unused = is_large(usage.all, SMALLEST_RISE), is_small(usage.all, SMALLEST_RISE)
        # A rate may be paid for nothing: posteriors that all left the prior together tell no image from another.
        says_little, idle = diagnosis.information.mutual_information < SILENCE, diagnosis.num_active == 0
        is_shown = idle and says_little and num >= ENOUGH
        self.is_silent = not self.is_used and (is_shown or (self.is_unused and (idle or says_little)))
        #: Whether the images cannot tell if z is used.
        self.is_open = num < FEWEST or not (self.is_used or self.is_unused or self.is_silent)
        self.is_watched = config is not None and config.model.network == "external"
        self.is_autoregressive = config is not None and config.model.decoder == "autoregressive"
        # Of a Gaussian likelihood whose σ is given; nothing can be wrong with any other's.
        self.sigma = None
        if diagnosis.decoder_sigma and diagnosis.residual and not diagnosis.sigma_is_learned:
            price = self.beta if self.is_price else 1.0
            self.sigma = Sigma(diagnosis.decoder_sigma, diagnosis.residual, price)

    # The numbers that verdicts rest on --------------------------------------------------------------------------------

    def _activity(self) -> tuple[Evidence, ...]:
        diagnosis = self.diagnosis
        return (
            Evidence(f"active units of {diagnosis.latent_dim}", diagnosis.num_active),
            Evidence("rate (KL)", diagnosis.rate, "nats"),
        )

    def _permuted(self) -> Evidence:
        rise = self.diagnosis.usage.all
        words = "rise of the distortion with z from other images"
        return Evidence(words, rise.nats, "nats", rise.standard_error)

    def _by_class(self) -> tuple[Evidence, ...]:
        rise = self.diagnosis.usage.condition
        words = "rise of the distortion with the class of another image"
        return () if rise is None else (Evidence(words, rise.nats, "nats", rise.standard_error),)

    def _critical(self) -> tuple[Evidence, ...]:
        critical = self.diagnosis.critical_beta
        words = "β above which a linear model of these images collapses"
        return () if critical is None else (Evidence(words, critical),)

    # The rules --------------------------------------------------------------------------------------------------------

    def healthy(self) -> Verdict:
        """Nothing else was found."""
        diagnosis = self.diagnosis
        return Verdict(
            "healthy",
            "Healthy",
            "The encoder writes about each image into z, and the decoder reads it: with z from another image the "
            "reconstruction gets much worse.",
            (
                *self._activity(),
                self._permuted(),
                *self._by_class(),
                diagnosis.information.mutual_evidence(),
            ),
        )

    def spare_dimensions(self) -> Verdict | None:
        """Some dimensions are active, others pruned: no fault."""
        diagnosis = self.diagnosis
        spare = diagnosis.latent_dim - diagnosis.num_active
        if not spare or not diagnosis.num_active or diagnosis.num_images < FEWEST:
            return None
        return Verdict(
            "spare-dimensions",
            f"{spare} spare dimension{'' if spare == 1 else 's'}",
            f"The model uses {diagnosis.num_active} of {diagnosis.latent_dim} latent dimensions and keeps the others "
            "at the prior, where they cost nothing. This is what the objective asks for when a further dimension "
            "would cost more rate than it saves distortion; it does no harm.",
            (
                *self._activity(),
                Evidence("variance of the posterior mean that counts as active", diagnosis.active_threshold),
            ),
            (
                f"a latent space of {diagnosis.num_active} dimensions does the same with less",
                "a smaller β, if images matter more than samples",
                "free bits, to make each dimension say something",
            ),
        )

    def _is_beta_too_high(self) -> bool:
        """Whether silence, or near silence, is what this β makes the best solution."""
        if not self.is_price or self.is_autoregressive or self.is_sigma_large:
            return False
        if self.is_silent:
            return silences(self.diagnosis, self.beta)
        return self.is_heavy and self.diagnosis.critical_beta is not None

    @property
    def is_heavy(self) -> bool:
        """Whether a β above 1 leaves the model little to say, or nothing."""
        if not self.is_price or self.is_silent:
            return self.is_price and self.beta > 1
        return leaves_little(self.diagnosis, self.beta)

    def over_regularised(self) -> Verdict | None:
        """β leaves little to say, and it is the β that the code says: a wrong scale tells of it itself."""
        if not self._is_beta_too_high() or self.loop_out_of_scale() is not None:
            return None
        return Verdict(
            "over-regularised",
            "β is too high" if self.beta > 1 else "Nothing pays at this β",
            sentence(self.diagnosis, self.beta, is_silent=self.is_silent),
            (Evidence("β", self.beta), *self._critical(), *self._activity()),
            (
                "β = 1, the ELBO" if self.beta > 1 else "a smaller β",
                "a capacity: a rate that the training is pulled to",
                "free bits",
            ),
        )

    def early_collapse(self) -> Verdict | None:
        """Silent although silence is not the best solution."""
        if not self.is_silent or self.is_sigma_large:
            return None
        if self._is_beta_too_high():
            return None
        if self.decoder_ignores_z() is not None or self.variance_blown_up() is not None:
            return None
        largest = max((rate for _, rate in self.rates), default=0.0)
        if self.rates and largest > 2 * SILENCE:
            epoch = max(epoch for epoch, rate in self.rates if rate > 2 * SILENCE)
            title, when = "Collapsed during training", f"since epoch {epoch:.3g}"
        else:
            title, when = "Collapsed at the start of training", "since its start"
        would_pay = pays(
            self.beta,
            self.scale,
            is_watched=self.is_watched,
            is_known=self.diagnosis.critical_beta is not None,
        )
        return Verdict(
            "early-collapse",
            title,
            f"z has said nothing about the images {when}, {would_pay}. While encoder and decoder still "
            "know nothing, the KL term is all that there is to gain, the encoder becomes the prior, "
            "and the decoder learns to do without z.",
            (*self._activity(), self._permuted(), Evidence("β", self.beta), *self._critical()),
            (
                "a warm-up: β from 0 upwards over the first epochs",
                "free bits, or a capacity",
                "extra encoder steps, so that the encoder leads",
                "fewer layers, or a smaller learning rate",
            ),
        )

    def decoder_ignores_z(self) -> Verdict | None:
        """The decoder does well without z, or does not read what the encoder writes."""
        diagnosis, alone = self.diagnosis, self.diagnosis.ignorant_distortion
        if not (self.is_unused or self.is_silent):
            return None
        gain = 0.0 if alone is None else alone - diagnosis.distortion  # a density's may be near or below zero
        knows = alone is not None and gain > max(KNOWS_SHARE * abs(alone), SMALLEST_RISE)
        speaks = diagnosis.num_active > 0 and diagnosis.information.mutual_information >= SILENCE
        if not (self.is_autoregressive or knows or speaks):
            return None
        if self.is_autoregressive:
            why = "The decoder explains the images by itself, each pixel from those before it, and does not need z"
        elif speaks:
            why = "The encoder writes about the images into z, but the decoder does not read it"
        else:
            why = "The decoder explains the images better than any one picture does, and not by z"
        alone_evidence = (
            () if alone is None else (Evidence("distortion of the best decoder without z", alone, "nats"),)
        )
        return Verdict(
            "decoder-ignores-z",
            "The decoder ignores z",
            f"{why}: with z from another image, or from the prior, its reconstruction is as good. What z would say "
            "is then not worth its rate.",
            (
                self._permuted(),
                Evidence("response to z from the prior", diagnosis.usage.response, "nats"),
                *self._activity(),
                Evidence("distortion", diagnosis.distortion, "nats"),
                *alone_evidence,
            ),
            (
                *(("a weaker decoder: independent pixels",) if self.is_autoregressive else ()),
                "free bits in total, or a capacity: a rate that pays for nothing else",
                "a warm-up together with extra encoder steps",
            ),
        )

    def condition_ignored(self) -> Verdict | None:
        """A conditional model whose decoder does as well with a wrong class."""
        rise = self.diagnosis.usage.condition
        if rise is None or not is_small(rise, self._least_of_condition(-SMALL_ERRORS)):
            return None
        return Verdict(
            "condition-ignored",
            "The condition is ignored",
            "The decoder draws the same image whatever class it is told: z says all of it, the class too. Asked for "
            "a class, the model cannot make one.",
            (*self._by_class(), self._permuted(), *self._activity()),
            ("a larger β, so that z does not repeat the class", "a smaller latent space"),
        )

    def _least_of_condition(self, errors: float = 0.0) -> float:
        """Rise, nats, that a condition must reach to count, with that of z taken so many of its errors higher."""
        rise = self.diagnosis.usage.all
        return max(SMALLEST_RISE, CONDITION_SHARE * (rise.nats + errors * rise.standard_error))

    def too_few_images(self) -> Verdict | None:
        """Neither the one nor the other can be told of these images."""
        rise, diagnosis = self.diagnosis.usage.condition, self.diagnosis
        num, part = diagnosis.num_images, diagnosis.part
        if self.is_open:
            return too_few(
                num, part, "the decoder reads z", (self._permuted(), *self._by_class(), *self._activity())
            )
        least = self._least_of_condition()
        if rise is None or not rise.num_images:  # no class at all, or one alone
            return None
        if is_large(rise, least) or self.condition_ignored() is not None:
            return None
        return too_few(num, part, "the decoder reads the class", (*self._by_class(), self._permuted()))

    def loop_out_of_scale(self) -> Verdict | None:
        """A watched loop's terms, compared with ours, are not what they seem to be."""
        scale = self.scale
        if scale is None or not scale.is_off:
            return None
        if not (scale.is_certain or ((scale.is_far or scale.is_named) and self._suffers())):
            return None
        return Verdict(
            "wrong-scale",
            "A mean where a sum belongs" if "mean" in scale.words else "The terms are out of scale",
            scale.sentence,
            (
                Evidence("β in your loop", scale.beta),
                Evidence(scale.amounts, scale.effective_beta),
                *(() if self.sigma is None else self.sigma.fitted()),
                *(Evidence(f"your {name} over ours", ratio.measured) for name, ratio in scale.parts),
                Evidence("comparisons", scale.num_comparisons),
                *self._sizes(),
                *self._critical(),
                *self._activity(),
            ),
            scale.remedies,
        )

    def wrong_scale(self) -> Verdict | None:
        """β is what a mean in place of a sum would make of 1, nobody would choose it, and the model suffers from it."""
        found = self._coincidence()
        if found is None or (is_round(self.beta) and found.factor != self.diagnosis.num_pixels):
            return None
        return self._mistaken(
            f"β = {self.beta:.4g} is as large as if {found.words}. Distortion and rate are both sums over what "
            "belongs to one image; a mean in place of one of them changes the balance by hundreds without a word."
        )

    def round_coincidence(self) -> Verdict | None:
        """Likewise of a β that somebody may well have chosen: a remark beside what is wrong."""
        found = self._coincidence()
        if found is None or self.wrong_scale() is not None:
            return None
        return self._mistaken(
            f"β = {self.beta:.4g} is a round number, and may be what you want. It is also as large as if {found.words}."
        )

    def _coincidence(self) -> Coincidence | None:
        """The mistaken reduction that would make β of 1, if the model suffers from it."""
        diagnosis = self.diagnosis
        is_compared = self.scale is not None and self.scale.is_named  # then it is known, and not guessed
        if not self.is_price or is_compared or not self._suffers():
            return None
        return coincidence(self.beta, diagnosis.num_pixels, diagnosis.latent_dim)

    def _suffers(self) -> bool:
        """Whether the model does what a β this far from 1 makes it do."""
        return self.is_heavy or (self.beta < 1 and departure(self.diagnosis) is not None)

    def _mistaken(self, sentence: str) -> Verdict:
        return Verdict(
            "wrong-scale",
            "A mean where a sum belongs",
            sentence,
            (Evidence("β", self.beta), *self._sizes(), *self._critical(), *self._activity()),
            ("β = 1 with sums over pixels and over dimensions, averaged over images alone",),
        )

    def _sizes(self) -> tuple[Evidence, ...]:
        diagnosis = self.diagnosis
        return (
            Evidence("values per image", diagnosis.num_pixels),
            Evidence("latent dimensions", diagnosis.latent_dim),
        )

    @property
    def is_sigma_large(self) -> bool:
        """Whether σ is so large that a collapse has its reason in it."""
        return self.sigma is not None and self.sigma.is_large

    def wrong_sigma(self) -> Verdict | None:
        """The fixed σ is far from the residuals; but where z says nothing, large residuals speak of no small σ."""
        if self.sigma is None or self.diagnosis.num_images < FEWEST:
            return None
        is_small = self.sigma.is_small and not (self.is_silent or self.is_open)
        if not (self.sigma.is_large or is_small):
            return None
        return self.sigma.verdict(
            self._activity(), is_watched=self.is_watched, is_compared=self.scale is not None
        )

    def variance_blown_up(self) -> Verdict | None:
        """The aggregate posterior has left the prior."""
        return left_the_prior(self.diagnosis, self.beta, is_silent=self.is_silent)
