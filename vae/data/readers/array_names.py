"""Which arrays of a file are the images and the labels, by their names, or by their shapes if these leave one.

People call them images and labels, x_train and y_train, train_images and train_labels, X and y, data and target.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vae.data.readers.array_labels import num_labels

Part = Literal["train", "validation", "test"]

#: What parts are called, of arrays and of folders.
PARTS: Mapping[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}
_IMAGES = ("images", "image", "imgs", "img", "x", "data", "pictures", "pixels", "inputs", "samples", "arr_0")
_LABELS = ("labels", "label", "y", "targets", "target", "classes", "class", "arr_1")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Named:
    """Arrays of one part.

    Attributes:
        part: Which; None where a file has no parts.
        images: Name of the array of images.
        labels: Name of the array of labels, if there is one.
    """

    part: Part | None
    images: str
    labels: str | None


def find_names(shapes: Shapes, rules: int) -> list[Named]:
    """The arrays to read: one pair, or one for each part in the order train, validation, test; none if it is not plain.

    Args:
        shapes: Of all arrays, by their names.
        rules: See `vae.config.reading.RULES`; by the first, names are ``images`` and ``labels``.
    """
    if "images" in shapes:
        labels = "labels" if "labels" in shapes else None
        if labels is None and rules > 1:
            labels = _labels_of(shapes, None, num_images=shapes["images"][:1])
        return [Named(None, "images", labels)]
    if rules == 1:
        return []
    parts = _parts(shapes)
    if parts:
        return [Named(part, name, _labels_of(shapes, part)) for part, name in parts.items()]
    meanings = {name: meaning(name) for name in shapes}
    like_images = [name for name, shape in shapes.items() if 3 <= len(shape) <= 5]
    whole = [name for name, (part, word) in meanings.items() if part is None and word in _IMAGES]
    whole = [name for name in whole if len(shapes[name]) > 1]
    if len(whole) > 1:
        whole = [name for name in whole if name in like_images]
    if not whole and len(like_images) == 1:
        whole = like_images
    # Pairs of images, as of a photograph and its mask, are no images and labels.
    is_pair = any(meanings[name][0] is None and meanings[name][1] in _LABELS for name in like_images)
    return [] if len(whole) != 1 or is_pair else [Named(None, whole[0], _labels_of(shapes, None))]


def _parts(shapes: Shapes) -> dict[Part, str]:
    """The array of images of each part; none unless there is one for training and one at most for each other."""
    found: dict[Part, list[str]] = {"train": [], "validation": [], "test": []}
    for name, shape in shapes.items():
        part, word = meaning(name)
        if part is not None and word in (*_IMAGES, "") and len(shape) > 1:
            found[part].append(name)
    if len(found["train"]) != 1 or any(len(names) > 1 for names in found.values()):
        return {}
    return {part: names[0] for part, names in found.items() if names}


def _labels_of(shapes: Shapes, part: Part | None, *, num_images: tuple[int, ...] = ()) -> str | None:
    """The one array that is called like labels of a part; of so many images, if that is given."""
    found = [
        name
        for name, shape in shapes.items()
        if meaning(name)[0] == part
        and meaning(name)[1] in _LABELS
        and sum(side != 1 for side in shape) <= (1 if num_images else 2)
        and (not num_images or num_labels(shape) == num_images[0])
    ]
    return found[0] if len(found) == 1 else None


def layout(names: Sequence[Named]) -> str:
    """The arrays that are read, in words."""
    arrays = ", ".join(name for one in names for name in (one.images, one.labels) if name is not None)
    given = [one.part for one in names if one.part not in (None, "train")]
    return f"arrays {arrays}" + (f" with a given {' and '.join(map(str, given))} part" if given else "")


def is_named(name: str) -> bool:
    """Whether an array is called as images or labels are."""
    return meaning(name)[1] in (*_IMAGES, *_LABELS)


def is_label_name(name: str) -> bool:
    """Whether an array is called as labels are."""
    return meaning(name)[1] in _LABELS


def meaning(name: str) -> tuple[Part | None, str]:
    """The part that a name speaks of, and what is left of it in lower case."""
    if name.lower() in ("arr_0", "arr_1"):
        return None, name.lower()
    words = [word.lower() for word in _WORDS.findall(name)]
    parts = [PARTS[word] for word in words if word in PARTS]
    rest = [word for word in words if word not in PARTS]
    # "xtrain", "ytest": one letter grown together with the part.
    for word in list(rest):
        if word[:1] in ("x", "y") and word[1:] in PARTS:
            parts.append(PARTS[word[1:]])
            rest[rest.index(word)] = word[0]
    if len(parts) > 1 or len(rest) > 1:
        return None, "?"
    return (parts[0] if parts else None), "".join(rest)
