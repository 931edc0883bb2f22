"""Evaluation mode for a block of code, after which each module is back in its own mode."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import ParamSpec, TypeVar

from torch import nn

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def evaluating(*networks: nn.Module) -> Iterator[None]:
    """Hold networks in evaluation mode: dropout off, batch statistics used and not changed.

    At the end every module has the mode that it had, those that were in another mode than their owner included.
    """
    modes = [(module, module.training) for network in networks for module in network.modules()]
    was_training = [module for module, mode in modes if mode]
    for module in was_training:
        module.training = False
    try:
        yield
    finally:
        for module in was_training:
            module.training = True


def at_rest(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that it evaluates every network among its arguments, and leaves its modes."""

    @functools.wraps(function)
    def called(*arguments: P.args, **options: P.kwargs) -> R:
        given = [value for value in (*arguments, *options.values()) if isinstance(value, nn.Module)]
        with evaluating(*given):
            return function(*arguments, **options)

    return called


@contextmanager
def asking(ask: Callable[[], object], *networks: nn.Module) -> Iterator[None]:
    """Call `ask` before each batch that goes through one of the networks, so that something long can be broken off.

    Args:
        ask: Called without arguments; what it raises ends the work.
        networks: For example encoder and decoder.
    """
    with ExitStack() as stack:
        for network in networks:
            handle = network.register_forward_pre_hook(lambda *_: (ask(), None)[1])
            stack.callback(handle.remove)
        yield
