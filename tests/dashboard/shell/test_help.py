"""Help: each page has its own, and the button opens it."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.shell.navigation import _PAGES


def script(name: str) -> None:
    from dashboard.shell import help

    help.offer(name, name.title())


@pytest.mark.parametrize("name", _PAGES)
def test_every_page_has_help_that_a_button_opens(name: str) -> None:
    at = AppTest.from_function(script, args=(name,)).run()
    assert not at.markdown
    at.button[0].click().run()
    assert not at.exception
    steps, words = at.markdown[0].value, at.markdown[-1].value
    assert steps.startswith("1. ")
    assert "ELBO" in words
