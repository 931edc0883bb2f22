"""Variational autoencoders: models, training, evaluation and the run directory that keeps them.

The names below are loaded on first use, so that `import vae` and `vae --help` do not wait for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vae.config.schema import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
    from vae.data.dataset import Dataset, load
    from vae.diagnostics.diagnose import diagnose
    from vae.errors import UserError
    from vae.evaluation.elbo import evaluate
    from vae.models.vae import VAE
    from vae.objectives.terms import Terms
    from vae.runs.run import Run
    from vae.runs.run_dataset import images_of
    from vae.training.trainer import Trainer
    from vae.watching.watch import watch

_HOME = {
    "DataConfig": "vae.config.schema",
    "ModelConfig": "vae.config.schema",
    "ObjectiveConfig": "vae.config.schema",
    "TrainConfig": "vae.config.schema",
    "RunConfig": "vae.config.schema",
    "Dataset": "vae.data.dataset",
    "load": "vae.data.dataset",
    "VAE": "vae.models.vae",
    "Terms": "vae.objectives.terms",
    "Trainer": "vae.training.trainer",
    "UserError": "vae.errors",
    "diagnose": "vae.diagnostics.diagnose",
    "images_of": "vae.runs.run_dataset",
    "evaluate": "vae.evaluation.elbo",
    "Run": "vae.runs.listing",
    "watch": "vae.watching.watch",
}

__all__ = [
    "VAE",
    "DataConfig",
    "Dataset",
    "ModelConfig",
    "ObjectiveConfig",
    "Run",
    "RunConfig",
    "Terms",
    "TrainConfig",
    "Trainer",
    "UserError",
    "diagnose",
    "evaluate",
    "images_of",
    "load",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'vae' has no attribute {name!r}")
