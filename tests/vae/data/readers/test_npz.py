"""The user's own .npz file: what is read, and what is refused before memory is taken for it."""

from __future__ import annotations

import io
import os
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vae.config.schema import DataConfig
from vae.data.dataset import load_dataset
from vae.data.readers import npz, npz_file
from vae.data.readers.npz import read_npz, read_npz_columns
from vae.data.types import DataError, Images

BYTES = np.random.default_rng(0).integers(0, 256, (6, 5, 4), dtype=np.uint8)


def saved(path: Path, **arrays: Any) -> Path:
    np.savez(path / "own.npz", **arrays)
    return path / "own.npz"


def read(path: Path, **arrays: Any) -> Images:
    return read_npz(saved(path, **arrays))


def refusal(path: Path) -> str:
    """The one sentence with which a file is refused: rule or problem, then a remedy."""
    with pytest.raises(DataError) as caught:
        read_npz(path)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "; " in sentence
    return sentence


def header(
    shape: object, descr: object = "|u1", *, version: bytes = b"\x01\x00", fortran: bool = False
) -> bytes:
    text = repr({"descr": descr, "fortran_order": fortran, "shape": shape}).encode() + b"\n"
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", len(text))
    return b"\x93NUMPY" + version + length + text


def zipped(path: Path, method: int = zipfile.ZIP_STORED, **members: bytes) -> Path:
    with zipfile.ZipFile(path / "own.npz", "w", method) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path / "own.npz"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_bytes_come_back_as_they_are(save: Any, tmp_path: Path) -> None:
    save(tmp_path / "a.npz", images=BYTES)
    found = read_npz(tmp_path / "a.npz")
    assert found.images.dtype == torch.uint8
    assert torch.equal(found.images, torch.from_numpy(BYTES)[:, None])
    assert (found.labels, found.class_names, found.max_value, found.num_test) == (None, (), 255, 0)


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_may_come_first_or_last(channels: int, tmp_path: Path) -> None:
    first = np.random.default_rng(0).integers(0, 256, (7, channels, 5, 4), dtype=np.uint8)
    assert torch.equal(read(tmp_path, images=first).images, torch.from_numpy(first))
    last = np.moveaxis(first, 1, 3)
    assert torch.equal(read(tmp_path, images=last).images, torch.from_numpy(first))
    assert torch.equal(read(tmp_path, images=np.asfortranarray(last)).images, torch.from_numpy(first))


def test_bool_is_black_and_white(tmp_path: Path) -> None:
    masks = BYTES > 100
    expected = torch.from_numpy(masks)[:, None] * 255
    assert torch.equal(read(tmp_path, images=masks).images, expected)
    assert torch.equal(read(tmp_path, images=np.asfortranarray(masks)).images, expected)
    content = header(masks.shape, "|b1") + (masks.astype(np.uint8) * 7).tobytes()  # true, in other words
    assert torch.equal(read_npz(zipped(tmp_path, images=content)).images, expected)


def test_bytes_of_zeros_and_ones_are_black_and_white(tmp_path: Path) -> None:
    masks = (BYTES > 100).astype(np.uint8)
    assert torch.equal(read(tmp_path, images=masks).images, torch.from_numpy(masks)[:, None] * 255)
    masks[0, 0, 0] = 2
    assert read(tmp_path, images=masks).images.max() == 2


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", ">f8"])
def test_floats_become_the_nearest_of_256_greys(dtype: str, tmp_path: Path) -> None:
    levels = np.arange(256).reshape(1, 16, 16)
    found = read(tmp_path, images=(levels / 255).astype(dtype)).images
    assert torch.equal(found, torch.from_numpy(levels.astype(np.uint8))[:, None])
    between = np.array([0.0, 0.49, 0.51, 1.4]).reshape(1, 2, 2) / 255
    assert read(tmp_path, images=between).images.flatten().tolist() == [0, 0, 1, 1]


