"""What further latent dimensions would save: what the reconstructions leave of the images, beside the noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vae.diagnostics.critical_beta import is_simple
from vae.diagnostics.held_out_variance import Spectrum, noise_variance, some_of_train, spectrum
from vae.models.batches import ModelInputs, posteriors, slices
from vae.models.likelihoods import Gaussian
from vae.models.memory_budget import rows_for
from vae.runtime.eval_mode import at_rest
from vae.runtime.seeding import generator

if TYPE_CHECKING:
    from vae.data.dataset import Dataset
    from vae.models.vae import VAE


@torch.no_grad()
@at_rest
def further_dimensions(model: VAE, dataset: Dataset, *, seed: int = 0) -> Spectrum | None:
    r"""The spectrum of what a model's reconstructions leave of the training images, at most one direction for each
    latent dimension.

    To second order, a dimension that says nothing yet and is given to a direction of these residuals pays if its
    variance, in units of the noise that the likelihood expects there, is above β. z is sampled: in a model that is at
    its best, the residuals of a sample are the noise alone, whatever the widths of its posteriors.

    Args:
        model: Its decoder's pixels are independent given z.
        dataset: Its training images are measured.
        seed: Of the samples of z.

    Returns:
        None for decoders whose pixels see each other, and for likelihoods whose noise is not known.

    Source:
        Lucas et al. (2019), Don't blame the ELBO!, https://arxiv.org/abs/1911.02469, for the linear model.
    """
    if model.config.decoder != "independent" or not is_simple(model.likelihood):
        return None
    places = some_of_train(dataset)
    weight, likelihood = next(model.parameters()), model.likelihood
    rows_of_train = torch.searchsorted(dataset.places("train"), places)
    seen = ModelInputs(dataset, "train", rows_of_train, seed, device=weight.device, dtype=weight.dtype)
    mean, log_var = posteriors(model, seen, seen.labels)
    z = model.sample(mean, log_var, generator(seed, "diagnosis", mean.device))
    condition = model.condition(seen.labels, len(seen))
    residuals, curvature = [], torch.zeros(model.info.num_pixels, dtype=torch.float64)
    for some in slices(len(seen), rows_for(model)):
        pixels = seen[some]
        output = model.decoder(z[some], None if condition is None else condition[some], pixels)
        residuals.append((pixels - likelihood.mean(output)).flatten(1).cpu().double())
        if not isinstance(likelihood, Gaussian):
            curvature += noise_variance(likelihood, output).flatten(1).sum(0).cpu().double()
    rows = torch.cat(residuals)
    if isinstance(likelihood, Gaussian):
        rows /= float(likelihood.sigma)
    else:
        rows /= (curvature / len(rows)).sqrt()
    return spectrum(rows - rows.mean(0), most=model.config.latent_dim)
