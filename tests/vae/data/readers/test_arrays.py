"""Images of an array file in every plain form, and how a doubtful one is refused with its remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.array_files import BYTES, COLOUR, LABELS, RNG, UNIT, followed, read, refusal, said

# Images -----------------------------------------------------------------------------------------------------


def rgba(opacity: int) -> np.ndarray:
    return np.concatenate([COLOUR, np.full((12, 9, 8, 1), opacity, np.uint8)], axis=3)


SAME: dict[str, tuple[Any, str]] = {
    "one channel last": (BYTES[..., None], ""),
    "one channel first": (BYTES[:, None], ""),
    "channels with axes of one": (BYTES[:, None, :, :, None], "of shape (12, 1, 9, 8, 1) were read as"),
    "int64": (BYTES.astype(np.int64), ""),
    "int16": (BYTES.astype(np.int16), ""),
    "uint16 of bytes": (BYTES.astype(np.uint16), ""),
    "big-endian whole numbers": (BYTES.astype(">i4"), ""),
    "Fortran order": (np.asfortranarray(BYTES.astype(np.int32)), ""),
    "floats up to 255": (BYTES.astype(np.float32), "255 is white"),
    "half precision up to 255": (BYTES.astype(np.float16), "255 is white"),
    "big-endian floats": (UNIT.astype(">f8"), ""),
    "half precision": (UNIT.astype(np.float16), ""),
    "long double": (UNIT.astype(np.longdouble), ""),
    "rounding above 1": (np.where(UNIT == 1, 1.0000001, UNIT), "cut to 0 to 1"),
    "rounding below 0": (np.where(UNIT == 0, -1e-9, UNIT), "cut to 0 to 1"),
    "from -1 to 1": (UNIT * 2 - 1, "−1 as black"),
    "12 bits": (np.rint(UNIT * 4095).astype(np.uint16), "12 bits: 4,095 is white"),
    "10 bits in int32": (np.rint(UNIT * 1023).astype(np.int32), "10 bits: 1,023 is white"),
    "14 bits": (np.rint(UNIT * 16383).astype(np.uint16), "14 bits"),
    "16 bits": (np.rint(UNIT * 65535).astype(np.uint16), "16 bits"),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_images_come_of_every_plain_form(name: str, tmp_path: Path) -> None:
    images, words = SAME[name]
    found = read(tmp_path, images=images)
    assert torch.equal(found.images, torch.from_numpy(BYTES)[:, None])
    assert words in said(found)
    assert bool(words) == bool(found.reading.done)


def test_colour_comes_in_every_plain_form(tmp_path: Path) -> None:
    expected = torch.from_numpy(COLOUR).permute(0, 3, 1, 2)
    for images in (
        COLOUR,
        np.moveaxis(COLOUR, 3, 1),
        COLOUR.astype(int),
        rgba(255),
        np.moveaxis(rgba(255), 3, 1),
    ):
        assert torch.equal(read(tmp_path, images=images).images, expected)
    found = read(tmp_path, images=rgba(0))
    assert (found.images == 255).all() and "laid on white" in said(found)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint32, np.float32])
def test_zeros_and_ones_of_any_type_are_black_and_white(dtype: type, tmp_path: Path) -> None:
    masks = BYTES > 100
    assert torch.equal(
        read(tmp_path, images=masks.astype(dtype)).images, torch.from_numpy(masks)[:, None] * 255
    )


def test_minus_one_and_one_are_black_and_white(tmp_path: Path) -> None:
    masks = BYTES > 100
    found = read(tmp_path, images=np.where(masks, 1, -1))
    assert torch.equal(found.images, torch.from_numpy(masks)[:, None] * 255)


def test_dark_images_are_doubted_with_what_makes_them_bright(tmp_path: Path) -> None:
    dark = (BYTES // 16).astype(np.uint8)
    found = read(tmp_path, images=dark)
    (doubt,) = found.reading.doubts
    assert "brightest pixel is 15 of 255" in doubt and "save images / 15" in doubt
    assert read(tmp_path, images=dark / 15).images.max() == 255


@pytest.mark.parametrize("side", [28, 32])
def test_rows_are_images_where_labels_or_their_number_say_so(side: int, tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (30, side, side), dtype=np.uint8)
    found = read(tmp_path, images=images.reshape(30, -1), labels=np.arange(30) % 2)
    assert torch.equal(found.images[:, 0], torch.from_numpy(images))
    assert f"images of {side}×{side}" in said(found)
    many = np.zeros((1100, 16), np.uint8)
    assert read(tmp_path, images=many).images.shape == (1100, 1, 4, 4)


def with_pixel(value: float) -> np.ndarray:
    images = UNIT.copy()
    images[7, 1, 2] = value
    return images


#: Images that are refused, words of the refusal, and the expression in it that makes good images of them.
REMEDIES: dict[str, tuple[dict[str, Any], str, str]] = {
    "int8 bytes": ({"images": BYTES.view(np.int8)}, "got -128 to 127", "images.view(numpy.uint8)"),
    "negative whole numbers": (
        {"images": BYTES.astype(np.int16) * 100 - 5000},
        "got -5000 to 20500",
        "numpy.interp(images, (images.min(), images.max()), (0, 1))",
    ),
    "more than 16 bits": ({"images": BYTES.astype(np.int64) * 1000}, "at most 16 bits", "images / 255000"),
    "floats up to 16": ({"images": np.float64(BYTES // 16)}, "got 0 to 15", "images / 15"),
    "floats up to 4095": ({"images": UNIT * 4095}, "got 0 to 4095", "images / 4095"),
    "floats a little too large": ({"images": UNIT * 1.1}, "got 0 to 1.1", "images.clip(0, 1)"),
    "floats a little too large, by the other remedy": (
        {"images": UNIT * 1.1},
        "got 0 to 1.1",
        "images / 1.1",
    ),
    "digits are shown": ({"images": np.float64(UNIT) * 1.0123456}, "got 0 to 1.0123456", "images / 1.01235"),
    "standardised": (
        {"images": (UNIT - 0.4) * 5},
        "got -2 to 3",
        "(images - images.min()) / numpy.ptp(images)",
    ),
    "half of -1 to 1": ({"images": UNIT - 0.3}, "got -0.3 to 0.7", "(images + 1) / 2"),
    "half of -1 to 1, by the other remedy": ({"images": UNIT - 0.3}, "got -0.3 to 0.7", "images.clip(0, 1)"),
    "NaN": (
        {"images": with_pixel(np.nan)},
        "NaN or infinity in image 7",
        "numpy.nan_to_num(images, posinf=0, neginf=0)",
    ),
    "infinity": ({"images": with_pixel(np.inf)}, "in image 7", "images[numpy.isfinite(images).all((1, 2,))]"),
    "complex": ({"images": UNIT + 0j}, "got complex128", "images.real"),
    "text": ({"images": UNIT.astype(str)}, "got <U", "images.astype(float)"),
    "fields": (
        {"images": np.rec.fromarrays([BYTES, BYTES], names="r,g").view(np.ndarray)},
        "must be uint8, bool or float",
        "images['r']",
    ),
    "flat without labels": (
        {"images": BYTES.reshape(12, -1)[:, :64]},
        "got (12, 64)",
        "images.reshape(-1, 8, 8)",
    ),
    "flat colour": (
        {"images": np.zeros((12, 3 * 64), np.uint8), "labels": LABELS},
        "got (12, 192)",
        "images.reshape(-1, 3, 8, 8)",
    ),
    "flat colour, by the other remedy": (
        {"images": np.zeros((12, 3 * 64), np.uint8), "labels": LABELS},
        "got (12, 192)",
        "images.reshape(-1, 8, 8, 3)",
    ),
    "an axis too many": ({"images": BYTES[None]}, "got (1, 12, 9, 8)", "images[0]"),
    "number last": (
        {"images": np.moveaxis(COLOUR, 0, -1), "labels": LABELS},
        "got (9, 8, 3, 12)",
        "numpy.moveaxis(images, -1, 0)",
    ),
    "number of grey ones last": (
        {"images": np.moveaxis(BYTES, 0, -1), "labels": LABELS},
        "got (9, 8, 12) with 12 labels",
        "numpy.moveaxis(images, -1, 0)",
    ),
    "two channels": ({"images": COLOUR[..., :2]}, "got (12, 9, 8, 2)", "images[..., 0]"),
    "six channels": (
        {"images": np.concatenate([COLOUR, COLOUR], 3)},
        "got (12, 9, 8, 6)",
        "images[..., :3]",
    ),
    "five channels first": (
        {"images": np.zeros((12, 5, 9, 8), np.uint8)},
        "got (12, 5, 9, 8)",
        "images[:, :3]",
    ),
    "frames": (
        {"images": np.zeros((3, 4, 9, 8, 3), np.uint8)},
        "got (3, 4, 9, 8, 3)",
        "images.reshape(-1, 9, 8, 3)",
    ),
    "one image, taken for one": (
        {"images": BYTES[0]},
        "got (9, 8)",
        "numpy.stack([images, images])",
    ),
}


@pytest.mark.parametrize("name", REMEDIES)
def test_a_remedy_for_images_helps_if_it_is_followed(name: str, tmp_path: Path) -> None:
    arrays, words, remedy = REMEDIES[name]
    sentence = refusal(tmp_path, **arrays)
    assert words in sentence
    told = {"numpy.stack([images, images])": "numpy.stack([one, another, …])"}.get(remedy, remedy)
    if "isfinite" in remedy:
        assert "numpy.isfinite(images).reshape(len(images), -1).all(1), images[keep]" in sentence
    else:
        assert told in sentence
    changed = followed(remedy, arrays, "images")
    if "isfinite" in remedy:
        changed.pop("labels", None)
    found = read(tmp_path, **changed)
    assert found.images.dtype == torch.uint8 and len(found.images) >= 2


def test_several_images_that_are_not_finite_are_counted_and_named(tmp_path: Path) -> None:
    images = UNIT.astype(np.float32)
    for number in (1, 4, 6, 11):
        images[number, 0, 0] = np.inf
    assert "in 4 of 12 images (1, 4, 6, …)" in refusal(tmp_path, images=images)


def test_one_colour_image_is_not_taken_for_many_narrow_ones(tmp_path: Path) -> None:
    sentence = refusal(tmp_path, images=COLOUR[0][:8])
    assert "looks like one colour image" in sentence and "numpy.stack" in sentence
    again = read(tmp_path, images=COLOUR[0][:8][..., None])
    assert again.images.shape == (8, 1, 8, 3)


def test_parts_of_other_types_or_sizes_are_refused(tmp_path: Path) -> None:
    sentence = refusal(tmp_path, x_train=BYTES, x_test=UNIT)
    assert "must all have one type, got uint8 and float64" in sentence
    assert "one size, got 8×9 with 1 channels and 8×8" in refusal(
        tmp_path, x_train=BYTES, x_test=BYTES[:, :8]
    )


def test_parts_are_scaled_alike(tmp_path: Path) -> None:
    """A test part of dark images alone is not stretched."""
    found = read(tmp_path, x_train=UNIT * 255, x_test=np.minimum(UNIT, 0.5))
    assert found.images[:12].max() == 255 and found.images[12:].max() <= 1


# What people bring besides ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(12, 1, 64), (12, 64, 1), (12, 1, 64, 1)])
def test_rows_beside_an_axis_of_channels_are_images(shape: tuple[int, ...], tmp_path: Path) -> None:
    found = read(tmp_path, images=BYTES[:, 1:].reshape(shape), labels=LABELS)
    assert torch.equal(found.images[:, 0], torch.from_numpy(BYTES[:, 1:]))
    assert "rows of 64 values were read as images of 8×8" in said(found)


def test_rows_of_three_colours_are_colour_images(tmp_path: Path) -> None:
    square = COLOUR[:, 1:]
    first = read(tmp_path, images=np.moveaxis(square, 3, 1).reshape(12, 3, 64), labels=LABELS)
    last = read(tmp_path, images=square.reshape(12, 64, 3), labels=LABELS)
    assert torch.equal(first.images, last.images)
    assert torch.equal(first.images, torch.from_numpy(square).permute(0, 3, 1, 2))


@pytest.mark.parametrize("shape", [(12, 1, 1, 72), (12, 1, 72), (12, 3, 24), (12, 72, 1, 1)])
def test_images_of_a_few_rows_are_doubted(shape: tuple[int, ...], tmp_path: Path) -> None:
    (doubt,) = read(tmp_path, images=BYTES.reshape(shape), labels=LABELS).reading.doubts
    assert "if each is an image in one row, save images.reshape(-1, " in doubt


def test_images_along_the_last_axis_are_doubted_where_no_label_counts_them(tmp_path: Path) -> None:
    many = RNG.integers(0, 256, (8, 8, 12), dtype=np.uint8)
    (doubt,) = read(tmp_path, images=many).reading.doubts
    assert "if they are 12 of 8×8, save numpy.moveaxis(images, -1, 0)" in doubt
    assert not read(tmp_path, images=np.moveaxis(many, -1, 0)).reading.doubts


@pytest.mark.parametrize("axis", [1, -1])
def test_the_axis_that_labels_count_is_named(axis: int, tmp_path: Path) -> None:
    turned = np.moveaxis(COLOUR, 0, axis)
    if axis == 1:
        turned = np.moveaxis(COLOUR, (3, 0), (0, 1))
    sentence = refusal(tmp_path, images=turned, labels=LABELS)
    assert f"numpy.moveaxis(images, {axis}, 0)" in sentence
    assert read(tmp_path, images=np.moveaxis(turned, axis, 0), labels=LABELS).images.shape[0] == 12


@pytest.mark.parametrize(
    ("colours", "solid"),
    [(COLOUR, 1), (COLOUR * 257.0 / 65535, 255), (COLOUR.astype(np.uint16) * 257, 255), (COLOUR, 255)],
)
def test_opacity_has_a_range_of_its_own(colours: np.ndarray, solid: int, tmp_path: Path) -> None:
    opacity = np.full((12, 9, 8, 1), solid)
    opacity[0] = 0
    found = read(tmp_path, images=np.concatenate([colours, opacity.astype(colours.dtype)], axis=3))
    assert (found.images[0] == 255).all()
    assert torch.equal(found.images[1:], torch.from_numpy(COLOUR).permute(0, 3, 1, 2)[1:])


def test_images_of_one_grey_are_doubted(tmp_path: Path) -> None:
    for value in (0, 255, 77):
        (doubt,) = read(tmp_path, images=np.full((5, 4, 4), value, np.uint8)).reading.doubts
        assert f"the one grey {value} of 255" in doubt


def test_centred_images_are_moved_and_not_cut(tmp_path: Path) -> None:
    assert "use images + 0.5 if" in refusal(tmp_path, images=UNIT - 0.5)
