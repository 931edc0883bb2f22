"""A run as one zip file: to send to somebody, and to open what somebody sent.

An archive is somebody else's word. Names are checked before anything is written, sizes are counted while
unpacking rather than believed, and the run appears in its place only when all of it has been found good.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from vae.errors import UserError
from vae.limits import HEADERS_BYTES
from vae.runs.cleanup import IMPORTING, sweep_runs
from vae.runs.listing import free_id, new_run_id
from vae.runs.metrics import MetricsReader
from vae.runs.naming import RunError, is_id
from vae.runs.run import Run
from vae.runs.weights_file import check_weights
from vae.storage.atomic import disk_sentence, name_error
from vae.storage.confined import contents, is_there, open_plain
from vae.storage.locking import FOR_FOLDERS
from vae.storage.open_folder import NotPlain
from vae.storage.safetensors_header import header_bytes, inspect
from vae.storage.scratch import working_folder
from vae.storage.user_paths import absolute, open_given, user_path

#: Largest run, unpacked, bytes.
MAX_BYTES = 2 << 30
#: Most files in an archive; 500 snapshots have about 1,500.
MAX_FILES = 2000
#: Most folders and file name in a path: run/snapshots/100/weights.safetensors.
MAX_DEPTH = 4

_SUFFIXES = (".json", ".jsonl", ".safetensors")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_BLOCK = 1 << 20
#: Of a history: where a line that can be read must be, bytes.
_FIRST_LINES = 1 << 20
#: What one read of an archive may ask for: no honest table of contents is larger.
_MAX_READ = 4 << 20


class ArchiveError(UserError):
    """An archive cannot be made or opened; the message says what to do."""


# Out --------------------------------------------------------------------------------------------------------


def export_run(run: Run, file: BinaryIO, progress: Callable[[int, int], None] | None = None) -> None:
    """Write a run as a zip file: all but locks, logs and half-written files.

    The run may be training meanwhile. The same run gives the same bytes.

    Args:
        run: Which.
        file: Where to; it is written from front to back and need not be seekable.
        progress: Told after each file how many bytes of how many are packed; what it raises ends the packing.
    Raises:
        ArchiveError: If the run is larger than what can be imported again, or a disk fails.
    """
    files = _files_of(run)
    size = sum(files.values())
    if size > MAX_BYTES or len(files) > MAX_FILES:
        raise ArchiveError(
            f"an exported run must have at most {MAX_FILES:,} files and {_gib(MAX_BYTES)}, got "
            f"{len(files):,} files and {_gib(size)}; copy the run's folder instead"
        )
    done = 0
    try:
        with zipfile.ZipFile(file, "w") as archive:
            for path, bytes_of_file in files.items():
                # A trainer may have removed it, or somebody put a link in its place.
                with suppress(FileNotFoundError, NotPlain), open_plain(path, root=run.path) as source:
                    _pack(archive, "/".join((run.id, *path.relative_to(run.path).parts)), source)
                done += bytes_of_file
                if progress is not None:
                    progress(done, size)
    except OSError as error:
        raise ArchiveError(disk_sentence(error)) from error


def _pack(archive: zipfile.ZipFile, name: str, source: BinaryIO) -> None:
    """Add one file as it is now; what is appended to it meanwhile is left out."""
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    info.create_system = 3  # Unix, wherever this runs: the same bytes
    # Weights are noise to a compressor.
    info.compress_type = zipfile.ZIP_STORED if name.endswith(".safetensors") else zipfile.ZIP_DEFLATED
    info.file_size = left = os.fstat(source.fileno()).st_size
    with archive.open(info, "w") as target:
        while left > 0 and (block := source.read(min(_BLOCK, left))):
            target.write(block)
            left -= len(block)


def _files_of(run: Run) -> dict[Path, int]:
    """What belongs to the run, in a fixed order, with its size, bytes; links are left out.

    The history comes last: it then holds at least what the checkpoint before it says that it does.
    """
    found, folders = {}, [run.path]
    while folders:
        folder = folders.pop()
        with suppress(FileNotFoundError, NotPlain):
            for path, about in contents(folder, run.path):
                if not _PART.fullmatch(path.name):
                    continue
                depth = 1 + len(path.relative_to(run.path).parts)
                if stat.S_ISREG(about.st_mode) and path.suffix in _SUFFIXES:
                    found[path] = about.st_size
                elif stat.S_ISDIR(about.st_mode) and depth < MAX_DEPTH:
                    folders.append(path)
    ordered = sorted(
        found, key=lambda path: (path == run.metrics_path, path.relative_to(run.path).as_posix())
    )
    return {path: found[path] for path in ordered}


# In ---------------------------------------------------------------------------------------------------------


def import_run(file: BinaryIO | Path, root: Path | str, *, max_bytes: int = MAX_BYTES) -> Run:
    """Unpack a run that `export_run` wrote, here or anywhere, into a folder of runs.

    It keeps its id if that is free. Its download folder is forgotten, its `imported` is set (its own-data
    path is another machine's), and a trainer that was at work on it counts as interrupted. If anything is
    wrong, nothing is left behind.

    Args:
        file: The zip file, open (seekable) or its path.
        root: The folder of runs; made if it is missing.
        max_bytes: Bound of all files together, unpacked.
    Raises:
        ArchiveError: If it is not an archive of a run, dangerous, too large or damaged, or the disk is full.
    """
    root = absolute(root, RunError)
    try:
        root.mkdir(parents=True, exist_ok=True)
        sweep_runs(root)
        with ExitStack() as stack:
            stage = stack.enter_context(working_folder(root, IMPORTING))
            if isinstance(file, Path):
                file = stack.enter_context(
                    open_given(user_path(file, ArchiveError), "a run's zip file", ArchiveError)
                )
            archive = stack.enter_context(zipfile.ZipFile(_Bounded(file)))
            entries, top = _checked_entries(archive)
            _check_claims([info for _, info in entries], max_bytes)
            # The folder inside is called as a run may be, and is looked at as one.
            folder = stage / (top if top and is_id(top) else "run")
            folder.mkdir(parents=True)
            left = max_bytes
            for parts, info in entries:
                left = _unpack(archive, info, folder.joinpath(*parts), left, max_bytes)
            run = _checked_run(folder)
            return _settle(run, root, top if top and is_id(top) else new_run_id(root, run.name))
    except ArchiveError:
        raise
    except UserError as error:
        raise ArchiveError(f"the zip file holds no good run: {error}") from None
    except OSError as error:
        raise ArchiveError(disk_sentence(error)) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, struct.error, ValueError) as error:
        reason = str(error)[:200] or "it ends early"
        raise ArchiveError(
            f"the file is not a zip file, or damaged ({reason}); export the run again"
        ) from None


class _Bounded:
    """A file that refuses to be read in pieces larger than any that an honest archive asks for.

    `zipfile` reads the table of contents in one piece, of the size that the archive claims.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        data = b"" if size > _MAX_READ else self._file.read(size if size >= 0 else _MAX_READ + 1)
        if size > _MAX_READ or len(data) > _MAX_READ:
            raise ArchiveError(
                f"a zip file's list of contents must be at most {_MAX_READ:,} bytes, got more; export the run again"
            )
        return data


def _checked_entries(
    archive: zipfile.ZipFile,
) -> tuple[list[tuple[tuple[str, ...], zipfile.ZipInfo]], str | None]:
    """What to unpack: each file's path inside the run; and the folder around all, if there is one."""
    infos = archive.infolist()
    if len(infos) > MAX_FILES:
        raise ArchiveError(
            f"a run's zip file must have at most {MAX_FILES:,} entries, and has {len(infos):,}"
        )
    found: dict[tuple[str, ...], zipfile.ZipInfo] = {}
    taken: set[tuple[str, ...]] = set()
    for info in infos:
        parts = _checked_parts(info)
        if parts is None:
            continue
        key = tuple(part.casefold() for part in parts)  # many file systems do not tell A from a
        if key in taken:
            raise ArchiveError(f"a run's zip file must have each file once, and has {_shown(info)} twice")
        taken.add(key)
        found[parts] = info
    for parts in found:
        if any(tuple(part.casefold() for part in parts[:length]) in taken for length in range(1, len(parts))):
            raise ArchiveError(
                f"a run's zip file must not have a file that is also a folder, and has {'/'.join(parts)}"
            )
    if ("config.json",) in found:
        top = None
    else:
        tops = {parts[0] for parts in found}
        if len(tops) != 1 or (min(tops), "config.json") not in found:
            raise ArchiveError(
                "the zip file is not a run: it has no config.json; choose a file that Export has made"
            )
        top = tops.pop()
    skip = 0 if top is None else 1
    return [(parts[skip:], info) for parts, info in found.items()], top


def _check_claims(infos: list[zipfile.ZipInfo], max_bytes: int) -> None:
    """Check before anything is unpacked what the entries say of themselves; while they are unpacked it is counted."""
    if sum(info.file_size for info in infos) > max_bytes:
        raise ArchiveError(
            f"a run must have at most {_gib(max_bytes)} unpacked, and this zip file has more; if you trust it, copy "
            "the run's folder instead"
        )
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise ArchiveError(
                f"a run's zip file must have each byte once, and {_shown(info)} shares some with another; export the "
                "run again"
            )
        end = info.header_offset + info.compress_size


def _checked_parts(info: zipfile.ZipInfo) -> tuple[str, ...] | None:
    """An entry's path; None for what is not unpacked: folders, locks, and what macOS adds."""
    # `filename` is what zipfile made of it; the original has the NULs and backslashes.
    name = info.orig_filename
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ArchiveError(
            f"a run's zip file must hold plain files, and {_shown(info)} is a link or device; do not open it"
        )
    if info.flag_bits & 0x1:
        raise ArchiveError(f"{_shown(info)} is encrypted; export the run again without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ArchiveError(f"{_shown(info)} is packed in a way that is not read here; export the run again")
    parts = PurePosixPath(name).parts
    if name.startswith("/") or "\\" in name or ":" in name or "\0" in name or ".." in parts:
        raise ArchiveError(f"{_shown(info)} leads out of the run's folder; do not open this zip file")
    if "__MACOSX" in parts or (parts and parts[-1] in (".DS_Store", "lock", FOR_FOLDERS)):
        return None
    if not parts or len(parts) > MAX_DEPTH or not all(_PART.fullmatch(part) for part in parts):
        raise ArchiveError(f"{_shown(info)} is not a path that a run has; export the run again")
    if name.endswith("/"):
        return None
    if PurePosixPath(name).suffix not in _SUFFIXES:
        raise ArchiveError(
            f"a run holds {', '.join(_SUFFIXES)} files, and {_shown(info)} is none; export the run again"
        )
    return parts


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, left: int, max_bytes: int) -> int:
    """Write one file; returns how many bytes the rest may have."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(info) as source, path.open("xb") as target:
        while block := source.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise ArchiveError(
                    f"a run must have at most {_gib(max_bytes)} unpacked, and this zip file has more; if you "
                    "trust it, copy the run's folder instead"
                )
            try:
                target.write(block)
            except OSError as error:
                name_error(error, path)
                raise
    return left


def _checked_run(folder: Path) -> Run:
    """Open the unpacked run, look at all of it, and make it this machine's."""
    run = Run.open(folder)
    if is_there(run.metrics_path):
        _, lines, offset = MetricsReader(run.metrics_path).read(at_most=2, until=_FIRST_LINES)
        if offset and not lines:
            raise ArchiveError("the run's metrics.jsonl has no line that can be read; export the run again")
    files = sorted(folder.rglob("*.safetensors"))
    if (size := sum(map(header_bytes, files))) > HEADERS_BYTES:
        raise ArchiveError(
            f"the headers of a run's weights files must have at most {HEADERS_BYTES:,} bytes together, and have "
            f"{size:,}; export the run again"
        )
    for path in files:
        inspect(path)
    check_weights(run)
    run.mark_imported()
    return run


def _settle(run: Run, root: Path, wanted: str) -> Run:
    """Move the run to its place; if it is taken, or somebody takes it right now, to one with a number."""
    while True:
        place = root / free_id(root, wanted)
        try:
            run.path.rename(place)
            return Run.open(place)
        except OSError:
            if not place.exists():
                raise


def _shown(info: zipfile.ZipInfo) -> str:
    return repr(info.orig_filename[:100])


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
