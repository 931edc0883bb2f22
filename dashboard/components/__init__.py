"""Components that live in the browser: ES modules served by this server, and one Python function for each.

What is drawn comes from the browser library (`vae/browser/`); a component here, or in a page's folder where one page
alone draws it, is a thin adapter over it. Streamlit turns a component's inline script into a blob, in which relative
imports fail. So what Streamlit gets is `loader.js`, which imports the module from this server (`dashboard/server/`);
modules of one address are shared by all components of a page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeGuard

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from dashboard.link import session as state
from dashboard.link.keys import MAX_COORDINATE
from dashboard.server import browser_files
from vae import browser

FOLDER = Path(__file__).resolve().parent
#: What all components share: the library's tokens, and the page's theme in their words.
_SHARED = (browser.FOLDER / "lib" / "tokens.css", FOLDER / "streamlit" / "theme.css")

#: What the components are called that a page has asked for so far.
NAMES: set[str] = set()


def register(
    name: str,
    *,
    height: int,
    folder: Path | None = None,
    charts: bool = False,
    fills: bool = False,
    styles: Sequence[str] = (),
    variant: str = "",
) -> ComponentRenderer:
    """Tell Streamlit of a component: the loader of its module, its style and an element to draw in.

    Args:
        name: What the page calls it.
        height: Pixels to keep free until the component is drawn, so that the page does not jump.
        folder: Where its module and style are, called like the folder; the one below this package of its name if it
            is left out.
        charts: Whether it draws with plotly.js.
        fills: Whether it fills the first screen of the page, so that as much is kept free.
        styles: The library's styles that it needs, by their path below `vae/browser/`.
        variant: Tells it from another of the same folder, for which another height is kept free.
    """
    NAMES.add(name)
    folder = folder or FOLDER / name
    own = folder / f"{folder.name}.css"
    sheets = [*_SHARED, *(browser.FOLDER / sheet for sheet in styles), *([own] if own.is_file() else [])]
    loader = (FOLDER / "loader.js").read_text()
    module = browser_files.address(folder / f"{folder.name}.js")
    for mark, value in (
        ("{version}", browser_files.version()),
        ("{module}", module),
        ("{charts}", "yes" if charts else ""),
    ):
        loader = loader.replace(f'"{mark}"', f'"{value}"')
    room = "var(--stage, 640px)" if fills else f"{height}px"
    skeleton = f'<div class="ll-skeleton" style="height: {room}"></div>' if height > 60 else ""
    return st.components.v2.component(
        f"latent_lab_{name}{f'_{variant}' if variant else ''}",
        html=f'<div class="ll" data-component="{name}" style="min-height: {room}">{skeleton}</div>',
        css="".join(sheet.read_text() for sheet in sheets),
        js=loader,
    )


def told(key: str, name: str) -> object:
    """What a component said that made the page run, before it is drawn again; None if it said nothing of that name."""
    held = state.held(key)
    return held[name] if name in held else _said(key, name)


def hold(key: str, name: str, about: str = "") -> Callable[[], None]:
    """A callback for a component whose words are not to be lost where newer ones break off the run that they began.

    Then the next run finds them by `told`, which says them until a run has come to its end, or by `take`, which says
    them once. Streamlit keeps the name of a trigger only if it has a callback.

    Args:
        key: Streamlit's key of the component.
        name: What it says.
        about: What several components of a page speak of, by its name in their words: the newest alone count.
    """

    def heard() -> None:
        if (value := _said(key, name)) is not None:
            state.hold(key, name, value, about if isinstance(value, Mapping) and about in value else "")

    return heard


def take(result: Mapping[str, Any], key: str, name: str) -> Any:
    """What a component said, for who acts on it now; None if it said nothing, or that has been acted on.

    Args:
        result: What the component gave when it was drawn.
        key: Its key.
        name: What it says.
    """
    held = state.take(key, name)
    return result.get(name) if held is None else held


def _said(key: str, name: str) -> object:
    said = st.session_state.get(key)
    return said.get(name) if said is not None else None


def plain(value: Any) -> Any:
    """What a browser is given, as JSON has it: dataclasses are objects by their fields, tuples are lists."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


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
