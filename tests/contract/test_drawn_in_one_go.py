"""What a first run of a page has drawn reaches the browser together: at its end, or when it has waited long enough."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from dashboard import streamlit_internals

PATIENCE = 0.05


class _Session:
    """What the two functions look at of a session of Streamlit's."""

    def __init__(self, *, runs: bool, wakes: bool = True) -> None:
        self._browser_queue, self._num = ForwardMsgQueue(), 0
        self._state = AppSessionState.APP_IS_RUNNING if runs else AppSessionState.APP_NOT_RUNNING
        #: Set when somebody was asked to send what there is.
        self.asked = asyncio.Event()
        self._message_enqueued_callback = self.asked.set if wakes else None

    def draw(self, text: str) -> None:
        session: Any = self
        message = ForwardMsg()
        message.metadata.delta_path.extend(
            [0, self._num]
        )  # of two in one place Streamlit sends the later one
        message.delta.new_element.markdown.body = text
        self._num += 1
        AppSession._enqueue_forward_msg(session, message)

    def begin(self) -> None:
        self._state = AppSessionState.APP_IS_RUNNING

    def end(self, status: int = ForwardMsg.FINISHED_SUCCESSFULLY) -> None:
        """A run ends; where another one follows at once, the session goes on running."""
        if status != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            self._state = AppSessionState.APP_NOT_RUNNING
        session: Any = self
        AppSession._enqueue_forward_msg(session, ForwardMsg(script_finished=status))  # type: ignore[arg-type]

    def sent(self) -> list[str]:
        session: Any = self
        return [
            message.delta.new_element.markdown.body or str(message.WhichOneof("type"))
            for message in AppSession.flush_browser_queue(session)
        ]


@pytest.fixture(autouse=True)
def drawn_in_one_go(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("flush_browser_queue", "_enqueue_forward_msg"):
        # What is put back at the end is Streamlit's own, or this one's wrapper if a test has loaded the app.
        monkeypatch.setattr(AppSession, name, inspect.unwrap(getattr(AppSession, name)))
    monkeypatch.setattr(streamlit_internals, "PATIENCE", PATIENCE)
    streamlit_internals.draw_in_one_go()
    yield


def test_a_session_has_what_is_looked_at() -> None:
    source = inspect.getsource(AppSession)
    for name in ("_browser_queue", "_state", "_message_enqueued_callback"):
        assert f"self.{name} = " in source or f"self.{name}: " in source
    assert list(inspect.signature(inspect.unwrap(AppSession._enqueue_forward_msg)).parameters) == [
        "self",
        "msg",
    ]


def test_what_a_run_draws_waits_for_its_end() -> None:
    async def go() -> None:
        session = _Session(runs=True)
        session.draw("title")
        assert session.asked.is_set()
        assert session.sent() == []
        session.asked.clear()
        session.draw("form")
        # Nobody is woken for each bit of it.
        assert not session.asked.is_set()
        assert session.sent() == []
        session.end()
        assert session.asked.is_set()
        assert session.sent() == ["title", "form", "script_finished"]

    asyncio.run(go())


def test_a_long_run_shows_what_it_has_drawn_by_then_and_goes_on() -> None:
    async def go() -> None:
        session = _Session(runs=True)
        for texts in (["title"], ["form", "curves"]):
            session.draw(texts[0])
            began = asyncio.get_running_loop().time()
            assert session.sent() == []
            session.asked.clear()
            for text in texts[1:]:
                session.draw(text)
            await asyncio.wait_for(session.asked.wait(), 20)
            assert asyncio.get_running_loop().time() - began > 0.9 * PATIENCE
            assert session.sent() == texts
            assert session.sent() == []

    asyncio.run(go())


def test_what_comes_while_nothing_runs_is_sent_at_once() -> None:
    async def go() -> None:
        session = _Session(runs=False)
        for text in ("file changed", "again"):
            session.asked.clear()
            session.draw(text)
            assert session.asked.is_set()
            assert session.sent() == [text]

    asyncio.run(go())


def test_a_session_that_nobody_waits_for_can_be_asked_too() -> None:
    async def go() -> None:
        session = _Session(runs=True, wakes=False)
        session.draw("title")
        assert session.sent() == []
        session.end()
        assert session.sent() == ["title", "script_finished"]

    asyncio.run(go())


@pytest.mark.parametrize("status", [ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_EARLY_FOR_RERUN])
def test_later_runs_are_sent_as_they_come_and_so_is_the_end_of_one(status: int) -> None:
    """A browser must hear at once that a run has ended: then it forgets messages, which the server must not name."""

    async def go() -> None:
        session = _Session(runs=True)
        session.draw("title")
        assert session.sent() == []
        session.end(status)
        session.begin()
        assert session.sent() == ["title", "script_finished"]
        for text in ("title of the next", "form of the next"):
            session.asked.clear()
            session.draw(text)
            assert session.asked.is_set()
            assert session.sent() == [text]

    asyncio.run(go())
