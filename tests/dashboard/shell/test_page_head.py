"""The head of a page, its cards and their names, and what the browser's tab says."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import settings
from dashboard.server import browser_files, first_scripts
from dashboard.shell import navigation
from vae.runs.run import Run

QUESTION = 'What does <b>z</b> "do"?'


def drawn(function: Any, *args: Any, **query: str) -> AppTest:
    app = AppTest.from_function(function, args=args, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def headed(question: str) -> None:
    import streamlit as st

    from dashboard.shell import page_head

    with page_head.head("Explore", question, run_name="A *run*"):
        st.toggle("Map")


def staged() -> None:
    from dashboard.link import session
    from dashboard.shell import run_picker, stage

    stage.begin()
    left, right = stage.columns(5, 7)
    with left, stage.card("image", "Decoded <b>image</b>"):
        stage.skeleton(120)
    body, actions = stage.card_with_actions("curves", "Curves")
    actions.button("Save")
    with right, stage.card("sliders", bare=True):
        pass
    body.write("curves")
    stage.settle()
    run_picker.tell()
    session.settle()


def html(app: AppTest) -> str:
    return "".join(node.proto.body for node in app.main.get("html"))


def test_question_is_shown_as_it_is_and_whole_on_hover() -> None:
    told = html(drawn(headed, QUESTION))
    assert 'title="What does &lt;b&gt;z&lt;/b&gt; &quot;do&quot;?"' in told
    assert "<b>" not in told


def test_head_offers_present_and_help_and_a_presentation_the_way_out_and_the_run() -> None:
    assert [button.label for button in drawn(headed, QUESTION).button] == ["Present", "Help"]
    app = drawn(headed, QUESTION, present="1")
    assert [button.label for button in app.button] == ["Leave presentation"]
    assert app.header[0].value == "Explore · A \\*run\\*"
    assert app.toggle[0].label == "Map"


@pytest.mark.parametrize("name", ["image", "curves", "sliders"])
def test_link_to_a_card_is_kept(name: str) -> None:
    app = drawn(staged, card=name)
    assert not app.warning
    assert app.query_params["card"] == name


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "nothing",
            "This page has no card 'nothing'; it has image, curves, sliders. The whole page is shown.",
        ),
        ("a b", "The link's card must be the name of a card: small letters, digits and hyphens, got 'a b'"),
        ("../x", "The link's card must be the name of a card: small letters, digits and hyphens, got '../x'"),
    ],
)
def test_link_to_no_card_is_told_and_the_page_shown(name: str, told: str) -> None:
    app = drawn(staged, card=name)
    assert told in app.warning[0].value.replace("\\", "").replace("\N{WORD JOINER}", "")
    assert "card" not in app.query_params


@pytest.mark.parametrize("key", ["hide", "lock"])
@pytest.mark.parametrize("names", ["beta", "menu,seed", "curves", "map.lasso", "sliders.play,beta"])
def test_link_hides_and_fixes_controls_of_any_page(key: str, names: str) -> None:
    import dashboard.components.map
    import dashboard.components.sliders  # noqa: F401

    app = drawn(staged, **{key: names})
    assert not app.warning
    assert app.query_params[key] == names


@pytest.mark.parametrize("key", ["hide", "lock"])
@pytest.mark.parametrize("name", ["nonsense", "map.nonsense", "nothing.lasso", "verdict", "lesson_rail"])
def test_link_that_names_no_control_says_so(key: str, name: str) -> None:
    import dashboard.components.map  # noqa: F401

    app = drawn(staged, **{key: f"beta,{name}"})
    told = app.warning[0].value.replace("\\", "")
    assert f"The link's {key} names controls of the page, and there is none called {name!r}" in told


def test_tab_says_page_and_run(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run.open(settings.shipped_root() / "digits-2d")
    monkeypatch.setattr(navigation.run_picker, "chosen", lambda: run)
    assert navigation.title_of_tab("Explore", "explore") == "Explore · Digits, 2-D — Latent Lab"
    assert navigation.title_of_tab("Compare", "compare") == "Compare — Latent Lab"
    monkeypatch.setattr(navigation.run_picker, "chosen", lambda: None)
    assert navigation.title_of_tab("Train", "train") == "Train — Latent Lab"


def test_head_of_the_html_links_the_one_style_sheet_and_the_scripts_which_are_there() -> None:
    first = first_scripts._first().decode()
    assert first.startswith('<link rel="stylesheet" href="./api/lib/')
    known = browser_files.files()
    for name in (first_scripts._STYLE, *first_scripts._SCRIPTS):
        assert f"/{name}" in first
        assert known[name].is_file()
