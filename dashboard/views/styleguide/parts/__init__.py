"""The parts of the browser library's style sheet (`vae/browser/lib/tokens.css`), each in its states."""

from __future__ import annotations

from pathlib import Path

from dashboard.components import register

_COMPONENT = register("style_parts", height=640, folder=Path(__file__).resolve().parent)


def parts() -> None:
    """Draw them."""
    _COMPONENT(key="style-parts", data={})
