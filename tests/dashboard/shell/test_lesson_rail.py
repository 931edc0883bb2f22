"""The rail of a lesson beside the pages, the list of lessons, and the shipped ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import settings
from dashboard.cache import lru
from dashboard.look.controls import CONTROLS
from dashboard.shell import run_picker
from dashboard.shell.lesson_rail import places, shelf
from dashboard.views.train import link as train_link
from tests.support.pages_without_browser import page, sentences
from vae.errors import UserError
from vae.lessons import files, rail_words
from vae.lessons.conditions import FLAGS, HAPPENINGS, NUMBERS, WORDS
from vae.lessons.files import lessons_in, read_lesson

REPOSITORY = Path(run_picker.__file__).parents[2]
MAIN = REPOSITORY / "dashboard" / "main.py"
SHIPPED = REPOSITORY / "assets" / "lessons"
LESSONS = sorted(path.name for path in SHIPPED.glob("[0-9]*.md"))

_LESSON = """+++
title = "Title of it"
minutes = 5
+++

What it is about.

## First *step*

Words of the first step.

```step
page = "explore"
```

## Second step

Words of the second step.

```step
page = "explore"
link = "z=1,1"
done = "point moved"
```
"""


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A folder of lessons of one's own, and no runs but the shipped ones."""
    found = tmp_path / "lessons"
    found.mkdir()
    (found / "mine.md").write_text(_LESSON)
    (found / "mine.de.md").write_text(_LESSON.replace("Title of it", "Titel"))
    monkeypatch.setenv(settings.LESSONS_VARIABLE, str(found))
    monkeypatch.setenv(settings.RUNS_VARIABLE, str(tmp_path / "runs"))
    lru.clear()
    yield found
    lru.clear()


def opened(page: str, **query: str) -> AppTest:
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    for name, text in query.items():
        at.query_params[name] = text
    at.run()
    return at


def said(at: AppTest) -> str:
    return " ".join(str(one.value) for one in [*at.markdown, *at.warning])


def test_a_lesson_stands_beside_the_page() -> None:
    at = opened("explore", lesson="mine", step="2", run="digits-2d")
    assert not at.exception
    assert "Words of the second step." in said(at)
    assert "mine" in at.query_params["lesson"]
    assert "2" in at.query_params["step"]


@pytest.mark.parametrize(
    "query", [{"lesson": "unknown"}, {"lesson": "../etc"}, {"lesson": "mine", "step": "x"}]
)
def test_a_link_to_no_lesson_is_told_in_a_sentence(query: dict[str, str]) -> None:
    at = opened("explore", run="digits-2d", **query)
    assert not at.exception
    assert "must be" in said(at)


def test_a_broken_lesson_is_told_with_its_line(folder: Path) -> None:
    (folder / "broken.md").write_text(_LESSON.replace("minutes = 5", "minutes = 0"))
    at = opened("explore", lesson="broken", run="digits-2d")
    assert not at.exception
    assert "minutes must be a whole number" in said(at)
    found, broken = shelf.all_lessons()
    assert "mine" in [one.name for one in found]
    assert list(broken) == ["broken.md"]


def test_the_user_s_lessons_stand_before_the_shipped_ones_of_their_name(folder: Path) -> None:
    (folder / "03-turning-beta.md").write_text(_LESSON)
    assert shelf.lesson("03-turning-beta").title == "Title of it"
    assert shelf.lesson("mine", "de").title == "Titel"
    assert shelf.lesson("mine", "fr").title == "Title of it"
    with pytest.raises(UserError, match="a lesson must be one of"):
        shelf.lesson("nothing")


def test_a_folder_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(settings.LESSONS_VARIABLE, str(tmp_path / "nowhere"))
    found, broken = shelf.all_lessons()
    assert len(found) == 10
    assert "must be in a folder" in next(iter(broken.values()))


def test_the_rail_says_the_same_in_each_language() -> None:
    english, german = rail_words.of(""), rail_words.of("de")
    assert english.keys() == german.keys()
    marks = re.compile(r"\{\w+\}")
    assert all(marks.findall(english[name]) == marks.findall(german[name]) for name in english)
    assert rail_words.of("fr") == english


@pytest.mark.parametrize("language", ["", "de"])
def test_the_rail_has_words_for_whatever_a_condition_may_look_up(language: str) -> None:
    words = rail_words.of(language)
    assert all(words[f"name:{name}"] for name in [*NUMBERS, *WORDS, *FLAGS])
    assert all(words[f"happens:{name}"] for name in HAPPENINGS)
    told = {name.partition(":")[2] for name in words if name.startswith("name:")}
    assert told == {*NUMBERS, *WORDS, *FLAGS}


def test_after_a_lesson_comes_the_next_of_the_list(folder: Path) -> None:
    names = [lesson.name for lesson in shelf.all_lessons()[0]]
    found = [shelf.place(name) for name in names]
    assert [one.following.name for one in found if one.following is not None] == names[1:]
    assert found[-1].following is None
    assert [one.number for one in found] == list(range(1, len(names) + 1))
    assert shelf.place("mine", "de").number == len(names)


def test_what_follows_is_in_the_wanted_language_also_after_a_lesson_that_has_none(folder: Path) -> None:
    for name, title in (("a.md", "Alone"), ("b.md", "In English"), ("b.de.md", "Auf Deutsch")):
        (folder / name).write_text(_LESSON.replace("Title of it", title), encoding="utf-8")
    names = [one.name for one in shelf.all_lessons("de")[0]]
    assert names[names.index("a") + 1] == "b"
    following = shelf.place("a", "de").following
    assert following is not None and following.title == "Auf Deutsch"


