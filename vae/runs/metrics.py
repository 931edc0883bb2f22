"""Read and write `metrics.jsonl`, a run's history, with one writer and any number of readers.

What a line is says `vae.runs.metric_lines`.
"""

from __future__ import annotations

import json
import math
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from vae.limits import HISTORY_BYTES, HISTORY_LINES, HISTORY_SCAN_BYTES
from vae.runs.metric_lines import Line, is_line, parse_line, thinned
from vae.storage.appending import open_to_append
from vae.storage.atomic import name_error, replacing
from vae.storage.confined import lstat, open_plain
from vae.storage.held_folder import FolderLost, check_held

#: Bytes read at once.
_BLOCK = 1 << 20
#: Bytes by which the number of lines is estimated.
_PEEK = 1 << 16
#: Lines that are tried for the newest of a kind.
_TRIES = 200
#: Bytes before a reader's place by which it knows the file again.
_FOOTPRINT = 64
_TOKEN = re.compile(r"(\d{1,20})-(\d{1,20})(?:-([0-9a-f]{8}))?")


# Writing ----------------------------------------------------------------------------------------------------


class MetricsWriter:
    """Appends lines to a history. Only the trainer that holds the run's lock may have one.

    Opening cuts off a torn last line, which a killed trainer or a full disk may have left.

    Args:
        path: The file; made if it is missing.
    Raises:
        NotPlain: If something other than a plain file has its name; a link is not followed.
        OSError: If it cannot be opened or written; see `vae.storage.atomic.disk_sentence`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1
        self._open()

    def _open(self) -> None:
        self._descriptor = open_to_append(self.path)
        info = os.fstat(self._descriptor)
        self._file, size = (info.st_dev, info.st_ino), info.st_size
        self._offset = self._end_of_lines(size)
        self._torn = self._offset < size
        self._cut()

    def _end_of_lines(self, before: int) -> int:
        """Where the last whole line that ends at or before an offset ends."""
        end = before
        while end > 0:
            start = max(0, end - _BLOCK)
            newline = os.pread(self._descriptor, end - start, start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
        return 0

    def _cut(self) -> None:
        if self._torn:
            os.ftruncate(self._descriptor, self._offset)
            self._torn = False

    @property
    def offset(self) -> int:
        """Bytes written so far: a checkpoint keeps it, and a resumed run goes back to it by `truncate`."""
        return self._offset

    def write(self, line: Line) -> None:
        """Append one line; readers see it at once.

        Raises:
            ValueError: If it is not what `is_line` accepts, a NaN in it for instance.
            FolderLost: If the file, or the run's folder, is not at its path any more.
            OSError: If the disk is full or gone. What was written of the line is taken back.
        """
        if not is_line(line):
            raise ValueError(f"a line of metrics must have all its fields and finite numbers, got {line!r}")
        rest = memoryview(json.dumps(line, allow_nan=False, separators=(",", ":")).encode() + b"\n")
        self._check_place()
        try:
            self._cut()
            size = len(rest)
            while rest:
                self._torn = True
                rest = rest[os.write(self._descriptor, rest) :]
            self._torn = False
        except OSError as error:
            with suppress(OSError):  # if not now, before the next line, or when the file is opened again
                self._cut()
            name_error(error, self.path)
            raise
        self._offset += size

    def _check_place(self) -> None:
        """Make sure that readers find what is written: a file that was removed or replaced takes it in silence."""
        check_held(self.path)
        try:
            there = lstat(self.path)
        except FileNotFoundError:
            there = None
        if there is None or (there.st_dev, there.st_ino) != self._file:
            raise FolderLost(
                f"the run's {self.path.name} must stay while it is written, and was removed or replaced; restore it, "
                "and continue from the last checkpoint with `vae train --resume`"
            )

    def truncate(self, offset: int) -> None:
        """Go back to what the file held when `offset` was its size, to whole lines.

        The kept part becomes a new file in the old one's place, so that readers notice even if the file has
        grown past their place again before they look. Where there is nothing to cut, nothing changes.

        Raises:
            ValueError: If the offset is negative.
            OSError: If the disk is full or not writable; the file is left as it was.
        """
        if offset < 0:
            raise ValueError(f"offset must be >= 0, got {offset}; use 0 to start from the beginning")
        if offset >= self._offset:
            return
        end = self._end_of_lines(offset)
        with replacing(self.path) as kept:
            place = 0
            while place < end and (block := os.pread(self._descriptor, min(_BLOCK, end - place), place)):
                kept.write(block)
                place += len(block)
        self.close()
        self._open()

    def sync(self) -> None:
        """Make what was written survive a power failure, before a checkpoint records `offset` say."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file; nothing is lost without it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


# Reading ----------------------------------------------------------------------------------------------------


