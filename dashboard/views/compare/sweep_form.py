"""The form that starts a sweep on the Compare page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.jobs import sweeps
from dashboard.link import session
from dashboard.look.markdown import plain
from dashboard.views.compare import link
from vae.errors import UserError
from vae.runs.run import Run
from vae.storage.atomic import disk_sentence


def form(runs: Sequence[Run], titles: dict[str, str]) -> None:
    """Draw the form; pressing Start makes the runs and queues them, or says why it cannot."""
    with st.expander("Start a sweep", icon=":material/stacked_line_chart:", key="sweep-open"):
        # The networks of a watched run are somebody's own code, which is not here.
        by_id = {run.id: run for run in runs if run.config.model.network != "external"}
        if not by_id:
            st.caption("A sweep trains networks of this library; train one such run first.")
            return
        first, second = st.columns([3, 2], gap="medium")
        base = first.selectbox(
            "Data and model of",
            list(by_id),
            format_func=titles.__getitem__,
            key="sweep:base",
            help="Its configuration is used, except β and seed.",
        )
        name = second.text_input(
            "Name",
            max_chars=40,
            key="sweep:name",
            help="Start of the runs' ids: <name>-beta-<β>-seed-<seed>.",
        )
        left, middle, right = st.columns(3, gap="medium")
        betas = left.text_input("Values of β", "0.25 0.5 1 2 4", key="sweep:betas")
        seeds = middle.text_input("Seeds", "0", key="sweep:seeds", help="Each β is trained with each seed.")
        config = by_id[base].config
        epochs = right.number_input(
            "Epochs", 1, 100_000, min(config.train.epochs, 100_000), key=f"sweep:epochs:{base}"
        )
        if not st.button("Start the runs", type="primary", icon=":material/play_arrow:", key="sweep:start"):
            return
        try:
            wanted = config.replace(train=config.train.replace(epochs=int(epochs)))
            begun = sweeps.start(
                name.strip() or "sweep", wanted, sweeps.numbers(betas, "β"), sweeps.seeds(seeds)
            )
        except UserError as error:
            st.error(plain(str(error)), icon=":material/block:")
            return
        except OSError as error:
            st.error(plain(disk_sentence(error)), icon=":material/block:")
            return
    told = f"{len(begun.queued)} runs queued" if begun.queued else "No run had to be started"
    session.notice(f"{told}{f'; {len(begun.done)} had finished before' if begun.done else ''}.")
    session.write(link.SWEEP, name.strip() or "sweep")
    session.write(link.PLANE, "sweep")
    session.renew("compare-plane")
    session.renew("compare-sweep")
    st.rerun()
