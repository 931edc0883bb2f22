"""All that leans on what Streamlit does not promise; nothing else in the dashboard may (`tests/contract`).

This module has what is Python. Beside it, `page.js` finds Streamlit's parts in the page; `address.js` and `frame.js`,
which `dashboard/server` puts into the head of every page, watch over its entries in the browser's history, over the
sidebar and over what the address asks of the frame. The style of what Streamlit draws is one sheet,
`dashboard/look/streamlit.css`. A test without a browser reads all of them and asserts that the installed version has
what they name; `pyproject.toml` bounds Streamlit by the minor version after that one.

It stands at the bottom, since the server and the pages use it alike, and imports Streamlit where it is called: what
answers without Streamlit loads none of it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from streamlit.runtime.app_session import AppSession
    from streamlit.runtime.scriptrunner_utils.script_requests import RerunData
    from streamlit.runtime.uploaded_file_manager import UploadedFile

__all__ = [
    "BROWSER_FILES",
    "FOLDER",
    "HEAD",
    "INTERNAL",
    "MENU",
    "PATIENCE",
    "DeltaGenerator",
    "UploadedFile",
    "addresses",
    "allows_origin",
    "browser_files",
    "draw_in_one_go",
    "never_call_out",
    "page_of_script",
    "redrawn_when_back",
    "selector_of_key",
    "stay_on_the_page_gone_to",
]

FOLDER = Path(__file__).resolve().parent
#: What of Streamlit's page of HTML a script can be put after, so that it runs before Streamlit's own.
HEAD = b"<head>"
#: Part of the paths of Streamlit's own requests: no page is below it.
INTERNAL = "/_stcore/"
#: Where Streamlit's browser side asks for its files. Their names change with their content.
BROWSER_FILES = "/static/"
#: Seconds that what a script has drawn waits for the rest of the page.
PATIENCE = 0.2
#: The list of pages, in the sidebar or above the page, and the logo that leads to the start, as CSS.
MENU = '[data-testid="stSidebarNav"], [data-testid="stTopNav"], [data-testid="stLogoLink"]'


def page_of_script() -> tuple[str, bool]:
    """The page of this script run, and whether Back, Forward or something unknown led to its address."""
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    context = get_script_run_ctx(suppress_warning=True)
    return getattr(context, "page_script_hash", ""), getattr(context, "is_history_navigation", True)


def redrawn_when_back() -> None:
    """Stand on a page, so that Streamlit's browser side asks for the whole of it after an outage, also of a new server.

    It does so for pages of which a part runs by a timer (`handleConnectionStateChanged` in its `App.tsx`). On others,
    parts that run by themselves would be dead: a new server does not know them. This is such a part, with nothing to
    draw and a timer that hardly ever rings.
    """
    import streamlit as st

    st.fragment(_nothing, run_every=timedelta(days=1))()


def selector_of_key(key: str) -> str:
    """The CSS selector of what was drawn with a key; a star stands for whatever else is there."""
    name = re.sub(r"[^A-Za-z0-9_-]", "-", key.strip("*"))
    begin = "" if key.startswith("*") else "st-key-"
    return f'[class*="{begin}{name}"]' if "*" in key else f".st-key-{name}"


def _nothing() -> None:
    """Draw nothing."""


def never_call_out() -> None:
    """Keep Streamlit from asking an outside service for this machine's address, at its start or at any request."""
    from streamlit import net_util

    net_util.get_external_ip = lambda: None