class MetricsReader:
    """Follows a history while it grows, is cut back at a resume, appears or goes away.

    It holds no file open between reads. Broken lines are left out; a torn last line waits until it is whole.

    Args:
        path: The file; it need not exist yet.
        token: Where an earlier reader stopped (its `token`), to go on from there. If the file is no longer
            the one that it read, or the token makes no sense, reading begins anew.
    """

    def __init__(self, path: Path, token: str | None = None) -> None:
        self.path = path
        #: Lines that were passed over at the last reading, because there were so many; one for a piece of the file that
        #: was not read.
        self.num_skipped = 0
        self._inode: int | None = None
        self._offset = 0
        self._footprint: int | None = None
        if token is not None and (match := _TOKEN.fullmatch(token)):
            self._inode, self._offset = int(match[1]), int(match[2])
            self._footprint = int(match[3], 16) if match[3] else None

    @property
    def token(self) -> str:
        """This place in this very file, for a later reader: `<inode>-<offset>-<checksum>`."""
        footprint = "" if self._footprint is None else f"-{self._footprint:08x}"
        return f"{self._inode or 0}-{self._offset}{footprint}"

    @property
    def offset(self) -> int:
        """Bytes of the file that it has read."""
        return self._offset

    def read(self, at_most: int | None = None, until: int | None = None) -> tuple[bool, list[Line], int]:
        """What has been written since the last call.

        Args:
            at_most: Thin what is returned (see `thin`), in little memory however long the history is.
            until: Read no further than this offset; None for all there is.
        Returns:
            Whether the lines are the whole file from its beginning, so that earlier ones no longer count
            (also so at a new reader's first read, and once when the file has gone); the lines; the offset up
            to which it has read.
        Raises:
            OSError: If the file is there and cannot be read.
        """
        try:
            info = lstat(self.path)
            if info.st_ino == self._inode and info.st_size == self._offset:
                return False, [], self._offset
            with open_plain(self.path) as file:
                # All that follows is about the file that was opened, whatever the name stands for by now.
                info = os.fstat(file.fileno())
                reset = info.st_ino != self._inode or not self._is_known(file, info.st_size)
                if reset:
                    self._inode, self._offset = info.st_ino, 0
                size = info.st_size if until is None else min(until, info.st_size)
                lines: Iterable[Line] = self._lines(file, size)
                found = list(lines) if at_most is None else thinned(lines, at_most)
                self._footprint = _footprint(file, self._offset)
        except FileNotFoundError:
            reset = self._inode is not None
            self._inode, self._offset, self._footprint = None, 0, None
            return reset, [], 0
        return reset, found, self._offset

    def _is_known(self, file: BinaryIO, size: int) -> bool:
        # The inode alone will not do: a file system gives a removed file's number to the next one.
        if size < self._offset:
            return False
        return self._footprint is None or _footprint(file, self._offset) == self._footprint

    def _lines(self, file: BinaryIO, size: int) -> Iterator[Line]:
        """The lines from the present offset on; of very many evenly chosen ones, and those that are rare."""
        every = _every(file, self._offset, size)
        rare_left = HISTORY_BYTES
        self.num_skipped, number, newest = 0, -1, b""
        for text in self._texts(file, size):
            number += 1
            newest = b""
            if every > 1 and number % every:
                rare_left -= len(text) if (is_rare := _is_rare(text)) else 0
                if not is_rare or rare_left < 0:
                    self.num_skipped, newest = self.num_skipped + 1, text
                    continue
            if (line := parse_line(text)) is not None:
                yield line
        if (line := parse_line(newest)) is not None:  # where the run stands is always told
            self.num_skipped -= 1
            yield line

    def _texts(self, file: BinaryIO, size: int) -> Iterator[bytes]:
        """What stands between line ends; of a huge file every so many blocks and the last one."""
        stride = -(-(size - self._offset) // HISTORY_SCAN_BYTES)
        file.seek(self._offset)
        rest, position = b"", self._offset
        while position < size and (block := file.read(min(_BLOCK, size - position))):
            position += len(block)
            *whole, rest = (rest + block).split(b"\n")
            if len(rest) > _BLOCK:  # too long for a line: drop it, and its end will be a broken line
                rest = b""
            self._offset = position - len(rest)
            yield from whole
            if stride > 1 and position + stride * _BLOCK < size:
                position += (stride - 1) * _BLOCK
                file.seek(position)
                file.readline(_BLOCK)
                position = file.tell()
                self.num_skipped += 1
                rest = b""


def _every(file: BinaryIO, start: int, size: int) -> int:
    """Of how many lines one is parsed: by the bytes there are, and by the length of the first lines."""
    file.seek(start)
    head = file.read(_PEEK)
    num_lines = (size - start) * head.count(b"\n") / max(1, len(head))
    return max(1, -(-(size - start) // HISTORY_BYTES), math.ceil(num_lines / HISTORY_LINES))


def _is_rare(text: bytes) -> bool:
    """Whether a line is an event or an evaluation, of which a history has few."""
    start = text[:100]
    return b'"event"' in start or b'"validation"' in start


def _footprint(file: BinaryIO, offset: int) -> int:
    start = max(0, offset - _FOOTPRINT)
    file.seek(start)
    return zlib.crc32(file.read(offset - start))


def left_out(path: Path) -> str:
    """Of a long history: what of it is not read, as a sentence; empty if all is."""
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            every = _every(file, 0, size)
    except OSError:
        return ""
    if every < 2:
        return ""
    return (
        f"This run's history is long ({size / 2**20:,.0f} MiB). Showing one in {every} training lines; "
        "evaluations and events are complete, unless they too are very many."
    )


def newest(path: Path) -> dict[str, Line]:
    """The newest `train` and `validation` line, as far as there are any in the last 4 MB of the file.

    Raises:
        NotPlain: If something other than a plain file has its name.
    """
    found: dict[str, Line] = {}
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            for span in (1 << 16, 1 << 22):
                start = max(0, size - span)
                file.seek(start)
                whole = file.read(size - start).split(b"\n")[:-1]  # what follows the last newline is torn
                for split in {"train", "validation"} - found.keys():
                    such = (text for text in reversed(whole) if f'"{split}"'.encode() in text)
                    for text in islice(such, _TRIES):
                        line = parse_line(text)
                        if line is not None and line.get("split") == split:
                            found[split] = line
                            break
                if len(found) == 2 or start == 0:
                    break
    except FileNotFoundError:
        pass
    return found
