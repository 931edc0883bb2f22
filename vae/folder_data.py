"""The user's own images in a folder of image files, or of one sub-folder for each class."""

from __future__ import annotations

import csv
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vae.columns import MAX_COLUMN_BYTES, MAX_COLUMNS, Column, Columns, check_name, column_of_text
from vae.images import (
    MAX_BYTES,
    MAX_CLASSES,
    MAX_IMAGES,
    DataError,
    Images,
    Progress,
    check_class_names,
    check_kind,
    check_sides,
    reason,
    shown,
)
from vae.places import user_path

#: Endings of image files, and the only decoders of Pillow that are let near them.
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
#: The table of columns beside the images, and the longest cell in it.
TABLE = "labels.csv"
_MAX_CELL = 1000


def read_folder(path: Path, progress: Progress | None = None) -> Images:
    """Image files directly in a folder (no labels), or in one sub-folder for each class, named after it.

    Files are taken in the order of their names. Hidden files, files with other endings, folders further down
    and sub-folders without images are passed over. All images must have one size. If one is in colour, all
    become colour; an image counts as grey if its channels are equal everywhere, however it was saved.
    Transparent parts are laid on white, 16-bit greys rounded to 8 bits, photographs turned upright, and of an
    animation the first frame is taken.

    Args:
        path: The folder.
        progress: Told how many images are read.
    Raises:
        DataError: If there are no images, sizes differ, a file is no image, a link leaves the folder, or it
            is all too large.
    """
    path = user_path(path, DataError, "check data.path")
    direct, classes = _files(path)
    if direct and classes:
        raise DataError(
            f"{shown(path)} must have images either directly in it or in one sub-folder for each class, "
            f"got both ({shown(direct[0].name)} and {shown(classes[0][0].name)}); move one kind elsewhere"
        )
    if not direct and not classes:
        raise DataError(
            f"{shown(path)} must have images ({', '.join(SUFFIXES)}) in it or in its sub-folders, got none; "
            "check data.path"
        )
    if len(classes) > MAX_CLASSES:
        raise DataError(
            f"{shown(path)} must have at most {MAX_CLASSES} classes, got {len(classes)}; group them"
        )
    names = tuple(folder.name for folder, _ in classes)
    check_class_names(names, path)
    files = direct or [file for _, images in classes for file in images]
    pixels = _read_files(files, path, progress)
    labels = None
    if classes:
        labels = torch.from_numpy(np.repeat(np.arange(len(classes)), [len(images) for _, images in classes]))
    return Images(torch.from_numpy(pixels), labels, names)


def read_folder_columns(path: Path) -> Columns:
    """The columns of ``labels.csv`` in a folder of images, if there is one.

    Its first line names the columns. The first column has the file's path below the folder, with ``/`` between folder
    and file; rows of files that are not there are passed over, and an image without a row has no values.

    Args:
        path: The folder.
    Raises:
        DataError: If the folder cannot be read.
    """
    path = user_path(path, DataError, "check data.path")
    direct, classes = _files(path)
    files = direct or [file for _, images in classes for file in images]
    places = {file.relative_to(path).as_posix(): number for number, file in enumerate(files)}
    try:
        names, table = _table(path, places)
    except (OSError, UnicodeError, csv.Error) as error:
        return Columns(
            (), (f"{TABLE} in {shown(path)} cannot be read ({shown(reason(error))}); save it as UTF-8",)
        )
    except DataError as error:
        return Columns((), (str(error),))
    found: list[Column] = []
    refused: list[str] = []
    for number, name in enumerate(names):
        try:
            check_name(name)
            found.append(column_of_text(name, [row[number] if row else "" for row in table]))
        except DataError as error:
            refused.append(str(error))
    return Columns(tuple(found), tuple(refused))


def _table(path: Path, places: dict[str, int]) -> tuple[list[str], list[list[str]]]:
    """Names of the columns, and for each image its cells; none for an image that is not in the table."""
    file = path / TABLE
    if not file.exists():
        return [], []
    if not file.is_file() or not _target(file).is_relative_to(path.resolve()):
        raise DataError(
            f"{shown(file)} must be a file in this folder, got something else; put it there itself"
        )
    if (size := file.stat().st_size) > MAX_COLUMN_BYTES:
        raise DataError(
            f"{shown(file)} must be at most {MAX_COLUMN_BYTES} bytes, got {size}; use fewer columns"
        )
    table: list[list[str]] = [[] for _ in places]
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(lines)
        _, *names = [cell.strip() for cell in next(rows, [])] or [""]
        if len(names) > MAX_COLUMNS or len(set(names)) < len(names):
            raise DataError(
                f"{shown(file)} must have at most {MAX_COLUMNS} columns of different names, got {len(names)}; "
                "drop or rename some"
            )
        for row in rows:
            place = places.get(PurePosixPath(row[0].strip()).as_posix()) if row else None
            if place is None:
                continue
            cells = [cell.strip() for cell in row[1:]]
            if len(cells) != len(names) or any(len(cell) > _MAX_CELL for cell in cells):
                raise DataError(
                    f"line {rows.line_num} of {shown(file)} must have {len(names) + 1} cells of at most {_MAX_CELL} "
                    f"characters, got {len(row)}; mend that line"
                )
            table[place] = cells
    return names, table


