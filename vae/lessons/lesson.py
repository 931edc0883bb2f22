"""A lesson: its steps, what is predicted in them, and what completes them."""

from __future__ import annotations

from dataclasses import dataclass

from vae.errors import UserError
from vae.lessons.conditions import Condition


class LessonError(UserError):
    """A lesson that cannot be shown: the line, the rule, what was there and what to do.

    Attributes:
        line: Of the file, from 1.
        sentence: The message without the line.
    """

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"line {line}: {sentence}")
        self.line, self.sentence = line, sentence


@dataclass(frozen=True)
class Choice:
    """One answer to a prediction, and when it turns out to be right."""

    text: str
    when: Condition


@dataclass(frozen=True)
class Prediction:
    """What a student commits to before it is seen.

    Attributes:
        ask: The question.
        choices: Answers to choose from; empty where a number is asked for.
        value: The number of the state that is asked for; empty where there are choices.
        unit: Of that number.
        covers: Names of the cards that would show the answer: they are covered until the student has committed.
        why: Why it came out so, for whoever was right and whoever was not; shown with the outcome.
    """

    ask: str
    choices: tuple[Choice, ...] = ()
    value: str = ""
    unit: str = ""
    covers: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        title: Its heading.
        words: Its text, Markdown.
        page: Where it happens; empty is wherever one is.
        link: Keys of that page's link, as ``beta=0&run=digits-2d``.
        highlight: Names of the cards and controls that it speaks of.
        done: What completes it; None is a press on the button.
        hint: What helps if nothing happens.
        predict: What is predicted first.
        line: Where it begins in the file.
    """

    title: str
    words: str
    page: str = ""
    link: str = ""
    highlight: tuple[str, ...] = ()
    done: Condition | None = None
    hint: str = ""
    predict: Prediction | None = None
    line: int = 1


@dataclass(frozen=True)
class Lesson:
    """A whole lesson.

    Attributes:
        name: Of its file, which links use.
        title: Its heading.
        minutes: That a student takes.
        needs: What must be there, in a sentence.
        about: What one will understand, Markdown.
        steps: In order.
        language: Of its words, as in ``de``; empty for the file without one.
    """

    name: str
    title: str
    minutes: int
    needs: str
    about: str
    steps: tuple[Step, ...]
    language: str = ""

    @property
    def pages(self) -> tuple[str, ...]:
        """The pages that it visits, in order, each once."""
        return tuple(dict.fromkeys(step.page for step in self.steps if step.page))
