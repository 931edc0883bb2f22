"""The heartbeat of a trainer during long work: an evaluation, latent positions, a slow step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def beating(beat: Callable[[], object], seconds: float) -> Iterator[None]:
    """Call `beat` again and again, in a thread of its own, until the block ends; then no call is under way any more.

    A beat that fails is passed over: what is wrong with the run's folder, its trainer finds out when it writes there
    itself, and says so.

    Args:
        beat: Called without arguments.
        seconds: From the end of one call to the next.
    """
    is_over = threading.Event()

    def work() -> None:
        while not is_over.wait(seconds):
            with suppress(Exception):
                beat()

    thread = threading.Thread(target=work, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
