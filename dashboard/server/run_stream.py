"""The history and status of runs as server-sent events: one stream carries all the runs that a client follows.

`reset` carries a thinned history from the beginning, `lines` what was written since, `status` what the trainer does and
what is asked of it, `gone` that the run was deleted; each says which `run` it is about. The id of an event is the place
in the run's file up to which the client knows its history: whoever comes again says it, and goes on there, without loss
or doubling. `rest` ends a stream all of whose runs are at rest, and says that no more comes by itself; `beat` says that
the server is still there.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from functools import partial

from starlette.responses import JSONResponse, Response, StreamingResponse

from dashboard.server.admission import RETRY_SECONDS, Admission, Busy
from dashboard.server.run_watcher import Watchers
from dashboard.server.topics import Topic
from dashboard.server.watched import Watched, event
from vae.runs.run import Run

_log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0
#: Streams at once; a browser has one.
MOST_STREAMS = 200
#: Runs of one stream, and of all together: each is watched by a thread.
MOST_RUNS, MOST_WATCHED = 100, 300
#: Seconds between two looks whether the server is to end.
_LOOK = 0.5
#: Seconds between two messages of a stream at least, and for each of the streams: a server that has many speaks to each
#: more rarely.
_PACE, _PACE_OF_EACH = 0.1, 0.002
#: Letters that wait for a client before it is told of one more run, and before it is given up: then it is to come
#: again, and gets what it lacks.
_ENOUGH, _BEHIND = 1 << 20, 1 << 24
#: Reading a long history takes a while; other runs do not wait for it.
_joining = Admission("join", at_once=4, in_all=16)

#: A run or a topic to follow, and the place up to which the client knows a run's history.
Follow = tuple[Run | Topic, str | None]


class _Connection:
    """What one client is still to be told: the watchers' threads write it, the event loop reads it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._texts: list[str] = []
        self._length = 0
        self._news = asyncio.Event()
        self.watchers: set[Watched] = set()
        self.is_open = True
        #: Whether it cannot be told all that it should be, so that it is to come again.
        self.is_broken = False

    def tell(self, text: str) -> None:
        with self._lock:
            if self._length > _BEHIND:
                self.is_broken = True
            elif self.is_open:
                self._texts.append(text)
                self._length += len(text)
        self.wake()

    def left(self, watcher: Watched) -> None:
        self.watchers.discard(watcher)
        self.wake()

    def wake(self) -> None:
        """Have `next` look."""
        with suppress(RuntimeError):  # the server has ended
            self._loop.call_soon_threadsafe(self._news.set)

    async def next(self, pause: float) -> str:
        """What was told since the last call, no sooner than after a pause; empty if there is nothing for a while."""
        await asyncio.sleep(pause)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), _LOOK)
        self._news.clear()
        with self._lock:
            texts, self._texts, self._length = self._texts, [], 0
        return "".join(texts)

    async def join(self, watcher: Watched, after: str | None) -> None:
        """Listen to a run: first it is told what the client does not know yet."""
        self.watchers.add(watcher)
        try:
            while self._length > _ENOUGH:
                await asyncio.sleep(_PACE)
            await _joining.run(watcher.name, partial(watcher.subscribe, self, after))
        except Exception as error:
            if not isinstance(error, Busy):
                _log.exception("run %s cannot be followed", watcher.name, exc_info=error)
            self.is_broken = True
        self.wake()

    def close(self) -> None:
        """Listen no more."""
        with self._lock:
            self.is_open = False
            self._texts.clear()

    @property
    def has_news(self) -> bool:
        """Whether `next` has something to say at once."""
        return bool(self._texts)

    @property
    def is_at_rest(self) -> bool:
        """Whether no run of it is about to write more."""
        return not any(watcher.is_busy for watcher in tuple(self.watchers))


class Streams:
    """All streams of one server: how many there are, and whether they are to end."""

    def __init__(self) -> None:
        self.num = 0
        self.closing = False
        self._watchers = Watchers()

    @property
    def num_watched(self) -> int:
        """Runs that are followed by anybody."""
        return self._watchers.num_watched()

    def response(self, follows: Sequence[Follow], missing: dict[str, str], *, holds: bool) -> Response:
        """Answer with a stream.

        Args:
            follows: The runs, and up to where the client knows the history of each.
            missing: Runs that cannot be followed, and why.
            holds: Stay open when no run is at work; else the stream ends then.
        """
        if (refusal := self.refusal()) is not None:
            return refusal
        return StreamingResponse(
            self._events(follows, missing, holds),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    def refusal(self) -> Response | None:
        """Why one more stream is too much; None if it is not."""
        sentence = ""
        if self.num >= MOST_STREAMS:
            sentence = f"at most {MOST_STREAMS} browsers can follow runs at the same time; close some"
        elif self.num_watched >= MOST_WATCHED:
            sentence = f"at most {MOST_WATCHED} runs can be followed at the same time; close some pages"
        if not sentence:
            return None
        return JSONResponse({"error": sentence}, 503, headers={"Retry-After": str(RETRY_SECONDS)})

    async def _events(
        self, follows: Sequence[Follow], missing: dict[str, str], holds: bool
    ) -> AsyncIterator[str]:
        self.num += 1
        connection = _Connection()
        joining = [
            asyncio.ensure_future(connection.join(self._watchers.of(run), after)) for run, after in follows
        ]
        try:
            yield "retry: 1000\n\n"
            for run_id, sentence in missing.items():
                yield event("gone", {"run": run_id, "error": sentence})
            spoken = time.monotonic()
            pause = 0.0
            while not self.closing and not connection.is_broken:
                text = await connection.next(pause)
                pause = max(_PACE, self.num * _PACE_OF_EACH) if text else 0.0
                if text:
                    spoken = time.monotonic()
                    yield text
                elif time.monotonic() - spoken > HEARTBEAT_SECONDS:
                    spoken = time.monotonic()
                    yield event("beat", {})
                if connection.has_news or not all(task.done() for task in joining):
                    continue
                if not connection.watchers:
                    break
                if connection.is_at_rest and not holds:
                    yield event("rest", {})
                    break
        finally:
            self.num -= 1
            connection.close()
            for task in joining:
                task.cancel()
