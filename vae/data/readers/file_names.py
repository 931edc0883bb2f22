"""Finds image files by names as tables write them: without folders or endings, or in other capitals."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from vae.data.readers.image_files import OTHER_IMAGES, SUFFIXES

#: Ways of naming a file, the plainest first, and how they are told.
_WAYS = (
    "as they are",
    "without their folders",
    "below another folder",
    "in other capitals",
    "without their endings, or with others",
    "by their numbers",
)
#: A name that fits several files.
SEVERAL = -1


class FileNames:
    """The files of a folder, to be found by what a table calls them.

    Args:
        files: Their paths below the folder, with ``/`` between.
    """

    def __init__(self, files: Sequence[str]) -> None:
        self._maps: list[dict[str, int]] = [{} for _ in _WAYS]
        self._caseless: dict[str, int] = {}
        for number, file in enumerate(files):
            path = _normal(file)
            tails = ["/".join(path.split("/")[start:]) for start in range(path.count("/") + 1)]
            self._add(0, [path], number)
            self._add(1, tails, number)
            self._add(3, [tail.casefold() for tail in tails], number)
            self._add(4, [_bare(tail) for tail in tails], number)
            self._add(5, [digits] if (digits := _digits(tails[-1])) else [], number)
            key = path.casefold()
            self._caseless[key] = SEVERAL if key in self._caseless else number

    def _add(self, way: int, keys: list[str], number: int) -> None:
        for key in keys:
            known = self._maps[way].setdefault(key, number)
            if known != number:
                self._maps[way][key] = SEVERAL

    def find(self, name: str) -> tuple[int, int, str] | None:
        """The file that is meant.

        Returns:
            Its number, or `SEVERAL`; the way in which it is named; and the folders that are too many. None if there is
            none.
        """
        path = _normal(name)
        if not path:
            return None
        for way, key in ((0, path), (1, path)):
            if (number := self._maps[way].get(key)) is not None:
                return number, way, ""
        parts = path.split("/")
        for start in range(1, len(parts)):
            if (number := self._caseless.get("/".join(parts[start:]).casefold())) is not None:
                return number, 2, "/".join(parts[:start])
        for way, key in ((3, path.casefold()), (4, _bare(path)), (5, _digits(path))):
            if key and (number := self._maps[way].get(key)) is not None:
                return number, way, ""
        return None

    def find_all(self, names: Sequence[str]) -> tuple[list[int | None], list[str]]:
        """The files that the rows of a table mean, and the ways in which they are named, in words.

        Folders above ours must be the same ones in all rows: elsewhere the same name is another file.

        Returns:
            For each name the number of its file, `SEVERAL`, or None.
        """
        found = [self.find(name) for name in names]
        above = Counter(one[2] for one in found if one is not None and one[1] == 2).most_common(2)
        is_plain = len(above) == 1 or (len(above) > 1 and above[0][1] > above[1][1])
        numbers: list[int | None] = []
        ways = set()
        for one in found:
            if one is None or (one[1] == 2 and not (is_plain and one[2] == above[0][0])):
                numbers.append(None)
                continue
            numbers.append(one[0])
            if one[0] != SEVERAL:
                ways.add(one[1])
        words = [_WAYS[way] for way in sorted(ways - {0})]
        return numbers, words


def _normal(name: str) -> str:
    """A path with ``/`` between its parts, none of them empty or a dot, and letters with their accents in one."""
    path = unicodedata.normalize("NFC", name.strip().strip("\"'")).replace("\\", "/")
    if "://" in path:  # what a web address asks for besides
        path = path.split("?")[0].split("#")[0]
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def _bare(path: str) -> str:
    """A path without the ending of an image, whatever its capitals."""
    ending = PurePosixPath(path).suffix
    is_image = ending.lower() in SUFFIXES or ending.lower() in OTHER_IMAGES
    return (path[: -len(ending)] if is_image else path).casefold()


def _digits(path: str) -> str:
    """The number that a file is called, without the zeros before it; empty if it is called something else."""
    bare = _bare(path)
    return (bare.lstrip("0") or "0") if bare.isascii() and bare.isdigit() else ""
