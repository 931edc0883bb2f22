"""The modules and other state that a callable can reach, and might change.

People hold their networks in objects, dicts, closures, partials and globals, and wrap them (`torch.compile`,
`DataParallel`). Whoever calls such a function and must leave no trace has to know what to put back.
"""

from __future__ import annotations

import argparse
import functools
import inspect
import random
import sys
import types
import weakref
from collections import UserDict, UserList, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

#: Objects that are looked at, at most, and entries of one container: what people hold their networks in is small.
_MOST_OBJECTS, _MOST_ENTRIES = 20_000, 1_000
#: Bytes of a tensor or array outside a network that is still kept and compared: counters, running means.
_MOST_BYTES = 1 << 20
#: What belongs to these, nobody's function changes; and they lead to everything.
_LIBRARIES = frozenset({"torch", "torchvision", "numpy", "vae", *sys.stdlib_module_names})

#: Classes of the standard library that are boxes for what people put in.
_BOXES = (types.SimpleNamespace, argparse.Namespace, UserDict, UserList)

Generator = torch.Generator | np.random.Generator | np.random.RandomState | random.Random


@dataclass
class Reached:
    """What callables reach.

    Attributes:
        networks: The outermost networks, in the order in which they were found; unwrapped.
        holders: Objects with attributes, networks left out.
        containers: Lists, dicts, sets and deques.
        arrays: Small tensors and arrays outside the networks.
        generators: Sources of random numbers of their own.
        cells: Variables that functions close over.
        names: Globals that functions name, each as the namespace and the name.
    """

    networks: list[nn.Module] = field(default_factory=list)
    holders: list[Any] = field(default_factory=list)
    containers: list[Any] = field(default_factory=list)
    arrays: list[Any] = field(default_factory=list)
    generators: list[Generator] = field(default_factory=list)
    cells: list[types.CellType] = field(default_factory=list)
    names: list[tuple[dict[str, Any], str]] = field(default_factory=list)

    def modules(self) -> list[nn.Module]:
        """All networks with all of their parts, each once."""
        return list(dict.fromkeys(part for network in self.networks for part in network.modules()))


def unwrapped(function: Any) -> Any:
    """A network or function without what compiles it or spreads it over devices; other callables as they are."""
    for _ in range(20):  # a chain of wrappers, and no circle
        inner = None
        if isinstance(function, nn.Module):
            parts = vars(function).get("_modules", {})
            if type(function).__name__ == "OptimizedModule":
                inner = parts.get("_orig_mod")
            elif isinstance(function, nn.DataParallel | nn.parallel.DistributedDataParallel):
                inner = parts.get("module")
        elif inspect.ismethod(function):
            owner = unwrapped(function.__self__)
            if owner is not function.__self__:
                inner = getattr(owner, function.__name__, None)
        elif callable(function):
            inner = getattr(function, "_torchdynamo_orig_callable", None)
        if inner is None:
            return function
        function = inner
    return function


def reached(*functions: Any) -> Reached:
    """Everything that callables reach, as far as can be seen without calling them."""
    found = Reached()
    seen: set[int] = set()
    waiting = deque(functions)
    while waiting and len(seen) < _MOST_OBJECTS:
        value = waiting.popleft()
        if (
            id(value) in seen
            or value is None
            or isinstance(value, str | bytes | int | float | complex | type)
        ):
            continue
        seen.add(id(value))
        waiting.extend(_parts(value, found))
    inside = {id(part) for network in found.networks for part in list(network.modules())[1:]}
    found.networks = [network for network in found.networks if id(network) not in inside]
    return found


def has_numbers(array: Any) -> bool:
    """Whether an array's numbers can be compared and put back: not those of sparse, nested or meta tensors."""
    if not isinstance(array, Tensor):
        return True
    return array.layout == torch.strided and not (array.is_meta or array.is_nested or array.is_quantized)


def _parts(value: Any, found: Reached) -> Iterator[Any]:
    """Put a value where it belongs, and give what it leads to."""
    if isinstance(value, nn.Module):
        if (inner := unwrapped(value)) is not value:
            yield inner
            return
        found.networks.append(value)
        for part in value.modules():
            yield from (held for name, held in vars(part).items() if name not in _OF_A_NETWORK)
            yield from _of_its_class(part)
    elif isinstance(value, Tensor | np.ndarray):
        if has_numbers(value) and value.nbytes <= _MOST_BYTES:
            found.arrays.append(value)
    elif isinstance(value, torch.Generator | np.random.Generator | np.random.RandomState | random.Random):
        found.generators.append(value)
    elif isinstance(value, functools.partial):
        yield from (value.func, *value.args, *value.keywords.values())
    elif inspect.ismethod(value):
        yield from (value.__func__, value.__self__)
    elif inspect.isfunction(value):
        yield from _of_a_function(value, found)
    elif isinstance(value, dict | list | set | deque | tuple | frozenset):
        if not isinstance(value, tuple | frozenset):
            found.containers.append(value)
        entries = value.values() if isinstance(value, dict) else value
        yield from (
            entry for entry, _ in zip(list(entries)[:_MOST_ENTRIES], range(_MOST_ENTRIES), strict=False)
        )
        if hasattr(value, "__dict__"):  # a class of the user's, made of one of these
            found.holders.append(value)
            yield from vars(value).values()
    elif inner := getattr(value, "_torchdynamo_orig_callable", None):
        yield inner
    elif isinstance(value, weakref.ReferenceType):
        yield value()
    elif isinstance(value, _BOXES) or not _is_of_a_library(type(value)):
        found.holders.append(value)
        yield from vars(value).values() if hasattr(value, "__dict__") else ()
        for kind in type(value).__mro__:
            for name in getattr(kind, "__slots__", ()) if kind is not object else ():
                yield getattr(value, name, None)
        yield from _of_its_class(value)


#: Attributes of a network that are looked at as such.
_OF_A_NETWORK = frozenset({"_parameters", "_buffers", "_modules", "training"})


def _of_a_function(function: types.FunctionType, found: Reached) -> Iterator[Any]:
    """What it closes over, its defaults, and the globals that its code names."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            continue
        found.cells.append(cell)
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    yield from vars(function).values()
    names = set(_names(function.__code__))
    for name in names & function.__globals__.keys():
        value = function.__globals__[name]
        found.names.append((function.__globals__, name))
        if not isinstance(value, types.ModuleType):
            yield value if not inspect.isfunction(value) or not _is_of_a_library(value) else None
        elif not _is_library(value.__name__):  # `nets.encoder` of a module of the user's
            yield from (vars(value)[inner] for inner in names & vars(value).keys())


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _of_its_class(value: Any) -> Iterator[Any]:
    """The methods of a user's class: they may name networks that no attribute holds."""
    for kind in type(value).__mro__:
        if not _is_of_a_library(kind):
            yield from (method for method in vars(kind).values() if inspect.isfunction(method))


def _is_of_a_library(value: Any) -> bool:
    return _is_library(str(getattr(value, "__module__", "")))


def _is_library(name: str) -> bool:
    return name != "__main__" and name.partition(".")[0] in _LIBRARIES
