"""Options of a whole run: those of its four sections."""

from __future__ import annotations

from vae.config.base import Config
from vae.config.schema.data import DataConfig
from vae.config.schema.model import ModelConfig
from vae.config.schema.objective import ObjectiveConfig
from vae.config.schema.train import TrainConfig


class RunConfig(Config):
    """All that makes a run what it is."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    train: TrainConfig = TrainConfig()
