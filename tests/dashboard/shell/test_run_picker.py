"""The chooser of runs."""

from __future__ import annotations

import pytest

from dashboard.shell import run_picker
from tests.support.pages_without_browser import Put, button, page

pytestmark = pytest.mark.usefixtures("empty_runs")


class TestChooser:
    def test_runs_of_one_name_have_titles_of_their_own(self, put: Put) -> None:
        runs = [put(run_id, name="Twin") for run_id in ("a", "b")] + [put("c", name="Twin · a")]
        titles = run_picker.titles(runs)
        assert len(set(titles.values())) == 3
        assert all(title.startswith("Twin") for title in titles.values())
        for run in runs:
            at = page("generate", run=run.id)
            button(at, "Sample again").click().run()
            assert at.query_params["run"] == run.id

    def test_picking_another_run_begins_at_its_own_point(self, put: Put) -> None:
        put("a"), put("b")
        at = page("explore", run="a", z="1,2")
        assert at.query_params["z"] == "1,2"
        at.sidebar.selectbox[0].set_value("b").run()
        assert not at.exception
        assert (at.query_params["run"], at.query_params["z"]) == ("b", "0,0")

    def test_example_is_marked(self, put: Put) -> None:
        run = put("shown", name="Shown", shipped=True)
        assert run_picker.titles([run]) == {"shown": "Shown · example"}

    def test_own_run_hides_an_example_of_its_id(self, put: Put) -> None:
        put("same", shipped=True)
        own = put("same", name="Own")
        runs, broken = run_picker.all_runs()
        assert [run.path for run in runs] == [own.path]
        assert broken == []
