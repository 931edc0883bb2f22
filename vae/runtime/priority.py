"""Which processes go first when several want the same cores."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

#: Where Linux keeps the weight of this process's session.
_SESSION = Path("/proc/self/autogroup")
#: Niceness of a training process that a dashboard started: pages are waited for, a run is watched.
TRAINER = 5
#: Niceness of what is computed beside runs, such as a plane of the map.
BESIDE = 10


def give_way(niceness: int) -> None:
    """Let other processes go first where all cores are wanted; a machine with a free core is used in full as before.

    Linux may share the cores among sessions first and weigh niceness only within one (`sched(7)`, autogroup), so that a
    process that leads a session of its own makes that session nicer too. Who is nicer already stays so, and what the
    system refuses changes nothing.

    Args:
        niceness: 0 to 19; beside an ordinary process one of 5 gets a quarter, one of 10 a tenth of its time.
    """
    with suppress(OSError, AttributeError):  # Windows has no niceness
        os.nice(max(0, niceness - os.nice(0)))
    # Only Linux has such groups, and not in every container; of a session without one the file is empty.
    with suppress(OSError, AttributeError, ValueError):
        if os.getsid(0) == os.getpid():
            now = int(_SESSION.read_text().rpartition(" ")[2])
            _SESSION.write_text(str(max(now, niceness)))
