"""Results as cards of a notebook."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

import vae
from vae.data.dataset import Dataset
from vae.runs.run import Run
from vae.runtime import html

HOSTILE = "<img src=x onerror=alert(1)>\"'&\u202e\x1b[31m</table><script>"


class Tags(HTMLParser):
    """The tags of a card, which must all be closed, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.words = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.seen.add(tag)
        assert {name for name, _ in attrs} <= {"style"}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


PLAIN = {"div", "table", "tr", "th", "td", "p", "b"}


def test_hostile_names_are_text_everywhere(trained_run: Run, tmp_path: Path) -> None:
    for made in (
        html.card(HOSTILE, html.table({HOSTILE: HOSTILE}), html.paragraph(HOSTILE, HOSTILE)),
        html.card("x", html.table([("a", float("nan")), ("b", None), ("c", [HOSTILE])])),
    ):
        found = Tags(made)
        assert found.seen <= PLAIN
        assert "\x1b" not in made and "\u202e" not in made
    run = Run.create(tmp_path / "r", trained_run.config, trained_run.info, name="<b>bold</b> & <script>x")
    found = Tags(run._repr_html_())
    assert found.seen <= PLAIN and "Run <b>bold</b> & <script>x" in found.words


def test_a_run_and_its_configuration_draw_themselves(trained_run: Run) -> None:
    words = Tags(trained_run._repr_html_()).words
    assert trained_run.name in words and "latent dimensions" in words
    words = Tags(vae.TrainConfig(epochs=7)._repr_html_()).words
    assert "epochs •7" in words and "differs from the default" in words
    words = Tags(vae.TrainConfig()._repr_html_()).words
    assert "•" not in words
    assert "model.latent_dim" in Tags(trained_run.config._repr_html_()).words
    assert "class_names" in Tags(trained_run.info._repr_html_()).words


def test_an_evaluation_and_a_diagnosis_draw_themselves(trained_run: Run, digits: Dataset) -> None:
    model = vae.load_model(trained_run)
    found = vae.evaluate(model, digits)
    words = Tags(found._repr_html_()).words
    assert f"{found.elbo:,.2f} ±" in words and "distortion" in words
    diagnosis = vae.diagnose(model, digits)
    words = Tags(diagnosis._repr_html_()).words
    assert f"Diagnosis: {diagnosis.verdict.title}" in words
    if diagnosis.verdict.evidence:
        assert "Because:" in words
    if diagnosis.verdict.remedies:
        assert "Try:" in words and diagnosis.verdict.remedies[0] in words


@pytest.mark.parametrize(
    ("value", "words"), [(1234, "1,234"), (0.123456, "0.1235"), (None, "–"), (True, "True"), ("", "")]
)
def test_values_are_short(value: object, words: str) -> None:
    assert html.text(value) == words
