"""Values of the explorer's links: the stops of a path."""

from __future__ import annotations

import pytest

from dashboard.link import session as state
from dashboard.views.explore import link as explore_link
from tests.support.addresses import url

pytestmark = pytest.mark.usefixtures("session")


def test_stops_of_a_path_are_images_and_points() -> None:
    key = explore_link.path_stops(2, 10)
    state.write(key, [3, (0.5, -1.0), 9])
    assert url() == {"stops": "n3_0.5,-1_n9"}
    assert state.read(key, []) == [3, (0.5, -1.0), 9]
    state.st.query_params["stops"] = "n10"
    assert state.read(key, []) == []
    assert "each n and the number of a test image from 0 to 9, or 2 numbers" in state.take_notices()[0]
