"""Collapse: why is the KL zero, and what to do?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import settings
from dashboard.cache import datasets, diagnoses, models
from dashboard.components.samples import samples
from dashboard.components.signal import rerun_when_changed
from dashboard.jobs.run_news import some_news
from dashboard.link import session
from dashboard.look.markdown import plain
from dashboard.shell import encoder_lag, run_picker, stage, time_machine
from dashboard.views.collapse import beta_question, link, own_measurements, recipe_runs, recipes
from dashboard.views.collapse.diagnosis import Part, Probe, diagnosis
from vae.diagnostics.findings import Name
from vae.errors import UserError
from vae.latent.aggregate_posterior import SATURATION_NATS
from vae.runs.beta_history import title_of
from vae.runs.listing import find_run
from vae.runs.metrics import left_out
from vae.runs.newest_weights import newest
from vae.runs.run import Run
from vae.runs.size import NUM_PROBES
from vae.training.preconditions import why_not_trainable

if TYPE_CHECKING:
    from dashboard.streamlit_internals import DeltaGenerator

#: The threshold of activity unless the link names another, as `vae.diagnostics.diagnose.ACTIVE_THRESHOLD`.
USUAL = 0.01
_TABS = {"run": "This run", "recipes": "Recipes", "units": "What is my β?"}
_ALL: tuple[Part, ...] = ("rates", "course", "variance", "information", "usage", "curves", "table")
#: Of before and after: what stands side by side below the first screen, and what is of the run after alone.
_BESIDE: tuple[Part, ...] = ("rates", "curves")
_BELOW: tuple[Part, ...] = ("course", "variance", "information", "usage", "table")


def page() -> None:
    """Draw the page."""
    modes = run_picker.head(
        "Collapse",
        "Does the model use its latent space, and what helps if not? A diagnosis in plain words.",
    )
    run = run_picker.chosen()
    with modes:
        tab = _tab()
    if tab == "units":
        beta_question.panel(run)
    elif tab == "recipes":
        recipes.gallery()
    elif run is None:
        st.info("There is no run yet. Make one from a recipe, or train one on the Train page.")
        recipes.gallery()
    else:
        _run(run)


def _tab() -> str:
    session.seat(link.TAB, link.TAB_WIDGET, session.read(link.TAB, "run"))
    picked = st.segmented_control(
        "Part of the page",
        list(_TABS),
        format_func=_TABS.__getitem__,
        required=True,
        key=link.TAB_WIDGET,
        label_visibility="collapsed",
    )
    tab = str(picked or "run")
    session.keep(link.TAB, None if tab == "run" else tab)
    return tab


def _run(run: Run) -> None:
    before = _before(run)
    _doing(run)
    if before is None and run.status().state not in run_picker.BUSY and not _has_weights(run):
        recipes.cures(run)
        beta_question.line(run)
        return
    cures = _alone(run) if before is None else _side_by_side(before, run)
    own_measurements.section(run, _weights(run)[0])  # type: ignore[arg-type]
    if sentence := left_out(run.metrics_path):
        st.caption(plain(sentence))
    encoder_lag.section(run)
    beta_question.line(run)
    time_machine.draw(run, end="Newest" if _weights(run)[1] else "Best", decoders=False)
    with cures:  # the last, because the verdict takes a second or two
        recipes.cures(run, _verdict(run))


def _verdict(run: Run) -> Name | None:
    """What the page says of a run, as far as its cures depend on it; None while that changes, or is not known."""
    if recipe_runs.own_cures(run) or not recipe_runs.cures_of(run) or run.status().state in run_picker.BUSY:
        return None
    try:
        found = diagnoses.told(run, _weights(run)[0], session.read(link.THRESHOLD, USUAL))  # type: ignore[arg-type]
    except UserError:
        return None
    return found["verdict"]["name"] if found["verdict"] else None


def _has_weights(run: Run) -> bool:
    return any(models.stamp(run, at) for at in ("last", "best")) or bool(run.snapshots())


def _weights(run: Run) -> tuple[str, bool]:
    """The weights at the right end: the last ones, which training came to; an example has the best ones alone."""
    at = newest(run)
    return at, at == "last"


def _draw(run: Run, parts: tuple[Part, ...], place: str = "", beside: str = "") -> None:
    at, is_last = _weights(run)
    threshold, quantity = session.read(link.THRESHOLD, USUAL), session.read(link.HEAT, "rate")
    chosen = diagnosis(
        run.id,
        at=at,
        stamp=models.stamp(run, at),  # type: ignore[arg-type]
        live=is_last,
        threshold=threshold,
        bounds=link.THRESHOLDS,
        probe=_probe(run),
        quantity=quantity,  # type: ignore[arg-type]
        parts=parts,
        beside=beside,
        key=f"diagnosis:{run.id}:{place}{','.join(parts)}",
    )
    now = (threshold if chosen.threshold is None else chosen.threshold, chosen.quantity or quantity)
    session.keep(link.THRESHOLD, None if now[0] == USUAL else now[0])
    session.keep(link.HEAT, None if now[1] == "rate" else now[1])
    if now != (threshold, quantity):
        st.rerun()  # the parts that stand before this one follow


def _probe(run: Run) -> Probe:
    """The images that the numbers along training are of."""
    num = min(NUM_PROBES, run.info.num_validation or run.info.num_test)
    cap = math.log(num) if num else 0.0
    return Probe(num, cap, cap - SATURATION_NATS)


def _before(run: Run) -> Run | None:
    """The run that the cured one is compared with, if the link names one that is here."""
    wanted = session.read(link.BEFORE, "")
    if not wanted or wanted == run.id:
        return None
    try:
        found = find_run(wanted, settings.roots())
    except UserError as error:
        session.notice(str(error))
        session.forget(link.BEFORE)
        return None
    session.write(link.BEFORE, wanted)
    return found


def _alone(run: Run) -> DeltaGenerator:
    """The first screen of one run, and its charts below; returns the place of the remedies."""
    left, right = stage.columns(7, 5)
    with left, stage.card("verdict"):
        _draw(run, ("verdict",))
        cures = st.container()
    with right, stage.card("images", bare=True):
        _images(run, "")
    _draw(run, _ALL)
    return cures


def _images(run: Run, place: str) -> None:
    at, is_last = _weights(run)
    missing = datasets.missing_images(run)
    samples(run.id, at=at, live=is_last, missing=missing, key=f"{place}:images:{run.id}")


def _side_by_side(before: Run, after: Run) -> DeltaGenerator:
    """Before and after in one screen, and the rest folded; returns the place of the remedies."""
    both = (("Before", before, after), ("After", after, before))
    for column, (title, run, other) in zip(stage.columns(1, 1), both, strict=True):
        with column, stage.card(title.lower(), f"{title}: {title_of(run)}"):
            _draw(run, ("verdict",), f"{title}:", other.id)
            _images(run, title)
    if not session.presenting():
        st.button(
            "Leave the comparison",
            icon=":material/close:",
            on_click=session.forget,
            args=(link.BEFORE,),
            key="leave-before",
        )
    cures = st.container()
    with st.expander("Charts side by side", icon=":material/bar_chart:", key="collapse-beside"):
        for part in _BESIDE:
            for column, (title, run, other) in zip(st.columns(2, gap="small"), both, strict=True):
                with column:
                    _draw(run, (part,), f"{title}:", other.id)
    with st.expander(
        f"More about “{plain(title_of(after))}”", icon=":material/query_stats:", key="collapse-more"
    ):
        _draw(after, _BELOW)
    return cures


def _doing(run: Run) -> None:
    """What the trainer does now, or why it ended before its time; nothing for a run that came to its end."""
    if run.status().state not in run_picker.BUSY:
        _rests(run)
        return

    @st.fragment
    def draw() -> None:
        rerun_when_changed(some_news(run, "state", "epoch", "num_steps"), pause=1.0, key=f"doing:{run.id}")
        status, epochs = run.status(), run_picker.epochs(run)
        if status.state not in run_picker.BUSY:
            st.rerun()  # the whole page
        words = f"**{plain(title_of(run))}** · {run_picker.describe(status)}"
        words += f", {run_picker.epoch(run)}" if status.step else ""
        if epochs is None:  # a loop of the user's own, which has not said how long it goes on
            st.markdown(words)
        else:
            st.progress(min(1.0, status.epoch / epochs), words)

    draw()


def _rests(run: Run) -> None:
    status = run.status()
    if status.state == "finished":
        return
    if status.error:
        st.error(plain(f"This run {run_picker.describe(status)}: {status.error}"), icon=":material/error:")
    elif not status.step:
        st.info("This run has not been trained yet. Start it on the Train page.")
    else:
        done = f"{run_picker.describe(status).capitalize()} at {run_picker.epoch(run)}"
        can_go_on = not why_not_trainable(run, look_for_images=True)
        st.caption(f"{done}. Continue it on the Train page." if can_go_on else f"{done}.")
