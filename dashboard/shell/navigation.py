"""The pages, and how one leads to another."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

import streamlit as st

from dashboard.link import keys, session
from dashboard.look.markdown import plain
from dashboard.shell import run_picker
from vae.config.registry import Entry, Registry
from vae.errors import UserError
from vae.runs.beta_history import title_of as title_of_run

_PAGES = {
    "learn": (
        "Learn",
        ":material/school:",
        "How does a VAE work? The theory in ten chapters, with the numbers of your own run in the formulas.",
    ),
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
NEED_A_RUN = ("learn", "explore", "map", "generate", "evaluate")
#: The page for contributors that shows each part in each state; not in the menu.
STYLE = "styleguide"
#: Pages that show no run, or several.
_OF_MANY = ("compare", "runs", STYLE)
#: Pages that a user adds: functions without arguments that draw below the title. ``icon`` is a Material symbol, as
#: ``:material/star:``; ``needs_run`` says that the page has nothing to show without a run.
PAGES = Registry("page", facts=("icon", "needs_run"))


def pages() -> dict[str, Any]:
    """The pages by their address: the package's, then the user's."""
    built_in = {
        name: st.Page(_drawer(name), title=title, url_path=name, icon=icon, help=words)
        for name, (title, icon, words) in _PAGES.items()
    }
    added = {
        entry.name: st.Page(
            _own_drawer(entry),
            title=entry.title,
            url_path=entry.name,
            icon=entry.facts.get("icon", ":material/extension:"),
            help=entry.words or None,
        )
        for entry in PAGES
        if entry.name not in built_in
    }
    style = st.Page(_drawer(STYLE), title="Style", url_path=STYLE, visibility="hidden")
    return {**built_in, **added, STYLE: style}


def title_of(name: str) -> str:
    """The title of one of the package's pages."""
    return _PAGES[name][0] if name in _PAGES else name


def needs_a_run(name: str) -> bool:
    """Whether a page has nothing to show without a run."""
    return name in NEED_A_RUN or PAGES.fact(name, "needs_run", False)


def title_of_tab(title: str, name: str) -> str:
    """What the browser's tab says: the page, and the run where the page shows one."""
    run = None if name in _OF_MANY else run_picker.chosen()
    return f"{title} — Latent Lab" if run is None else f"{title} · {title_of_run(run)} — Latent Lab"


def start() -> None:
    """The address without a page leads to something to explore."""
    go_to("explore", dict(st.query_params) or {**session.link(), keys.WELCOME.name: "1"})


def go_to(name: str, query: dict[str, Any] | None = None) -> NoReturn:
    """Leave for another page, with run, point and label."""
    st.switch_page(pages()[name], query_params=session.link() if query is None else query)


def _drawer(name: str) -> Callable[[], None]:
    """A page's function; its module is imported when the page is first opened."""

    def draw() -> None:
        import_module(f"dashboard.views.{name}.page").page()

    draw.__name__ = name
    return draw


def _own_drawer(entry: Entry) -> Callable[[], None]:
    """The function of a page that a user added; what it refuses is a sentence in its place."""

    def draw() -> None:
        run_picker.head(entry.title, entry.words, page=entry.name)
        if needs_a_run(entry.name) and run_picker.chosen_or_told() is None:
            return
        try:
            entry.load()()
        except UserError as error:
            st.error(plain(str(error)), icon=":material/block:")

    draw.__name__ = entry.name
    return draw
