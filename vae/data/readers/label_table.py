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

from vae.config.reading import Notes
from vae.data.attributes import MAX_COLUMNS, Attributes, Column, check_name, column_of_text, is_number
from vae.data.readers.file_names import SEVERAL, FileNames
from vae.data.readers.folder_layout import Layout
from vae.data.readers.folder_listing import TABLE
from vae.data.types import MAX_IMAGES, DataError, alike_note, parts_note, reason, shown

#: Largest table, bytes: a row of 16 for each of as many images as there may be; and its rows, lines and cells.
_MAX_BYTES = 32 << 20
_MAX_LINE, _MAX_CELL = 100_000, 1000
#: Separators, the likeliest first, and what they are called.
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
#: Lines by which a separator is chosen.
_FEW = 200
#: Lines above a table that are passed over.
_MAX_TITLES = 10
#: A number with a decimal comma, or none.
_COMMA = re.compile(r"[+-]?\d+(,\d+)?([eE][+-]?\d+)?", re.ASCII)
#: The same with points between thousands, and a number with commas between thousands.
_POINTS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?", re.ASCII)
#: What people write beside numbers where they have none.
_BLANKS = frozenset(("-", "--", "\N{EN DASH}", "?", ".", "inf", "-inf", "Inf", "-Inf", "#DIV/0!"))
#: What spreadsheets and data frames write where they have no value.
_MISSING = frozenset(("", "NA", "N/A", "#N/A", "n/a", "nan", "NaN", "NAN", "null", "NULL", "<NA>", "NaT"))


@dataclass(frozen=True)
class _Table:
    """What a file says.

    Attributes:
        names: Of the columns.
        rows: Of each image its cells; empty where the table has no row for it.
        separator: Between the cells.
    """

    names: list[str]
    rows: list[list[str]]
    separator: str


def columns_of(layout: Layout, path: Path, notes: Notes, kept: Sequence[int] | None = None) -> Attributes:
    """The columns of a folder's table, in the order of its images; a sentence for what cannot be used.

    Its first line names the columns, or is a row as the others. One column, most often the first, names the files: with
    or without their folders and endings, whatever the capitals. Numbers may have a decimal comma.

    Args:
        layout: The folder.
        path: Where it is.
        notes: Told what was guessed and what came to nothing.
        kept: The places, ascending, of the files that the columns are for, where others could not be read; else all.
    """
    if layout.table is None:
        return Attributes()
    files = [file.relative_to(path).as_posix() for file in layout.files]
    try:
        table = _table(layout.table, path, files, range(len(files)) if kept is None else kept, notes)
    except csv.Error as error:
        return _refused(layout.table, reason(error), "see whether each quotation mark has its other one")
    except (OSError, UnicodeError) as error:
        return _refused(layout.table, reason(error), "save it as UTF-8")
    except DataError as error:
        return Attributes((), (str(error),))
    found: list[Column] = []
    refused: list[str] = []
    for number, name in enumerate(table.names):
        cells = [row[number] if row else "" for row in table.rows]
        try:
            check_name(name)
            found.append(_column(name, cells, table.separator, notes))
        except DataError as error:
            refused.append(str(error))
            continue
        num = sum(cell in _MISSING and bool(row) for cell, row in zip(cells, table.rows, strict=True))
        if num:
            notes.did(f"column {name} of {TABLE} has no value for {num:,} of {len(cells):,} images")
    return Attributes(tuple(found), tuple(refused))


def _refused(file: Path, why: str, remedy: str) -> Attributes:
    return Attributes((), (f"{shown(file)} cannot be read ({shown(why)}); {remedy}",))


def _column(name: str, cells: Sequence[str], separator: str, notes: Notes) -> Column:
    """One column, with what means that there is no value left empty, and decimal commas made points."""
    cells = ["" if cell in _MISSING else cell for cell in cells]
    filled = [cell for cell in cells if cell]
    if not filled:
        raise DataError(
            f"column {name} of {TABLE} must have a value for some image, got none; fill it in, or drop it"
        )
    cells, told = _as_numbers(cells, filled, separator)
    if told:
        notes.did(f"column {name} of {TABLE} was read {told}")
    filled = [cell for cell in cells if cell]
    if not filled:
        raise DataError(f"column {name} of {TABLE} must have a value for some image, got none; drop it")
    made = column_of_text(name, cells)
    alike_note(made.classes, notes, f"values of column {name}")
    parts_note(name, made.classes, notes)
    odd = [cell for cell in filled if not is_number(cell)]
    if not made.is_number and 0 < len(odd) < len(filled) / 2:
        notes.doubt(
            f"column {name} of {TABLE} was read as classes, because {len(odd):,} of its {len(filled):,} values are no "
            f"numbers ({shown(odd[0])[:20]}); leave those empty to have a scale"
        )
    return made


