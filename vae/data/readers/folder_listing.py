"""What is directly in each folder below one that was named: images, folders, tables, and what is passed over."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from vae.config.reading import Notes
from vae.data.readers.image_files import FIRST_SUFFIXES, OTHER_IMAGES, SUFFIXES
from vae.data.types import MAX_IMAGES, DataError, shown
from vae.storage.natural_order import natural_key

#: The table of columns beside the images.
TABLE = "labels.csv"
#: What systems and programs leave in folders, in lower case.
_CLUTTER = frozenset(
    ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r", "$recycle.bin", "@eadir", "lost+found")
)
#: Folders that are looked at: three parts of as many classes as there may be, and as many again.
_MAX_FOLDERS = 6_000
#: Files that are looked at to count what lies too deep.
_MAX_LOOKS = 20_000


@dataclass
class ListedFolder:
    """What is directly in a folder, in order."""

    path: Path
    images: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)


class FolderLister:
    """Lists folders below a root, each once, and notes what is passed over."""

    def __init__(self, root: Path, rules: int, notes: Notes) -> None:
        self.root, self.rules, self.notes = root, rules, notes
        self.real_root = root.resolve()
        self.suffixes = FIRST_SUFFIXES if rules == 1 else SUFFIXES
        self.tables: list[Path] = []
        self._listed: dict[Path, ListedFolder] = {}

    def __call__(self, path: Path) -> ListedFolder:
        if path not in self._listed:
            if len(self._listed) == _MAX_FOLDERS:
                raise DataError(
                    f"{shown(self.root)} must have at most {_MAX_FOLDERS:,} folders in it, got more; name the "
                    "folder that holds the images or their classes"
                )
            self._listed[path] = self._list(path)
        return self._listed[path]

    def name(self, path: Path) -> str:
        """A path as a message names it: from the root on."""
        return shown(path.relative_to(self.root).as_posix())

    def _list(self, folder: Path) -> ListedFolder:
        found = ListedFolder(folder)
        # By name, because the order of a folder's entries differs from one system to another.
        key = natural_key if self.rules > 1 else str
        with os.scandir(folder) as entries:
            ordered = sorted(entries, key=lambda entry: key(entry.name))
        for entry in ordered:
            path = folder / entry.name
            is_image, is_folder = path.suffix.lower() in self.suffixes, entry.is_dir()
            if entry.name.startswith(".") or entry.name.lower() in _CLUTTER:
                self.notes.leave_out("hidden and system files", self.name(path), is_clutter=True)
                continue
            if not is_image and not is_folder:
                self._pass_over(path)
                continue
            if entry.is_symlink() and not _target(path).is_relative_to(self.real_root):
                raise DataError(
                    f"{shown(path)} is a link that leaves {shown(self.real_root)}; put the images there themselves"
                )
            if is_folder:
                found.folders.append(path)
            elif entry.is_file():
                found.images.append(path)
            elif self.rules == 1:
                raise DataError(f"{shown(path)} is not a file with an image; remove it")
            else:
                self.notes.leave_out(
                    "links to nothing, pipes and other things that are no files", self.name(path)
                )
            if len(found.images) > MAX_IMAGES:
                raise DataError(f"{shown(folder)} must have at most {MAX_IMAGES} images, got more; use fewer")
        return found

    def _pass_over(self, path: Path) -> None:
        ending, name = path.suffix.lower(), self.name(path)
        if path.name == TABLE or (path.name.lower() == TABLE and self.rules > 1):
            self.tables.append(path)
        elif ending in OTHER_IMAGES:
            self.notes.leave_out(f"files ending in {ending}, which are not read (convert them to PNG)", name)
        elif ending in (".csv", ".tsv", ".xlsx", ".xls", ".ods"):
            self.notes.leave_out(f"tables that are not called {TABLE}", name)
        elif ending:
            self.notes.leave_out(f"files ending in {shown(ending)[:20]}", name)
        else:
            self.notes.leave_out("files without an ending", name)


def images_below(folder: Path, lister: FolderLister) -> tuple[int, str]:
    """How many images are in a folder and those in it, and the first of them."""
    num, first, looks = 0, "", 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and name.lower() not in _CLUTTER
        )
        looks += len(names)
        images = [name for name in names if Path(name).suffix.lower() in lister.suffixes and name[:1] != "."]
        num += len(images)
        first = first or (lister.name(Path(place) / min(images)) if images else "")
        if looks > _MAX_LOOKS:
            break
    return num, first


def _target(link: Path) -> Path:
    try:
        return link.resolve()
    except RuntimeError as error:  # links in a circle
        raise OSError(str(error)) from error
