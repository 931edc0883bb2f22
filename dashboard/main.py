"""Page settings, the pages and the sidebar; nothing else."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import chooser, guide, presentation, run_images, state
from dashboard.navigation import NEED_A_RUN, pages, start

ICON = str(Path(__file__).resolve().with_name("icon.svg"))

presenting = state.presenting()
st.set_page_config(
    page_title="Latent Lab",
    page_icon=ICON,
    layout="wide",
    initial_sidebar_state="collapsed" if presenting else "auto",
)
st.logo(ICON, size="large")
opening = st.Page(start, title="Start", default=True, visibility="hidden")
page = st.navigation([opening, *pages().values()], position="top" if presenting else "sidebar")
state.present(presenting)  # a page that was reached by the menu has lost its query
(presentation.style if presenting else presentation.plain_style)()
if page != opening:
    chooser.draw(needed=page.url_path in NEED_A_RUN)
images = st.sidebar.container()
if page != opening and not presenting:
    presentation.offer()
    guide.offer(page.url_path, page.title)
told = st.container()
page.run()
with told:  # last, because a page finds out on its way what is wrong with its link
    chooser.tell()
with images:
    run_images.draw()
state.settle()
