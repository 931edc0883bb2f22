"""What a command takes: seconds, and the memory of its process with all that it starts, when that is most."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What it took, what it printed, and how it ended."""

    seconds: float
    mebibytes: float
    output: str
    code: int


def cost(*arguments: object, limit: float = 100) -> Cost:
    """Run Python with these arguments, from the repository's folder.

    Args:
        arguments: As for `python`: ``-c``, code, and what the code finds in `sys.argv`.
        limit: Seconds after which it is killed.
    """
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    most = 0
    with process:
        while process.poll() is None:
            most = max(most, sum(_resident(pid) for pid in _with_children(process.pid)))
            if time.monotonic() - begun > limit:
                process.kill()
            time.sleep(0.05)  # to look at a large process takes it some time, too
        seconds = time.monotonic() - begun
        assert process.stdout is not None
        return Cost(seconds, most / 2**20, process.stdout.read(), process.returncode)


def _with_children(pid: int) -> list[int]:
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += _with_children(int(child))
    return found


def _resident(pid: int) -> int:
    """Bytes of a process; what it shares with others, as after a fork, is divided among them."""
    with suppress(OSError, IndexError, StopIteration), Path(f"/proc/{pid}/smaps_rollup").open() as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) * 1024
    return 0
