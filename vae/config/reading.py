"""What was made of a user's own data: how they were understood, what was done to take them, and what was left out.

Kept with the run that was made of them, and said wherever data are read. Imports no torch.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from vae.config.base import Config
from vae.errors import clean

#: Rules by which own files are read. A run keeps those that it was made by, so that its images stay the same ones:
#: 1 is how the first versions read; 2 has natural order, the usual layouts, more formats, the true depth of pixels.
RULES = 2

#: Names that are given of what was left out.
FIRST = 3
_MOST = 40
_MAX_SENTENCE = 400
_MAX_NAME = 80

#: A run's reading may come from somebody else: what cannot be seen in it is written out, and what is long is cut.
_Name = Annotated[str, AfterValidator(partial(clean, most=_MAX_NAME))]
_Sentence = Annotated[str, AfterValidator(partial(clean, most=_MAX_SENTENCE))]


class LeftOut(Config):
    """Something that is in the data and was not used."""

    #: What it is, in the plural, and if need be why: "files ending in .txt".
    what: _Sentence
    num: int = Field(ge=1)
    #: The first few names.
    first: tuple[_Name, ...] = Field((), max_length=FIRST)
    #: Whether there are more names than those.
    has_more: bool = False
    #: Whether nobody wants it anyway, as the hidden files of a file manager.
    is_clutter: bool = False

    def sentence(self) -> str:
        """With the number and the first names."""
        names = ", ".join((*self.first, *(["…"] if self.has_more else [])))
        return (
            f"left out: {self.what} ({self.num:,}{': ' if self.first else ''}{names if self.first else ''})"
        )


class Reading(Config):
    """What was made of one data set; all empty for sets that are not the user's own."""

    #: The layout that was recognised.
    layout: _Sentence = ""
    #: What was done to take the data, a sentence each.
    done: tuple[_Sentence, ...] = Field((), max_length=_MOST)
    #: What may be wrong with them, a sentence each.
    doubts: tuple[_Sentence, ...] = Field((), max_length=_MOST)
    left_out: tuple[LeftOut, ...] = Field((), max_length=_MOST)

    def warnings(self) -> list[str]:
        """What somebody may miss or regret."""
        return [*(left.sentence() for left in self.left_out if not left.is_clutter), *self.doubts]

    def remarks(self) -> list[str]:
        """The rest: the layout, what was done, and the clutter."""
        clutter = [left.sentence() for left in self.left_out if left.is_clutter]
        return [*([self.layout] if self.layout else []), *self.done, *clutter]

    def answer(self) -> dict[str, Any]:
        """For a program."""
        return {
            "layout": self.layout,
            "done": list(self.done),
            "doubts": list(self.doubts),
            "left_out": [
                {"what": left.what, "num": left.num, "first": list(left.first)} for left in self.left_out
            ],
        }


class Notes:
    """Collects a `Reading` while data are read."""

    def __init__(self) -> None:
        self.layout = ""
        self._done: dict[str, None] = {}
        self._doubts: dict[str, None] = {}
        self._left_out: dict[str, tuple[bool, list[str], list[int]]] = {}

    def did(self, sentence: str) -> None:
        """Note what was done to take the data; a sentence that was said counts once."""
        self._done.setdefault(sentence)

    def doubt(self, sentence: str) -> None:
        """Note what may be wrong with the data."""
        self._doubts.setdefault(sentence)

    def leave_out(self, what: str, name: str, num: int = 1, *, is_clutter: bool = False) -> None:
        """Note what was left out; what has the same words is counted together."""
        _, names, nums = self._left_out.setdefault(what, (is_clutter, [], []))
        nums.append(num)
        if len(names) < FIRST:
            names.append(name)

    def num_left_out(self, *, clutter: bool = False) -> int:
        """How many things were left out so far."""
        return sum(sum(nums) for is_clutter, _, nums in self._left_out.values() if clutter or not is_clutter)

    def reading(self) -> Reading:
        """All that was noted."""
        left_out = [
            LeftOut(
                what=what,
                num=sum(nums),
                first=tuple(names),
                has_more=len(nums) > len(names),
                is_clutter=is_clutter,
            )
            for what, (is_clutter, names, nums) in self._left_out.items()
        ]
        return Reading(
            layout=self.layout,
            done=tuple(self._done)[:_MOST],
            doubts=tuple(self._doubts)[:_MOST],
            left_out=tuple(left_out[:_MOST]),
        )

    def joined(self, reading: Reading) -> Reading:
        """Another reading, with what was left out here before it."""
        return reading.replace(left_out=(*self.reading().left_out, *reading.left_out)[:_MOST])
