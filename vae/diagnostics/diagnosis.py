"""What was measured of a model's latent space, and what it means: plain data, which the rules and the pages read."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from vae.data.dataset import Part
from vae.diagnostics.dead_layers import DeadLayer
from vae.diagnostics.findings import Verdict
from vae.diagnostics.held_out_variance import Spectrum
from vae.diagnostics.measurements import Measured
from vae.diagnostics.mutual_information import Information
from vae.diagnostics.permutation import Rise, Usage
from vae.diagnostics.training_state import Training
from vae.diagnostics.watched_loops.loss_scale import LoopScale
from vae.objectives.effective_beta import beta_of_sigma
from vae.runtime import html
from vae.storage.finite import json_value


@dataclass(frozen=True)
class Diagnosis:
    """What a model's latent space does, in nats per example, over a stated set of images.

    Attributes:
        part: Which part of the data the images are of.
        num_images: How many, from its beginning.
        seed: Of all noise.
        latent_dim: Latent dimensions.
        num_pixels: Values per image.
        conditional: Whether the networks get the class.
        beta: In force at these weights, if it is known.
        distortion: Mean of −log p(x|z), one sample of z for each image.
        rate_per_dim: Mean KL of each dimension.
        active_threshold: See `active_units`.
        active_variance: Variance over the images of each dimension's posterior mean.
        sigma_per_dim: Mean over the images of each dimension's posterior standard deviation; the prior's is 1.
        spread_per_dim: Standard deviation of each dimension of the aggregate posterior; the prior's is 1.
        information: Mutual information and marginal KL.
        usage: Whether the decoder uses z and the condition.
        mean_per_dim: Mean of each dimension of the aggregate posterior; the prior's is 0.
        ignorant_distortion: Of the best decoder that ignores z, see `vae.diagnostics.critical_beta`; None where pixels
            see each other.
        critical_beta: Above it a linear model of independent pixels collapses, see `vae.diagnostics.critical_beta`; or
            None.
        num_paying: Dimensions that a linear model would use at β = 1, see `vae.diagnostics.critical_beta`; or None.
        decoder_sigma: Standard deviation of a Gaussian likelihood; None for others.
        sigma_is_learned: Whether training fits it.
        residual: For a Gaussian likelihood: root mean squared difference between an image and its reconstruction from a
            sample of z, which is the σ that would fit; None for others.
        gain: By how much distortion and rate together are smaller than the distortion of the best decoder that ignores
            z; None where that is not known.
        class_gain: For a conditional model: by how much the best picture for each class is better than one for all.
        is_empty: Whether the images (of a class, for a conditional model) hold nothing that pays for its rate at β = 1,
            by a linear model; None if they are too few to know.
        distortion_at_mean: As ``distortion``, with z the posterior's mean in the place of a sample.
        further: What further dimensions would find in what the reconstructions leave, see
            `vae.diagnostics.further_dimensions`.
        dead: A layer of a network that says nothing whatever goes in, see `vae.diagnostics.dead_layers`.
        measurements: What the user's own measurements came to.
        prior_mean, prior_spread: Mean and standard deviation of each dimension of a prior that is not the standard
            normal; empty for that.
        training: How the training of these weights stands; None for a model without a run.
        scale: How the terms of a watched loop compare with ours; None for a run that was trained here.
        findings: What it means, the verdict first, then remarks.
    """

    part: Part
    num_images: int
    seed: int
    latent_dim: int
    num_pixels: int
    conditional: bool
    beta: float | None
    distortion: float
    rate_per_dim: tuple[float, ...]
    active_threshold: float
    active_variance: tuple[float, ...]
    sigma_per_dim: tuple[float, ...]
    spread_per_dim: tuple[float, ...]
    information: Information
    usage: Usage
    mean_per_dim: tuple[float, ...] = ()
    ignorant_distortion: float | None = None
    critical_beta: float | None = None
    num_paying: int | None = None
    decoder_sigma: float | None = None
    sigma_is_learned: bool = False
    residual: float | None = None
    gain: Rise | None = None
    class_gain: Rise | None = None
    is_empty: bool | None = None
    distortion_at_mean: float | None = None
    further: Spectrum | None = None
    dead: DeadLayer | None = None
    measurements: tuple[Measured, ...] = ()
    prior_mean: tuple[float, ...] = ()
    prior_spread: tuple[float, ...] = ()
    training: Training | None = None
    scale: LoopScale | None = None
    findings: tuple[Verdict, ...] = ()

    @property
    def rate(self) -> float:
        """Mean of KL(q(z|x) ‖ p(z)), exact, never clamped."""
        return math.fsum(self.rate_per_dim)

    @property
    def elbo(self) -> float:
        """Mean of −(distortion + rate), at β = 1."""
        return -(self.distortion + self.rate)

    @property
    def active(self) -> tuple[bool, ...]:
        """Which dimensions are active."""
        return tuple(variance > self.active_threshold for variance in self.active_variance)

    @property
    def num_active(self) -> int:
        """How many are."""
        return sum(self.active)

    @property
    def sigma_beta(self) -> float | None:
        """The β that the Gaussian likelihood's σ amounts to (`vae.objectives.effective_beta`); None for others."""
        if self.decoder_sigma is None or self.residual is None:
            return None
        return beta_of_sigma(self.decoder_sigma, self.residual)

    @property
    def verdict(self) -> Verdict:
        """The main finding."""
        return self.findings[0]

    @property
    def remarks(self) -> tuple[Verdict, ...]:
        """Whatever else was found."""
        return self.findings[1:]

    def lines(self) -> list[str]:
        """The findings in words, as lines of text."""
        found = self.information
        lines = [
            f"active units   {self.num_active} of {self.latent_dim} (variance of the posterior mean > "
            f"{self.active_threshold:g}, {self.num_images:,} images of the {self.part} part)",
            f"I(x; z)        {'≥ ' if found.saturated else ''}{_hundredths(found.mutual_information)}, marginal "
            f"KL {'≤ ' if found.saturated else ''}{_hundredths(found.marginal_kl)} (N = {found.num_examples:,}, "
            f"limit log N = {found.cap:.2f})",
        ]
        if found.caution:
            lines.append(f"  {found.caution}")
        lines += [measured.line() for measured in self.measurements]
        for finding in self.findings:
            lines += [f"{finding.title} ({finding.name})", f"  {finding.sentence}"]
            lines += [f"  {evidence}" for evidence in finding.evidence]
            if finding.remedies:
                lines.append(f"  try: {'; '.join(finding.remedies)}")
        return lines

    def _repr_html_(self) -> str:
        """The verdict, why, and what to try, then the numbers, in a notebook."""
        parts = [
            part
            for number, finding in enumerate(self.findings)
            for part in finding.paragraphs(f"{finding.title}." if number else "")
        ]
        rows = {
            "ELBO": html.nats(self.elbo),
            "distortion": f"{self.distortion:,.2f} nats",
            "KL (rate)": f"{self.rate:,.2f} nats",
            "active units": f"{self.num_active} of {self.latent_dim}",
            "images": f"{self.num_images:,} of the {self.part} part",
        }
        title = self.verdict.title if self.findings else "No finding"
        return html.card(f"Diagnosis: {title}", *parts, html.table(rows))

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values; null where a number is not finite."""
        values = {**asdict(self), "rate": self.rate, "elbo": self.elbo, "active": list(self.active)}
        values |= {"num_active": self.num_active, "sigma_beta": self.sigma_beta}
        del values["findings"]
        for name in ("measurements", "prior_mean", "prior_spread"):
            if not values[name]:
                del values[name]
        values["information"] = self.information.to_dict()
        findings = [finding.to_dict() for finding in self.findings]
        values |= {"verdict": findings[0] if findings else None, "remarks": findings[1:]}
        told: dict[str, Any] = json_value(values)
        return told


def _hundredths(nats: float) -> str:
    """Two decimals, without a minus before what they round to nothing."""
    return f"{round(nats, 2) + 0.0:.2f}"
