"""Paths as users type them, and files opened only if they are files."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from vae.errors import UserError, first_line
from vae.storage.atomic import disk_sentence

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def user_path(
    path: Path | str,
    error: type[UserError] = UserError,
    remedy: str = "write it out in full, from / on",
) -> Path:
    """A path as a person writes it, with `~` for a home folder; whether anything is there is not asked.

    Args:
        path: What they wrote.
        error: What to raise.
        remedy: What to do about it.

    Raises:
        UserError: If it can name nothing: it has a zero byte or half a surrogate pair in it, or names the home folder
            of nobody.
    """
    text = str(path)
    try:
        found = Path(path).expanduser()
        if "\0" not in os.fsdecode(os.fsencode(found)):
            return found
        why = "it has a zero byte in it"
    except UnicodeError:
        why = "it has letters that no file name can have"
    except (RuntimeError, KeyError):
        why = "there is no such home folder"
    raise error(f"a path must name a file or folder, got {text[:100]!r} ({why}); {remedy}")


def open_given(path: Path, what: str, error: type[UserError] = UserError) -> BinaryIO:
    """Open a file that somebody asks us to read, if it is one: a pipe would keep us waiting, and a device has no end.

    Args:
        path: As `user_path` gives it.
        what: What it shall be, for the sentence: a run's zip file.
        error: What to raise.

    Raises:
        UserError: If it is missing, something else than a plain file, or cannot be read.
    """
    try:
        # Looked at first, because to open a device may do something; and again once open, because it may have changed.
        _refuse_others(path.stat().st_mode, path, what, error)
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            _refuse_others(os.fstat(descriptor).st_mode, path, what, error)
        except UserError:
            os.close(descriptor)
            raise
        return os.fdopen(descriptor, "rb")
    except OSError as problem:
        raise error(disk_sentence(problem)) from problem


def _refuse_others(mode: int, path: Path, what: str, error: type[UserError]) -> None:
    if stat.S_ISDIR(mode):
        raise error(f"{path} is a folder; give a file")
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise error(f"{what} must be a file, got {kind} ({str(path)[:200]}); save it as a file first")


def absolute(path: Path | str, error: type[UserError] = UserError) -> Path:
    """The path from the root on, `..` taken out, links left as they are.

    Args:
        path: As a person wrote it.
        error: What to raise.

    Raises:
        UserError: If it can name nothing, or its links go in a circle.
    """
    try:
        path = user_path(path, error)
        return path.absolute() if ".." not in path.parts else path.resolve()
    except error:
        raise
    except (RuntimeError, OSError, ValueError) as problem:
        raise error(f"{str(path)[:200]!r} is not a folder ({first_line(problem)}); give another") from None
