"""The run that the pages show: its picker in the sidebar, and how a page gets hold of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import settings
from dashboard.link import keys, session
from dashboard.look.markdown import plain
from dashboard.shell import page_head
from vae.config.registries import (
    BETA_VAE,
    DATASETS,
    LIKELIHOODS,
    NETWORKS,
    OBJECTIVES,
    PRIORS,
    STANDARD_NORMAL,
)
from vae.errors import UserError
from vae.runs.beta_history import beta_words, title_of
from vae.runs.listing import BrokenRun, find_run, list_runs
from vae.runs.run import Run
from vae.runs.status import Status

if TYPE_CHECKING:
    from dashboard.streamlit_internals import DeltaGenerator

#: Shown first to somebody who has no run of their own: its images are on every machine, and it has a time machine.
FIRST = ("digits-2d", "mnist-2d")

STATE_WORDS = {
    "new": "not started",
    "queued": "queued",
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

#: A trainer has the run, or will have it next.
BUSY = ("queued", "starting", "running", "paused")

#: What a page says where there is no run at all.
NO_RUN = "There is no run yet. Train one on the Train page."


def all_runs() -> tuple[list[Run], list[BrokenRun]]:
    """The user's runs, newest first, then the shipped ones; and the folders that could not be opened."""
    own: list[Run] = []
    broken: list[BrokenRun] = []
    for root in settings.roots():
        try:
            found = list_runs(root)
        except UserError as error:
            session.notice(str(error))
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
    wanted = session.run_id()
    if wanted is not None and wanted not in by_id:
        told = next((run.sentence for run in broken if run.id == wanted), None)
        shown = wanted if len(wanted) <= 60 else f"{wanted[:59]}…"
        session.notice(told or f"Run {shown!r} was not found; another one is shown. Was it deleted?")
        wanted = None
    if wanted is None:
        finished = [run.id for run in found if not is_shipped(run) and run.snapshots()]
        first = [name for name in FIRST if name in by_id]
        wanted = next(iter([*finished[:1], *first, *by_id]), None)
    if wanted is None:
        return
    session.choose_run(wanted)
    if not by_id[wanted].config.model.conditional:
        for name in keys.OF_A_CONDITION:
            session.refuse(keys.left_out(name, "this run is not conditional"))
    if session.presenting():  # the headline names it
        return
    names = titles(found)
    picked = st.sidebar.selectbox(
        "Run",
        list(names),
        index=list(names).index(wanted),
        format_func=names.__getitem__,
        help="The run that the pages show. Your own runs come first; shipped examples are marked.",
        # Another widget whenever a title changes: the browser holds on to the title, not to the run.
        key=f"run-picker:{wanted}:{hash(tuple(names.items()))}",
    )
    if picked != wanted:
        session.choose_run(picked)
        st.rerun()
    _summary(by_id[picked])


def chosen() -> Run | None:
    """The run that the URL names, opened; None if there is none."""
    wanted = session.run_id()
    try:
        return None if wanted is None else find_run(wanted, settings.roots())
    except UserError:
        return None  # `draw` has said so


def chosen_or_told() -> Run | None:
    """The run that the page shows; without one the page says so."""
    run = chosen()
    if run is None:
        st.info(NO_RUN)
    return run


def head(title: str, question: str, page: str | None = None) -> DeltaGenerator:
    """The head of a page that shows the run, which a presentation names; returns the place of the page's modes."""
    run = chosen()
    return page_head.head(title, question, run_name=None if run is None else title_of(run), page=page)


def tell() -> None:
    """Show what had to be told: of the link, of a wish that was refused."""
    sentences = [plain(sentence) for sentence in session.take_notices()]
    if sentences:
        words = sentences[0] if len(sentences) == 1 else "\n".join(f"- {sentence}" for sentence in sentences)
        st.warning(words, icon=":material/info:")


def describe(status: Status) -> str:
    """The state in words."""
    return STATE_WORDS.get(status.state, status.state)


def epochs(run: Run) -> int | None:
    """How many epochs a run trains; None for a watched loop that has not said so, or has gone on beyond."""
    status, planned = run.status(), run.config.train.epochs
    is_watched = run.config.model.network == "external"
    return None if is_watched and (not status.num_steps or status.epoch > planned) else planned


def epoch(run: Run) -> str:
    """How far a run has come: `epoch 3 of 40`, or `epoch 3` where nobody knows of how many."""
    total = epochs(run)
    return f"epoch {run.status().epoch:.0f}{'' if total is None else f' of {total}'}"


def titles(runs: list[Run]) -> dict[str, str]:
    """What the picker calls each run, by its id. No two are the same: Streamlit tells options apart by their titles."""
    found = {run.id: f"{run.name} · example" if is_shipped(run) else title_of(run) for run in runs}
    while len(set(found.values())) < len(found):
        num = Counter(found.values())
        found = {
            run_id: title if num[title] == 1 else f"{title} · {run_id}" for run_id, title in found.items()
        }
    return found


def data_words(name: str) -> str:
    """A dataset in words."""
    return "Digits" if name == "digits" else DATASETS.title(name)


def _networks(name: str) -> str:
    return NETWORKS.fact(name, "noun", NETWORKS.title(name))


def likelihood_words(name: str) -> str:
    """A likelihood in words: ``Gaussian likelihood, fixed σ``."""
    head, comma, rest = LIKELIHOODS.title(name).partition(",")
    return f"{head} likelihood{comma}{rest}"


def _summary(run: Run) -> None:
    model, info = run.config.model, run.info
    kind = "Conditional VAE" if model.conditional else "VAE"
    if run.config.objective.beta != 1 and not model.conditional:
        kind = "β-VAE"
    data, tone = run.config.data, "colour" if info.channels == 3 else "grey"
    pixels = {
        "none": f"{tone} pixels",
        "threshold": f"pixels thresholded at {data.threshold:g}",
        "static": "pixels sampled once",
        "dynamic": "pixels sampled again each time",
    }
    lines = [
        f"{kind}, {model.latent_dim} latent dimension{'s' if model.latent_dim > 1 else ''}, {_networks(model.network)}",
        f"{data_words(data.name)}, {info.height}×{info.width}, {pixels[data.binarize]}",
        f"{likelihood_words(model.likelihood)}, β = {beta_words(run)}",
    ]
    if model.prior != STANDARD_NORMAL:
        lines.append(f"Prior: {PRIORS.title(model.prior)}")
    if run.config.objective.name != BETA_VAE:
        lines.append(f"Objective: {OBJECTIVES.title(run.config.objective.name)}")
    st.sidebar.caption("  \n".join(lines))
