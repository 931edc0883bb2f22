"""Who goes first: a process that gives way does so within its session and, as the leader of one, among sessions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vae.runtime import priority

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
_SAY = """
import os
from vae.runtime.priority import give_way
for niceness in ({calls}):
    give_way(niceness)
print(os.nice(0))
try:
    print(open("/proc/self/autogroup").read())
except OSError:  # no such groups here
    pass
"""


def _say(*calls: int, leads: bool) -> tuple[int, str]:
    """What a process that gave way says of itself, and of its session."""
    script = _SAY.format(calls="".join(f"{call}, " for call in calls))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, start_new_session=leads
    )
    own, _, group = done.stdout.partition("\n")
    return int(own), _weight(group)


def _weight(group: str) -> str:
    """The last word of what Linux says of a session, and `none` where it has no groups or this session is in none."""
    return (group.split() or ["none"])[-1]


#: What these tests are run with themselves.
_OURS = os.nice(0)


def test_a_leader_makes_its_session_nicer_too() -> None:
    own, group = _say(priority.TRAINER, leads=True)
    assert own == max(priority.TRAINER, _OURS)
    assert group in (str(priority.TRAINER), "none")


def test_the_session_of_others_stays_as_it_is() -> None:
    own, group = _say(19, leads=False)
    assert own == 19
    ours = Path("/proc/self/autogroup")
    assert group == _weight(ours.read_text() if ours.exists() else "")


def test_asking_twice_is_asking_once_and_asking_for_less_takes_nothing_back() -> None:
    own, group = _say(18, 18, 3, leads=True)
    assert own == 18
    assert group in ("18", "none")


def test_what_the_system_refuses_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "nice", refuse)
    monkeypatch.setattr(priority, "_SESSION", tmp_path / "absent" / "autogroup")
    priority.give_way(priority.TRAINER)
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("content", ["", "\n", "/autogroup-7 nice"])
def test_a_session_without_a_group_changes_nothing(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = tmp_path / "autogroup"
    group.write_text(content)
    monkeypatch.setattr(priority, "_SESSION", group)
    monkeypatch.setattr(os, "nice", lambda _: 0)
    monkeypatch.setattr(os, "getsid", lambda _: os.getpid())
    priority.give_way(priority.TRAINER)
    assert group.read_text() == content


def test_a_system_without_niceness_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "nice")
    priority.give_way(priority.TRAINER)