def stay_on_the_page_gone_to() -> None:
    """Keep a part of a page that is left from leading back to that page.

    A part that asks to be drawn anew (a fragment) names the page that the browser shows. While another page is being
    opened, that is still the one before: Streamlit 1.67 then forgets the page that was asked for, or, when it has drawn
    it, tells the browser of the page before and draws a part that is there no more; what is left is an empty page.
    """
    from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
    from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests, ScriptRequestType

    run, request = ScriptRunner._run_script, ScriptRequests._request_rerun_locked
    if hasattr(run, "__wrapped__"):
        return

    @wraps(run)
    def run_script(self: ScriptRunner, rerun_data: RerunData) -> None:
        asked = rerun_data.fragment_id_queue
        known = [name for name in asked if self._fragment_storage.contains(name)]
        if asked and not known:
            return
        shown = self._get_script_run_ctx().page_script_hash
        if asked and shown:
            rerun_data = replace(rerun_data, fragment_id_queue=known, page_script_hash=shown)
        run(self, rerun_data)

    @wraps(request)
    def request_rerun(self: ScriptRequests, new_data: RerunData) -> bool:
        waiting = self._rerun_data
        is_page_next = self._state == ScriptRequestType.RERUN and not waiting.fragment_id_queue
        if is_page_next and (new_data.fragment_id or new_data.fragment_id_queue):
            new_data = replace(
                new_data,
                query_string=waiting.query_string,
                page_script_hash=waiting.page_script_hash,
                page_name=waiting.page_name,
            )
        return request(self, new_data)

    # The only way: Streamlit offers no hook between a request and its run.
    runner: Any = ScriptRunner
    requests: Any = ScriptRequests
    runner._run_script, requests._request_rerun_locked = run_script, request_rerun


def draw_in_one_go() -> None:
    """Send what a session's first run of a page has drawn when it ends, or after `PATIENCE`, not bit by bit.

    Streamlit sends what there is every 10 ms, and its browser side draws the whole page anew for each bit: a first
    visit of a page with many controls takes a fifth more of the browser's processor time. A run that takes longer
    shows what it has drawn by then, as before.

    Later runs are sent as Streamlit does: a browser says with each wish which messages it still has, and forgets some
    when it hears that a run has ended. It must hear of that at once, or it is sent to what it has forgotten.
    """
    import asyncio

    from streamlit.runtime.app_session import AppSession, AppSessionState

    flush, enqueue = AppSession.flush_browser_queue, AppSession._enqueue_forward_msg
    if hasattr(flush, "__wrapped__"):
        return
    #: When what has been drawn is sent at the latest, in the event loop's time.
    due: WeakKeyDictionary[AppSession, float] = WeakKeyDictionary()
    #: Sessions in which a run has ended.
    shown: WeakSet[AppSession] = WeakSet()

    def waits(session: AppSession) -> bool:
        return session not in shown and session._state is AppSessionState.APP_IS_RUNNING

    @wraps(flush)
    def flush_browser_queue(self: AppSession) -> list[ForwardMsg]:
        if waits(self) and not self._browser_queue.is_empty():
            loop = asyncio.get_running_loop()
            if self not in due:
                due[self] = loop.time() + PATIENCE
                if self._message_enqueued_callback:
                    loop.call_at(due[self], self._message_enqueued_callback)
            # A timer rings up to a tick early.
            if loop.time() < due[self] - 0.001:
                return []
        due.pop(self, None)
        return flush(self)

    @wraps(enqueue)
    def enqueue_forward_msg(self: AppSession, msg: ForwardMsg) -> None:
        if msg.WhichOneof("type") == "script_finished":
            shown.add(self)
        if self in due and waits(self):
            self._browser_queue.enqueue(msg)  # the timer wakes whoever sends it
        else:
            enqueue(self, msg)

    session: Any = AppSession
    session.flush_browser_queue, session._enqueue_forward_msg = flush_browser_queue, enqueue_forward_msg


@cache
def browser_files() -> dict[str, Path]:
    """The scripts, styles and fonts of Streamlit's browser side, by their address below `BROWSER_FILES`."""
    from streamlit import file_util

    place = Path(file_util.get_static_dir(), "static")
    return {path.relative_to(place).as_posix(): path for path in place.rglob("*") if path.is_file()}


def addresses(host: str) -> list[str]:
    """URLs under which a browser reaches the server; it listens by now.

    Args:
        host: Where the server listens; "" and what stands for all networks give this machine's own names.
    """
    from streamlit import net_util
    from streamlit.web.server.server_util import get_url

    hosts = [host] if host not in ("", "0.0.0.0", "::") else ["localhost", str(net_util.get_internal_ip())]
    return [get_url(f"[{name}]" if ":" in name else name) for name in hosts]


def allows_origin(origin: str) -> bool:
    """Whether Streamlit's own settings let a page of this origin connect."""
    from streamlit.web.server.server_util import is_allowed_origin

    return is_allowed_origin(origin)
