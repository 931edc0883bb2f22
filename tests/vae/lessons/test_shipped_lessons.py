"""Each step of the ten lessons: not complete when it opens, complete once it was done, and no answer given away."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.lesson_walks import WALKS, walk
from vae.lessons.conditions import NUMBERS, Condition
from vae.lessons.files import read_lesson
from vae.lessons.lesson import Lesson, Step

SHIPPED = Path(__file__).resolve().parents[3] / "assets" / "lessons"
FILES = sorted(SHIPPED.glob("[0-9]*.md"))
#: Steps in which one reads and looks, and says oneself when one is done: by lesson, their numbers.
READING = {"01-holes": [6], "03-turning-beta": [3, 6], "07-dying-dimensions": [3], "10-your-own-model": [5]}
#: Steps in which one predicts and then sees.
SEEING = {"04-reparameterisation": [4], "09-style-and-class": [4], "10-your-own-model": [3]}
#: Cards that show what a prediction may ask for, by page: an answer that is in sight is none.
SHOWING: dict[str, dict[str, set[str]]] = {
    "train": {"curves": {"kl", "reconstruction", "elbo", "active_units"}, "images": {"kl", "active_units"}},
    "collapse": {"verdict": {"verdict", "active_units"}, "diagnosis": {"verdict", "active_units"}},
    "evaluate": {"posterior": {"gap"}},
    "generate": {"gap": {"prior_gap"}},
}
#: The same for chapters of Learn.
OF_CHAPTER = {
    "pipeline": {"pipeline": {"image_reconstruction", "image_kl", "image_sigma"}},
    "reparameterisation": {"words": {"variance_ratio"}, "chart": {"variance_ratio"}},
    "conditional": {"words": {"class_cost"}, "chart": {"class_cost"}},
    "identity": {"words": {"gap"}, "chart": {"gap"}},
}


def lesson_of(path: Path) -> Lesson:
    name, _, language = path.stem.partition(".")
    found = read_lesson(path)
    assert (found.name, found.language) == (name, language)
    return found


def test_each_lesson_is_walked_and_each_step_is_of_one_kind() -> None:
    assert {path.stem.partition(".")[0] for path in FILES} == set(WALKS)
    for path in FILES:
        lesson = lesson_of(path)
        steps = dict(enumerate(lesson.steps, 1))
        reads = [k for k, step in steps.items() if step.done is None and step.predict is None]
        sees = [k for k, step in steps.items() if step.done is None and step.predict is not None]
        assert (reads, sees) == (READING.get(lesson.name, []), SEEING.get(lesson.name, []))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_step_is_complete_when_it_opens_and_each_is_once_it_was_done(path: Path) -> None:
    for number, step, opens, after, happened in walk(lesson_of(path)):
        if step.done is None:
            continue
        where = f"step {number}, {step.title}"
        assert not step.done.holds(opens), f"{where}: complete when it opens"
        assert step.done.holds(after, happened), f"{where}: not complete after it was done"
        if any(" " in name for name in step.done.names()):
            assert not step.done.holds(after), f"{where}: complete without an act"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_came_of_each_prediction_is_known_once_its_step_is_done(path: Path) -> None:
    for number, step, _, after, happened in walk(lesson_of(path)):
        if step.predict is None:
            continue
        if step.predict.value:
            assert isinstance(after.get(step.predict.value), float | int), f"step {number}"
        else:
            holding = [one for one in step.predict.choices if one.when.holds(after, happened)]
            assert len(holding) == 1, f"step {number}, {step.title}: {[one.text for one in holding]}"


def leaves(tree: Condition) -> Iterator[Condition]:
    if tree.parts:
        for part in tree.parts:
            yield from leaves(part)
    else:
        yield tree


def possible(trees: list[Condition]) -> Iterator[tuple[dict[str, Any], set[str]]]:
    """States on both sides of everything that the conditions look at."""
    values: dict[str, set[Any]] = {}
    happenings: set[str] = set()
    for one in itertools.chain.from_iterable(map(leaves, trees)):
        match one.kind:
            case "happening":
                happenings.add(one.name)
            case "flag":
                values.setdefault(one.name, set()).update({True, False})
            case _ if one.other:
                for name in (one.name, one.other):
                    values.setdefault(name, set()).update({0.0, 1.0})
            case _ if one.name in NUMBERS:
                value = float(one.value)
                values.setdefault(one.name, set()).update({value - 1, value, value + 1, value + 0.001})
            case _:
                values.setdefault(one.name, set()).update({one.value, "another"})
    for state in itertools.product(*values.values()):
        for num in range(len(happenings) + 1):
            for happened in itertools.combinations(sorted(happenings), num):
                yield dict(zip(values, state, strict=True)), set(happened)


def predictions() -> Iterator[Any]:
    for path in FILES:
        for number, step in enumerate(lesson_of(path).steps, 1):
            if step.predict is not None:
                yield pytest.param(step, id=f"{path.stem} {number}")


def asked(step: Step) -> list[Condition]:
    assert step.predict is not None
    if step.predict.value:
        # Two answers to a number: nothing, and a good deal.
        low, high = (Condition("compare", step.predict.value, sign, 0.5) for sign in ("<", ">="))
        return [low, high]
    return [choice.when for choice in step.predict.choices]


@pytest.mark.parametrize("step", list(predictions()))
def test_a_step_can_be_completed_with_each_answer_and_none_is_fixed_by_its_address(step: Step) -> None:
    answers = asked(step)
    trees = [*answers, *([step.done] if step.done else [])]
    found = {
        number
        for state, happened in possible(trees)
        if step.done is None or step.done.holds(state, happened)
        for number, answer in enumerate(answers)
        if answer.holds(state, happened)
    }
    assert found == set(range(len(answers))), "some answer can never come true"
    fixed = {"page", "run", "conditional", "latent_dim", "data", "likelihood", "network"}
    for answer in answers:
        assert not answer.names() & fixed, "the step's own link decides the answer"


@pytest.mark.parametrize("step", list(predictions()))
def test_nothing_on_the_page_tells_the_answer_before_it_is_predicted(step: Step) -> None:
    assert step.predict is not None
    wanted = set().union(*(answer.names() for answer in asked(step)))
    cards = dict(SHOWING.get(step.page, {}))
    for part in step.link.split("&"):
        if part.startswith("chapter="):
            cards |= OF_CHAPTER.get(part.removeprefix("chapter="), {})
    if "beta changed" in (step.done.names() if step.done else ()) or "tab=recipes" in step.link:
        return  # the curves are watched while β is turned; recipes show no run
    showing = {card for card, numbers in cards.items() if wanted & numbers}
    assert showing <= set(step.predict.covers)


def test_the_rules_find_what_was_wrong_once() -> None:
    """A prediction that the step's own page decides, and one that its own condition decides."""
    from vae.lessons.conditions import parse_condition

    by_page = parse_condition('page == "learn"')
    assert by_page.names() & {"page"}
    done, yes, no = map(parse_condition, ("beta changed and kl > 1", "kl > 1", "kl <= 1"))
    came = {
        answer
        for state, happened in possible([done, yes, no])
        if done.holds(state, happened)
        for answer, when in ((1, yes), (0, no))
        if when.holds(state, happened)
    }
    assert came == {1}
