"""Compare: how runs differ, where they are in the rate–distortion plane, and the same images and z through each."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import streamlit as st

from dashboard.cache import datasets, models, test_images
from dashboard.link import keys, session
from dashboard.shell import page_head, run_picker, stage
from dashboard.views.compare import link, rate_distortion, sweep_form
from dashboard.views.compare.side_by_side import NUM, Row, View, beside
from vae.config.diff import differences
from vae.evaluation.comparability import EvaluationProtocol, pixels
from vae.runs.beta_history import beta_words
from vae.runs.run import Run


def page() -> None:
    """Draw the page."""
    page_head.head(
        "Compare",
        "Which run is better, and in what? Their settings, their ELBO, and what each makes of the same images.",
    )
    runs, _ = run_picker.all_runs()
    if not runs:
        st.info(run_picker.NO_RUN)
        return
    titles = run_picker.titles(runs)
    left, right = stage.columns(8, 4)
    with right, stage.card("runs", "Runs that are compared", fill=True):
        chosen = _choose(runs, titles)
        if len(chosen) < 2:
            st.info("Choose two or more runs: here, or by clicking a dot in the plane.")
        else:
            _differences(chosen, titles)
    with left, stage.card("plane", "Rate–distortion plane", fill=True):
        toggled = rate_distortion.draw(chosen, runs)
    if toggled is not None:
        _toggle(toggled, chosen)
    if len(chosen) >= 2:
        with stage.card("images", "The same images and z"):
            _side_by_side(chosen, titles)
    if not session.presenting():
        sweep_form.form(chosen + [run for run in runs if run not in chosen], titles)


def _choose(runs: Sequence[Run], titles: dict[str, str]) -> list[Run]:
    """The runs of the link, and the box to choose others."""
    by_id = {run.id: run for run in runs}
    wanted = session.read(link.RUNS, _first_two(runs))
    for gone in [run_id for run_id in wanted if run_id not in by_id]:
        session.notice(f"Run {gone!r} was not found; the others are compared. Was it deleted?")
    known = [run_id for run_id in wanted if run_id in by_id]
    widget = session.fresh("compare-runs")
    session.seat(link.RUNS, widget, known)
    st.session_state[widget] = [run_id for run_id in st.session_state[widget] if run_id in by_id]
    picked = st.multiselect(
        "Runs",
        list(by_id),
        format_func=titles.__getitem__,
        max_selections=link.MOST_RUNS,
        placeholder="Choose runs",
        label_visibility="collapsed",
        key=widget,
    )
    session.keep(link.RUNS, picked or None)
    return [by_id[run_id] for run_id in picked]


def _first_two(runs: Sequence[Run]) -> list[str]:
    """The run that the other pages show, and the next one with a comparable ELBO, or else of the same images."""
    current = run_picker.chosen() or runs[0]
    yardstick = EvaluationProtocol.of(current)
    rest = [run for run in runs if run.id != current.id]
    others = [run.id for run in rest if EvaluationProtocol.of(run) == yardstick]
    others += [run.id for run in rest if run.info.fingerprint == current.info.fingerprint]
    return [current.id, *others[:1]]


def _toggle(run_id: str, chosen: Sequence[Run]) -> None:
    ids = [run.id for run in chosen]
    now = [one for one in ids if one != run_id] if run_id in ids else [*ids, run_id]
    session.renew("compare-runs")
    session.keep(link.RUNS, now[: link.MOST_RUNS] or None)
    st.rerun()


def _differences(chosen: Sequence[Run], titles: dict[str, str]) -> None:
    """One row for each option in which they differ, one column a run."""
    rows = [
        (one.label, one.option, [_text(value) for value in one.values])
        for one in differences([run.config for run in chosen])
    ]
    moved = [beta_words(run) for run in chosen]
    if len(set(moved)) > 1 and any("→" in words for words in moved):
        rows.append(("β while training", "changed by hand", moved))
    if not rows:
        st.caption("All of their settings are the same.")
        return
    with st.container(key="compare-differences"):
        st.html(_table([titles[run.id] for run in chosen], rows))


def _table(names: Sequence[str], rows: Sequence[tuple[str, str, Sequence[str]]]) -> str:
    """A table whose words wrap, so that all runs are in sight."""
    head = "".join(
        f'<th scope="col" title="{escape(name)}"><span>{escape(name)}</span></th>' for name in names
    )
    body = "".join(
        f'<tr><th scope="row">{escape(label)}<small>{escape(option)}</small></th>'
        f"{''.join(f'<td>{escape(value)}</td>' for value in values)}</tr>"
        for label, option, values in rows
    )
    return (
        f'<div class="ll-table"><table><thead><tr><th scope="col">Option</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _side_by_side(chosen: Sequence[Run], titles: dict[str, str]) -> None:
    num_images = min(run.info.num_test for run in chosen)
    if num_images == 0:
        st.info("One of these runs has no test images.")
        return
    pick = session.read(link.PICK, "")
    first = session.read(link.first_image(num_images), -1)
    view = View(pick, None if first < 0 else first, session.read(link.SHARE, 1.0), session.read(keys.SEED, 0))
    here = next((run for run in chosen if not datasets.missing_images(run)), chosen[0])
    said = beside(
        [_row(run, titles[run.id]) for run in chosen],
        view=view,
        one_of_each=[row for row in test_images.first_of_each(here, NUM) if row < num_images],
        num_images=num_images,
        key=f"beside:{','.join(run.id for run in chosen)}",
    )
    if said is not None:
        view = said
    session.keep(link.PICK, view.pick or None)
    session.keep(link.first_image(num_images), view.first)
    session.keep(link.SHARE, view.share if view.share < 1 else None)
    session.keep(keys.SEED, view.seed or None)
    st.caption(
        "Under an enlarged image: cost at the posterior mean, reconstruction + KL (not the ELBO, which samples z).",
        help="All runs show the test images of the same numbers. The time machine moves each run to the snapshot "
        "nearest to that share of its training.",
    )


def _row(run: Run, title: str) -> Row:
    info, config = run.info, run.config
    dims = config.model.latent_dim
    return Row(
        id=run.id,
        name=title,
        words=f"β {beta_words(run)} · {dims} dimension{'s' if dims > 1 else ''}",
        stamp=models.stamp(run, "best"),
        sees=f"{info.fingerprint} {pixels(config)}",
        images=f"{config.data.name}, {pixels(config)}",
        conditional=config.model.conditional,
        shape=(info.channels, info.height, info.width),
        latent_dim=config.model.latent_dim,
        labels=info.class_names,
    )
