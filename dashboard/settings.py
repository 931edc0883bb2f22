"""Where the dashboard finds runs. Read anew at each call, so that a test or the command line can set it."""

from __future__ import annotations

import ipaddress
import os
import re
from contextlib import suppress
from pathlib import Path

from vae.errors import UserError
from vae.lessons.files import shipped_lessons
from vae.storage.user_paths import user_path

#: Environment variable that names the folder of runs; `vae dashboard --runs DIR` sets it.
RUNS_VARIABLE = "LATENT_LAB_RUNS"
#: Environment variable with further host names under which the dashboard may be opened, separated by commas; `*.name`
#: stands for all names below one.
HOSTS_VARIABLE = "LATENT_LAB_HOSTS"
#: Environment variable with the sites that may show the dashboard in a frame, separated by commas or spaces.
FRAMES_VARIABLE = "LATENT_LAB_FRAME_ANCESTORS"
#: Environment variable with the folders below which visitors may name images on the server, separated as in PATH.
DATA_VARIABLE = "LATENT_LAB_DATA_ROOTS"

#: Environment variable with a folder of lessons beside the shipped ones; `vae dashboard --lessons DIR` sets it.
LESSONS_VARIABLE = "LATENT_LAB_LESSONS"

#: What the rule of a page's frames may hold: a site with its scheme, `*.` and a port if need be, a bare scheme, or `*`.
_ANCESTOR = re.compile(
    r"\*|https?:|https?://(?:\*\.)?[A-Za-z0-9_.\[\]:-]{1,253}(?::\*)?|(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+(?::[0-9*]{1,5})?"
)

_HERE = Path(__file__).resolve().parent


def runs_root() -> Path:
    """Folder of the user's runs: of the environment variable, else `runs` in the working directory."""
    return user_path(os.environ.get(RUNS_VARIABLE) or "runs").absolute()


def shipped_root() -> Path:
    """Folder of the runs that come with the project: inside the package when installed, else the repository's."""
    packaged = _HERE / "_models"
    return packaged if packaged.is_dir() else _HERE.parent / "assets" / "models"


def roots() -> list[Path]:
    """All folders of runs; where one id is in both, the user's run is meant."""
    return [runs_root(), shipped_root()]


def lesson_folders() -> list[Path]:
    """Folders of lessons: the user's, if one is named, then the shipped one; of one name, the first is meant."""
    shipped = shipped_lessons()
    own = os.environ.get(LESSONS_VARIABLE, "").strip()
    return [user_path(own).absolute(), shipped] if own else [shipped]


def extra_hosts() -> list[str]:
    """Host names that the user allows beside those of this machine."""
    return [name.strip() for name in os.environ.get(HOSTS_VARIABLE, "").split(",") if name.strip()]


def frame_ancestors() -> list[str]:
    """Sites that the operator lets show the dashboard in a frame; what is no site is left out."""
    words = re.split(r"[\s,]+", os.environ.get(FRAMES_VARIABLE, ""))
    return [word for word in words if word and _ANCESTOR.fullmatch(word)]


def server_address() -> str:
    """Where the server listens; "" if it listens on all networks."""
    import streamlit as st

    return str(st.get_option("server.address") or "")


def base_path() -> str:
    """Path below which the server answers, without slashes at its ends."""
    import streamlit as st

    return str(st.get_option("server.baseUrlPath") or "").strip("/")


def is_shared() -> bool:
    """Whether the server listens for other machines, so that those who use it are visitors of this one."""
    return not is_loopback(server_address())


def ip_number(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address in numbers; None if it is a name or nothing."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def is_loopback(address: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    number = ip_number(address.strip("[]"))
    return address.lower() == "localhost" or (number is not None and number.is_loopback)


def data_roots() -> list[Path] | None:
    """Folders below which images on this machine may be named; None where any may: on the user's own machine."""
    text = os.environ.get(DATA_VARIABLE, "")
    if not text.strip() and not is_shared():
        return None
    return [user_path(part).resolve() for part in text.split(os.pathsep) if part.strip()]


def own_data(text: str) -> Path:
    """The place on this machine that a visitor names for own images.

    Args:
        text: A path; a relative one is meant below the first of `data_roots`, where there are any.

    Raises:
        UserError: If it is no path, or not below one of the folders that the operator offers; whether anything is there
            makes no difference to the sentence.
    """
    roots = data_roots()
    path = user_path(text.strip())
    if roots is None:
        return path
    where = path if path.is_absolute() or not roots else roots[0] / path
    with suppress(OSError, RuntimeError):  # a link that leads in a circle leads nowhere
        where = where.resolve()
        if any(where.is_relative_to(root) for root in roots):
            return where
    offered = ", ".join(str(root) for root in roots) or "none"
    raise UserError(
        f"images on the server must be in one of the folders that its operator offers ({offered}), got "
        f"{text[:80]!r}; upload them, or ask the operator to set {DATA_VARIABLE}"
    )
