"""The scale of a watched loop's own loss: what its β amounts to, in words, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vae.diagnostics.watched_loops.reductions import (
    RIGHT,
    Ratio,
    factor_apart,
    kl_ratio,
    reconstruction_ratio,
)
from vae.diagnostics.watched_loops.slips import HALF, KL_SLIPS, RECONSTRUCTION_SLIPS, Slip
from vae.diagnostics.watched_loops.terms import OTHER
from vae.runs.metric_lines import Line
from vae.runtime.number_format import equals, readable

#: A ratio that is no reduction's, yet so large or small, is a matter of scale all the same.
_FAR = 10.0
#: The KL term as a line of PyTorch, and the others: sums over what belongs to one image, means over the batch alone.
KL_LINE = "kl = 0.5 * (log_var.exp() + mean.square() - 1 - log_var).flatten(1).sum(1).mean()"
RECONSTRUCTION_LINE = "reconstruction = per_pixel.flatten(1).sum(1).mean()"
SQUARED_LINE = "reconstruction = (x_hat - x).square().flatten(1).sum(1).mean() / (2 * sigma**2)"
LOSS_LINE = "loss = reconstruction + beta * kl"
#: What a loop that does not report both terms should do.
REPORT = "report both terms with watcher.step(reconstruction=…, kl=…), and the effective β is shown"


@dataclass(frozen=True)
class LoopScale:
    """The scale of a watched loop, see `vae.watching.watch`.

    Attributes:
        beta: The weight of the KL term in the loop, as it said.
        effective_beta: The weight that this is where both terms are in nats, summed over what belongs to one image.
            Where ``kl`` is None it supposes a KL term that is a sum.
        reconstruction: The loop's over ours; of a loop that reports only its loss, what the loss makes likely.
        kl: Likewise; None where it was not reported, or too small to compare: then nothing is known of it.
        num_comparisons: How often the two were compared.
        latent_dim: Latent dimensions.
        is_of_loss: Whether the loop reported only its loss.
        kl_form: What the loop's KL term is, as far as the comparisons tell: ``right``, or a slip by its name.
        sigma: Standard deviation of a Gaussian likelihood; None for others.
        loss_factor: The weight that the loss gives the KL term, as a multiple of β; None if it cannot be read off.
        reconstruction_form: As ``kl_form``, of the reconstruction.
    """

    beta: float
    effective_beta: float
    reconstruction: Ratio
    kl: Ratio | None
    num_comparisons: int
    latent_dim: int = 1
    is_of_loss: bool = False
    kl_form: str = "right"
    sigma: float | None = None
    loss_factor: float | None = None
    reconstruction_form: str = "nats"

    @property
    def slip(self) -> Slip | None:
        """What makes a term of the loop another quantity than it should be, whatever it is multiplied by."""
        return RECONSTRUCTION_SLIPS.get(self.reconstruction_form) or KL_SLIPS.get(self.kl_form)

    @property
    def is_unknown(self) -> bool:
        """Whether the KL term is no multiple of ours, and no slip that is known."""
        return self.kl_form == OTHER

    @property
    def weighs_otherwise(self) -> bool:
        """Whether the loss does not weigh the KL term by β."""
        return self.loss_factor is not None and factor_apart(self.loss_factor) > RIGHT

    @property
    def factor(self) -> float:
        """By what the scale multiplies β."""
        return self.effective_beta / self.beta

    @property
    def has_wrong_sign(self) -> bool:
        """Whether the loop subtracts what it should add."""
        return self.factor < 0

    @property
    def is_off(self) -> bool:
        """Whether β is not what it seems to be, nor what it should be."""
        if self.has_wrong_sign or self.slip is not None:
            return True
        return factor_apart(self.factor) > RIGHT and factor_apart(self.effective_beta) > RIGHT

    @property
    def is_certain(self) -> bool:
        """Whether both terms were compared, and the ratios are those of reductions that have a name."""
        is_slip = self.slip is not None and not self.is_unknown
        return (self.is_named or is_slip) and self.kl is not None and not self.is_of_loss

    @property
    def is_named(self) -> bool:
        """Whether the ratios that there are have a name."""
        return self.reconstruction.exact is not None and (self.kl is None or self.kl.exact is not None)

    @property
    def is_far(self) -> bool:
        """Whether β is so far from what it seems to be that no other cause need be looked for."""
        return self.has_wrong_sign or factor_apart(self.factor) > _FAR

    @property
    def parts(self) -> list[tuple[str, Ratio]]:
        """What was compared, by its name."""
        first = ("loss" if self.is_of_loss else "reconstruction", self.reconstruction)
        return [first] if self.kl is None else [first, ("KL term", self.kl)]

    @property
    def title(self) -> str:
        """The slip in a few words."""
        if self.slip is not None:
            return self.slip.title
        if self.has_wrong_sign:
            return "The KL term has the wrong sign"
        if self.factor == 0:
            return "The KL term is not in the loss"
        if "mean" in self.words:
            return "A mean where a sum belongs"
        if self.kl is not None and HALF in self.kl.words:
            return "The ½ of the KL term is wrong"
        if self.weighs_otherwise and not self.words:
            return "β is not the weight of the KL term"
        return "The terms are out of scale"

    @property
    def words(self) -> str:
        """What is out of scale, as the end of the sentence "Compared with sums over what belongs to one image, …"."""
        if self.is_of_loss:
            ratio = self.reconstruction
            like = f", as if the reconstruction were {ratio.words}" if ratio.words else ""
            return f"your loss is {ratio.share}{like}"
        found = []
        for name, ratio in self.parts:
            if factor_apart(ratio.value) > RIGHT:
                called = f": {ratio.words}" if ratio.words else ""
                found.append(f"your {name} is {ratio.share}{called}")
        return ", and ".join(found)

    @property
    def amounts(self) -> str:
        """What the effective β is called."""
        return f"effective β{', if the KL term is a sum' if self.kl is None else ''}"

    @property
    def sentence(self) -> str:
        """What the scale does to β: what is known as known, and what is supposed as supposed."""
        if self.slip is not None:
            return self.slip.sentence
        found = ""
        if self.words:
            found = f"Compared with sums over what belongs to one image, {self.words}. "
        if self.weighs_otherwise and self.loss_factor is not None:
            weight = readable(self.loss_factor * self.beta, 3).replace("-", "−")
            found += f"Your loss weighs the KL term by {weight}, and not by your β {equals(self.beta)}. "
        if self.factor == 0:
            return f"{found}So the posterior is free to leave the prior: this is an autoencoder."
        trains = f"your β {equals(self.beta)} trains like β {equals(self.effective_beta)}"
        if self.has_wrong_sign:
            trains = trains.replace("β = -", "β = −")
            return f"{found}So posteriors far from the prior lower the loss: {trains}."
        if self.kl is not None:
            return f"{found}So {trains}."
        why = (
            "Your loop reports nothing else, so the scale of its terms is not known"
            if self.is_of_loss
            else "Your KL term was not reported, or was always too small to compare"
        )
        mean = ""
        if self.latent_dim > 1:
            mean = f"; if it is a mean over dimensions, as β {equals(self.effective_beta / self.latent_dim)}"
        return f"{found}{why}: if your KL term is a sum, {trains}{mean}."

    @property
    def remedies(self) -> tuple[str, ...]:
        """What to change in the loop; no weight where one of the terms is not known."""
        if self.slip is not None:
            return (self.slip.remedy, *self.lines_of_code)
        found = [ratio.remedy for _, ratio in self.parts if ratio.remedy]
        if self.is_of_loss:
            return (REPORT, *(f"if it is so: {remedy}" for remedy in found))
        if self.kl is None:
            return (*found, *self.lines_of_code, REPORT)
        if self.has_wrong_sign or self.factor == 0:
            return (*found, *self.lines_of_code)
        if self.weighs_otherwise and not found:
            return self.lines_of_code
        weight = f"a weight of {readable(1 / self.factor, 3)} in front of the KL term, which is β = 1 here"
        return (*found, *self.lines_of_code, f"or {weight}" if found else weight)

    @property
    def lines_of_code(self) -> tuple[str, ...]:
        """The lines to change as they should be in PyTorch, each in a sentence; none if the slip is unknown."""
        found = []
        ratio = self.reconstruction
        if not self.is_of_loss and ratio.remedy and self.reconstruction_form not in RECONSTRUCTION_SLIPS:
            if self.sigma is not None:
                found.append(
                    f"the line of the reconstruction, with sigma = {self.sigma:.3g}: `{SQUARED_LINE}`"
                )
            else:
                found.append(
                    f"the line of the reconstruction: `{RECONSTRUCTION_LINE}`, with the error of each pixel not yet "
                    'averaged (`reduction="none"`)'
                )
        if self.kl_form in KL_SLIPS or (self.kl is not None and self.kl.remedy):
            found.append(f"the line of the KL term: `{KL_LINE}`")
        if self.has_wrong_sign or self.weighs_otherwise:
            found.append(f"the line of the loss: `{LOSS_LINE}`")
        return tuple(found)


def unknown(beta: float, scale: LoopScale | None) -> str:
    """Why the β of a watched loop is not known, and what is known."""
    if scale is None:
        why = "it reported none"
    elif scale.slip is not None or scale.has_wrong_sign:
        return f"the loop's loss is none of reconstruction and KL: {scale.title[0].lower()}{scale.title[1:]}"
    elif scale.is_of_loss:
        why = f"it reported only its loss, which is {scale.reconstruction.share}"
    else:
        why = f"its reconstruction is {scale.reconstruction.share}, its KL term was not compared"
    return f"the scale of your loop's terms is not known: {why}. It reports β {equals(beta)}; {REPORT}"


def pays(beta: float, scale: LoopScale | None, *, is_watched: bool, is_known: bool = True) -> str:
    """That a silent model had better use z, as far as that is known: in a watched loop it depends on the scale.

    Args:
        beta: In force.
        scale: Of a watched loop.
        is_watched: Whether it is one.
        is_known: Whether there are images enough to know what pays.
    """
    if not is_known:
        return "and whether it would pay is not known: there are too few training images"
    if is_watched and (scale is None or scale.kl is None or scale.is_of_loss):
        return (
            "and whether it would pay is not known: the scale of your loop's terms is unknown, so its β = "
            f"{readable(beta)} may be a different effective β; {REPORT}"
        )
    return f"although it would pay: at β {equals(beta)} a model that uses z has the better objective"


def loop_scale(
    history: Sequence[Line], beta: float, num_pixels: int, latent_dim: int, sigma: float | None
) -> LoopScale | None:
    """What a watched run's history says of its loop's scale; None if nothing was compared.

    Args:
        history: Lines of the run, see `vae.runs.metric_lines`; the newest event ``scale`` counts.
        beta: The weight of the KL term, as the loop said.
        num_pixels: Values per image.
        latent_dim: Latent dimensions.
        sigma: Standard deviation of a Gaussian likelihood; None for others.
    """
    event = next((line for line in reversed(history) if line.get("event") == "scale"), None)
    if event is None or not beta > 0:
        return None
    measured, loss = _positive(event.get("reconstruction_ratio")), _positive(event.get("loss_ratio"))
    is_of_loss = measured is None
    if measured is None:
        # Where the KL term is small, as it is where it weighs too much, the loss is the reconstruction.
        measured = loss
    if measured is None:
        return None
    batch_size = int(_positive(event.get("batch_size")) or 1)
    reconstruction = reconstruction_ratio(measured, num_pixels, batch_size, sigma)
    late, early = _number(event.get("kl_ratio")), _number(event.get("early_kl_ratio"))
    kl_form = str(event.get("kl_form", "right"))
    if kl_form == OTHER and event.get("kl_is_multiple") is False:
        measured_kl = early if late is None else late
        kl = None if measured_kl is None else Ratio(measured_kl, None)
    else:
        is_exact = kl_form == OTHER and "kl_is_multiple" in event
        kl = kl_ratio(late, early, (num_pixels, latent_dim, batch_size), is_exact=is_exact)
        kl_form = "right" if kl_form == OTHER else kl_form  # multiplied by something
    factor = event.get("loss_factor")
    is_number = isinstance(factor, int | float) and not isinstance(factor, bool)
    loss_factor = float(factor) if is_number and not is_of_loss else None  # type: ignore[arg-type]
    in_loss = loss_factor if loss_factor is not None and factor_apart(loss_factor) > RIGHT else 1.0
    return LoopScale(
        beta=beta,
        effective_beta=beta * in_loss * (1.0 if kl is None else kl.value) / reconstruction.value,
        reconstruction=reconstruction,
        kl=kl,
        num_comparisons=int(_positive(event.get("num_comparisons")) or 1),
        latent_dim=latent_dim,
        is_of_loss=is_of_loss,
        kl_form=kl_form,
        sigma=sigma,
        loss_factor=loss_factor,
        reconstruction_form=str(event.get("reconstruction_form", "nats")),
    )


def _number(value: object) -> float | None:
    """A number that is not 0."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and value != 0 else None  # type: ignore[arg-type]


def _positive(value: object) -> float | None:
    found = _number(value)
    return found if found is not None and found > 0 else None
