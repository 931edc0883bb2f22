"""A button that copies the address of the page: it says all that makes the view what it is."""

from __future__ import annotations

from pathlib import Path

from dashboard.components import register

_COMPONENT = register("copy_link", height=36, folder=Path(__file__).resolve().parent)


def copy_link() -> None:
    """Draw the button; it copies in the browser, and Python hears nothing of it."""
    _COMPONENT(key="copy-link", width="content", data={})
