"""Runs: what there is, and opening, renaming, deleting, exporting and importing it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import settings
from dashboard.components.signal import rerun_when_changed
from dashboard.link import session
from dashboard.look.markdown import plain
from dashboard.server import exports, topics
from dashboard.shell import page_head, run_code, run_picker, stage
from dashboard.shell.navigation import go_to
from dashboard.views.runs import share_section
from vae.errors import UserError
from vae.runs.archive import MAX_BYTES, import_run
from vae.runs.beta_history import beta_words, title_of
from vae.runs.run import Run


def page() -> None:
    """Draw the page."""
    page_head.head("Runs", "Which models are there? Open, rename, delete, export and import them.")
    runs, broken = run_picker.all_runs()
    selected = next((run for run in runs if run.id == st.session_state.get(session.SELECTED)), None)
    if selected is None:
        st.session_state.pop(session.SELECTED, None)
    with stage.card("runs", "All runs"):
        if runs:
            _table(selected)
        else:
            st.info(run_picker.NO_RUN)
        st.caption(plain(f"Your runs are folders in {settings.runs_root()}. Examples came with Latent Lab."))
    left, right = stage.columns(3, 2, name="below")
    with left:
        if selected is not None:
            with stage.card("run", title_of(selected)):
                _actions(selected)
        elif runs:
            with stage.card("run", "No run is selected"):
                st.caption("Select a row to open, rename, export or delete that run.")
    with right, stage.card("import", "Import a run"):
        _import_form()
    for run in broken:
        st.warning(plain(f"{run.id}: {run.sentence}"), icon=":material/folder_off:")
    for odd in runs:
        if complaint := odd.complaint():
            st.warning(plain(f"{odd.id}: {complaint}"), icon=":material/link_off:")


@st.fragment
def _table(selected: Run | None) -> None:
    """The runs, drawn anew when there are others or they have changed: they are made and trained elsewhere too."""
    rerun_when_changed(topics.runs.drawn(), pause=2.0, key="runs")
    runs, _ = run_picker.all_runs()
    ids = [run.id for run in runs]
    # A selection is the number of a row: another list of runs is another table.
    key = f"runs-table:{hash(tuple(ids))}"
    st.dataframe(
        [_row(run) for run in runs],
        hide_index=True,
        on_select=lambda: _select(key, ids),
        selection_mode="single-row",
        key=key,
        column_config={
            "Validation −ELBO": st.column_config.NumberColumn(
                format="%.2f", help="The last validation ELBO, in nats per example at β = 1."
            ),
            "Model": st.column_config.TextColumn(width=130),
            "β": st.column_config.TextColumn(
                width=90, help="Each β that the run was trained with, in order."
            ),
        },
    )
    if st.session_state.get(session.SELECTED) != (None if selected is None else selected.id):
        st.rerun()


def _select(key: str, ids: list[str]) -> None:
    """Remember the run itself: by the time somebody deletes it, other rows may have come."""
    rows = st.session_state[key]["selection"]["rows"]
    st.session_state[session.SELECTED] = ids[rows[0]] if rows else None


def _row(run: Run) -> dict[str, Any]:
    status, config = run.status(), run.config
    validation = _newest_validation(run)
    return {
        "Name": title_of(run),
        "State": "example" if run_picker.is_shipped(run) else run_picker.describe(status),
        "Data": config.data.name,
        "Model": ("conditional " if config.model.conditional else "") + config.model.network,
        "Latent dims": config.model.latent_dim,
        "β": beta_words(run),
        "Epochs": round(status.epoch, 1),
        "Validation −ELBO": None if validation is None else -validation["elbo"],
        "Created": run.created[:16].replace("T", " "),
        "Id": run.id,
    }


def _newest_validation(run: Run) -> dict[str, Any] | None:
    try:
        return run.latest_metrics().get("validation")
    except (UserError, OSError):  # below the table it is told what is wrong
        return None


def _actions(run: Run) -> None:
    status = run.status()
    if status.error:
        st.warning(plain(status.error), icon=":material/error:")
    shipped, why_fixed = run_picker.is_shipped(run), run.why_fixed()
    fixed = shipped or bool(why_fixed)
    with st.container(horizontal=True):
        if st.button("Explore", icon=":material/tune:", type="primary", key="runs-explore"):
            session.choose_run(run.id)
            go_to("explore")
        if st.button("Curves", icon=":material/show_chart:", key="runs-curves"):
            session.choose_run(run.id)
            go_to("train")
        if st.button("Rename", icon=":material/edit:", disabled=fixed, key="runs-rename"):
            _rename(run)
        if st.button("Export", icon=":material/archive:", key="runs-export"):
            _export(run)
        share_section.switch(run)
        run_code.offer(run)
        if st.button("Delete", icon=":material/delete:", disabled=fixed, key="runs-delete"):
            _delete(run)
    if shipped:
        st.caption("An example that came with Latent Lab. You can explore and export it, but not change it.")
    elif why_fixed:
        st.caption(plain(f"{why_fixed[0].upper()}{why_fixed[1:]}."))
    share_section.section(run)


@st.dialog("Rename run")
def _rename(run: Run) -> None:
    name = st.text_input("Name", run.name, max_chars=80, key="runs-name")
    if st.button("Rename", type="primary", key="runs-rename-now"):
        try:
            run.rename(name)
        except UserError as error:
            st.error(plain(str(error)))
        else:
            st.rerun()


@st.dialog("Delete run?")
def _delete(run: Run) -> None:
    st.text(f"Delete “{title_of(run)}” with its checkpoints and snapshots? This cannot be undone.")
    if st.button("Delete for good", type="primary", icon=":material/delete:", key="runs-delete-now"):
        try:
            run.delete()
        except UserError as error:
            st.error(plain(str(error)))
        else:
            session.forget_run(run.id)
            session.notice(f"Deleted “{title_of(run)}”.")
            st.rerun()


@st.dialog("Export run")
def _export(run: Run) -> None:
    st.text(
        f"“{title_of(run)}” as one zip file: configuration, metrics, checkpoints and snapshots, no images."
    )
    place = st.empty()
    with place.container():
        bar = st.progress(0.0, "Packing…")
        if st.button(
            "Cancel", key="runs-export-cancel"
        ):  # pressing it has ended the script run that was packing
            st.rerun()

    def told(done: int, total: int) -> None:
        bar.progress(done / max(1, total), f"{done / 1e6:.1f} of {total / 1e6:.1f} MB")

    try:
        packed = exports.pack(run, told)
    except (UserError, OSError) as error:
        st.error(plain(str(error)))
        return
    place.empty()
    share_section.download(packed.token, packed.size)


def _import_form() -> None:
    limit = f"{MAX_BYTES / 2**30:.0f} GiB"
    upload = st.file_uploader(
        f"A zip file from Export or `vae export`, up to {limit} unpacked",
        type="zip",
        key=session.fresh("import-file"),
    )
    if upload is None or not st.button("Import", type="primary", key="import-now"):
        return
    try:
        run = import_run(upload, settings.runs_root())
    except UserError as error:
        st.error(plain(str(error)))
    else:
        session.renew("import-file")
        session.choose_run(run.id)
        st.rerun()
