"""The Runs page, without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pages_without_browser import Put, page, sentences

pytestmark = pytest.mark.usefixtures("empty_runs")


class TestRuns:
    def test_table_has_a_row_for_each_run_and_a_warning_for_each_broken_one(
        self, put: Put, empty_runs: Path
    ) -> None:
        put("one", name="First"), put("two", name="Second")
        (empty_runs / "three").mkdir()
        (empty_runs / "three" / "config.json").write_text("[]")
        at = page("runs", run="one")
        assert sorted(at.dataframe[0].value["Name"]) == ["First", "Second"]
        (sentence,) = sentences(at)
        assert sentence.startswith("three: ")

    def test_name_is_shown_letter_by_letter(self, put: Put) -> None:
        name = "<b>x</b> **b** ![p](http://a.example/p.png)"
        run = put("odd", name=name)
        assert "![p]" not in page("train", run=run.id, present="1").header[0].value
        assert page("runs", run=run.id).dataframe[0].value["Name"][0] == name
