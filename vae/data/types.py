"""What every reader of images gives, the limits it keeps to, and the error it raises.

A data set is read by `vae.data.readers.digits`, `vae.data.readers.torchvision`, `vae.data.readers.npz` or
`vae.data.readers.image_folder` into one `Images`; `vae.data.dataset` splits it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from torch import Tensor

from vae.config.reading import Notes, Reading
from vae.errors import UserError
from vae.runtime import html

MAX_IMAGES = 2_000_000
MAX_SIDE = 1024
MAX_BYTES = 4 * 2**30
#: Deflate never makes more than this many bytes out of one, so a small file cannot truly hold a large array.
MAX_DEFLATE_RATIO = 1032
MAX_CLASSES = 1000
MAX_CLASS_NAME = 80

#: What people call the parts that a set is given in.
PART_WORDS = frozenset(("train", "training", "val", "valid", "validation", "dev", "test", "testing"))

#: Told while something slow goes on: what it is, how much is done, of how much (0 where that is not known).
Progress = Callable[[str, int, int], None]


class DataError(UserError):
    """Images cannot be read, downloaded, split, or used by the run that was asked for."""


@dataclass(frozen=True, eq=False)
class Images:
    """One data set as it was read, before it is split and made binary.

    Attributes:
        images: Bytes, shape ``(N, C, H, W)``; the official test part, if there is one, comes last.
        labels: Numbers of the classes from 0, int64, shape ``(N,)``; None if the images have no labels.
        class_names: The name of each class; empty without labels.
        max_value: The byte that means 1.
        num_test: Number of images in the official test part; 0 if the set has none.
        num_validation: Likewise of a given validation part; its images come right before those of the test part.
        reading: What was made of the user's own data.
    """

    images: Tensor
    labels: Tensor | None
    class_names: tuple[str, ...]
    max_value: int = 255
    num_test: int = 0
    num_validation: int = 0
    reading: Reading = field(default_factory=Reading)

    def _repr_html_(self) -> str:
        """A card of the shapes and classes, in a notebook."""
        classes = html.table({"classes": ", ".join(self.class_names) or None})
        return html.card("Images", html.shapes(images=self.images, labels=self.labels), classes)


def summary(
    layout: str, size: tuple[int, ...], class_names: Sequence[str], *, num_test: int, num_validation: int
) -> str:
    """A layout that was recognised, and what it holds, as one line.

    Args:
        layout: In words.
        size: ``(N, C, H, W)``, or ``(N,)`` where nothing more is known yet.
        class_names: Of the classes; empty without.
        num_test: Images of a given test part.
        num_validation: Images of a given validation part.
    """
    num, kind = size[0], ""
    if len(size) == 4:
        _, channels, height, width = size
        kind = f" of {width}×{height}, {'colour' if channels == 3 else 'grey'}"
    given = [f"{of:,} for {part}" for of, part in ((num_validation, "validation"), (num_test, "test")) if of]
    names = ", ".join(class_names[:10]) + (", …" if len(class_names) > 10 else "")
    classes = f"; {len(class_names)} class{'es' * (len(class_names) != 1)} ({names})" if class_names else ""
    return (
        f"{layout}; {num:,} image{'s' * (num != 1)}{kind}{''.join(f', {words}' for words in given)}{classes}"
    )


def shown(path: str | os.PathLike[str]) -> str:
    """A path for a message: bytes that are no text, and control characters, are escaped."""
    text = os.fspath(path).encode("utf-8", "backslashreplace").decode()
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


#: How Python shows an object of which nothing else is known: an address says nothing to anybody.
_ADDRESS = re.compile(r"\s*<[^<>]* at 0x[0-9a-fA-F]+>")


def reason(error: BaseException) -> str:
    """Why something failed, in a few words."""
    words = _ADDRESS.sub("", str(getattr(error, "strerror", None) or error)).strip()
    return words or type(error).__name__


def check_kind(path: Path, name: Literal["npz", "folder"]) -> None:
    """Check that a path is there and is what ``data.name`` says; nothing is opened, for it may be a pipe.

    Raises:
        DataError: If not.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise DataError(f"{shown(path)} cannot be read: {reason(error)}; check data.path") from None
    if name == "npz" and not stat.S_ISREG(mode):
        raise DataError(
            f"data.path must be a file for name = npz, got {shown(path)}; use name folder for a folder"
        )
    if name == "folder" and not stat.S_ISDIR(mode):
        raise DataError(
            f"data.path must be a folder for name = folder, got {shown(path)}; use name npz for an .npz file"
        )


def check_sides(width: int, height: int, place: str) -> None:
    """Check that an image is one pixel at least and no larger than we take.

    Raises:
        DataError: If not.
    """
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise DataError(
            f"{place} must have sides of 1 to {MAX_SIDE} pixels, got {width}×{height}; resize to fewer"
        )


def check_class_names(names: Iterable[str], path: Path) -> None:
    """Check that the names of classes can be shown.

    Raises:
        DataError: If one is empty, long or unprintable.
    """
    for name in names:
        if len(name) > MAX_CLASS_NAME or not name.isprintable() or not name.strip():
            raise DataError(
                f"class names must be 1 to {MAX_CLASS_NAME} printable characters, got '{shown(name)[:100]}' "
                f"in {shown(path)}; rename it"
            )


def alike_note(names: Iterable[str], notes: Notes, what: str = "classes") -> None:
    """Say so if names of classes differ in capitals or spaces alone: people rarely mean two."""
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault("".join(name.split()).casefold(), name)
        if other != name:
            notes.doubt(
                f"{what} {other!r} and {name!r} differ in capitals or spaces alone; rename one if they are one"
            )
            return


def own_images(
    images: Tensor,
    labels: Tensor | None,
    class_names: tuple[str, ...],
    notes: Notes,
    *,
    layout: str,
    num_test: int,
    num_validation: int,
) -> Images:
    """The user's own images as they were read; how they were laid out, and classes that may be one, are noted.

    Args:
        images: As in `Images`, and the rest likewise.
        labels: Of them.
        class_names: Of the labels.
        notes: What was made of the user's data; told the layout.
        layout: In words.
        num_test: Images of a given test part.
        num_validation: Images of a given validation part.
    """
    alike_note(class_names, notes)
    notes.layout = summary(
        layout, tuple(images.shape), class_names, num_test=num_test, num_validation=num_validation
    )
    return Images(
        images,
        labels,
        class_names,
        num_test=num_test,
        num_validation=num_validation,
        reading=notes.reading(),
    )


def parts_note(name: str, classes: Sequence[str], notes: Notes) -> None:
    """Say so if a column names parts: images are not split by it."""
    if "train" in classes and len(classes) > 1 and all(one.lower() in PART_WORDS for one in classes):
        notes.doubt(
            f"column {name} names parts, and the images are split again anyway; to keep the parts, give them as "
            "arrays x_train and x_test, or as folders train and test"
        )
