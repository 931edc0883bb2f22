"""The scale of a watched loop's own loss: how its terms compare with ours, and which reductions that betrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vae.lines import Line

#: A ratio within this factor of a reduction's is taken for it: batches and noise differ between the two.
_NEAR = 1.35
#: A ratio that is no reduction's, yet so large or small, is a matter of scale all the same.
_FAR = 10.0
#: β is as it should be within this factor.
_RIGHT = 1.6


@dataclass(frozen=True)
class Ratio:
    """What a loop reported of one term over what it is in nats per example.

    Attributes:
        measured: The median of the comparisons.
        exact: What the reduction that it is taken for makes of it; None if it is no known one's.
        words: The reduction; empty if there is none to name.
        remedy: What to do about it; empty likewise.
    """

    measured: float
    exact: float | None
    words: str = ""
    remedy: str = ""

    @property
    def value(self) -> float:
        """The best that is known of it."""
        return self.measured if self.exact is None else self.exact

    @property
    def fraction(self) -> str:
        """As a person writes it: "1/784", "128 times"."""
        value = self.value
        return f"1/{1 / value:.4g}" if value < 1 else f"{value:.4g} times"


@dataclass(frozen=True)
class LoopScale:
    """The scale of a watched loop, see `vae.watching`.

    Attributes:
        beta: The weight of the KL term in the loop, as it said.
        effective_beta: The weight that this is where both terms are in nats, summed over what belongs to one image.
        reconstruction: The loop's over ours.
        kl: Likewise; None where it was not reported, or too small to compare. Then it counts as right.
        num_comparisons: How often the two were compared.
    """

    beta: float
    effective_beta: float
    reconstruction: Ratio
    kl: Ratio | None
    num_comparisons: int

    @property
    def factor(self) -> float:
        """By what the scale multiplies β."""
        return self.effective_beta / self.beta

    @property
    def is_off(self) -> bool:
        """Whether β is not what it seems to be, nor what it should be."""
        return _apart(self.factor) > _RIGHT and _apart(self.effective_beta) > _RIGHT

    @property
    def is_certain(self) -> bool:
        """Whether the ratios are those of reductions that have a name."""
        return self.reconstruction.exact is not None and (self.kl is None or self.kl.exact is not None)

    @property
    def is_far(self) -> bool:
        """Whether β is so far from what it seems to be that no other cause need be looked for."""
        return _apart(self.factor) > _FAR

    @property
    def words(self) -> str:
        """What is out of scale, as the end of the sentence "Compared with sums over what belongs to one image, …"."""
        found = []
        for name, ratio in (("reconstruction", self.reconstruction), ("KL term", self.kl)):
            if ratio is not None and _apart(ratio.value) > _RIGHT:
                called = f": {ratio.words}" if ratio.words else ""
                found.append(
                    f"your {name} is {ratio.fraction}{' of' if ratio.value < 1 else ''} ours{called}"
                )
        return ", and ".join(found)

    @property
    def remedies(self) -> tuple[str, ...]:
        """What to change in the loop."""
        found = [
            ratio.remedy for ratio in (self.reconstruction, self.kl) if ratio is not None and ratio.remedy
        ]
        weight = f"a weight of {1 / self.factor:.3g} in front of the KL term, which is β = 1 here"
        return (*found, f"or {weight}" if found else weight)


def loop_scale(
    history: Sequence[Line], beta: float, num_pixels: int, latent_dim: int, sigma: float | None
) -> LoopScale | None:
    """What a watched run's history says of its loop's scale; None if nothing was compared.

    Args:
        history: Lines of the run, see `vae.lines`; the newest event ``scale`` counts.
        beta: The weight of the KL term, as the loop said.
        num_pixels: Values per image.
        latent_dim: Latent dimensions.
        sigma: Standard deviation of a Gaussian likelihood; None for others.
    """
    event = next((line for line in reversed(history) if line.get("event") == "scale"), None)
    if event is None or not beta > 0:
        return None
    measured, kl_measured = _positive(event.get("reconstruction_ratio")), _positive(event.get("kl_ratio"))
    if measured is None:
        return None
    batch_size = int(_positive(event.get("batch_size")) or 1)
    reconstruction = _nearest(measured, _of_reconstruction(num_pixels, batch_size, sigma))
    kl = None if kl_measured is None else _nearest(kl_measured, _of_kl(num_pixels, latent_dim, batch_size))
    return LoopScale(
        beta=beta,
        effective_beta=beta * (1.0 if kl is None else kl.value) / reconstruction.value,
        reconstruction=reconstruction,
        kl=kl,
        num_comparisons=int(_positive(event.get("num_comparisons")) or 1),
    )


def likeliest(ratios: Sequence[float], num_pixels: int, batch_size: int, sigma: float | None) -> float:
    """Of what a reconstruction's ratio may be, with and without a density's constants, the nearest to a reduction's.

    Args:
        ratios: What it may be, positive.
        num_pixels: Values per image.
        batch_size: Images of a batch.
        sigma: Standard deviation of a Gaussian likelihood; None for others.
    """
    known = _of_reconstruction(num_pixels, batch_size, sigma)
    return min(ratios, key=lambda ratio: min(_apart(ratio / one.measured) for one in known))


def _of_reconstruction(num_pixels: int, batch_size: int, sigma: float | None) -> list[Ratio]:
    sum_pixels = "sum the reconstruction over pixels, and average it over the batch alone"
    halve = f"divide the reconstruction by the batch size, {batch_size}"
    found = [
        Ratio(1.0, 1.0),
        Ratio(
            1 / num_pixels, 1 / num_pixels, "a mean over pixels", f"{sum_pixels}: {num_pixels} times as much"
        ),
        Ratio(float(batch_size), float(batch_size), "a sum over the batch", halve),
    ]
    if sigma is not None:
        density = f"divide the squared error by 2σ², which is {2 * sigma**2:.3g}, or tell vae.watch the σ that is meant"
        for nats, error in ((2 * sigma**2, "a squared error"), (sigma**2, "half a squared error")):
            for ratio, reduction in ((nats, ""), (nats / num_pixels, ", as a mean over pixels")):
                advice = density if not reduction else f"{sum_pixels}; {density}"
                words = f"{error} without its σ{reduction}"
                found.append(Ratio(ratio, ratio, words, advice))
            summed = nats * batch_size
            found.append(
                Ratio(
                    summed, summed, f"{error} without its σ, as a sum over the batch", f"{halve}; {density}"
                )
            )
    return found


def _of_kl(num_pixels: int, latent_dim: int, batch_size: int) -> list[Ratio]:
    advice = "sum the KL term over its dimensions, and average it over the batch alone"
    return [
        Ratio(1.0, 1.0),
        Ratio(1 / latent_dim, 1 / latent_dim, "a mean over dimensions", advice),
        Ratio(
            1 / num_pixels, 1 / num_pixels, "divided by the pixels", "do not divide the KL term by the pixels"
        ),
        Ratio(
            1 / (latent_dim * num_pixels),
            1 / (latent_dim * num_pixels),
            "a mean over dimensions, divided by the pixels",
            f"{advice}; do not divide it by the pixels",
        ),
        Ratio(
            float(batch_size),
            float(batch_size),
            "a sum over the batch",
            f"divide the KL term by the batch size, {batch_size}",
        ),
    ]


def _nearest(measured: float, known: list[Ratio]) -> Ratio:
    """The measured ratio as the reduction that it is nearest to, if it is near."""
    nearest = min(known, key=lambda ratio: _apart(measured / ratio.measured))
    if _apart(measured / nearest.measured) > _NEAR:
        return Ratio(measured, None)
    return Ratio(measured, nearest.exact, nearest.words, nearest.remedy)


def _apart(ratio: float) -> float:
    """By what factor a ratio is away from 1, either way."""
    return max(ratio, 1 / ratio)


def _positive(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and value > 0 else None  # type: ignore[operator, arg-type]
