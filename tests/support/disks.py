"""A disk so small that it can really be full."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(place: Path, num_kilobytes: int) -> Iterator[Path]:
    """A disk of that size, mounted at a new folder; where that cannot be done the test is skipped."""
    place.mkdir()
    mounted = sys.platform == "linux" and os.geteuid() == 0
    if mounted:
        command = ["mount", "-t", "tmpfs", "-o", f"size={num_kilobytes}k", "tmpfs", str(place)]
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    if not mounted:
        pytest.skip("a small disk can be mounted by root on Linux only")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
