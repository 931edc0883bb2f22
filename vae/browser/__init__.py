"""The explorer that lives in a browser, as ES modules: decoder, sliders, image, map, time machine, drawing pad …

They know neither Streamlit nor a notebook. Each part is mounted by ``mount(element, {source, state, onChange})``:
``source`` hands out a run's data (routes of a server, files of a folder), ``state`` is plain JSON, ``onChange(name,
value)`` is told what the person does. ``lib/`` holds what they share, ``runtime/`` what the build hook fetches of
onnxruntime-web.

This package only says which files there are; the command line, the dashboard and whoever ships the explorer import it.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["FOLDER", "RUNTIME", "files", "runtime_files"]

#: Where the modules and styles lie.
FOLDER = Path(__file__).resolve().parent
#: onnxruntime-web, brought here by the build hook.
RUNTIME = FOLDER / "runtime" / "dist"


def files() -> dict[str, Path]:
    """The modules and styles, by their path below `FOLDER`; read from the disk at every call."""
    found = sorted([*FOLDER.glob("*/*.js"), *FOLDER.glob("*/*.css")])
    return {path.relative_to(FOLDER).as_posix(): path for path in found if path.is_file()}


def runtime_files() -> dict[str, Path]:
    """The files of onnxruntime-web, by name; empty if the build hook has not run."""
    found = sorted([*RUNTIME.glob("*.mjs"), *RUNTIME.glob("*.wasm")])
    return {path.name: path for path in found if path.is_file()}
