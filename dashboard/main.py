"""Page settings, the pages and the sidebar; nothing else."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.link import session
from dashboard.shell import lesson_rail, run_images, run_picker, stage
from dashboard.shell.navigation import needs_a_run, pages, start, title_of_tab
from dashboard.streamlit_internals import redrawn_when_back

ICON = str(Path(__file__).resolve().with_name("icon.svg"))

presenting = session.presenting()
#: Width of the sidebar, CSS pixels.
SIDEBAR = 240

st.set_page_config(
    page_icon=ICON,
    layout="wide",
    initial_sidebar_state="collapsed" if presenting or lesson_rail.is_open() else SIDEBAR,
)
st.logo(ICON, size="large")
opening = st.Page(start, title="Start", default=True, visibility="hidden")
page = st.navigation([opening, *pages().values()], position="top" if presenting else "sidebar")
session.present(presenting)  # a page that was reached by the menu has lost its query
stage.begin()
if page != opening:
    run_picker.draw(needed=needs_a_run(page.url_path))
    st.set_page_config(page_title=title_of_tab(page.title, page.url_path))
images = st.sidebar.container()
with st.sidebar:
    redrawn_when_back()
told = st.container(key="told")
lesson_rail.draw(page.url_path)
page.run()
stage.settle()
with told:  # last, because a page finds out on its way what is wrong with its link
    run_picker.tell()
with images:
    run_images.draw()
session.settle()
