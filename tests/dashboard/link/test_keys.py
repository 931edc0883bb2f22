"""Values of links: which are read, what is told of the rest, and no name means one thing here and another there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dashboard import settings
from dashboard.link import keys
from dashboard.link import session as state
from tests.support.addresses import url

pytestmark = pytest.mark.usefixtures("session")

FOLDER = Path(settings.__file__).parent
MADE = re.compile(r"\b(?:Key|choice|whole|number)\(\s*\"(\w+)\"")


def test_no_two_pages_call_different_values_of_their_links_the_same() -> None:
    places = [*FOLDER.glob("views/*/link.py"), FOLDER / "link" / "keys.py"]
    names = Counter(name for path in places for name in set(MADE.findall(path.read_text(encoding="utf-8"))))
    assert len(names) > 40
    assert [name for name, times in names.items() if times > 1] == []


class TestKeys:
    @pytest.mark.parametrize("text", ["7", "0", "10", " 3 "])
    def test_whole_number_within_its_bounds_is_read(self, text: str) -> None:
        state.st.query_params["n"] = text
        assert state.read(keys.whole("n", 0, 10), -1) == int(text)

    @pytest.mark.parametrize("text", ["-1", "11", "1.5", "", "many", "1e3", "9" * 5000])
    def test_other_than_a_whole_number_within_its_bounds_is_told(self, text: str) -> None:
        state.st.query_params["n"] = text
        assert state.read(keys.whole("n", 0, 10), 4) == 4
        (sentence,) = state.take_notices()
        assert "The link's n must be a whole number from 0 to 10, got " in sentence
        assert len(sentence) < 200

    @pytest.mark.parametrize("text", ["nan", "inf", "-0.1", "3.1", "warm", ""])
    def test_other_than_a_number_within_its_bounds_is_told(self, text: str) -> None:
        state.st.query_params["t"] = text
        assert state.read(keys.number("t", 0, 3), 1.0) == 1.0
        assert "must be a number from 0 to 3" in state.take_notices()[0]

    def test_choice_is_one_of_its_words(self) -> None:
        key = keys.choice("part", ["test", "train"])
        state.st.query_params["part"] = "train"
        assert state.read(key, "test") == "train"
        state.st.query_params["part"] = "Train"
        assert state.read(key, "test") == "test"
        assert "must be one of test, train, got 'Train'" in state.take_notices()[0]

    @pytest.mark.parametrize("z", [[0.0, 0.0], [-1.2345, 3.0], [1000.0, -1000.0], [0.0001, -0.5]])
    def test_point_comes_back_as_it_was_written(self, z: list[float]) -> None:
        key = keys.point(2)
        state.write(key, z)
        assert state.read(key, [9.0, 9.0]) == z

    def test_point_is_written_with_four_decimals_as_the_components_tell_it(self) -> None:
        state.write(keys.point(4), [3.44371234, -0.00001, 12.0, -123.45678])
        assert url() == {"z": "3.4437,0,12,-123.4568"}

    @pytest.mark.parametrize("text", ["1", "1,2,3", "1,", "1,x", "nan,0", "inf,0", "1001,0", ""])
    def test_other_than_a_point_is_told(self, text: str) -> None:
        state.st.query_params["z"] = text
        assert state.read(keys.point(2), [0.0, 0.0]) == [0.0, 0.0]
        assert "must be 2 numbers between −1000 and 1000" in state.take_notices()[0]

    @pytest.mark.parametrize("text", ["1", "-1", "", "ten", "1.0", "9" * 5000])
    def test_other_than_the_step_of_a_snapshot_is_told(self, text: str) -> None:
        key = keys.snapshot([0, 10, 60])
        state.st.query_params["at"] = text
        assert state.read(key, -1) == -1
        (sentence,) = state.take_notices()
        assert "The link's at must be the step of one of the run's 3 snapshots, got " in sentence

    def test_last_is_the_newest_snapshot(self) -> None:
        state.st.query_params["at"] = "last"
        assert state.read(keys.snapshot([0, 10, 60]), -1) == 60
        assert state.take_notices() == []

    @pytest.mark.parametrize(
        ("steps", "rule"),
        [([], "left out, because this run has no snapshots"), ([7], "7, the step of the run's one snapshot")],
    )
    def test_run_of_one_snapshot_or_none_is_told_so(self, steps: list[int], rule: str) -> None:
        state.st.query_params["at"] = "5"
        assert state.read(keys.snapshot(steps), -1) == -1
        (sentence,) = state.take_notices()
        assert sentence == f"The link's at must be {rule}, got '5'; the default is shown instead."

    def test_value_that_must_not_be_there_is_told_once_and_taken_out(self) -> None:
        state.st.query_params["y"] = "3"
        for _ in range(2):
            state.refuse(keys.left_out("y", "nobody asks"))
            assert url() == {}
        (sentence,) = state.take_notices()
        assert sentence.startswith("The link's y must be left out, because nobody asks, got '3'")

    def test_what_is_forgotten_is_in_neither_address_nor_session(self) -> None:
        key = keys.snapshot([0, 10, 60])
        state.write(key, 10)
        assert (url(), state.read(key, -1)) == ({"at": "10"}, 10)
        state.forget(key)
        assert (url(), state.read(key, -1)) == ({}, -1)
        state.forget(key)
        assert not state.take_notices()

    def test_label_of_a_run_without_classes_is_0(self) -> None:
        state.st.query_params["y"] = "3"
        assert state.read(keys.label(0), 0) == 0
        assert state.take_notices()

    @pytest.mark.parametrize("mix", [(0, 0.0), (2, 1.0), (1, 0.25)])
    def test_blend_comes_back_as_it_was_written(self, mix: tuple[int, float]) -> None:
        state.write(keys.mix(3), mix)
        assert state.read(keys.mix(3), (-1, 0.0)) == mix

    @pytest.mark.parametrize("text", ["1", "3,0.5", "-1,0.5", "1,1.5", "1,nan", "1,0.5,2", "a,b", ""])
    def test_other_than_a_blend_is_told(self, text: str) -> None:
        state.st.query_params["mix"] = text
        assert state.read(keys.mix(3), (-1, 0.0)) == (-1, 0.0)
        assert "must be a class from 0 to 2 and its share from 0 to 1" in state.take_notices()[0]

    def test_value_that_is_none_is_taken_out(self) -> None:
        state.keep(keys.posterior(10), 3)
        assert url() == {"posterior": "3"}
        state.keep(keys.posterior(10), None)
        assert url() == {} and state.read(keys.posterior(10), -1) == -1


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ([0, 1.5, -1000], True),
        ([], True),
        ([float("nan")], False),
        ([1e4], False),
        (["1"], False),
        ([None], False),
    ],
)
def test_finite_point_is_one_of_bounded_numbers(values: list[Any], answer: bool) -> None:
    assert keys.is_finite(values) is answer
