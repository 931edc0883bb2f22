"""Chapter 9, why the KL: the same model trained with and without it, in seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vae.config.schema import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
from vae.data.dataset import Dataset, load_dataset
from vae.evaluation.elbo import Evaluation, evaluate
from vae.latent.aggregate_posterior import PriorGap, prior_gap
from vae.latent.embedding import Embedding, embed, prior_samples
from vae.runtime.eval_mode import evaluating
from vae.training.optimisation import Learner

#: Epochs of each of the two trainings: 1.3 thousand digits, 21 steps each.
EPOCHS = 30
#: Samples of the prior that are decoded.
NUM_SAMPLES = 16


@dataclass(frozen=True)
class Space:
    """A latent space after training.

    Attributes:
        beta: The weight of the KL.
        embedding: Posteriors of the test images.
        gap: How far the prior and the aggregate posterior are apart.
        points: Samples of the prior, ``(S, 2)``.
        samples: What the decoder makes of them, ``(S, C, H, W)``.
        test: Reconstruction, KL and ELBO of the test images.
    """

    beta: float
    embedding: Embedding
    gap: PriorGap
    points: Tensor
    samples: Tensor
    test: Evaluation


@dataclass(frozen=True)
class Compared:
    """Two trainings from the same first weights and the same batches.

    Attributes:
        without: At β = 0.
        with_kl: At the other β.
    """

    without: Space
    with_kl: Space


def compared(
    *,
    beta: float = 1.0,
    epochs: int = EPOCHS,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Compared:
    """Train a small model on scikit-learn's digits at β = 0 and at another β.

    Args:
        beta: The other β.
        epochs: Of each training.
        seed: Of the weights, the order of the images and the noise.
        progress: Told how many epochs of both trainings are done, of how many; what it raises ends the training.
    """
    dataset, done = load_dataset(DataConfig()), 0

    def ended() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, 2 * epochs)

    return Compared(_trained(dataset, 0.0, epochs, seed, ended), _trained(dataset, beta, epochs, seed, ended))


def _trained(dataset: Dataset, beta: float, epochs: int, seed: int, ended: Callable[[], None]) -> Space:
    config = RunConfig(
        model=ModelConfig(hidden=(64, 32), latent_dim=2),
        objective=ObjectiveConfig(beta=beta),
        train=TrainConfig(epochs=epochs, batch_size=64, learning_rate=3e-3, seed=seed, device="cpu"),
    )
    learner = Learner(config, dataset.info(), dataset)
    for _ in range(epochs):
        learner.order_at_epoch_start = learner.order.get_state()
        for images, labels in learner.batches():
            learner.step(dataset.pixels(images, learner.noise), labels)
        ended()
    model = learner.model
    with evaluating(model), torch.no_grad():
        embedding = embed(model, dataset)
        points, samples = prior_samples(model, NUM_SAMPLES, seed=seed)
        return Space(beta, embedding, prior_gap(embedding), points, samples, evaluate(model, dataset))
