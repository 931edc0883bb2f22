"""What became of each latent dimension, and of the model as a whole: the numbers behind a verdict on collapse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vae.data import Dataset, Part
from vae.diagnosable import check_asked
from vae.enough import ENOUGH
from vae.errors import UserError
from vae.evaluation import check_finite
from vae.findings import Verdict
from vae.ignorance import ignorance
from vae.information import Information, information
from vae.latent import Embedding, ranges, rate_order
from vae.likelihoods import Gaussian
from vae.lines import Line
from vae.loop_scale import LoopScale, loop_scale
from vae.memory import rows_for
from vae.minibatches import Seen, log_probs, posteriors, slices
from vae.model import VAE, At
from vae.modes import at_rest
from vae.objective import rate_per_dim
from vae.randomness import generator
from vae.units import beta_of_sigma
from vae.usage import Rise, Usage, derangement, permuted_rise, usage
from vae.verdicts import decide

if TYPE_CHECKING:
    from vae.config import RunConfig
    from vae.runs import Run

#: Variance of the posterior mean over images above which a dimension counts as active.
ACTIVE_THRESHOLD = 0.01
#: Images that `diagnose` looks at, at most: more would make its mixture of all posteriors slow.
NUM_IMAGES = 2000


def active_variance(mean: Tensor) -> Tensor:
    """Variance over images of the posterior mean ``(N, D)``, shape ``(D,)``; 0 for fewer than two images."""
    if len(mean) < 2:
        return torch.zeros(mean.shape[1], dtype=torch.float64)
    return mean.cpu().double().var(0)  # MPS has no double precision


def active_units(mean: Tensor, threshold: float = ACTIVE_THRESHOLD) -> Tensor:
    """Which latent dimensions carry something: the variance over images of the posterior mean exceeds the threshold.

    Args:
        mean: Posterior means of a set of images, shape ``(N, D)``.
        threshold: A variance; the prior's is 1.

    Returns:
        Booleans, shape ``(D,)``; none is active for fewer than two images.

    Source:
        Burda, Grosse & Salakhutdinov (2016), section 5, https://arxiv.org/abs/1509.00519
    """
    return active_variance(mean) > threshold


@dataclass(frozen=True)
class Dimension:
    """One latent dimension over a set of images.

    Attributes:
        index: From 0.
        rate: KL of this dimension, the mean over the images, nats per example.
        low, high: Where the aggregate posterior lies, see `vae.latent.ranges`.
        active: By `active_units`.
    """

    index: int
    rate: float
    low: float
    high: float
    active: bool


def dimensions(embedding: Embedding) -> list[Dimension]:
    """Every latent dimension, the largest rate first."""
    rates = rate_per_dim(embedding.mean, embedding.log_var).cpu().double().mean(0)
    active, bounds = active_units(embedding.mean), ranges(embedding.mean, embedding.log_var)
    return [
        Dimension(index, float(rates[index]), *bounds[index], bool(active[index]))
        for index in rate_order(rates)
    ]


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
        ignorant_distortion: Of the best decoder that ignores z, see `vae.ignorance`; None where pixels see each other.
        critical_beta: Above it a linear model of independent pixels collapses, see `vae.ignorance`; or None.
        num_paying: Dimensions that a linear model would use at β = 1, see `vae.ignorance`; or None.
        decoder_sigma: Standard deviation of a Gaussian likelihood; None for others.
        sigma_is_learned: Whether training fits it.
        residual: For a Gaussian likelihood: root mean squared difference between an image and its reconstruction from a
            sample of z, which is the σ that would fit; None for others.
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
        """The β that the Gaussian likelihood's σ amounts to, see `vae.units.beta_of_sigma`; None for others."""
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
            f"I(x; z)        {'≥ ' if found.saturated else ''}{_hundredths(found.mutual_information)}, "
            f"marginal KL {'≤ ' if found.saturated else ''}{_hundredths(found.marginal_kl)} "
            f"(N = {found.num_examples:,}, cap log N = {found.cap:.2f})",
        ]
        if found.caution:
            lines.append(f"  {found.caution}")
        for finding in self.findings:
            lines += [f"{finding.title} ({finding.name})", f"  {finding.sentence}"]
            lines += [f"  {evidence}" for evidence in finding.evidence]
            if finding.remedies:
                lines.append(f"  try: {'; '.join(finding.remedies)}")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        values = {**asdict(self), "rate": self.rate, "elbo": self.elbo, "active": list(self.active)}
        values |= {"num_active": self.num_active, "sigma_beta": self.sigma_beta}
        del values["findings"]
        values["information"] = self.information.to_dict()
        findings = [finding.to_dict() for finding in self.findings]
        return {**values, "verdict": findings[0] if findings else None, "remarks": findings[1:]}


