"""The numbers of a diagnosis: what a model's posteriors and its decoder do with the images of a part."""

from __future__ import annotations

import torch
from torch import Tensor

from vae.data.dataset import Dataset, Part
from vae.diagnostics.critical_beta import is_simple, no_latent_baseline
from vae.diagnostics.dead_layers import dead_layer
from vae.diagnostics.diagnosis import Diagnosis
from vae.diagnostics.further_dimensions import further_dimensions
from vae.diagnostics.measurements import Examined, measurements
from vae.diagnostics.mutual_information import information
from vae.diagnostics.permutation import Rise, usage
from vae.errors import UserError
from vae.models.batches import ModelInputs, log_probs, posteriors, slices
from vae.models.likelihoods import Gaussian
from vae.models.memory_budget import rows_for
from vae.models.posterior_statistics import ACTIVE_THRESHOLD, active_variance
from vae.models.priors import Prior, StandardNormal
from vae.models.vae import VAE
from vae.runtime.eval_mode import at_rest
from vae.runtime.seeding import generator
from vae.storage.finite_tensors import check_finite

#: Samples of a user's prior that its mean and spread are of.
_NUM_OF_PRIOR = 10_000
#: Images that are looked at, at most: more would make the mixture of all posteriors slow.
NUM_IMAGES = 2000


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
    seen = ModelInputs.by(model, dataset, part, rows, seed)
    x, y = seen.held(), seen.labels
    mean, log_var = posteriors(model, x, y)
    rates = model.prior.rate_per_dim(mean, log_var)
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
    known = None
    if is_simple(likelihood):
        known = no_latent_baseline(likelihood, dataset, x, y, conditional=conditional)
    alone = known if is_independent else None  # of one whose pixels see each other, nobody knows the best
    at_mean = log_probs(model, mean, x, condition).cpu().double().mean().neg()
    variance = active_variance(mean)
    posterior_log_var, log_var = log_var, log_var.cpu().double()
    spread = (variance + torch.exp(log_var).mean(0)).sqrt()
    prior_mean, prior_spread = _moments(model.prior)
    examined = Examined(model, dataset, part, x, y, mean, posterior_log_var, z, seen.index, seed)
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
        information=information(mean.cpu(), log_var, seed=seed, prior=model.prior),
        usage=used,
        mean_per_dim=tuple(mean.cpu().double().mean(0).tolist()),
        ignorant_distortion=None if alone is None else alone.distortion,
        critical_beta=None if alone is None else alone.critical_beta,
        num_paying=None if alone is None else alone.num_paying,
        decoder_sigma=float(likelihood.sigma) if isinstance(likelihood, Gaussian) else None,
        sigma_is_learned=model.config.likelihood == "gaussian-learned",
        residual=float(torch.cat(squares).mean().sqrt()) if squares else None,
        gain=None
        if alone is None
        else Rise.of(alone.distortions - distortions - rates.sum(1).cpu().double()),
        class_gain=None
        if known is None or known.without_class is None
        else Rise.of(known.without_class - known.distortions),
        is_empty=None if known is None else known.is_empty,
        distortion_at_mean=float(at_mean),
        further=further_dimensions(model, dataset, seed=seed),
        dead=dead_layer(model, x, y, mean, log_var) if _differ(x) else None,
        measurements=measurements(examined),
        prior_mean=prior_mean,
        prior_spread=prior_spread,
    )


def _moments(prior: Prior) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and spread of each dimension of a user's prior, from samples; nothing for the standard normal."""
    if isinstance(prior, StandardNormal):
        return (), ()
    points = prior.exact().sample(_NUM_OF_PRIOR, generator(0, "prior")).cpu().double()
    return tuple(points.mean(0).tolist()), tuple(points.std(0).tolist())


def _differ(x: Tensor | ModelInputs) -> bool:
    """Whether at least two of the images differ."""
    first = x[:1]
    return any(bool((x[start : start + 1] != first).any()) for start in range(1, len(x)))
