"""One image that cannot be read among many: it is left out, counted and said; the rest is read."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.image_folders import NUM, folder_of_images, png
from vae.config.schema import DataConfig, RunConfig, TrainConfig
from vae.data.dataset import load_dataset
from vae.data.inspection import inspect_images
from vae.data.readers import folder_pixels, image_files, image_folder
from vae.data.readers.image_folder import read_folder, read_folder_columns
from vae.data.types import DataError
from vae.runs.run import Run
from vae.runs.run_dataset import check_images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of_images(tmp_path)


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


@pytest.mark.parametrize(("place", "times"), [("a/0.png", 2 * NUM), ("a/8.png", NUM), ("b/19.png", NUM)])
def test_files_are_read_twice_only_where_the_first_is_the_odd_one(
    place: str, times: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / place).write_bytes(png(size=(7, 5)))
    read: list[Path] = []
    decode = folder_pixels.decode

    def counted(file: Path, rules: int) -> image_files.Decoded:
        read.append(file)
        return decode(file, rules)

    monkeypatch.setattr(folder_pixels, "decode", counted)
    assert len(read_folder(folder).images) == 19
    assert len(read) == times


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
    with pytest.raises(
        DataError, match=r"0\.png cannot be read as an image .* 19 more files cannot be used either \("
    ):
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


def pixels(values: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "TIFF")
    return file.getvalue()


@pytest.mark.parametrize(
    "values",
    [
        np.full((5, 6), 700, np.float32),
        np.full((5, 6), 70_000, np.int32),
        np.full((5, 6), -3, np.int32),
    ],
    ids=["floats", "more than 16 bits", "below 0"],
)
def test_a_few_pixels_without_a_known_white_are_left_out(folder: Path, values: NDArray[Any]) -> None:
    """They may stand anywhere, and the others are as they would be without them."""
    (folder / "a" / "0.png").write_bytes(pixels(values))
    found = read_folder(folder)
    assert found.images[:, 0, 1, 1].tolist() == [*range(2, NUM, 2), *range(1, NUM, 2)]
    assert found.reading.warnings() == ["left out: images of another type of pixels than uint8 (1: a/0.png)"]


def test_one_float_among_images_of_16_bits_is_left_out(folder: Path) -> None:
    for number in range(NUM):
        values = np.full((5, 6), 65535 if number else 700, np.uint16 if number else np.float32)
        (folder / "ab"[number % 2] / f"{number}.png").write_bytes(pixels(values))
    found = read_folder(folder)
    assert (found.images == 255).all() and len(found.images) == 19
    assert "left out: images of another type of pixels than uint16 (1: a/0.png)" in found.reading.warnings()


def test_many_pixels_without_a_known_white_are_refused(folder: Path) -> None:
    for number in range(0, 6, 2):
        (folder / "a" / f"{number}.png").write_bytes(pixels(np.full((5, 6), 70_000, np.int32)))
    with pytest.raises(DataError, match="whole numbers of at most 16 bits"):
        read_folder(folder)


def test_a_large_image_before_many_small_ones_is_left_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no room for as many as large as it is, and none is needed."""
    monkeypatch.setattr(folder_pixels, "MAX_BYTES", 10_000)
    for name in ("0", "2"):
        (folder / "a" / f"{name}.png").write_bytes(png(size=(60, 50)))
    found = read_folder(folder)
    assert found.images.shape == (18, 1, 5, 6)
    assert found.reading.warnings() == [
        "left out: images of another size than 6×5 (2: a/0.png, 60×50, a/2.png, 60×50)"
    ]
    (folder / "a" / "4.png").write_bytes(png(size=(60, 50)))  # more than one in ten: they are meant
    with pytest.raises(DataError, match="got 20 of 60×50; use fewer or smaller ones"):
        read_folder(folder)


