"""Arrays as people have them: what is plain is taken and said; a remedy, followed to the letter, helps."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vae.config.schema import DataConfig
from vae.data.dataset import load_dataset
from vae.data.readers.npz import read_npz
from vae.data.types import DataError, Images

RNG = np.random.default_rng(0)
#: Images of zero to 255, both ends among them.
BYTES = RNG.integers(0, 256, (12, 9, 8), dtype=np.uint8)
BYTES[0, 0, 0], BYTES[0, 0, 1] = 0, 255
COLOUR = RNG.integers(0, 256, (12, 9, 8, 3), dtype=np.uint8)
LABELS = np.arange(12) % 3
UNIT = BYTES / 255


def read(path: Path, **arrays: Any) -> Images:
    np.savez(path / "own.npz", **arrays)
    return read_npz(path / "own.npz")


def refusal(path: Path, **arrays: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(path, **arrays)
    sentence = str(caught.value)
    assert "\n" not in sentence and "; " in sentence and len(sentence) <= 400
    assert "to 1, got 0 to 1;" not in sentence
    return sentence


def said(found: Images) -> str:
    return " | ".join([*found.reading.remarks(), *found.reading.warnings()])


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


def followed(expression: str, arrays: dict[str, Any], target: str) -> dict[str, Any]:
    """The arrays after somebody did what a refusal told them to."""
    scope = {"numpy": np, **arrays}
    return {**arrays, target: eval(expression, scope)}  # noqa: S307


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


# Labels -----------------------------------------------------------------------------------------------------

ONE_HOT = np.eye(3)[LABELS]
SAME_LABELS: dict[str, Any] = {
    "a column": LABELS[:, None],
    "a row": LABELS[None],
    "floats that are whole": LABELS.astype(np.float32),
    "half precision": LABELS.astype(np.float16),
    "a column of such": LABELS.astype(float)[:, None],
    "one-hot floats": ONE_HOT,
    "one-hot whole numbers": ONE_HOT.astype(np.uint8),
    "one-hot bool": ONE_HOT.astype(bool),
    "one-hot with an axis between": ONE_HOT[:, None],
    "one-hot with an axis behind": ONE_HOT[:, :, None],
    "one-hot with rounding": ONE_HOT * (1 - 1e-7),
    "text": LABELS.astype(str),
    "bytes": LABELS.astype("S1"),
    "big-endian": LABELS.astype(">u2"),
    "unsigned": LABELS.astype(np.uint64),
}


@pytest.mark.parametrize("name", SAME_LABELS)
def test_the_same_classes_come_of_every_plain_form(name: str, tmp_path: Path) -> None:
    found = read(tmp_path, images=BYTES, labels=SAME_LABELS[name])
    assert found.class_names == ("0", "1", "2")
    assert found.labels is not None and found.labels.tolist() == LABELS.tolist()


def test_text_is_in_natural_order(tmp_path: Path) -> None:
    names = np.array([f"digit {number}" for number in range(12)])
    found = read(tmp_path, images=BYTES, labels=names[::-1])
    assert found.class_names == tuple(names)
    assert found.labels is not None and found.labels.tolist() == list(range(11, -1, -1))


def floats(place: int, value: float) -> np.ndarray:
    labels = LABELS.astype(float)
    labels[place] = value
    return labels


LABEL_REMEDIES: dict[str, tuple[Any, str, str]] = {
    "NaN": (
        floats(5, np.nan),
        "got NaN or infinity for 1 of 12 (the first: image 5)",
        "numpy.where(numpy.isfinite(labels), labels, -1)",
    ),
    "infinity": (floats(5, np.inf), "for 1 of 12", "numpy.where(numpy.isfinite(labels), labels, -1)"),
    "fractions": (floats(5, 0.5), "numbers such as 0.5", "numpy.rint(labels)"),
    "probabilities": (
        np.full((12, 3), 1 / 3) + ONE_HOT * 0,
        "probabilities of 3 classes",
        "labels.argmax(axis=1)",
    ),
    "several classes": (np.ones((12, 4), int), "12 of 12 rows with another number of ones", "labels[:, 0]"),
    "attributes": (np.arange(48).reshape(12, 4), "got 4 columns", "labels[:, 0]"),
    "columns of text": (np.full((12, 2), "a"), "2 columns of text", "labels[:, 0]"),
    "turned round": (np.eye(3)[LABELS].T, "got (3, 12)", "labels.T"),
    "latin-1": (np.array([b"caf\xe9"] * 12), "not readable text", "numpy.char.decode(labels, 'latin-1')"),
    "times": (np.zeros(12, "M8[s]"), "whole numbers or short text", "labels.astype(str)"),
    "too large for a float": (np.full(12, 2.0**60), "below 2⁵³", "labels.astype(str)"),
    "three axes": (np.zeros((12, 2, 2)), "got (12, 2, 2)", "labels.reshape(12, -1)[:, 0]"),
}


@pytest.mark.parametrize("name", LABEL_REMEDIES)
def test_a_remedy_for_labels_helps_if_it_is_followed(name: str, tmp_path: Path) -> None:
    labels, words, remedy = LABEL_REMEDIES[name]
    sentence = refusal(tmp_path, images=BYTES, labels=labels)
    assert words in sentence and remedy in sentence
    assert "leave them out" not in sentence
    arrays = followed(remedy, {"images": BYTES, "labels": labels}, "labels")
    assert read(tmp_path, **arrays).labels is not None


def test_fewer_labels_than_images_are_refused_and_not_told_to_go(tmp_path: Path) -> None:
    sentence = refusal(tmp_path, images=BYTES, labels=LABELS[:5])
    assert (
        "must have shape (12,), one for each image, got (5,); save labels and images of the same examples"
        in sentence
    )


def test_numbers_on_a_scale_become_a_column_under_another_name(tmp_path: Path) -> None:
    assert "save them under another name" in refusal(tmp_path, images=BYTES, labels=LABELS + 0.5)
    np.savez(tmp_path / "own.npz", images=BYTES, age=LABELS + 0.5)
    assert [
        column.name
        for column in load_dataset(DataConfig(name="npz", path=tmp_path / "own.npz")).columns.found
    ] == ["age"]


@pytest.mark.parametrize(
    ("arrays", "remedy"),
    [
        ({"images": BYTES, "labels": LABELS.astype(str).astype(object)}, "save labels.astype(str)"),
        ({"images": BYTES, "labels": LABELS.astype(object)}, "save labels.astype(str)"),
        ({"images": BYTES.astype(object)}, "images.astype(float)"),
        ({"x": BYTES, "y": LABELS.astype(object)}, "save y.astype(str)"),
    ],
)
def test_pickled_arrays_have_a_remedy_of_their_own(
    arrays: dict[str, Any], remedy: str, tmp_path: Path
) -> None:
    sentence = refusal(tmp_path, **arrays)
    assert "pickled Python objects" in sentence and remedy in sentence
    (name,) = re.findall(r"(\w+)\.astype", remedy)
    kind = str if "str" in remedy else float
    assert read(tmp_path, **{**arrays, name: arrays[name].astype(kind)}).images.shape == (12, 1, 9, 8)


# Names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("images", "labels"),
        ("X", "y"),
        ("x", "Y"),
        ("data", "target"),
        ("imgs", "label"),
        ("arr_0", "arr_1"),
        ("image", "classes"),
        ("faces", "labels"),  # the only array that can be images
        ("x_train", "y_train"),  # a part alone is all there is
    ],
)
def test_arrays_are_found_by_what_people_call_them(images: str, labels: str, tmp_path: Path) -> None:
    found = read(tmp_path, **{images: BYTES, labels: LABELS})
    assert torch.equal(found.images, torch.from_numpy(BYTES)[:, None])
    assert found.class_names == ("0", "1", "2")
    assert found.reading.layout.startswith(f"arrays {images}, {labels};")


Namer = Callable[[str, str], str]


@pytest.mark.parametrize(
    "name",
    [
        lambda kind, part: f"{'x' if kind == 'images' else 'y'}_{part}",  # Keras
        lambda kind, part: f"{part}_{kind}",  # MedMNIST
        lambda kind, part: f"{'X' if kind == 'images' else 'Y'}{part}",
        lambda kind, part: f"{part}{kind.capitalize()}",
        lambda kind, part: f"{kind}-{part}ing" if part != "val" else f"{kind}-validation",
    ],
)
def test_given_parts_are_kept(name: Namer, tmp_path: Path) -> None:
    sizes = {"train": slice(0, 6), "val": slice(6, 8), "test": slice(8, 12)}
    arrays = {
        name(kind, part): values[where]
        for part, where in sizes.items()
        for kind, values in (("images", BYTES), ("labels", LABELS[:, None]))
    }
    np.savez(tmp_path / "own.npz", **dict(sorted(arrays.items())))
    config = DataConfig(name="npz", path=tmp_path / "own.npz")
    dataset = load_dataset(config)
    assert torch.equal(dataset.images[:, 0], torch.from_numpy(BYTES))
    assert dataset.train.tolist() == list(range(6))
    assert dataset.validation.tolist() == [6, 7]
    assert dataset.test.tolist() == [8, 9, 10, 11]
    assert "2 for validation, 4 for test" in dataset.reading.layout
    # A share of 0 trains on all that is no test.
    assert load_dataset(config.replace(validation=0)).train.tolist() == list(range(8))


def test_a_part_without_labels_is_left_out_where_others_have_them(tmp_path: Path) -> None:
    found = read(tmp_path, x_train=BYTES[:8], y_train=LABELS[:8], x_test=BYTES[8:])
    assert len(found.images) == 8 and found.num_test == 0
    assert "left out: images of a part without labels, where others have them (4: x_test)" in said(found)
    found = read(tmp_path, x_train=BYTES[:8], x_test=BYTES[8:])
    assert len(found.images) == 12 and found.num_test == 4 and found.labels is None


def test_pairs_of_images_are_not_guessed_at(tmp_path: Path) -> None:
    assert "must hold an array named images, got photos" in refusal(tmp_path, photos=BYTES, scans=BYTES)
    assert "must hold an array named images, got x, y" in refusal(tmp_path, x=BYTES, y=BYTES)


def test_what_is_called_labels_by_people_may_be_something_else(tmp_path: Path) -> None:
    """Beside images, a target on a scale is a column, as it was before."""
    found = read(tmp_path, images=BYTES, target=LABELS + 0.5)
    assert found.labels is None
    assert "the images have no labels: target in" in said(found)


def test_arrays_that_are_passed_over_are_said(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        images=BYTES,
        labels=LABELS,
        pairs=np.zeros((12, 2)),
        odd=np.zeros(5),
        gaps=np.full(12, np.nan),
    )
    assert "left out: arrays without one value for each image (2: pairs (12, 2), odd (5,))" in said(found)
    assert "column gaps must have finite numbers" in said(found)


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


@pytest.mark.parametrize(("low", "high"), [(0, 255), (-1, 1)])
def test_one_hot_rows_of_other_numbers_are_classes(low: int, high: int, tmp_path: Path) -> None:
    rows = np.where(np.eye(3)[LABELS] == 1, high, low)
    found = read(tmp_path, images=BYTES, labels=rows)
    assert found.labels is not None and found.labels.tolist() == LABELS.tolist()


def test_rows_without_a_class_are_told_to_go(tmp_path: Path) -> None:
    labels = np.eye(3)[LABELS]
    labels[4] = 0
    assert "1 of 12 rows without a one; keep the others, with keep = labels.any(axis=1)" in refusal(
        tmp_path, images=BYTES, labels=labels
    )
    keep = labels.any(axis=1)
    assert read(tmp_path, images=BYTES[keep], labels=labels[keep]).images.shape[0] == 11


def test_arrays_beside_given_parts_are_said(tmp_path: Path) -> None:
    """Labels of all parts in one array, or of the test part alone, are of no use."""
    found = read(tmp_path, x_train=BYTES, x_test=BYTES[:5], y=np.arange(17))
    assert "arrays besides given parts (1: y (17,))" in said(found)
    found = read(tmp_path, x_train=BYTES, x_test=BYTES[:5], y_test=LABELS[:5])
    assert "labels of a part, where the images to train on have none (1: y_test)" in said(found)


def test_classes_under_names_of_their_own_are_said_to_be_columns(tmp_path: Path) -> None:
    found = read(tmp_path, images=BYTES, fine_labels=LABELS, coarse_labels=LABELS)
    assert "columns to colour the map by: fine_labels, coarse_labels; save one of them as labels" in said(
        found
    )


def test_classes_that_differ_in_spaces_or_capitals_are_doubted(tmp_path: Path) -> None:
    for other in ("cat ", "Cat"):
        (doubt,) = read(tmp_path, images=BYTES, labels=np.array(["cat", other, "dog"])[LABELS]).reading.doubts
        assert "differ in capitals or spaces alone" in doubt


def test_a_column_of_parts_is_said_not_to_split(tmp_path: Path) -> None:
    found = read(tmp_path, images=BYTES, labels=LABELS, split=np.array(["train", "test"])[LABELS % 2])
    (doubt,) = found.reading.doubts
    assert "column split names parts, and the images are split again" in doubt
