"""Variational autoencoders: models, training, evaluation and the run directory that keeps them.

The names below are loaded on first use, so that `import vae` and `vae --help` do not wait for torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lazy_loader

if TYPE_CHECKING:
    from vae.config.base import ConfigError
    from vae.config.schema import DataConfig, DataInfo, ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
    from vae.data.dataset import Dataset, load_dataset
    from vae.data.source import ImageSource
    from vae.data.types import DataError
    from vae.diagnostics.diagnose import diagnose
    from vae.diagnostics.diagnosis import Diagnosis
    from vae.errors import UserError
    from vae.evaluation.elbo import Evaluation, evaluate
    from vae.evaluation.exact_posterior import exact_posterior
    from vae.evaluation.importance import ImportanceBound, importance_bound
    from vae.evaluation.true_posterior import ExactPosterior
    from vae.experiments.sweep import sweep
    from vae.latent.embedding import Embedding, embed
    from vae.models.likelihoods import Bernoulli, ContinuousBernoulli, Gaussian, LearnedGaussian, Likelihood
    from vae.models.network_builder import Network
    from vae.models.priors import Prior
    from vae.models.vae import VAE
    from vae.notebook.show import show
    from vae.objectives.objective import Objective
    from vae.objectives.terms import MeanTerms, Terms
    from vae.runs.archive import ArchiveError
    from vae.runs.listing import list_runs
    from vae.runs.naming import RunError
    from vae.runs.run import Run
    from vae.runs.run_dataset import images_of
    from vae.runs.snapshots import load_model
    from vae.storage.safetensors_header import CheckpointError
    from vae.training.optimisation import Learner
    from vae.training.trainer import Trainer
    from vae.watching.watch import watch

#: Names of versions before, and their successors.
_RENAMED = {"load": "load_dataset"}

__all__ = [
    "VAE",
    "ArchiveError",
    "Bernoulli",
    "CheckpointError",
    "ConfigError",
    "ContinuousBernoulli",
    "DataConfig",
    "DataError",
    "DataInfo",
    "Dataset",
    "Diagnosis",
    "Embedding",
    "Evaluation",
    "ExactPosterior",
    "Gaussian",
    "ImageSource",
    "ImportanceBound",
    "LearnedGaussian",
    "Learner",
    "Likelihood",
    "MeanTerms",
    "ModelConfig",
    "Network",
    "Objective",
    "ObjectiveConfig",
    "Prior",
    "Run",
    "RunConfig",
    "RunError",
    "Terms",
    "TrainConfig",
    "Trainer",
    "UserError",
    "diagnose",
    "embed",
    "evaluate",
    "exact_posterior",
    "images_of",
    "importance_bound",
    "list_runs",
    "load_dataset",
    "load_model",
    "show",
    "sweep",
    "watch",
]


_lazily, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "config.base": ["ConfigError"],
        "config.schema": [
            "DataConfig",
            "DataInfo",
            "ModelConfig",
            "ObjectiveConfig",
            "RunConfig",
            "TrainConfig",
        ],
        "data.dataset": ["Dataset", "load_dataset"],
        "data.source": ["ImageSource"],
        "data.types": ["DataError"],
        "diagnostics.diagnose": ["diagnose"],
        "diagnostics.diagnosis": ["Diagnosis"],
        "errors": ["UserError"],
        "evaluation.elbo": ["Evaluation", "evaluate"],
        "evaluation.exact_posterior": ["exact_posterior"],
        "evaluation.true_posterior": ["ExactPosterior"],
        "evaluation.importance": ["ImportanceBound", "importance_bound"],
        "experiments.sweep": ["sweep"],
        "latent.embedding": ["Embedding", "embed"],
        "models.likelihoods": [
            "Bernoulli",
            "ContinuousBernoulli",
            "Gaussian",
            "LearnedGaussian",
            "Likelihood",
        ],
        "models.network_builder": ["Network"],
        "models.priors": ["Prior"],
        "models.vae": ["VAE"],
        "notebook.show": ["show"],
        "objectives.objective": ["Objective"],
        "objectives.terms": ["MeanTerms", "Terms"],
        "runs.archive": ["ArchiveError"],
        "runs.listing": ["list_runs"],
        "runs.naming": ["RunError"],
        "runs.run": ["Run"],
        "runs.run_dataset": ["images_of"],
        "runs.snapshots": ["load_model"],
        "storage.safetensors_header": ["CheckpointError"],
        "training.optimisation": ["Learner"],
        "training.trainer": ["Trainer"],
        "watching.watch": ["watch"],
    },
)


def __getattr__(name: str) -> Any:
    return _lazily(_RENAMED.get(name, name))
