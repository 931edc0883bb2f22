"""One image that cannot be read among many: it is left out, counted and said; the rest is read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vae.config.reading import Reading
from vae.config.schema import DataConfig
from vae.data.inspection import inspect_images
from vae.data.packing import pack_files, pack_zip
from vae.data.readers import image_files, image_folder
from vae.data.readers.image_folder import read_folder, read_folder_columns
from vae.data.types import DataError

NUM = 20


def png(value: int = 9, size: tuple[int, int] = (6, 5)) -> bytes:
    file = io.BytesIO()
    image = Image.new("L", size, value)
    image.putpixel((0, 0), 255)
    image.save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty images of two classes in turn; the value of each is its number."""
    for number in range(NUM):
        path = tmp_path / "own" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(number))
    return tmp_path / "own"


def large(monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr(image_files, "IMAGE_FILE_BYTES", 500)
    return png() + bytes(1000)


BROKEN: dict[str, tuple[Callable[[pytest.MonkeyPatch], bytes], str]] = {
    "no image": (lambda _: b"<html>", "files that cannot be read as images (1: a/8.png)"),
    "truncated": (lambda _: png()[:60], "files that cannot be read as images (1: a/8.png)"),
    "empty": (lambda _: b"", "empty files (1: a/8.png)"),
    "large file": (large, "image files of more than 500 bytes (1: a/8.png)"),
    "large image": (
        lambda _: png(size=(1025, 2)),
        "images with sides of no pixel or more than 1,024 (1: a/8.png)",
    ),
    "other size": (lambda _: png(size=(7, 5)), "images of another size than 6×5 (1: a/8.png, 7×5)"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_one_broken_file_is_left_out_and_said(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, words = BROKEN[kind]
    (folder / "a" / "8.png").write_bytes(content(monkeypatch))
    found = read_folder(folder)
    # Which is which stays true of all others: classes, order, values.
    values = [number for number in (*range(0, NUM, 2), *range(1, NUM, 2)) if number != 8]
    assert found.images[:, 0, 1, 1].tolist() == values
    assert found.labels is not None and found.labels.tolist() == [number % 2 for number in values]
    assert found.reading.warnings() == [f"left out: {words}"]
    assert found.reading.layout.startswith("one sub-folder for each class; 19 images")
    look = inspect_images(DataConfig(name="folder", path=folder))
    assert look.num_images == 19 and look.reading.warnings() == found.reading.warnings()


def test_an_odd_size_is_left_out_wherever_it_stands(folder: Path) -> None:
    """The first image is the one by whose size the others would have been refused."""
    (folder / "a" / "0.png").write_bytes(png(size=(60, 50)))
    found = read_folder(folder)
    assert found.images.shape == (19, 1, 5, 6)
    assert found.reading.warnings() == ["left out: images of another size than 6×5 (1: a/0.png, 60×50)"]


def test_several_are_counted_by_kind_with_their_first_names(folder: Path) -> None:
    for number in range(0, 12, 2):
        (folder / "a" / f"{number}.png").write_bytes(b"x")
    (folder / "b" / "1.png").write_bytes(b"")
    found = read_folder(folder)
    assert len(found.images) == 13
    assert found.reading.warnings() == [
        "left out: files that cannot be read as images (6: a/0.png, a/2.png, a/4.png, …)",
        "left out: empty files (1: b/1.png)",
    ]


def test_a_class_of_broken_images_is_no_class(folder: Path) -> None:
    for file in (folder / "a").iterdir():
        file.write_bytes(b"x")
    found = read_folder(folder)
    assert found.class_names == ("b",) and len(found.images) == 10
    assert "left out: classes without an image that can be read (1: a)" in found.reading.warnings()


def test_where_nothing_is_left_all_is_refused(folder: Path) -> None:
    for file in folder.rglob("*.png"):
        file.write_bytes(b"x")
    with pytest.raises(DataError, match=r"0\.png cannot be read as an image .* so it is with 19 more files"):
        read_folder(folder)


def test_sizes_without_a_clear_majority_are_refused(folder: Path) -> None:
    for number in range(0, 6, 2):
        (folder / "a" / f"{number}.png").write_bytes(png(size=(7, 5)))
    with pytest.raises(DataError, match=r"must all have one size, got 7×5 .* and 6×5 .*; resize"):
        read_folder(folder)


def test_columns_are_those_of_the_images_that_were_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"{'ab'[number % 2]}/{number}.png,{number}.5" for number in range(NUM)]
    (folder / "labels.csv").write_text("\n".join(["file,size", *rows]), encoding="utf-8")
    (folder / "a" / "8.png").write_bytes(b"x")
    images = read_folder(folder).images
    (column,) = read_folder_columns(folder).found
    assert column.values.tolist() == (images[:, 0, 1, 1] + 0.5).tolist()
    monkeypatch.setattr(image_folder, "_known", {})  # as another process, which has not read the images
    (again,) = read_folder_columns(folder).found
    assert again.values.tolist() == column.values.tolist()
    (folder / "a" / "8.png").write_bytes(png(8))  # mended
    assert len(read_folder_columns(folder).found[0].values) == NUM


def test_a_directory_and_a_link_called_like_images_are_left_out(folder: Path) -> None:
    (folder / "a" / "x.png").mkdir()
    (folder / "b" / "y.png").symlink_to(folder / "none.png")
    found = read_folder(folder)
    assert len(found.images) == NUM
    assert "left out: links to nothing, pipes and other things that are no files (1: b/y.png)" in (
        found.reading.warnings()
    )


def test_a_look_at_a_large_folder_tells_of_what_it_met(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_folder, "_MAX_LOOK_BYTES", 0)
    (folder / "a" / "8.png").write_bytes(b"x")
    look = inspect_images(DataConfig(name="folder", path=folder))
    assert len(look.shown) == 19
    assert look.reading.warnings() == [
        "1 of 20 files that were looked at will be left out: files that cannot be read as images (a/8.png)"
    ]


# A zip --------------------------------------------------------------------------------------------------------------


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
