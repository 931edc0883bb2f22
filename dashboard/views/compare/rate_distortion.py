"""The rate–distortion plane of the Compare page: which runs are in it, and how missing test metrics are measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.cache import models
from dashboard.components.signal import rerun_when_changed
from dashboard.jobs import sweeps, test_metrics
from dashboard.link import session
from dashboard.look.markdown import plain
from dashboard.server import topics
from dashboard.shell import run_picker
from dashboard.shell.run_picker import STATE_WORDS, data_words
from dashboard.views.compare import link
from dashboard.views.compare.rate_distortion_plane import MOST_LABELS, Dot, plane
from vae.evaluation.comparability import EvaluationProtocol, why_not_comparable
from vae.runs.beta_history import beta_words, betas, title_of
from vae.runs.run import Run

if TYPE_CHECKING:
    from dashboard.streamlit_internals import DeltaGenerator

#: Dots of one plane, at most.
MOST_DOTS = 300
_TITLES = {"chosen": "Chosen runs", "all": "All runs of this dataset", "sweep": "A sweep"}


def draw(chosen: Sequence[Run], runs: Sequence[Run]) -> str | None:
    """Draw the plane, or a plane for each yardstick.

    Args:
        chosen: The runs that stand side by side.
        runs: All there are.

    Returns:
        The run that the person took in or out of the comparison; None if none.
    """
    shown = _shown(chosen, runs)
    if not shown:
        st.info("There is no run to show here yet.")
        return None
    groups: dict[EvaluationProtocol, list[Run]] = {}
    for run in shown[:MOST_DOTS]:
        groups.setdefault(EvaluationProtocol.of(run), []).append(run)
    if sentence := why_not_comparable(list(groups)):
        st.caption(plain(sentence))
    if len(shown) > MOST_DOTS:
        st.caption(f"Showing the first {MOST_DOTS} of {len(shown):,} runs.")
    seen = _seen(shown[:MOST_DOTS])
    taken: str | None = None
    for yardstick, members in groups.items():
        taken = _group(yardstick, members, chosen, alone=len(groups) == 1) or taken
    if session.read(link.PLANE, "all") == "sweep":
        _undone(shown)
    if test_metrics.under_way() or _at_work(shown[:MOST_DOTS]) or seen != _seen(shown[:MOST_DOTS]):
        session.begin_watch("plane")
        _watch(shown[:MOST_DOTS], seen)
    return taken


def _shown(chosen: Sequence[Run], runs: Sequence[Run]) -> list[Run]:
    known = sweeps.names(runs)
    linked = session.read(link.SWEEP, "")
    if linked and linked not in known:
        session.notice(f"Sweep {linked!r} was not found. Was it deleted?")
        session.forget(link.SWEEP)
    options = ["chosen", "all", *(["sweep"] if known else [])]
    wanted = session.read(link.PLANE, "all")
    widget = session.fresh("compare-plane")
    left, right = st.columns([3, 2], gap="medium")
    session.seat(link.PLANE, widget, wanted if wanted in options else "all")
    picked = left.segmented_control(
        "Runs in the plane",
        options,
        format_func=_TITLES.__getitem__,
        required=True,
        key=widget,
        label_visibility="collapsed",
    )
    session.write(link.PLANE, str(picked or "all"))
    if picked == "chosen":
        return list(chosen)
    if picked == "sweep":
        name = _sweep(right, known, linked if linked in known else known[0])
        return [run for run in runs if sweeps.is_of(run, name)]
    yardsticks = {EvaluationProtocol.of(run) for run in chosen or runs[:1]}
    first = list(chosen)
    return first + [run for run in runs if run not in first and EvaluationProtocol.of(run) in yardsticks]


def _sweep(place: DeltaGenerator, known: list[str], wanted: str) -> str:
    """Which of the sweeps, where there are several."""
    session.write(link.SWEEP, wanted)
    if len(known) == 1:
        return wanted
    widget = session.fresh("compare-sweep")
    session.seat(link.SWEEP, widget, wanted)
    if st.session_state[widget] not in known:
        st.session_state[widget] = wanted
    picked = place.selectbox("Sweep", known, key=widget, label_visibility="collapsed")
    session.write(link.SWEEP, str(picked))
    return str(picked)


def _undone(members: Sequence[Run]) -> None:
    """The points of a sweep that came to nothing, each with its reason, and the way to train them, and them alone."""
    found = sweeps.undone(members)
    if not found:
        return
    is_or_are = "is" if len(found) == 1 else "are"
    lines = [f"{len(found)} of {len(members)} runs of this sweep {is_or_are} not finished:"]
    for run in found[:10]:
        status = run.status()
        why = status.error or f"it was {STATE_WORDS.get(status.state, status.state)} at step {status.step:,}"
        lines.append(f"- {plain(f'“{title_of(run)}”: {why}')}")
    if len(found) > 10:
        lines.append(f"- and {len(found) - 10} more")
    st.warning("\n".join(lines), icon=":material/error:")
    if session.presenting():
        return
    if st.button(
        "Train it again" if len(found) == 1 else f"Train these {len(found)} again",
        icon=":material/replay:",
        help="They continue from their last checkpoints; finished runs are left alone.",
        key="sweep:again",
    ):
        for sentence in sweeps.again(found):
            session.notice(sentence)
        st.rerun()


def _group(
    yardstick: EvaluationProtocol, members: Sequence[Run], chosen: Sequence[Run], *, alone: bool
) -> str | None:
    ids = {run.id for run in chosen}
    dots, without = [], []
    for run in members:
        result = test_metrics.kept(run)
        if result is None:
            without.append(run)
            continue
        found = result.last
        config = run.config
        dots.append(
            Dot(
                id=run.id,
                name=title_of(run),
                stamp=models.stamp(run, "last"),
                beta=betas(run)[-1],
                betas=beta_words(run),
                seed=config.train.seed,
                latent_dim=config.model.latent_dim,
                active=found.active_units,
                rate=found.rate,
                distortion=found.distortion,
                standard_error=found.standard_error,
                printed=found.printed(),
                num_images=result.num_images,
                step=found.step,
                chosen=run.id in ids,
            )
        )
    if not alone:
        st.markdown(f"**{plain(_title(yardstick))}**")
    taken = None
    if dots:
        taken = plane(
            dots,
            full=len(chosen) >= link.MOST_RUNS,
            alone=alone,
            key=f"plane:{hash(yardstick)}",
        )
        labels = " Labels: β, and active of all latent dimensions." if len(dots) <= MOST_LABELS else ""
        whose = f"{_title(yardstick)}; last" if alone else "Last"
        st.caption(
            plain(
                f"{whose} weights; nats per example at β = 1, ± one standard error over the images. Dotted: equal "
                f"ELBO.{labels}"
            ),
            help="The last weights are those that training with its β came to; one sample of z per image.",
        )
    _missing(without, ids, hash(yardstick))
    return taken


def _title(yardstick: EvaluationProtocol) -> str:
    return f"{data_words(yardstick.data)}{yardstick.words.removeprefix(yardstick.data)}"


def _missing(without: Sequence[Run], chosen: set[str], mark: int) -> None:
    """Offer to measure what has no figures; those of the chosen runs are measured unasked."""
    ready: list[Run] = []
    left_out: dict[str, list[str]] = {}
    for run in without:
        why, job = test_metrics.why_not(run), test_metrics.job(run)
        if job is not None and job.state == "failed":
            st.warning(plain(f"“{title_of(run)}” could not be measured: {job.error}"), icon=":material/info:")
        elif why:
            if run.id in chosen:
                left_out.setdefault(why, []).append(f"“{title_of(run)}”")
        elif job is None or not job.is_open:
            ready.append(run)
    for why, names in left_out.items():
        st.caption(plain(f"Not in the plane: {', '.join(names)}. {why[:1].upper()}{why[1:]}"))
    for run in ready:
        if run.id in chosen and test_metrics.job(run) is None:
            test_metrics.start(run)
    rest = [run for run in ready if run.id not in chosen or test_metrics.job(run) is None]
    rest = [run for run in rest if (job := test_metrics.job(run)) is None or not job.is_open]
    if rest and st.button(
        f"Measure {len(rest)} more run{'s' if len(rest) > 1 else ''}",
        icon=":material/straighten:",
        help="Encodes all test images in the background and saves the test metrics with each run.",
        key=f"measure-more:{mark}",
    ):
        for run in rest:
            test_metrics.start(run)
        st.rerun()


@st.fragment
def _watch(runs: Sequence[Run], seen: tuple[str, ...]) -> None:
    """Tell how far measuring is, measure what a sweep has finished, and draw anew when there is more to see."""
    rerun_when_changed({**topics.runs.drawn(), **topics.jobs.drawn()}, pause=1.0, key="plane")
    open_jobs = test_metrics.under_way()
    name = session.read(link.SWEEP, "")
    at_work = _at_work(runs)
    for run in runs:
        finished = name and sweeps.is_of(run, name) and run.status().state == "finished"
        if (
            finished
            and test_metrics.job(run) is None
            and test_metrics.kept(run) is None
            and not test_metrics.why_not(run)
        ):
            test_metrics.start(run)
    words = []
    if open_jobs:
        words.append(f"Measuring test metrics: {len(open_jobs)} run{'s' if len(open_jobs) > 1 else ''} left.")
    if at_work:
        totals = [
            (run.status().epoch, total) for run in at_work if (total := run_picker.epochs(run)) is not None
        ]
        shares = [min(1.0, epoch / total) for epoch, total in totals]
        done = f", {sum(shares) / len(shares):.0%} done" if shares else ""
        words.append(
            f"Training: {len(at_work)} run{'s' if len(at_work) > 1 else ''} left{done}. Dots appear as runs "
            "finish."
        )
    if words:
        st.caption(" ".join(words))
    if session.is_watched("plane") and seen != _seen(runs):
        st.rerun()


def _at_work(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.status().state in test_metrics.AT_WORK]


def _seen(runs: Sequence[Run]) -> tuple[str, ...]:
    """What the plane shows, and what else could be there soon."""
    return tuple(
        f"{run.id} {test_metrics.kept(run) is not None} {run.status().state in test_metrics.AT_WORK}"
        for run in runs
    )
