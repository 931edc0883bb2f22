"""Atomic replacement of small files, JSON, and disk errors as sentences."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import secrets
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from vae.errors import UserError
from vae.storage.confined import folder_of, open_plain, opened_folder
from vae.storage.held_folder import check_held
from vae.storage.locking import try_to_lock
from vae.storage.open_folder import names_of

#: Largest JSON file that is read; a run's own are a few kilobytes.
MAX_JSON_BYTES = 1_000_000
#: What a file is called while it is written: the machine and process that write it.
_OURS = re.compile(r"\..+\.([0-9a-f]{8})-([0-9]{1,10})-[0-9a-f]{8}\.tmp", re.DOTALL)
_AN_HOUR = 3600.0


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large for a number")
    return value


_strict = json.JSONDecoder(parse_float=_finite_float, parse_constant=_refuse_constant)


def parse_json(text: str) -> Any:
    """Parse JSON as the standard has it: no NaN, no Infinity, no number that overflows to it.

    Raises:
        ValueError: If the text is not JSON, or is nested too deeply to parse.
    """
    try:
        return _strict.decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_json(path: Path, max_bytes: int = MAX_JSON_BYTES) -> Any:
    """Read one JSON file whose author is not trusted: its size is bounded before it is read.

    Raises:
        UserError: If it is not a plain file, too large, or not JSON.
        OSError: If it is missing (`FileNotFoundError`) or cannot be read.
    """
    with open_plain(path) as file:
        return json_of(file, path, max_bytes)


def json_of(file: BinaryIO, path: Path, max_bytes: int = MAX_JSON_BYTES) -> Any:
    """As `read_json`, of an open file.

    Raises:
        UserError: If it is too large, or not JSON.
        OSError: If it cannot be read.
    """
    size = os.fstat(file.fileno()).st_size
    data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise UserError(
            f"{path.name} must hold at most {max_bytes:,} bytes, and holds {max(size, len(data)):,}; "
            "it is damaged, or was not written by Latent Lab"
        )
    try:
        return parse_json(data.decode())
    except ValueError as error:
        raise UserError(f"{path.name} is not JSON ({error}); restore it from a copy") from None


class NoFolder(FileNotFoundError):
    """A file could not be written because its folder, which `filename` names, does not exist."""


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Write a file beside `path`; put it in `path`'s place when the block ends without an error.

    An error leaves the old file as it was and nothing beside it. A killed process leaves a hidden file that
    `sweep` removes. The new file has the permissions that the user's umask gives, so that a shared folder
    stays shared. What stands at `path` is replaced and never followed, a link included.

    Args:
        path: The file to replace; its folder must exist.
        durable: Also survive a power failure, which costs about a millisecond or more. Without it, a power
            failure may leave an empty file; a killed process may not.
    Raises:
        NoFolder: If the folder of `path` does not exist.
        FolderLost: If it is in a run's folder that this process holds, and that is not at its path any more.
        OSError: If the disk is full or not writable, with `path` as its file name; see `disk_sentence`.
    """
    with _named_folder_of(path) as (folder, name):
        try:
            with replacing_in(folder, name, durable=durable) as file:
                yield file
                check_held(path)  # it may have taken long
        except FileNotFoundError as error:
            if not path.parent.exists():
                raise NoFolder(error.errno, error.strerror, str(path.parent)) from error
            name_error(error, path)
            raise
        except OSError as error:
            if not isinstance(error, UserError):
                name_error(error, path)
            raise


@contextmanager
def replacing_in(folder: int, name: str, *, durable: bool = True) -> Iterator[BinaryIO]:
    """As `replacing`, in a folder that is open already."""
    with _beside(folder, name) as (file, beside):
        try:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
            os.replace(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(beside, dir_fd=folder)
            raise
    if durable:
        with suppress(OSError):
            os.fsync(folder)


@contextmanager
def _beside(folder: int, name: str) -> Iterator[tuple[BinaryIO, str]]:
    """A new hidden file in an open folder, and its name, which says whose it is; locked as long as it is written."""
    while True:
        beside = f".{name}.{_this_machine()}-{os.getpid()}-{secrets.token_hex(4)}.tmp"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(beside, flags, 0o666, dir_fd=folder), "wb") as file:
            # One who sweeps may have come between: then the file is gone, or about to go.
            if try_to_lock(file.fileno()) is not False and os.fstat(file.fileno()).st_nlink:
                yield file, beside
                return


