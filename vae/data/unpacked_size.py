"""Whether there is room for images, before they are unpacked: by what a file can honestly hold, and by free memory."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from vae.data.types import DataError
from vae.limits import ROOM_FREE_BYTES, ROOM_RATIO

#: Copies of all images that are there at once while they are read: as they are, as bytes, and in our order.
_COPIES = 2


def check_room(unpacked: int, stored: int, place: str) -> None:
    """Check that images may be unpacked.

    Args:
        unpacked: Bytes that they take once they are unpacked, as the files claim.
        stored: Bytes that they take on the disk.
        place: What they are, for the sentence.

    Raises:
        DataError: If a small file claims what images never pack into, or the machine has no room for them.
    """
    if unpacked > ROOM_FREE_BYTES and unpacked > ROOM_RATIO * stored:
        raise DataError(
            f"{place} must not unpack to more than {ROOM_RATIO} times their file, got {unpacked:,} bytes from "
            f"{stored:,}; such images are all alike: use fewer, or save them without compression"
        )
    free = free_memory()
    if free is not None and _COPIES * unpacked > free:
        raise DataError(
            f"{place} must fit into memory {_COPIES} times while they are read, and take {unpacked:,} bytes where "
            f"{free:,} are free; use fewer or smaller ones"
        )


def free_memory() -> int | None:
    """Bytes of memory that this process may still take; None where the system does not say."""
    found: list[int] = []
    with suppress(OSError, ValueError, StopIteration), Path("/proc/meminfo").open("rb") as file:
        found.append(1024 * next(int(line.split()[1]) for line in file if line.startswith(b"MemAvailable")))
    # A container may have less than its machine.
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        folder = Path("/sys/fs/cgroup")
        with suppress(OSError, ValueError):
            found.append(int((folder / limit).read_text()) - int((folder / used).read_text()))
    if not found:
        with suppress(OSError, ValueError, AttributeError):
            found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    return max(0, min(found)) if found else None
