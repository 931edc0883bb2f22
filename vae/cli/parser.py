"""The classes of `vae.config` as options of the command line; names, words and defaults are declared there alone.

Imports no torch, so that `vae --help` is quick.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

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
from vae.config.own_options import chosen_by, registry_of
from vae.config.registry import Entry, Registry
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
            return owner(**_gathered(owner, values))
        except ConfigError as error:
            raise Impossible("; ".join(_section(owner) + problem for problem in error.problems)) from None

    make.__doc__ = owner.__doc__
    fields = [one for name in owner.model_fields for one in _fields(owner, name, info.default)]
    return StructConstructorSpec(instantiate=make, fields=tuple(fields))


def _fields(owner: type[Config], name: str, given: Any) -> list[StructFieldSpec]:
    """One option; or the own options of each thing that can be chosen, as ``--model.likelihood-laplace.scale``."""
    field, hint = owner.model_fields[name], _hints(owner)[name]
    of = chosen_by(owner, name)
    if of is not None:
        registry = registry_of(owner, of)
        return [
            StructFieldSpec(_own(of, entry), entry.options, entry.options())
            for entry in registry or ()
            if entry.options is not None
        ]
    registry = registry_of(owner, name)
    words = field.description
    if registry is not None:
        hint = Literal[registry.names]
        words = f"{words} {_added(registry)}".strip()
    elif hint == Path | None:
        hint = OptionalPath
    else:
        hint = _with_bounds(hint, field)
    default = _default(owner, name, getattr(given, name, field.default))
    return [StructFieldSpec(name=name, type=hint, default=default, helptext=words)]


@cache
def _hints(owner: type[Config]) -> dict[str, Any]:
    """The types of a configuration's options."""
    return get_type_hints(owner, include_extras=True)


def _own(of: str, entry: Entry) -> str:
    """The command line's name for the own options of something that an option chooses."""
    return f"{of}-{entry.name}"


def _added(registry: Registry) -> str:
    """What was registered besides, in words."""
    return " ".join(
        f"{entry.name}: {entry.words or entry.title}".rstrip(".") + "."
        for entry in registry
        if not entry.is_built_in
    )


def _gathered(owner: type[Config], values: dict[str, Any]) -> dict[str, Any]:
    """Values as the command line has them, the own options of what was chosen put where the configuration has them.

    Raises:
        Impossible: If there are own options of something else.
    """
    values = dict(values)
    for key in owner.model_fields:
        of = chosen_by(owner, key)
        registry = None if of is None else registry_of(owner, of)
        if of is None or registry is None:
            continue
        for entry in registry:
            own = values.pop(_own(of, entry), None)
            if own is None:
                continue
            if entry.name == values[of]:
                values[key] = own
            elif own != entry.default_options():
                section = _section(owner)
                raise Impossible(
                    f"--{section}{_own(of, entry)} must be left out for {section}{of} = {values[of]}, got some; use "
                    f"--{section}{of} {entry.name}"
                )
    return values


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
    """Where the options of a class stand: ``train.`` for TrainConfig, ``model.likelihood-laplace.`` for own options."""
    for name, field in RunConfig.model_fields.items():
        section: Any = field.annotation
        if section is owner:
            return f"{name}."
        for key in section.model_fields:
            of = chosen_by(section, key)
            for entry in (registry_of(section, of) if of else None) or ():
                if entry.options is owner:
                    return f"{name}.{_own(of or '', entry)}."
    return ""
