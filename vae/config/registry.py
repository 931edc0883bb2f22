"""One mechanism for everything that a user can add: a name, words for the form and the command line, and a class.

A plug-in registers by a decorator, in a module that its user imports; nothing is imported because a run names it.
What the package brings is declared in `vae.config.registries` by the place of its class, which is loaded when it is
first needed, so that this module imports no torch.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeVar

from vae.config.base import Config, rule
from vae.errors import UserError, clean

#: Environment variable with the modules, separated by commas, that the commands and the app import when they start.
PLUGINS = "LATENT_LAB_PLUGINS"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MOST_LETTERS = 40

#: Whether names that are not registered here are let through: a run's own file is read, and nothing is made of it yet.
_reading: ContextVar[bool] = ContextVar("reading a run's configuration", default=False)

Found = TypeVar("Found")


@dataclass(frozen=True)
class Entry:
    """Something registered.

    Attributes:
        name: As a configuration and the command line have it.
        title: As the form has it.
        words: What it is, in a sentence, for help.
        options: Its own options, each with a default; None if it has none.
        uses: Those options of its section that are there for it and not for all of its kind.
        facts: What else its kind wants to know without loading the class; see `vae.config.registries`.
        place: ``module:attribute`` of what the package brings.
        is_built_in: Whether the package brings it.
    """

    name: str
    title: str
    words: str = ""
    options: type[Config] | None = None
    uses: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    place: str = ""
    is_built_in: bool = False
    _found: Any = None

    def load(self) -> Any:
        """The class or function."""
        if self._found is not None:
            return self._found
        module, attribute = self.place.split(":")
        return getattr(import_module(module), attribute)

    def default_options(self) -> Config | None:
        """Its own options as they are if nobody sets them; None if it has none."""
        return None if self.options is None else self.options()


class Registry:
    """All things of a kind, by name, in the order in which they were registered.

    Args:
        kind: What it is a registry of, in one or two words: ``likelihood``.
        protocol: ``module:attribute`` of the class that whatever is registered is derived from; empty for functions.
        facts: The facts that an entry may state.
    """

    def __init__(self, kind: str, protocol: str = "", facts: tuple[str, ...] = ()) -> None:
        self.kind, self._protocol, self._facts = kind, protocol, facts
        self._entries: dict[str, Entry] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries.values()))

    def __getitem__(self, name: str) -> Entry:
        """The entry of a name.

        Raises:
            UserError: If there is none.
        """
        if name not in self._entries:
            raise UserError(self.why_missing(name))
        return self._entries[name]

    def get(self, name: str) -> Entry | None:
        """The entry of a name; None if there is none."""
        return self._entries.get(name)

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return tuple(self._entries)

    def why_missing(self, name: str) -> str:
        """What to do about a name that is not registered here, as a sentence; empty if it is."""
        if name in self._entries:
            return ""
        return clean(
            f"{self.kind} {name!r} must be registered to be used, and is not here; import the module that registers "
            f"it, or name that module in {PLUGINS}"
        )

    def title(self, name: str) -> str:
        """How a name is shown; itself where it is not registered here."""
        return self._entries[name].title if name in self._entries else name

    def uses(self, name: str, option: str) -> bool:
        """Whether an option of its section is there for it; False where the name is not registered here."""
        return name in self._entries and option in self._entries[name].uses

    def fact(self, name: str, fact: str, default: Found) -> Found:
        """What an entry states about itself; the default where it says nothing, or is not registered here."""
        entry = self._entries.get(name)
        return default if entry is None else entry.facts.get(fact, default)

    def built_in(
        self, name: str, place: str, title: str, words: str = "", uses: tuple[str, ...] = (), **facts: Any
    ) -> None:
        """Declare what the package brings, by the place of its class."""
        self._entries[name] = Entry(name, title, words, uses=uses, facts=facts, place=place, is_built_in=True)

    def register(
        self,
        name: str,
        *,
        title: str,
        words: str = "",
        options: type[Config] | None = None,
        uses: tuple[str, ...] = (),
        **facts: Any,
    ) -> Callable[[Found], Found]:
        """Decorate a class (or a function) to register it.

        Who registers the same class of the same module once more, as a notebook's cell that runs again, replaces it.

        Args:
            name: Small letters, digits and single hyphens, at most 40 letters.
            title: As the form shows it, at most 60 letters.
            words: What it is, in a sentence.
            options: A `vae.config.base.Config` with its own options, declared by `vae.config.base.option`; each has a
                default. What is made of them goes to the class.
            uses: Those options of its section that matter for it, of the ones that do not matter for all.
            facts: What the kind wants to know besides, see `vae.config.registries`.

        Raises:
            UserError: If the name or title cannot be, the name is taken, or the class is not what the kind asks for.
        """
        self._check_words(name, title, facts)
        self._check_options(name, options)

        def decorate(found: Found) -> Found:
            self._check_taken(name, found)
            self._check_protocol(name, found)
            self._entries[name] = Entry(name, title, words, options, uses, facts, _found=found)
            return found

        return decorate

    def remove(self, name: str) -> None:
        """Forget what was registered; what the package brings stays.

        Raises:
            UserError: If there is none of the name, or the package brings it.
        """
        if self[name].is_built_in:
            raise UserError(f"{self.kind} {name!r} must stay, the package brings it; remove another")
        del self._entries[name]

    def check(self, name: str) -> str:
        """A name of a configuration, as `pydantic.AfterValidator` wants it."""
        if name in self._entries or (_reading.get() and _is_name(name)):
            return name
        known = [repr(one) for one in self._entries]
        shown = name if len(name) <= 60 else f"{name[:59]}…"
        listed = " or ".join(filter(None, (", ".join(known[:-1]), known[-1])))
        raise rule(f"must be one of {listed}, got {shown!r}")

    # What may be registered -------------------------------------------------------------------------------------------

    def _check_words(self, name: str, title: str, facts: Mapping[str, Any]) -> None:
        if not _is_name(name):
            raise UserError(
                f"the name of a {self.kind} must be small letters, digits and single hyphens, at most {_MOST_LETTERS}, "
                f"got {clean(name, most=60)!r}; use for example my-{self.kind.replace(' ', '-')}"
            )
        if not title.strip() or not title.isprintable() or len(title) > 60:
            raise UserError(
                f"the title of {self.kind} {name!r} must be 1 to 60 printable letters, got {clean(title, most=60)!r}; "
                "shorten it"
            )
        if unknown := sorted(set(facts) - set(self._facts)):
            raise UserError(
                f"{self.kind} {name!r} must state nothing but {', '.join(self._facts) or 'its words'}, got "
                f"{', '.join(unknown)}; leave it out"
            )

    def _check_options(self, name: str, options: type[Config] | None) -> None:
        if options is None:
            return
        found: Any = options
        if not (isinstance(found, type) and issubclass(found, Config)):
            raise UserError(
                f"options of {self.kind} {name!r} must be a class derived from vae.config.base.Config, got "
                f"{clean(repr(options), most=80)}; declare each with vae.config.base.option"
            )
        for one, info in options.model_fields.items():
            extra = info.json_schema_extra
            if info.is_required() or not isinstance(extra, dict) or "label" not in extra:
                raise UserError(
                    f"option {one} of {self.kind} {name!r} must have a default and a label, got none; declare it with "
                    "vae.config.base.option"
                )

    def _check_taken(self, name: str, found: Any) -> None:
        before = self._entries.get(name)
        if before is None:
            return
        same = not before.is_built_in and _origin(before.load()) == _origin(found)
        if not same:
            raise UserError(f"the name {name!r} must be free for a {self.kind}, and is taken; choose another")

    def _check_protocol(self, name: str, found: Any) -> None:
        if not self._protocol:
            if not callable(found):
                raise UserError(f"{self.kind} {name!r} must be a function, got {type(found).__name__}")
            return
        module, attribute = self._protocol.split(":")
        protocol = getattr(import_module(module), attribute)
        if not (isinstance(found, type) and issubclass(found, protocol)):
            raise UserError(
                f"{self.kind} {name!r} must be a class derived from {module}.{attribute}, got "
                f"{getattr(found, '__name__', type(found).__name__)}; derive it"
            )
        if inspect.isabstract(found):
            missing = sorted(getattr(found, "__abstractmethods__", ()))
            raise UserError(
                f"{self.kind} {name!r} must define {', '.join(missing)}, and does not; see "
                f"{module}.{attribute}"
            )


def _origin(found: Any) -> tuple[str, str]:
    return getattr(found, "__module__", ""), getattr(found, "__qualname__", "")


def _is_name(name: str) -> bool:
    return len(name) <= _MOST_LETTERS and _NAME.fullmatch(name) is not None


@contextmanager
def reading_a_run() -> Iterator[None]:
    """Let names through that are not registered here: who only reads a run's configuration can still show it."""
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


def is_reading() -> bool:
    """Whether `reading_a_run` holds."""
    return _reading.get()
