"""Labels of an array file in every plain form, and how a doubtful one is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.array_files import BYTES, LABELS, followed, read, refusal, said
from vae.config.schema import DataConfig
from vae.data.dataset import load_dataset

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


def test_classes_under_names_of_their_own_are_said_to_be_columns(tmp_path: Path) -> None:
    found = read(tmp_path, images=BYTES, fine_labels=LABELS, coarse_labels=LABELS)
    assert "columns to colour the map by: fine_labels, coarse_labels; save one of them as labels" in said(
        found
    )


def test_classes_that_differ_in_spaces_or_capitals_are_doubted(tmp_path: Path) -> None:
    for other in ("cat ", "Cat"):
        (doubt,) = read(tmp_path, images=BYTES, labels=np.array(["cat", other, "dog"])[LABELS]).reading.doubts
        assert "differ in capitals or spaces alone" in doubt
