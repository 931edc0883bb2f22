"""The user's own images in a folder of image files, or of one sub-folder for each class.

How the folder is laid out is for `vae.data.readers.folder_layout`, what is in a file for
`vae.data.readers.image_files`, and what a table beside the images says for `vae.data.readers.label_table`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vae.config.reading import RULES, Notes, Reading
from vae.data.attributes import Attributes
from vae.data.readers.folder_layout import Layout, find_layout
from vae.data.readers.image_files import decode
from vae.data.readers.label_table import columns_of
from vae.data.readers.pixel_values import UPPER_HALF, Scale, constant_note, dark_note, find_scale
from vae.data.types import (
    MAX_BYTES,
    MAX_CLASSES,
    MAX_IMAGES,
    DataError,
    Images,
    Progress,
    alike_note,
    check_class_names,
    shown,
    summary,
)
from vae.data.unpacked_size import check_room
from vae.storage.natural_order import natural_key
from vae.storage.user_paths import user_path

#: Files after one that cannot be read which are tried before the folder is refused.
_MAX_TRIED = 1000


def read_folder(path: Path, progress: Progress | None = None, rules: int = RULES) -> Images:
    """Image files in a folder, in one sub-folder for each class, or in such folders for given parts.

    Files and classes are in the order in which people count (2 before 10). All images must have one size. If one is in
    colour, all become colour; an image counts as grey if its channels are equal everywhere, however it was saved.
    Transparent parts are laid on white, photographs turned upright, and of pages and frames the first is taken. Files
    with more than 8 bits a pixel are scaled all alike, by the fewest bits that hold their values. What was made of the
    folder, and what was left out, is in the answer's `Images.reading`.

    Args:
        path: The folder.
        progress: Told how many images are read.
        rules: See `vae.config.reading.RULES`.
    Raises:
        DataError: If there are no images, sizes differ, a file is no image, a link leaves the folder, or it
            is all too large.
    """
    path, notes = user_path(path, DataError, "check data.path"), Notes()
    layout = find_layout(path, rules, notes)
    labels, class_names = _labels(layout, path, rules)
    images = torch.from_numpy(_Reader(layout.files, path, rules, notes).read(progress))
    for sentence in columns_of(layout, path, notes).refused:
        notes.doubt(sentence)
    num_test, num_validation = layout.num("test"), layout.num("validation")
    alike_note(class_names, notes)
    notes.layout = summary(
        layout.words, tuple(images.shape), class_names, num_test=num_test, num_validation=num_validation
    )
    return Images(
        images,
        labels,
        class_names,
        num_test=num_test,
        num_validation=num_validation,
        reading=notes.reading(),
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
    reading = look_at_folder(path)
    path = user_path(path, DataError, "check data.path")
    layout = find_layout(path, RULES, Notes())
    labels, class_names = _labels(layout, path, RULES)
    files = layout.files
    if labels is None:
        rows = sorted({round(place) for place in np.linspace(0, len(files) - 1, min(num, len(files)))})
    else:
        groups = [(labels == label).nonzero().flatten().tolist()[:num] for label in range(len(class_names))]
        rows = [group[turn] for turn in range(num) for group in groups if turn < len(group)][:num]
    images = _Reader([files[row] for row in rows], path, RULES, Notes()).read(None)
    shown = None if labels is None else tuple(int(labels[row]) for row in rows)
    return Sample(images, shown, len(files), class_names, reading)


def read_folder_columns(path: Path, rules: int = RULES) -> Attributes:
    """The columns of ``labels.csv`` in a folder of images, if there is one; see `vae.data.readers.label_table`.

    Args:
        path: The folder.
        rules: See `vae.config.reading.RULES`.
    Raises:
        DataError: If the folder cannot be read.
    """
    path, notes = user_path(path, DataError, "check data.path"), Notes()
    return columns_of(find_layout(path, rules, notes), path, notes)


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


class _Reader:
    """Reads files one after the other into one array."""

    def __init__(self, files: list[Path], path: Path, rules: int, notes: Notes) -> None:
        self.files, self.path, self.rules, self.notes = files, path, rules, notes
        self.result = np.empty((0, 1, 0, 0), np.uint8)
        #: Numbers of more than 8 bits, by the place of their image; scaled when all are known.
        self.deep: dict[int, NDArray[Any]] = {}
        self.deep_bytes = 0
        #: Brightest bytes of files with 16 bits for each of several channels.
        self.cut: list[int] = []

    def read(self, progress: Progress | None) -> NDArray[np.uint8]:
        """All files, shape ``(N, 1 or 3, H, W)``."""
        for number, file in enumerate(self.files):
            try:
                image = decode(file, self.rules)
            except DataError as error:
                raise self._refusal(number, error) from error
            if image.is_one_of_many and self.rules > 1:
                self.notes.leave_out("all pages and frames of a file but its first", self._name(file))
            if image.was_transparent and self.rules > 1:
                self.notes.did("transparent parts were laid on white")
            pixels = image.pixels
            if image.is_cut:
                self.cut.append(int(pixels.max()))
            if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
                raise DataError(
                    f"{shown(file)} must have finite pixels, got NaN or infinity; remove it, or fill them in"
                )
            if not image.is_deep and (pixels == pixels[..., :1]).all():
                pixels = pixels[..., :1]
            self._put(number, pixels.transpose(2, 0, 1))
            if progress and (number % 200 == 0 or number == len(self.files) - 1):
                progress("reading images", number + 1, len(self.files))
        self._scale()
        return self.result

    def _put(self, number: int, image: NDArray[Any]) -> None:
        """Keep one image, shape ``(1 or 3, H, W)``."""
        height, width = image.shape[1:]
        if number == 0:
            self.result = self._room(1, height, width)
        if self.result.shape[2:] != (height, width):
            raise DataError(
                f"images in {shown(self.path)} must all have one size, got {self.result.shape[3]}×"
                f"{self.result.shape[2]} ({self._name(self.files[0])}) and {width}×{height} "
                f"({self._name(self.files[number])}); resize them to one size"
            )
        if len(image) > self.result.shape[1]:
            grey = self.result[:number]
            self.result = self._room(3, height, width)
            self.result[:number] = grey
        if image.dtype == np.uint8:
            self.result[number] = image
            return
        self.deep[number] = image
        self.deep_bytes += image.nbytes
        if self.deep_bytes > MAX_BYTES:
            raise DataError(
                f"images in {shown(self.path)} must be at most {MAX_BYTES} bytes in all, got more; use fewer"
            )

    def _scale(self) -> None:
        """Turn what has more than 8 bits into bytes, and zeros and ones into black and white."""
        place = f"images in {shown(self.path)}"
        if self.deep:
            deep = [image.astype(image.dtype.newbyteorder("=")) for image in self.deep.values()]
            scale = Scale(0, 65535) if self.rules == 1 else find_scale(deep, place, self.notes)
            for number, image in zip(self.deep, deep, strict=True):
                self.result[number] = scale.to_bytes(image)
        elif self.rules > 1:
            if self.result.max(initial=0) == 1 and not self.cut:
                self.notes.did("pixels 0 and 1 were read as black and white")
                self.result *= 255
            if not self.cut:
                dark_note(self.result, self.notes)
        if self.cut and self.rules > 1:
            self._tell_of_cut(place)
        if self.rules > 1:
            constant_note(self.result, self.notes)

    def _tell_of_cut(self, place: str) -> None:
        """Say what became of several channels of 16 bits each, and refuse them if nothing is left."""
        remedy = "save them with 8 bits a channel, stretched so that white is 255"
        if (high := max(self.cut)) <= 1:
            raise DataError(
                f"{place} must use the upper 8 bits of each channel if they have 16, which are all that is read, got a "
                f"brightest value of {high} in these; {remedy}"
            )
        words = f"colour of 16 bits a channel was read by its upper 8 bits ({len(self.cut):,} files)"
        if high < UPPER_HALF:
            self.notes.doubt(f"{words}, and is dark (up to {high} of 255); {remedy}")
        else:
            self.notes.did(words)

    def _refusal(self, number: int, error: DataError) -> DataError:
        """The refusal of a file, with the others that cannot be read, so that nobody meets them one by one."""
        broken = []
        for file in self.files[number + 1 :][:_MAX_TRIED]:
            try:
                decode(file, self.rules)
            except DataError:
                broken.append(self._name(file))
        if not broken:
            return error
        more = f", {broken[1]}" if len(broken) > 1 else ""
        return DataError(
            f"{error}; so it is with {len(broken)} more files ({broken[0]}{more}{', …' if len(broken) > 2 else ''})"
        )

    def _room(self, channels: int, height: int, width: int) -> NDArray[np.uint8]:
        num = len(self.files)
        if num > MAX_IMAGES or num * channels * height * width > MAX_BYTES:
            raise DataError(
                f"images in {shown(self.path)} must be at most {MAX_IMAGES} and {MAX_BYTES} bytes in all, "
                f"got {num} of {width}×{height}; use fewer or smaller ones"
            )
        stored = sum(file.stat().st_size for file in self.files)
        check_room(num * channels * height * width, stored, f"images in {shown(self.path)}")
        return np.empty((num, channels, height, width), np.uint8)

    def _name(self, file: Path) -> str:
        return shown(file.relative_to(self.path))
