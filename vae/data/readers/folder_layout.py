"""How a folder of image files is laid out: which folders are classes, which are given parts, and what is passed over.

Layouts that are understood: images in the folder itself, or in one sub-folder for each class; and either of these below
``train``, ``test`` and ``validation`` (or as people abbreviate them), or below a single folder that holds everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from vae.config.reading import Notes
from vae.data.readers.array_names import PARTS, Part
from vae.data.readers.folder_listing import TABLE, FolderLister, images_below
from vae.data.readers.image_files import FIRST_SUFFIXES
from vae.data.types import DataError, check_kind, reason, shown
from vae.storage.natural_order import natural_key

#: Folders that hold images and are no class.
_OF_IMAGES = frozenset(("images", "image", "imgs", "img", "pictures", "photos", "data", "jpegimages"))
_DEEPER = "images that lie deeper than in the folder of a class"
#: Folders of what belongs to images and is none of a data set's.
_BESIDE_IMAGES = frozenset(
    ("mask", "masks", "label", "labels", "annotation", "annotations", "annots", "segmentation")
)
#: Words beside the part in the name of its folder, as in test_set or val-images; and numbers, as in train2017.
_PART_OF = re.compile(r"[\W_]+|(?<=\D)(?=\d)|(?<=train)(?=set)|(?<=test)(?=set)|(?<=val)(?=set)")
_SET_WORDS = frozenset(("set", "data", "dataset", "split", "images", "imgs", "folder"))
#: How deep everything may lie in a folder in a folder.
_MAX_WRAPPERS = 3


@dataclass(frozen=True)
class FolderPart:
    """Images of one part.

    Attributes:
        part: Which; None where a folder has no parts.
        folder: The one that holds them.
        classes: Image files by the name of their class, both in natural order; all below ``""`` without classes.
    """

    part: Part | None
    folder: Path
    classes: dict[str, list[Path]]

    @property
    def has_classes(self) -> bool:
        return "" not in self.classes

    @property
    def files(self) -> list[Path]:
        """In the order of the images."""
        return [file for files in self.classes.values() for file in files]


@dataclass(frozen=True)
class Layout:
    """A folder, understood.

    Attributes:
        kind: What lies in each part, and where, in words.
        root: The folder that was named.
        parts: In the order train, validation, test; one without a name where there are no parts.
        table: The table of columns beside them, if there is one.
    """

    kind: str
    root: Path
    parts: list[FolderPart]
    table: Path | None

    @property
    def files(self) -> list[Path]:
        """All images, in the order in which they are read."""
        return [file for part in self.parts for file in part.files]

    @property
    def words(self) -> str:
        """The layout in words."""
        given = [shown(one.folder.relative_to(self.root).as_posix()) for one in self.parts if one.part]
        if not given:
            return self.kind
        names = " and ".join(f"{name}/" for name in given)
        return f"given part{'s' * (len(given) > 1)} {names}, {self.kind}"

    def num(self, part: Part) -> int:
        """Number of images that are given for a part."""
        return sum(len(one.files) for one in self.parts if one.part == part)


def find_layout(path: Path, rules: int, notes: Notes) -> Layout:
    """Look a folder through, without opening a file.

    Args:
        path: The folder.
        rules: See `vae.config.reading.RULES`; by the first there are no parts, and nothing lies deeper than a
            class.
        notes: Told what is passed over.
    Raises:
        DataError: If there are no images, the folder may be understood in two ways, or a link leaves it.
    """
    check_kind(path, "folder")
    try:
        lister = FolderLister(path, rules, notes)
        base, inside = (path, "") if rules == 1 else _unwrapped(path, lister)
        split = {} if rules == 1 else _split(base, lister)
        if split:
            return _with_parts(base, inside, split, lister, _table(path, base, lister))
        part = _part(None, base, lister)
        table = _table(path, base, lister)
        if not part.files:
            raise _nothing(path, lister)
        for folder in lister(base).folders:
            if (
                rules > 1
                and part.has_classes
                and folder.name.lower() in PARTS
                and folder.name in part.classes
            ):
                notes.doubt(
                    f"{shown(folder.name)} was read as a class, because other folders beside it have images too; name "
                    "the folder of the parts if it is one"
                )
        if rules > 1:
            _doubt_classes(part, notes)
        kind = "one sub-folder for each class" if part.has_classes else "images without classes"
        return Layout(kind + inside, path, [part], table)
    except OSError as error:
        raise DataError(f"{shown(path)} cannot be read: {reason(error)}; check the folder") from error


def _doubt_classes(part: FolderPart, notes: Notes) -> None:
    """Say so if folders that were read as classes are called as images and their masks are."""
    images = [name for name in part.classes if name.lower() in _OF_IMAGES]
    beside = [name for name in part.classes if name.lower() in _BESIDE_IMAGES]
    if images and beside:
        notes.doubt(
            f"{shown(images[0])} and {shown(beside[0])} were read as classes; give the folder "
            f"{shown(images[0])} itself if the other belongs to its images"
        )


def _table(path: Path, base: Path, lister: FolderLister) -> Path | None:
    """The table in the folder itself, else in the one that holds everything; others are passed over."""
    found = [
        table for folder in dict.fromkeys((path, base)) for table in lister.tables if table.parent == folder
    ]
    for table in lister.tables:
        if table not in found[:1]:
            lister.notes.leave_out(f"further tables called {TABLE}", lister.name(table))
    return found[0] if found else None


def _unwrapped(path: Path, lister: FolderLister) -> tuple[Path, str]:
    """The folder that holds classes, parts or images, where everything lies in one folder of the one that was named."""
    base = path
    for _ in range(_MAX_WRAPPERS):
        here = lister(base)
        filled = [folder for folder in here.folders if _is_filled(folder, lister)]
        if here.images or len(filled) != 1:
            break
        (only,) = filled
        name, inner = only.name.lower(), lister(only)
        if inner.images and not (name in _OF_IMAGES or name in PARTS):
            break  # the one class that there is
        base = only
    return base, "" if base == path else f", inside {lister.name(base)}/"


def _is_filled(folder: Path, lister: FolderLister) -> bool:
    """Whether there are images in a folder, at most three folders down."""
    found = [folder]
    for _ in range(_MAX_WRAPPERS + 1):
        listed = [lister(one) for one in found]
        if any(one.images for one in listed):
            return True
        found = [inner for one in listed for inner in one.folders]
    return False


def _split(base: Path, lister: FolderLister) -> dict[Part, Path]:
    """The folders of given parts; none if these are no parts, or the names are those of classes."""
    here = lister(base)
    if here.images:
        return {}
    found: dict[Part, Path] = {}
    rests = set()
    others = []
    for folder in here.folders:
        part, rest = _part_in(folder.name)
        if not _is_filled(folder, lister):
            continue
        if part is None:
            others.append(folder)
        elif part in found:
            return {}
        else:
            found[part] = folder
            rests.add(rest)
    # A train station and a test tube are classes.
    if len(found) < 2 or len(rests) > 1:
        return {}
    # A class may be called train: the folder of a part has classes in it, or nothing else beside the parts has images.
    if others and ("train" not in found or lister(found["train"]).images):
        return {}
    if "train" not in found:
        raise DataError(
            f"{shown(base)} must have a folder train beside {' and '.join(shown(one.name) for one in found.values())}, "
            "got none; name the folder that holds the classes"
        )
    for folder in others:
        lister.notes.leave_out("folders beside those of the parts", lister.name(folder))
    return found


def _part_in(name: str) -> tuple[Part | None, str]:
    """The part that a folder's name speaks of, and what else it says: "train", "test_set", "seg_val", "train2017"."""
    words = [word for word in _PART_OF.split(name.lower()) if word and word not in _SET_WORDS]
    parts = [word for word in words if word in PARTS]
    if len(parts) != 1:
        return None, ""
    return PARTS[parts[0]], " ".join(word for word in words if word not in PARTS)