def _files(path: Path) -> tuple[list[Path], list[tuple[Path, list[Path]]]]:
    """Images directly in a folder, and its sub-folders that have images."""
    check_kind(path, "folder")
    try:
        root = path.resolve()
        direct, folders = _list(path, root)
        classes = [(folder, images) for folder in folders if (images := _list(folder, root)[0])]
    except OSError as error:
        raise DataError(f"{shown(path)} cannot be read: {reason(error)}; check the folder") from error
    return direct, classes


def _list(folder: Path, root: Path) -> tuple[list[Path], list[Path]]:
    """Image files and sub-folders, each sorted by name."""
    files, folders = [], []
    for path in folder.iterdir():
        is_image, is_folder = path.suffix.lower() in SUFFIXES, path.is_dir()
        if path.name.startswith(".") or not (is_image or is_folder):
            continue
        if path.is_symlink() and not _target(path).is_relative_to(root):
            raise DataError(
                f"{shown(path)} is a link that leaves {shown(root)}; put the images there themselves"
            )
        if is_folder:
            folders.append(path)
        elif path.is_file():
            files.append(path)
        else:
            raise DataError(f"{shown(path)} is not a file with an image; remove it")
        if len(files) > MAX_IMAGES:
            raise DataError(f"{shown(folder)} must have at most {MAX_IMAGES} images, got more; use fewer")
    # By name, because paths sort differently from one system to another.
    return sorted(files, key=lambda path: path.name), sorted(folders, key=lambda path: path.name)


def _target(link: Path) -> Path:
    try:
        return link.resolve()
    except RuntimeError as error:  # links in a circle
        raise OSError(str(error)) from error


def _read_files(files: list[Path], path: Path, progress: Progress | None) -> NDArray[np.uint8]:
    """All files as one array, shape ``(N, 1 or 3, H, W)``."""
    result = np.empty((0, 1, 0, 0), np.uint8)
    for number, file in enumerate(files):
        image = _read_file(file)
        height, width = image.shape[1:]
        if number == 0:
            result = _room(len(files), 1, height, width, path)
        if result.shape[2:] != (height, width):
            raise DataError(
                f"images in {shown(path)} must all have one size, got {result.shape[3]}×{result.shape[2]} "
                f"({shown(files[0].relative_to(path))}) and {width}×{height} "
                f"({shown(file.relative_to(path))}); resize them to one size"
            )
        if len(image) > result.shape[1]:
            grey = result[:number]
            result = _room(len(files), 3, height, width, path)
            result[:number] = grey
        result[number] = image
        if progress and (number % 200 == 0 or number == len(files) - 1):
            progress("reading images", number + 1, len(files))
    return result


def _room(num: int, channels: int, height: int, width: int, path: Path) -> NDArray[np.uint8]:
    if num > MAX_IMAGES or num * channels * height * width > MAX_BYTES:
        raise DataError(
            f"images in {shown(path)} must be at most {MAX_IMAGES} and {MAX_BYTES} bytes in all, "
            f"got {num} of {width}×{height}; use fewer or smaller ones"
        )
    return np.empty((num, channels, height, width), np.uint8)


def _read_file(file: Path) -> NDArray[np.uint8]:
    """One image, shape ``(1 or 3, H, W)``."""
    try:
        with Image.open(file, formats=_FORMATS) as image:
            # Before a pixel is decoded, so a small file that claims a huge image costs nothing.
            check_sides(*image.size, shown(file))
            pixels = _pixels(image)
    except DataError:
        raise
    except Exception as error:  # decoders raise whatever a damaged file makes them raise
        raise DataError(
            f"{shown(file)} cannot be read as an image ({shown(reason(error))}); remove it or save it anew"
        ) from error
    if (pixels == pixels[..., :1]).all():
        pixels = pixels[..., :1]
    return pixels.transpose(2, 0, 1)


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    """Bytes, shape ``(H, W, 1 or 3)``."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits: Pillow's own conversion to 8 cuts off all that is above 255
        return np.clip(np.rint(np.asarray(image) / 257), 0, 255).astype(np.uint8)[..., None]
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))[..., None]
    return np.asarray(image.convert("RGB"))
