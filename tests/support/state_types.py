"""TypeScript types of what each component's browser side is told, made from the Python dataclass that tells it.

``python -m tests.support.state_types`` writes a `state.d.ts` beside each module that reads a `State`: in the folder of
the part of `vae/browser` that the component mounts, else in the component's own. `tsc` then refuses a module that reads
what Python no longer sends; a test checks that the files are those that the dataclasses give.
"""

from __future__ import annotations

import importlib
import re
import sys
import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

ROOT = Path(__file__).resolve().parents[2]
_PLAIN = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null", Any: "any"}
_MOUNTED = re.compile(r'^import \{ mount \} from "((?:\.\./)+vae/browser/[\w/.]+)"', re.MULTILINE)


def components() -> list[Path]:
    """The folders of the components that tell their browser side anything."""
    found = sorted((ROOT / "dashboard").rglob("__init__.py"))
    return [
        path.parent for path in found if re.search(r"^class State\b", path.read_text("utf-8"), re.MULTILINE)
    ]


def target(folder: Path) -> Path:
    """Where the types of a component go: beside the module that reads them."""
    adapter = folder / f"{folder.name}.js"
    mounted = _MOUNTED.search(adapter.read_text("utf-8"))
    beside = (folder / mounted[1]).resolve().parent if mounted else folder
    return beside / "state.d.ts"


def written(folder: Path) -> str:
    """The text of a component's types."""
    name = ".".join(folder.relative_to(ROOT).parts)
    module = importlib.import_module(name)
    interfaces: dict[str, str] = {}
    _interface(module.State, interfaces)
    heading = f"// Made from {name} by `python -m tests.support.state_types`; change that, not this.\n"
    return heading + "".join(f"\n{text}" for text in reversed(interfaces.values()))


def _interface(told: type, interfaces: dict[str, str]) -> str:
    """The name of a dataclass's interface, which is put among the others."""
    if told.__name__ not in interfaces:
        interfaces[told.__name__] = ""
        hints = get_type_hints(told)
        lines = [f"  {field.name}: {_type(hints[field.name], interfaces)}\n" for field in fields(told)]
        interfaces[told.__name__] = f"export interface {told.__name__} {{\n{''.join(lines)}}}\n"
    return told.__name__


def _type(hint: Any, interfaces: dict[str, str]) -> str:
    """A Python type as JSON brings it to TypeScript."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        return _interface(hint, interfaces)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " | ".join(f'"{value}"' for value in arguments)
    if origin in (Union, types.UnionType):
        return " | ".join(_type(argument, interfaces) for argument in arguments)
    if origin is tuple and arguments[-1] is not Ellipsis:
        return f"[{', '.join(_type(argument, interfaces) for argument in arguments)}]"
    if origin in (tuple, list) or (isinstance(origin, type) and issubclass(origin, Sequence)):
        inner = _type(arguments[0], interfaces)
        return f"({inner})[]" if " " in inner and not inner.startswith("[") else f"{inner}[]"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"Record<{_type(arguments[0], interfaces)}, {_type(arguments[1], interfaces)}>"
    raise TypeError(
        f"a browser is told of strings, numbers, lists and dataclasses, got {hint}; make it one of them"
    )


def main() -> int:
    """Write all of them, and say which have changed."""
    for folder in components():
        path, text = target(folder), written(folder)
        if not path.is_file() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            sys.stdout.write(f"{path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
