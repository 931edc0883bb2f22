"""Freed memory stays with a process that trains, unless the user has said otherwise."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from vae.runtime import memory_reuse
from vae.runtime.memory_reuse import keep_freed_memory

#: As a step does: several large blocks at once, all freed at its end.
STEPS = """
import resource
def step():
    held = [bytearray(4 << 20) for _ in range(16)]
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
KEEP = "from vae.runtime.memory_reuse import keep_freed_memory\nassert keep_freed_memory()\n"


def page_faults(code: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of the GNU C library")
def test_steps_use_the_memory_of_the_step_before(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in memory_reuse._SETTINGS:
        monkeypatch.delenv(name, raising=False)
    given_back, kept = page_faults(STEPS), page_faults(KEEP + STEPS)
    assert kept < 1_000 < 10_000 < given_back


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"])
def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: pytest.fail("asked the library"))
    monkeypatch.setenv(name, "131072")
    assert not keep_freed_memory()


@pytest.mark.parametrize("accepted", [256 << 20, 32 << 20, 0], ids=["new", "old", "none"])
def test_a_library_that_takes_less_or_nothing_is_left_whole(
    monkeypatch: pytest.MonkeyPatch, accepted: int
) -> None:
    for name in memory_reuse._SETTINGS:
        monkeypatch.delenv(name, raising=False)
    taken: list[tuple[int, int]] = []

    class Library:
        @staticmethod
        def mallopt(parameter: int, value: int) -> int:
            if parameter == -3 and value > accepted:
                return 0
            taken.append((parameter, value))
            return 1

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Library)
    monkeypatch.setattr(sys, "platform", "linux")
    assert keep_freed_memory() == bool(accepted)
    assert taken == ([(-3, accepted), (-1, 1 << 30)] if accepted else [])
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert not keep_freed_memory()
