"""What became of each latent dimension, and of the model as a whole: the numbers behind a verdict on collapse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vae.data.dataset import Dataset, Part
from vae.diagnostics.diagnosable import check_asked
from vae.diagnostics.diagnosis import Diagnosis
from vae.diagnostics.measure import NUM_IMAGES, measure
from vae.diagnostics.mutual_information import information
from vae.diagnostics.permutation import Rise, derangement, permuted_rise
from vae.diagnostics.rules.verdicts import decide
from vae.diagnostics.sample_size import ENOUGH
from vae.diagnostics.training_state import Training
from vae.diagnostics.watched_loops.loss_scale import loop_scale
from vae.errors import UserError
from vae.latent.embedding import Embedding, ranges, rate_order
from vae.models.batches import ModelInputs, log_probs, posteriors
from vae.models.posterior_statistics import active_units
from vae.models.priors import Prior, StandardNormal
from vae.models.vae import VAE, At
from vae.runs.metric_lines import Line
from vae.runtime.eval_mode import at_rest
from vae.runtime.seeding import generator

if TYPE_CHECKING:
    from vae.config.schema import RunConfig
    from vae.runs.run import Run


@dataclass(frozen=True)
class Dimension:
    """One latent dimension over a set of images.

    Attributes:
        index: From 0.
        rate: KL of this dimension, the mean over the images, nats per example.
        low, high: Where the aggregate posterior lies, see `vae.latent.embedding.ranges`.
        active: By `active_units`.
    """

    index: int
    rate: float
    low: float
    high: float
    active: bool


def dimensions(embedding: Embedding, prior: Prior | None = None) -> list[Dimension]:
    """Every latent dimension, the largest rate first; the prior is the standard normal unless another is given."""
    prior = StandardNormal(embedding.mean.shape[1]) if prior is None else prior
    rates = prior.rate_per_dim(embedding.mean, embedding.log_var).cpu().double().mean(0)
    active, bounds = active_units(embedding.mean), ranges(embedding.mean, embedding.log_var)
    return [
        Dimension(index, float(rates[index]), *bounds[index], bool(active[index]))
        for index in rate_order(rates)
    ]


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
    """Measure a model's latent space, in nats per example, and say what is wrong with it, if anything is.

    Args:
        target: A run, or its folder: its configuration and history count too. Or a model.
        dataset: The images; of a run they are loaded if they are not given.
        at: For a run: which weights. The last ones are what training came to.
        part: Of the data; without it, the validation part, or the test part if that is larger and the validation part
            has fewer than 50 images.
        num_images: The first so many of the part are taken, at least 2.
        seed: Of all noise: one seed, one diagnosis.
        config: For a model: how it was trained.
        history: For a model: lines of its training, see `vae.runs.metric_lines`.
        path: For a run: the user's own file or folder of images, if it is not where the run had it.
        root: For a run: the folder of downloaded sets, likewise.

    Raises:
        UserError: If there are fewer than two images, or they are not on this machine, or the run has no weights, or
            what they compute is not finite, or an argument is none of those that there are.

    Source:
        Active units: Burda, Grosse & Salakhutdinov (2016), https://arxiv.org/abs/1509.00519. Mutual information and
        marginal KL: Hoffman & Johnson (2016). Collapse and encoder lag: He et al. (2019), https://arxiv.org/abs/1901.05534
    """
    from vae.runs.history import standing_of_beta

    check_asked(target, at, part, num_images)
    training = None
    if isinstance(target, VAE):
        model = target
        if dataset is None:
            raise UserError(
                "images must be given to diagnose a model, got none; pass vae.load_dataset(DataConfig())"
            )
    else:
        from vae.runs.history import history_until
        from vae.runs.run import Run
        from vae.runs.run_dataset import images_of
        from vae.runs.snapshots import load_model

        run = Run.open(Path(target)) if isinstance(target, str | Path) else target
        model, config = load_model(run, at), run.config
        dataset = images_of(run, path=path, root=root) if dataset is None else dataset
        history = history_until(run, at)
        training = Training.of(run, at, history)
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
    measured = replace(measured, beta=beta, scale=scale, training=training)
    return replace(measured, findings=decide(measured, config, history))


@torch.no_grad()
@at_rest
def live_numbers(model: VAE, x: Tensor | ModelInputs, y: Tensor | None, *, seed: int = 0) -> dict[str, float]:
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
    found = information(mean, log_var, seed=seed, prior=model.prior)
    numbers = {
        "active_units": int(active_units(mean).sum()),
        "mutual_information": found.mutual_information,
        "marginal_kl": found.marginal_kl,
        "permuted_rise": rise.nats,
    }
    return {name: value for name, value in numbers.items() if math.isfinite(value)}
