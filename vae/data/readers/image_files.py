"""One image file, decoded by Pillow: which formats are let near a decoder, and what becomes of their pixels.

The files are not trusted. Formats are those that data sets come in and whose decoders are small or looked after by
many: PNG, JPEG, BMP, WebP, GIF, TIFF, Netpbm and Targa. Left out are those that start another program (EPS), those of
documents, videos and science that Pillow reads in part (PSD, PDF, FITS, DICOM, HEIC), and those whose decoders have a
long record of holes for little use in data sets (JPEG 2000, AVIF).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vae.data.types import MAX_SIDE, DataError, check_sides, reason, shown
from vae.limits import IMAGE_FILE_BYTES, JPEG_SCANS

#: Decoders that are tried by the first bytes of a file, and the endings of files that they are tried on.
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF", "PPM")
SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".bmp",
    ".webp",
    ".gif",
    ".tif",
    ".tiff",
    ".ppm",
    ".pgm",
    ".pbm",
    ".pnm",
    ".pfm",
    ".tga",
)
#: A Targa file is not known by its first bytes, so that its decoder takes anything: it gets what is called so alone.
_BY_ENDING = {".tga": ("TGA",)}

#: What the first versions read, and runs of theirs go on to read.
FIRST_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_FIRST_FORMATS = ("PNG", "JPEG", "BMP", "WEBP")

#: Endings of images that are not read.
OTHER_IMAGES = frozenset(
    f".{ending}"
    for line in (
        "heic heif avif jp2 j2k jxl psd xcf svg eps pdf ai ico icns dds pcx qoi",
        "dcm dicom nii fits fit exr hdr raw cr2 cr3 nef arw dng orf rw2",
        "mp4 avi mov webm",
    )
    for ending in line.split()
)


class Unreadable(DataError):
    """One file that is no image that we read; the others may be.

    Attributes:
        what: Such files in the plural, as they are counted among what is left out.
    """

    def __init__(self, message: str, what: str) -> None:
        super().__init__(message)
        self.what = what


@dataclass(frozen=True)
class Decoded:
    """One image, as the file has it.

    Attributes:
        pixels: Shape ``(H, W, 1 or 3)``: bytes; or, with one channel, the whole or floating numbers of a file with more
            than 8 bits a pixel.
        is_one_of_many: Whether the file has further pages or frames.
        is_cut: Whether the file has 16 bits for each of several channels, of which Pillow keeps the upper 8.
        was_transparent: Whether something in it was laid on white.
    """

    pixels: NDArray[Any]
    is_one_of_many: bool
    is_cut: bool = False
    was_transparent: bool = False

    @property
    def is_deep(self) -> bool:
        """Whether the numbers have more than 8 bits."""
        return self.pixels.dtype != np.uint8


def decode(file: Path, rules: int) -> Decoded:
    """Decode one file; of pages or frames the first.

    Transparent parts are laid on white and photographs turned upright.

    Args:
        file: Which; it must be a regular file.
        rules: See `vae.config.reading.RULES`.
    Raises:
        Unreadable: If it is no image that we read, or is too large.
    """
    formats = _FIRST_FORMATS if rules == 1 else _BY_ENDING.get(file.suffix.lower(), _FORMATS)
    try:
        with Image.open(io.BytesIO(_content(file)), formats=formats) as image:
            # Before a pixel is decoded, so a small file that claims a huge image costs nothing.
            _check_sides(*image.size, file)
            # TIFF says so only after a look at its first page, which has been had by now.
            is_one_of_many = bool(getattr(image, "is_animated", False))
            is_cut = image.mode[0] not in "IF" and any(";16" in str(tile[3]) for tile in image.tile)
            pixels, was_transparent = _pixels(image)
            return Decoded(pixels, is_one_of_many, is_cut, was_transparent)
    except Unreadable:
        raise
    except Exception as error:  # decoders raise whatever a damaged file makes them raise
        raise Unreadable(
            f"{shown(file)} cannot be read as an image ({shown(reason(error))}); remove it or save it again",
            "files that cannot be read as images",
        ) from error


def _check_sides(width: int, height: int, file: Path) -> None:
    try:
        check_sides(width, height, shown(file))
    except DataError as error:
        raise Unreadable(str(error), f"images with sides of no pixel or more than {MAX_SIDE:,}") from error


def _content(file: Path) -> bytes:
    """The bytes of a file, as many as an image can have that is small enough for us.

    Raises:
        Unreadable: If it is empty or larger, or a JPEG whose pixels are to be gone through again and again.
    """
    if (size := file.stat().st_size) > IMAGE_FILE_BYTES:
        raise Unreadable(
            f"{shown(file)} must have at most {IMAGE_FILE_BYTES:,} bytes, got {size:,}; save it again as PNG",
            f"image files of more than {IMAGE_FILE_BYTES:,} bytes",
        )
    if size == 0:
        raise Unreadable(
            f"{shown(file)} cannot be read as an image (it is empty); remove it or save it again",
            "empty files",
        )
    with file.open("rb") as source:
        content = source.read(IMAGE_FILE_BYTES)
    if content[:2] == b"\xff\xd8" and (scans := content.count(b"\xff\xda")) > JPEG_SCANS:
        raise Unreadable(
            f"{shown(file)} must have at most {JPEG_SCANS} scans, got {scans}; save it again as PNG",
            f"JPEG files of more than {JPEG_SCANS} scans",
        )
    return content


def _pixels(image: Image.Image) -> tuple[NDArray[Any], bool]:
    """The pixels, shape ``(H, W, 1 or 3)``, and whether something was laid on white."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        # Pillow's own conversion to 8 bits cuts off all that is above 255.
        return np.asarray(image)[..., None], False
    was_transparent = False
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        was_transparent = np.asarray(layer)[..., 3].min() < 255
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))[..., None], was_transparent
    return np.asarray(image.convert("RGB")), was_transparent
