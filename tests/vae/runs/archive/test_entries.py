"""Entries of a zip file that no run has, or that mean harm: refused, with nothing written."""

from __future__ import annotations

import io
import stat
import zipfile
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.support.archives import (
    Content,
    assert_untouched,
    contents,
    entry,
    zipped,
)
from vae.runs.archive import ArchiveError, import_run
from vae.runs.run import Run

ESCAPES = [
    "../evil.json",
    "digits-1/../../evil.json",
    "digits-1/checkpoints/../../../evil.json",
    "/tmp/evil.json",
    "//evil.json",
    "C:/evil.json",
    "C:evil.json",
    "..\\evil.json",
    "digits-1\\evil.json",
    "\\\\server\\evil.json",
    "digits-1/evil.json\0.txt",
    "digits-1/config.json:stream.json",
]


@pytest.mark.parametrize("name", ESCAPES)
def test_a_path_that_leads_out_is_refused_and_nothing_is_written(run: Run, root: Path, name: str) -> None:
    around = root.parent
    before = sorted(around.rglob("*"))
    files: Content = {f"digits-1/{file}": content for file, content in contents(run).items()}
    with pytest.raises(ArchiveError, match="leads out of the run's folder; do not open this zip file"):
        import_run(zipped({**files, entry(name): b"{}"}), root)
    assert_untouched(root)
    assert [path for path in sorted(around.rglob("*")) if path != root] == before


@pytest.mark.parametrize(
    "name",
    [
        "digits-1/.hidden.json",
        "digits-1/.config.json.1-ab.tmp",
        "digits-1/a/b/c/deep.json",
        "digits-1/a b.json",
        "digits-1/ü.json",
        "digits-1/" + "x" * 200 + ".json",
        "digits-1/line\nbreak.json",
        "digits-1/~/x.json",
        "digits-1/-rf.json",
    ],
)
def test_a_path_that_no_run_has_is_refused(run: Run, root: Path, name: str) -> None:
    files: Content = {f"digits-1/{file}": content for file, content in contents(run).items()}
    with pytest.raises(ArchiveError, match="is not a path that a run has"):
        import_run(zipped({**files, entry(name): b"{}"}), root)
    assert_untouched(root)


@pytest.mark.parametrize(
    "name", ["evil.py", "weights.pt", "w.pkl", "decoder.onnx", "x.so", "trainer.log", "json"]
)
def test_a_file_of_another_type_is_refused(run: Run, root: Path, name: str) -> None:
    with pytest.raises(ArchiveError, match=r"a run holds \.json, \.jsonl, \.safetensors files"):
        import_run(zipped({**contents(run), name: b"x"}), root)
    assert_untouched(root)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_a_link_or_device_is_refused(run: Run, root: Path, kind: int) -> None:
    link = entry("outside.json", external_attr=(kind | 0o777) << 16, create_system=3)
    with pytest.raises(ArchiveError, match="is a link or device; do not open it"):
        import_run(zipped({**contents(run), link: b"/etc/passwd"}), root)
    assert_untouched(root)


def test_a_file_that_is_there_twice_is_refused(run: Run, root: Path) -> None:
    for name in ("config.json", "Config.json", "./config.json", "checkpoints//last.safetensors"):
        with pytest.warns(UserWarning) if name == "config.json" else nullcontext():
            file = zipped({**contents(run), entry(name): b"{}"})
        with pytest.raises(ArchiveError, match="must have each file once"):
            import_run(file, root)
        assert_untouched(root)


def test_a_file_that_is_also_a_folder_is_refused(run: Run, root: Path) -> None:
    with pytest.raises(ArchiveError, match="a file that is also a folder"):
        import_run(zipped({**contents(run), "status.json/x.json": b"{}"}), root)
    assert_untouched(root)


def test_an_encrypted_archive_is_refused(run: Run, root: Path) -> None:
    data = bytearray(zipped(contents(run)).getvalue())
    place = data.find(b"PK\x01\x02")
    data[place + 8] |= 1  # the flag in the table of contents
    with pytest.raises(ArchiveError, match="is encrypted"):
        import_run(io.BytesIO(data), root)
    assert_untouched(root)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(run: Run, root: Path, method: int) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in contents(run).items():
            archive.writestr(str(name), content)
    with pytest.raises(ArchiveError, match="is packed in a way that is not read here"):
        import_run(file, root)
    assert_untouched(root)


@pytest.mark.parametrize("data", [b"", b"not a zip", b"PK\x03\x04", b"PK\5\6" + bytes(18), bytes(10_000)])
def test_what_is_no_archive_of_a_run_is_refused(root: Path, data: bytes) -> None:
    with pytest.raises(ArchiveError, match=r"not a zip file, or damaged|is not a run: it has no config"):
        import_run(io.BytesIO(data), root)
    assert_untouched(root)


@pytest.mark.parametrize(
    "files",
    [
        {"readme.json": "{}"},
        {"a/config.json": "{}", "b/config.json": "{}"},
        {"a/b/config.json": "{}"},
    ],
)
def test_an_archive_without_one_run_is_refused(root: Path, files: Content) -> None:
    with pytest.raises(ArchiveError, match=r"is not a run: it has no config\.json"):
        import_run(zipped(files), root)
    assert_untouched(root)
