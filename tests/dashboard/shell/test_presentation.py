"""The presentation: large images, no settings, and a way out."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.pages_without_browser import MAIN, Put, button, page, sentences

pytestmark = pytest.mark.usefixtures("empty_runs")


class TestPresentation:
    def test_presentation_names_the_run_hides_settings_and_can_be_left(self, put: Put) -> None:
        put("good", name="Good <b>")
        at = AppTest.from_file(str(MAIN), default_timeout=60)
        at.query_params["present"] = "1"
        at.run()
        assert not at.exception
        assert at.header[0].value.replace("\\", "") == "Explore · Good <b>"
        assert not at.sidebar.selectbox
        assert not at.sidebar.button
        assert at.query_params["present"] == "1"
        button(at, "Leave presentation").click().run()
        assert at.header[0].value == "Explore"
        assert "present" not in at.query_params
        button(at, "Present").click().run()
        assert at.query_params["present"] == "1"

    def test_settings_of_the_link_stay_in_force_while_they_are_hidden(self, put: Put) -> None:
        put("good")
        at = page("generate", run="good", present="1", num="9", temperature="0.5", seed="3")
        assert not at.slider
        assert not at.number_input
        assert {"num": "9", "temperature": "0.5", "seed": "3"}.items() <= dict(at.query_params).items()
        button(at, "Sample again").click().run()
        assert at.query_params["seed"] == "4"

    def test_way_out_stands_at_the_edge_of_the_map_too_and_the_link_says_which_images(self, put: Put) -> None:
        put("good")
        at = page("map", run="good", part="train")
        assert [control.label for control in at.segmented_control] == ["Images"]
        at = page("map", run="good", part="train", present="1")
        assert not at.segmented_control
        assert at.query_params["part"] == "train"
        assert button(at, "Leave presentation").key not in [
            found.key for column in at.columns for found in column.button
        ]

    def test_other_than_1_is_told_and_nothing_is_hidden(self, put: Put) -> None:
        put("good")
        at = AppTest.from_file(str(MAIN), default_timeout=60)
        at.query_params["present"] = "yes"
        at.run()
        assert sentences(at) == [
            "The link's present must be 1, or left out, got 'yes'; the default is shown instead."
        ]
        assert at.header[0].value == "Explore"
        assert "present" not in at.query_params
