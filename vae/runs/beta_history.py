"""Which β a run was trained with, one after the other: it may be changed by hand while it trains."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vae.runs.metric_lines import parse_line
from vae.storage.confined import lstat, open_plain

if TYPE_CHECKING:
    from vae.config.schema import RunConfig
    from vae.runs.run import Run

#: What a line of a change of β holds, as `MetricsWriter` writes it.
_MARK = b'"event":"beta"'
_BLOCK = 1 << 20
#: Of a longer history only the end is looked at, bytes.
_MOST_BYTES = 64 << 20
#: Runs whose changes are remembered, and changes of one.
_MOST_RUNS, _MOST_CHANGES = 4000, 1000
#: Values of β that are written out; of more, the first and the last ones.
_SHOWN = 4


@dataclass(frozen=True)
class _Change:
    """β before and after; whether it was set by hand, or given back to the schedule."""

    before: float | None
    after: float
    by_hand: bool


@dataclass
class _Seen:
    """How far a history has been looked through, and the changes that were found."""

    inode: int
    offset: int
    found: list[_Change]


_seen: OrderedDict[Path, _Seen] = OrderedDict()
_lock = threading.Lock()


def betas(run: Run) -> tuple[float, ...]:
    """The values of β that a run was trained with, in their order; a schedule counts as the value that it comes to.

    What was looked through once is not read again, so that a list of many runs is quickly made.
    """
    changes = _changes(run.metrics_path)
    if not changes:
        return (run.config.objective.beta,)
    planned, before = run.config.objective.beta, changes[0].before
    is_moving = run.config.objective.schedule != "constant"
    values = [planned if is_moving or before is None else before]
    values += [planned if is_moving and not change.by_hand else change.after for change in changes]
    return tuple(value for place, value in enumerate(values) if not place or value != values[place - 1])


def config_as_left(run: Run) -> RunConfig:
    """The run's configuration; if β was set by hand, with the last β as its constant one, which its weights came of."""
    changes = _changes(run.metrics_path)
    if not changes or not changes[-1].by_hand or changes[-1].after == run.config.objective.beta:
        return run.config
    objective = run.config.objective.replace(beta=changes[-1].after, schedule="constant")
    return run.config.replace(objective=objective)


def beta_words(run: Run) -> str:
    """The values of β as a short text: `4`, `1 → 4`, or `1 → … → 0.5` where there were many."""
    values = [f"{value:g}" for value in betas(run)]
    if len(values) > _SHOWN:
        values = [values[0], "…", values[-1]]
    return " → ".join(values)


def title_of(run: Run) -> str:
    """The run's name, with all values of β where it names the first alone or none: `digits vae 2d β=1 → 4`."""
    words = beta_words(run)
    if "→" not in words:
        return run.name
    first = f"β={run.config.objective.beta:g}"
    if run.name.endswith(first):
        return f"{run.name[: -len(first)]}β={words}"
    return f"{run.name} · β {words}"


def _changes(path: Path) -> list[_Change]:
    """The changes of β that a history tells of; none of one that cannot be read."""
    with _lock:
        known = _seen.get(path)
        with suppress(OSError):
            info = lstat(path)
            if known is None or known.inode != info.st_ino or info.st_size < known.offset:
                known = _Seen(info.st_ino, max(0, info.st_size - _MOST_BYTES), [])
            if info.st_size > known.offset:
                _look(path, known)
            _seen[path] = known
            _seen.move_to_end(path)
            while len(_seen) > _MOST_RUNS:
                _seen.popitem(last=False)
            return list(known.found)
    return []


def _look(path: Path, seen: _Seen) -> None:
    """Look through what was written since; a torn last line waits until it is whole."""
    with open_plain(path) as file:
        seen.inode = os.fstat(file.fileno()).st_ino
        file.seek(seen.offset)
        rest = b""
        while block := file.read(_BLOCK):
            text = rest + block
            end = text.rfind(b"\n") + 1
            whole, rest = text[:end], text[end:]
            seen.offset += end
            if len(rest) > _BLOCK:  # too long for a line
                seen.offset, rest = seen.offset + len(rest), b""
            if _MARK in whole:
                _collect(whole, seen.found)


def _collect(text: bytes, found: list[_Change]) -> None:
    for one in text.split(b"\n"):
        if _MARK not in one or (line := parse_line(one)) is None or line.get("event") != "beta":
            continue
        before, after = line.get("before"), line.get("beta")
        if isinstance(after, int | float) and len(found) < _MOST_CHANGES:
            known = float(before) if isinstance(before, int | float) else None
            found.append(_Change(known, float(after), line.get("by_hand") is not False))