def _with_parts(
    base: Path, inside: str, split: dict[Part, Path], lister: FolderLister, table: Path | None
) -> Layout:
    order: tuple[Part, ...] = ("train", "validation", "test")
    parts = []
    for name in order:
        if name in split:
            folder, _ = _unwrapped(split[name], lister)  # train/images, for example
            parts.append(_part(name, folder, lister))
    training, *others = parts
    if not training.files:
        raise _nothing(training.folder, lister)
    for one in others:
        if one.has_classes == training.has_classes:
            continue
        where = lister.name(one.folder)
        if training.has_classes:
            lister.notes.leave_out(
                "images of a part without classes, where train has them", where, len(one.files)
            )
            parts.remove(one)
        else:
            lister.notes.doubt(f"classes in {where} were not used: train has none")
            parts[parts.index(one)] = replace(one, classes={"": one.files})
    unknown = {name for one in parts for name in one.classes} - set(training.classes)
    for class_name in sorted(unknown, key=natural_key):
        lister.notes.doubt(no_training(class_name))
    kind = "one sub-folder for each class" if training.has_classes else "images without classes"
    return Layout(kind + inside, lister.root, parts, table)


def no_training(class_name: str) -> str:
    """The doubt about a class that only other parts than train have."""
    return f"class {shown(class_name)} has no image to train on"