def _hundredths(nats: float) -> str:
    """Two decimals, without a minus before what they round to nothing."""
    return f"{round(nats, 2) + 0.0:.2f}"


def diagnose(
    target: Run | VAE | Path | str,
    dataset: Dataset | None = None,
    *,
    at: At = "last",
    part: Part | None = None,
    num_images: int = NUM_IMAGES,
    seed: int = 0,
    config: RunConfig | None = None,
    history: Sequence[Line] = (),
    path: Path | None = None,
    root: Path | None = None,
) -> Diagnosis:
    """Measure a model's latent space and say what is wrong with it, if anything is.

    Args:
        target: A run, or its folder: its configuration and history count too. Or a model.
        dataset: The images; of a run they are loaded if they are not given.
        at: For a run: which weights. The last ones are what training came to.
        part: Of the data; without it, the validation part, or the test part if that is larger and the validation part
            has fewer than 50 images.
        num_images: The first so many of the part are taken, at least 2.
        seed: Of all noise: one seed, one diagnosis.
        config: For a model: how it was trained.
        history: For a model: lines of its training, see `vae.lines`.
        path: For a run: the user's own file or folder of images, if it is not where the run had it.
        root: For a run: the folder of downloaded sets, likewise.

    Raises:
        UserError: If there are fewer than two images, or they are not on this machine, or the run has no weights, or
            what they compute is not finite, or an argument is none of those that there are.
    """
    from vae.history import standing_of_beta

    check_asked(target, at, part, num_images)
    if isinstance(target, VAE):
        model = target
        if dataset is None:
            raise UserError("images must be given to diagnose a model, got none; pass vae.load(DataConfig())")
    else:
        from vae.history import history_until
        from vae.resume import images_of
        from vae.runs import Run
        from vae.snapshots import load_model

        run = Run.open(Path(target)) if isinstance(target, str | Path) else target
        model, config = load_model(run, at), run.config
        dataset = images_of(run, path=path, root=root) if dataset is None else dataset
        history = history_until(run, at)
    few = len(dataset.validation) < min(ENOUGH, len(dataset.test))
    chosen: Part = part or ("test" if few else "validation")
    measured = measure(model, dataset, chosen, num_images=num_images, seed=seed)
    betas = [line["beta"] for line in history if "split" in line]
    beta = betas[-1] if betas else None
    if config is not None:
        beta = (
            standing_of_beta(config, history, model.info.num_train).value if betas else config.objective.beta
        )
    scale = loop_scale(
        history,
        1.0 if beta is None else beta,
        measured.num_pixels,
        measured.latent_dim,
        measured.decoder_sigma,
    )
    measured = replace(measured, beta=beta, scale=scale)
    return replace(measured, findings=decide(measured, config, history))


