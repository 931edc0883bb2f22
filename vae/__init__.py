"""Variational autoencoders: models, training, evaluation and the run directory that keeps them.

The names below are loaded on first use, so that `import vae` and `vae --help` do not wait for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vae.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
    from vae.data import Dataset, load
    from vae.diagnostics import diagnose
    from vae.engine import Trainer
    from vae.errors import UserError
    from vae.evaluation import evaluate
    from vae.model import VAE
    from vae.objective import Terms
    from vae.run_images import images_of
    from vae.runs import Run
    from vae.watching import watch

_HOME = {
    "DataConfig": "vae.config",
    "ModelConfig": "vae.config",
    "ObjectiveConfig": "vae.config",
    "TrainConfig": "vae.config",
    "RunConfig": "vae.config",
    "Dataset": "vae.data",
    "load": "vae.data",
    "VAE": "vae.model",
    "Terms": "vae.objective",
    "Trainer": "vae.engine",
    "UserError": "vae.errors",
    "diagnose": "vae.diagnostics",
    "images_of": "vae.run_images",
    "evaluate": "vae.evaluation",
    "Run": "vae.runs",
    "watch": "vae.watching",
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
