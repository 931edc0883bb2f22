"""Exported runs and shared sites: one file on disk, streamed from there, then removed.

The file has no name, so nothing is left of it however the server ends. It lies beside the runs: the system's place for
temporary files is often memory.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dashboard import settings
from dashboard.server.answers import NotFound, refusal
from vae.runs.archive import MAX_BYTES, export_run
from vae.runs.run import Run

#: Seconds for which a packed run can be fetched.
SECONDS = 600.0
#: Packed runs that lie ready at once, and their bytes together; the oldest make room.
MOST, MOST_BYTES = 8, 2 * MAX_BYTES
_PIECE = 1 << 20


class Packed:
    """A file without a name; it goes when nobody refers to it any more.

    Args:
        file_name: What the browser calls the download.
        write: Writes what is in it.
        key: What it was made of, by which it is found again.
        notes: Sentences that go with it.
    """

    def __init__(
        self, file_name: str, write: Callable[[BinaryIO], None], key: str = "", notes: Sequence[str] = ()
    ) -> None:
        root = settings.runs_root()
        with tempfile.TemporaryFile(dir=root if root.is_dir() else None) as file:
            write(file)
            file.flush()
            self._descriptor = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._descriptor)
        self.file_name, self.size = file_name, os.fstat(self._descriptor).st_size
        self.token, self.key, self.notes = secrets.token_urlsafe(16), key, tuple(notes)

    def read(self, offset: int) -> bytes:
        """The piece that begins at a byte."""
        return os.pread(self._descriptor, _PIECE, offset)


_lock = threading.Lock()
_ready: OrderedDict[str, tuple[Packed, threading.Timer]] = OrderedDict()


def pack(run: Run, progress: Callable[[int, int], None] | None = None) -> Packed:
    """Pack a run; for a while it can be fetched with its token.

    Args:
        run: Which.
        progress: Told how many bytes of how many are packed; what it raises calls the packing off.
    Raises:
        ArchiveError: If it is too large, or the disk fails.
        OSError: If no file can be made beside the runs.
    """
    return keep(f"{run.id}.zip", lambda file: export_run(run, file, progress))


def keep(
    file_name: str, write: Callable[[BinaryIO], None], *, key: str = "", notes: Sequence[str] = ()
) -> Packed:
    """Write a file; for a while it can be fetched with its token.

    Args:
        file_name: What the browser calls the download: letters, digits, dots and hyphens.
        write: Writes what is in it; what it raises calls it off.
        key: By which `find` finds it.
        notes: Sentences that go with it.
    Raises:
        OSError: If no file can be made beside the runs.
    """
    packed = Packed(file_name, write, key, notes)
    end = threading.Timer(SECONDS, forget, [packed.token])
    end.daemon = True
    end.start()
    with _lock:
        _ready[packed.token] = packed, end
        waiting = list(_ready)
    while len(waiting) > MOST or _num_bytes() > MOST_BYTES:
        forget(waiting.pop(0))
    return packed


def find(key: str) -> Packed | None:
    """The newest file of a key that can still be fetched."""
    with _lock:
        return next((packed for packed, _ in reversed(_ready.values()) if packed.key == key), None)


def forget(token: str) -> None:
    """Let a packed run go; who is fetching it gets all of it."""
    with _lock:
        found = _ready.pop(token, None)
    if found is not None:
        found[1].cancel()


def _num_bytes() -> int:
    with _lock:
        return sum(packed.size for packed, _ in _ready.values())


async def answer(request: Request) -> Response:
    """The packed run that a token stands for, as a download."""
    with _lock:
        found = _ready.get(request.path_params["token"])
    if found is None:
        return refusal(NotFound("this file has been removed; press Export or Share on the Runs page again"))
    return _Download(found[0])


class _Download(Response):
    def __init__(self, packed: Packed) -> None:
        kind = "text/html" if packed.file_name.endswith(".html") else "application/zip"
        super().__init__(media_type=kind)
        self._packed = packed
        self.headers["Content-Length"] = str(packed.size)
        self.headers["Content-Disposition"] = f'attachment; filename="{packed.file_name}"'
        self.headers["Cache-Control"] = "no-store"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, as fast as the client takes it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        offset = 0
        while piece := await asyncio.to_thread(self._packed.read, offset):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            offset += len(piece)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
