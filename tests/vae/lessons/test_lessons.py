"""Files of lessons: what they say, and thirty that are broken, each told in one sentence with its line."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from vae.errors import UserError
from vae.lessons.conditions import FLAGS, HAPPENINGS, NUMBERS, WORDS
from vae.lessons.files import lessons_in, read_lesson
from vae.lessons.lesson import LessonError
from vae.lessons.parsing import parse_lesson

HEAD = '+++\ntitle = "Turning β"\nminutes = 12\nneeds = "The digits."\n+++\n\nWhat it is about.\n'
GOOD = (
    HEAD
    + """
## Train

Press **Train**: $\\beta\\,\\mathrm{KL}$, and 3 < 4.

```step
page = "train"
link = "beta=1&data=digits"
highlight = ["train", "curves"]
done = "epoch >= 3 and kl > 0.5"
hint = "At the top."

[predict]
ask = "Where will the KL be?"
choices = [
  { text = "Near 0", when = "kl < 0.5" },
  { text = "Above", when = "kl >= 0.5" },
]
```

More words.

## Think

Nothing to do.

## Guess

```python
# a heading of no step
```

```step
[predict]
ask = "How much?"
value = "kl"
unit = "nats"
why = "The price decides."
```
"""
)


def test_a_lesson_is_read_whole() -> None:
    lesson = parse_lesson(GOOD, "turning-beta", "de")
    assert (lesson.name, lesson.language, lesson.title, lesson.minutes) == (
        "turning-beta",
        "de",
        "Turning β",
        12,
    )
    assert (lesson.needs, lesson.about) == ("The digits.", "What it is about.")
    train, think, guess = lesson.steps
    assert (train.title, train.page, train.link) == ("Train", "train", "beta=1&data=digits")
    assert train.words == "Press **Train**: $\\beta\\,\\mathrm{KL}$, and 3 < 4.\n\n\nMore words."
    assert (train.highlight, train.hint, train.line) == (("train", "curves"), "At the top.", 9)
    assert train.done is not None
    assert train.done.holds({"epoch": 3, "kl": 1.0})
    assert train.predict is not None
    assert [choice.text for choice in train.predict.choices if choice.when.holds({"kl": 0.1})] == ["Near 0"]
    assert (think.done, think.predict, think.page) == (None, None, "")
    assert guess.predict is not None
    assert (guess.predict.value, guess.predict.unit, guess.predict.why) == (
        "kl",
        "nats",
        "The price decides.",
    )
    assert train.predict.why == ""
    assert lesson.pages == ("train",)


def test_line_ends_of_windows_are_the_same() -> None:
    assert parse_lesson(GOOD.replace("\n", "\r\n")).steps == parse_lesson(GOOD).steps


def step(settings: str, words: str = "Words.") -> str:
    """A lesson of one step, whose block begins on line 12."""
    return f"{HEAD}\n## One\n\n{words}\n\n```step\n{settings}\n```\n"


CHOICES = '[predict]\nask = "?"\nchoices = '
BROKEN: dict[str, tuple[str, int, str]] = {
    "empty": ("", 1, "must begin with a line \\+\\+\\+"),
    "no front matter": ("# Title\n\nwords", 1, "must begin with a line \\+\\+\\+"),
    "front matter of YAML": ("---\ntitle: a\n---\n", 1, "must begin with a line \\+\\+\\+"),
    "front matter without end": ('+++\ntitle = "a"\nminutes = 3\n', 1, "must end with a second line"),
    "front matter that is no TOML": ("+++\ntitle: a\n+++\n", 2, "settings must be written as"),
    "a later line that is no TOML": ('+++\ntitle = "a"\nminutes = \n+++\n', 3, "settings must be written as"),
    "no title": ("+++\nminutes = 3\n+++\n\n## A\n\nw\n", 1, "title must be given"),
    "a title that is a number": ("+++\ntitle = 3\nminutes = 3\n+++\n\n## A\n\nw\n", 1, "title must be text"),
    "an empty title": ('+++\ntitle = " "\nminutes = 3\n+++\n\n## A\n\nw\n', 1, "title must be text of 1"),
    "no minutes": ('+++\ntitle = "a"\n+++\n\n## A\n\nw\n', 1, "minutes must be a whole number"),
    "minutes as text": ('+++\ntitle = "a"\nminutes = "3"\n+++\n\n## A\n\nw\n', 1, "minutes must be a whole"),
    "minutes that are true": (
        '+++\ntitle = "a"\nminutes = true\n+++\n\n## A\n\nw\n',
        1,
        "minutes must be a whole",
    ),
    "a setting that is none": (
        '+++\ntitle = "a"\nminute = 3\n+++\n',
        1,
        "settings must be title, .* got 'minute'",
    ),
    "no steps": (HEAD, 6, "must have 1 to 20 steps, got 0"),
    "too many steps": (HEAD + "\n## A\n\nw\n" * 21, 6, "must have 1 to 20 steps, got 21"),
    "a heading of the first order": (HEAD + "\n# One\n\nw\n", 9, "must begin with ## and its title"),
    "a step without title": (HEAD + "\n## \n\nw\n", 9, "title must have 1 to 80 letters, got 0"),
    "a step without words": (HEAD + "\n## One\n\n## Two\n\nw\n", 9, "must have words, got none"),
    "a block without end": (HEAD + '\n## One\n\nw\n\n```step\npage = "map"\n', 9, "must end with ```"),
    "two blocks": (step("") + "```step\n```\n", 16, "one block ```step, got two"),
    "a block that is no TOML": (step('page = "map"\ndone epoch'), 15, "settings must be written as"),
    "an unknown setting": (step('pages = "map"'), 13, "settings must be page, .* got 'pages'"),
    "an unknown page": (step('page = "maps"'), 13, "page must be one of learn, train"),
    "an address for a link": (step('link = "https://example.org/?a=1"'), 13, "link must be keys"),
    "a link with a script": (step('link = "a=<script>"'), 13, "link must be keys"),
    "a broken condition": (step('done = "kl < low"'), 13, "must be compared with a number, got 'low'"),
    "code for a condition": (
        step("done = \"__import__('os').system('id')\""),
        13,
        "a condition must be|a name must be",
    ),
    "a verdict that is none": (step("done = 'verdict == \"ill\"'"), 13, "'verdict' must be one of healthy"),
    "a condition that is a number": (step("done = 3"), 13, "a condition must be text"),
    "highlight of a selector": (step('highlight = ["div > p"]'), 13, "highlight must be at most 8 names"),
    "highlight of too much": (step(f"highlight = {['a'] * 9}"), 13, "highlight must be at most 8 names"),
    "predict as text": (step('predict = "kl"'), 13, "predict must be a table"),
    "predict without question": (step('[predict]\nvalue = "kl"'), 13, "ask must be given"),
    "predict without answers": (step('[predict]\nask = "?"'), 13, "choices, or the value"),
    "one choice": (step(CHOICES + '[{ text = "a", when = "kl < 1" }]'), 13, "choices must be 2 to 6"),
    "choices without conditions": (
        step(CHOICES + '[{ text = "a" }, { text = "b" }]'),
        13,
        "a condition must be text",
    ),
    "a value that is none": (step('[predict]\nask = "?"\nvalue = "loss"'), 13, "value must be one of kl"),
    "HTML": (step("", "Look:\n<img src=x onerror=alert(1)>"), 12, "Markdown without HTML"),
    "a picture from elsewhere": (step("", "![a](https://example.org/a.png)"), 11, "no images"),
    "HTML over two lines": (step("", "Look:\n<img\nsrc=x onerror=alert(1)>"), 12, "Markdown without HTML"),
    "a comment of HTML": (step("", "Look <!-- and\nhide --> here."), 11, "Markdown without HTML"),
    "an image by reference": (step("", "![a]\n\n[a]: https://example.org/a.png"), 11, "no images"),
    "an image over two lines": (step("", "See ![a\nb](https://example.org/a.png)"), 11, "no images"),
    "a table of very many depths": (
        step("page" + ".a" * 1400 + " = 1"),
        13,
        "page must be text .* got a table",
    ),
    "a key of endless parts": (
        step("page" + ".a" * 60_000 + " = 1"),
        14,
        "at most 3,000 letters, got 120,008",
    ),
    "minutes of thousands of digits": (
        f'+++\ntitle = "a"\nminutes = {"9" * 5000}\n+++\n\n## A\n\nw\n',
        3,
        "at most 3,000 letters",
    ),
    "minutes of thousands of hexadecimal digits": (
        f'+++\ntitle = "a"\nminutes = 0x{"f" * 2900}\n+++\n\n## A\n\nw\n',
        1,
        "minutes must be a whole number .* more than 30 digits",
    ),
    "negative minutes": (
        '+++\ntitle = "a"\nminutes = -3\n+++\n\n## A\n\nw\n',
        1,
        "minutes must be .* got -3",
    ),
    "minutes that are no number": (
        '+++\ntitle = "a"\nminutes = nan\n+++\n\n## A\n\nw\n',
        1,
        "minutes must be .* got nan",
    ),
    "a title that is a date": (
        "+++\ntitle = 2020-01-01\nminutes = 3\n+++\n\n## A\n\nw\n",
        1,
        "title must be text",
    ),
    "a setting twice": (step('page = "map"\npage = "map"'), 15, "settings must be written as"),
    "a table twice": (step('[predict]\nask = "?"\n[predict]\nask = "!"'), 16, "settings must be written as"),
    "an answer twice": (
        step(CHOICES + '[{ text = "a", when = "kl < 1" }, { text = "a", when = "kl > 1" }]'),
        13,
        "different texts",
    ),
    "a block that ends in another": (
        f'{HEAD}\n## One\n\nw\n\n```step\npage = "map"\n```python\n',
        15,
        "block ```step must end with ```",
    ),
    "a block with capitals": (f'{HEAD}\n## One\n\nw\n\n```Step\npage = "map"\n```\n', 13, "```step alone"),
    "a block with more behind its name": (
        f'{HEAD}\n## One\n\nw\n\n```step python\npage = "map"\n```\n',
        13,
        "```step alone",
    ),
    "bytes that are no text": ("\x00\x01\x7fELF", 1, "must begin with a line \\+\\+\\+"),
    "a second mark of byte order": ("\ufeff+++\n", 1, "must begin with a line \\+\\+\\+"),
    "line ends of an old Mac": (GOOD.replace("\n", "\r"), 1, "must begin with a line \\+\\+\\+"),
    "YAML that makes an object": ("--- !!python/object/apply:os.system ['id']", 1, "must begin with a line"),
    "a template for a condition": (step('done = "{{ 7 * 7 }}"'), 13, "made of names"),
    "a condition on nothing": (step('done = "kl < nan"'), 13, "compared with a number, got 'nan'"),
    "an assignment for a condition": (step('done = "kl = 1"'), 13, "made of names"),
    "a comparison with a word": (step('done = "kl < verdict"'), 13, "compared with a number, got 'verdict'"),
    "covers of a selector": (
        step('[predict]\nask = "?"\nvalue = "kl"\ncovers = ["*"]'),
        13,
        "covers must be at most",
    ),
    "endless words": (step("", "w" * 4001), 10, "at most 4,000 letters"),
    "a deep table": (step("page = " + "[" * 2900), 14, "settings must be written as|page must be"),
}


@pytest.mark.parametrize(("text", "line", "sentence"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_told_in_a_sentence_with_its_line(text: str, line: int, sentence: str) -> None:
    with pytest.raises(LessonError, match=sentence) as error:
        parse_lesson(text)
    assert error.value.line == line
    assert str(error.value).startswith(f"line {line}: ")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) <= 400


def test_what_only_looks_like_html_is_shown() -> None:
    words = "For $p<q$ and a < b, or $x<y$ where $c>d$; {{ braces }} and {0} stay."
    assert parse_lesson(step("", words)).steps[0].words == words


def test_what_cannot_be_seen_in_a_title_is_written_out() -> None:
    title = parse_lesson(f"{HEAD}\n## A\u202eB\x1b[31m\n\nw\n").steps[0].title
    assert title.isprintable()


def test_reading_a_hostile_file_takes_no_longer_than_a_good_one() -> None:
    import time

    lines = "\n".join(f"a{k}{'.b' * 1400} = 1" for k in range(60))
    began = time.process_time()
    for text in (step(lines), step("", "<a" * 1900), step("", "[" * 3900), HEAD + "```\n" * 49_000):
        with suppress(LessonError):
            parse_lesson(text)
    assert time.process_time() - began < 3


def test_files_that_are_no_lessons_are_told(tmp_path: Path) -> None:
    (tmp_path / "latin.md").write_bytes(GOOD.encode().replace("β".encode(), b"\xdf"))
    with pytest.raises(LessonError, match="line 2: a lesson must be text in UTF-8"):
        read_lesson(tmp_path / "latin.md")
    (tmp_path / "large.md").write_bytes(b"+" * 200_001)
    with pytest.raises(LessonError, match="at most 200,000 bytes"):
        read_lesson(tmp_path / "large.md")
    with pytest.raises(UserError, match="cannot read the lesson"):
        read_lesson(tmp_path / "none.md")
    (tmp_path / "folder.md").mkdir()
    with pytest.raises(UserError, match="must be a file"):
        read_lesson(tmp_path / "folder.md")
    with pytest.raises(UserError, match="must be called like"):
        read_lesson(tmp_path / "My lesson.md")


def test_a_folder_gives_each_lesson_in_the_wanted_language(tmp_path: Path) -> None:
    for name, title in (
        ("a.md", "English"),
        ("a.de.md", "Deutsch"),
        ("b.md", "Only"),
        ("c.fr.md", "Français"),
    ):
        (tmp_path / name).write_text(GOOD.replace("Turning β", title), encoding="utf-8")
    (tmp_path / "d.md").write_text("broken", encoding="utf-8")
    (tmp_path / "README.md").write_text("no lesson", encoding="utf-8")
    found, broken = lessons_in(tmp_path)
    assert [(lesson.name, lesson.title) for lesson in found] == [("a", "English"), ("b", "Only")]
    assert list(broken) == ["d.md"]
    assert broken["d.md"].startswith("line 1: ")
    found, _ = lessons_in(tmp_path, "de")
    assert [(lesson.name, lesson.title) for lesson in found] == [("a", "Deutsch"), ("b", "Only")]
    with pytest.raises(UserError, match="must be in a folder"):
        lessons_in(tmp_path / "none")


def test_the_documentation_shows_a_lesson_that_can_be_shown_and_all_names() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "lessons.md").read_text(encoding="utf-8")
    (lesson,) = (block.strip("\n") + "\n" for block in text.split("````")[1::2])
    assert len(parse_lesson(lesson).steps) == 1
    for name in (*NUMBERS, *WORDS, *FLAGS, *HAPPENINGS):
        assert f"`{name}`" in text, name
