"""Runs as a static site: the explorer's own modules beside files of the runs, in a folder or in one HTML file.

How it is written is for `vae.browser.site_files`. The page may ask nobody but its own place: a policy in its head
forbids all else.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from vae import browser
from vae.browser import palette
from vae.browser.shared_lesson import SharedPlace, check_lessons, names_of, site_lesson
from vae.browser.shared_run import SharedRun, gather, plain_json
from vae.browser.site_files import check_target, packed, packed_size, site_shell, write_file, write_folder
from vae.errors import UserError, clean
from vae.lessons.lesson import Lesson
from vae.runs.run import Run

#: Told in words what is worked on, and how many parts of how many of it are done.
Progress = Callable[[str, int, int], None]
#: Bytes of a site, unless the user says otherwise.
MAX_MB = 25.0
#: Names that Windows has for devices: no folder can be called so.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{k}" for port in ("com", "lpt") for k in range(10))}


@dataclass(frozen=True)
class Shared:
    """What was written.

    Attributes:
        path: The folder or the file.
        num_bytes: Of all of it.
        left_out: What is not there, and why, as sentences; with several runs each begins with the run's name.
    """

    path: Path
    num_bytes: int
    left_out: list[str] = field(default_factory=list)


def share(
    runs: Sequence[Run],
    to: Path,
    *,
    single_file: bool = False,
    with_images: bool = False,
    licence: str = "",
    lessons: Sequence[Lesson] = (),
    max_mb: float = MAX_MB,
    progress: Progress = lambda words, done, total: None,
) -> Shared:
    """Write runs as a site that needs no server.

    Args:
        runs: Which, at least one.
        to: A folder that is not there yet or empty; or, as one file, a name that ends in ``.html``.
        single_file: One HTML file instead of a folder.
        with_images: Whether the test images themselves go along.
        licence: That of the images that go along; without one the site says that none was given.
        lessons: Lessons that are shown beside the runs.
        max_mb: Most megabytes; snapshots that do not fit are left out, evenly.
        progress: Told what is worked on, and how many parts of how many of it are done.

    Raises:
        UserError: If a run has no weights, the target is in the way, a lesson needs what a site has not, or the site
            would be too large.
    """
    try:
        return _share(runs, to, single_file, with_images, licence, lessons, max_mb, progress)
    finally:
        packed.cache_clear()


def _share(
    runs: Sequence[Run],
    to: Path,
    single_file: bool,
    with_images: bool,
    licence: str,
    lessons: Sequence[Lesson],
    max_mb: float,
    progress: Progress,
) -> Shared:
    if not runs:
        raise UserError("share needs at least one run, got none; give the folder of a run")
    paths = [run.path.resolve() for run in runs]
    if len(set(paths)) < len(paths):
        twice = next(run for run, path in zip(runs, paths, strict=True) if paths.count(path) > 1)
        raise UserError(f"share must be given each another run, got {twice.id} twice; leave one out")
    check_target(to, single_file, paths)
    if not 1 <= max_mb <= 2000:
        raise UserError(f"--max-mb must be from 1 to 2000, got {max_mb:g}; use {MAX_MB:g}")
    if not browser.runtime_files():
        raise UserError(
            "a site needs onnxruntime-web, got none; install Latent Lab from its wheel, or with npm"
        )
    check_lessons(lessons, [run.id for run in runs])
    shared: dict[str, SharedRun] = {}
    for run in runs:
        words = f"{run.name}: exporting"
        found = gather(run, with_images=with_images, progress=partial(progress, words))
        shared[_slug(found.name, shared)] = found
    weigh = packed_size if single_file else len
    fixed = sum(weigh(content) for content in site_shell(single_file).values())
    fixed += sum(weigh(content) for one in shared.values() for content in one.files.values())
    told = _told(shared, runs, licence if with_images else "", lessons)
    fixed += weigh(told)
    room = int(max_mb * 1e6) - fixed - 100_000
    if room < 0:
        raise UserError(
            f"the site must have at most {max_mb:g} MB, got {(fixed + 100_000) / 1e6:.1f} without snapshots; "
            "share fewer runs, or allow more (--max-mb)"
        )
    files: dict[str, bytes] = {}
    for slug, one in shared.items():
        one.files |= _thinned(one, room // len(shared), weigh)
        files |= {f"runs/{slug}/{name}": content for name, content in one.files.items() if content}
    files["site.json"] = _told(shared, runs, licence if with_images else "", lessons, sorted(files))
    title = " · ".join(one.name for one in shared.values())
    path = write_file(files, to, title) if single_file else write_folder(files, to, title)
    num = (
        path.stat().st_size
        if single_file
        else sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
    )
    several = len(shared) > 1
    left_out = [
        f"{one.name}: {sentence}" if several else sentence
        for one in shared.values()
        for sentence in one.left_out
    ]
    return Shared(path, num, [clean(sentence) for sentence in left_out])


def _slug(name: str, taken: dict[str, Any]) -> str:
    """A run's name in addresses: letters and digits that every system takes."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40] or "run"
    if base in _DEVICES:
        base = f"run-{base}"
    return next(
        slug for slug in [base, *(f"{base}-{k}" for k in range(2, len(taken) + 3))] if slug not in taken
    )