def test_a_lesson_beyond_those_of_the_list_has_no_number_and_is_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST", 0)
    assert shelf.place("mine") == shelf.Place(None, None)
    at = opened("explore", lesson="mine", run="digits-2d")
    assert not at.exception
    assert any('ll-lesson">Title of it · Step 1 of 2<' in one.proto.body for one in at.get("html"))


def test_what_a_step_names_first_is_what_is_brought_into_sight() -> None:
    names = ("train", "curves")
    first, both = places.selector(names[:1]), places.selector(names)
    assert both.startswith(f"{first}, ")
    assert places.selector(()) == ""


def test_lessons_stand_in_their_order_also_for_who_reads_one_after_the_other(folder: Path) -> None:
    at = page("learn", group="lessons", run="digits-2d")
    assert not at.exception
    started = [str(button.key) for button in at.button if str(button.key).startswith("start-lesson:")]
    assert started == [f"start-lesson:{lesson.name}" for lesson in shelf.all_lessons()[0]]


# The settings of a new run in a link ---------------------------------------------------------------------------------


def test_a_link_says_the_settings_of_a_new_run() -> None:
    config = train_link.NEW.parse("data:digits,beta:20,epochs:150,latent_dim:8,conditional:yes")
    assert config is not None
    assert (config.data.name, config.objective.beta, config.train.epochs) == ("digits", 20, 150)
    assert (config.model.latent_dim, config.model.conditional) == (8, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "beta",
        "beta:0.123",
        "beta:x",
        "epochs:0",
        "latent_dim:-1",
        "hidden:9",
        "data:nothing",
        "conditional:1",
    ],
)
def test_settings_that_no_form_has_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        train_link.NEW.parse(text)


# The shipped lessons -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", LESSONS)
def test_a_shipped_lesson_can_be_shown(file: str) -> None:
    lesson = read_lesson(SHIPPED / file)
    assert 5 <= len(lesson.steps) <= 8
    assert lesson.minutes <= 15
    assert any(step.predict for step in lesson.steps)
    assert all(step.predict.why for step in lesson.steps if step.predict), "say why it comes out so"
    assert sum(step.done is not None for step in lesson.steps) >= 2
    cards = "".join(path.read_text() for path in (REPOSITORY / "dashboard" / "views").rglob("*.py"))
    for step in lesson.steps:
        assert step.page
        for name in step.highlight:
            assert name in CONTROLS or f'"{name}"' in cards, f"{step.title}: {name}"


@pytest.mark.parametrize("file", [name for name in LESSONS if name.count(".") == 1])
def test_a_lesson_begins_on_a_machine_that_has_no_run_yet(file: str, folder: Path) -> None:
    """Its run is shipped, or made in it: the first step's page opens with what it needs."""
    lesson = read_lesson(SHIPPED / file)
    first = lesson.steps[0]
    link = dict(parse_qsl(first.link))
    at = page(first.page, lesson=lesson.name, step="1", **link)
    assert sentences(at) == []
    assert [one.value for one in at.info] == []
    needs = [step.link for step in lesson.steps if "run=" in step.link]
    for text in needs:
        assert (settings.shipped_root() / dict(parse_qsl(text))["run"]).is_dir()
    makes = first.done is not None and "training started" in first.done.names()
    assert makes or needs


@pytest.mark.parametrize("file", LESSONS)
def test_what_a_lesson_tells_to_press_is_called_so_on_the_page(file: str) -> None:
    sources = "".join(
        path.read_text()
        for folder in ("dashboard", "vae")
        for path in (REPOSITORY / folder).rglob("*.[pj][ys]")
    )
    # In each language: the page itself is English, so a translation names what the English lesson names.
    english, lesson = read_lesson(SHIPPED / f"{file.partition('.')[0]}.md"), read_lesson(SHIPPED / file)
    for step, translated in zip(english.steps, lesson.steps, strict=True):
        for name in re.findall(r"\*\*([A-Zβ].+?)\*\*", step.words.replace("\n", " ")):
            assert name in translated.words.replace("\n", " "), f"{step.title}: {name}"
            assert any(f"{quote}{name}" in sources for quote in ('"', "“", '"β, ')), f"{step.title}: {name}"


def test_ten_lessons_are_shipped_and_each_translation_has_the_same_steps() -> None:
    assert len({file.split(".")[0] for file in LESSONS}) == 10
    found, broken = lessons_in(SHIPPED)
    assert (len(found), broken) == (10, {})
    for path in SHIPPED.glob("*.de.md"):
        german, english = read_lesson(path), read_lesson(path.with_name(path.name.replace(".de.", ".")))
        assert german.language == "de"
        assert [(step.page, step.link, step.done) for step in german.steps] == [
            (step.page, step.link, step.done) for step in english.steps
        ]


@pytest.mark.parametrize("file", LESSONS)
def test_a_link_to_train_is_one_that_the_form_takes(file: str) -> None:
    for step in read_lesson(SHIPPED / file).steps:
        for part in filter(None, step.link.split("&")):
            name, _, text = part.partition("=")
            if name == "new":
                assert train_link.NEW.parse(text) is not None
            if name == "run":
                assert (REPOSITORY / "assets" / "models" / text / "config.json").is_file()


def test_the_columns_of_the_answers_are_documented_in_their_order() -> None:
    rail = (REPOSITORY / "vae" / "browser" / "lesson_rail" / "answers.js").read_text()
    header = re.search(r"const rows = \[\[(.+?)\]\]", rail)
    assert header is not None
    columns = re.findall(r'"(\w+)"', header[1])
    table = (REPOSITORY / "docs" / "lessons.md").read_text().split("| column |")[1].split("\n\n")[0]
    documented = [
        name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])
    ]
    assert documented == columns
