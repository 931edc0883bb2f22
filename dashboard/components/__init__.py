"""Components that live in the browser: plain ES modules served by this server, and one Python function for each.

Streamlit turns a component's inline script into a blob, in which relative imports fail. So what Streamlit gets is a
loader of a few lines that imports the module from this server (`dashboard/server/`); modules of one address are shared
by all components of a page.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeGuard

import plotly
import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from dashboard.link import session as state
from dashboard.link.keys import MAX_COORDINATE

FOLDER = Path(__file__).resolve().parent
#: onnxruntime-web, brought here by the build hook.
RUNTIME = FOLDER.parent / "runtime" / "dist"

_LOADER = """\
const charts = {charts}
if (charts && !document.getElementById("latent-lab-plotly")) {{
  // Begun here, the chart library is compiled while the component's modules are fetched.
  const script = document.createElement("script")
  script.id = "latent-lab-plotly"
  script.async = true
  script.onerror = () => {{ script.dataset.failed = "true" }}
  script.src = new URL("api/plotly/{version}/plotly.min.js", document.baseURI).href
  document.head.append(script)
}}
const address = new URL("api/lib/{version}/{name}/{name}.js", document.baseURI).href
// Where the server does not answer, it is asked again, ever more rarely, until it does.
let tries = 0
const attempt = () => {{
  const found = import(tries ? `${{address}}?again=${{tries}}` : address)
  found.catch(() => {{}})
  return found
}}
let module = attempt()

export default function (component) {{
  const root = component.parentElement.querySelector(".ll")
  let timer = 0
  let mounted = true
  let unmount = () => {{}}
  const say = (error, words) => {{
    console.error(error)
    root.textContent = `This part of the page could not be ${{words}}`
  }}
  const mount = (loaded) => {{
    if (!mounted) return
    try {{
      unmount = loaded.default(component)
    }} catch (error) {{
      say(error, "shown. Reload the page; if that does not help, restart the dashboard.")
    }}
  }}
  const begin = () => {{
    const asked = module
    asked.then(mount, (error) => {{
      if (!mounted) return
      say(error, "loaded: the server did not answer. It is asked again until it does.")
      timer = setTimeout(() => {{
        if (module === asked) {{
          tries += 1
          module = attempt()
        }}
        begin()
      }}, Math.min(500 * 2 ** tries, 10000))
    }})
  }}
  begin()
  return () => {{ mounted = false; clearTimeout(timer); unmount() }}
}}
"""


def files() -> dict[str, Path]:
    """The modules and styles that the server may hand out, by their path below this folder."""
    found = sorted([*FOLDER.glob("*/*.js"), *FOLDER.glob("*/*.css")])
    return {path.relative_to(FOLDER).as_posix(): path for path in found if path.is_file()}


def runtime_files() -> dict[str, Path]:
    """The files of onnxruntime-web, by name; empty if the build hook has not run."""
    found = sorted([*RUNTIME.glob("*.mjs"), *RUNTIME.glob("*.wasm")])
    return {path.name: path for path in found if path.is_file()}


def plotly_file() -> Path:
    """plotly.js as it comes with the Python package."""
    return Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


#: When a file was changed last, nanoseconds, and how large it is: these tell its content from another.
Stamp = tuple[int, int]


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
    state = hashlib.sha256(plotly.__version__.encode())
    stamps = {plotly_file(): stamp(plotly_file())}
    for name, path in files().items():
        stamps[path] = stamp(path)
        state.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    for name, path in runtime_files().items():
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


def register(
    name: str, *, height: int, charts: bool = False, also: Sequence[str] = (), variant: str = ""
) -> ComponentRenderer:
    """Tell Streamlit of a component: the loader of its module, its style and an element to draw in.

    Args:
        name: Folder below this one, with `<name>.js` and `<name>.css`.
        height: Pixels to keep free until the component is drawn, so that the page does not jump.
        charts: Whether it draws with plotly.js.
        also: Folders of other components whose parts it shows, for their styles.
        variant: Tells it from another of the same folder, for which another height is kept free.
    """
    sheets = [FOLDER / "lib" / "tokens.css", *(FOLDER / part / f"{part}.css" for part in (*also, name))]
    style = "".join(sheet.read_text() for sheet in sheets)
    loading = '<p class="ll-message">Loading…</p>\n'
    return st.components.v2.component(
        f"latent_lab_{name}{f'_{variant}' if variant else ''}",
        html=f'<div class="ll" data-component="{name}" style="min-height: {height}px">{loading}</div>',
        css=style,
        js=_LOADER.format(name=name, version=version(), charts=json.dumps(charts)),
    )


def told(key: str, name: str) -> object:
    """What a component said that made the page run, before it is drawn again; None if it said nothing of that name."""
    held = state.held(key)
    return held[name] if name in held else _said(key, name)


def hold(key: str, name: str) -> Callable[[], None]:
    """A callback for a component whose words are not to be lost where newer ones break off the run that they began.

    Then the next run finds them by `told`.
    """

    def heard() -> None:
        if (value := _said(key, name)) is not None:
            state.hold(key, name, value)

    return heard


def _said(key: str, name: str) -> object:
    said = st.session_state.get(key)
    return said.get(name) if said is not None else None


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether what a browser said is a number; true and false are none."""
    return type(value) in (int, float)


def is_point(value: object, latent_dim: int) -> bool:
    """Whether what a browser said is a latent point: it is input like any other."""
    return (
        isinstance(value, list)
        and len(value) == latent_dim
        and all(is_number(number) and abs(number) <= MAX_COORDINATE for number in value)
    )
