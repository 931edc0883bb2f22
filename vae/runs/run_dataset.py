"""The images of a run: where they are on this machine, and whether they are the ones that it was made for."""

from __future__ import annotations

from pathlib import Path

from vae.config.reading import Reading
from vae.config.schema import DataConfig, DataInfo, RunConfig
from vae.data.dataset import Dataset
from vae.data.dataset import load_dataset as load_images
from vae.data.types import DataError, Progress, shown
from vae.runs.cleanup import UPLOADS
from vae.runs.run import Run
from vae.storage.confined import is_plain, why_not_plain

#: File of a run with the images that `vae.watch` was handed as arrays.
IMAGES_FILE = "images.npz"


def are_alike(config: RunConfig, other: RunConfig) -> bool:
    """Whether two configurations make the same run, if their images are the same; where these lie is no setting of it.

    Whether they are the same is for `check_images` to say.
    """
    places = {"root": other.data.root, "path": other.data.path}
    same_kind = (config.data.path is None) == (other.data.path is None)
    return same_kind and config.replace(data=config.data.replace(**places)) == other


def data_of(run: Run, *, path: Path | None = None, root: Path | None = None) -> DataConfig:
    """Where the images of a run are looked for: at the given place, where the run had them, or where they went with it.

    Args:
        run: An opened run.
        path: The user's own file or folder, if it is not where the run had it.
        root: Folder of downloaded sets, if it is not where the run had it.

    Raises:
        DataError: If the run's data have no such place; or if the run was imported, and nobody has said yet where its
            own images are on this machine; or if a link or pipe has the name of those in its folder.
    """
    data = run.config.data
    for option, given in (("path", path), ("root", root)):
        fitting = "path" if data.path is not None else "root" if data.needs_download else "neither"
        if given is not None and option != fitting:
            remedy = "leave it out" if fitting == "neither" else f"use data.{fitting}"
            raise DataError(
                f"data.{option} must be left out for the {data.name} images of run {run.id}, got "
                f"{shown(given)}; {remedy}"
            )
    if path is not None or root is not None:
        return data.replace(path=path or data.path, root=root or data.root).absolute()
    if data.path is None:
        return data
    if run.has_foreign_paths:
        raise DataError(
            f"run {run.id} needs the images it was made for, got none: it was imported, and {shown(data.path.name)} "
            "is on another machine; give your copy with --data.path"
        )
    path = _moved_along(run, data.path)
    if path.is_relative_to(run.path) and (why := why_not_plain(path, is_folder=data.name == "folder")):
        raise DataError(why)
    return data.replace(path=path)


def _is_gone(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except OSError:
        pass  # there, and out of reach: whoever reads it says why
    return False


def _moved_along(run: Run, path: Path) -> Path:
    """Where images that are kept in the run's folder, or were uploaded beside it, are since that folder moved."""
    if path.name == IMAGES_FILE:
        now = run.path / IMAGES_FILE
    elif path.parent.name == UPLOADS:
        now = run.path.parent / UPLOADS / path.name
    else:
        return path
    return now if _is_gone(path) and is_plain(now) else path


def images_of(
    run: Run,
    *,
    path: Path | None = None,
    root: Path | None = None,
    download: bool = False,
    progress: Progress | None = None,
) -> Dataset:
    """Load the images that a run was made for.

    Args:
        run: An opened run.
        path: The user's own file or folder, if it is not where the run had it; `Run.place_images` keeps it.
        root: Folder of downloaded sets, likewise.
        download: Whether to download what is missing.
        progress: Told of slow steps.

    Raises:
        UserError: If they are not on this machine, or have changed.
    """
    data = data_of(run, path=path, root=root)
    if data.path is not None and _is_gone(data.path):
        raise DataError(
            f"the images of run {run.id} must be at {shown(data.path)}, got nothing there; if they moved, say where "
            "they are with --data.path"
        )
    dataset = load_images(data, rules=run.info.rules, download=download, progress=progress)
    check_images(run, dataset)
    return dataset


def check_images(run: Run, dataset: Dataset) -> None:
    """Check that images are those that a run was made for: the same bytes, labels and split.

    Raises:
        DataError: If they are not.
    """
    if differences := _differences(dataset.info(), run.info):
        remedy = "restore the data, or start a new run"
        if dataset.rules != run.info.rules:  # an older run's, loaded as for a new one
            remedy = "load them with vae.images_of(run), as they were read when it was made"
        elif dataset.config.path is not None:
            remedy = "restore the data, say with --data.path where they are, or start a new run"
        raise DataError(
            f"run {run.id} must have the images it was made for, got ones with {', '.join(differences[:4])}"
            f"{_left_out_since(dataset.reading, run.info.reading)}; {remedy}"
        )


def _left_out_since(found: Reading, expected: Reading) -> str:
    """What is left out now and was not when the run was made, or the other way round, as files break or are mended."""
    for ours, theirs, when in ((found, expected, "now"), (expected, found, "when it was made")):
        for left in ours.left_out:
            if left not in theirs.left_out and not left.is_clutter:
                return f" ({when} {left.sentence()})"
    return ""


def _differences(found: DataInfo, expected: DataInfo) -> list[str]:
    """How the images found differ from those expected, field by field."""
    differences = []
    for name in DataInfo.model_fields:
        ours, theirs = getattr(found, name), getattr(expected, name)
        if name in ("fingerprint", "pixels", "rules", "reading"):
            continue
        if name == "class_names" and len(ours) == len(theirs):
            named = enumerate(zip(ours, theirs, strict=True))
            differences += [
                f"class {y} {one!r} instead of {other!r}" for y, (one, other) in named if one != other
            ][:1]
        elif name == "class_names":
            differences.append(f"{len(ours)} classes instead of {len(theirs)}")
        elif ours != theirs:
            differences.append(f"{name} {ours} instead of {theirs}")
    if not differences and found.fingerprint != expected.fingerprint:
        told = f"fingerprint {found.fingerprint} instead of {expected.fingerprint}"
        if not expected.pixels:  # a run of the first versions
            return [told]
        other = "labels or parts" if found.pixels == expected.pixels else "pixels, or another order"
        return [f"the same number and size, and other {other}, {told}"]
    return differences
