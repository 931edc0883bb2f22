"""Exact resume: the run's images, weights, optimiser, random states and position."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from vae.config.base import Config, ConfigError
from vae.config.schema import RunConfig
from vae.objectives.schedules import StepSettings, settings_of_last_step
from vae.runs.naming import RunError
from vae.runs.run import Run
from vae.storage.confined import is_there
from vae.storage.safetensors_header import CheckpointError
from vae.storage.safetensors_io import check_shapes, load
from vae.training.adam import numbered
from vae.training.position import Position

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")
_REMEDY = "start a new run with its configuration"


class ResumePoint(Config):
    """Where training stood at a checkpoint, checked when it is read: a run may come from somebody else."""

    epochs: int = Field(ge=0)
    batch: int = Field(ge=0)
    #: Epochs done at the last evaluation on the validation part.
    evaluated_epochs: int = Field(ge=0)
    seconds: float = Field(ge=0)
    best_elbo: float | None
    best_step: int | None = Field(ge=0)
    #: Step of the newest snapshot, -1 before there is one; older versions did not keep it.
    newest_snapshot: int | None = Field(None, ge=-1)
    beta_by_hand: float | None = Field(ge=0)
    #: What the last step was taken with, see `vae.objectives.schedules.StepSettings`; older versions did not keep it.
    beta: float | None = Field(None, ge=0)
    capacity: float | None = Field(None, ge=0)
    learning_rate: float | None = Field(None, ge=0)
    metrics_offset: int = Field(ge=0)

    @classmethod
    def of(cls, state: dict[str, Any], position: Position) -> ResumePoint:
        """The point that a checkpoint's state names, in a training that counts as `position` does.

        Raises:
            CheckpointError: If something is missing, impossible, or beyond the end of an epoch.
        """
        try:
            point = cls.from_dict(state)
        except ConfigError as error:
            raise CheckpointError(
                f"the last checkpoint does not say where it stands: {error}; {_REMEDY}"
            ) from None
        if point.batch >= position.batches_per_epoch:
            raise CheckpointError(
                f"the last checkpoint must stand at one of the {position.batches_per_epoch} batches of an epoch, got "
                f"{point.batch}; {_REMEDY}"
            )
        return point

    def taken_with(self, config: RunConfig, position: Position) -> StepSettings:
        """What the last step before this point was taken with: as it was kept, else by plan.

        Args:
            config: Of the run.
            position: This point's.
        """
        by_plan = settings_of_last_step(config, position.step, position.batches_per_epoch, self.beta_by_hand)
        kept = {name: value for name in StepSettings._fields if (value := getattr(self, name)) is not None}
        return by_plan._replace(**kept)


def last_checkpoint(
    run: Run, position: Position, epochs: int
) -> tuple[dict[str, Tensor], ResumePoint] | None:
    """A run's last checkpoint, if it has one: its tensors, and where it stands.

    Args:
        run: The run.
        position: A training that counts as the run's does.
        epochs: Of the whole training.

    Raises:
        UserError: If it is damaged or missing though the run has others, or nothing is left to train.
    """
    if not is_there(run.checkpoints_dir / "last.safetensors"):
        if is_there(run.checkpoints_dir / "best.safetensors"):
            raise RunError(
                f"run {run.id} must hold its last checkpoint to continue, got only the best weights; start a new "
                "run with its configuration"
            )
        return None
    tensors, state = load(run.checkpoints_dir, "last")
    point = ResumePoint.of(state, position)
    if point.epochs >= epochs and run.status().state == "finished":
        raise RunError(
            f"run {run.id} has trained all of its {epochs} epochs; ask for more with `vae train --resume DIR "
            "--more-epochs N`"
        )
    return tensors, point


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Adam) -> dict[str, Tensor]:
    """Adam's state, named after the parameters."""
    return {
        f"optimizer.{name}.{moment}": optimizer.state[parameter][moment]
        for name, parameter in model.named_parameters()
        if parameter in optimizer.state
        for moment in _MOMENTS
    }


def training_tensors(
    model: nn.Module,
    optimizer: torch.optim.Adam,
    order_at_epoch_start: Tensor,
    generators: dict[str, torch.Generator],
) -> dict[str, Tensor]:
    """The content of a ``last`` checkpoint."""
    return {
        **{f"model.{name}": tensor.detach() for name, tensor in model.state_dict().items()},
        **optimizer_tensors(model, optimizer),
        "random.order": order_at_epoch_start,
        **{f"random.{name}": generator.get_state() for name, generator in generators.items()},
    }


def restore_training(
    tensors: dict[str, Tensor],
    model: nn.Module,
    optimizer: torch.optim.Adam,
    generators: dict[str, torch.Generator],
) -> Tensor:
    """Put a ``last`` checkpoint back.

    Returns:
        The state of the generator of the order at the start of the epoch.

    Raises:
        CheckpointError: If a tensor is missing or of another shape.
    """
    groups: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}, "random": {}}
    for name, tensor in tensors.items():
        kind, _, rest = name.partition(".")
        if kind not in groups:
            raise CheckpointError(
                f"a checkpoint must hold model, optimizer and random state, got also {name!r}"
            )
        groups[kind][rest] = tensor
    check_shapes(groups["model"], model.state_dict())
    state: dict[int, dict[str, Any]] = {}
    numbers = numbered(optimizer)
    for name, parameter in model.named_parameters():
        moments = {moment: groups["optimizer"].pop(f"{name}.{moment}", None) for moment in _MOMENTS}
        if all(tensor is None for tensor in moments.values()):
            continue  # no step yet
        expected = {"step": torch.zeros(()), "exp_avg": parameter, "exp_avg_sq": parameter}
        check_shapes({moment: tensor for moment, tensor in moments.items() if tensor is not None}, expected)
        # In memory as the parameter is: the fused step goes through both in the order in which they lie there.
        state[numbers[parameter]] = {
            name: torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor) if tensor.dim() else tensor
            for name, tensor in moments.items()
            if tensor is not None
        }
    if groups["optimizer"] or set(groups["random"]) != {"order", *generators}:
        raise CheckpointError(
            "a checkpoint must hold the optimiser state of this model's parameters and the random states of order, "
            f"{', '.join(generators)}, got others; {_REMEDY}"
        )
    model.load_state_dict(groups["model"])
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    try:
        for name, generator in generators.items():
            generator.set_state(groups["random"][name])
        torch.Generator().set_state(groups["random"]["order"])
    except (RuntimeError, TypeError) as error:
        raise CheckpointError(
            f"the random state must be one of this device, got another ({error}); train on the device that the run "
            "began on"
        ) from None
    return groups["random"]["order"]
