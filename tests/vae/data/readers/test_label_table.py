"""Tables beside a folder of images, as spreadsheets, data frames and scripts write them."""

from __future__ import annotations

import codecs
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vae.config.schema import DataConfig
from vae.data.attributes import Attributes
from vae.data.dataset import load_dataset
from vae.data.readers.image_folder import read_folder, read_folder_columns

FILES = ("a/0001.png", "a/0002.png", "b/café.png", "b/x.png")
KINDS = ["old", "new", "old", "new"]
AGES = [1.5, 2.25, 3.0, 40.5]


def put(root: Path, files: tuple[str, ...] = FILES) -> Path:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        image = np.zeros((3, 3), np.uint8)
        image[0, 0] = 255
        Image.fromarray(image).save(root / name)
    return root


def read(root: Path, table: str | bytes) -> Attributes:
    (root / "labels.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    return read_folder_columns(root)


def said(root: Path) -> str:
    reading = read_folder(root).reading
    return " | ".join([*reading.remarks(), *reading.warnings()])


def kinds(columns: Attributes, name: str = "kind") -> list[str | None]:
    found = columns.named(name)
    assert found is not None, columns.refused
    return [None if number < 0 else found.classes[number] for number in found.values.tolist()]


def rows(separator: str, *, header: bool = True, names: tuple[str, ...] = FILES, comma: bool = False) -> str:
    lines = [separator.join(("file", "kind", "age"))] if header else []
    for name, kind, age in zip(names, KINDS, AGES, strict=True):
        lines.append(separator.join((name, kind, str(age).replace(".", ",") if comma else str(age))))
    return "\n".join(lines) + "\n"


TABLES: dict[str, tuple[str | bytes, str]] = {
    "commas": (rows(","), ""),
    "semicolons": (rows(";"), "separated by semicolons"),
    "semicolons and decimal commas": (
        rows(";", comma=True),
        "column age of labels.csv was read with decimal commas",
    ),
    "tabs": (rows("\t"), "separated by tabs"),
    "bars": (rows("|"), "separated by bars"),
    "Windows line ends": (rows(",").replace("\n", "\r\n"), ""),
    "old Mac line ends": (rows(",").replace("\n", "\r"), ""),
    "no line end at the end": (rows(",").rstrip("\n"), ""),
    "empty lines between": (rows(",").replace("\n", "\n\n"), ""),
    "a mark of UTF-8": (codecs.BOM_UTF8 + rows(",").encode(), ""),
    "UTF-16": (rows(";").encode("utf-16"), "separated by semicolons"),
    "UTF-16 without a mark": (rows("\t").encode("utf-16-le"), "separated by tabs"),
    "Latin-1": (rows(";").encode("latin-1"), "read as Windows-1252"),
    "the separator named first": ("sep=;\n" + rows(";"), "separated by semicolons"),
    "quotes": (rows(",").replace("a/0001.png", '"a/0001.png"').replace("old", '"old"'), ""),
    "decimal commas in quotes": (
        "file,kind,age\n"
        + "".join(
            f'{name},{kind},"{str(age).replace(".", ",")}"\n'
            for name, kind, age in zip(FILES, KINDS, AGES, strict=True)
        ),
        "decimal commas",
    ),
    "backslashes": (rows(",", names=tuple(name.replace("/", "\\") for name in FILES)), ""),
    "a dot before": (rows(",", names=tuple(f"./{name}" for name in FILES)), ""),
    "a folder above": (
        rows(",", names=tuple(f"data/pets/{name}" for name in FILES)),
        "names files below another folder",
    ),
    "whole paths of another machine": (
        rows(",", names=tuple("C:\\me\\pets\\" + name.replace("/", "\\") for name in FILES)),
        "below another folder",
    ),
    "no folders": (rows(",", names=tuple(name.split("/")[1] for name in FILES)), "without their folders"),
    "capitals": (rows(",", names=tuple(name.upper() for name in FILES)), "in other capitals"),
    "no endings": (
        rows(",", names=tuple(name.removesuffix(".png") for name in FILES)),
        "without their endings",
    ),
    "other endings": (rows(",", names=tuple(name.replace("png", "jpg") for name in FILES)), "or with others"),
    "decomposed accents": (rows(",").replace("é", "e\N{COMBINING ACUTE ACCENT}"), ""),
    "a data frame's index": (
        ",file,kind,age\n"
        + "".join(f"{k},{line}\n" for k, line in enumerate(rows(",", header=False).splitlines())),
        "",
    ),
    "files in the last column": (
        "kind,age,file\n"
        + "".join(f"{kind},{age},{name}\n" for name, kind, age in zip(FILES, KINDS, AGES, strict=True)),
        "",
    ),
    "empty cells at the ends": (rows(",").replace("\n", ",,\n"), ""),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_same_columns_come_of_every_table(name: str, tmp_path: Path) -> None:
    table, words = TABLES[name]
    columns = read(put(tmp_path), table)
    assert kinds(columns) == KINDS
    age = columns.named("age")
    assert age is not None and age.is_number and age.values.tolist() == AGES
    assert words in said(tmp_path)
    assert "left out" not in said(tmp_path)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_without_names_of_columns_is_read_and_said(separator: str, tmp_path: Path) -> None:
    columns = read(put(tmp_path), rows(separator, header=False))
    assert kinds(columns, "column 2") == KINDS
    assert "has no line of names; its columns are called column 2, column 3" in said(tmp_path)
    columns = read(
        tmp_path, "".join(f"{name}{separator}{kind}\n" for name, kind in zip(FILES, KINDS, strict=True))
    )
    assert kinds(columns, "label") == KINDS


def test_files_that_are_numbers_are_found_without_their_zeros(tmp_path: Path) -> None:
    """As spreadsheets write them."""
    put(tmp_path, ("0001.png", "0002.png", "0010.png"))
    columns = read(tmp_path, "id;kind\n1;x\n2;y\n10;z\n")
    assert kinds(columns) == ["x", "y", "z"]
    assert "by their numbers" in said(tmp_path)


def test_labels_that_look_like_files_do_not_lead_astray(tmp_path: Path) -> None:
    put(tmp_path, ("0.png", "1.png", "2.png"))
    columns = read(tmp_path, "label,file\n2,0.png\n0,1.png\n1,2.png\n")
    assert kinds(columns, "label") == ["2", "0", "1"]


def test_rows_of_another_folder_are_not_taken_for_ours(tmp_path: Path) -> None:
    put(tmp_path, ("1.png", "2.png", "3.png"))
    table = "file,kind\ntrain/1.png,x\ntrain/2.png,y\ntrain/3.png,z\ntest/1.png,wrong\n"
    assert kinds(read(tmp_path, table)) == ["x", "y", "z"]
    assert "left out: rows of labels.csv that name no image (1: test/1.png)" in said(tmp_path)
    put(tmp_path / "two", ("cat/1.png", "dog/2.png"))
    columns = read(tmp_path / "two", "file,kind\ndog/1.png,x\ndog/2.png,y\n")
    assert kinds(columns) == [None, "y"]


def test_a_name_that_fits_several_images_is_given_to_none(tmp_path: Path) -> None:
    put(tmp_path, ("cat/1.png", "dog/1.png", "dog/2.png"))
    assert kinds(read(tmp_path, "file,kind\n1.png,x\n2.png,y\n")) == [None, None, "y"]
    assert "left out: rows of labels.csv that fit several images (1: 1.png)" in said(tmp_path)


LEFT_OUT: dict[str, tuple[str, str]] = {
    "rows without an image": (
        rows(",") + "c/9.png,x,1\nd.png,y,2\n",
        "that name no image (2: c/9.png, d.png)",
    ),
    "images without a row": (
        "\n".join(rows(",").splitlines()[:3]),
        "values of images that have no row in labels.csv (2: b/café.png, b/x.png)",
    ),
    "rows that come again": (
        rows(",") + "a/0001.png,newer,9\n",
        "whose image has a later one (1: a/0001.png)",
    ),
    "a column without a value": (
        "file,kind,empty\na/0001.png,old,\n",
        "column empty of labels.csv must have a value",
    ),
    "a column of what means nothing": (
        "file,kind,empty\na/0001.png,old,NaN\n",
        "column empty of labels.csv must have",
    ),
    "missing values": (
        "file,kind\na/0001.png,NA\na/0002.png,new\n",
        "kind of labels.csv has no value for 1 of 4 images",
    ),
    "no row at all that matches": (
        "file,kind\nq.png,x\nr.png,y\n",
        "got none of 2 that does (the first: q.png); give such names in one column",
    ),
    "a quotation mark without its other one": (
        'file,kind\na/0001.png,"old\n' + "a/0002.png,new\n" * 20_000,
        "see whether each quotation mark has its other one",
    ),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_comes_to_nothing_is_counted_listed_and_said(name: str, tmp_path: Path) -> None:
    table, words = LEFT_OUT[name]
    read(put(tmp_path), table)
    assert words in said(tmp_path)


def test_a_row_that_comes_again_the_same_is_no_matter(tmp_path: Path) -> None:
    read(put(tmp_path), rows(",") + "a/0001.png,old,1.5\n")
    assert "left out" not in said(tmp_path)


def test_numbers_may_be_missing_and_stay_numbers(tmp_path: Path) -> None:
    columns = read(put(tmp_path), rows(",").replace("2.25", "").replace("3.0", "n/a"))
    age = columns.named("age")
    assert age is not None and age.is_number
    assert np.array_equal(age.values.numpy(), [1.5, np.nan, np.nan, 40.5], equal_nan=True)
    assert kinds(columns) == KINDS


def test_classes_of_a_column_are_in_natural_order(tmp_path: Path) -> None:
    columns = read(
        put(tmp_path), "file,kind\n" + "".join(f"{file},digit {10 - k}\n" for k, file in enumerate(FILES))
    )
    found = columns.named("kind")
    assert found is not None and found.classes == ("digit 7", "digit 8", "digit 9", "digit 10")


@pytest.mark.parametrize("where", ["", "images/"])
def test_a_table_lies_beside_the_folder_of_images_or_in_it(where: str, tmp_path: Path) -> None:
    put(tmp_path, ("images/1.png", "images/2.png"))
    (tmp_path / where / "Labels.CSV").write_text("file,kind\n1.png,x\nimages/2.png,y\n")
    assert kinds(read_folder_columns(tmp_path)) == ["x", "y"]
    assert "left out" not in said(tmp_path)


def test_columns_go_with_given_parts(tmp_path: Path) -> None:
    put(tmp_path, ("train/1.png", "train/2.png", "train/3.png", "test/1.png"))
    (tmp_path / "labels.csv").write_text("file,kind\ntest/1.png,t\ntrain/1.png,x\n")
    dataset = load_dataset(DataConfig(name="folder", path=tmp_path))
    assert kinds(dataset.columns) == ["x", None, None, "t"]
    assert dataset.test.tolist() == [3]


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [
        ("_MAX_BYTES", 20, "must be at most 20 bytes, got"),
        ("_MAX_LINE", 15, "lines of labels.csv must have at most 15 characters, got"),
        ("MAX_IMAGES", 3, "must have at most 3 rows, got more"),
    ],
)
def test_a_table_is_bounded_before_it_fills_the_memory(
    limit: str, value: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"vae.data.readers.label_table.{limit}", value)
    columns = read(put(tmp_path), rows(","))
    assert not columns.found and words in columns.refused[0]


def test_what_a_hostile_table_says_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    read(put(tmp_path), 'file,kind\n"\x1b[31m\u202ebad",x\na/0001.png,y\n')
    assert said(tmp_path).isprintable()


@pytest.mark.parametrize("ids", ["{:05d}", "{}"])
def test_numbers_that_are_labels_are_not_taken_for_names_of_files(ids: str, tmp_path: Path) -> None:
    put(tmp_path, tuple(f"{number}.png" for number in range(6)))
    lines = [f"{number % 2},{ids.format(number)}" for number in range(6)]
    columns = read(tmp_path, "\n".join(["kind,id", *lines]))
    assert kinds(columns) == ["0", "1"] * 3


ABOVE = {
    "a remark": "# made by a script\nfile,kind\n",
    "a title": "My table,\n,\nfile,kind\n",
    "a remark with commas": "#a,b,c,d\nfile,kind\n",
}


@pytest.mark.parametrize("name", ABOVE)
def test_lines_above_a_table_are_passed_over_and_said(name: str, tmp_path: Path) -> None:
    put(tmp_path)
    lines = [f"{file},{kind}" for file, kind in zip(FILES, KINDS, strict=True)]
    assert kinds(read(tmp_path, ABOVE[name] + "\n".join(lines))) == KINDS
    assert "lines above the table in labels.csv (1: " in said(tmp_path)


def test_cells_between_spaces_are_read(tmp_path: Path) -> None:
    put(tmp_path)
    lines = [f"{file}   {kind} " for file, kind in zip(FILES, KINDS, strict=True)]
    assert kinds(read(tmp_path, "\n".join(["file kind", *lines]))) == KINDS
    assert "separated by spaces" in said(tmp_path)


@pytest.mark.parametrize("table", ["", "\n\n", "file\na/0001.png\n"])
def test_a_table_that_says_nothing_is_said_to(table: str, tmp_path: Path) -> None:
    put(tmp_path)
    read(tmp_path, table)
    assert "must have a row for each image, got none" in said(tmp_path) or "no column besides" in said(
        tmp_path
    )


NUMBERS: dict[str, tuple[str, list[str], list[float], str]] = {
    "thousands": (",", ['"1,000"', '"2,500"', "3", '"1,000,000"'], [1000, 2500, 3, 1e6], "between thousands"),
    "points between thousands": (
        ";",
        ["1.000,5", "2,25", "3", "4.000.000"],
        [1000.5, 2.25, 3, 4e6],
        "points between thousands",
    ),
    "decimal commas": (";", ["1,5", "2,250", "3", "4"], [1.5, 2.25, 3, 4], "with decimal commas"),
    "a dash": (",", ["1.5", "-", "3", "4"], [1.5, np.nan, 3, 4], "without 1 values that are no numbers (-)"),
    "infinity": (",", ["1.5", "inf", "?", "4"], [1.5, np.nan, np.nan, 4], "without 2 values"),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_as_people_write_them_keep_their_size(name: str, tmp_path: Path) -> None:
    separator, cells, expected, words = NUMBERS[name]
    put(tmp_path)
    lines = [f"{file}{separator}{cell}" for file, cell in zip(FILES, cells, strict=True)]
    column = read(tmp_path, "\n".join([f"file{separator}size", *lines])).named("size")
    assert column is not None
    found = [float(column.classes[n]) for n in column.values] if column.classes else column.values.tolist()
    np.testing.assert_array_equal(found, expected)
    assert words in said(tmp_path)


def test_numbers_with_a_word_among_them_are_said_to_be_classes(tmp_path: Path) -> None:
    put(tmp_path)
    read(tmp_path, "file,age\na/0001.png,1.5\na/0002.png,old\nb/x.png,3\n")
    assert (
        "column age of labels.csv was read as classes, because 1 of its 3 values are no numbers (old)"
        in said(tmp_path)
    )


def test_codes_keep_their_zeros(tmp_path: Path) -> None:
    put(tmp_path)
    columns = read(tmp_path, "file,code\na/0001.png,007\na/0002.png,7\nb/x.png,01\n")
    assert kinds(columns, "code") == ["007", "7", None, "01"]


def test_columns_that_are_too_many_or_come_twice_take_no_other_with_them(tmp_path: Path) -> None:
    put(tmp_path)
    names = ["kind", "kind", *(f"c{number}" for number in range(60))]
    columns = read(tmp_path, f"file,{','.join(names)}\na/0001.png,old{',1' * 61}\n")
    assert kinds(columns)[0] == "old" and len(columns.found) == 50
    assert "whose name another has (1: kind)" in said(tmp_path) and "beyond 50 (11: " in said(tmp_path)


def test_a_column_of_parts_is_said_not_to_split(tmp_path: Path) -> None:
    put(tmp_path)
    read(tmp_path, "file,split\na/0001.png,train\na/0002.png,test\n")
    assert "column split names parts, and the images are split again" in said(tmp_path)
