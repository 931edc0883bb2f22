"""Files of every format that is read: what comes of their pixels, pages and depths."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vae.config.schema import DataConfig
from vae.data.dataset import load_dataset
from vae.data.readers.image_folder import read_folder
from vae.data.types import DataError, Images, reason

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8)
GREY = PIXELS[..., 0].copy()
GREY[0, :2] = 0, 255


def said(found: Images) -> str:
    return " | ".join([*found.reading.remarks(), *found.reading.warnings()])


@pytest.mark.parametrize("ending", ["png", "bmp", "webp", "tif", "TIFF", "ppm", "pnm", "tga"])
def test_lossless_colour_comes_back_exactly(ending: str, tmp_path: Path) -> None:
    options = {"lossless": True} if ending == "webp" else {}
    kind = {"pnm": "PPM", "TIFF": "TIFF"}.get(ending)
    Image.fromarray(PIXELS).save(tmp_path / f"a.{ending}", kind, **options)
    found = read_folder(tmp_path)
    assert torch.equal(found.images[0], torch.from_numpy(PIXELS).permute(2, 0, 1))
    assert not found.reading.left_out


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "pgm", "tga", "gif"])
def test_lossless_grey_comes_back_exactly(ending: str, tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / f"a.{ending}")
    assert torch.equal(read_folder(tmp_path).images[0, 0], torch.from_numpy(GREY))


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_tiff_is_read_however_it_is_packed(compression: str, tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.tif", compression=compression)
    assert torch.equal(read_folder(tmp_path).images[0], torch.from_numpy(PIXELS).permute(2, 0, 1))


def test_one_class_of_tiffs_does_not_vanish(tmp_path: Path) -> None:
    for name in ("cat/a.png", "dog/a.tif"):
        (tmp_path / name).parent.mkdir()
        Image.fromarray(GREY).save(tmp_path / name)
    assert read_folder(tmp_path).class_names == ("cat", "dog")


def test_a_file_of_another_format_than_its_ending_says_is_read(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "a.gif")
    (tmp_path / "a.gif").rename(tmp_path / "a.png")
    assert torch.equal(read_folder(tmp_path).images[0, 0], torch.from_numpy(GREY))


@pytest.mark.parametrize("ending", ["tif", "gif", "webp", "png"])
def test_of_pages_and_frames_the_first_is_read_and_said(ending: str, tmp_path: Path) -> None:
    first, second = (Image.new("L", (6, 5), value) for value in (10, 200))
    first.save(tmp_path / f"a.{ending}", save_all=True, append_images=[second, first])
    Image.new("L", (6, 5), 99).save(tmp_path / "b.png")
    found = read_folder(tmp_path)
    assert abs(int(found.images[0, 0, 1, 1]) - 10) <= 3
    assert f"left out: all pages and frames of a file but its first (1: a.{ending})" in said(found)


def tiff16(path: Path, values: np.ndarray) -> None:
    Image.fromarray(values).save(path)


@pytest.mark.parametrize(("bits", "white"), [(10, 1023), (12, 4095), (14, 16383), (16, 65535)])
def test_deep_greys_are_scaled_by_their_true_depth(bits: int, white: int, tmp_path: Path) -> None:
    deep = np.rint(GREY / 255 * white).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "a.tif")
    Image.fromarray(deep).save(tmp_path / "b.png")
    Image.fromarray(deep.astype(">u2")).save(tmp_path / "c.tif")
    found = read_folder(tmp_path)
    for image in found.images[:, 0]:
        assert torch.equal(image, torch.from_numpy(GREY))
    assert f"read as {bits} bits: {white:,} is white" in said(found)


def test_deep_greys_of_a_set_are_scaled_alike_and_beside_bytes(tmp_path: Path) -> None:
    tiff16(tmp_path / "a.tif", np.full((2, 2), 4095, np.uint16))
    tiff16(tmp_path / "b.tif", np.full((2, 2), 255, np.uint16))
    Image.new("L", (2, 2), 100).save(tmp_path / "c.png")
    Image.new("RGB", (2, 2), (1, 2, 3)).save(tmp_path / "d.png")
    assert read_folder(tmp_path).images[:, :, 0, 0].tolist() == [[255] * 3, [16] * 3, [100] * 3, [1, 2, 3]]


@pytest.mark.parametrize(("scale", "black"), [(1, 0), (255, 0), (2, -1)])
def test_floating_tiffs_are_scaled_by_their_range(scale: float, black: float, tmp_path: Path) -> None:
    Image.fromarray((GREY / 255 * scale + black).astype(np.float32)).save(tmp_path / "a.tif")
    assert torch.equal(read_folder(tmp_path).images[0, 0], torch.from_numpy(GREY))


def test_floating_tiffs_of_no_plain_range_are_refused(tmp_path: Path) -> None:
    Image.fromarray((GREY / 25).astype(np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"must be from 0 to 1 if they are floats, got 0 to 10\.1"):
        read_folder(tmp_path)


def test_masks_of_zero_and_one_are_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(np.eye(3, dtype=np.uint8)).save(tmp_path / "a.png")
    found = read_folder(tmp_path)
    assert torch.equal(found.images[0, 0], torch.eye(3, dtype=torch.uint8) * 255)
    assert "pixels 0 and 1 were read as black and white" in said(found)


def test_dark_images_are_doubted(tmp_path: Path) -> None:
    """As 12 bits in a 16-bit colour file are, of which Pillow keeps the upper eight."""
    Image.new("RGB", (3, 3), (15, 9, 3)).save(tmp_path / "a.png")
    (doubt,) = read_folder(tmp_path).reading.doubts
    assert "the brightest pixel is 15 of 255" in doubt


def test_netpbm_of_other_depths_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(b"P5\n2 1\n4095\n" + np.array([4095, 0], ">u2").tobytes())
    assert read_folder(tmp_path).images.flatten().tolist() == [255, 0]


def test_all_files_that_cannot_be_read_are_told_at_once(tmp_path: Path) -> None:
    for number in (1, 3, 4):
        (tmp_path / f"{number}.png").write_bytes(b"broken")
    with pytest.raises(DataError) as caught:
        read_folder(tmp_path)
    assert "1.png cannot be read as an image" in str(caught.value)
    assert "2 more files cannot be used either (3.png, 4.png)" in str(caught.value)
    assert " at 0x" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError("cannot identify image file <_io.BytesIO object at 0x7fcd8c9594e0>"),
            "cannot identify image file",
        ),
        (ValueError("bad value from <function loads at 0x10f> here"), "bad value from here"),
        (TypeError("<a.b.Thing object at 0x12>"), "TypeError"),
        (FileNotFoundError(2, "No such file or directory"), "No such file or directory"),
        (ValueError("a < b and c > d"), "a < b and c > d"),
    ],
)
def test_why_something_failed_is_told_without_addresses_in_memory(error: Exception, words: str) -> None:
    assert reason(error) == words


@pytest.mark.parametrize("ending", ["tif", "gif", "ppm", "tga"])
def test_a_damaged_file_is_read_or_refused_and_raises_nothing_else(ending: str, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    kind = {"tif": "TIFF", "ppm": "PPM"}.get(ending, ending.upper())
    Image.fromarray(np.tile(GREY, (3, 3))).save(buffer, kind)
    whole = buffer.getvalue()
    for place in range(0, min(len(whole), 300), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        for content in (damaged, whole[:place]):
            (tmp_path / f"a.{ending}").write_bytes(content)
            try:
                assert read_folder(tmp_path).images.dtype == torch.uint8
            except DataError as error:
                assert "; " in str(error)


@pytest.mark.parametrize("ending", ["tif", "gif", "pgm", "tga"])
def test_large_sides_are_refused_before_a_pixel_is_decoded(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("L", (1200, 1200)).save(tmp_path / f"a.{ending}")
    monkeypatch.setattr("vae.data.readers.image_files._pixels", lambda _: pytest.fail("it was decoded"))
    with pytest.raises(DataError, match="sides of 1 to 1024 pixels, got 1200×1200"):
        read_folder(tmp_path)


def save_deep_png(file: Path, pixels: np.ndarray, kind: int = 2) -> None:
    """A PNG of 16 bits for each of several channels, which Pillow cannot write.

    Source:
        https://www.w3.org/TR/png-3/#5Chunk-layout
    """

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    file.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def test_colour_of_16_bits_is_said_to_be_read_by_its_upper_eight(tmp_path: Path) -> None:
    save_deep_png(tmp_path / "a.png", PIXELS.astype(np.uint16) * 257)
    found = read_folder(tmp_path)
    assert torch.equal(found.images[0], torch.from_numpy(PIXELS).permute(2, 0, 1))
    assert "colour of 16 bits a channel was read by its upper 8 bits (1 files)" in said(found)
    assert not found.reading.doubts


def test_dark_colour_of_16_bits_is_doubted_and_never_black(tmp_path: Path) -> None:
    save_deep_png(tmp_path / "a.png", PIXELS.astype(np.uint16) * 16)
    (doubt,) = read_folder(tmp_path).reading.doubts
    assert "and is dark (up to 15 of 255); save them with 8 bits a channel" in doubt
    for content, kind in ((PIXELS, 2), (np.stack([GREY, np.full_like(GREY, 9)], 2), 4)):
        save_deep_png(tmp_path / "a.png", content.astype(np.uint16), kind)
        if kind == 2:
            with pytest.raises(DataError, match=r"upper 8 bits of each channel .* brightest value of 0"):
                read_folder(tmp_path)
        else:
            assert "transparent parts were laid on white" in said(read_folder(tmp_path))


def test_dark_colour_of_16_bits_is_seen_beside_bright_bytes(tmp_path: Path) -> None:
    save_deep_png(tmp_path / "a.png", PIXELS.astype(np.uint16) * 16)
    Image.fromarray(PIXELS).save(tmp_path / "b.png")
    (doubt,) = read_folder(tmp_path).reading.doubts
    assert "(1 files), and is dark" in doubt


def test_images_of_which_nothing_is_left_are_doubted(tmp_path: Path) -> None:
    """White letters on a transparent ground, for example."""
    white = np.full((5, 6, 4), 255, np.uint8)
    white[1:3, 2:4, 3] = 0
    Image.fromarray(white).save(tmp_path / "a.png")
    found = read_folder(tmp_path)
    assert "transparent parts were laid on white" in said(found)
    assert "the one grey 255 of 255" in said(found)


def test_a_file_with_pixels_that_are_no_numbers_is_named(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), np.nan, np.float32)).save(tmp_path / "b.tif")
    with pytest.raises(DataError, match=r"b\.tif must have finite pixels, got NaN or infinity; remove it"):
        read_folder(tmp_path)


def test_a_file_of_many_pages_is_no_data_set_and_its_pages_are_said(tmp_path: Path) -> None:
    pages = [Image.fromarray(GREY) for _ in range(5)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(DataError, match=r"got 1 in all.*all pages and frames of a file but its first"):
        load_dataset(DataConfig(name="folder", path=tmp_path))