def test_a_file_that_goes_while_others_are_read_is_left_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = folder_pixels.decode

    def decoded(file: Path, rules: int) -> image_files.Decoded:
        (folder / "a" / "8.png").unlink(missing_ok=True)
        return decode(file, rules)

    monkeypatch.setattr(folder_pixels, "decode", decoded)
    found = read_folder(folder)
    assert len(found.images) == 19
    assert found.reading.warnings() == ["left out: files that cannot be read as images (1: a/8.png)"]


def of_parts(folder: Path, **broken: str) -> Path:
    """Two classes, ``a`` and ``b``, in train and test; of each part the named classes are broken."""
    for part in ("train", "test"):
        for number in range(10):
            path = folder / part / "ab"[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x" if path.parent.name in broken.get(part, "") else png(number))
    return folder


@pytest.mark.parametrize(
    ("broken", "layout", "said"),
    [
        ({"test": "a"}, "given parts train/ and test/", []),
        ({"train": "a"}, "given parts train/ and test/", ["class a has no image to train on"]),
        (
            {"test": "ab"},
            "given part train/",
            [
                "test has no image that can be read: test images are taken from the others; save its images again",
            ],
        ),
        (
            {"train": "a", "test": "a"},
            "given parts train/ and test/",
            ["left out: classes without an image that can be read (1: a)"],
        ),
    ],
)
def test_a_class_that_is_left_in_one_part_is_still_one(
    tmp_path: Path, broken: dict[str, str], layout: str, said: list[str]
) -> None:
    found = read_folder(of_parts(tmp_path / "own", **broken))
    assert found.reading.layout.startswith(f"{layout}, one sub-folder for each class")
    files, *others = found.reading.warnings()
    assert files.startswith("left out: files that cannot be read as images") and others == said
    assert found.class_names == (("b",) if len(broken) == 2 else ("a", "b"))


def test_a_row_of_a_file_that_is_left_out_names_an_image(folder: Path) -> None:
    """Nor does such a row make another column look more like the one with the names."""
    rows = [f"{'ab'[number % 2]}/{number}.png,{number}.5" for number in range(NUM)]
    (folder / "labels.csv").write_text("\n".join(["file,size", *rows]), encoding="utf-8")
    (folder / "a" / "8.png").write_bytes(b"x")
    assert read_folder(folder).reading.warnings() == [
        "left out: files that cannot be read as images (1: a/8.png)"
    ]


def test_a_look_names_each_kind_and_no_frames(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_folder, "_MAX_LOOK_BYTES", 0)
    first, second = Image.new("L", (6, 5), 3), Image.new("L", (6, 5), 100)
    first.save(folder / "a" / "0.gif", save_all=True, append_images=[second])
    (folder / "a" / "8.png").write_bytes(b"x")
    (folder / "b" / "9.png").write_bytes(b"")
    assert sorted(inspect_images(DataConfig(name="folder", path=folder)).reading.warnings()) == [
        "1 of 21 files that were looked at will be left out: empty files (b/9.png)",
        "1 of 21 files that were looked at will be left out: files that cannot be read as images (a/8.png)",
    ]


def test_a_run_whose_broken_file_was_mended_or_broke_says_so(folder: Path, tmp_path: Path) -> None:
    data = DataConfig(name="folder", path=folder)
    config = RunConfig(data=data, train=TrainConfig(batch_size=4))
    (folder / "a" / "8.png").write_bytes(b"x")
    before = load_dataset(data)
    run = Run.create(tmp_path / "before", config, before.info())
    check_images(run, before)
    (folder / "a" / "8.png").write_bytes(png(8))
    words = r"left out: files that cannot be read as images \(1: a/8\.png\)\); restore the data"
    with pytest.raises(DataError, match=rf"\(when it was made {words}"):
        check_images(run, load_dataset(data))
    again = Run.create(tmp_path / "after", config, load_dataset(data).info())
    (folder / "a" / "8.png").write_bytes(b"x")
    with pytest.raises(DataError, match=rf"\(now {words}"):
        check_images(again, load_dataset(data))
