"""What every configuration is made of: checked frozen values, options with words, and errors as sentences."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from vae.errors import MAX_SENTENCE, UserError, clean
from vae.runtime import html


class ConfigError(UserError):
    """A configuration breaks a rule; the message gives rule, value and remedy of each problem."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = [clean(problem) for problem in problems]
        super().__init__(_joined(self.problems))

    def __reduce__(self) -> tuple[type[Self], tuple[list[str]]]:
        # Between processes too the problems travel, not their sum: `Exception` would give the one for the other.
        return type(self), (self.problems,)


def _joined(problems: list[str]) -> str:
    """As many problems as fit into one sentence, whole, and how many more there are."""
    shown, length = 0, 0
    for problem in problems:
        length += len(problem) + 2
        if shown and length > MAX_SENTENCE - 30:
            break
        shown += 1
    more = len(problems) - shown
    return "; ".join(problems[:shown]) + (f"; and {more} more problem{'s' * (more > 1)}" if more else "")


_WHOLE = ("a whole number", "whole numbers")
#: What a value must be, and several values of a list, by the type of error with which pydantic refuses others.
_KINDS = {
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": ("a number", "numbers"),
    "float_parsing": ("a number", "numbers"),
    "finite_number": ("a finite number", "finite numbers"),
    "bool_type": ("true or false", "true or false"),
    "bool_parsing": ("true or false", "true or false"),
    "string_type": ("text", "text"),
    "tuple_type": ("a list", "lists"),
}


def _sentence(owner: type[BaseModel], error: ErrorDetails) -> str:
    """One problem that pydantic found, as `path must …, got …; remedy`."""
    nested = error.get("ctx", {}).get("error")
    path = [str(part) for part in error["loc"] if not isinstance(part, int)]  # hidden, not hidden.0
    if isinstance(nested, ConfigError):
        return "; ".join(".".join([*path, problem]) if path else problem for problem in nested.problems)
    field, remedy = _field_of(owner, path), ""
    if field is not None and isinstance(field.json_schema_extra, dict):
        remedy = str(field.json_schema_extra.get("remedy", ""))
    context, name = error.get("ctx", {}), ".".join(path) or owner.__name__
    shown = _shown(error["input"])
    match error["type"]:
        case "greater_than_equal":
            rule = f"must be >= {_number(context['ge'])}, got {shown}"
        case "greater_than":
            rule = f"must be > {_number(context['gt'])}, got {shown}"
        case "less_than_equal":
            rule = f"must be <= {_number(context['le'])}, got {shown}"
        case "less_than":
            rule = f"must be < {_number(context['lt'])}, got {shown}"
        case "literal_error":
            rule = f"must be one of {context['expected']}, got {shown}"
        case "extra_forbidden":
            known = ", ".join(owner.model_fields) if len(path) == 1 else "see `vae train --help`"
            return f"{name} is not an option (options: {known})"
        case "vae_rule":
            return f"{name} {error['msg']}" if path else error["msg"]
        case "missing":
            return f"{name} must be given, got none"
        case kind if kind in _KINDS:
            one, several = _KINDS[kind]
            rule = f"must be {several if len(path) < len(error['loc']) else one}, got {shown}"
        case _:
            message = error["msg"][:1].lower() + error["msg"][1:]
            rule = f"is not valid: {message}, got {shown}"
    return f"{name} {rule}" + (f"; {remedy}" if remedy else "")


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python does not write out whole numbers of more than 4,300 digits
        return "a number with too many digits"
    return text if len(text) <= 80 else f"{text[:77]}…"


def _field_of(owner: type[BaseModel], path: list[str]) -> Any:
    field = None
    for part in path:
        if part not in owner.model_fields:
            break
        field = owner.model_fields[part]
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            owner = field.annotation
    return field


def rule(message: str) -> PydanticCustomError:
    """A rule between several options, told as one sentence."""
    return PydanticCustomError("vae_rule", "{message}", {"message": message})


def _usual(kind: type[Config]) -> dict[str, object]:
    """The options of a configuration as they are by themselves; none where some must be given."""
    try:
        return dict(html.flat(kind().to_dict()))
    except ConfigError:
        return {}


class Config(BaseModel):
    """Base of all configurations: frozen, unknown names refused, no infinities, errors as sentences.

    Raises:
        ConfigError: If a value breaks its rule, or two values do not go together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            problems = [_sentence(type(self), problem) for problem in error.errors(include_url=False)]
            raise ConfigError(problems) from None

    def _repr_html_(self) -> str:
        """A card of the options, in a notebook; those that differ from what they are by themselves are marked."""
        values, usual = self.to_dict(), _usual(type(self))
        rows = [
            (f"{name} •" if name in usual and usual[name] != value else name, value)
            for name, value in html.flat(values)
        ]
        note = (
            html.paragraph("• differs from the default.")
            if any(name.endswith("•") for name, _ in rows)
            else ""
        )
        return html.card(type(self).__name__, html.table(rows), note)

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """Check a JSON object (as read from a file or a form) and make the configuration.

        Raises:
            ConfigError: If it is not an object, or one of its values breaks a rule.
        """
        if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
            raise ConfigError([f"a {cls.__name__} must be a JSON object, got {type(values).__name__}"])
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain JSON values; `from_dict` gives the same configuration back."""
        return self.model_dump(mode="json")

    def replace(self, **changes: Any) -> Self:
        """A checked copy with some values changed."""
        return type(self)(**{**{name: getattr(self, name) for name in type(self).model_fields}, **changes})


def option(
    default: Any,
    description: str,
    *,
    label: str,
    remedy: str = "",
    advanced: bool = False,
    registry: str = "",
    **rules: Any,
) -> Any:
    """Declare one option: its default, its words, its bounds, and whether the form hides it at first.

    Args:
        default: Its default.
        description: Its words.
        label: In the form.
        remedy: What to do about a value that breaks its bounds.
        advanced: Whether the form hides it at first.
        registry: The kind of `vae.config.registries` whose names it takes.
        rules: Its bounds, and what else `pydantic.Field` takes.
    """
    extra: dict[str, Any] = {"label": label, "remedy": remedy, "advanced": advanced}
    if registry:
        extra["registry"] = registry
    return Field(default, description=description, json_schema_extra=extra, **rules)