def _part(part: Part | None, folder: Path, lister: FolderLister) -> FolderPart:
    """Images directly in a folder, or in one sub-folder for each class, there or in a folder ``images`` in it.

    Raises:
        DataError: If there are both.
    """
    listed = lister(folder)
    holders = {one: _holder(one, lister) for one in listed.folders}
    classes = {one.name: images for one, holder in holders.items() if (images := lister(holder).images)}
    if listed.images and classes:
        raise DataError(
            f"{shown(folder)} must have images either directly in it or in one sub-folder for each class, "
            f"got both ({shown(listed.images[0].name)} and {shown(next(iter(classes)))}); move one kind elsewhere"
        )
    for one in listed.folders:
        if one.name in classes:
            deeper = [inner for inner in lister(one).folders if inner != holders[one]]
        else:
            deeper = [one]
        for inner in deeper:
            num, first = images_below(inner, lister)
            if num:
                lister.notes.leave_out(_DEEPER, first, num)
            elif inner is one:
                lister.notes.leave_out(
                    "folders without an image that is read, which are no classes", lister.name(one)
                )
    return FolderPart(part, folder, {"": listed.images} if listed.images else classes)


def _holder(folder: Path, lister: FolderLister) -> Path:
    """The folder with the images of a class: its own, or one in it that is called images."""
    listed = lister(folder)
    if listed.images or lister.rules == 1:
        return folder
    inner = [one for one in listed.folders if one.name.lower() in _OF_IMAGES and lister(one).images]
    return inner[0] if len(inner) == 1 else folder


def _nothing(path: Path, lister: FolderLister) -> DataError:
    """The refusal of a folder without images, with what there is in it."""
    left_out = max(lister.notes.reading().left_out, key=lambda left: left.num, default=None)
    what = "" if left_out is None or left_out.is_clutter else f" but {left_out.num:,} {left_out.what}"
    remedy = "check data.path"
    if left_out is not None and left_out.what == _DEEPER:
        folders = left_out.first[0].split("/")[:-1] if left_out.first else []
        if _part_in(folders[-1] if folders else "")[0] is not None:
            remedy = "put the folders of the classes into one folder for each part: train/class, test/class"
        else:
            remedy = "name the folder that holds the folders of the classes"
            if len(folders) > 1:
                remedy += f", such as {'/'.join([shown(lister.root.name), *folders[:-1]])}"
            remedy += ", or put all images of a class directly into one folder of its name"
    return DataError(
        f"{shown(path)} must have images ({', '.join(FIRST_SUFFIXES)}, .tif and others) in it or in its sub-folders, "
        f"got none{what}; {remedy}"
    )
