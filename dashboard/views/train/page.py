"""Train: a form for a new run, and a run that one watches and steers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.cache import datasets, models
from dashboard.components.samples import samples
from dashboard.components.signal import rerun_when_changed
from dashboard.jobs.run_news import some_news
from dashboard.jobs.trainers import trainers
from dashboard.link import session
from dashboard.look.markdown import plain
from dashboard.shell import lesson_rail, one_pass, run_code, run_picker, stage, time_machine
from dashboard.shell.navigation import go_to
from dashboard.views.train import config_form, link, new_run_form, watched_loop
from dashboard.views.train.curves import Extent, curves
from dashboard.views.train.probe_map import probe_map
from vae.errors import UserError
from vae.runs.beta_history import title_of
from vae.runs.metrics import left_out
from vae.runs.run import Run
from vae.runs.watch_notes import WatchNotes
from vae.storage.confined import is_plain
from vae.training.preconditions import check_trainable, why_not_trainable

if TYPE_CHECKING:
    from dashboard.streamlit_internals import DeltaGenerator


def page() -> None:
    """Draw the page."""
    modes = run_picker.head("Train", "How does a VAE learn? Train one, watch it, and change β meanwhile.")
    run = run_picker.chosen()
    watched = run is not None and (not run_picker.is_shipped(run) or is_plain(run.metrics_path))
    steered = run is not None and not run_picker.is_shipped(run)
    offered = not (watched and session.presenting())
    # The style sheet puts the cards into their places (`dashboard/look/streamlit.css`).
    with st.container(key="stage-train"):
        if steered or offered:
            with st.container(key="train-controls"):
                if run is not None and steered:
                    with stage.card("steering"):
                        _steering(run)
                if offered:
                    _new_run(run)
        if run is None or not watched:
            with stage.card("curves"):
                st.info(
                    "Choose the settings on the left and press Train. The curves appear here.",
                    icon=":material/west:",
                )
            return
        with modes:
            mapped = _map_switch(run)
        with stage.card("curves", bare=True):
            _curves(run)
        # An example, or a run that was imported without its newest weights, has the best ones alone.
        best_alone = bool(models.stamp(run, "best")) and not models.stamp(run, "last")
        with stage.card("images", bare=True):
            samples(
                run.id,
                at="best" if best_alone else "last",
                live=not best_alone,
                missing=datasets.lack(run),
                num=8,
                key=f"train-samples:{run.id}",
            )
        if mapped:
            with stage.card("map", bare=True):
                probe_map(
                    run.id,
                    latent_dim=run.config.model.latent_dim,
                    classes=run.info.class_names,
                    key=f"train-map:{run.id}",
                )
    one_pass.strip(run)
    time_machine.draw(run, end="Best" if best_alone else "Newest", decoders=False)
    if steered:
        _follow_title(run)


def _new_run(run: Run | None) -> None:
    """The form of a new run: open where nothing is at work, so that β and Pause are in sight once something is.

    A lesson that asks for the next run finds it open while the one before is still training.
    """
    busy = run is not None and run.status().state in run_picker.BUSY
    with (
        st.container(key="train-form"),
        st.expander(
            "New run",
            expanded=not busy or lesson_rail.is_open(),
            icon=":material/add_circle:",
            key=f"new-run:{busy}",
        ),
    ):
        new_run_form.form()


def _map_switch(run: Run) -> bool:
    """Draw the switch of the latent map, and say whether it is on; in a presentation the link alone decides."""
    if not run.snapshots() and run.status().state not in run_picker.BUSY:
        return False
    wanted = session.read(link.SHOW_MAP, "on") == "on"
    if not session.presenting():
        session.seat(link.SHOW_MAP, widget := f"train-show-map:{run.id}", wanted)
        wanted = st.toggle(
            "Latent map", key=widget, help="Where the probe images lie in latent space, at each snapshot."
        )
    session.write(link.SHOW_MAP, "on" if wanted else "off")
    return wanted


def _curves(run: Run) -> None:
    view = Extent(session.read(link.AXIS, "epoch"), session.read(link.SPAN, None))  # type: ignore[arg-type]
    view = curves(
        run.id,
        view=view,
        begun=st.session_state.get(new_run_form.BEGUN) == run.id,
        asks_for_diagnosis=lambda: go_to("collapse"),
        key=f"train-curves:{run.id}",
    )
    session.write(link.AXIS, view.x)
    session.write_text(link.SPAN, link.SPAN.write(view.span))
    if sentence := left_out(run.metrics_path):
        st.caption(plain(sentence))


def _steering(run: Run) -> None:
    """What the user may want of this run now; drawn anew when its state, its β or its place in the queue changes."""
    with_page = True

    @st.fragment
    def draw() -> None:
        rerun_when_changed(_steered(run), key=f"steering:{run.id}")
        status = run.status()
        was_busy = st.session_state.get(f"busy:{run.id}")
        is_busy = status.state in run_picker.BUSY
        st.session_state[f"busy:{run.id}"] = is_busy
        if was_busy is not None and was_busy != is_busy:
            st.rerun()  # the whole page: the form opens or closes
        if not with_page:  # a wish runs this part alone, and soon it runs again: a toast stays
            for sentence in session.take_notices():
                st.toast(plain(sentence), icon=":material/info:", duration="long")
        place = trainers.place(run)
        waiting = f", {place} before it" if place else ""
        st.markdown(f"**{run_picker.describe(status).capitalize()}{waiting}**")
        if status.error:
            st.error(plain(status.error))
        notes = WatchNotes.of(run)
        if not watched_loop.set_by_the_loop(run, status, notes):
            _beta(run, is_busy or status.state == "diverged")
        _buttons(run, status.state, notes)
        if not is_busy and status.state != "new" and not session.presenting():
            run_code.offer(run)
        watched_loop.guesses(notes)

    draw()
    with_page = False


def _follow_title(run: Run) -> None:
    """The whole page anew, in its own time, when β was moved: the run's title says it in the sidebar and in the tab."""
    drawn = title_of(run)
    if run.config.objective.schedule != "constant" or run.config.model.network == "external":
        return  # β moves by itself

    @st.fragment
    def draw() -> None:
        rerun_when_changed(some_news(run, "beta"), pause=2.0, key=f"title:{run.id}")
        if title_of(run) != drawn:
            st.rerun()

    draw()


