"""Run folders that somebody else has prepared: links out of them, pipes, sockets and devices in the places of files."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

#: What a run's folder may hold, as files and as folders.
FILES = (
    *("config.json", "name.json", "metrics.jsonl", "control.json", "status.json", "lock", "trainer.log"),
    *("live.safetensors", "latent.safetensors", "evaluation.json", "measurements.json", "watch.json"),
    *("checkpoints/last.safetensors", "checkpoints/best.safetensors"),
)
FOLDERS = ("checkpoints", "snapshots", "projections")


def _cleared(path: Path) -> Path:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    return path


def link(path: Path, outside: Path) -> None:
    """A link to a file or folder outside that has the content of what it replaces."""
    target = outside / path.name
    if path.is_dir():
        shutil.copytree(path, target, dirs_exist_ok=True)
    elif path.exists():
        shutil.copyfile(path, target)
    elif not target.exists():
        (target.mkdir if path.name in FOLDERS else target.touch)()
    _cleared(path).symlink_to(target)


def hard_link(path: Path, outside: Path) -> None:
    """A second name of a file outside."""
    target = outside / path.name
    if path.exists():
        shutil.copyfile(path, target)
    else:
        target.touch()
    os.link(target, _cleared(path))


def pipe(path: Path, _outside: Path) -> None:
    """A pipe that nobody writes into."""
    os.mkfifo(_cleared(path))


def listening(path: Path, _outside: Path) -> None:
    """A socket."""
    with socket.socket(socket.AF_UNIX) as made:
        before = Path.cwd()
        os.chdir(_cleared(path).parent)  # its address must be short
        try:
            made.bind(path.name)
        finally:
            os.chdir(before)


def folder(path: Path, _outside: Path) -> None:
    """A folder where a file belongs."""
    _cleared(path).mkdir()


def file(path: Path, _outside: Path) -> None:
    """A file where a folder belongs."""
    _cleared(path).write_text("not a folder")


Trap = Callable[[Path, Path], None]
IN_PLACE_OF_FILES: tuple[Trap, ...] = (link, hard_link, pipe, listening, folder)
IN_PLACE_OF_FOLDERS: tuple[Trap, ...] = (link, pipe, listening, file)


def everything(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """All that can be seen of a folder: names, modes, times and contents, links unfollowed."""
    found = {}
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path.relative_to(folder))] = (about.st_mode, about.st_mtime_ns, content)
    return found
