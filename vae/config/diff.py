"""What tells runs apart: their settings, option by option."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vae.config.base import Config
from vae.config.schema import RunConfig

#: What is known of a watched run; its configuration holds defaults for the rest.
_OF_WATCHED = (
    "data.",
    "model.network",
    "model.latent_dim",
    "model.likelihood",
    "model.sigma",
    "model.conditional",
    "objective.beta",
    "train.epochs",
    "train.batch_size",
    "train.num_snapshots",
    "train.max_gigabytes",
)


@dataclass(frozen=True)
class Difference:
    """An option in which runs differ.

    Attributes:
        option: As on the command line, for example ``objective.beta``.
        label: As in the form.
        values: Of each run, in their order; None where it is not known, as for a loop of one's own that is watched.
    """

    option: str
    label: str
    values: tuple[Any, ...]


def differences(configs: Sequence[RunConfig]) -> list[Difference]:
    """The options in which runs differ, in the order of their declaration; none if all are alike, or there is one."""
    found = []
    for section in RunConfig.model_fields:
        owners: list[Config] = [getattr(config, section) for config in configs]
        for name, field in type(owners[0]).model_fields.items() if owners else ():
            option = f"{section}.{name}"
            values = tuple(
                _plain(getattr(owner, name)) if _is_known(config, option) else None
                for owner, config in zip(owners, configs, strict=True)
            )
            if any(value != values[0] for value in values):
                extra = field.json_schema_extra
                assert isinstance(extra, dict), "vae.config.schema declares a label for each option"
                found.append(Difference(option, str(extra["label"]), values))
    return found


def _plain(value: Any) -> Any:
    """A value as it is shown: own options by their names."""
    if not isinstance(value, Config):
        return value
    return ", ".join(f"{name} = {one}" for name, one in value.to_dict().items())


def _is_known(config: RunConfig, option: str) -> bool:
    return config.model.network != "external" or option.startswith(_OF_WATCHED)
