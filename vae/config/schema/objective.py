"""Options of the objective: the weight of the KL (rate), its schedule, free bits and capacity."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, model_validator

from vae.config.base import Config, option, rule
from vae.config.own_options import own_options, with_own_options
from vae.config.registries import BETA_VAE, OBJECTIVES


class ObjectiveConfig(Config):
    """The weight of the rate, how it changes during training, and what holds the rate up."""

    name: Annotated[str, AfterValidator(OBJECTIVES.check)] = option(
        BETA_VAE,
        "What training lowers: reconstruction plus what the KL costs, or an objective that you registered.",
        label="Objective",
        advanced=True,
        registry="objective",
        exclude_if=lambda value: value == BETA_VAE,
    )
    options: Any = own_options("name")
    beta: float = option(
        1.0,
        "Weight of the KL (rate), in nats per example; 1 is the ELBO.",
        label="β",
        remedy="use 0 to drop the KL term",
        ge=0,
        le=10_000,
    )
    schedule: Literal["constant", "linear", "sigmoid", "cyclical"] = option(
        "constant",
        "How beta reaches its value: at once, by a linear or S-shaped warm-up, or in cycles.",
        label="β schedule",
    )
    warmup_epochs: float = option(
        10.0,
        "Epochs from 0 to beta, for the schedules linear and sigmoid.",
        label="Warm-up epochs",
        remedy="use a part of the training's epochs, for example 10",
        gt=0,
        advanced=True,
    )
    cycle_epochs: float = option(
        10.0,
        "Epochs of one cycle (first half rising, second half at beta), for the cyclical schedule.",
        label="Cycle epochs",
        remedy="use a part of the training's epochs, for example 10",
        gt=0,
        advanced=True,
    )
    free_bits: float = option(
        0.0,
        "Nats of KL (rate) that cost nothing, so that nothing pushes the batch mean below them; 0 is none.",
        label="Free bits (nats)",
        remedy="use 0 for none, or for example 0.5 per dimension",
        ge=0,
        le=10_000,
        advanced=True,
    )
    free_bits_per: Literal["dimension", "total"] = option(
        "dimension",
        "Whether each latent dimension has so many free bits, or all of them together.",
        label="Free bits per",
        advanced=True,
    )
    capacity: float = option(
        0.0,
        "Nats that the KL (rate) is pulled to, from either side, with weight beta; 0 is none.",
        label="Capacity (nats)",
        remedy="use 0 for none, or for example 25",
        ge=0,
        le=10_000,
        advanced=True,
    )
    capacity_epochs: float = option(
        10.0,
        "Epochs in which the target of the KL (rate) rises linearly from 0 to the capacity.",
        label="Capacity epochs",
        remedy="use a part of the training's epochs, for example 10",
        gt=0,
        advanced=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _own_options(cls, values: Any) -> Any:
        return with_own_options(cls, values)

    @model_validator(mode="after")
    def _one_hold_on_the_rate(self) -> Self:
        if self.free_bits and self.capacity:
            raise rule(
                f"free_bits must be 0 where there is a capacity, got free_bits = {self.free_bits:g} and capacity = "
                f"{self.capacity:g}; use one of them"
            )
        return self
