"""Folders as people lay them out: which layout was understood, in which order, and what was passed over and said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vae.config.schema import DataConfig
from vae.data.dataset import Dataset, load_dataset
from vae.data.readers import folder_listing
from vae.data.readers.image_folder import read_folder
from vae.data.types import DataError, Images


def put(root: Path, *names: str) -> Path:
    """Images that are all different, in the order of their names; a name that ends in / is an empty folder."""
    for number, name in enumerate(names):
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in (".png", ".tif", ".gif"):
            image = Image.new("L", (4, 3), number + 1)
            image.putpixel((3, 2), 255)  # not dark
            image.save(path)
        else:
            path.write_text("no image")
    return root


def loaded(root: Path, **options: float) -> Dataset:
    return load_dataset(DataConfig(name="folder", path=root, **options))


def values(found: Images | Dataset) -> list[int]:
    """Which images there are, by the order in which they were put."""
    return [int(value) - 1 for value in found.images[:, 0, 0, 0]]


def refusal(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_folder(root)
    assert "; " in str(caught.value) and len(str(caught.value)) <= 400
    return str(caught.value)


def said(found: Images | Dataset) -> str:
    return " | ".join([*found.reading.remarks(), *found.reading.warnings()])


# Order ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ["0", "1", "2", "10", "11"],
        ["digit 2", "digit 10"],
        ["-2", "-1", "0", "1"],
        ["01", "2", "010"],
        ["٢", "١٠"],
    ],
)
def test_classes_are_in_the_order_in_which_people_count(names: list[str], tmp_path: Path) -> None:
    put(tmp_path, *(f"{name}/a.png" for name in reversed(names)))
    found = read_folder(tmp_path)
    assert found.class_names == tuple(names)
    assert found.labels is not None and found.labels.tolist() == list(range(len(names)))
    assert values(found) == list(reversed(range(len(names))))


def test_files_are_too(tmp_path: Path) -> None:
    put(tmp_path, "img_1.png", "img_2.png", "img_10.png", "img_100.png")
    assert values(read_folder(tmp_path)) == [0, 1, 2, 3]


# Layouts ----------------------------------------------------------------------------------------------------

#: Files, words of the layout, class names, and the label of each image in the order of reading.
LAYOUTS: dict[str, tuple[list[str], str, tuple[str, ...], list[int]]] = {
    "images alone": (["a.png", "b.png"], "images without classes;", (), []),
    "classes": (["ant/a.png", "bee/a.png"], "one sub-folder for each class;", ("ant", "bee"), [0, 1]),
    "one class": (["ant/a.png", "ant/b.png"], "one sub-folder for each class;", ("ant",), [0, 0]),
    "images in a folder of that name": (
        ["images/a.png", "images/b.png"],
        "without classes, inside images/",
        (),
        [],
    ),
    "a folder in the folder": (
        ["pets/cat/a.png", "pets/dog/a.png", "README.md"],
        "one sub-folder for each class, inside pets/",
        ("cat", "dog"),
        [0, 1],
    ),
    "as a Mac zips it": (
        ["pets/cat/a.png", "pets/dog/a.png", "__MACOSX/pets/cat/._a.png"],
        "inside pets/",
        ("cat", "dog"),
        [0, 1],
    ),
    "train alone with classes": (
        ["train/cat/a.png", "train/dog/a.png"],
        "one sub-folder for each class, inside train/",
        ("cat", "dog"),
        [0, 1],
    ),
    "train alone": (["train/a.png", "train/b.png"], "images without classes, inside train/", (), []),
    "a class called train": (
        ["bus/a.png", "train/a.png"],
        "one sub-folder for each class;",
        ("bus", "train"),
        [0, 1],
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_understood_and_named(name: str, tmp_path: Path) -> None:
    files, words, names, labels = LAYOUTS[name]
    found = read_folder(put(tmp_path, *files))
    assert words in found.reading.layout
    assert found.class_names == names
    assert (found.labels.tolist() if found.labels is not None else []) == labels
    assert (found.num_test, found.num_validation) == (0, 0)


@pytest.mark.parametrize("below", ["", "photos/"])
@pytest.mark.parametrize("classes", [False, True])
@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("train", "val", "test"),
        ("Training", "Validation", "Testing"),
        ("train", "valid", "test"),
        ("train", None, "test"),
        ("train", "val", None),
    ],
)
def test_given_parts_stay_what_they_are(
    train: str, validation: str | None, test: str | None, classes: bool, below: str, tmp_path: Path
) -> None:
    middle = ["cat/", "dog/"] if classes else [""]
    sizes = {train: 6, validation: 2, test: 3}
    files = [
        f"{below}{part}/{one}{number}.png"
        for part, num in sizes.items()
        if part is not None
        for one in middle
        for number in range(num)
    ]
    dataset = loaded(put(tmp_path, *files))
    times = len(middle)
    assert values(dataset) == list(range(len(files)))
    if validation is None:
        assert len(dataset.validation) == max(1, round(0.1 * 6 * times))
    else:
        assert [values(dataset)[k] for k in dataset.validation] == list(range(6 * times, 8 * times))
    if test is not None:
        assert len(dataset.test) == 3 * times and dataset.test.tolist()[-1] == len(files) - 1
    assert dataset.class_names == (("cat", "dog") if classes else ())
    given = " and ".join(f"{below}{part}/" for part in (train, validation, test) if part is not None)
    assert dataset.reading.layout.startswith(f"given parts {given}, ")


def test_folders_of_images_and_of_other_files_side_by_side_are_parts_of_images(tmp_path: Path) -> None:
    put(tmp_path, "images/train/a.png", "images/val/b.png", "labels/train/a.txt", "labels/val/b.txt")
    found = read_folder(tmp_path)
    assert (found.num_validation, found.class_names) == (1, ())
    found = read_folder(put(tmp_path / "2", "train/images/a.png", "train/labels/a.txt", "val/images/b.png"))
    assert (found.num_validation, found.class_names) == (1, ())


def test_classes_of_all_parts_count_and_one_that_is_not_trained_on_is_told(tmp_path: Path) -> None:
    found = read_folder(put(tmp_path, "train/2/a.png", "train/10/a.png", "test/2/a.png", "test/3/a.png"))
    assert found.class_names == ("2", "3", "10")
    assert found.labels is not None and found.labels.tolist() == [0, 2, 0, 1]
    assert "class 3 has no image to train on" in said(found)


def test_a_part_without_classes_is_left_out_where_train_has_them(tmp_path: Path) -> None:
    found = read_folder(put(tmp_path, "train/cat/a.png", "train/dog/a.png", "test/1.png", "test/2.png"))
    assert (len(found.images), found.num_test) == (2, 0)
    assert "left out: images of a part without classes, where train has them (2: test)" in said(found)
    found = read_folder(put(tmp_path / "2", "train/1.png", "train/2.png", "test/cat/a.png"))
    assert (len(found.images), found.num_test, found.labels) == (3, 1, None)
    assert "classes in test were not used" in said(found)


def test_folders_beside_the_parts_are_left_out(tmp_path: Path) -> None:
    found = read_folder(put(tmp_path, "train/cat/a.png", "test/cat/a.png", "extra/a.png"))
    assert len(found.images) == 2
    assert "left out: folders beside those of the parts (1: extra)" in said(found)


def test_parts_without_one_to_train_on_are_refused(tmp_path: Path) -> None:
    sentence = refusal(put(tmp_path, "test/cat/a.png", "val/cat/a.png"))
    assert "must have a folder train beside val and test" in sentence or "beside test and val" in sentence


def test_images_beside_classes_are_refused_in_a_part_too(tmp_path: Path) -> None:
    sentence = refusal(put(tmp_path, "train/a.png", "train/cat/b.png", "test/cat/a.png"))
    assert "got both (a.png and cat)" in sentence


# What is left out -------------------------------------------------------------------------------------------

GOOD = ["cat/a.png", "dog/b.png"]
LEFT_OUT: dict[str, tuple[list[str], str]] = {
    "other files": (["notes.txt", "cat/b.txt"], "files ending in .txt (2: notes.txt, cat/b.txt)"),
    "photographs of telephones": (
        ["cat/c.heic"],
        "files ending in .heic, which are not read (convert them to PNG) (1",
    ),
    "a class of those alone": (["fox/c.heic"], "which are no classes (1: fox)"),
    "an empty class": (["fox/"], "folders without an image that is read, which are no classes (1: fox)"),
    "no ending": (["cat/image"], "files without an ending (1: cat/image)"),
    "images further down": (
        ["cat/deeper/a.png", "cat/deeper/more/b.png", "dog/x/a.png"],
        "images that lie deeper than in the folder of a class (3: cat/deeper/a.png, dog/x/a.png)",
    ),
    "a class with such alone": (["fox/1/a.png"], "deeper than in the folder of a class (1: fox/1/a.png)"),
    "clutter": (
        [".DS_Store", "cat/Thumbs.db", "desktop.ini", ".git/a.png", "__MACOSX/cat/a.png"],
        "hidden and system files (5: ",
    ),
    "tables of other names": (["metadata.csv", "labels.xlsx"], "tables that are not called labels.csv (2: "),
    "a table in a class": (["cat/labels.csv"], "further tables called labels.csv (1: cat/labels.csv)"),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_is_counted_listed_and_said(name: str, tmp_path: Path) -> None:
    files, words = LEFT_OUT[name]
    found = read_folder(put(tmp_path, *GOOD, *files))
    assert found.class_names == ("cat", "dog") and len(found.images) == 2
    assert words in said(found)
    assert sum(left.num for left in found.reading.left_out) >= 1


def test_many_are_counted_and_the_first_named(tmp_path: Path) -> None:
    found = read_folder(put(tmp_path, *GOOD, *(f"cat/{number}.txt" for number in range(1000))))
    (left,) = found.reading.left_out
    assert left.num == 1000 and len(left.first) == 3 and left.sentence().endswith(", …)")


def test_a_sound_folder_leaves_nothing_out(tmp_path: Path) -> None:
    reading = read_folder(put(tmp_path, *GOOD)).reading
    assert not reading.left_out and not reading.done and not reading.doubts


def test_what_is_kept_of_hostile_names_is_short_and_clean(tmp_path: Path) -> None:
    put(tmp_path, *GOOD, "\x1b[31m" + "a" * 200 + ".txt", "a.\u202etxt", "b." + "x" * 200)
    reading = read_folder(tmp_path).reading
    for sentence in (*reading.warnings(), *reading.remarks()):
        assert sentence.isprintable() and len(sentence) <= 500


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            ["a.heic", "b.heic"],
            "got none but 2 files ending in .heic, which are not read (convert them to PNG)",
        ),
        (["a/b/c/d/e/f.png"], "got none but 1 images that lie deeper"),
        (["cat/1/a.png", "dog/1/b.png"], "got none but 2 images that lie deeper"),
        ([".DS_Store"], "got none; check data.path"),
    ],
)
def test_a_folder_without_images_is_refused_with_what_it_has(
    files: list[str], words: str, tmp_path: Path
) -> None:
    assert words in refusal(put(tmp_path, *files))


def test_a_folder_of_everything_is_refused_before_all_of_it_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_listing, "_MAX_FOLDERS", 5)
    put(tmp_path, *(f"{number}/a.png" for number in range(6)))
    assert "must have at most 5 folders in it, got more" in refusal(tmp_path)


def test_a_link_in_a_circle_comes_to_an_end(tmp_path: Path) -> None:
    put(tmp_path, *GOOD)
    (tmp_path / "cat" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert len(read_folder(tmp_path).images) == 2


# Older runs -------------------------------------------------------------------------------------------------


def test_by_the_first_rules_a_folder_is_read_as_it_was(tmp_path: Path) -> None:
    put(tmp_path, "2/1.png", "2/10.png", "2/2.png", "10/a.png", "10/b.gif", "train/a.png", "test/a.png")
    found = read_folder(tmp_path, rules=1)
    assert found.class_names == ("10", "2", "test", "train")
    assert values(found) == [3, 0, 1, 2, 6, 5]
    new = read_folder(tmp_path)
    assert new.class_names == ("2", "10", "test", "train") and len(new.images) == 7
    deeper = put(tmp_path / "deep", "train/cat/a.png", "train/b.png")
    assert read_folder(deeper, rules=1).class_names == ("train",)


def test_by_the_first_rules_16_bits_are_16_bits(tmp_path: Path) -> None:
    Image.fromarray(np.full((2, 2), 4095, np.uint16)).save(tmp_path / "a.png")
    assert read_folder(tmp_path, rules=1).images.unique().tolist() == [16]
    assert read_folder(tmp_path).images.unique().tolist() == [255]
    Image.fromarray(np.eye(2, dtype=np.uint8)).save(tmp_path / "a.png")
    assert torch.equal(read_folder(tmp_path, rules=1).images[0, 0], torch.eye(2, dtype=torch.uint8))


@pytest.mark.parametrize(
    "parts",
    [
        ("training_set", "test_set"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("trainset", "testset"),
        ("train2017", "test2017"),
        ("training", "evaluation"),
        ("train-images", "test-images"),
    ],
)
def test_folders_of_parts_are_known_by_the_word_in_their_names(
    parts: tuple[str, str], tmp_path: Path
) -> None:
    put(tmp_path, *(f"{part}/{kind}/{n}.png" for part in parts for kind in "ab" for n in range(3)))
    found = loaded(tmp_path)
    assert found.class_names == ("a", "b") and len(found.test) == 6
    assert found.test.tolist() == list(range(6, 12))


def test_folders_with_other_words_beside_a_part_are_classes(tmp_path: Path) -> None:
    put(tmp_path, *(f"{kind}/{n}.png" for kind in ("train_station", "test_tube") for n in range(3)))
    assert loaded(tmp_path).class_names == ("test_tube", "train_station")


def test_images_in_a_folder_of_their_class_that_is_called_images_are_its(tmp_path: Path) -> None:
    put(
        tmp_path,
        *(f"train/{kind}/images/{n}.png" for kind in ("n01", "n02") for n in range(4)),
        "val/images/0.png",
    )
    found = loaded(tmp_path)
    assert found.class_names == ("n01", "n02") and len(found.images) == 8
    assert "images of a part without classes, where train has them (1: val/images)" in said(found)


@pytest.mark.parametrize(
    ("names", "remedy"),
    [
        (("fold0/a/0.png", "fold1/a/0.png"), ", such as "),
        (
            ("a/train/0.png", "a/test/0.png", "b/train/0.png"),
            "one folder for each part: train/class, test/class",
        ),
    ],
)
def test_folders_that_lie_too_deep_are_told_where_they_belong(
    names: tuple[str, ...], remedy: str, tmp_path: Path
) -> None:
    assert remedy in refusal(put(tmp_path, *names))
    if "fold" in names[0]:
        assert f"{tmp_path.name}/fold0, or put" in refusal(tmp_path)


def test_masks_beside_images_are_doubted(tmp_path: Path) -> None:
    put(tmp_path, *(f"{kind}/{n}.png" for kind in ("images", "masks") for n in range(3)))
    assert "images and masks were read as classes; give the folder images itself" in said(loaded(tmp_path))
