"""A table of columns beside a folder of images, ``labels.csv``: what is known of each image, by the name of its file.

Tables come from spreadsheets, data frames and scripts, and differ in everything: encoding, separator, whether there is
a first line of names, how files are named. Of each the reading is taken by which most rows name an image that is there.
What was guessed is said, and so is every row, image and column that came to nothing.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from vae.columns import MAX_COLUMNS, Column, Columns, check_name, column_of_text
from vae.file_names import SEVERAL, FileNames
from vae.folder_layout import TABLE, Layout
from vae.images import MAX_IMAGES, DataError, reason, shown
from vae.reading import Notes

#: Largest table, bytes: a row of 16 for each of as many images as there may be; and its rows, lines and cells.
_MAX_BYTES = 32 << 20
_MAX_LINE, _MAX_CELL = 100_000, 1000
#: Separators, the likeliest first, and what they are called.
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
#: Lines by which a separator is chosen.
_FEW = 200
#: A number with a decimal comma, or none.
_COMMA = re.compile(r"[+-]?\d+(,\d+)?([eE][+-]?\d+)?", re.ASCII)
#: What spreadsheets and data frames write where they have no value.
_MISSING = frozenset(("", "NA", "N/A", "#N/A", "n/a", "nan", "NaN", "NAN", "null", "NULL", "<NA>", "NaT"))


@dataclass(frozen=True)
class _Table:
    """What a file says.

    Attributes:
        names: Of the columns.
        rows: Of each image its cells; empty where the table has no row for it.
    """

    names: list[str]
    rows: list[list[str]]


def columns_of(layout: Layout, path: Path, notes: Notes) -> Columns:
    """The columns of a folder's table, in the order of its images; a sentence for what cannot be used.

    Its first line names the columns, or is a row as the others. One column, most often the first, names the files: with
    or without their folders and endings, whatever the capitals. Numbers may have a decimal comma.

    Args:
        layout: The folder.
        path: Where it is.
        notes: Told what was guessed and what came to nothing.
    """
    if layout.table is None:
        return Columns()
    files = [file.relative_to(path).as_posix() for file in layout.files]
    try:
        table = _table(layout.table, path, files, notes)
    except csv.Error as error:
        return _refused(layout.table, reason(error), "see whether each quotation mark has its other one")
    except (OSError, UnicodeError) as error:
        return _refused(layout.table, reason(error), "save it as UTF-8")
    except DataError as error:
        return Columns((), (str(error),))
    found: list[Column] = []
    refused: list[str] = []
    for number, name in enumerate(table.names):
        cells = [row[number] if row else "" for row in table.rows]
        try:
            check_name(name)
            found.append(_column(name, cells, notes))
        except DataError as error:
            refused.append(str(error))
            continue
        num = sum(cell in _MISSING and bool(row) for cell, row in zip(cells, table.rows, strict=True))
        if num:
            notes.did(f"column {name} of {TABLE} has no value for {num:,} of {len(cells):,} images")
    return Columns(tuple(found), tuple(refused))


def _refused(file: Path, why: str, remedy: str) -> Columns:
    return Columns((), (f"{shown(file)} cannot be read ({shown(why)}); {remedy}",))


def _column(name: str, cells: Sequence[str], notes: Notes) -> Column:
    """One column, with what means that there is no value left empty, and decimal commas made points."""
    cells = ["" if cell in _MISSING else cell for cell in cells]
    filled = [cell for cell in cells if cell]
    if not filled:
        raise DataError(
            f"column {name} of {TABLE} must have a value for some image, got none; fill it in, or drop it"
        )
    if all(map(_COMMA.fullmatch, filled)) and any("," in cell for cell in filled):
        notes.did(f"column {name} of {TABLE} was read with decimal commas")
        cells = [cell.replace(",", ".") for cell in cells]
    return column_of_text(name, cells)


def _table(file: Path, path: Path, files: Sequence[str], notes: Notes) -> _Table:
    """The table, row by row matched with the images.

    Raises:
        DataError: If it cannot be one, or none of its rows names an image.
        OSError, UnicodeError, csv.Error: If it cannot be read.
    """
    if not file.is_file() or not file.resolve().is_relative_to(path.resolve()):
        raise DataError(
            f"{shown(file)} must be a file in this folder, got something else; put it there itself"
        )
    if (size := file.stat().st_size) > _MAX_BYTES:
        raise DataError(f"{shown(file)} must be at most {_MAX_BYTES} bytes, got {size}; use fewer columns")
    names = FileNames(files)
    text, separator = _text(file.read_bytes(), notes)
    separator, place = _separator(text, separator, names)
    if separator != ",":
        notes.did(f"{TABLE} is separated by {_SEPARATORS[separator]}")
    lines = list(_lines(text, separator))
    header, lines = _header(lines, place, names, notes)
    for _, cells in lines:
        while cells and not cells[-1]:
            del cells[-1]
    width = max((len(cells) for _, cells in lines), default=0)
    while len(header) > max(place + 1, width) and not header[-1]:
        del header[-1]
    keep = [number for number in range(len(header)) if number != place and (header[number] or number > place)]
    columns = [header[number] for number in keep]
    if len(keep) > MAX_COLUMNS or len(set(columns)) < len(keep):
        raise DataError(
            f"{shown(file)} must have at most {MAX_COLUMNS} columns of different names, got {len(keep)}; "
            "drop or rename some"
        )
    for number, cells in lines:
        if len(cells) > len(header) or any(len(cell) > _MAX_CELL for cell in cells):
            raise DataError(
                f"line {number} of {shown(file)} must have {len(header)} cells of at most {_MAX_CELL} "
                f"characters, got {len(cells)}; mend that line"
            )
    found, ways = names.find_all([_cell(cells, place) for _, cells in lines])
    if lines and all(number in (None, SEVERAL) for number in found):
        raise DataError(
            f"rows of {shown(file)} must name images that are here, such as {shown(files[0])}, got none of "
            f"{len(lines):,} that does (the first: {shown(_cell(lines[0][1], place))[:60]}); write such names into its "
            "first column"
        )
    for words in ways:
        notes.did(f"{TABLE} names files {words}")
    rows: list[list[str]] = [[] for _ in files]
    for (_, cells), image in zip(lines, found, strict=True):
        if image is None:
            notes.leave_out(f"rows of {TABLE} that name no image", shown(_cell(cells, place)))
        elif image == SEVERAL:
            notes.leave_out(f"rows of {TABLE} that fit several images", shown(_cell(cells, place)))
        else:
            row = [_cell(cells, number) for number in keep]
            if rows[image] and rows[image] != row:
                notes.leave_out(f"rows of {TABLE} whose image has a later one", shown(files[image]))
            rows[image] = row
    if columns:
        for name, row in zip(files, rows, strict=True):
            if not row:
                notes.leave_out(f"values of images that have no row in {TABLE}", shown(name))
    return _Table(columns, rows)


def _text(content: bytes, notes: Notes) -> tuple[str, str | None]:
    """The text of a table, and the separator that its first line names, as spreadsheets have it."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = content.decode("utf-16")
    elif content[:_FEW].count(0) > len(content[:_FEW]) // 3:
        text = content.decode(
            "utf-16-le" if content[1:_FEW:2].count(0) > content[:_FEW:2].count(0) else "utf-16-be"
        )
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", "replace")
            notes.did(
                f"{TABLE} is no UTF-8 and was read as Windows-1252; save it as UTF-8 if letters look wrong"
            )
    first, _, rest = text.partition("\n")
    hint = first.strip()
    if hint.lower().startswith("sep=") and hint[4:] in _SEPARATORS:
        return rest, hint[4:]
    return text, None


