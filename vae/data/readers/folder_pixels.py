"""The pixels of many image files in one array: what cannot be read is left out and said, the rest is taken.

One broken file in thousands is no reason to refuse them all. Nothing is left out in silence, and where no file can be
read, or no size is that of most images, all are refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae.config.reading import Notes
from vae.data.readers.image_files import Decoded, Unreadable, decode
from vae.data.readers.pixel_values import UPPER_HALF, Scale, constant_note, dark_note, find_scale
from vae.data.types import MAX_BYTES, MAX_IMAGES, DataError, Progress, shown
from vae.data.unpacked_size import check_room
from vae.errors import clean

#: Share of the images that must have one size for the others to be left out; with less it is unclear which is meant.
_MOST_SHARE = 0.9
#: Images of the first one's size by which it is seen that many have it, and not a few odd ones.
_ENOUGH = 200
#: What is left out of files, and not the files themselves.
FURTHER_FRAMES = "all pages and frames of a file but its first"
#: Letters of a file's name beside others.
_SHORT_NAME = 40


@dataclass(frozen=True, eq=False)
class FilePixels:
    """What was read of some files.

    Attributes:
        images: Bytes, shape ``(N, 1 or 3, H, W)``.
        kept: The place of each image's file among those that were asked for, ascending, length N.
    """

    images: NDArray[np.uint8]
    kept: tuple[int, ...]


def read_files(
    files: Sequence[Path], path: Path, rules: int, notes: Notes, progress: Progress | None = None
) -> FilePixels:
    """Read image files one after the other into one array.

    Args:
        files: Which, in order.
        path: The folder that messages name them from.
        rules: See `vae.config.reading.RULES`; by the first, one file that cannot be read is refused.
        notes: Told what was done, and what was left out.
        progress: Told how many files are read.
    Raises:
        DataError: If no file can be read, no size is that of most images, it is all too large, or it is unclear which
            value is white.
    """
    reader = _Reader(files, path, rules, notes)
    size = reader.read(progress, None)
    if size is not None:
        reader = _Reader(files, path, rules, notes)
        reader.read(progress, size)
    return reader.result()


class _Reader:
    """Reads files one after the other into one array."""

    def __init__(self, files: Sequence[Path], path: Path, rules: int, notes: Notes) -> None:
        self.files, self.path, self.rules, self.notes = files, path, rules, notes
        self.images = np.empty((0, 1, 0, 0), np.uint8)
        #: The place of each image's file.
        self.kept: list[int] = []
        #: What is left out, and its name; and the first refusal.
        self.left_out: list[tuple[str, str]] = []
        self.refusal: DataError | None = None
        #: Why there is no room for as many images as large as the first; most may be smaller.
        self.too_large: DataError | None = None
        #: Width and height of the images that could be read, with the first file of each.
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.first_of: dict[tuple[int, int], Path] = {}
        self.is_transparent = False
        #: Numbers of more than 8 bits, by the place of their image; scaled when all are known.
        self.deep: dict[int, NDArray[Any]] = {}
        self.deep_bytes = 0
        #: Brightest byte of each image whose file has 16 bits for each of several channels, by its place.
        self.cut: dict[int, int] = {}

    def read(self, progress: Progress | None, size: tuple[int, int] | None) -> tuple[int, int] | None:
        """All files of one size, width and height; that of the first where none is given.

        Returns:
            The size to read them by instead, if some have another than the first and it is clear which is meant.
        """
        for number, file in enumerate(self.files):
            try:
                self._take(number, file, size)
            except Unreadable as error:
                if self.rules == 1:
                    raise
                self.refusal = self.refusal or error
                self.left_out.append((error.what, self._name(file)))
            if progress and (number % 200 == 0 or number == len(self.files) - 1):
                progress("reading images", number + 1, len(self.files))
        if not self.sizes and self.refusal is not None:
            raise self._refused(self.refusal)
        if size is not None or not self.sizes:
            return None
        most, first = self._size_of_most(), next(iter(self.sizes))
        if most == first and self.too_large is not None:
            raise self.too_large
        return None if most == first else most

    def result(self) -> FilePixels:
        """What was read, once all was; says what was done and left out."""
        self.images = self.images[: len(self.kept)]
        self._scale()
        for what, name in self.left_out:
            self.notes.leave_out(what, name)
        if self.is_transparent and self.rules > 1:
            self.notes.did("transparent parts were laid on white")
        return FilePixels(self.images, tuple(self.kept))

    def _take(self, number: int, file: Path, wanted: tuple[int, int] | None) -> None:
        """Read one file, and keep its image if it has the size that is wanted, or that of those before it.

        Raises:
            Unreadable: If it cannot be read.
        """
        image = _finite(decode(file, self.rules), file)
        height, width = image.pixels.shape[:2]
        size = (width, height)
        self.sizes[size] += 1
        self.first_of.setdefault(size, file)
        kept_size = wanted or next(iter(self.sizes))
        if size != kept_size:
            if self.rules == 1:
                raise self._several_sizes()
            words = f"images of another size than {kept_size[0]}×{kept_size[1]}"
            self.left_out.append((words, f"{self._name(file)}, {width}×{height}"))
            return
        if self.too_large is not None:
            if self._is_meant(size):
                raise self.too_large
            return  # all are read again, if most have another size
        if image.is_one_of_many and self.rules > 1:
            self.left_out.append((FURTHER_FRAMES, self._name(file)))
        self.is_transparent |= image.was_transparent
        pixels = image.pixels
        if image.is_cut:
            self.cut[len(self.kept)] = int(pixels.max())
        if not image.is_deep and (pixels == pixels[..., :1]).all():
            pixels = pixels[..., :1]
        try:
            self._put(pixels.transpose(2, 0, 1))
        except DataError as error:
            if wanted is not None or self.rules == 1:
                raise
            self.too_large = error
        self.kept.append(number)

    def _is_meant(self, size: tuple[int, int]) -> bool:
        """Whether so many have the size of the first that they are no few odd ones."""
        num, total = self.sizes[size], len(self.files)
        return num > _ENOUGH or total - num < _MOST_SHARE * total

    def _put(self, image: NDArray[Any]) -> None:
        """Keep one image, shape ``(1 or 3, H, W)``."""
        row = len(self.kept)
        if row == 0:
            self.images = self._room(1, *image.shape[1:])
        if len(image) > self.images.shape[1]:
            grey = self.images[:row]
            self.images = self._room(3, *image.shape[1:])
            self.images[:row] = grey
        if image.dtype == np.uint8:
            self.images[row] = image
            return
        self.deep[row] = image
        self.deep_bytes += image.nbytes
        if self.deep_bytes > MAX_BYTES:
            raise DataError(
                f"images in {shown(self.path)} must be at most {MAX_BYTES} bytes in all, got more; use fewer"
            )

    def _size_of_most(self) -> tuple[int, int]:
        """Raises a `DataError` if too few have the most frequent size."""
        size, num = self.sizes.most_common(1)[0]
        if num < _MOST_SHARE * self.sizes.total():
            raise self._several_sizes()
        return size

    def _several_sizes(self) -> DataError:
        (first, file), (second, other) = list(self.first_of.items())[:2]
        return DataError(
            f"images in {shown(self.path)} must all have one size, got {first[0]}×{first[1]} ({self._name(file)}) and "
            f"{second[0]}×{second[1]} ({self._name(other)}); resize them to one size"
        )

    def _scale(self) -> None:
        """Turn what has more than 8 bits into bytes, and zeros and ones into black and white."""
        place = f"images in {shown(self.path)}"
        if self.rules > 1 and max(self.cut.values(), default=2) <= 1:
            self._leave_out_odd(self.cut, "colour images of 16 bits a channel that use only the lower 8")
        if self.deep:
            self._scale_deep(place)
        if self.rules > 1 and not self.deep and not self.cut:
            if self.images.max(initial=0) == 1:
                self.notes.did("pixels 0 and 1 were read as black and white")
                self.images *= 255
            dark_note(self.images, self.notes)
        if self.cut and self.rules > 1:
            self._tell_of_cut(place)
        if self.rules > 1:
            constant_note(self.images, self.notes)

    def _scale_deep(self, place: str) -> None:
        """Turn what has more than 8 bits into bytes; a few of another type than most are left out if they fit no scale.

        Raises:
            DataError: If it is unclear which value is white.
        """
        self.deep = {row: image.astype(image.dtype.newbyteorder("=")) for row, image in self.deep.items()}
        if self.rules == 1:
            scale = Scale(0, 65535)
        else:
            try:
                scale = find_scale(list(self.deep.values()), place, self.notes)
            except DataError:
                types = [
                    str(self.deep[row].dtype) if row in self.deep else "uint8"
                    for row in range(len(self.kept))
                ]
                most = Counter(types).most_common(1)[0][0]
                odd = [row for row, one in enumerate(types) if one != most]
                if not self._leave_out_odd(odd, f"images of another type of pixels than {most}"):
                    raise
                if not self.deep:
                    return
                scale = find_scale(list(self.deep.values()), place, self.notes)
        for row, image in self.deep.items():
            self.images[row] = scale.to_bytes(image)

    def _leave_out_odd(self, rows: Collection[int], what: str) -> bool:
        """Leave out images that were read, if there are any and few."""
        total = len(self.kept)
        odd = set(rows)
        left = [row for row in range(total) if row not in odd]
        if not rows or len(left) < _MOST_SHARE * total:
            return False
        self.left_out += [(what, self._name(self.files[self.kept[row]])) for row in rows]
        self.images = self.images[left]
        self.kept = [self.kept[row] for row in left]
        places = {row: place for place, row in enumerate(left)}
        self.deep = {places[row]: image for row, image in self.deep.items() if row in places}
        self.cut = {places[row]: high for row, high in self.cut.items() if row in places}
        return True

    def _tell_of_cut(self, place: str) -> None:
        """Say what became of several channels of 16 bits each, and refuse them if nothing is left."""
        remedy = "save them with 8 bits a channel, stretched so that white is 255"
        if (high := max(self.cut.values())) <= 1:
            raise DataError(
                f"{place} must use the upper 8 bits of each channel if they have 16, which are all that is read, got a "
                f"brightest value of {high} in these; {remedy}"
            )
        words = f"colour of 16 bits a channel was read by its upper 8 bits ({len(self.cut):,} files)"
        if high < UPPER_HALF:
            self.notes.doubt(f"{words}, and is dark (up to {high} of 255); {remedy}")
        else:
            self.notes.did(words)

    def _refused(self, error: DataError) -> DataError:
        """The refusal of all: that of the first, with the names of others, so that nobody meets them one by one."""
        others = [name for _, name in self.left_out][1:]
        if not others:
            return error
        names = ", ".join([clean(name, _SHORT_NAME) for name in others[:2]] + ["…"] * (len(others) > 2))
        return DataError(
            f"{error}; {len(others):,} more file{'s' * (len(others) > 1)} cannot be used either ({names})"
        )

    def _room(self, channels: int, height: int, width: int) -> NDArray[np.uint8]:
        num = len(self.files)
        if num > MAX_IMAGES or num * channels * height * width > MAX_BYTES:
            raise DataError(
                f"images in {shown(self.path)} must be at most {MAX_IMAGES} and {MAX_BYTES} bytes in all, "
                f"got {num} of {width}×{height}; use fewer or smaller ones"
            )
        stored = 0
        for file in self.files:
            with suppress(OSError):  # it has gone since: its turn to be left out comes
                stored += file.stat().st_size
        check_room(num * channels * height * width, stored, f"images in {shown(self.path)}")
        return np.empty((num, channels, height, width), np.uint8)

    def _name(self, file: Path) -> str:
        return shown(file.relative_to(self.path))


def _finite(image: Decoded, file: Path) -> Decoded:
    if image.pixels.dtype.kind == "f" and not np.isfinite(image.pixels).all():
        raise Unreadable(
            f"{shown(file)} must have finite pixels, got NaN or infinity; remove it, or fill them in",
            "images with pixels that are NaN or infinite",
        )
    return image
