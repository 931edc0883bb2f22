"""How torch's threads share the cores with the rest of the machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

#: Examples times parameters of a step that one core does as fast as several.
_SMALL = 10_000_000
#: How many callers of `one_core_each` there are now, and how many threads torch had before the first of them.
_callers, _threads_before, _counted = 0, 1, threading.Lock()


def share_cores() -> None:
    """Let torch's threads spin only briefly while they wait for each other, for processes beside a browser.

    By default OpenMP's threads spin for a long time. Where other programs want the same cores, a thread spins through
    its whole time slice while the one it waits for is not running, and a training step takes many times as long.
    Sleeping at once would double a step on an idle machine; this short spin costs nothing there. It counts only before
    torch is first imported, and a value that the user has set stays.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")


def suit(model: torch.nn.Module, batch_size: int) -> None:
    """Let a process that trains nothing but this model use one core, if the model is too small to be shared.

    Threads that share a step wait for each other after every operation. Where a step is short that costs more than it
    gains, and many times as much where a browser wants a core too. A number of threads that the user has set stays.

    Args:
        model: What is trained, on this machine's cores.
        batch_size: Examples in a step.
    """
    import torch

    products = batch_size * sum(parameter.numel() for parameter in model.parameters())
    if products <= _SMALL and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)


@contextmanager
def one_core_each(
    num: int | None = None,
) -> Iterator[Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]]:
    """A `map` whose calls run side by side, each on one core, for many small pieces of work.

    Where torch shares each operation among its threads, they wait for each other after every one, and for long where
    other programs want a core. Pieces that know nothing of each other need not wait. While it is open, torch's matrix
    products use one core in the other threads of the process, too.

    Args:
        num: Calls at once; without, as many as torch has threads. With 1 it is the built-in `map`.

    Yields:
        The function; results come in order. Gradients are on in its calls unless they turn them off themselves.
    """
    import torch

    global _callers, _threads_before
    with _counted:
        if not _callers:
            _threads_before = torch.get_num_threads()
        num = _threads_before if num is None else num
        _callers += num > 1
    if num <= 1:
        yield map
        return
    pool = ThreadPoolExecutor(num, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)
        with _counted:
            _callers -= 1
            if not _callers:
                torch.set_num_threads(_threads_before)
