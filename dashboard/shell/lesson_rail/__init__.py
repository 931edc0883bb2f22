"""The rail of a lesson, beside any page: a step's words, its prediction, and the condition that completes it.

The link says which lesson is open and where in it one is. Python draws the words; the browser knows the state of the
run and of the page, so it looks up the conditions and keeps progress and answers (`vae/browser/lesson_rail/`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.cache import datasets, models
from dashboard.components import hold, plain, register, take
from dashboard.link import keys, session
from dashboard.shell import navigation, run_picker
from dashboard.shell.lesson_rail import places, shelf
from vae.errors import UserError
from vae.lessons import rail_words
from vae.lessons.lesson import Lesson, Prediction, Step

_KEY = "lesson-rail-part"
_COMPONENT = register(
    "lesson_rail",
    height=60,
    folder=Path(__file__).resolve().parent,
    styles=("lesson_rail/lesson_rail.css",),
)


@dataclass(frozen=True)
class Choice:
    """An answer, and the tree of the condition under which it is right."""

    text: str
    when: Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """What is predicted: one of the choices, or the number of that name."""

    ask: str
    choices: Sequence[Choice]
    value: str
    unit: str
    why: str


@dataclass(frozen=True)
class State:
    """What the browser is told; `state.d.ts` is made of it."""

    lesson: str
    step: int
    steps: int
    title: str
    done: Mapping[str, Any] | None
    hint: str
    predict: Asked | None
    highlight: str
    sought: str
    cover: str
    run: str
    at: str
    is_shipped: bool
    known: Mapping[str, Any]
    opens: str
    can_repeat: bool
    follows: str
    words: Mapping[str, str]


def is_open() -> bool:
    """Whether the link asks for a lesson."""
    return bool(session.read(keys.LESSON, ""))


def draw(page: str) -> None:
    """Draw the rail, if the link asks for one, and do what was pressed in it.

    Args:
        page: The address of the page that it stands beside.
    """
    name, language = session.read(keys.LESSON, ""), session.read(keys.LANGUAGE, "")
    if not name:
        _forget()
        return
    try:
        lesson = shelf.lesson(name, language)
    except UserError as error:
        session.notice(str(error))
        _forget()
        return
    number = min(session.read(keys.STEP, 1), len(lesson.steps))
    session.write(keys.LESSON, name)
    session.write(keys.STEP, number)
    session.keep(keys.LANGUAGE, language or None)
    step = lesson.steps[number - 1]
    said_words = rail_words.of(lesson.language)
    with st.container(key="lesson-rail"):
        at = shelf.place(name, language)
        head = [lesson.title, said_words["step"].format(step=number, steps=len(lesson.steps))]
        head = head if at.number is None else [str(at.number), *head]
        st.html(
            f'<p class="ll-lesson">{escape(" · ".join(head))}</p>'
            f'<h2 class="ll-step">{escape(step.title)}</h2>'
        )
        st.markdown(step.words)
        state = _state(lesson, number, page, said_words, at.following)
        result = _COMPONENT(key=_KEY, data=plain(state), on_said_change=hold(_KEY, "said"))
        said = take(result, _KEY, "said")
    if said == "leave":
        _forget()
        st.rerun()
    if said == "follow" and at.following is not None:
        begin(at.following, 1, page)
    if type(said) is int and 1 <= said <= len(lesson.steps):
        begin(lesson, said, page)


def begin(lesson: Lesson, number: int, page: str) -> None:
    """Go to a step: to its page, with its link.

    Args:
        lesson: The lesson.
        number: Of the step, from 1.
        page: Where one is now.
    """
    step = lesson.steps[number - 1]
    # The first step that names a page opens it; a step without one happens where one is.
    target = step.page or page
    query = {**_query(step), keys.LESSON.name: lesson.name, keys.STEP.name: str(number)}
    if lesson.language:
        query[keys.LANGUAGE.name] = lesson.language
    for key in (keys.HIDE, keys.LOCK):  # of this step alone
        session.forget(key)
    if target == page:
        session.follow(query)
        st.rerun()
    kept = session.link()
    if query.get(keys.RUN, session.run_id()) != session.run_id():
        kept = {name: text for name, text in kept.items() if name not in keys.OF_A_RUN}
    navigation.go_to(target, {**kept, **query})


def _query(step: Step) -> dict[str, str]:
    from urllib.parse import unquote

    pairs = (part.partition("=") for part in step.link.split("&") if part)
    return {name: unquote(text) for name, _, text in pairs}


def _forget() -> None:
    session.forget(keys.LESSON)
    session.forget(keys.STEP)
    session.forget(keys.LANGUAGE)


def _state(
    lesson: Lesson, number: int, page: str, said: Mapping[str, str], following: Lesson | None
) -> State:
    step, run = lesson.steps[number - 1], run_picker.chosen()
    known: dict[str, Any] = {"page": page}
    if run is not None:
        found, _ = run_picker.all_runs()
        model = run.config.model
        known |= {
            "run": run.id,
            "latent_dim": model.latent_dim,
            "num_classes": run.info.num_classes,
            "epochs": run.config.train.epochs,
            "likelihood": model.likelihood,
            "network": model.network,
            "data": run.config.data.name,
            "conditional": model.conditional,
            "has_snapshots": bool(run.snapshots()),
            "has_images": not datasets.missing_images(run),
            "num_runs": sum(not run_picker.is_shipped(one) for one in found),
        }
    elsewhere = step.page and step.page != page
    title = navigation.title_of(step.page) if elsewhere else ""
    return State(
        lesson=lesson.name,
        step=number,
        steps=len(lesson.steps),
        title=step.title,
        done=None if step.done is None else step.done.to_json(),
        hint=step.hint,
        predict=None if step.predict is None else _asked(step.predict),
        highlight="" if elsewhere else places.selector(step.highlight),
        sought="" if elsewhere else places.selector(step.highlight[:1]),
        cover="" if elsewhere or step.predict is None else places.selector(step.predict.covers),
        run="" if run is None else run.id,
        at="last" if run is not None and models.stamp(run, "last") else "best",
        is_shipped=run is not None and run_picker.is_shipped(run),
        known=known,
        opens=title,
        can_repeat=bool(step.link),
        follows="" if following is None else following.title,
        words=said,
    )


def _asked(predict: Prediction) -> Asked:
    choices = [Choice(choice.text, choice.when.to_json()) for choice in predict.choices]
    return Asked(predict.ask, choices, predict.value, predict.unit, predict.why)
