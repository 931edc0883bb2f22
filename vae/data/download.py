"""Files brought over the network: whole and with the right checksum, or not at all."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from vae.data.types import MAX_BYTES, DataError, Progress, reason, shown
from vae.storage.scratch import sweep_old_folders, working_folder

#: Seconds without a byte after which the download turns from a server; torchvision's own waits for ever.
TIMEOUT = 20.0


def fetch(addresses: list[str], checksum: str, folder: Path, count: str, report: Progress) -> None:
    """Bring one file from the first address that has it whole."""
    from torchvision.datasets.utils import check_integrity

    problems = []
    for address in addresses:
        target = folder / address.rpartition("/")[2]
        try:
            with disk_errors(target):
                target.write_bytes(b"")
            for chunk, done, total in _chunks(address):
                with disk_errors(target), target.open("ab") as file:
                    file.write(chunk)
                report(target.name + count, done, total)
        except TransferError as error:
            problem = str(error)
        else:
            if check_integrity(target, checksum):
                return
            problem = "the file has the wrong checksum"
        problems.append(f"{urllib.parse.urlsplit(address).hostname}: {problem}")
    raise TransferError(f"{addresses[0].rpartition('/')[2]} ({'; '.join(problems)})")


class TransferError(Exception):
    """One address did not give its file."""


def _chunks(address: str) -> Iterator[tuple[bytes, int, int]]:
    """The file at an address: each piece, the bytes so far, and the bytes of the whole (0: not known)."""
    request = urllib.request.Request(address, headers={"User-Agent": "latent-lab"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            total, done = response.length or 0, 0
            yield b"", done, total
            while chunk := response.read(2**17):
                done += len(chunk)
                if done > MAX_BYTES:
                    raise TransferError(f"the file is longer than {MAX_BYTES} bytes")
                yield chunk, done, total
            if total and done != total:
                raise TransferError(f"the connection broke after {done} of {total} bytes")
    except (OSError, http.client.HTTPException) as error:
        raise TransferError(_reason(error)) from error


def _reason(error: BaseException) -> str:
    """Why a transfer failed, in a few words."""
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, BaseException):
        return _reason(error.reason)
    return f"no answer within {TIMEOUT:g} s" if isinstance(error, TimeoutError) else reason(error)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"could not write {shown(path)}: {reason(error)}; make room there or use another folder"
        ) from error


@contextmanager
def hidden_folder(root: Path) -> Iterator[Path]:
    """A folder for a download in the making, gone afterwards; what killed downloads left goes first."""
    with ExitStack() as stack:
        try:
            root.mkdir(parents=True, exist_ok=True)
            sweep_old_folders(root, ".download-")
            temporary = stack.enter_context(working_folder(root, ".downloading-"))
        except OSError as error:
            raise DataError(
                f"could not make a folder in {shown(root)}: {reason(error)}; use another folder, one of your own"
            ) from error
        yield temporary
