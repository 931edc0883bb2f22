"""The user's own images in a folder of image files, or of one sub-folder for each class.

How the folder is laid out is for `vae.data.readers.folder_layout`, what is in a file for
`vae.data.readers.image_files`, in all of them for `vae.data.readers.folder_pixels`, and what a table beside the images
says for `vae.data.readers.label_table`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vae.config.reading import RULES, Notes, Reading
from vae.data.attributes import Attributes
from vae.data.readers.folder_layout import FolderPart, Layout, find_layout, no_training
from vae.data.readers.folder_pixels import FURTHER_FRAMES, FilePixels, read_files
from vae.data.readers.label_table import columns_of
from vae.data.types import (
    MAX_CLASSES,
    DataError,
    Images,
    Progress,
    check_class_names,
    own_images,
    shown,
    summary,
)
from vae.limits import MiB
from vae.storage.natural_order import natural_key
from vae.storage.user_paths import user_path

#: Folders of so many files and bytes are read whole for a look at them; of larger ones some images.
_MAX_LOOK, _MAX_LOOK_BYTES = 1000, 64 * MiB
#: Doubts that a reading keeps.
_MOST_DOUBTS = 40
#: Folders of which it is remembered what was left out.
_MAX_KNOWN = 8
_known: dict[tuple[Path, int], tuple[bytes, tuple[int, ...]]] = {}


def read_folder(path: Path, progress: Progress | None = None, rules: int = RULES) -> Images:
    """Image files in a folder, in one sub-folder for each class, or in such folders for given parts.

    Files and classes are in the order in which people count (2 before 10). Files that cannot be read are left out, and
    so are images of another size than nine in ten have. If one is in colour, all become colour; an image counts as grey
    if its channels are equal everywhere, however it was saved. Transparent parts are laid on white, photographs turned
    upright, and of pages and frames the first is taken. Files with more than 8 bits a pixel are scaled all alike, by
    the fewest bits that hold their values. What was made of the folder, and what was left out, is in the answer's
    `Images.reading`.

    Args:
        path: The folder.
        progress: Told how many images are read.
        rules: See `vae.config.reading.RULES`.
    Raises:
        DataError: If there are no images that can be read, no size is that of most, a link leaves the folder, or it is
            all too large.
    """
    path, notes = user_path(path, DataError, "check data.path"), Notes()
    layout = find_layout(path, rules, notes)
    _labels(layout, path, rules)  # what is wrong with the names of classes is known before an image is read
    pixels = _read(layout, path, rules, notes, progress)
    for sentence in columns_of(layout, path, notes, pixels.kept).refused:
        notes.doubt(sentence)
    layout = _kept(layout, pixels.kept, notes)
    labels, class_names = _labels(layout, path, rules)
    return own_images(
        torch.from_numpy(pixels.images),
        labels,
        class_names,
        notes,
        layout=layout.words,
        num_test=layout.num("test"),
        num_validation=layout.num("validation"),
    )


def look_at_folder(path: Path) -> Reading:
    """What would be made of a folder, as far as that is seen without opening an image.

    Raises:
        DataError: If there are no images, the layout may be understood in two ways, or a link leaves the folder.
    """
    path, notes = user_path(path, DataError, "check data.path"), Notes()
    layout = find_layout(path, RULES, notes)
    _, class_names = _labels(layout, path, RULES)
    for sentence in columns_of(layout, path, notes).refused:
        notes.doubt(sentence)
    num_test, num_validation = layout.num("test"), layout.num("validation")
    notes.layout = summary(
        layout.words, (len(layout.files),), class_names, num_test=num_test, num_validation=num_validation
    )
    return notes.reading()


@dataclass(frozen=True, eq=False)
class Sample:
    """Some images of a folder: bytes ``(K, C, H, W)``, their classes, and what is known of all without opening them."""

    images: NDArray[np.uint8]
    labels: tuple[int, ...] | None
    num_images: int
    class_names: tuple[str, ...]
    reading: Reading


def sample_of_folder(path: Path, num: int) -> Sample:
    """At most so many images of a folder, of its classes in turn, read as `read_folder` reads all.

    Raises:
        DataError: As `read_folder`, as far as it is seen in these images.
    """
    path = user_path(path, DataError, "check data.path")
    layout = find_layout(path, RULES, Notes())
    if _is_small(layout.files):
        whole = read_folder(path)
        rows = _spread(whole.labels, whole.class_names, len(whole.images), num)
        return _sample(
            whole.images.numpy()[rows],
            whole.labels,
            rows,
            len(whole.images),
            whole.class_names,
            whole.reading,
        )
    reading = look_at_folder(path)
    labels, class_names = _labels(layout, path, RULES)
    files, notes = layout.files, Notes()
    rows = _spread(labels, class_names, len(files), num)
    try:
        pixels = read_files([files[row] for row in rows], path, RULES, notes)
    except DataError:  # these few may be the odd ones
        rows = sorted({round(place) for place in np.linspace(0, len(files) - 1, _MAX_LOOK)})
        pixels = read_files([files[row] for row in rows], path, RULES, notes)
    met = [
        f"{left.num:,} of {len(rows):,} files that were looked at will be left out: {left.what} "
        f"({', '.join(left.first)})"
        for left in notes.reading().left_out
        if left.what != FURTHER_FRAMES
    ]
    reading = reading.replace(doubts=(*reading.doubts, *met)[:_MOST_DOUBTS])
    rows = [rows[place] for place in pixels.kept][:num]
    return _sample(pixels.images[:num], labels, rows, len(files), class_names, reading)


def _sample(
    images: NDArray[np.uint8],
    labels: Tensor | None,
    rows: list[int],
    num_images: int,
    class_names: tuple[str, ...],
    reading: Reading,
) -> Sample:
    of_each = None if labels is None else tuple(int(labels[row]) for row in rows)
    return Sample(images, of_each, num_images, class_names, reading)


def _spread(labels: Tensor | None, class_names: tuple[str, ...], num_images: int, num: int) -> list[int]:
    """At most so many rows: of the classes in turn, or evenly chosen where there are none."""
    if labels is None:
        return sorted({round(place) for place in np.linspace(0, num_images - 1, min(num, num_images))})
    groups = [(labels == label).nonzero().flatten().tolist()[:num] for label in range(len(class_names))]
    return [group[turn] for turn in range(num) for group in groups if turn < len(group)][:num]


def _is_small(files: list[Path]) -> bool:
    """Whether all are soon read."""
    if len(files) > _MAX_LOOK:
        return False
    with suppress(OSError):
        return sum(file.stat().st_size for file in files) <= _MAX_LOOK_BYTES
    return False


def read_folder_columns(path: Path, rules: int = RULES) -> Attributes:
    """The columns of ``labels.csv`` in a folder of images, if there is one; see `vae.data.readers.label_table`.

    Args:
        path: The folder.
        rules: See `vae.config.reading.RULES`.
    Raises:
        DataError: If the folder cannot be read.
    """
    path, notes = user_path(path, DataError, "check data.path"), Notes()
    layout = find_layout(path, rules, notes)
    if layout.table is None:
        return Attributes()
    known = _known.get((path, rules))
    if rules == 1:
        kept: Sequence[int] = range(len(layout.files))  # nothing is left out
    elif known is not None and known[0] == _stamp(layout.files):
        kept = known[1]
    else:
        kept = _read(layout, path, rules, Notes(), None).kept
    return columns_of(layout, path, notes, kept)


def _read(layout: Layout, path: Path, rules: int, notes: Notes, progress: Progress | None) -> FilePixels:
    """All that can be read; remembers what that is, for the columns of a table must be those of the same images."""
    stamp = _stamp(layout.files)
    pixels = read_files(layout.files, path, rules, notes, progress)
    _known.pop((path, rules), None)
    _known[path, rules] = (stamp, pixels.kept)
    for oldest in list(_known)[:-_MAX_KNOWN]:
        _known.pop(oldest, None)
    return pixels


def _stamp(files: list[Path]) -> bytes:
    """Changes when files do."""
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        with suppress(OSError):
            stat = file.stat()
            digest.update(f"{file}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    return digest.digest()


def _kept(layout: Layout, kept: Sequence[int], notes: Notes) -> Layout:
    """The layout without the files that were left out, and without classes and parts that have no other.

    Raises:
        DataError: If nothing is left to train on.
    """
    if len(kept) == len(layout.files):
        return layout
    rows, start = set(kept), 0
    parts: list[FolderPart] = []
    gone: list[str] = []
    for part in layout.parts:
        classes = {}
        for name, files in part.classes.items():
            if left := [file for row, file in enumerate(files, start) if row in rows]:
                classes[name] = left
            elif name:
                gone.append(name)
            start += len(files)
        if classes:
            parts.append(replace(part, classes=classes))
        elif part is layout.parts[0]:
            raise DataError(
                f"{shown(part.folder)} must have an image that can be read, got none; save its images again"
            )
        else:
            where = shown(part.folder.relative_to(layout.root).as_posix())
            notes.doubt(
                f"{where} has no image that can be read: {part.part} images are taken from the others; save its images "
                "again"
            )
    names = {name for part in parts for name in part.classes}
    for name in dict.fromkeys(gone):
        if name not in names:
            notes.leave_out("classes without an image that can be read", shown(name))
        elif name not in parts[0].classes:
            notes.doubt(no_training(name))
    return replace(layout, parts=parts)


def _labels(layout: Layout, path: Path, rules: int) -> tuple[Tensor | None, tuple[str, ...]]:
    """Numbers of the classes of all images, and the classes' names; None if there are none."""
    if not layout.parts[0].has_classes:
        return None, ()
    found = {name for part in layout.parts for name in part.classes}
    class_names = tuple(sorted(found, key=natural_key if rules > 1 else str))
    if len(class_names) > MAX_CLASSES:
        raise DataError(
            f"{shown(path)} must have at most {MAX_CLASSES} classes, got {len(class_names)}; group them"
        )
    check_class_names(class_names, path)
    numbers = {name: number for number, name in enumerate(class_names)}
    each = [
        torch.full((len(files),), numbers[name])
        for part in layout.parts
        for name, files in part.classes.items()
    ]
    return torch.cat(each), class_names
