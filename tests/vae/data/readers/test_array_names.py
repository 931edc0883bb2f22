"""Names of arrays: what people call images, labels and parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.array_files import BYTES, LABELS, read, refusal, said
from vae.config.schema import DataConfig
from vae.data.dataset import load_dataset

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


def test_arrays_beside_given_parts_are_said(tmp_path: Path) -> None:
    """Labels of all parts in one array, or of the test part alone, are of no use."""
    found = read(tmp_path, x_train=BYTES, x_test=BYTES[:5], y=np.arange(17))
    assert "arrays besides given parts (1: y (17,))" in said(found)
    found = read(tmp_path, x_train=BYTES, x_test=BYTES[:5], y_test=LABELS[:5])
    assert "labels of a part, where the images to train on have none (1: y_test)" in said(found)


def test_a_column_of_parts_is_said_not_to_split(tmp_path: Path) -> None:
    found = read(tmp_path, images=BYTES, labels=LABELS, split=np.array(["train", "test"])[LABELS % 2])
    (doubt,) = found.reading.doubts
    assert "column split names parts, and the images are split again" in doubt