def _as_numbers(cells: Sequence[str], filled: Sequence[str], separator: str) -> tuple[Sequence[str], str]:
    """The cells as numbers with a decimal point, and what was made of them; as they are where not all are numbers."""
    have = [cell for cell in filled if cell not in _BLANKS]
    told = []
    if have and len(have) < len(filled) and (all(map(is_number, have)) or all(map(_COMMA.fullmatch, have))):
        gone = next(cell for cell in filled if cell in _BLANKS)
        told.append(f"without {len(filled) - len(have):,} values that are no numbers ({gone})")
        cells = ["" if cell in _BLANKS else cell for cell in cells]
    with_comma = [cell for cell in have if "," in cell]
    # A single comma may be either; beside cells that are separated by commas it is English.
    is_english = separator == "," or any(cell.count(",") > 1 or "." in cell for cell in with_comma)
    if with_comma and is_english and all(_THOUSANDS.fullmatch(cell) or is_number(cell) for cell in have):
        told.append("with commas between thousands")
        cells = [cell.replace(",", "") for cell in cells]
    elif with_comma and all(_COMMA.fullmatch(cell) or _POINTS.fullmatch(cell) for cell in have):
        points = any("." in cell for cell in have)
        told.append("with decimal commas" + " and points between thousands" * points)
        cells = [cell.replace(".", "").replace(",", ".") for cell in cells]
    return cells, " and ".join(told)


def _table(file: Path, path: Path, files: Sequence[str], kept: Sequence[int], notes: Notes) -> _Table:
    """The table, row by row matched with the files, and of these the rows of those that are kept.

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
    lines = _below_titles(list(_lines(text, separator)), place, names, notes)
    if not lines:
        raise DataError(f"{shown(file)} must have a row for each image, got none; write some, or remove it")
    header, lines = _header(lines, place, names, notes)
    for _, cells in lines:
        while cells and not cells[-1]:
            del cells[-1]
    width = max((len(cells) for _, cells in lines), default=0)
    while len(header) > max(place + 1, width) and not header[-1]:
        del header[-1]
    keep = [number for number in range(len(header)) if number != place and (header[number] or number > place)]
    seen: set[str] = set()
    for number in list(keep):
        is_twice = header[number] in seen
        if is_twice or len(seen) == MAX_COLUMNS:
            keep.remove(number)
            why = "whose name another has" if is_twice else f"beyond {MAX_COLUMNS}"
            notes.leave_out(f"columns of {TABLE} {why}", shown(header[number])[:40])
        else:
            seen.add(header[number])
    columns = [header[number] for number in keep]
    for number, cells in lines:
        if len(cells) > len(header) or any(len(cell) > _MAX_CELL for cell in cells):
            raise DataError(
                f"line {number} of {shown(file)} must have {len(header)} cells of at most {_MAX_CELL} "
                f"characters, got {len(cells)}; mend that line"
            )
    found, ways = names.find_all([_cell(cells, place) for _, cells in lines])
    if lines and all(number in (None, SEVERAL) for number in found):
        first = shown(_cell(lines[0][1], place))[:60]
        if SEVERAL in found:
            raise DataError(
                f"rows of {shown(file)} must name one image each, such as {shown(files[0])}, got {first}, which may be "
                "several; write the folders of the images too"
            )
        raise DataError(
            f"rows of {shown(file)} must name images that are here, such as {shown(files[0])}, got none of "
            f"{len(lines):,} that does (the first: {first}); give such names in one column, and commas between "
            "columns"
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
    if not columns:
        notes.doubt(f"{TABLE} has no column besides the names of the images")
    if columns:
        for image in kept:
            if not rows[image]:
                notes.leave_out(f"values of images that have no row in {TABLE}", shown(files[image]))
    return _Table(columns, [rows[image] for image in kept], separator)


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
    rows = csv.reader(_checked(io.StringIO(text, newline="")), delimiter=separator, skipinitialspace=True)
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
    best: tuple[tuple[int, int, int], str, int] | None = None
    for separator in [told] if told else _SEPARATORS:
        images: dict[int, set[int]] = {}
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
                        images.setdefault(place, set()).add(found[0])
        # A label may happen to be called as a file is: another column than the first names most of its rows.
        able = [place for place, (num, _) in scores.items() if place == 0 or 2 * num > rows]
        # Numbers that are labels name a few images again and again; those that are names, one each.
        ranks = {place: (len(images[place]), *scores[place]) for place in able}
        place = max(able, key=lambda place: (ranks[place], -place), default=0)
        score = ranks.get(place, (0, 0, 0 if widest > 1 else -1))
        if best is None or score > best[0]:
            best = (score, separator, place)
    assert best is not None, "there is a separator"
    return best[1:]


def _below_titles(
    lines: list[tuple[int, list[str]]], place: int, names: FileNames, notes: Notes
) -> list[tuple[int, list[str]]]:
    """The rows without what is above them: lines that begin with #, or have one cell where rows have more.

    The line right above the first image names the columns, however few cells it has.
    """
    filled = [sum(map(bool, cells)) for _, cells in lines]
    usual = max(filled[-_FEW:], default=0)
    start = 0
    while start < len(lines):
        is_title = filled[start] == 1 < usual and not (
            start + 1 < len(lines) and names.find(_cell(lines[start + 1][1], place)) is not None
        )
        if not is_title and not lines[start][1][0].startswith("#"):
            break
        if start == _MAX_TITLES:
            return lines
        start += 1
    if start == len(lines):
        return lines
    for _, cells in lines[:start]:
        notes.leave_out(f"lines above the table in {TABLE}", shown(" ".join(cells))[:40])
    return lines[start:]


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
