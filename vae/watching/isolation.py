"""Calls of a user's networks that leave no trace in the user's program.

What a user's code changes when it is called is put back: modes, buffers and attributes of networks, random states,
counters and logs. What calling it might say (prints, warnings) is not said.
"""

from __future__ import annotations

import io
import random
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, TextIO

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from vae.watching.reachable_modules import Reached, has_numbers, reached

#: Parts of a module that are looked at entry by entry.
_REGISTERED = ("_parameters", "_buffers", "_modules")
#: Of this thread: where the user's program makes tensors without a word of where, if that is not the CPU.
_users = threading.local()


@contextmanager
def undisturbed(*functions: Any, as_in_training: bool = False) -> Iterator[None]:
    """Use somebody's networks without gradients, and leave everything as it was, whatever happens.

    Args:
        functions: Whose networks; or what `reached` found of them. Networks that cannot be seen from here are noticed
            when they are called.
        as_in_training: Whether dropout and batch normalisation do what they do in the user's own loop; else all is
            evaluated.
    """
    if len(functions) == 1 and isinstance(functions[0], Reached):
        within = functions[0]
    else:
        within = reached(*functions)
    with ExitStack() as stack:
        kept = _Kept(evaluates=not as_in_training)
        stack.callback(kept.put_back)
        kept.keep(within)
        stack.enter_context(_silence())
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        if (device := torch.get_default_device()).type != "cpu":  # what is made here without a word of where
            stack.callback(setattr, _users, "device", getattr(_users, "device", None))
            _users.device = device
            stack.enter_context(torch.device("cpu"))
        for kind in _kinds(within):
            stack.enter_context(torch.autocast(kind, enabled=False))
        if "torch._dynamo" in sys.modules:  # nothing is compiled anew for us, and counted against the user
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        stack.enter_context(_noticed(kept))
        yield


@contextmanager
def as_in_the_users_program() -> Iterator[None]:
    """Within `undisturbed`, around each call of the user's own code: its tensors are made where it makes them."""
    device = getattr(_users, "device", None)
    if device is None:
        yield
        return
    with torch.device(device):
        yield


def _kinds(within: Reached) -> set[str]:
    """Kinds of devices that the networks are on, for which there may be autocasting."""
    devices = {
        tensor.device.type for module in within.modules() for tensor in module.parameters(recurse=False)
    }
    return {"cpu", *devices} - {"mps", "meta"}


class _Kept:
    """What is to be put back.

    Args:
        evaluates: Whether networks are put into the mode of evaluation until then.
    """

    def __init__(self, *, evaluates: bool) -> None:
        self._evaluates = evaluates
        self._modules: dict[int, tuple[nn.Module, dict[str, Any], dict[str, dict[str, Any]]]] = {}
        self._scripts: list[tuple[torch.jit.ScriptModule, bool]] = []
        self._tensors: list[tuple[Any, Any]] = []
        self._holders: list[tuple[Any, dict[str, Any]]] = []
        self._containers: list[tuple[Any, Any]] = []
        self._variables: list[tuple[Any, Any, Any]] = []
        self._python, self._numpy, self._torch = (
            random.getstate(),
            np.random.get_state(),
            torch.get_rng_state(),
        )
        self._devices = [
            (device, torch.cuda.get_rng_state(device))
            for device in (range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ())
        ]
        self._mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
        self._generators: list[tuple[Any, Any]] = []

    def keep(self, within: Reached) -> None:
        """Remember all of it."""
        for module in within.modules():
            self.keep_module(module)
        for holder in within.holders:
            if hasattr(holder, "__dict__"):
                self._holders.append((holder, dict(vars(holder))))
        for container in within.containers:
            self._containers.append((container, container.copy()))
        self._tensors += [
            (array, array.clone() if isinstance(array, Tensor) else array.copy()) for array in within.arrays
        ]
        for own in within.generators:
            self._generators.append((own, _state_of(own)))
        self._variables += [(cell, None, cell.cell_contents) for cell in within.cells]
        self._variables += [(names, name, names[name]) for names, name in within.names if name in names]

    def keep_module(self, module: nn.Module) -> None:
        """Remember one network's own attributes, buffers and mode."""
        if id(module) in self._modules:
            return
        if isinstance(module, torch.jit.ScriptModule):
            self._keep_script(module)
            return
        attributes = vars(module)
        registered = {name: dict(attributes[name]) for name in _REGISTERED}
        self._modules[id(module)] = (module, dict(attributes), registered)
        self._tensors += [
            (buffer, buffer.clone())
            for buffer in attributes["_buffers"].values()
            if buffer is not None and has_numbers(buffer)
        ]
        if self._evaluates:
            attributes["training"] = False

    def _keep_script(self, module: torch.jit.ScriptModule) -> None:
        """Likewise of TorchScript, whose attributes are not Python's."""
        if any(module is kept for kept, _ in self._scripts):
            return
        self._scripts.append((module, module.training))
        self._tensors += [(buffer, buffer.clone()) for buffer in module.buffers(recurse=False)]
        if self._evaluates and module.training:
            module.training = False

    def put_back(self) -> None:
        """Put everything back, as far as it was changed."""
        with torch.inference_mode(False), torch.no_grad():
            for script, mode in self._scripts:
                if script.training != mode:
                    script.training = mode
            for module, before, registered in self._modules.values():
                for name, entries in registered.items():
                    _put_back_entries(before[name], entries)
                _put_back_entries(vars(module), before)
            for holder, before in self._holders:
                _put_back_entries(vars(holder), before)
            for container, before in self._containers:
                _put_back_container(container, before)
            for tensor, before in self._tensors:
                _put_back_numbers(tensor, before)
            for place, name, value in self._variables:
                if name is None:
                    place.cell_contents = value
                else:
                    place[name] = value
            for own, state in self._generators:
                _set_state_of(own, state)
        random.setstate(self._python)
        np.random.set_state(self._numpy)
        torch.set_rng_state(self._torch)
        for device, state in self._devices:
            torch.cuda.set_rng_state(state, device)
        if self._mps is not None:
            torch.mps.set_rng_state(self._mps)


