"""The pages, and how one leads to another."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

import streamlit as st

from dashboard.link import session

_PAGES = {
    "train": (
        "Train",
        ":material/model_training:",
        "Train a model and watch it learn: move β while it trains, pause, step, stop, go on.",
    ),
    "explore": (
        "Explore",
        ":material/tune:",
        "Drag a slider for each latent dimension; the decoded image follows the pointer.",
    ),
    "map": (
        "Map",
        ":material/scatter_plot:",
        "Where the posterior puts each test image, coloured by label; hover to decode any spot.",
    ),
    "generate": (
        "Generate",
        ":material/auto_awesome:",
        "New images: of the class that you pick, one style as every class, and what z knows of the class.",
    ),
    "collapse": (
        "Collapse",
        ":material/compress:",
        "Why is the KL zero? What became of each latent dimension, what to do about it, and collapses to try.",
    ),
    "evaluate": (
        "Evaluate",
        ":material/straighten:",
        "ELBO and its parts, bounds on log p(x), and in one or two dimensions the truth itself.",
    ),
    "compare": (
        "Compare",
        ":material/compare:",
        "Several runs side by side: what differs, the rate-distortion plane, the same images and the same z.",
    ),
    "runs": (
        "Runs",
        ":material/folder_open:",
        "All runs: open, rename, delete, export and import.",
    ),
}
#: Pages that have nothing to show without a run.
NEED_A_RUN = ("explore", "map", "generate", "evaluate")


def pages() -> dict[str, Any]:
    """The pages by their address."""
    return {
        name: st.Page(_drawer(name), title=title, url_path=name, icon=icon, help=words)
        for name, (title, icon, words) in _PAGES.items()
    }


def start() -> None:
    """The address without a page leads to something to explore."""
    go_to("explore", dict(st.query_params) or session.link())


def go_to(name: str, query: dict[str, Any] | None = None) -> NoReturn:
    """Leave for another page, with run, point and label."""
    st.switch_page(pages()[name], query_params=session.link() if query is None else query)


def _drawer(name: str) -> Callable[[], None]:
    """A page's function; its module is imported when the page is first opened."""

    def draw() -> None:
        import_module(f"dashboard.views.{name}.page").page()

    draw.__name__ = name
    return draw
