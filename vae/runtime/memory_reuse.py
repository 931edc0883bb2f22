"""Whether a process keeps the memory that a step frees, or asks the system for it in each step."""

from __future__ import annotations

import ctypes
import os
import sys

#: Parameters of `mallopt`, see malloc.h of the GNU C library.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
#: Bytes that stay with the process when they are freed.
_KEPT = 1 << 30
#: The largest block, bytes, that is not mapped on its own; old versions of the library take no more than the second.
_LARGEST = (256 << 20, 32 << 20)
#: Who sets one of these has decided otherwise.
_SETTINGS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory() -> bool:
    """Let a process that trains keep up to a gibibyte of freed memory, for its next step.

    The GNU C library gives large blocks back to the system as soon as they are free. Each step then gets its
    activations, gradients and rounded weights as new pages, which the system has to clear first: thousands of page
    faults a step of a convolutional network, a tenth of its time. Numbers are the same. Other C libraries, and
    settings that the user has made, stay as they are.

    Returns:
        Whether the memory is now kept.

    Source:
        https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    if not sys.platform.startswith("linux") or any(os.environ.get(name) for name in _SETTINGS):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    # Both or none: to set one of them stops the library from raising the other as blocks are freed.
    return any(mallopt(_MMAP_THRESHOLD, size) for size in _LARGEST) and bool(mallopt(_TRIM_THRESHOLD, _KEPT))
