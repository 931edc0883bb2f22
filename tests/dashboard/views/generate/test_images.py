"""Tables of images as HTML, and the zip: labels are data, pixels stay square, one view gives one file."""

from __future__ import annotations

import base64
import csv
import html.parser
import io
import re
import zipfile
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dashboard.views.generate import images as generated
from vae.errors import UserError
from vae.runs.run import Run

ODD = ["<img src=x onerror=alert(1)>", '" onload="alert(2)', "x" * 300, "ünïcode ☃", "=1+1"]


class Parsed(html.parser.HTMLParser):
    """What a browser would make of it: tags with their attributes, and the text of the headers."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.heads: list[str] = []
        self._in_head = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self._in_head = self._in_head or tag == "th"

    def handle_endtag(self, tag: str) -> None:
        self._in_head = self._in_head and tag != "th"

    def handle_data(self, data: str) -> None:
        if self._in_head:
            self.heads.append(data)

    def find(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def images() -> NDArray[Any]:
    """Two rows of five grey images of 4 × 3 pixels, no two alike."""
    return np.random.default_rng(0).random((2, 5, 1, 4, 3)).astype(np.float32)


class TestGallery:
    def test_headers_say_what_the_labels_say_and_are_never_code(self, images: NDArray[Any]) -> None:
        found = Parsed(generated.gallery(images, columns=ODD, rows=["a", "<b>"], alt="As"))
        assert found.heads == [*ODD, "a", "<b>"]
        assert {name for name, _ in found.tags} == {
            *("style", "div", "table", "thead", "tbody", "tr", "td", "th", "span", "img")
        }
        allowed = {"style", "src", "alt", "title", "class", "scope", "role", "aria-label"}
        assert {name for _, attributes in found.tags for name in attributes} <= allowed
        assert [head["title"] for head in found.find("th") if head["scope"] == "col"] == ODD
        assert found.find("img")[5]["alt"] == f"As, <b>, {ODD[0]}"

    def test_images_are_there_pixel_for_pixel_in_their_place(self, images: NDArray[Any]) -> None:
        found = Parsed(generated.gallery(images, alt="As")).find("img")
        expected = np.rint(images.reshape(10, 4, 3) * 255)
        for cell, pixels in zip(found, expected, strict=True):
            (_, content) = str(cell["src"]).split("base64,")
            picture = Image.open(io.BytesIO(base64.b64decode(content)))
            assert np.array_equal(np.asarray(picture), pixels)

    def test_factors_are_whole_and_never_wider_than_the_page(self) -> None:
        wide = generated.gallery(np.zeros((1, 10, 1, 28, 28)), alt="As", rows=["z"], largest=112)
        steps = re.findall(r"min-width: (\d+)px\) \{ \.[\w-]+ \{ --f: (\d+)", wide)
        assert [int(factor) for _, factor in steps] == [2, 3, 4]
        for width, factor in steps:
            assert int(width) >= 10 * 28 * int(factor)
        assert re.search(r"^\.[\w-]+ \{ --f: 1;|\}\.ll-fit[\w-]+ \{ --f: 1;", wide.replace("\n", ""))

    def test_many_columns_scroll_by_keys_rather_than_vanish(self) -> None:
        many = generated.gallery(np.zeros((1, 50, 1, 8, 8)), alt="As")
        assert Parsed(many).find("div")[0]["tabindex"] == "0"
        assert "--f: 5;" in many  # 40 pixels

    def test_marked_column_is_marked_in_head_and_cell(self, images: NDArray[Any]) -> None:
        found = Parsed(generated.gallery(images, columns=list("abcde"), alt="As", own=2))
        heads, cells = found.find("th"), found.find("img")
        assert [head.get("class") for head in heads] == [None, None, "ll-own", None, None]
        assert [place for place, cell in enumerate(cells) if cell.get("class")] == [2, 7]


class TestArchive:
    def test_zip_has_a_png_for_each_image_and_a_table_of_them(self, images: NDArray[Any]) -> None:
        flat = images.reshape(10, 1, 4, 3)
        z = np.random.default_rng(1).normal(size=(10, 2)).astype(np.float32)
        facts = [{"seed": 7, "label": k % 5, "class": ODD[k % 5]} for k in range(10)]
        content = generated.archive(flat, z, facts)
        with zipfile.ZipFile(io.BytesIO(content)) as found:
            rows = list(csv.DictReader(io.StringIO(found.read("images.csv").decode(), newline="")))
            assert found.namelist() == [f"image-{k:04d}.png" for k in range(10)] + ["images.csv"]
            for k, row in enumerate(rows):
                assert (row["seed"], row["label"], row["class"]) == ("7", str(k % 5), ODD[k % 5])
                assert np.float32(row["z1"]) == z[k, 0]
                assert np.float32(row["z2"]) == z[k, 1]
                picture = np.asarray(Image.open(io.BytesIO(found.read(row["file"]))))
                assert np.array_equal(picture, np.rint(flat[k, 0] * 255))
        assert len(rows) == 10
        assert generated.archive(flat, z, facts) == content


def test_view_of_too_many_pixels_is_refused(trained_run: Run) -> None:
    generated.check_size(trained_run, 2**18)
    with pytest.raises(UserError, match=r"at most 16,777,216 pixels, got 16,777,280; show fewer rows"):
        generated.check_size(trained_run, 2**18 + 1)


def test_places_are_drawn_with_the_second_coordinate_upwards() -> None:
    cloud, points = np.array([[0.5, 1.0], [-1.0, 0.0], [2.0, -3.0]]), np.array([[0.0, 2.0]])
    (image,) = Parsed(generated.places(cloud, points, centre=[0.25, -0.5], alt='"<b>"')).find("img")
    assert image["alt"] == '"<b>"'
    drawing = Parsed(base64.b64decode(str(image["src"]).split("base64,")[1]).decode())
    circles = [tuple(float(str(dot[name])) for name in ("cx", "cy", "r")) for dot in drawing.find("circle")]
    assert [(x, -y) for x, y, _ in circles] == [*map(tuple, cloud), (0.25, -0.5), (0.0, 2.0)]
    assert circles[3][2] == 2


def test_scale_says_its_numbers_and_stays_inside() -> None:
    found = Parsed(generated.scale(0.893, 0.01, 0.1136))
    assert found.find("div")[0]["aria-label"] == "Accuracy 89.3%, chance 11.4%"
    assert [part["style"] for part in found.find("i")[1:]] == ["width: 89.30%", "left: 11.36%"]