def test_floats_are_converted_the_same_in_many_blocks_as_in_one(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((70, 300, 300))
    found = read(tmp_path, images=images).images[:, 0].numpy()
    assert 70 * 300 * 300 > 2**22
    np.testing.assert_array_equal(found, np.rint(images.astype(np.float32) * np.float32(255)))


@pytest.mark.parametrize(
    ("labels", "names", "numbers"),
    [
        ([3, 7, 3, -1, 7, 10], ("-1", "3", "7", "10"), [1, 2, 1, 0, 2, 3]),
        (np.array([3, 7, 3, 1, 7, 10], np.uint8), ("1", "3", "7", "10"), [1, 2, 1, 0, 2, 3]),
        (np.array([2**63, 1, 1, 1, 1, 1], np.uint64), ("1", str(2**63)), [1, 0, 0, 0, 0, 0]),
        (["cat", "dog", "cat", "ant", "dog", "Été"], ("ant", "cat", "dog", "Été"), [1, 2, 1, 0, 2, 3]),
        (np.array([b"cat", b"dog"] * 3), ("cat", "dog"), [0, 1] * 3),
        ([True, False] * 3, ("0", "1"), [1, 0] * 3),
    ],
)
def test_classes_are_the_sorted_different_labels(
    labels: Any, names: tuple[str, ...], numbers: list[int], tmp_path: Path
) -> None:
    found = read(tmp_path, images=BYTES, labels=labels)
    assert found.class_names == names
    assert found.labels is not None
    assert found.labels.dtype == torch.int64
    assert found.labels.tolist() == numbers


def test_a_whole_data_set_is_loaded_and_split(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 9, 7, 3), dtype=np.uint8)
    path = saved(tmp_path, images=images, labels=["a", "b"] * 25)
    info = load_dataset(DataConfig(name="npz", path=path)).info()
    assert (info.channels, info.height, info.width, info.class_names) == (3, 9, 7, ("a", "b"))
    assert (info.num_train, info.num_validation, info.num_test) == (36, 4, 10)


def test_one_image_of_one_pixel_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, images=np.full((1, 1, 1), 9, np.uint8)).images.tolist() == [[[[9]]]]


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((0, 5, 4), np.uint8), "must be 1 to 2000000 images, got 0"),
        (np.zeros((5, 0, 4), np.uint8), "sides of 1 to 1024 pixels, got 4×0"),
        (np.zeros((1, 1025, 1), np.uint8), "sides of 1 to 1024 pixels, got 1×1025"),
        (
            np.zeros((5, 16), np.uint8),
            r"must have shape (N, H, W), (N, H, W, 1 or 3) or (N, 1 or 3, H, W), got (5, 16)",
        ),
        (np.zeros((5, 4, 4, 4), np.uint8), "got (5, 4, 4, 4)"),
        (np.zeros((2, 5, 4, 4, 3), np.uint8), "got (2, 5, 4, 4, 3)"),
        (np.uint8(1), "got ()"),
        (np.zeros((5, 3, 8, 3), np.uint8), "the channels may come first or last"),
        (np.zeros((5, 4, 4), np.complex64), "got complex64"),
        (np.full((5, 4, 4), "a"), "must be uint8, bool or float"),
        (np.zeros((5, 4, 4), [("r", "u1"), ("g", "u1")]), "must be uint8, bool or float"),
        (np.full((5, 4, 4), 100.0), "must be from 0 to 1 if they are floats, got 100 to 100"),
        (np.full((5, 4, 4), -0.5), "got -0.5 to -0.5"),
    ],
)
def test_images_that_are_none_are_refused(images: Any, words: str, tmp_path: Path) -> None:
    assert words in refusal(saved(tmp_path, images=images))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_a_value_that_is_not_finite_is_refused_with_its_image(
    value: float, dtype: str, tmp_path: Path
) -> None:
    images = np.zeros((6, 5, 4), dtype)
    images[4, 2, 1] = value
    assert "must be finite, got NaN or infinity in image 4" in refusal(saved(tmp_path, images=images))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.zeros(5, int), "must have shape (6,), one for each image, got (5,)"),
        (
            np.zeros((6, 2), int),
            "must be one class for each image, got 6 of 6 rows with another number of ones",
        ),
        (np.int64(1), "got ()"),
        (np.full(6, 0.5), "must be classes, whole numbers or text, got numbers such as 0.5"),
        (np.zeros(6, "M8[s]"), "must be whole numbers or short text"),
        (np.array(["", "a", "b", "c", "d", "e"]), "class names must be 1 to 80 printable characters, got ''"),
        (np.array(["a" * 81] * 6), "class names must be 1 to 80 printable characters"),
        (np.array(["a\nb"] * 6), r"got 'a\nb'"),
        (np.array(["\ud800"] * 6), r"got '\ud800'"),
        (np.array([b"\xff"] * 6), "are not readable text"),
    ],
)
def test_labels_that_do_not_match_are_refused(labels: Any, words: str, tmp_path: Path) -> None:
    assert words in refusal(saved(tmp_path, images=BYTES, labels=labels))


