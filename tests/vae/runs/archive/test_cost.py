"""What an archive may cost: bytes, files and memory are bounded before they are spent."""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path

import pytest

import vae.runs.archive
from tests.support.archives import (
    Content,
    assert_untouched,
    contents,
    exported,
    zipped,
)
from vae.runs.archive import ArchiveError, import_run
from vae.runs.run import Run


def test_a_run_too_large_to_be_imported_is_not_exported(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vae.runs.archive, "MAX_BYTES", 1000)
    with pytest.raises(ArchiveError, match="copy the run's folder instead"):
        exported(run)


def test_what_is_too_large_unpacked_is_refused_by_what_comes_out(run: Run, root: Path) -> None:
    bomb = zipped({**contents(run), "metrics.jsonl": b" " * 5_000_000})
    assert len(bomb.getvalue()) < 100_000
    with pytest.raises(ArchiveError, match=r"at most 0\.0 GiB unpacked"):
        import_run(bomb, root, max_bytes=1_000_000)
    assert_untouched(root)


def test_a_size_that_lies_is_not_believed(run: Run, root: Path) -> None:
    data = bytearray(zipped({**contents(run), "zeros.json": b"0" * 5_000_000}).getvalue())
    place = data.rfind(b"PK\x01\x02")
    assert struct.unpack_from("<L", data, place + 24) == (5_000_000,)
    struct.pack_into("<L", data, place + 24, 10)  # unpacked size in the table of contents
    with pytest.raises(ArchiveError, match=r"damaged \(Bad CRC-32"):
        import_run(io.BytesIO(data), root, max_bytes=1_000_000)
    assert_untouched(root)


def test_too_many_files_are_refused(run: Run, root: Path) -> None:
    many: Content = {f"snapshots/{i}/x.json": b"" for i in range(2000)}
    with pytest.raises(ArchiveError, match=r"at most 2,000 entries, and has 2,009"):
        import_run(zipped({**contents(run), **many}), root)
    assert_untouched(root)


def test_a_table_of_contents_that_claims_to_be_huge_is_not_read(root: Path) -> None:
    class Counting(io.BytesIO):
        largest = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.largest = max(self.largest, size if size is not None and size >= 0 else 2**62)
            return super().read(size)

    size = 64 << 20
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 60_000, 60_000, size, 0, 0)
    file = Counting(bytes(size) + end)
    with pytest.raises(ArchiveError, match="list of contents must be at most 4,194,304 bytes"):
        import_run(file, root)
    assert file.largest <= 5 << 20
    assert_untouched(root)


def test_sizes_that_are_too_large_are_refused_before_anything_is_unpacked(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.runs.archive._unpack", None)
    with pytest.raises(ArchiveError, match=r"must have at most 0\.0 GiB unpacked"):
        import_run(zipped(contents(run)), root, max_bytes=1000)


def test_entries_that_share_their_bytes_are_refused(run: Run, root: Path) -> None:
    """As in David Fifield's zip bomb: many names for one packed file."""
    data = bytearray(zipped(contents(run)).getvalue())
    places = [match.start() for match in re.finditer(b"PK\x01\x02", bytes(data))]
    first = data[places[0] + 42 : places[0] + 46]
    for place in places[1:]:
        data[place + 42 : place + 46] = first
    with pytest.raises(ArchiveError, match=r"must have each byte once|damaged"):
        import_run(io.BytesIO(bytes(data)), root)
    assert not list(root.iterdir())


def test_headers_of_all_weights_together_are_bounded(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.runs.archive.HEADERS_BYTES", 1000)
    with pytest.raises(ArchiveError, match="headers of a run's weights files must have at most 1,000 bytes"):
        import_run(zipped(contents(run)), root)


def test_weights_too_large_to_be_shown_are_refused(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.runs.weights_file.WEIGHTS_BYTES", 100)
    with pytest.raises(ArchiveError, match="weights must have at most 100 bytes"):
        import_run(zipped(contents(run)), root)
