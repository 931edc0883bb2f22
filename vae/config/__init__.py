"""Every option of a run: `schema` declares each once, `checks` says what has no effect, `diff` what differs.

The lowest floor beside `storage` and `runtime`: anything in `vae` may import it. Imports no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from vae.config.base import Config, ConfigError, option
    from vae.config.checks import warnings
    from vae.config.reading import Reading
    from vae.config.schema import DataConfig, DataInfo, ModelConfig, ObjectiveConfig, RunConfig, TrainConfig

__all__ = [
    "Config",
    "ConfigError",
    "DataConfig",
    "DataInfo",
    "ModelConfig",
    "ObjectiveConfig",
    "Reading",
    "RunConfig",
    "TrainConfig",
    "option",
    "warnings",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["Config", "ConfigError", "option"],
        "checks": ["warnings"],
        "reading": ["Reading"],
        "schema": ["DataConfig", "DataInfo", "ModelConfig", "ObjectiveConfig", "RunConfig", "TrainConfig"],
    },
)