def _thinned(one: SharedRun, room: int, weigh: Callable[[bytes], int]) -> dict[str, bytes]:
    """As many snapshots as there is room for, evenly, the first and the last among them; with their list."""
    every = one.moments
    sizes = [sum(weigh(content) for content in files.values()) for _, files in every]
    num = len(every)
    chosen = list(range(num))
    while len(chosen) > 1 and sum(sizes[k] for k in chosen) > room:
        fewer = len(chosen) - 1
        chosen = sorted({round(k * (num - 1) / max(1, fewer - 1)) for k in range(fewer)})
    if len(chosen) < 2:
        chosen = []
    room -= sum(sizes[k] for k in chosen)
    if num and len(chosen) < num:
        one.left_out.append(
            f"{num - len(chosen)} of {num} snapshots of the time machine: there is no room for them; a larger "
            "`--max-mb` shares more."
        )
    files: dict[str, bytes] = {}
    for k in chosen:
        files |= every[k][1]
    steps = [every[k][0]["step"] for k in chosen]
    for ending, words in (("latent-test", "The map at"), ("autoencoder.onnx", "Drawing at")):
        listed = {f"{step}/{ending}": one.extras[step].get(f"{step}/{ending}", b"") for step in steps}
        size = sum(weigh(content) for content in listed.values())
        if steps and (size > room or not all(listed.values())):
            why = "there is no room" if size > room else "it needs the images"
            one.left_out.append(f"{words} earlier snapshots: {why}.")
            continue
        room -= size
        files |= listed
    snapshots = {"state": "finished", "snapshots": [every[k][0] for k in chosen]}
    files["snapshots"] = plain_json(snapshots)
    return files


def _told(
    shared: dict[str, SharedRun],
    runs: Sequence[Run],
    licence: str,
    lessons: Sequence[Lesson],
    files: Sequence[str] = (),
) -> bytes:
    """What the page is told, as JSON; it asks for no file but those that are listed."""
    about = _about(shared, licence) | {"files": list(files)}
    about["lessons"] = _lessons(lessons, runs, shared, about["runs"])
    return plain_json(about)


def _about(shared: dict[str, SharedRun], licence: str) -> dict[str, Any]:
    """What the page is told of the whole site."""
    most = max([len(one.facts["labels"]) for one in shared.values()] + [1])
    themes = palette.DIGITS
    return {
        "runs": [
            {
                "id": slug,
                "name": one.name,
                **one.facts,
                "left_out": one.left_out,
                "map": "best/latent-test" in one.files,
                "course": "course" in one.files,
            }
            for slug, one in shared.items()
        ],
        "licence": licence,
        "palette": {theme: palette.classes_palette(most, theme) for theme in themes},
        "scale": palette.SCALE,
        "heat": palette.HEAT,
        "diverging": palette.DIVERGING,
    }


def _lessons(
    lessons: Sequence[Lesson], runs: Sequence[Run], shared: dict[str, SharedRun], about: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The lessons for the page, which is told of each run's state what their conditions look up, and no more."""
    places = {
        run.id: SharedPlace(
            slug,
            one.known | {"num_runs": len(runs)},
            frozenset(view for view in ("map", "diagnosis") if told[view]) | {"explore", "generate"},
            has_time=len(_snapshots_of(one)) > 1,
            modes=frozenset(
                {"samples"}
                | ({"compare"} if one.facts["mixture"] else set())
                | ({"styles"} if one.facts["conditional"] else set())
            ),
            num_classes=len(one.facts["labels"]) if one.facts["conditional"] else 0,
        )
        for run, (slug, one), told in zip(runs, shared.items(), about, strict=True)
    }
    made = [site_lesson(lesson, places) for lesson in lessons]
    asked = {name for lesson in lessons for name in names_of(lesson)}
    for one, told in zip(shared.values(), about, strict=True):
        told["known"] = {name: value for name, value in one.known.items() if name in asked}
    return made


def _snapshots_of(one: SharedRun) -> list[Any]:
    """Snapshots that go along; all of them before it is known how many have room."""
    listed = one.files.get("snapshots")
    return one.moments if listed is None else json.loads(listed)["snapshots"]
