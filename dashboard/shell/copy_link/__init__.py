"""Buttons that copy the address of the page: it says all that makes the view what it is, and what of it stays."""

from __future__ import annotations

from pathlib import Path

from dashboard.components import register

_COMPONENT = register("copy_link", height=36, folder=Path(__file__).resolve().parent)


def copy_link() -> None:
    """Draw the buttons; they copy in the browser, and Python hears nothing of it.

    The second one lists the controls of the page: who ticks what stays, and what of it is fixed, copies a link that
    hides the rest (`hide=`, `lock=`).
    """
    _COMPONENT(key="copy-link", width="content", data={})
