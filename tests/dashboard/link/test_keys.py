"""Values of links: no name means one thing on one page and another on the next, for the session remembers by name."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from dashboard import settings

FOLDER = Path(settings.__file__).parent
MADE = re.compile(r"\b(?:Key|choice|whole|number)\(\s*\"(\w+)\"")


def test_no_two_pages_call_different_values_of_their_links_the_same() -> None:
    places = [*FOLDER.glob("views/*/link.py"), FOLDER / "link" / "keys.py"]
    names = Counter(name for path in places for name in set(MADE.findall(path.read_text(encoding="utf-8"))))
    assert len(names) > 40
    assert [name for name, times in names.items() if times > 1] == []
