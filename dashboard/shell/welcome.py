"""What somebody sees above the first page who has no run yet: what Latent Lab is, and three ways to begin."""

from __future__ import annotations

import streamlit as st

from dashboard.link import keys, session
from dashboard.shell import lesson_rail, run_picker
from dashboard.shell.lesson_rail import shelf
from dashboard.shell.navigation import go_to

#: The two sentences.
WORDS = (
    "Latent Lab trains variational autoencoders, shows how they learn, and says why one fails. This one has learned "
    "handwritten digits: drag a slider, and the decoder draws what lies at that point of its latent space."
)
#: What a training of one's own images begins with.
_OWN = {"new": "data:npz"}


def is_first_start() -> bool:
    """Whether there is no run yet but the examples."""
    runs, _ = run_picker.all_runs()
    return all(run_picker.is_shipped(run) for run in runs)


def draw(page: str) -> None:
    """Draw it, if the link asks for it and nothing else needs the room.

    Args:
        page: The address of the page that it stands on.
    """
    if session.read(keys.WELCOME, "") != "1" or session.presenting() or lesson_rail.is_open():
        return
    if not is_first_start():
        return
    with st.container(key="welcome", horizontal=True, vertical_alignment="center", gap="medium"):
        st.html(f'<p class="ll-welcome">{WORDS}</p>')
        with st.container(
            key="ways", width="content", horizontal=True, vertical_alignment="center", gap="small"
        ):
            if st.button(
                "Learn",
                icon=":material/school:",
                type="primary",
                key="way-learn",
                help="Lesson 1, 10 minutes",
            ):
                lessons, _ = shelf.all_lessons()
                lesson_rail.begin(lessons[0], 1, page)
            if st.button(
                "Train",
                icon=":material/model_training:",
                key="way-train",
                help="A model of your own, in seconds",
            ):
                go_to("train")
            with st.popover("Open your own", icon=":material/folder_open:", key="way-open"):
                if st.button("Images", icon=":material/photo_library:", width="stretch", key="way-images"):
                    go_to("train", {**session.link(), **_OWN})
                if st.button(
                    "A run, as a zip file", icon=":material/archive:", width="stretch", key="way-run"
                ):
                    go_to("runs")
                if st.button("A training loop", icon=":material/code:", width="stretch", key="way-loop"):
                    lessons, _ = shelf.all_lessons()
                    lesson_rail.begin(lessons[-1], len(lessons[-1].steps), page)
