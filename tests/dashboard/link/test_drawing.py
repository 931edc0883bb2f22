"""Drawings in links: what the page writes is taken, and nothing else."""

from __future__ import annotations

import base64

import pytest

from dashboard.link import drawing as drawings


def text(*values: int) -> str:
    return base64.urlsafe_b64encode(bytes(values)).decode().rstrip("=")


#: Centred: a pen 23 units wide from (77, 51) to (179, 51); then an eraser's dot.
LINE = (1, 4, 23, 0x9A, 1, 102, 0xCC, 1, 0)
DOT = (3, 37, 10, 12)


@pytest.mark.parametrize("drawing", [text(*LINE), text(*LINE, *DOT), text(0, *LINE[1:])])
def test_drawing_is_taken_as_it_is(drawing: str) -> None:
    assert drawings.check(drawing) == drawing


def test_picture_of_a_drawing_has_its_strokes_where_they_were_drawn() -> None:
    picture = drawings.svg(text(*LINE, *DOT), 28, 14)
    assert 'viewBox="0 0 128 256"' in picture
    assert '<path d="M77 51 L179 51 L179 51" stroke="#fff" stroke-width="23"/>' in picture
    assert '<path d="M5 6 L5 6" stroke="#000" stroke-width="37"/>' in picture


@pytest.mark.parametrize(
    "drawing",
    [
        "", "<b>", "A", "AQ=", "é", "A" * 5, text(), text(1), text(2, *LINE[1:]), text(*LINE[:-1]), text(*LINE, 3),
        text(1, 1, 23), text(1, 4, 0, 2, 2, 2, 2), text(1, 2, 23, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0),
        text(1, 2, 23, 0x82, 0x08, 0), text(*LINE) + " ", text(*LINE[:1], *LINE[1:] * 200),
    ],
)  # fmt: skip
def test_other_text_is_refused(drawing: str) -> None:
    with pytest.raises(ValueError):
        drawings.check(drawing)