@torch.no_grad()
@at_rest
def measure(
    model: VAE, dataset: Dataset, part: Part, *, num_images: int = NUM_IMAGES, seed: int = 0
) -> Diagnosis:
    """The numbers of a diagnosis, without its findings; see `diagnose`."""
    rows = torch.arange(min(num_images, len(dataset.places(part))))
    if len(rows) < 2:
        raise UserError(
            f"a diagnosis needs at least 2 images, got {len(rows)} of the {part} part; choose another part"
        )
    seen = Seen.by(model, dataset, part, rows, seed)
    x, y = seen.held(), seen.labels
    mean, log_var = posteriors(model, x, y)
    rates = rate_per_dim(mean, log_var)
    check_finite("the posteriors' means", mean)
    check_finite("the rates", rates)
    z = model.sample(mean, log_var, generator(seed, "evaluation", mean.device))
    condition = model.condition(y, len(x))
    likelihood = model.likelihood
    distortion, squares = [], []
    for some in slices(len(x), rows_for(model)):
        pixels, own = x[some], None if condition is None else condition[some]
        distortion.append(-model.log_prob(z[some], pixels, own).cpu().double())
        if isinstance(likelihood, Gaussian):
            squares.append((model.decode(z[some], own) - pixels).cpu().double().square().flatten(1).mean(1))
    distortions = torch.cat(distortion)
    check_finite("the distortions", distortions)
    used = usage(model, x, z, y, seed=seed)
    check_finite(
        "the use of z", torch.tensor([used.response, *(rise.nats for rise in (used.all, *used.per_dim))])
    )
    is_independent = model.config.decoder == "independent"
    conditional = model.num_conditions > 0
    alone = ignorance(likelihood, dataset, x, y, conditional=conditional) if is_independent else None
    variance = active_variance(mean)
    log_var = log_var.cpu().double()
    spread = (variance + torch.exp(log_var).mean(0)).sqrt()
    return Diagnosis(
        part=part,
        num_images=len(x),
        seed=seed,
        latent_dim=mean.shape[1],
        num_pixels=model.info.num_pixels,
        conditional=conditional,
        beta=None,
        distortion=float(distortions.mean()),
        rate_per_dim=tuple(rates.cpu().double().mean(0).tolist()),
        active_threshold=ACTIVE_THRESHOLD,
        active_variance=tuple(variance.tolist()),
        sigma_per_dim=tuple(torch.exp(0.5 * log_var).mean(0).tolist()),
        spread_per_dim=tuple(spread.tolist()),
        information=information(mean.cpu(), log_var, seed=seed),
        usage=used,
        mean_per_dim=tuple(mean.cpu().double().mean(0).tolist()),
        ignorant_distortion=None if alone is None else alone.distortion,
        critical_beta=None if alone is None else alone.critical_beta,
        num_paying=None if alone is None else alone.num_paying,
        decoder_sigma=float(likelihood.sigma) if isinstance(likelihood, Gaussian) else None,
        sigma_is_learned=model.config.likelihood == "gaussian-learned",
        residual=float(torch.cat(squares).mean().sqrt()) if squares else None,
    )


@torch.no_grad()
@at_rest
def live_numbers(model: VAE, x: Tensor | Seen, y: Tensor | None, *, seed: int = 0) -> dict[str, float]:
    """The few numbers that a trainer writes down at each evaluation; a number that is not finite is left out.

    Args:
        model: The model being trained; nothing of it, and no random state, is changed.
        x: Pixels of a few hundred fixed images, shape ``(N, C, H, W)``.
        y: Their labels, for a conditional model.
        seed: Of the noise; the same at each evaluation, so that only the model moves the numbers.

    Returns:
        ``active_units``, ``mutual_information``, ``marginal_kl`` and ``permuted_rise`` (of the distortion, with all of
        z from another image), nats; empty for fewer than two images.
    """
    if len(x) < 2:
        return {}
    draw = generator(seed, "diagnosis")
    mean, log_var = posteriors(model, x, y)
    noise = torch.randn(mean.shape, generator=draw).to(mean)
    z = mean + torch.exp(0.5 * log_var) * noise
    condition = model.condition(y, len(x))
    log_prob = log_probs(model, z, x, condition)
    order = derangement(len(x), draw).to(z.device)
    rise = Rise.of(permuted_rise(model, z, x, condition, log_prob, order))
    found = information(mean, log_var, seed=seed)
    numbers = {
        "active_units": int(active_units(mean).sum()),
        "mutual_information": found.mutual_information,
        "marginal_kl": found.marginal_kl,
        "permuted_rise": rise.nats,
    }
    return {name: value for name, value in numbers.items() if math.isfinite(value)}