def _steered(run: Run) -> dict[str, dict[str, Any]]:
    """What the buttons and sentences beside the curves depend on."""
    names = ["state", "error", "control", "place", "is_waiting", "notes"]
    if WatchNotes.of(run).reads_beta is False:  # then its loop's own β is said
        names.append("beta")
    return some_news(run, *names)


def _beta(run: Run, is_busy: bool) -> None:
    control = run.control()
    now = run.config.objective.beta if control.beta is None else control.beta
    # A slider begins at its default. Where β was changed elsewhere (another tab, the command line) a new slider takes
    # the old one's place: a value put into the session would reach the browser once, and a busy page might miss it.
    start, generation = st.session_state.get(f"beta:{run.id}", (now, 0))
    key = f"beta:{run.id}:{generation}"
    if st.session_state.get(key, start) != now:
        start, generation = now, generation + 1
        key = f"beta:{run.id}:{generation}"
    st.session_state[f"beta:{run.id}"] = (start, generation)

    def change() -> None:
        _try(lambda: run.request(beta=float(st.session_state[key])))

    st.select_slider(
        "β, the weight of the KL",
        config_form.with_current(config_form.BETAS, start),
        value=start,
        format_func=config_form.beta_word,
        key=key,
        on_change=change,
        disabled=not is_busy,
        help="Takes effect at once and is marked on the curves. At β = 1 the objective is the ELBO.",
    )
    if control.beta is not None and run.config.objective.schedule != "constant":
        st.button(
            "Return to the schedule",
            on_click=lambda: _try(lambda: run.request(beta=None)),
            key=f"schedule:{run.id}",
        )


def _buttons(run: Run, now: str, notes: WatchNotes) -> None:
    def button(label: str, icon: str, wish: str, column: DeltaGenerator) -> None:
        column.button(
            label,
            icon=f":material/{icon}:",
            key=f"wish-{wish}:{run.id}",
            on_click=_ask,
            args=(run, wish),
            width="stretch",
        )

    if now in ("running", "starting"):
        columns = st.columns(2)
        button("Pause", "pause", "pause", columns[0])
        if not watched_loop.cannot_be_stopped(notes):
            button("Stop", "stop", "stop", columns[1])
    elif now == "paused":
        button("Resume", "play_arrow", "run", st.container())
        columns = st.columns(2)
        button("Step", "skip_next", "step", columns[0])
        if not watched_loop.cannot_be_stopped(notes):
            button("Stop", "stop", "stop", columns[1])
    elif now == "queued" and trainers.is_waiting(run):
        button("Leave the queue", "close", "cancel", st.container())
    elif now == "queued":
        st.caption(
            "Its status says that it is queued, but this server did not queue it. Press Train to start it."
        )
        button("Train", "play_arrow", "start", st.container())
    elif why := why_not_trainable(run, look_for_images=True):
        st.caption(plain(f"Training cannot continue here: {why}."))
    elif now == "new":
        button("Train", "play_arrow", "start", st.container())
    elif now in ("stopped", "interrupted", "failed", "diverged"):
        button("Continue training", "play_arrow", "start", st.container())
    elif now == "finished":
        st.number_input("More epochs", 1, 1_000_000, run.config.train.epochs, key=f"more-epochs:{run.id}")
        button("Continue training", "play_arrow", "extend", st.container())


def _ask(run: Run, wish: str) -> None:
    """Carry out a wish; what is refused is told in a sentence."""
    match wish:
        case "start":
            _try(lambda: trainers.start(run))
        case "extend":
            _try(lambda: _extend(run, int(st.session_state[f"more-epochs:{run.id}"])))
        case "cancel":
            _try(lambda: trainers.cancel(run))
        case "step":
            _try(lambda: run.request(command="step"))
        case _:
            _try(lambda: run.request(command=wish))


def _extend(run: Run, epochs: int) -> None:
    check_trainable(run, look_for_images=True)  # a run that cannot go on is not made longer
    run.extend(epochs)
    trainers.start(Run.open(run.path))


def _try(action: Callable[[], object]) -> None:
    try:
        action()
    except (UserError, OSError) as error:
        session.notice(str(error))