def _put_back_entries(now: dict[str, Any], before: dict[str, Any]) -> None:
    if now.keys() == before.keys() and all(now[name] is value for name, value in before.items()):
        return
    now.clear()
    now.update(before)


def _put_back_container(container: Any, before: Any) -> None:
    if isinstance(container, dict):
        _put_back_entries(container, before)
    elif len(container) != len(before) or any(a is not b for a, b in zip(container, before, strict=True)):
        container.clear()
        container.update(before) if isinstance(container, set) else container.extend(before)


def _put_back_numbers(tensor: Any, before: Any) -> None:
    """Write only where something was changed: gradients may wait for the numbers of now."""
    if isinstance(tensor, Tensor):
        if tensor.shape != before.shape:
            tensor.set_(before)
        elif not torch.equal(tensor, before):
            tensor.copy_(before)
    elif not np.array_equal(tensor, before):
        tensor[...] = before


def _state_of(own: Any) -> Any:
    if isinstance(own, torch.Generator):
        return own.get_state()
    if isinstance(own, np.random.Generator):
        return own.bit_generator.state
    return own.get_state() if isinstance(own, np.random.RandomState) else own.getstate()


def _set_state_of(own: Any, state: Any) -> None:
    if isinstance(own, torch.Generator):
        own.set_state(state)
    elif isinstance(own, np.random.Generator):
        own.bit_generator.state = state
    elif isinstance(own, np.random.RandomState):
        own.set_state(state)
    else:
        own.setstate(state)


@contextmanager
def _noticed(kept: _Kept) -> Iterator[None]:
    """Keep networks that nobody saw before, in the moment before they are first called here."""
    here = threading.get_ident()

    def before_a_call(module: nn.Module, _inputs: Any) -> None:
        if threading.get_ident() == here and not type(module).__module__.startswith("vae."):
            kept.keep_module(module)

    handle = register_module_forward_pre_hook(before_a_call)
    try:
        yield
    finally:
        handle.remove()


class _Elsewhere(io.TextIOBase):
    """A standard stream that hears all threads but one.

    Args:
        stream: Where the others write.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream, self._silent = stream, threading.get_ident()

    def write(self, text: str) -> int:
        return len(text) if threading.get_ident() == self._silent else self.stream.write(text)

    def flush(self) -> None:
        if threading.get_ident() != self._silent:
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def _silence() -> Iterator[None]:
    """This thread prints nothing and warns of nothing; no list of what has been warned of is touched."""
    streams = {name: getattr(sys, name) for name in ("stdout", "stderr")}
    quiet = {name: stream if stream is None else _Elsewhere(stream) for name, stream in streams.items()}
    # Not `catch_warnings`: it lets every warning that the program has shown once be shown again.
    ignore = ("ignore", None, Warning, None, 0)
    filters = warnings.filters
    filters.insert(0, ignore)  # type: ignore[attr-defined]
    for name, stream in quiet.items():
        setattr(sys, name, stream)
    try:
        yield
    finally:
        for name, stream in streams.items():
            if getattr(sys, name) is quiet[name]:
                setattr(sys, name, stream)
        with suppress(ValueError):
            filters.remove(ignore)  # type: ignore[attr-defined]
