"""What runs are called: the id, which is the folder's name, and the display name."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from vae.errors import UserError, printable
from vae.storage.atomic import read_json
from vae.storage.user_paths import absolute

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class RunError(UserError):
    """A run is missing, broken, taken or from a newer version; the message says what to do."""


def run_folder(path: Path | str) -> Path:
    """The folder of a run, from the root on; its name is an id.

    Raises:
        RunError: If it is none, with the rule.
    """
    name = Path(path).name
    if name and not name.isprintable():  # an id that cannot be is told as that, not as a path
        check_id(name)
    path = absolute(path, RunError)
    check_id(path.name)
    return path


def is_id(text: str) -> bool:
    """Whether a text may name a run's folder and stand in an address."""
    return _ID.fullmatch(text) is not None


def check_id(run_id: str) -> None:
    """Refuse what is not an id.

    Raises:
        RunError: With the rule.
    """
    if not is_id(run_id):
        raise RunError(
            "a run's folder name must be 1 to 80 letters, digits, dots, dashes and underscores, beginning "
            f"with a letter or digit, got {run_id[:100]!r}; use for example digits-1"
        )


def checked_name(name: str) -> str:
    """A display name, without the blanks around it.

    Raises:
        RunError: If it is empty, longer than 80 characters, or more than a line.
    """
    name = name.strip()
    # Blanks of other widths are a writer's choice; what has no picture could make a list or a sentence read otherwise.
    odd = any(unicodedata.category(letter) != "Zs" and printable(letter) != letter for letter in name)
    if not 1 <= len(name) <= 80 or odd:
        raise RunError(
            f"a name must be 1 to 80 characters on one line, got {name[:100]!r}; use for example digits, 2-D"
        )
    return name


def read_name(path: Path) -> str:
    """The display name; the id if none was given or the file makes no sense.

    Marks of direction in it are written out: an older version let them pass.
    """
    try:
        name = read_json(path / "name.json")["name"]
        is_marked = any(unicodedata.category(letter) == "Cf" for letter in name)
        return checked_name(printable(name) if is_marked else name)
    except (OSError, UserError, KeyError, TypeError, AttributeError):
        return path.name
