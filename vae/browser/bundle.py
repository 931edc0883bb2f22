"""The explorer as texts that go where no server answers: into a notebook's cell, or one HTML file.

Each module stays as it is in its file, but for the specifiers of its imports, which name paths below
`vae.browser.FOLDER` (``"latent-lab:lib/dom.js"``), and its own address (``import.meta.url``), which becomes
``latent-lab:///lib/dom.js``; so stack traces name the same files. `lib/link.js` gives them addresses in the page.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable

from vae import browser

__all__ = ["LINKER", "LOADER", "UNLINKED", "modules", "styles"]

#: The module that links the others: it imports none, and is handed over as it is.
LINKER = "lib/link.js"
#: What begins before there is anything to link, and is handed over as it is too: of a notebook's widget.
LOADER = "notebook/loader.js"
#: Neither of them is linked.
UNLINKED = (LINKER, LOADER)
#: An import or a re-export of a module of our own.
_IMPORT = re.compile(r"""^((?:import|export)\b[^"'();]*?)"(\.{1,2}/[^"]+)\"""", re.MULTILINE)
#: What a browser would have to resolve itself.
_LEFT = re.compile(r"""^(?:import|export)\b[^"'();]*?["'][./]|\bimport\(\s*["'`]""", re.MULTILINE)


def modules(entries: Iterable[str] | None = None) -> list[tuple[str, str]]:
    """The modules, each after all that it imports; `LINKER`, which none imports, is not among them.

    Args:
        entries: Paths below `vae.browser.FOLDER` (``map/map.js``) of those that are asked for, which bring what they
            import; None for all.

    Returns:
        Path and text of each.

    Raises:
        ValueError: If modules import each other in a circle, or one imports what is not there.
    """
    files = browser.files()
    ordered: dict[str, str] = {}

    def take(path: str, above: tuple[str, ...]) -> None:
        if path in ordered:
            return
        if path in above:
            raise ValueError(
                f"modules must not import each other in a circle, got {' > '.join([*above, path])}"
            )
        if path not in files:
            raise ValueError(
                f"{above[-1] if above else 'a caller'} imports {path}, which is not in {browser.FOLDER}"
            )
        text, imported = _rewritten(path, files[path].read_text("utf-8"))
        for name in imported:
            take(name, (*above, path))
        ordered[path] = text

    for path in sorted(files) if entries is None else entries:
        if path.endswith(".js") and path not in UNLINKED:
            take(path, ())
    return list(ordered.items())


def styles() -> dict[str, str]:
    """The style sheets, by their path below `vae.browser.FOLDER`; none imports another or names a file."""
    return {path: file.read_text("utf-8") for path, file in browser.files().items() if path.endswith(".css")}


def _rewritten(path: str, text: str) -> tuple[str, list[str]]:
    """A module's text with its imports by their paths, and these."""
    imported: list[str] = []

    def named(found: re.Match[str]) -> str:
        name = posixpath.normpath(posixpath.join(posixpath.dirname(path), found[2]))
        imported.append(name)
        return f'{found[1]}"latent-lab:{name}"'

    linked = _IMPORT.sub(named, text)
    code = re.sub(r"/\*.*?\*/", "", linked, flags=re.DOTALL)
    if (left := _LEFT.search(code)) is not None:
        raise ValueError(f"{path} must import modules by a string from its head, got {left[0][:80]!r}")
    own = json.dumps(f"latent-lab:///{path}")
    return f"{linked.replace('import.meta.url', own)}\n//# sourceURL=latent-lab:///{path}\n", imported
