"""A page from outside the package."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.shell import navigation
from dashboard.shell.navigation import PAGES
from tests.support.plugin_runs import registered
from vae.errors import UserError
from vae.runs.run import Run


def atlas() -> None:
    """The names of a run's options."""
    import streamlit as st

    from dashboard.shell import run_picker

    run = run_picker.chosen()
    st.write(f"Of {'nothing' if run is None else run.id}")


def refusing() -> None:
    raise UserError("an atlas needs two runs, got one; train another")


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> Iterator[None]:
    with (
        registered(
            PAGES,
            "atlas",
            atlas,
            title="Atlas",
            words="All at once.",
            icon=":material/public:",
            needs_run=True,
        ),
        registered(PAGES, "refusing", refusing, title="Refusing"),
    ):
        yield


def _script(name: str) -> None:
    from dashboard.shell import navigation, run_picker

    entry = navigation.PAGES[name]
    run_picker.draw(needed=navigation.needs_a_run(name))
    navigation._own_drawer(entry)()


def drawn(name: str, run: Run | None, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> AppTest:
    from dashboard import settings

    monkeypatch.setenv(settings.RUNS_VARIABLE, str(tmp_path if run is None else run.path.parent))
    monkeypatch.setattr(settings, "shipped_root", lambda: settings.runs_root() / "none")
    at = AppTest.from_function(_script, args=(name,), default_timeout=60)
    if run is not None:
        at.query_params["run"] = run.id
    at.run()
    assert not at.exception
    return at


def test_it_has_a_place_in_the_navigation_after_ours() -> None:
    def script() -> None:
        import streamlit as st

        from dashboard.shell import navigation

        found = navigation.pages()
        st.session_state["found"] = {name: (page.title, page.url_path) for name, page in found.items()}

    at = AppTest.from_function(script, default_timeout=60).run()
    assert not at.exception
    found = at.session_state["found"]
    assert list(found)[:9] == list(navigation._PAGES)
    assert found["atlas"] == ("Atlas", "atlas")


def test_it_draws_the_run_that_is_chosen(
    trained_run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    at = drawn("atlas", trained_run, monkeypatch, tmp_path)
    assert at.header[0].value == "Atlas"
    assert at.markdown[-1].value == f"Of {trained_run.id}"


def test_without_a_run_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    assert "There is no run yet" in drawn("atlas", None, monkeypatch, tmp_path).info[0].value


def test_what_it_refuses_is_a_sentence(
    trained_run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    at = drawn("refusing", trained_run, monkeypatch, tmp_path)
    assert "needs two runs" in at.error[0].value


def test_what_a_page_may_be_called(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="must be small letters"):
        PAGES.register("My page", title="My page")(atlas)
    with pytest.raises(UserError, match="must be a function"):
        PAGES.register("seven", title="Seven")(7)
