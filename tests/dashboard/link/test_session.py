"""What the session remembers of links, and what becomes of the address."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.link import keys
from dashboard.link import session as state
from dashboard.views.explore import link as explore_link
from dashboard.views.map import link as map_link
from tests.support.addresses import url

pytestmark = pytest.mark.usefixtures("session")


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


def test_of_what_two_components_say_of_one_thing_the_newest_is_held() -> None:
    state.hold("map", "point", {"z": [1]}, "z")
    state.hold("map", "view", {"zoom": 2})
    state.hold("sliders", "point", {"z": [2]}, "z")
    assert (state.held("map"), state.held("sliders")) == ({"view": {"zoom": 2}}, {"point": {"z": [2]}})
    state.hold("map", "point", {"z": [3]}, "z")
    assert (state.held("map")["point"], state.held("sliders")) == ({"z": [3]}, {})
    state.settle()
    state.hold("sliders", "point", {"z": [4]}, "z")
    assert state.held("sliders") == {"point": {"z": [4]}}


def test_what_is_taken_is_said_once() -> None:
    state.hold("rail", "said", "follow")
    state.hold("rail", "other", 3)
    assert state.take("rail", "said") == "follow"
    assert state.take("rail", "said") is None
    assert state.held("rail") == {"other": 3}
