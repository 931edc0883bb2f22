"""Variational autoencoders: models, training, evaluation and the run directory that keeps them.

The names below are loaded on first use, so that `import vae` and `vae --help` do not wait for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vae.config.base import ConfigError
    from vae.config.schema import DataConfig, DataInfo, ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
    from vae.data.dataset import Dataset, load_dataset
    from vae.data.types import DataError
    from vae.diagnostics.diagnose import diagnose
    from vae.diagnostics.diagnosis import Diagnosis
    from vae.errors import UserError
    from vae.evaluation.elbo import Evaluation, evaluate
    from vae.evaluation.exact_posterior import ExactPosterior, exact_posterior
    from vae.evaluation.importance import ImportanceBound, importance_bound
    from vae.experiments.sweep import sweep
    from vae.latent.embedding import Embedding, embed
    from vae.models.likelihoods import Bernoulli, ContinuousBernoulli, Gaussian, LearnedGaussian, Likelihood
    from vae.models.vae import VAE
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

#: The module of each public name.
_HOME = {
    "ArchiveError": "vae.runs.archive",
    "Bernoulli": "vae.models.likelihoods",
    "CheckpointError": "vae.storage.safetensors_header",
    "ConfigError": "vae.config.base",
    "ContinuousBernoulli": "vae.models.likelihoods",
    "DataConfig": "vae.config.schema",
    "DataError": "vae.data.types",
    "DataInfo": "vae.config.schema",
    "Dataset": "vae.data.dataset",
    "Diagnosis": "vae.diagnostics.diagnosis",
    "Embedding": "vae.latent.embedding",
    "Evaluation": "vae.evaluation.elbo",
    "ExactPosterior": "vae.evaluation.exact_posterior",
    "Gaussian": "vae.models.likelihoods",
    "ImportanceBound": "vae.evaluation.importance",
    "LearnedGaussian": "vae.models.likelihoods",
    "Learner": "vae.training.optimisation",
    "Likelihood": "vae.models.likelihoods",
    "MeanTerms": "vae.objectives.terms",
    "ModelConfig": "vae.config.schema",
    "ObjectiveConfig": "vae.config.schema",
    "Run": "vae.runs.run",
    "RunConfig": "vae.config.schema",
    "RunError": "vae.runs.naming",
    "Terms": "vae.objectives.terms",
    "TrainConfig": "vae.config.schema",
    "Trainer": "vae.training.trainer",
    "UserError": "vae.errors",
    "VAE": "vae.models.vae",
    "diagnose": "vae.diagnostics.diagnose",
    "embed": "vae.latent.embedding",
    "evaluate": "vae.evaluation.elbo",
    "exact_posterior": "vae.evaluation.exact_posterior",
    "images_of": "vae.runs.run_dataset",
    "importance_bound": "vae.evaluation.importance",
    "list_runs": "vae.runs.listing",
    "load_dataset": "vae.data.dataset",
    "load_model": "vae.runs.snapshots",
    "sweep": "vae.experiments.sweep",
    "watch": "vae.watching.watch",
}
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
    "ImportanceBound",
    "LearnedGaussian",
    "Learner",
    "Likelihood",
    "MeanTerms",
    "ModelConfig",
    "ObjectiveConfig",
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
    "sweep",
    "watch",
]


def __getattr__(name: str) -> Any:
    name = _RENAMED.get(name, name)
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'vae' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
