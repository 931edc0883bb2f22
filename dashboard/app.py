"""What `streamlit run` starts: the pages of `main.py`, and the routes of `routes.py` on the same port."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import routes, settings
from dashboard.jobs.trainers import trainers
from dashboard.server.no_delay import answer_at_once
from dashboard.streamlit_internals import addresses, draw_in_one_go, never_call_out, stay_on_the_page_gone_to
from vae.config.registries import load_plugins
from vae.errors import UserError
from vae.runtime.cpu_threads import share_cores

share_cores()
never_call_out()
stay_on_the_page_gone_to()
draw_in_one_go()
answer_at_once()
try:
    load_plugins()
except UserError as problem:
    sys.exit(f"error: {problem}")


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
    """Open the queue of trainers with the server, and close it with it; trainers at work go on."""
    async with routes.lifespan(app) as state:
        trainers.open()
        sys.stdout.write(greeting())
        sys.stdout.flush()
        try:
            yield state
        finally:
            trainers.close()


def greeting() -> str:
    """Where the app is, for the terminal: the server listens by now. Nobody outside is asked."""
    where = " and ".join(addresses(settings.server_address()))
    return f"\nLatent Lab is at {where}\nCtrl-C ends it; runs that train continue.\n"


def say_sorry(error: Exception) -> bool:
    """An error that nobody foresaw: a sentence for the page, the details for the terminal."""
    logging.getLogger(__name__).error("a page failed", exc_info=error)
    st.error(
        "Something went wrong in this part of the page. Your runs are safe. Reload the page; details are in the "
        "terminal.",
        icon=":material/error:",
    )
    return True


app = st.App(
    str(Path(__file__).resolve().with_name("main.py")),
    routes=routes.routes(),
    middleware=routes.middleware(),
    lifespan=lifespan,
    on_script_error=say_sorry,
)
