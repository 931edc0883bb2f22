"""A server that is asked to end ends soon, whatever is in progress.

The server waits, without a limit, for every open answer and connection: a computation of minutes, a download over a
slow line, a browser that says nothing more. None of them is worth the wait: what trainers write is theirs, and
everything else is written whole or not at all.
"""

from __future__ import annotations

import os
import threading

#: Seconds that open answers get after the server was asked to end.
PATIENCE = 6.0


def within(seconds: float, code: int) -> None:
    """End this process after a while at the latest.

    Args:
        seconds: How long it may go on, to end by itself.
        code: What the process ends with if it does not.
    """

    def end() -> None:
        os._exit(code)

    timer = threading.Timer(seconds, end)
    timer.daemon = True  # one that ends by itself does not wait for it
    timer.start()
