"""How torch's threads share the cores with the rest of the machine."""

from __future__ import annotations

import os


def share_cores() -> None:
    """Let torch's threads spin only briefly while they wait for each other, for processes beside a browser.

    By default OpenMP's threads spin for a long time. Where other programs want the same cores, a thread spins through
    its whole time slice while the one it waits for is not running, and a training step takes many times as long.
    Sleeping at once would double a step on an idle machine; this short spin costs nothing there. It counts only before
    torch is first imported, and a value that the user has set stays.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
