"""The commands for lessons: `vae lesson new`, `vae lesson check`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg, subcommand

from vae.cli.output import tell
from vae.errors import UserError

_TEMPLATE = """+++
title = "{title}"
minutes = 10
needs = "Nothing; the digits are built in."
+++

One or two sentences: what one understands afterwards.

## Train with β = 1

Press **Train** and watch the two curves. The loss is the sum of both terms,
$-\\mathrm{{E}}[\\log p(x|z)] + \\beta\\,\\mathrm{{KL}}(q(z|x)\\,\\|\\,p(z))$.

```step
page = "train"
link = "new=data:digits,beta:1,epochs:200"
highlight = ["train", "curves"]
done = "training started and epoch >= 3"
hint = "The button Train is at the top of the form."

[predict]
ask = "Where will the KL be after three epochs?"
choices = [
  {{ text = "Near 0", when = "kl < 0.5" }},
  {{ text = "Above half a nat", when = "kl >= 0.5" }},
]
```

## Walk through the latent space

Drag a slider until the digit becomes another one.

```step
page = "explore"
highlight = ["sliders", "image"]
done = "point moved"
```
"""


@dataclass(frozen=True)
class New:
    """Write a lesson to begin with."""

    name: Annotated[Positional[str], arg(metavar="NAME")]
    """Of the lesson: small letters, digits and dashes; its file is NAME.md."""
    to: Annotated[Path, arg(metavar="DIR")] = Path()
    """Folder of lessons."""

    def __call__(self) -> None:
        from vae.lessons.files import check_name
        from vae.storage.atomic import replacing

        check_name(f"{self.name.removesuffix('.md')}.md")
        if not self.to.is_dir():
            raise UserError(f"--to must be a folder, got {self.to}, which is none; make it first")
        path = self.to / f"{self.name.removesuffix('.md')}.md"
        if path.exists():
            raise UserError(
                f"a lesson must have a name of its own, got {path}, which is there; choose another name"
            )
        title = path.stem.replace("-", " ").replace("_", " ").capitalize()
        with replacing(path.parent.resolve() / path.name) as file:
            file.write(_TEMPLATE.format(title=title).encode())
        print(path)


@dataclass(frozen=True)
class Check:
    """Check lessons: what is wrong is told with its line."""

    files: Annotated[Positional[tuple[Path, ...]], arg(metavar="FILE...")]
    """Files of lessons."""

    def __call__(self) -> None:
        from vae.lessons.files import read_lesson
        from vae.lessons.lesson import LessonError

        problems = 0
        for path in self.files:
            try:
                lesson = read_lesson(path)
            except LessonError as error:
                problems += 1
                tell(f"{path}:{error.line}: {error.sentence}")
            except UserError as error:
                problems += 1
                tell(f"{path}: {error}")
            else:
                steps = "1 step" if len(lesson.steps) == 1 else f"{len(lesson.steps)} steps"
                print(f"{path}: {lesson.title}, {steps}, {lesson.minutes} min")
        if problems:
            lessons = "1 lesson" if problems == 1 else f"{problems} lessons"
            raise UserError(f"{lessons} of {len(self.files)} cannot be shown; mend the lines above")


@dataclass(frozen=True)
class LessonCommand:
    """Lessons of your own: begin one, and check it."""

    action: Annotated[
        Annotated[New, subcommand("new")] | Annotated[Check, subcommand("check")],
        arg(name=""),
    ]

    def __call__(self) -> None:
        self.action()