@cache
def _this_machine() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


@contextmanager
def _named_folder_of(path: Path) -> Iterator[tuple[int, str]]:
    with ExitStack() as stack:
        try:
            found = stack.enter_context(folder_of(path, write=True))
        except FileNotFoundError as error:
            raise NoFolder(error.errno, error.strerror, str(path.parent)) from error
        yield found


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """Replace a JSON file atomically.

    Raises:
        ValueError: If the value holds a NaN or an infinity.
        OSError: If the disk is full or not writable; the old file is left as it was.
    """
    data = _as_json(value)
    with replacing(path, durable=durable) as file:
        file.write(data)


def write_json_in(folder: int, name: str, value: Any) -> None:
    """As `write_json`, in a folder that is open already."""
    data = _as_json(value)
    with replacing_in(folder, name) as file:
        file.write(data)


def _as_json(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False, indent=1).encode() + b"\n"


def sweep(path: Path, *, older_than: float = 0.0, name: str | None = None, root: Path | None = None) -> None:
    """Remove what killed writers left in a folder; what is being written, by whomever and wherever, stays.

    Args:
        path: The folder.
        older_than: Seconds since the last write to a file of an older version, of which nobody knows who writes it.
        name: Only what was to become the file of this name.
        root: The folder below which no link is followed, where the path's names do not say it.
    """
    with suppress(OSError), opened_folder(path, root=root) as folder:
        for left in names_of(folder):
            if not (left.startswith(f".{name}." if name else ".") and left.endswith(".tmp")):
                continue
            with suppress(OSError):
                _remove_unless_written(folder, left, older_than)


def _remove_unless_written(folder: int, name: str, older_than: float) -> None:
    found = os.lstat(name, dir_fd=folder)
    if not stat.S_ISREG(found.st_mode):
        return
    age, whose = time.time() - found.st_mtime, _OURS.fullmatch(name)
    if whose is None:
        if age >= older_than:
            os.unlink(name, dir_fd=folder)
        return
    descriptor = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        is_free = try_to_lock(descriptor)
        if is_free is None:  # a disk without locks
            is_free = age > _AN_HOUR or (whose[1] == _this_machine() and not _is_alive(int(whose[2])))
        if is_free:
            os.unlink(name, dir_fd=folder)
    finally:
        os.close(descriptor)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass  # somebody else's
    return True


def name_error(error: OSError, path: Path) -> None:
    """Say in the error which file it is about: a failed write does not know."""
    error.filename, error.filename2 = str(path), None


def disk_sentence(error: OSError) -> str:
    """What a user can do about a file that could not be read or written, as one sentence."""
    if isinstance(error, UserError):
        return str(error)
    file = str(error.filename) if error.filename else "a file"
    if isinstance(error, NoFolder):
        return f"the folder {file} does not exist; make it first, or restore it if it was moved or deleted"
    match error.errno:
        case errno.ENOSPC:
            return f"the disk is full: {file} could not be written; free some space and try again"
        case errno.EDQUOT:
            return f"your disk quota is used up: {file} could not be written; free some space and try again"
        case errno.EROFS:
            return f"{file} is on a read-only disk; use a folder that you may write to"
        case errno.EACCES | errno.EPERM:
            return f"no permission for {file}; change its owner or permissions, or use another folder"
        case errno.ENOENT:
            return f"{file} does not exist; was it moved or deleted?"
        case errno.ENOTDIR | errno.EEXIST:
            return f"{_file_in_the_way(file)} is a file; give a folder"
        case errno.ENOLCK:
            return f"the disk of {file} knows no file locks; use a folder on another disk, or mount it with locks"
        case errno.EISDIR:
            return f"{file} is a folder; give a file"
        case _:
            return f"{file} could not be read or written: {error.strerror or error}; check the disk"


def _file_in_the_way(file: str) -> str:
    """The part of a path that is there and no folder, though the path takes it for one; else the path itself."""
    path = Path(file)
    return next((str(part) for part in (path, *path.parents) if part.exists() and not part.is_dir()), file)
