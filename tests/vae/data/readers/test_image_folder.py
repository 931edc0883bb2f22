"""The user's own folder of image files."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from vae.config.schema import DataConfig
from vae.data.dataset import load_dataset
from vae.data.readers import folder_listing, folder_pixels, image_files, image_folder
from vae.data.readers.image_folder import read_folder, read_folder_columns
from vae.data.types import DataError


def grey(value: int = 100, size: tuple[int, int] = (6, 5)) -> Image.Image:
    """A grey image with a white corner, so that turning it shows."""
    image = Image.new("L", size, value)
    image.putpixel((0, 0), 255)
    return image


def colour(size: tuple[int, int] = (6, 5)) -> Image.Image:
    return Image.new("RGB", size, (200, 100, 50))


def put(image: Image.Image, path: Path, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def refusal(path: Path) -> str:
    """The one sentence with which a folder is refused: rule or problem, then a remedy."""
    with pytest.raises(DataError) as caught:
        read_folder(path)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "; " in sentence
    sentence.encode()  # can be printed
    return sentence


def test_images_directly_in_the_folder_have_no_labels_and_come_by_name(tmp_path: Path) -> None:
    for name, value in (("b.png", 2), ("a.png", 1), ("C.png", 0), ("10.png", 3)):
        put(grey(value), tmp_path / name)
    found = read_folder(tmp_path)
    assert found.images.dtype == torch.uint8
    assert found.images.shape == (4, 1, 5, 6)
    assert found.images[:, 0, 1, 1].tolist() == [3, 0, 1, 2]
    assert found.images[:, 0, 0, 0].tolist() == [255] * 4
    assert (found.labels, found.class_names, found.max_value, found.num_test) == (None, (), 255, 0)


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    for name, value in (("dog/a.png", 1), ("dog/b.png", 2), ("ant/z.png", 3), ("Été/q.png", 4)):
        put(grey(value), tmp_path / name)
    found = read_folder(tmp_path)
    assert found.class_names == ("ant", "dog", "Été")
    assert found.images[:, 0, 1, 1].tolist() == [3, 1, 2, 4]
    assert found.labels is not None
    assert found.labels.dtype == torch.int64
    assert found.labels.tolist() == [0, 1, 1, 2]


def test_hidden_files_other_files_and_empty_folders_are_passed_over(tmp_path: Path) -> None:
    put(grey(), tmp_path / "cat" / "a.png")
    put(grey(), tmp_path / "cat" / "deeper" / "b.png")
    put(grey(), tmp_path / ".hidden" / "c.png")
    (tmp_path / "cat" / "._a.png").write_bytes(b"what a Mac leaves beside a file")
    (tmp_path / "README.txt").write_text("my cats")
    (tmp_path / "empty").mkdir()
    found = read_folder(tmp_path)
    assert found.class_names == ("cat",)
    assert len(found.images) == 1


@pytest.mark.parametrize("ending", ["png", "PNG", "bmp", "webp"])
def test_lossless_formats_come_back_exactly(ending: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    options = {"lossless": True} if ending == "webp" else {}
    put(Image.fromarray(pixels), tmp_path / f"a.{ending}", **options)
    assert torch.equal(read_folder(tmp_path).images[0], torch.from_numpy(pixels).permute(2, 0, 1))


@pytest.mark.parametrize("ending", ["jpg", "jpeg"])
def test_photographs_are_read_and_turned_upright(ending: str, tmp_path: Path) -> None:
    pixels = np.zeros((8, 16), np.uint8)
    pixels[:, 8:] = 255  # lies on its side: bright on the right
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    put(Image.fromarray(pixels), tmp_path / f"a.{ending}", exif=exif)
    found = read_folder(tmp_path).images
    assert found.shape == (1, 1, 16, 8)
    assert found[0, 0, 2].max() < 30
    assert found[0, 0, 13].min() > 225


def test_one_image_in_colour_makes_all_colour(tmp_path: Path) -> None:
    put(grey(7), tmp_path / "a.png")
    put(colour(), tmp_path / "b.png")
    put(grey(9), tmp_path / "c.png")
    found = read_folder(tmp_path).images
    assert found.shape == (3, 3, 5, 6)
    assert found[:, :, 1, 1].tolist() == [[7, 7, 7], [200, 100, 50], [9, 9, 9]]


def test_grey_saved_as_colour_is_grey(tmp_path: Path) -> None:
    put(grey(7).convert("RGB"), tmp_path / "a.png")
    put(grey(9).convert("P"), tmp_path / "b.png")
    put(grey(11).convert("RGBA"), tmp_path / "c.png")
    found = read_folder(tmp_path).images
    assert found.shape == (3, 1, 5, 6)
    assert found[:, 0, 1, 1].tolist() == [7, 9, 11]


def test_palettes_black_and_white_and_cmyk_are_read(tmp_path: Path) -> None:
    put(colour().quantize(4), tmp_path / "a.png")
    put(grey(200).convert("1", dither=Image.Dither.NONE), tmp_path / "b.png")
    put(Image.new("CMYK", (6, 5), (0, 255, 255, 0)), tmp_path / "c.jpg")
    found = read_folder(tmp_path).images[:, :, 2, 2].int()
    expected = torch.tensor([[200, 100, 50], [255, 255, 255], [254, 0, 0]])
    assert (found - expected).abs().max() <= 4


def test_sixteen_bits_are_rounded_to_eight(tmp_path: Path) -> None:
    values = np.array([[0, 128, 129, 257], [32768, 65279, 65407, 65535]], np.uint16)
    put(Image.fromarray(values), tmp_path / "a.png")
    assert read_folder(tmp_path).images[0, 0].tolist() == [[0, 0, 1, 1], [128, 254, 255, 255]]


def test_transparent_parts_are_laid_on_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (3, 1), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    image.putpixel((2, 0), (0, 0, 0, 51))
    put(image, tmp_path / "a.png")
    put(image.convert("LA"), tmp_path / "b.png")
    put(Image.new("L", (3, 1), 9), tmp_path / "c.png", transparency=9)
    assert read_folder(tmp_path).images[:, 0, 0].tolist() == [[0, 255, 204], [0, 255, 204], [255, 255, 255]]


def test_of_an_animation_the_first_frame_is_taken(tmp_path: Path) -> None:
    put(grey(1), tmp_path / "a.png", save_all=True, append_images=[grey(2), grey(3)])
    assert read_folder(tmp_path).images[:, 0, 1, 1].tolist() == [1]


def test_a_folder_is_loaded_and_split_with_progress(tmp_path: Path) -> None:
    for number in range(20):
        put(grey(number), tmp_path / "ab"[number % 2] / f"{number:02}.png")
    said: list[tuple[str, int, int]] = []
    dataset = load_dataset(DataConfig(name="folder", path=tmp_path), progress=lambda *what: said.append(what))
    info = dataset.info()
    assert (info.num_train, info.num_validation, info.num_test) == (14, 2, 4)
    assert said == [("reading images", 1, 20), ("reading images", 20, 20)]


def test_images_of_different_sizes_are_refused_with_two_of_them(tmp_path: Path) -> None:
    put(grey(), tmp_path / "x" / "a.png")
    put(grey(), tmp_path / "x" / "b.png")
    put(grey(size=(6, 7)), tmp_path / "y" / "c.png")
    here, there = Path("x") / "a.png", Path("y") / "c.png"
    assert f"must all have one size, got 6×5 ({here}) and 6×7 ({there}); resize them" in refusal(tmp_path)


@pytest.mark.parametrize("size", [(1025, 1), (1, 1025)])
def test_large_images_are_refused(size: tuple[int, int], tmp_path: Path) -> None:
    put(grey(size=size), tmp_path / "a.png")
    assert f"must have sides of 1 to 1024 pixels, got {size[0]}×{size[1]}" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((9_000, 9_000), "sides of 1 to 1024 pixels"),
        ((20_000, 20_000), "could be decompression bomb DOS attack"),
    ],
)
def test_a_decompression_bomb_is_refused_before_it_is_decoded(
    size: tuple[int, int], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_files, "_pixels", lambda _: pytest.fail("the image was decoded"))
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = size[0].to_bytes(4, "big") + size[1].to_bytes(4, "big") + bytes((8, 0, 0, 0, 0))
    content = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10**6))) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    assert words in refusal(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n" + bytes(100), b"GIF89a" + bytes(100)]
)
def test_a_file_that_is_no_image_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(content)
    assert "b.png cannot be read as an image" in refusal(tmp_path)


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "webp"])
def test_a_damaged_image_is_read_or_refused_and_raises_nothing_else(ending: str, tmp_path: Path) -> None:
    whole = put(colour((40, 30)), tmp_path / f"a.{ending}").read_bytes()
    assert len(read_folder(tmp_path).images) == 1
    for place in range(0, min(len(whole), 600), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        for content in (damaged, whole[:place]):
            (tmp_path / f"a.{ending}").write_bytes(content)
            try:
                assert read_folder(tmp_path).images.dtype == torch.uint8
            except DataError as error:
                assert "; " in str(error)


@pytest.mark.parametrize("ending", ["ico", "pcx", "dds", "eps", "jp2", "sgi"])
def test_a_decoder_is_chosen_from_the_listed_formats_only(ending: str, tmp_path: Path) -> None:
    image = colour((32, 32))
    image.save(tmp_path / f"a.{ending}")
    (tmp_path / f"a.{ending}").rename(tmp_path / "a.png")
    assert "a.png cannot be read as an image" in refusal(tmp_path)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "empty").mkdir()
    assert (
        "must have images (.png, .jpg, .jpeg, .bmp, .webp, .tif and others) in it or in its sub-folders, got none"
        in refusal(tmp_path)
    )


def test_images_beside_classes_are_refused(tmp_path: Path) -> None:
    put(grey(), tmp_path / "a.png")
    put(grey(), tmp_path / "cat" / "b.png")
    assert "either directly in it or in one sub-folder for each class, got both (a.png and cat)" in refusal(
        tmp_path
    )


def test_a_missing_folder_and_a_file_are_refused(tmp_path: Path) -> None:
    assert "No such file or directory; check data.path" in refusal(tmp_path / "none")
    assert "must be a folder for name = folder" in refusal(put(grey(), tmp_path / "a.png"))


def test_too_many_classes_images_and_bytes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        put(colour(), tmp_path / name / "0.png")
    for module, limit, value, words in (
        (image_folder, "MAX_CLASSES", 2, "must have at most 2 classes, got 3; group them"),
        (folder_pixels, "MAX_IMAGES", 2, "must be at most 2 and"),
        (folder_listing, "MAX_IMAGES", 0, "must have at most 0 images, got more"),
        (folder_pixels, "MAX_BYTES", 3 * 3 * 30 - 1, "and 269 bytes in all, got 3 of 6×5"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, limit, value)
            assert words in refusal(tmp_path)
    assert len(read_folder(tmp_path).images) == 3


def link(path: Path, target: Path) -> None:
    try:
        path.symlink_to(target)
    except OSError:
        pytest.skip("this system does not let this user make links")


def test_links_within_the_folder_are_followed(tmp_path: Path) -> None:
    put(grey(5), tmp_path / "in" / "cat" / "a.png")
    link(tmp_path / "in" / "cat" / "b.png", Path("a.png"))
    link(tmp_path / "outer", tmp_path / "in")
    assert len(read_folder(tmp_path / "outer").images) == 2


@pytest.mark.parametrize("name", ["in/b.png", "in/dogs"])
def test_links_that_leave_the_folder_are_refused(name: str, tmp_path: Path) -> None:
    put(grey(), tmp_path / "in" / "a.png")
    put(grey(), tmp_path / "out" / "a.png")
    link(tmp_path / name, tmp_path / "out" / ("a.png" if name.endswith("png") else ""))
    assert "is a link that leaves" in refusal(tmp_path / "in")


def test_links_to_nothing_and_in_a_circle_are_refused(tmp_path: Path) -> None:
    link(tmp_path / "a.png", tmp_path / "none.png")
    assert "got none but 1 links to nothing, pipes and other things that are no files" in refusal(tmp_path)
    (tmp_path / "a.png").unlink()
    link(tmp_path / "a.png", tmp_path / "a.png")
    assert "; " in refusal(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    assert "got none but 1 links to nothing, pipes and other things that are no files" in refusal(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes as a file name")
def test_names_that_are_no_text_are_escaped_in_messages_and_refused_as_classes(tmp_path: Path) -> None:
    odd = os.fsdecode(b"caf\xe9")
    put(grey(), tmp_path / "files" / f"{odd}.png")
    assert len(read_folder(tmp_path / "files").images) == 1
    put(grey(), tmp_path / "classes" / odd / "a.png")
    assert r"class names must be 1 to 80 printable characters, got 'caf\udce9'" in refusal(
        tmp_path / "classes"
    )
    (tmp_path / "files" / f"{odd}.png").write_bytes(b"no image")
    assert r"caf\udce9.png cannot be read" in refusal(tmp_path / "files")


def test_columns_of_a_folder_come_from_its_table_by_the_paths_of_the_files(tmp_path: Path) -> None:
    for name in ("b/2.png", "a/1.png", "a/3.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (4, 4)).save(tmp_path / name)
    table = (
        "file,kind,size,number\nb/2.png,new,1.5,2\na/1.png,old,2,\nelsewhere.png,x,1,9\na/3.png,new,3,10\n"
    )
    (tmp_path / "labels.csv").write_text(table, encoding="utf-8")
    found = {column.name: column for column in read_folder_columns(tmp_path).found}  # a/1, a/3, b/2
    assert found["kind"].classes == ("new", "old") and found["kind"].values.tolist() == [1, 0, 0]
    assert found["size"].is_number and found["size"].values.tolist() == [2, 3, 1.5]
    assert found["number"].classes == ("2", "10") and found["number"].values.tolist() == [-1, 1, 0]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (b"file,a\na.png,1,2\n", "line 2 of"),
        (b"file,a,a\n", "must have a value for some image"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"file,\na.png,1\n", "column's name"),
    ],
)
def test_table_of_columns_that_cannot_be_read_is_told_and_stops_nothing(
    tmp_path: Path, table: bytes, words: str
) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_bytes(table)
    found = read_folder_columns(tmp_path)
    assert not found.found and words in found.refused[0]
    assert len(read_folder(tmp_path).images) == 1
