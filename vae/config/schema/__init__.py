"""Every option of a run, declared once: the command line, the form and the saved JSON are drawn from here.

`data`, `model`, `objective` and `train` declare the options of a run's four sections, `run` holds them together, and
`data_info` describes a run's images. A configuration is frozen and checked when it is made.

Anything in `vae` may import it, by this door. Imports no torch, so that `vae --help` is quick.
"""

from __future__ import annotations

from vae.config.schema.data import DataConfig
from vae.config.schema.data_info import DataInfo
from vae.config.schema.model import MAX_AUTOREGRESSIVE_PIXELS, ModelConfig
from vae.config.schema.objective import ObjectiveConfig
from vae.config.schema.run import RunConfig
from vae.config.schema.train import MAX_SEED, TrainConfig

__all__ = [
    "MAX_AUTOREGRESSIVE_PIXELS",
    "MAX_SEED",
    "DataConfig",
    "DataInfo",
    "ModelConfig",
    "ObjectiveConfig",
    "RunConfig",
    "TrainConfig",
]
