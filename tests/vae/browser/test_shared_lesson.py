"""Lessons on a shared site: which can be there, what the page is told of them, and what a refusal says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vae.browser.shared_lesson import SharedPlace, check_lessons, find_lesson, names_of, site_lesson
from vae.errors import UserError
from vae.lessons.files import lessons_in, shipped_lessons
from vae.lessons.lesson import Lesson
from vae.lessons.parsing import parse_lesson

#: Of the shipped lessons, those that a site of all shipped runs can show.
RUNS = ("digits-2d", "digits-conditional", "mnist-2d", "mnist-16d", "mnist-conditional")
ON_A_SITE = {"08-prior-and-aggregate"}


def made(block: str, words: str = "Words.", name: str = "own") -> Lesson:
    return parse_lesson(
        f'+++\ntitle = "Own"\nminutes = 5\n+++\n\nAbout.\n\n## One\n\n{words}\n\n```step\n{block}\n```\n',
        name,
    )


def place(slug: str = "digits", **more: object) -> SharedPlace:
    known = {"kl": 2.5, "reconstruction": 20.0, "latent_dim": 2, "conditional": False, "prior_gap": 0.19}
    told = {"known": known, "views": frozenset({"explore", "map", "generate", "diagnosis"}), "has_time": True}
    return SharedPlace(slug, **(told | more))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [lesson.name for lesson in lessons_in(shipped_lessons())[0]])
def test_each_shipped_lesson_runs_there_or_is_refused_with_its_step(name: str) -> None:
    lesson = find_lesson(name)
    if name in ON_A_SITE:
        return check_lessons([lesson], RUNS)
    with pytest.raises(UserError) as refused:
        check_lessons([lesson], RUNS)
    said = str(refused.value)
    assert re.search(
        r"must (need no training|stay on Explore, Map, Generate and Collapse), got step \d+", said
    )
    assert name in said and len(said) <= 400


def test_the_page_is_told_what_the_file_says() -> None:
    told = site_lesson(find_lesson("08-prior-and-aggregate"), {"digits-2d": place()})
    assert told["title"] == "The prior and where samples go wrong" and told["minutes"] == 10
    steps = told["steps"]
    assert [step["view"] for step in steps] == ["map", "generate", "generate", "explore", "map"]
    assert {step["run"] for step in steps} == {"digits"}
    assert [step["place"].get("mode") for step in steps[1:3]] == ["samples", "compare"]
    assert steps[3]["place"] == {"range": "prior"}
    assert steps[1]["done"] == {"kind": "happening", "name": "samples drawn"}
    assert [choice["text"] for choice in steps[2]["predict"]["choices"]][1] == "From 0.1 to 1 nat"
    assert told["words"]["next"] == "Next"


def test_a_german_lesson_has_german_words() -> None:
    lesson = made('page = "explore"\ndone = "point moved"')
    german = site_lesson(
        Lesson(**{**vars(lesson), "language": "de"}),
        {"a": place()},
    )
    assert german["words"]["next"] == "Weiter" and german["name"] == "own.de"


def test_a_condition_on_the_run_speaks_of_it_as_the_site_does() -> None:
    lesson = made('link = "run=secret-b"\ndone = \'run == "secret-b" or run == "secret-gone"\'')
    told = site_lesson(lesson, {"secret-a": place("a"), "secret-b": place("b")})
    assert told["steps"][0]["run"] == "b"
    assert [part["value"] for part in told["steps"][0]["done"]["parts"]] == ["b", ""]
    assert "secret" not in repr(told)


def test_the_maps_view_goes_along() -> None:
    lesson = made('page = "map"\nlink = "colour=rate&layers=contours,names&opacity=0.5&hide=map.lasso"')
    assert site_lesson(lesson, {"a": place()})["steps"][0]["place"] == {
        "map": {"colour": "rate", "layers": ["contours", "names"], "opacity": 0.5},
        "hide": "map.lasso",
    }


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        ('page = "explore"\ndone = "training started and epoch >= 3"', "need no training, got step 1 of the"),
        ('done = "beta changed"', "need no training"),
        ('done = "not training"', "need no training"),
        ('page = "train"\nlink = "new=data:digits"', "need no training"),
        ('page = "collapse"\nlink = "tab=recipes"', "need no training"),
        ('page = "collapse"\ndone = "remedy tried"', "need no training"),
        ('page = "learn"', "which opens Learn"),
        ('page = "train"', "which opens Train"),
        ('page = "evaluate"\ndone = "image chosen"', "which opens Evaluate"),
        ('done = "chapter opened"', "which opens Learn"),
        ('page = "generate"\nlink = "mode=leak"', "got mode=leak"),
        ('page = "generate"\nlink = "seed=3"', "got seed=3"),
        ('page = "map"\nlink = "part=train"', "got part=train"),
        ('link = "run=not-shared"', "got 'not-shared' in step 1"),
    ],
)
def test_what_a_site_has_not_is_refused_at_once(block: str, sentence: str) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)) as refused:
        check_lessons([made(block)], ["digits-2d"])
    assert "(One)" in str(refused.value) and len(str(refused.value)) <= 400


@pytest.mark.parametrize(
    ("block", "lacking", "sentence"),
    [
        ('page = "map"', {"views": frozenset({"explore", "generate"})}, "without a map"),
        ('page = "collapse"', {"views": frozenset({"explore", "map", "generate"})}, "without a diagnosis"),
        ('done = "time moved"', {"has_time": False}, "without snapshots"),
        ('done = "class chosen"', {}, "takes no class"),
        ('done = "image chosen"', {"views": frozenset({"explore", "generate"})}, "without test images"),
        ('page = "generate"\nlink = "mode=styles"', {"modes": frozenset({"samples"})}, "the mode styles"),
        ('done = "active_units > 1"', {}, "without the number active_units"),
        ('done = "kl > 1 and elbo < 3"', {}, "without the number elbo"),
    ],
)
def test_a_run_that_cannot_complete_a_step_is_refused(
    block: str, lacking: dict[str, object], sentence: str
) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)) as refused:
        site_lesson(made(block), {"a": place(**lacking)})
    assert len(str(refused.value)) <= 400


def test_lessons_are_found_by_file_or_name(tmp_path: Path) -> None:
    assert find_lesson("08-prior-and-aggregate").name == "08-prior-and-aggregate"
    assert find_lesson("03-turning-beta.de").language == "de"
    own = tmp_path / "mine.md"
    own.write_text('+++\ntitle = "Mine"\nminutes = 5\n+++\n\n## One\n\nWords.\n')
    assert find_lesson(str(own)).title == "Mine"
    with pytest.raises(UserError, match=r"one of 01-holes, .*, got 'nothing'"):
        find_lesson("nothing")
    with pytest.raises(UserError, match="cannot read the lesson"):
        find_lesson(str(tmp_path / "gone.md"))


def test_a_lesson_comes_once() -> None:
    lesson = made('page = "explore"')
    with pytest.raises(UserError, match="each another lesson, got own, own"):
        check_lessons([lesson, lesson], ["a"])
    with pytest.raises(UserError, match="at most 20 times"):
        check_lessons([made('page = "explore"', name=f"l{k}") for k in range(21)], ["a"])


def test_names_are_those_of_conditions_and_predictions() -> None:
    lesson = made(
        'done = "kl < 1 and point moved"\n[predict]\nask = "How many?"\nvalue = "active_units"', "Look."
    )
    assert names_of(lesson) == {"kl", "point moved", "active_units"}
