"""A site's files on the disk: where they may be written, and how, as a folder or as one HTML file.

The modules are those of `vae.browser`, byte for byte; in one file they are linked by `lib/link.js`, as
`vae.browser.bundle` writes them.
"""

from __future__ import annotations

import base64
import errno
import gzip
import hashlib
import html
import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from vae import browser
from vae.browser import bundle
from vae.errors import UserError
from vae.storage.atomic import replacing
from vae.storage.scratch import working_folder

#: The page's own module, which brings all others.
_FOLDER, _SINGLE = "site/folder.js", "site/site.js"
#: Parts that the page brings in when they are wanted, as `site/site.js` names them.
_PARTS = (
    "image/image.js",
    "sliders/sliders.js",
    "image_source/image_source.js",
    "map/map.js",
    "generate/generate.js",
    "diagnosis/shared.js",
    "time_machine/time_machine.js",
)
_STYLES = ("lib/tokens.css", "site/theme.css", "site/site.css")


def check_target(to: Path, single_file: bool, runs: Sequence[Path]) -> None:
    """Refuse a place in which something lies already, that belongs to a run, or that no disk has."""
    try:
        _check_place(to, single_file, runs)
    except UserError:
        raise
    except (OSError, ValueError) as error:  # too long a name, a zero byte, a folder that may not be read
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"a site must be at a place that can be written, got {to} ({reason}); give another"
        ) from None


def _check_place(to: Path, single_file: bool, runs: Sequence[Path]) -> None:
    if to.is_symlink():
        raise UserError(f"the target must be no link, got {to}; give its own place")
    place = to.absolute()
    above = next(one for one in (*place.parents, place) if one.exists())
    if not above.is_dir():
        raise UserError(
            f"a site must be in a folder, got {to}, above which {above} is a file; give another place"
        )
    for part in place.parts:  # a name that the disk would not take is refused before the work, not after it
        with suppress(FileNotFoundError):
            os.lstat(above / part)
    for run in runs:
        if place.resolve().is_relative_to(run):
            raise UserError(f"a site must be outside of the runs, got {to}; give another place")
    if single_file:
        if to.suffix.lower() not in (".html", ".htm"):
            raise UserError(f"--single-file must end in .html, got {to.name!r}; use {to.stem or 'out'}.html")
        if to.exists():
            raise UserError(f"--single-file must not be there yet, got {to}; remove it or use another name")
        if not to.absolute().parent.is_dir():
            raise UserError(
                f"--single-file must be in a folder that is there, got {to}; make the folder first"
            )
    elif to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UserError(
            f"--to must be a folder that is not there yet or empty, got {to}; remove it or use another"
        )


def site_shell(single_file: bool) -> dict[str, bytes]:
    """What every site has: modules, styles and onnxruntime-web, by their path in it."""
    runtime = {f"runtime/{name}": path.read_bytes() for name, path in browser.runtime_files().items()}
    if single_file:
        modules = json.dumps(bundle.modules([_SINGLE, *_PARTS]), ensure_ascii=False).encode()
        styles = json.dumps(bundle.styles(), ensure_ascii=False).encode()
        return {"modules.json": modules, "styles.json": styles, **runtime}
    names = [name for name, _ in bundle.modules([_FOLDER, *_PARTS])]
    names += [name for name in browser.files() if name.endswith(".css")]
    files = browser.files()
    return {**{f"browser/{name}": files[name].read_bytes() for name in names}, **runtime}


def write_folder(files: dict[str, bytes], to: Path, title: str) -> Path:
    """All files into a new folder beside the target, which then takes its place: a site is whole or not there."""
    page = _page("folder.html", title=html.escape(title), preloads=_preloads(files))
    whole = {**files, **site_shell(False), "index.html": page.encode()}
    parent = to.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    with working_folder(parent, ".latent-lab-share.") as folder:
        root = folder / "site"
        for name, content in whole.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        place = to.resolve()
        try:
            if place.exists():
                place.rmdir()
            root.replace(place)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            raise UserError(
                f"--to must stay empty until the site is there, got {to}, into which something was written "
                "meanwhile; use another"
            ) from None
    return to


def _page(name: str, **values: str) -> str:
    """A page with its marks filled in, in one pass: what is filled in has no marks of its own."""
    text = (browser.FOLDER / "site" / name).read_text("utf-8")
    return re.sub(r"\{(title|styles|linker|nonce|files|preloads)\}", lambda found: values[found[1]], text)


def _preloads(files: dict[str, bytes]) -> str:
    """What the first image needs, asked for at once: else a module is asked for when another one names it."""
    modules = [f"browser/{name}" for name, _ in bundle.modules([_FOLDER, _PARTS[0]])]
    fetched = ["site.json"]
    for name in browser.runtime_files():
        (fetched if name.endswith(".wasm") else modules).append(f"runtime/{name}")
    decoders = [name for name in files if name.endswith("/best/decoder.onnx")]
    if len(decoders) == 1:
        fetched += decoders
    lines = [f'<link rel="preload" as="fetch" crossorigin href="{name}">' for name in fetched]
    lines += [f'<link rel="modulepreload" href="{name}">' for name in modules]
    return "\n".join(lines)


def write_file(files: dict[str, bytes], to: Path, title: str) -> Path:
    """One HTML file: everything is in it, compressed, as text that the page unpacks when it needs it."""
    whole = {**files, **site_shell(True)}
    held = "\n".join(
        f'<script type="text/plain" data-file="{html.escape(name)}">{packed(content).decode()}</script>'
        for name, content in whole.items()
    )
    styles = "\n".join((browser.FOLDER / name).read_text("utf-8") for name in _STYLES)
    linker = (browser.FOLDER / bundle.LINKER).read_text("utf-8")
    nonce = hashlib.sha256(held.encode()).hexdigest()[:32]
    page = _page(
        "single.html", title=html.escape(title), styles=styles, linker=linker, nonce=nonce, files=held
    )
    with replacing(to.absolute()) as file:
        file.write(page.encode())
    return to


@cache
def packed(content: bytes) -> bytes:
    """A file as text in a page; it is weighed first and written later, and compressed once (see `share`)."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0))


def packed_size(content: bytes) -> int:
    return len(packed(content))
