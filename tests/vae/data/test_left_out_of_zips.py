"""A file of a zip, or of a folder dropped onto the form, that cannot be read: it is left out, counted and said."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.support.image_folders import NUM, folder_of_images, png
from vae.config.reading import Reading
from vae.data.packing import pack_files, pack_zip
from vae.data.types import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of_images(tmp_path)


def zipped(folder: Path) -> bytearray:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, f"own/{path.relative_to(folder).as_posix()}")
    return bytearray(file.getvalue())


def packed(content: bytes) -> tuple[Reading, int]:
    target = io.BytesIO()
    reading = pack_zip(io.BytesIO(content), "own.zip", target)
    target.seek(0)
    with np.load(target, allow_pickle=False) as arrays:
        return reading, len(arrays["images"])


def packed_with(folder: Path, compression: int) -> bytearray:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, f"own/{path.relative_to(folder).as_posix()}")
    return bytearray(file.getvalue())


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_of_any_compression_is_left_out(folder: Path, compression: int) -> None:
    reading, num = packed(flip(packed_with(folder, compression), "own/a/8.png"))
    assert num == 19
    assert reading.warnings() == ["left out: files that are damaged or locked in the zip (1: own/a/8.png)"]


def test_a_member_whose_name_or_place_is_damaged_is_left_out(folder: Path) -> None:
    (folder / "a" / "8.png").rename(folder / "a" / "8é.png")
    content = zipped(folder)
    named = bytearray(content)
    named[named.index("own/a/8é".encode()) + 7] = 0xFF  # no UTF-8
    placed = bytearray(content)
    entry = placed.rindex("own/a/8é".encode()) - 46
    placed[entry + 42 : entry + 46] = b"\xff" * 4  # no place in the file
    for damaged in (named, placed):
        reading, num = packed(damaged)
        assert num == 19 and "damaged or locked in the zip (1: own/a/8é.png)" in reading.warnings()[0]


def test_a_damaged_table_in_a_zip_is_said(folder: Path) -> None:
    rows = [f"{'ab'[number % 2]}/{number}.png,{number}.5" for number in range(NUM)]
    (folder / "labels.csv").write_text("\n".join(["file,size", *rows]), encoding="utf-8")
    content = packed_with(folder, zipfile.ZIP_STORED)
    reading, num = packed(flip(content, "own/labels.csv"))
    assert num == NUM
    assert reading.warnings() == ["left out: files that are damaged or locked in the zip (1: own/labels.csv)"]


def test_locked_images_beside_an_open_text_are_refused_as_locked(folder: Path) -> None:
    content = zipped(folder)
    directory = content.index(b"PK\x01\x02")
    while directory >= 0:
        content[directory + 8] |= 1
        directory = content.find(b"PK\x01\x02", directory + 1)
    with zipfile.ZipFile(file := io.BytesIO(content), "a") as archive:
        archive.writestr("own/readme.txt", "hello")
    with pytest.raises(DataError, match="must not be locked by a password"):
        packed(file.getvalue())


def test_long_names_of_a_zip_are_cut_for_the_disk_and_stay_apart(folder: Path) -> None:
    """Some systems take 255 letters, and others 255 bytes."""
    file = io.BytesIO(zipped(folder))
    with zipfile.ZipFile(file, "a") as archive:
        for end in "xyz":
            archive.writestr(f"own/a/{'猫' * 200}{end}.png", png())
            archive.writestr(f"own/b/{'n' * 220}{end}.png", png())
    target = io.BytesIO()
    reading = pack_zip(file, "own.zip", target)
    target.seek(0)
    with np.load(target, allow_pickle=False) as arrays:
        assert len(arrays["images"]) == NUM + 6
    assert not any("deeper" in sentence for sentence in reading.warnings())


def flip(content: bytearray, name: str) -> bytearray:
    """Damage the bytes of a member, so that its checksum is wrong."""
    start = content.index(name.encode()) + len(name) + 40
    content[start] ^= 0xFF
    return content


def test_a_damaged_member_of_a_zip_is_left_out_and_said(folder: Path) -> None:
    reading, num = packed(flip(zipped(folder), "own/a/8.png"))
    assert num == 19
    assert reading.warnings() == ["left out: files that are damaged or locked in the zip (1: own/a/8.png)"]


def test_a_broken_image_in_a_zip_is_left_out_and_said(folder: Path) -> None:
    (folder / "a" / "8.png").write_bytes(png()[:60])
    reading, num = packed(zipped(folder))
    assert num == 19 and reading.warnings() == ["left out: files that cannot be read as images (1: a/8.png)"]


def test_a_locked_member_is_left_out_and_a_locked_zip_is_refused(folder: Path) -> None:
    content = zipped(folder)
    directory = content.index(b"PK\x01\x02")
    content[directory + 8] |= 1
    reading, num = packed(content)
    assert num == 19 and "damaged or locked in the zip (1: own/a/0.png)" in reading.warnings()[0]
    while directory >= 0:
        content[directory + 8] |= 1
        directory = content.find(b"PK\x01\x02", directory + 1)
    with pytest.raises(DataError, match="must not be locked by a password"):
        packed(content)


def test_a_zip_of_damaged_members_alone_is_refused(folder: Path) -> None:
    content = zipped(folder)
    for path in folder.rglob("*.png"):
        flip(content, f"own/{path.relative_to(folder).as_posix()}")
    with pytest.raises(DataError, match=r"own\.zip is not a whole zip file .*; pack the images again"):
        packed(content)


def test_a_broken_file_of_a_dropped_folder_is_left_out_and_said(folder: Path) -> None:
    (folder / "a" / "8.png").write_bytes(b"")
    files = [
        (f"own/{path.relative_to(folder).as_posix()}", path.open("rb")) for path in folder.rglob("*.png")
    ]
    reading = pack_files(files, len(files), "own", target := io.BytesIO())
    target.seek(0)
    with np.load(target, allow_pickle=False) as arrays:
        assert len(arrays["images"]) == 19
    assert reading.warnings() == ["left out: empty files (1: a/8.png)"]
