"""Collapse: why is the KL zero, and what to do?"""

from __future__ import annotations

import streamlit as st

from dashboard import (
    chooser,
    encoder_lag,
    keys,
    model_cache,
    recipe_gallery,
    settings,
    state,
    time_machine,
    units_panel,
)
from dashboard.components.diagnosis import Part, diagnosis
from dashboard.components.samples import samples
from dashboard.figures import ThemeName
from dashboard.plain import plain
from vae.errors import UserError
from vae.runs import Run, find_run

#: The threshold of activity unless the link names another, as `vae.diagnostics.ACTIVE_THRESHOLD`.
USUAL = 0.01
BUSY = ("queued", "starting", "running", "paused")
_TABS = {"run": "This run", "recipes": "Recipes", "units": "What is my β?"}
_ALL: tuple[Part, ...] = ("rates", "course", "variance", "information", "usage", "curves")
#: What stands in each column of before and after, and what is left for below.
_BESIDE: tuple[Part, ...] = ("verdict", "rates", "curves")
_BELOW: tuple[Part, ...] = ("course", "variance", "information", "usage")


def page() -> None:
    """Draw the page."""
    chooser.headline(
        "Collapse", "Why is the KL zero, and what to do? What became of each latent dimension, in words."
    )
    run = chooser.chosen()
    tab = _tab()
    if tab == "units":
        units_panel.panel(run)
    elif tab == "recipes":
        recipe_gallery.gallery()
    elif run is None:
        st.info("There is no run yet. Make one from a recipe, or train one on the Train page.")
        recipe_gallery.gallery()
    else:
        _run(run)


def _tab() -> str:
    state.seat(keys.TAB, keys.TAB_WIDGET, state.read(keys.TAB, "run"))
    picked = st.segmented_control(
        "Part of the page",
        list(_TABS),
        format_func=_TABS.__getitem__,
        required=True,
        key=keys.TAB_WIDGET,
        label_visibility="collapsed",
    )
    tab = str(picked or "run")
    state.keep(keys.TAB, None if tab == "run" else tab)
    return tab


def _run(run: Run) -> None:
    before = _before(run)
    _doing(run)
    if before is None:
        _draw(run, ("verdict",))
        recipe_gallery.cures(run)
        _draw(run, _ALL)
    else:
        _side_by_side(before, run)
        recipe_gallery.cures(run)
        st.markdown(f"**More of “{plain(run.name)}”**")
        _draw(run, _BELOW)
    _lag(run)
    units_panel.line(run)
    time_machine.draw(run, end="Newest" if _weights(run)[1] else "Best", decoders=False)


def _weights(run: Run) -> tuple[str, bool]:
    """The weights at the right end: the last ones, which training came to; an example has the best ones alone."""
    is_last = bool(model_cache.stamp(run, "last")) or not model_cache.stamp(run, "best")
    return "last" if is_last else "best", is_last


def _draw(run: Run, parts: tuple[Part, ...], place: str = "") -> None:
    at, is_last = _weights(run)
    threshold, quantity = state.read(keys.THRESHOLD, USUAL), state.read(keys.HEAT, "rate")
    chosen = diagnosis(
        run.id,
        at=at,
        stamp=model_cache.stamp(run, at),  # type: ignore[arg-type]
        live=is_last,
        threshold=threshold,
        bounds=keys.THRESHOLDS,
        quantity=quantity,  # type: ignore[arg-type]
        parts=parts,
        key=f"diagnosis:{run.id}:{place}{','.join(parts)}",
    )
    now = (threshold if chosen.threshold is None else chosen.threshold, chosen.quantity or quantity)
    state.keep(keys.THRESHOLD, None if now[0] == USUAL else now[0])
    state.keep(keys.HEAT, None if now[1] == "rate" else now[1])
    if now != (threshold, quantity):
        st.rerun()  # the parts that stand before this one follow


def _before(run: Run) -> Run | None:
    """The run that the cured one is compared with, if the link names one that is here."""
    wanted = state.read(keys.BEFORE, "")
    if not wanted or wanted == run.id:
        return None
    try:
        found = find_run(wanted, settings.roots())
    except UserError as error:
        state.notice(str(error))
        state.forget(keys.BEFORE)
        return None
    state.write(keys.BEFORE, wanted)
    return found


def _side_by_side(before: Run, after: Run) -> None:
    columns = st.columns(2, gap="medium")
    for column, title, run in zip(columns, ("Before", "After"), (before, after), strict=True):
        with column:
            st.markdown(f"**{title}: {plain(run.name)}**")
            _draw(run, _BESIDE, f"{title}:")
            at, is_last = _weights(run)
            samples(run.id, at=at, live=is_last, kinds=("samples",), key=f"{title}:samples:{run.id}")
    if not state.presenting():
        st.button(
            "Leave the comparison",
            icon=":material/close:",
            on_click=state.forget,
            args=(keys.BEFORE,),
            key="leave-before",
        )


def _doing(run: Run) -> None:
    """What the trainer does now; nothing for a run at rest."""
    if run.status().state not in BUSY:
        return

    @st.fragment(run_every=1.0)
    def draw() -> None:
        status = run.status()
        if status.state not in BUSY:
            st.rerun()  # the whole page: the timer ends
        done = f", epoch {status.epoch:.0f} of {run.config.train.epochs}" if status.step else ""
        st.markdown(f"**{plain(run.name)}** · {chooser.describe(status)}{done}")

    draw()


def _lag(run: Run) -> None:
    """Posterior means against the true posterior's, along training; measured when it is asked for."""
    if run.config.model.latent_dim > 2:
        return
    with st.expander("Does the encoder lag behind the decoder?", icon=":material/hourglass_bottom:"):
        if sentence := encoder_lag.why_not(run):
            st.caption(plain(sentence))
            return
        found, job = encoder_lag.found(run), encoder_lag.job(run)
        if found is not None:
            theme: ThemeName = "dark" if st.context.theme.type == "dark" else "light"
            chart = encoder_lag.chart(found, theme)
            st.plotly_chart(chart, theme=None, width="stretch", config={"displayModeBar": False})
            st.caption(
                "At each snapshot, over probe images: how far the mean of q(z|x) stands from that of the true "
                "posterior, in standard deviations of the true one; and the gap, KL(q(z|x) ‖ p(z|x)). An encoder that "
                "lags has a gap that is large early and closes late."
            )
        elif job is not None and job.is_open:
            _progress(run)
        else:
            if job is not None and job.error:
                st.error(plain(job.error))
            st.caption(
                "In one or two dimensions the true posterior is known by quadrature. This takes up to a minute."
            )
            st.button(
                "Measure it",
                icon=":material/straighten:",
                on_click=encoder_lag.start,
                args=(run,),
                key=f"lag:{run.id}",
            )


def _progress(run: Run) -> None:
    @st.fragment(run_every=0.5)
    def draw() -> None:
        job = encoder_lag.job(run)
        if job is None or not job.is_open:
            st.rerun()
        else:
            st.progress(job.share, "Quadrature at each snapshot…")

    draw()