def test_labels_of_long_text_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "_MAX_LABEL_BYTES", 6 * 4 * 4)
    assert read(tmp_path, images=BYTES, labels=["abcd"] * 6).class_names == ("abcd",)
    assert "must be whole numbers or short text, got <U5" in refusal(
        saved(tmp_path, images=BYTES, labels=["abcde"] * 6)
    )


def test_more_than_a_thousand_classes_are_refused(tmp_path: Path) -> None:
    images = np.zeros((1001, 1, 1), np.uint8)
    assert len(read(tmp_path, images=images, labels=np.arange(1001) % 1000).class_names) == 1000
    assert "at most 1000 different values, got 1001" in refusal(
        saved(tmp_path, images=images, labels=np.arange(1001))
    )


class Bomb:
    def __reduce__(self) -> Any:
        return (sys.exit, ("a pickle was opened",))


@pytest.mark.parametrize("which", ["images", "labels"])
def test_pickled_arrays_are_refused_and_not_opened(which: str, tmp_path: Path) -> None:
    arrays: dict[str, Any] = {"images": BYTES, "labels": np.arange(6)}
    arrays[which] = np.array([Bomb()] * 6, dtype=object)
    sentence = refusal(saved(tmp_path, **arrays))
    assert f"{which} in" in sentence
    assert "must be a plain array, got pickled Python objects" in sentence


def test_a_file_without_images_names_what_it_has(tmp_path: Path) -> None:
    assert "must hold an array named images, got x, y; save it with" in refusal(
        saved(tmp_path, x=BYTES, y=BYTES)
    )
    assert "got nothing" in refusal(zipped(tmp_path))


@pytest.mark.parametrize(
    "content", [b"", b"no zip at all", b"PK\x05\x06" + bytes(17), b"PK\x03\x04" + bytes(40)]
)
def test_what_is_no_zip_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "own.npz").write_bytes(content)
    assert "is not a whole .npz file" in refusal(tmp_path / "own.npz")


