"""What `vae.watch` found out about a user's networks and loop, as a file of the run that pages can read.

Imports no torch: pages that only say what is there are quick.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vae.errors import UserError, clean
from vae.storage.atomic import read_json, write_json

if TYPE_CHECKING:
    from vae.runs.run import Run

#: File of a watched run with what its weights files cannot say.
WATCH_FILE = "watch.json"
#: Sentences that are read; a run may come from somebody else.
_MOST_GUESSES = 20


@dataclass(frozen=True)
class WatchNotes:
    """What pages need to know of a watched run.

    Attributes:
        problem: Why no networks could be kept, as a sentence; empty if they are kept.
        guesses: What was taken for granted of networks and data, and how to say otherwise, as sentences.
        reads_beta: Whether the loop asks the watcher for β, so that the slider steers it; None if nothing is known yet.
        reads_stop: Whether it asks if it shall stop.
        decoder_gives: What the decoder's output was taken for, in the words of `vae.watching.adapters.Gives`.
    """

    problem: str = ""
    guesses: tuple[str, ...] = ()
    reads_beta: bool | None = None
    reads_stop: bool | None = None
    decoder_gives: str = ""

    @classmethod
    def of(cls, run: Run) -> WatchNotes:
        """Those of a run; empty for one that was trained here, and for a file that makes no sense."""
        if run.config.model.network != "external":
            return cls()
        try:
            values = read_json(run.path / WATCH_FILE)
        except (OSError, UserError):
            return cls()
        if not isinstance(values, dict):
            return cls()
        guesses = values.get("guesses")
        return cls(
            problem=_sentence(values.get("problem")),
            guesses=tuple(filter(None, map(_sentence, guesses[:_MOST_GUESSES])))
            if isinstance(guesses, list)
            else (),
            reads_beta=_flag(values.get("reads_beta")),
            reads_stop=_flag(values.get("reads_stop")),
            decoder_gives=_sentence(values.get("decoder_gives")),
        )


def write_notes(run: Run, values: dict[str, Any]) -> None:
    """Replace a watched run's notes.

    Raises:
        OSError: If the disk is full or not writable.
    """
    write_json(run.path / WATCH_FILE, values)


def why_no_networks(run: Run) -> str:
    """Why a watched run keeps no networks, as a sentence; empty if it keeps some, or is none."""
    return WatchNotes.of(run).problem


def _sentence(value: object) -> str:
    """A sentence of a file, clean."""
    return clean(value) if isinstance(value, str) else ""


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
