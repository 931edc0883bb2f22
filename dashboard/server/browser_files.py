"""Which files browsers load: the browser library's, the components', the pages' own, onnxruntime-web and plotly.js.

Their addresses follow the source tree (`vae/browser/lib/dom.js`, `dashboard/views/train/curves/curves.js`), so that a
module's relative imports are the same on the disk, for the type checker and in the page.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from vae import browser

#: The dashboard's own folder.
FOLDER = Path(__file__).resolve().parents[1]
#: Below it: where modules and styles may lie.
_PLACES = ("components/*/*", "shell/*/*", "views/*/*/*", "look/*", "streamlit_internals/*")

#: When a file was changed last, nanoseconds, and how large it is: these tell its content from another.
Stamp = tuple[int, int]


def files() -> dict[str, Path]:
    """The modules and styles that the server may hand out, by their address."""
    found = {f"vae/browser/{name}": path for name, path in browser.files().items()}
    for place in _PLACES:
        for path in sorted([*FOLDER.glob(f"{place}.js"), *FOLDER.glob(f"{place}.css")]):
            if path.is_file():
                found[address(path)] = path
    return found


def address(path: Path) -> str:
    """Where a module or style of the dashboard is handed out, below the address of the version."""
    return f"dashboard/{path.relative_to(FOLDER).as_posix()}"


def runtime_files() -> dict[str, Path]:
    """The files of onnxruntime-web, by name; empty if the build hook has not run."""
    return browser.runtime_files()


def plotly_file() -> Path:
    """plotly.js: the part that charts need, or all of it from the Python package where the build hook has not run."""
    part = browser.RUNTIME / "plotly-cartesian.min.js"
    if part.is_file():
        return part
    package = find_spec("plotly")  # importing it takes longer than all that is here
    assert package is not None and package.origin is not None
    return Path(package.origin).parent / "package_data" / "plotly.min.js"


def stamp(path: Path) -> Stamp:
    """What tells a file's content from that before it."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size


@dataclass(frozen=True)
class Registered:
    """The browser files that a process registered its components with.

    Attributes:
        version: A name for the content of all of them together.
        stamps: Of each file, as it was then.
    """

    version: str
    stamps: dict[Path, Stamp]


def _on_disk() -> Registered:
    state = hashlib.sha256()
    stamps = {}
    for name, path in files().items():
        stamps[path] = stamp(path)
        state.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    for name, path in {**runtime_files(), "plotly.js": plotly_file()}.items():
        changed, size = stamps[path] = stamp(path)
        state.update(f"{name} {size} {changed}".encode())
    return Registered(state.hexdigest()[:16], stamps)


def current_version() -> str:
    """A name for the content of all browser files together, read from the disk now."""
    return _on_disk().version


@cache
def registered() -> Registered:
    """What this process registered its components with: read once."""
    return _on_disk()


def version() -> str:
    """The version that this process registered its components with."""
    return registered().version