def test_a_bare_npy_file_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "own.npy", BYTES)
    assert "save it with numpy.savez(file, images=…, labels=…)" in refusal(tmp_path / "own.npy")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "No such file or directory; check data.path" in refusal(tmp_path / "none.npz")
    assert "must be a file for name = npz" in refusal(tmp_path)
    assert "check data.path" in refusal(tmp_path / "a\0b")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "own.npz")
    assert "must be a file" in refusal(tmp_path / "own.npz")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_short_is_refused(part: float, tmp_path: Path) -> None:
    path = saved(tmp_path, images=BYTES, labels=np.arange(6))
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    assert "is not a whole .npz file" in refusal(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_no_single_damaged_byte_is_taken_for_data_or_raises_another_error(save: Any, tmp_path: Path) -> None:
    save(tmp_path / "own.npz", images=BYTES, labels=np.arange(6))
    whole, expected = (tmp_path / "own.npz").read_bytes(), read_npz(tmp_path / "own.npz")
    for place in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        (tmp_path / "own.npz").write_bytes(damaged)
        try:
            found = read_npz(tmp_path / "own.npz")
        except DataError:
            continue
        assert torch.equal(found.images, expected.images)  # a byte of the zip's that means nothing to us
        assert found.labels is None or torch.equal(
            found.labels, torch.arange(6)
        )  # its name may be the damaged one


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (header((6, 5, 4)) + bytes(119), "claims shape (6, 5, 4) of uint8, which is not what the file holds"),
        (header((6, 5, 4)) + bytes(121), "is not what the file holds"),
        (header((1000, 1000, 1000)) + bytes(10), "is not what the file holds"),
        (header((2**40, 28, 28)), "must be at most 4294967296 bytes"),
        (header((2**31, 2**31, 2**31, 3)), "must be at most 4294967296 bytes"),
        (header((2**64, 2**64, 0)), "must be 1 to 2000000 images"),
        (header((-6, -5, 4)) + bytes(120), "is not what the file holds"),
        (header((10**4000, 28, 28)), "must be at most"),
        (header((6.0, 5, 4)), "does not begin as a numpy array does"),
        (header("(6, 5, 4)"), "does not begin as a numpy array does"),
        (header((6, 5, 4), "nonsense"), "does not begin as a numpy array does"),
        (header((6, 5, 4), "|O"), "pickled Python objects"),
        (header((6, 5, 4), [("a", "|O")]), "pickled Python objects"),
        (header((6, 5, 4), "|V0"), "must be uint8, bool or float"),
        (header((6, 5, 4), version=b"\x03\x00"), "does not begin as a numpy array does"),
        (header((6, 5, 4), version=b"\x09\x00"), "does not begin as a numpy array does"),
        (b"\x93NUMPY\x01\x00\xff\xff{", "does not begin as a numpy array does"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{" + b"(" * 20000, "does not begin as a numpy array does"),
        (b"\x93NUMPY\x01\x00\x10\x27" + b"(" * 10000, "does not begin as a numpy array does"),
        (b"\x93NUMPY\x01\x00\x10\x27" + b"-" * 10000, "does not begin as a numpy array does"),
        (b"\x93NUM", "does not begin as a numpy array does"),
        (b"", "does not begin as a numpy array does"),
    ],
)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_header_that_lies_is_refused_before_anything_is_allocated(
    content: bytes, words: str, method: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        npz_file, "_array", lambda *_: pytest.fail("memory was taken for what the header claims")
    )
    assert words in refusal(zipped(tmp_path, method, images=content))


def test_a_zip_directory_that_lies_about_sizes_is_refused_before_anything_is_allocated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        npz_file, "_array", lambda *_: pytest.fail("memory was taken for what the header claims")
    )
    start = header((1000, 1000, 1000))
    path = zipped(tmp_path, zipfile.ZIP_DEFLATED, images=start + bytes(1000))
    true, false = struct.pack("<I", len(start) + 1000), struct.pack("<I", len(start) + 10**9)
    path.write_bytes(path.read_bytes().replace(true, false))
    assert "claims shape (1000, 1000, 1000) of uint8, which is not what the file holds" in refusal(path)


def test_a_zip_that_unpacks_to_more_than_it_says_is_read_no_further(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="this system does not say how much memory was used")
    start = header((6, 5, 4))
    path = zipped(tmp_path, zipfile.ZIP_DEFLATED, images=start + bytes(50_000_000))
    true, false = struct.pack("<I", len(start) + 50_000_000), struct.pack("<I", len(start) + 120)
    path.write_bytes(path.read_bytes().replace(true, false))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "; " in refusal(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KB


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packing_that_numpy_does_not_use_is_refused(method: int, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, BYTES)
    assert "packed in a way that numpy.savez does not use" in refusal(
        zipped(tmp_path, method, images=buffer.getvalue())
    )


def test_an_encrypted_entry_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, images=BYTES)
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "packed in a way that numpy.savez does not use" in refusal(path)


def test_columns_that_cannot_be_used_are_named_with_the_reason_and_stop_nothing(tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    np.savez(
        path,
        images=np.zeros((1200, 2, 2), np.uint8),
        fine=np.arange(1200) % 3,
        flag=np.arange(1200) % 2 == 0,
        objects=np.array([{}] * 1200, object),
        many=np.arange(1200),
        gaps=np.where(np.arange(1200) == 5, np.nan, 0.5),
        odd=np.array(["a\nb"] * 1200),
        times=np.zeros(1200, "datetime64[s]"),
        **{"n" * 81: np.zeros(1200)},
    )
    found = read_npz_columns(path)
    assert [(column.name, column.classes) for column in found.found] == [
        ("fine", ("0", "1", "2")),
        ("flag", ("0", "1")),
    ]
    words = [
        "pickled",
        "at most 1000 different",
        "finite",
        "printable",
        "numbers or text",
        "1 to 80 printable",
    ]
    assert len(found.refused) == len(words)
    for sentence, word in zip(found.refused, words, strict=True):
        assert word in sentence and "; " in sentence
    assert len(read_npz(path).images) == 1200
