"""Numbers of any type as bytes from 0 to 255: which value is black and which white is told by their type and range.

What can mean one thing alone is taken, and said; everything else is refused with what makes it plain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae.config.reading import Notes
from vae.data.types import DataError

#: Bits of a pixel that cameras and scanners have, above 8.
_DEPTHS = (10, 12, 14, 16)
#: Half a grey of 256: what lies so far outside 0 to 1 becomes the same byte as the end itself.
_HALF_GREY = 1 / 510
#: Where −1 means black, something is this black.
_BLACK = -0.98
#: Images of 0 to 255 use the upper half of their range; below this brightest byte they are said to be dark.
UPPER_HALF = 128
_DARK = 64
#: Numbers looked at together, so that copies on the way stay small.
_AT_ONCE = 2**22


@dataclass(frozen=True)
class Scale:
    """Which values are black and white.

    Attributes:
        black: Becomes byte 0, as does all below.
        white: Becomes byte 255, as does all above.
    """

    black: float
    white: float

    def to_bytes(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Round to the nearest of 256 greys, in C order.

        Args:
            values: Finite numbers of any real type, any shape.
        """
        if values.dtype == np.bool_:
            # Not every byte of a bool array in a file need be 0 or 1.
            values = values.view(np.uint8) != 0
        if (self.black, self.white) == (0, 255) and values.dtype == np.uint8:
            return np.ascontiguousarray(values)
        result = np.empty(values.shape, np.uint8)
        for where in _blocks(values):
            block = values[where]
            if values.dtype.kind == "f" and (self.black, self.white) == (0, 1):
                grey: NDArray[Any] = block.astype(np.float32) * np.float32(255)
            else:
                grey = (block.astype(np.float64) - self.black) * (255 / (self.white - self.black))
            result[where] = np.rint(np.clip(grey, 0, 255))
        return result

    def to_opaque_bytes(self, colours: NDArray[Any], opacity: NDArray[Any] | None) -> NDArray[np.uint8]:
        """Bytes of images whose transparent parts are laid on white.

        Opacity has a range of its own, whatever that of the colours: from 0 to 1, to 255, or that of the colours.

        Args:
            colours: Shape ``(N, C, H, W)``.
            opacity: Shape ``(N, 1, H, W)``; none, and the images are as they are.
        """
        pixels = self.to_bytes(colours)
        if opacity is None:
            return pixels
        high = next((high for high in (1, 255) if opacity.max(initial=0) <= high < self.white), self.white)
        solid = Scale(0, high).to_bytes(np.nan_to_num(opacity, nan=high)).astype(np.uint16)
        return ((pixels * solid + 255 * (255 - solid) + 127) // 255).astype(np.uint8)


def find_scale(arrays: Sequence[NDArray[Any]], place: str, notes: Notes) -> Scale:
    """What is black and white in images, from their type and the range of their values.

    - bool, and whole numbers without any above 1: 0 is black, 1 white; −1 and 1 likewise;
    - whole numbers up to 255, and floats that reach into the upper half of that: bytes;
    - larger whole numbers: 10, 12, 14 or 16 bits, the fewest that hold them;
    - floats from 0 to 1, or −1 to 1; half a grey beyond counts as rounding.

    Args:
        arrays: Of one type each, any shape with images along the first axis; all are scaled alike.
        place: What they are, for messages: "images in own.npz".
        notes: Told what was made of them.
    Raises:
        DataError: If they are no real numbers, not finite, or may mean several things.
    """
    kinds = {array.dtype.kind for array in arrays}
    if not kinds <= set("buif"):
        raise not_numbers(arrays[0].dtype, place)
    if len(kinds) > 1 and kinds & {"b", "f"}:
        types = " and ".join(dict.fromkeys(str(array.dtype) for array in arrays))
        raise DataError(f"{place} must all have one type, got {types}; save them all as the same one")
    if kinds == {"b"}:
        return Scale(0, 1)
    _check_finite([array for array in arrays if array.dtype.kind == "f"], place)
    low, high = _range(arrays)
    if "f" in kinds:
        return _scale_of_floats(arrays, low, high, place, notes)
    return _scale_of_whole(arrays, int(low), int(high), place, notes)


def not_numbers(dtype: np.dtype[Any], place: str) -> DataError:
    """The refusal of what has no value to be a grey."""
    if dtype.kind == "c":
        remedy = "use numpy.abs(images) for magnitudes, or images.real"
    elif dtype.names:
        remedy = f"choose one field, for example images[{dtype.names[0]!r}]"
    elif dtype.kind in "US":
        remedy = "use images.astype(float) if these are numbers in letters"
    else:
        remedy = "use images.astype(float)"
    name = str(dtype) if len(str(dtype)) <= 60 else f"{str(dtype)[:59]}…"
    return DataError(f"{place} must be uint8, bool or float, or other whole numbers, got {name}; {remedy}")


def _scale_of_whole(arrays: Sequence[NDArray[Any]], low: int, high: int, place: str, notes: Notes) -> Scale:
    dtype = arrays[0].dtype
    if low == -1 and high == 1:
        notes.did("whole numbers from −1 to 1 were read with −1 as black and 1 as white")
        return Scale(-1, 1)
    if low < 0:
        bytes_in_disguise = (
            "if they are bytes that were saved as int8, use images.view(numpy.uint8); else "
            if dtype == np.int8
            else ""
        )
        raise DataError(
            f"{place} must be 0 or more if they are whole numbers, got {low} to {high}; {bytes_in_disguise}stretch "
            "them with numpy.interp(images, (images.min(), images.max()), (0, 1))"
        )
    if high <= 1:
        return Scale(0, 1)
    if high <= 255:
        if high < _DARK:
            notes.doubt(_dark(high, f"save images / {high}"))
        return Scale(0, 255)
    for bits in _DEPTHS:
        white = 2**bits - 1
        if high <= white:
            notes.did(f"whole numbers up to {high:,} were read as {bits} bits: {white:,} is white")
            return Scale(0, white)
    raise DataError(
        f"{place} must be whole numbers of at most 16 bits, got {low} to {high}; divide by the one that means white, "
        f"for example images / {high}"
    )


def _scale_of_floats(
    arrays: Sequence[NDArray[Any]], low: float, high: float, place: str, notes: Notes
) -> Scale:
    top = 1 + _HALF_GREY
    ends = f"{low:.9g} to {high:.9g}"
    if low >= -_HALF_GREY and high <= top:
        if low < 0 or high > 1:
            notes.did(f"values from {ends} were cut to 0 to 1: they are less than half a grey outside")
        return Scale(0, 1)
    if low >= -0.5 and UPPER_HALF <= high <= 255.5:
        notes.did(f"floats from {ends} were read as bytes: 255 is white")
        return Scale(0, 255)
    if -top <= low <= _BLACK and 0 < high <= top:
        notes.did(f"floats from {ends} were read with −1 as black and 1 as white")
        return Scale(-1, 1)
    if low == high:
        remedy = "all have this one value: save images that differ"
    elif -0.5 - _HALF_GREY <= low <= -0.4 and 0.4 <= high <= 0.5 + _HALF_GREY:
        remedy = "use images + 0.5 if −0.5 is black and 0.5 white"
    elif low < -_HALF_GREY and high <= top:
        remedy = (
            "use images.clip(0, 1) if 0 is black and 1 white, (images + 1) / 2 if −1 is black"
            if low >= -top
            else "stretch them with (images - images.min()) / numpy.ptp(images)"
        )
    elif low < -_HALF_GREY:
        remedy = "stretch them with (images - images.min()) / numpy.ptp(images)"
    else:
        clip = "use images.clip(0, 1) if 1 is white; else " if high < 2 else ""
        white = (
            f"images / 255 for bytes, or images / {_above(high)}"
            if 16 < high < 255
            else f"images / {_above(high)}"
        )
        remedy = f"{clip}divide by the value that means white, for example {white}"
    raise DataError(f"{place} must be from 0 to 1 if they are floats, got {ends}; {remedy}")


def dark_note(values: NDArray[np.uint8], notes: Notes) -> None:
    """Say so if bytes of files use so little of their range that the images look black."""
    high = int(values.max(initial=0))
    if 1 < high < _DARK:
        notes.doubt(_dark(high, f"save the files again with (pixels / {high} * 255).astype(numpy.uint8)"))


def constant_note(values: NDArray[np.uint8], notes: Notes) -> None:
    """Say so if all pixels of all images are one grey, which leaves nothing to encode."""
    first = values.reshape(-1)[0]
    if all((values[where] == first).all() for where in _blocks(values)):
        notes.doubt(
            f"all pixels of all images are the one grey {first} of 255; see whether these are the images"
        )


def _dark(high: int, remedy: str) -> str:
    return f"the brightest pixel is {high} of 255, so that images look black; if {high} is white, {remedy}"


def _above(high: float) -> str:
    """A short number by which the largest value may be divided to be 1 at most."""
    return f"{high:g}" if float(f"{high:g}") >= high else repr(float(high))


def _check_finite(arrays: Sequence[NDArray[Any]], place: str) -> None:
    bad: list[int] = []
    num, images = 0, 0
    for array in arrays:
        for where in _blocks(array):
            finite = np.isfinite(array[where]).reshape(len(array[where]), -1).all(axis=1)
            found = np.flatnonzero(~finite)
            num += len(found)
            bad += (found[: max(0, 3 - len(bad))] + images + where.start).tolist()
        images += len(array)
    if not num:
        return
    which = (
        f"image {bad[0]}"
        if num == 1
        else f"{num} of {images} images ({', '.join(map(str, bad))}{', …' * (num > 3)})"
    )
    raise DataError(
        f"{place} must be finite, got NaN or infinity in {which}; keep the others, for example with keep = "
        "numpy.isfinite(images).reshape(len(images), -1).all(1), images[keep] and labels[keep], or fill the pixels "
        "with numpy.nan_to_num(images, posinf=0, neginf=0)"
    )


def _range(arrays: Sequence[NDArray[Any]]) -> tuple[Any, Any]:
    lows, highs = [], []
    for array in arrays:
        for where in _blocks(array):
            lows.append(array[where].min().item())
            highs.append(array[where].max().item())
    return min(lows, default=0), max(highs, default=0)


def _blocks(array: NDArray[Any]) -> Iterator[slice]:
    """The first axis in pieces; none of an array without elements."""
    if not array.size:
        return
    step = max(1, _AT_ONCE // max(1, prod(array.shape[1:])))
    for start in range(0, len(array), step):
        yield slice(start, start + step)
