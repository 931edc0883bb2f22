"""Session and URL keys: what a link may say, what becomes of the rest, and what the session remembers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dashboard.link import keys
from dashboard.link import session as state
from dashboard.views.explore import link as explore_link
from dashboard.views.map import link as map_link
from dashboard.views.train import link as train_link


class Query(dict[str, str]):
    """Stands for Streamlit's query: text only."""

    def __setitem__(self, name: str, value: str) -> None:
        assert isinstance(value, str)
        super().__setitem__(name, value)

    def from_dict(self, values: dict[str, str]) -> None:
        assert all(isinstance(value, str) for value in values.values())
        self.num_written = self.num_written + 1
        self.clear()
        self.update(values)

    num_written = 0


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A session of its own, and its address."""
    found: dict[str, Any] = {}
    monkeypatch.setattr(state.st, "session_state", found)
    monkeypatch.setattr(state.st, "query_params", Query())
    yield found


def url() -> dict[str, str]:
    """The address when the script run has ended."""
    state.settle()
    return dict(state.st.query_params)


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

    def test_stops_of_a_path_are_images_and_points(self) -> None:
        key = explore_link.path_stops(2, 10)
        state.write(key, [3, (0.5, -1.0), 9])
        assert url() == {"stops": "n3_0.5,-1_n9"}
        assert state.read(key, []) == [3, (0.5, -1.0), 9]
        state.st.query_params["stops"] = "n10"
        assert state.read(key, []) == []
        assert "each n and the number of a test image from 0 to 9, or 2 numbers" in state.take_notices()[0]

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


class TestMemory:
    def test_address_comes_before_what_the_session_remembers(self) -> None:
        key = keys.whole("seed", 0, 99)
        state.write(key, 5)
        state.st.query_params["seed"] = "6"
        assert state.read(key, 0) == 6

    def test_session_remembers_a_value_when_the_address_has_lost_it(self) -> None:
        key = keys.whole("seed", 0, 99)
        state.write(key, 5)
        state.settle()
        state.st.query_params.clear()
        assert state.read(key, 0) == 5

    def test_bad_value_of_the_address_gives_the_default_rather_than_the_last_one(self) -> None:
        key = keys.whole("seed", 0, 99)
        state.write(key, 5)
        state.st.query_params["seed"] = "no"
        assert state.read(key, 0) == 0

    def test_another_run_begins_at_its_own_point_and_label(self) -> None:
        state.choose_run("a")
        state.write(keys.point(2), [1.0, 2.0])
        state.write(keys.label(10), 3)
        state.write(keys.snapshot([0, 7]), 7)
        state.write(keys.DRAWING, "AQQXmgFmzAEA")
        state.write(explore_link.PATH_RADIUS, 0.5)
        state.write(explore_link.difference(10, 0), (7, (), 0.5))
        assert {"run": "a", "z": "1,2", "y": "3", "at": "7"}.items() <= state.link().items()
        state.choose_run("b")
        assert url() == state.link() == {"run": "b"}
        assert state.run_id() == "b"

    def test_run_that_is_not_here_takes_what_the_link_says_of_it_with_it(self) -> None:
        state.st.query_params.update({"run": "gone", "z": "1,2", "at": "7", "seed": "5"})
        state.choose_run("b")
        assert url() == {"run": "b", "seed": "5"}
        state.write(keys.point(2), [3.0, 4.0])
        url()
        state.st.query_params.from_dict({"run": "gone", "z": "1,2"})
        state.choose_run("b")
        assert url() == {"run": "b"}
        assert state.read(keys.point(2), [0.0, 0.0]) == [3.0, 4.0], "the point of the run that is shown"

    def test_point_of_a_deleted_run_is_not_that_of_the_next(self) -> None:
        state.choose_run("a")
        state.write(keys.point(2), [1.0, 2.0])
        state.settle()
        state.st.query_params.clear()  # the page of runs shows none
        state.forget_run("a")
        state.choose_run("b")
        assert url() == state.link() == {"run": "b"}

    def test_same_run_keeps_its_point(self) -> None:
        state.choose_run("a")
        state.write(keys.point(2), [1.0, 2.0])
        state.settle()
        state.st.query_params.clear()  # Streamlit forgets the query when the page changes
        state.choose_run("a")
        assert state.link() == {"run": "a", "z": "1,2"}
        assert url() == {"run": "a"}

    def test_point_of_a_link_survives_the_first_choice_of_its_run(self) -> None:
        state.st.query_params.update({"run": "a", "z": "1,2"})
        state.choose_run("a")
        assert state.read(keys.point(2), [0.0, 0.0]) == [1.0, 2.0]


class TestNotices:
    def test_sentence_is_told_once(self) -> None:
        state.notice("one")
        state.notice("two")
        state.notice("one")
        assert state.take_notices() == ["one", "two"]
        assert state.take_notices() == []

    def test_long_value_of_a_link_is_cut(self) -> None:
        state.st.query_params["n"] = "x" * 10_000
        state.read(keys.whole("n", 0, 1), 0)
        assert len(state.take_notices()[0]) < 200


class TestFresh:
    def test_renewed_widget_has_another_key(self) -> None:
        first = state.fresh("import")
        assert state.fresh("import") == first
        state.renew("import")
        assert state.fresh("import") != first
        assert state.fresh("export").endswith(":0")


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


class TestAddress:
    def test_a_run_writes_one_address_however_much_it_writes(self) -> None:
        state.choose_run("a")
        state.write(keys.point(2), [1.0, 2.0])
        state.write(keys.SEED, 3)
        state.forget(keys.SEED)
        assert dict(state.st.query_params) == {}
        assert state.read(keys.point(2), [0.0, 0.0]) == [1.0, 2.0]
        assert url() == {"run": "a", "z": "1,2"}
        assert url() and state.st.query_params.num_written == 1

    def test_what_waits_for_another_address_is_void(self) -> None:
        state.write(keys.SEED, 3)
        state.st.query_params["mode"] = "mix"  # the person went elsewhere before the run had ended
        assert url() == {"mode": "mix"}

    def test_link_to_another_run_keeps_what_it_says_of_it(self) -> None:
        state.choose_run("a")
        state.write(keys.point(2), [1.0, 2.0])
        state.write(keys.label(10), 3)
        url()
        state.st.query_params.from_dict({"run": "b", "z": "5,5"})  # Back, or a link
        state.choose_run("b")
        assert state.read(keys.point(2), [0.0, 0.0]) == [5.0, 5.0]
        assert state.read(keys.label(10), 0) == 0
        assert url() == {"run": "b", "z": "5,5"}

    def test_widget_follows_the_address_but_not_its_own_echo(self) -> None:
        state.write(map_link.PART, "train")
        url()
        state.st.session_state["w"] = "all"
        state.seat(map_link.PART, "w", "train")
        assert state.st.session_state["w"] == "all"
        state.st.query_params["part"] = "test"
        state.seat(map_link.PART, "w", "test")
        assert state.st.session_state["w"] == "test"

    @pytest.mark.parametrize("area", [None, (0.5, -2.0, 4.0), (0.0, 0.0, 0.1)])
    def test_view_of_the_map_comes_back_as_it_was_written(
        self, area: tuple[float, float, float] | None
    ) -> None:
        state.write(map_link.VIEW, area)
        assert state.read(map_link.VIEW, (9.0, 9.0, 9.0)) == area

    @pytest.mark.parametrize("text", ["1,2", "1,2,0", "nan,0,1", "0,inf,1", "0,0,2001", "some", "1001,0,1"])
    def test_other_than_a_view_is_told(self, text: str) -> None:
        state.st.query_params["view"] = text
        assert state.read(map_link.VIEW, None) is None
        assert "must be two coordinates" in state.take_notices()[0]

    @pytest.mark.parametrize(
        "lassos",
        [
            (),
            ((0.0, 0.0, 0.0, 1.25, 0.0, 0.0, -1000.0),),
            ((0.0, *(0.5, -0.5) * 64),),
            (
                (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0),
                (1.0, 2.0, 2.0, 3.0, 2.0, 2.0, 3.0),
                (-1.0, -1.0, 0.0, 1.0, 0.0, 0.0, 1.0),
            ),
        ],
    )
    def test_lassos_of_the_map_come_back_as_they_were_written(
        self, lassos: tuple[tuple[float, ...], ...]
    ) -> None:
        state.write(map_link.LASSO, lassos)
        assert state.read(map_link.LASSO, ((9.0,),)) == lassos

    def test_a_lasso_of_a_link_of_before_begins_a_selection(self) -> None:
        state.st.query_params["lasso"] = "0,0,1,0,0,1"
        assert state.read(map_link.LASSO, ()) == ((0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0),)

    @pytest.mark.parametrize(
        "text",
        [
            "0,0,1,1",
            "0,0,1,0,1",
            "0,0,1,0,nan,1",
            "0,0,1,0,0,1001",
            ",".join(["0,1"] * 65),
            ";".join(["0,0,1,0,0,1"] * 9),
            "0,0,1,0,0,1;minus,0,0,1,0,0,1",
            "0,0,1,0,0,1;",
            "round",
            "",
        ],
    )
    def test_other_than_a_lasso_is_told(self, text: str) -> None:
        state.st.query_params["lasso"] = text
        assert state.read(map_link.LASSO, ()) == ()
        assert "for each of 3 to 64 corners" in state.take_notices()[0]

    @pytest.mark.parametrize(
        "ranges", [(), (("rate", 1.5, 20.0),), (("distortion", -3.0, 1e30), ("column:my; ~ size", 0.0, 0.5))]
    )
    def test_ranges_of_the_map_come_back_as_they_were_written(
        self, ranges: tuple[tuple[str, float, float], ...]
    ) -> None:
        key = map_link.ranges(["my; ~ size"])
        state.write(key, ranges)
        assert state.read(key, (("rate", 9.0, 9.0),)) == ranges

    @pytest.mark.parametrize("text", ["rate~1", "rate~2~1", "rate~nan~1", "speed~1~2", "rate~1~inf", "rate"])
    def test_other_than_a_range_is_told(self, text: str) -> None:
        state.st.query_params["within"] = text
        assert state.read(map_link.ranges(), ()) == ()
        assert "must be one of rate, distortion" in state.take_notices()[0]

    @pytest.mark.parametrize("span", [None, (0.5, 2.0), (-0.125, 1234567.0)])
    def test_zoom_of_the_curves_comes_back_as_it_was_written(self, span: tuple[float, float] | None) -> None:
        state.write(train_link.SPAN, span)
        assert state.read(train_link.SPAN, (9.0, 10.0)) == span

    @pytest.mark.parametrize("text", ["1", "2,1", "1,1", "nan,1", "0,inf", "0,1,2", "some"])
    def test_other_than_a_zoom_of_the_curves_is_told(self, text: str) -> None:
        state.st.query_params["span"] = text
        assert state.read(train_link.SPAN, None) is None
        assert "must be two numbers of the horizontal axis" in state.take_notices()[0]

    @pytest.mark.parametrize(("text", "found"), [("none", []), ("3,1,1", [1, 3]), ("-1", [-1])])
    def test_hidden_classes_are_numbers_of_classes(self, text: str, found: list[int]) -> None:
        state.st.query_params["hidden"] = text
        assert state.read(map_link.hidden(4), [0]) == found

    @pytest.mark.parametrize("text", ["4", "-2", "a", "", "1,"])
    def test_other_than_classes_is_told(self, text: str) -> None:
        state.st.query_params["hidden"] = text
        assert state.read(map_link.hidden(4), []) == []
        assert "numbers of classes from −1 to 3" in state.take_notices()[0]


class TestLateAddress:
    """What the browser sends before it has heard of the last address names an older one."""

    @pytest.fixture(autouse=True)
    def arrival(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        """The page of the script run, and whether Back led there."""
        found = {"page": "map", "travelled": False}
        monkeypatch.setattr(state, "page_of_script", lambda: (found["page"], found["travelled"]))
        return found

    @pytest.fixture
    def passed(self) -> list[dict[str, str]]:
        """Three addresses that the page came through, each by a choice of its own."""
        addresses = [{"seed": "1"}]
        state.st.query_params.from_dict(addresses[0])
        for key, value in ((keys.SEED, 2), (map_link.PART, "train")):
            state.write(key, value)
            addresses.append(url())
        assert addresses[-1] == {"seed": "2", "part": "train"}
        return addresses

    @pytest.mark.parametrize("late", [0, 1])
    def test_it_does_not_undo_what_was_chosen_since(self, passed: list[dict[str, str]], late: int) -> None:
        state.st.query_params.from_dict(passed[late])
        assert (state.read(keys.SEED, 0), state.read(map_link.PART, "test")) == (2, "train")
        state.write(map_link.TILES, "quantiles")
        assert url() == {**passed[-1], "tiles": "quantiles"}

    def test_browser_that_lags_is_told_the_address_again(self, passed: list[dict[str, str]]) -> None:
        state.st.query_params.from_dict(passed[0])
        assert url() == passed[-1]

    def test_back_to_it_is_believed(self, passed: list[dict[str, str]], arrival: dict[str, Any]) -> None:
        arrival["travelled"] = True
        state.st.query_params.from_dict(passed[0])
        assert state.read(keys.SEED, 0) == 1
        arrival["travelled"] = False  # what is chosen next builds on it, also if that run was broken off
        state.write(map_link.TILES, "even")
        assert url() == {"seed": "1", "tiles": "even"}

    def test_link_and_another_page_are_believed(
        self, passed: list[dict[str, str]], arrival: dict[str, Any]
    ) -> None:
        state.st.query_params.from_dict({"seed": "7"})
        assert state.read(keys.SEED, 0) == 7
        arrival["page"] = "explore"
        state.st.query_params.from_dict(passed[0])
        assert state.read(keys.SEED, 0) == 1


def test_what_a_component_said_is_held_until_a_run_has_come_to_its_end() -> None:
    state.hold("map", "point", {"z": [1]})
    state.hold("map", "view", {"zoom": 2})
    state.hold("map", "point", {"z": [3]})
    assert state.held("map") == {"point": {"z": [3]}, "view": {"zoom": 2}}
    assert state.held("sliders") == {}
    state.settle()
    assert state.held("map") == {}
