"""The run that the pages show: its picker in the sidebar, and how a page gets hold of it."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from dashboard import presentation, settings, state
from dashboard.plain import plain
from vae.errors import UserError
from vae.runs import BrokenRun, Run, find_run, list_runs
from vae.status import Status

#: Shown first to somebody who has no run of their own.
FIRST = ("mnist-2d", "digits-2d")

STATE_WORDS = {
    "new": "not begun",
    "queued": "waiting for its turn",
    "starting": "starting",
    "running": "training",
    "paused": "paused",
    "finished": "finished",
    "stopped": "stopped",
    "diverged": "diverged",
    "failed": "failed",
    "interrupted": "interrupted",
    "unknown": "state unknown",
}


def all_runs() -> tuple[list[Run], list[BrokenRun]]:
    """The user's runs, newest first, then the shipped ones; and the folders that could not be opened."""
    own: list[Run] = []
    broken: list[BrokenRun] = []
    for root in settings.roots():
        try:
            found = list_runs(root)
        except UserError as error:
            state.notice(str(error))
            continue
        taken = {run.id for run in own}
        own += [run for run in found if isinstance(run, Run) and run.id not in taken]
        broken += [run for run in found if isinstance(run, BrokenRun)]
    return own, broken


def is_shipped(run: Run) -> bool:
    """Whether the run came with the project and is not to be changed."""
    return run.path.parent == settings.shipped_root()


def draw(*, needed: bool) -> None:
    """Draw the picker, settle which run is meant, and say what was wrong with the link.

    Args:
        needed: Whether the page shows a run whatever happens; then a first one is chosen if none is named.
    """
    found, broken = all_runs()
    by_id = {run.id: run for run in found}
    wanted = state.run_id()
    if wanted is not None and wanted not in by_id:
        told = next((run.sentence for run in broken if run.id == wanted), None)
        shown = wanted if len(wanted) <= 60 else f"{wanted[:59]}…"
        state.notice(told or f"There is no run {shown!r} here; another one is shown. Was it deleted?")
        wanted = None
    if wanted is None:
        finished = [run.id for run in found if not is_shipped(run) and run.snapshots()]
        first = [name for name in FIRST if name in by_id]
        wanted = next(iter([*finished[:1], *first, *by_id]), None)
    if wanted is None:
        return
    state.choose_run(wanted)
    if state.presenting():  # the headline names it
        return
    titles = _titles(found)
    picked = st.sidebar.selectbox(
        "Run",
        list(titles),
        index=list(titles).index(wanted),
        format_func=titles.__getitem__,
        help="What the pages show. Shipped examples are marked; your own runs come first.",
        # Another widget whenever a title changes: the browser holds on to the title, not to the run.
        key=f"run-picker:{wanted}:{hash(tuple(titles.items()))}",
    )
    if picked != wanted:
        state.choose_run(picked)
        st.rerun()
    _summary(by_id[picked])


def chosen() -> Run | None:
    """The run that the URL names, opened; None if there is none."""
    wanted = state.run_id()
    try:
        return None if wanted is None else find_run(wanted, settings.roots())
    except UserError:
        return None  # `draw` has said so


def headline(title: str, words: str) -> None:
    """The title of a page, and one line of what it is for; in a presentation, the name of the run."""
    if state.presenting():
        run = chosen()
        presentation.headline(title, None if run is None else run.name)
        return
    st.header(title, anchor=False)
    st.caption(words)


def tell() -> None:
    """Show what had to be told: of the link, of a wish that was refused."""
    for sentence in state.take_notices():
        st.warning(plain(sentence), icon=":material/info:")


def describe(status: Status) -> str:
    """The state in words."""
    return STATE_WORDS.get(status.state, status.state)


def _titles(runs: list[Run]) -> dict[str, str]:
    """What the picker calls each run, by its id. No two are the same: Streamlit tells options apart by their titles."""
    titles = {run.id: f"{run.name} · example" if is_shipped(run) else run.name for run in runs}
    while len(set(titles.values())) < len(titles):
        num = Counter(titles.values())
        titles = {
            run_id: title if num[title] == 1 else f"{title} · {run_id}" for run_id, title in titles.items()
        }
    return titles


def _summary(run: Run) -> None:
    model, info = run.config.model, run.info
    kind = "conditional VAE" if model.conditional else "VAE"
    if run.config.objective.beta != 1 and not model.conditional:
        kind = "β-VAE"
    size = f"{info.height}×{info.width}" + (" colour" if info.channels == 3 else "")
    lines = [
        f"{kind}, {model.latent_dim} latent dimension{'s' if model.latent_dim > 1 else ''}, {model.network}",
        f"{run.config.data.name}, {size}, pixels: {run.config.data.binarize}",
        f"{model.likelihood} likelihood, β = {run.config.objective.beta:g}",
    ]
    st.sidebar.caption("  \n".join(lines))
