"""Values of the map's links: its view, what is selected, and which classes are hidden."""

from __future__ import annotations

import pytest

from dashboard.link import session as state
from dashboard.views.map import link as map_link

pytestmark = pytest.mark.usefixtures("session")


@pytest.mark.parametrize("area", [None, (0.5, -2.0, 4.0), (0.0, 0.0, 0.1)])
def test_view_of_the_map_comes_back_as_it_was_written(area: tuple[float, float, float] | None) -> None:
    state.write(map_link.VIEW, area)
    assert state.read(map_link.VIEW, (9.0, 9.0, 9.0)) == area


@pytest.mark.parametrize("text", ["1,2", "1,2,0", "nan,0,1", "0,inf,1", "0,0,2001", "some", "1001,0,1"])
def test_other_than_a_view_is_told(text: str) -> None:
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
def test_lassos_of_the_map_come_back_as_they_were_written(lassos: tuple[tuple[float, ...], ...]) -> None:
    state.write(map_link.LASSO, lassos)
    assert state.read(map_link.LASSO, ((9.0,),)) == lassos


def test_a_lasso_of_a_link_of_before_begins_a_selection() -> None:
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
def test_other_than_a_lasso_is_told(text: str) -> None:
    state.st.query_params["lasso"] = text
    assert state.read(map_link.LASSO, ()) == ()
    assert "for each of 3 to 64 corners" in state.take_notices()[0]


@pytest.mark.parametrize(
    "ranges", [(), (("rate", 1.5, 20.0),), (("distortion", -3.0, 1e30), ("column:my; ~ size", 0.0, 0.5))]
)
def test_ranges_of_the_map_come_back_as_they_were_written(
    ranges: tuple[tuple[str, float, float], ...],
) -> None:
    key = map_link.ranges(["my; ~ size"])
    state.write(key, ranges)
    assert state.read(key, (("rate", 9.0, 9.0),)) == ranges


@pytest.mark.parametrize("text", ["rate~1", "rate~2~1", "rate~nan~1", "speed~1~2", "rate~1~inf", "rate"])
def test_other_than_a_range_is_told(text: str) -> None:
    state.st.query_params["within"] = text
    assert state.read(map_link.ranges(), ()) == ()
    assert "must be one of rate, distortion" in state.take_notices()[0]


@pytest.mark.parametrize(("text", "found"), [("none", []), ("3,1,1", [1, 3]), ("-1", [-1])])
def test_hidden_classes_are_numbers_of_classes(text: str, found: list[int]) -> None:
    state.st.query_params["hidden"] = text
    assert state.read(map_link.hidden(4), [0]) == found


@pytest.mark.parametrize("text", ["4", "-2", "a", "", "1,"])
def test_other_than_classes_is_told(text: str) -> None:
    state.st.query_params["hidden"] = text
    assert state.read(map_link.hidden(4), []) == []
    assert "numbers of classes from −1 to 3" in state.take_notices()[0]
