"""Style sheets that stand in one shadow tree: a class is styled by one of them alone, so no part moves another's."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from vae import browser

#: Sheets that are mounted together (`site/site.js` and the components of the app), besides `tokens.css`.
TOGETHER = [
    ("map/map.css", "drawing_pad/drawing_pad.css"),
    ("drawing_pad/drawing_pad.css", "test_images/test_images.css", "image_source/image_source.css"),
    ("drawing_pad/drawing_pad.css", "pipeline/pipeline.css"),
]


def bare_classes(sheet: str) -> set[str]:
    """Classes that a sheet styles wherever they stand: selectors of one class, without what it must stand in."""
    text = re.sub(r"/\*.*?\*/", "", (browser.FOLDER / sheet).read_text("utf-8"), flags=re.DOTALL)
    selectors = [one.strip() for group in re.findall(r"([^{}]+)\{", text) for one in group.split(",")]
    return {found[1] for one in selectors if (found := re.fullmatch(r"\.([\w-]+)", one))}


@pytest.mark.parametrize("sheets", TOGETHER, ids=lambda sheets: sheets[-1].split("/")[0])
def test_a_class_belongs_to_one_of_the_sheets_that_stand_together(sheets: tuple[str, ...]) -> None:
    for one, other in combinations(sheets, 2):
        assert not bare_classes(one) & bare_classes(other), f"{one} and {other} style the same classes"


def test_what_is_found_is_found() -> None:
    assert {"plot-tools", "legend", "chip"} <= bare_classes("map/map.css")