def _lines(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, with the numbers of their lines."""
    rows = csv.reader(_checked(io.StringIO(text, newline="")), delimiter=separator)
    for number, row in enumerate(rows):
        if number > MAX_IMAGES:
            raise DataError(f"{TABLE} must have at most {MAX_IMAGES} rows, got more; drop some")
        cells = [cell.strip() for cell in row]
        if any(cells):
            yield rows.line_num, cells


def _checked(lines: Iterable[str]) -> Iterator[str]:
    """The lines, none of them so long that its cells would fill the memory."""
    for line in lines:
        if len(line) > _MAX_LINE:
            raise DataError(
                f"lines of {TABLE} must have at most {_MAX_LINE} characters, got {len(line)}; drop columns"
            )
        yield line


def _separator(text: str, told: str | None, names: FileNames) -> tuple[str, int]:
    """The separator and the column by which most rows name an image, in the plainest way."""
    best: tuple[tuple[int, int], str, int] | None = None
    for separator in [told] if told else _SEPARATORS:
        scores: dict[int, tuple[int, int]] = {}
        widest = rows = 0
        with suppress(csv.Error):
            for row, (_, cells) in enumerate(islice(_lines(text, separator), _FEW)):
                widest, rows = max(widest, len(cells)), row
                for place, cell in enumerate(
                    cells[:MAX_COLUMNS] if row else ()
                ):  # the first may name columns
                    if (found := names.find(cell)) is not None:
                        num, ways = scores.get(place, (0, 0))
                        scores[place] = (num + 1, ways - found[1])
        # A label may happen to be called as a file is: another column than the first names most of its rows.
        able = [place for place, (num, _) in scores.items() if place == 0 or 2 * num > rows]
        place = max(able, key=lambda place: (scores[place], -place), default=0)
        score = scores.get(place, (0, 0 if widest > 1 else -1))
        if best is None or score > best[0]:
            best = (score, separator, place)
    assert best is not None, "there is a separator"
    return best[1:]


def _header(
    lines: list[tuple[int, list[str]]], place: int, names: FileNames, notes: Notes
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Names of the columns, and the rows below; where the first line is a row, the names are ours."""
    if not lines:
        return [""], []
    first = lines[0][1]
    if names.find(_cell(first, place)) is None:
        return first + [""] * (place + 1 - len(first)), lines[1:]
    width = max(len(cells) for _, cells in lines)
    others = [number for number in range(width) if number != place]
    header = [f"column {number + 1}" for number in range(width)]
    if len(others) == 1:
        header[others[0]] = "label"
    if others:
        called = ", ".join(header[number] for number in others)
        notes.did(f"{TABLE} has no line of names; its columns are called {called}")
    return header, lines


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place] if place < len(cells) else ""
