"""Options that belong to something registered: made of its own class beside the name that chooses it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from vae.config.base import Config, ConfigError, rule
from vae.config.registries import REGISTRIES
from vae.config.registry import Registry, is_reading


class UnknownOptions(Config):
    """Options of something that is not registered here, as a run's file has them."""

    model_config = ConfigDict(extra="allow")


def own_options(of: str) -> Any:
    """Declare the field that holds the own options of what another field chooses.

    It is left out of the JSON where there are none.

    Args:
        of: That other field.
    """
    extra: dict[str, Any] = {"label": f"{of.capitalize()} options", "remedy": "", "advanced": True, "of": of}
    return Field(
        None,
        description=f"Options of the {of} itself.",
        json_schema_extra=extra,
        exclude_if=lambda value: value is None,
    )


def registry_of(owner: type[BaseModel], name: str) -> Registry | None:
    """The registry whose names an option takes; None if it takes other values."""
    extra = owner.model_fields[name].json_schema_extra
    kind = extra.get("registry") if isinstance(extra, dict) else None
    return REGISTRIES[str(kind)] if kind else None


def options_field(owner: type[BaseModel], name: str) -> str | None:
    """The field with the own options of what an option chooses; None if it has no such field."""
    for other, info in owner.model_fields.items():
        if isinstance(info.json_schema_extra, dict) and info.json_schema_extra.get("of") == name:
            return other
    return None


def chosen_by(owner: type[BaseModel], name: str) -> str | None:
    """Of a field with own options, the option that chooses whose they are; None for other fields."""
    extra = owner.model_fields[name].json_schema_extra
    of = extra.get("of") if isinstance(extra, dict) else None
    return None if of is None else str(of)


def with_own_options(owner: type[BaseModel], values: Any) -> Any:
    """The values of a configuration, the own options in them made of the classes that were registered.

    Options of another class are those of what was chosen before, and give way to the defaults.

    Raises:
        ConfigError: If they break a rule of that class.
    """
    if not isinstance(values, dict):
        return values
    values = dict(values)
    for key in owner.model_fields:
        name = chosen_by(owner, key)
        if name is None:
            continue
        registry = registry_of(owner, name)
        assert registry is not None, "own options belong to an option with a registry"
        chosen = values.get(name, owner.model_fields[name].default)
        values[key] = _made(key, registry, chosen, values.get(key), name)
    return values


def _made(key: str, registry: Registry, chosen: object, given: Any, name: str) -> Config | None:
    entry = registry[chosen] if isinstance(chosen, str) and chosen in registry else None
    if entry is None:  # refused elsewhere, unless a run is only read
        if is_reading() and isinstance(given, dict) and all(isinstance(one, str) for one in given):
            return UnknownOptions(**given)
        return given if isinstance(given, Config) else None
    if entry.options is None:
        if given and not isinstance(given, Config):
            raise rule(f"{key} must be left out for {name} = {chosen!r}, got some; it has no options")
        return None
    if isinstance(given, entry.options):
        return given
    if given is None or isinstance(given, Config):
        return entry.options()
    try:
        return entry.options.from_dict(given)
    except ConfigError as error:
        raise ConfigError([f"{key}.{problem}" for problem in error.problems]) from None
