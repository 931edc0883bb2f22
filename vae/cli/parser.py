"""The classes of `vae.config` as options of the command line; names, words and defaults are declared there alone.

Imports no torch, so that `vae --help` is quick.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, get_type_hints

from pydantic.fields import FieldInfo
from tyro.conf import arg
from tyro.constructors import (
    ConstructorRegistry,
    PrimitiveConstructorSpec,
    PrimitiveTypeInfo,
    StructConstructorSpec,
    StructFieldSpec,
    StructTypeInfo,
)

from vae.config.base import Config, ConfigError
from vae.config.schema import DataConfig, RunConfig
from vae.errors import UserError
from vae.storage.user_paths import user_path

#: A folder or file that need not be given; its help says what happens without.
OptionalPath = Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")]
#: Off unless it is given.
Flag = Annotated[bool, arg(help_behavior_hint="")]

#: How help says the bounds of a number.
_BOUNDS = (("ge", "from"), ("gt", "above"), ("le", "to"), ("lt", "below"))


class Impossible(Exception):
    """The sentence about options with impossible values. No ValueError: tyro would put a box around it."""


registry = ConstructorRegistry()


@registry.primitive_rule
def _path(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Path] | None:
    """A path of any option, as `vae.storage.user_paths.user_path` reads it."""
    if info.type is not Path:
        return None

    def read(words: list[str]) -> Path:
        try:
            return user_path(words[0])
        except UserError as error:
            raise Impossible(str(error)) from None

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="PATH",
        instance_from_str=read,
        is_instance=lambda value: isinstance(value, Path),
        str_from_instance=lambda path: [str(path)],
    )


@registry.struct_rule
def _config(info: StructTypeInfo) -> StructConstructorSpec | None:
    """Draw the options of one configuration class."""
    owner: Any = info.type  # unions come by, too
    if not (isinstance(owner, type) and issubclass(owner, Config)):
        return None

    def make(**values: Any) -> Config:
        if owner is DataConfig:
            values["name"] = _data_name(values["name"], values["path"])
        try:
            return owner(**values)
        except ConfigError as error:
            raise Impossible("; ".join(_section(owner) + problem for problem in error.problems)) from None

    make.__doc__ = owner.__doc__
    hints: dict[str, Any] = get_type_hints(owner, include_extras=True)
    fields = [
        StructFieldSpec(
            name=name,
            type=OptionalPath if hints[name] == Path | None else _with_bounds(hints[name], field),  # type: ignore[arg-type]
            default=_default(owner, name, getattr(info.default, name, field.default)),
            helptext=field.description,
        )
        for name, field in owner.model_fields.items()
    ]
    return StructConstructorSpec(instantiate=make, fields=tuple(fields))


class _Unsaid(str):
    """The dataset's name where the user gave none: with a path it follows from that."""


def _default(owner: type[Config], name: str, value: Any) -> Any:
    return _Unsaid(value) if (owner, name) == (DataConfig, "name") else value


def _data_name(name: str, path: Path | None) -> str:
    if not isinstance(name, _Unsaid) or path is None:
        return str(name)
    return "folder" if path.is_dir() else "npz"


def _with_bounds(hint: Any, field: FieldInfo) -> Any:
    """The type of an option, with its bounds shown after its default."""
    bounds = [
        f"{word} {getattr(rule, name):,}"
        for name, word in _BOUNDS
        for rule in field.metadata
        if hasattr(rule, name)
    ]
    if not bounds:
        return hint
    return Annotated[
        hint, arg(help_behavior_hint=lambda default: f"(default: {default}; {' '.join(bounds)})")
    ]


def _section(owner: type[Config]) -> str:
    """Where the options of a class stand: ``train.`` for TrainConfig."""
    names = [name for name, field in RunConfig.model_fields.items() if field.annotation is owner]
    return f"{names[0]}." if names else ""
