"""Values of the training page's links: the zoom of its curves."""

from __future__ import annotations

import pytest

from dashboard.link import session as state
from dashboard.views.train import link as train_link

pytestmark = pytest.mark.usefixtures("session")


@pytest.mark.parametrize("span", [None, (0.5, 2.0), (-0.125, 1234567.0)])
def test_zoom_of_the_curves_comes_back_as_it_was_written(span: tuple[float, float] | None) -> None:
    state.write(train_link.SPAN, span)
    assert state.read(train_link.SPAN, (9.0, 10.0)) == span


@pytest.mark.parametrize("text", ["1", "2,1", "1,1", "nan,1", "0,inf", "0,1,2", "some"])
def test_other_than_a_zoom_of_the_curves_is_told(text: str) -> None:
    state.st.query_params["span"] = text
    assert state.read(train_link.SPAN, None) is None
    assert "must be two numbers of the horizontal axis" in state.take_notices()[0]
