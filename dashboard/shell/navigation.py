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
        "Train a model and watch it learn. Change β while it trains; pause, step, stop or continue.",
    ),
    "explore": (
        "Explore",
        ":material/tune:",
        "One slider for each latent dimension; the decoded image follows while you drag.",
    ),
    "map": (
        "Map",
        ":material/scatter_plot:",
        "Where the posterior places each test image, coloured by class. Hover to decode any point.",
    ),
    "generate": (
        "Generate",
        ":material/auto_awesome:",
        "Sample new images, and see what the latent code and the class each control.",
    ),
    "collapse": (
        "Collapse",
        ":material/compress:",
        "Why is the KL zero? A diagnosis of the latent space, remedies, and examples of each kind of collapse.",
    ),
    "evaluate": (
        "Evaluate",
        ":material/straighten:",
        "The ELBO and its parts, bounds on log p(x), and exact log p(x) for one or two latent dimensions.",
    ),
    "compare": (
        "Compare",
        ":material/compare:",
        "Runs side by side: their settings, the rate–distortion plane, the same images and the same z.",
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
