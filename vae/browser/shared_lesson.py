"""A lesson on a shared site: its steps as plain data, where none of them needs more than a site has.

The file is read by the one parser of lessons (`vae.lessons`), and its conditions stay the trees that the rail looks up.
A site neither trains nor has the pages Learn, Train, Evaluate, Compare and Runs: a lesson that needs one of these is
refused with the step that does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from vae.errors import UserError
from vae.lessons import rail_words
from vae.lessons.conditions import NUMBERS, Condition
from vae.lessons.files import read_lesson, shipped_lessons
from vae.lessons.lesson import Lesson, Step
from vae.lessons.markdown_tree import markdown_tree

__all__ = ["SharedPlace", "check_lessons", "find_lesson", "names_of", "site_lesson"]

#: Views of a site, by the page of the app that each stands for.
VIEWS = {"explore": "explore", "map": "map", "generate": "generate", "collapse": "diagnosis"}
_TITLES = {"learn": "Learn", "train": "Train", "evaluate": "Evaluate", "compare": "Compare", "runs": "Runs"}
#: What only happens where something trains; and on a page that a site has not.
_TRAINS = {"training started", "training paused", "beta changed", "remedy tried", "training"}
_ELSEWHERE = {"chapter opened": "Learn"}
#: Keys of the app's links that a site's link has too, by the site's word.
_KEYS = {
    "z": "z", "y": "y", "mix": "mix", "range": "range", "at": "step", "panel": "tab", "drawing": "drawing",
    "image": "row", "mode": "mode", "hide": "hide", "lock": "lock",
}  # fmt: skip
#: Those of the map's view.
_OF_THE_MAP = ("colour", "layers", "tiles", "opacity")
#: Keys with the value that a site has by itself.
_USUAL = {("part", "test"), ("tab", "run"), ("projection", "pca"), ("map", "off")}
_MODES = ("samples", "compare", "styles")
#: Lessons of a site, at most.
MOST_LESSONS = 20


@dataclass(frozen=True)
class SharedPlace:
    """What a lesson is told of a run on the site.

    Attributes:
        slug: Its name in the site's addresses.
        known: Numbers, words and flags of its state, by the names that conditions use.
        views: The views that it has there.
        has_time: Whether its time machine has two snapshots at least.
        modes: What its view Generate shows.
        num_classes: Conditions to choose from; 0 for a model that takes none.
    """

    slug: str
    known: Mapping[str, float | str | bool]
    views: frozenset[str]
    has_time: bool
    modes: frozenset[str] = field(default_factory=lambda: frozenset(_MODES))
    num_classes: int = 0


def find_lesson(words: str) -> Lesson:
    """A lesson by its file, or by the name of one that comes with Latent Lab.

    Raises:
        UserError: If there is neither, or what is wrong with the file, with its line.
    """
    if words.endswith(".md") or "/" in words:
        return read_lesson(Path(words))
    shipped = shipped_lessons()
    path = shipped / f"{words}.md"
    if not path.is_file():
        names = ", ".join(sorted(one.stem for one in shipped.glob("[0-9]*.md") if "." not in one.stem))
        raise UserError(f"--lesson must be a file that ends in .md or one of {names}, got {words!r}")
    return read_lesson(path)


def check_lessons(lessons: Sequence[Lesson], runs: Sequence[str]) -> None:
    """See at once whether lessons fit a site, before anything of a run is worked out.

    Args:
        lessons: The lessons.
        runs: Ids of the runs that are shared.

    Raises:
        UserError: If a step needs training, a page or a run that the site has not, or two lessons have one name.
    """
    names = [(lesson.name, lesson.language) for lesson in lessons]
    if len(set(names)) < len(names) or len(names) > MOST_LESSONS:
        raise UserError(
            f"--lesson must be given at most {MOST_LESSONS} times, each another lesson, got "
            f"{', '.join(name for name, _ in names[:30])}; leave one out"
        )
    for lesson in lessons:
        for step, where in _places(lesson):
            _check_training(step, _pairs(step), where)
        for step, where in _places(lesson):
            link = _pairs(step)
            _check_page(step, link, where)
            _check_run(link, runs, where)


def names_of(lesson: Lesson) -> set[str]:
    """All numbers, words, flags and happenings that its conditions and predictions look up."""
    return {name for step in lesson.steps for name in _names(step)}


def _places(lesson: Lesson) -> list[tuple[Step, str]]:
    """Its steps, each with what a sentence calls it."""
    return [
        (step, f"step {number} of the lesson {lesson.name} ({step.title})")
        for number, step in enumerate(lesson.steps, start=1)
    ]


def site_lesson(lesson: Lesson, runs: Mapping[str, SharedPlace]) -> dict[str, Any]:
    """What the page is told of a lesson.

    Args:
        lesson: The lesson.
        runs: Those on the site by the ids that links name, in order: a step that names none happens on the first, or
            where the step before it was.

    Raises:
        UserError: If a step needs what the site has not.
    """
    run = next(iter(runs))
    steps = []
    for step, where in _places(lesson):
        link = _pairs(step)
        _check_training(step, link, where)
        _check_page(step, link, where)
        _check_run(link, list(runs), where)
        run = link.pop("run", run)
        _check_state(step, link, runs[run], where)
        steps.append(_told(step, link, runs, run))
    return {
        "name": lesson.name if not lesson.language else f"{lesson.name}.{lesson.language}",
        "title": lesson.title,
        "minutes": lesson.minutes,
        "needs": lesson.needs,
        "about": markdown_tree(lesson.about),
        "words": rail_words.of(lesson.language),
        "language": lesson.language,
        "steps": steps,
    }


def _pairs(step: Step) -> dict[str, str]:
    parts = (part.partition("=") for part in step.link.split("&") if part)
    return {name: unquote(text) for name, _, text in parts}


def _conditions(step: Step) -> list[Condition]:
    asked = [] if step.predict is None else [choice.when for choice in step.predict.choices]
    return asked if step.done is None else [step.done, *asked]


def _names(step: Step) -> set[str]:
    value = {step.predict.value} if step.predict is not None and step.predict.value else set()
    return value.union(*(condition.names() for condition in _conditions(step)))


def _check_training(step: Step, link: Mapping[str, str], where: str) -> None:
    done = set() if step.done is None else step.done.names()
    if "new" in link or done & _TRAINS or link.get("tab") == "recipes":
        raise UserError(
            f"a lesson on a site must need no training, got {where}, which trains; show it with vae dashboard"
        )


def _check_page(step: Step, link: Mapping[str, str], where: str) -> None:
    """A step may not open what a site has not."""
    done = set() if step.done is None else step.done.names()
    page = _TITLES.get(step.page) or next((_ELSEWHERE[name] for name in sorted(done & set(_ELSEWHERE))), "")
    if page:
        raise UserError(
            f"a lesson on a site must stay on Explore, Map, Generate and Collapse, got {where}, which opens {page}; "
            "show it with vae dashboard"
        )
    for name, text in link.items():
        known = name == "run" or name in _KEYS or name in _OF_THE_MAP or (name, text) in _USUAL
        if not known or (name == "mode" and text not in _MODES):
            raise UserError(
                f"a link of a lesson on a site must have keys that a site has, got {name}={text[:30]} in {where}; "
                "leave it out, or show the lesson with vae dashboard"
            )


def _check_run(link: Mapping[str, str], runs: Sequence[str], where: str) -> None:
    if "run" in link and link["run"] not in runs:
        raise UserError(
            f"a lesson on a site must speak of runs that are shared, got {link['run'][:60]!r} in {where}; share that "
            "run too"
        )


#: Numbers that the site's own parts tell.
_SHOWN = {"radius", "nearest"}


def _check_state(step: Step, link: Mapping[str, str], run: SharedPlace, where: str) -> None:
    """What completes a step must be able to happen with the run."""
    lacks = ""
    names = set() if step.done is None else step.done.names()
    view = VIEWS.get(step.page, "")
    if view and view not in run.views:
        lacks = {"map": "a map", "diagnosis": "a diagnosis"}.get(view, view)
    elif "time moved" in names and not run.has_time:
        lacks = "snapshots for the time machine"
    elif "class chosen" in names and not run.num_classes:
        lacks = "a condition, for its model takes no class"
    elif "image chosen" in names and "map" not in run.views:
        lacks = "test images"
    elif link.get("mode", "samples") not in run.modes:
        lacks = f"the mode {link['mode']} of Generate"
    else:
        shown = _SHOWN | ({"prior_gap"} if "compare" in run.modes else set())
        unknown = sorted(name for name in _names(step) & set(NUMBERS) - shown if name not in run.known)
        lacks = f"the number {unknown[0]}" if unknown else ""
    if lacks:
        raise UserError(
            f"a lesson on a site must have what its steps need, got {where} and a run without {lacks}; share a run "
            "that has it"
        )


def _told(step: Step, link: dict[str, str], runs: Mapping[str, SharedPlace], run: str) -> dict[str, Any]:
    place: dict[str, Any] = {_KEYS[name]: text for name, text in link.items() if name in _KEYS}
    view = {name: _value(name, text) for name, text in link.items() if name in _OF_THE_MAP}
    if view:
        place["map"] = view
    if step.page == "generate" and "y" in place:
        place["label"] = place.pop("y")
    slugs = {name: one.slug for name, one in runs.items()}
    predict = step.predict
    return {
        "title": step.title,
        "words": markdown_tree(step.words),
        "view": VIEWS.get(step.page, ""),
        "run": runs[run].slug if "run" in _pairs(step) else "",
        "place": place,
        "highlight": list(step.highlight),
        "done": None if step.done is None else _tree(step.done, slugs),
        "hint": step.hint,
        "predict": None
        if predict is None
        else {
            "ask": predict.ask,
            "choices": [
                {"text": choice.text, "when": _tree(choice.when, slugs)} for choice in predict.choices
            ],
            "value": predict.value,
            "unit": predict.unit,
            "covers": list(predict.covers),
            "why": predict.why,
        },
    }


def _value(name: str, text: str) -> Any:
    """What the map's state has for a key of a link; a number that is none is as if it were not said."""
    if name == "layers":
        return [] if text == "none" else text.split(",")
    if name != "opacity":
        return text
    try:
        return min(1.0, max(0.05, float(text)))
    except ValueError:
        return 1.0


def _tree(condition: Condition, slugs: Mapping[str, str]) -> dict[str, Any]:
    """The condition's tree; a run that it names is called as on the site, and one that is not there is none."""
    told = condition.to_json()
    if "parts" in told:
        return {**told, "parts": [_tree(part, slugs) for part in condition.parts]}
    if told.get("name") == "run":
        return {**told, "value": slugs.get(str(told["value"]), "")}
    return told
