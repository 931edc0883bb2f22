"""When a request may compute: a few at a time, fairly between runs, and not for a client that has left.

Requests wait in one queue for each group (a run). The group with the fewest under way, served longest ago, comes next.
What takes longer than a moment no longer counts among the quick ones, so that it holds up nobody but its own group.
Equal requests that come while one of them waits or works share its answer.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from typing import Any, TypeVar

from vae.errors import UserError

T = TypeVar("T")

#: Seconds after which a computation no longer counts among the quick ones.
QUICK = 0.3
#: Seconds for which a thread waits for more to do before it ends.
_IDLE = 10.0
#: Seconds after which a client that was turned away may ask again.
RETRY_SECONDS = 2


class Busy(UserError):
    """There is more to compute than this server can; asking again later may help."""


class Abandoned(Exception):
    """Nobody waits for the answer any more."""


class _Work:
    """One computation, and who waits for it."""

    def __init__(self, group: Hashable, key: Hashable, function: Callable[[], Any]) -> None:
        self.group, self.key, self.function = group, key, function
        self.num_waiting = 0
        self.began = 0.0
        self.is_done = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.wake: list[Callable[[], None]] = []

    def get(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.result


_current: contextvars.ContextVar[_Work | None] = contextvars.ContextVar("computation", default=None)


def check() -> None:
    """End a computation that nobody waits for any more; to be called between its parts.

    Raises:
        Abandoned: If all clients that asked for it have gone.
    """
    work = _current.get()
    if work is not None and work.num_waiting == 0:
        raise Abandoned


class Admission:
    """Threads for computations of one kind.

    Args:
        name: Of the threads.
        at_once: Quick ones at once.
        in_all: Computations at once, slow ones included.
        of_a_group: Computations of one group at once.
        most_waiting: Waiting computations of all groups.
        most_of_a_group: Waiting computations of one group.
    """

    def __init__(
        self,
        name: str,
        *,
        at_once: int,
        in_all: int,
        of_a_group: int = 2,
        most_waiting: int = 400,
        most_of_a_group: int = 100,
    ) -> None:
        self.name, self.at_once, self.in_all, self.of_a_group = name, at_once, in_all, of_a_group
        self.most_waiting, self.most_of_a_group = most_waiting, most_of_a_group
        self._changed = threading.Condition()
        #: Queues of the groups; the one that was served longest ago is first.
        self._queues: OrderedDict[Hashable, deque[_Work]] = OrderedDict()
        self._known: dict[Hashable, _Work] = {}
        self._running: list[_Work] = []
        self._num_threads = self._num_idle = 0

    @property
    def num_waiting(self) -> int:
        """Computations that have not begun."""
        with self._changed:
            return self._num_queued()

    async def run(self, group: Hashable, function: Callable[[], T], key: Hashable = None) -> T:
        """Compute in a thread when it is this one's turn.

        Args:
            group: Whose it is, a run for instance: no group has all threads for long.
            function: What is computed.
            key: Of equal keys one is computed, and all who ask meanwhile get its result. None is like no other.
        Raises:
            Busy: If too many wait already.
        """
        work = self._enqueue(group, function, key)
        event, loop = asyncio.Event(), asyncio.get_running_loop()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop has ended, and nobody waits in it
                loop.call_soon_threadsafe(event.set)

        with self._changed:
            if work.is_done:
                return work.get()
            work.wake.append(wake)
        try:
            await event.wait()
        finally:
            self._leave(work)
        return work.get()

    def _enqueue(self, group: Hashable, function: Callable[[], Any], key: Hashable) -> _Work:
        with self._changed:
            known = self._known.get(key) if key is not None else None
            # One that was given up may just be ending with `Abandoned`.
            if known is not None and known.num_waiting:
                known.num_waiting += 1
                return known
            queue = self._queues.setdefault(group, deque())
            if self._num_queued() >= self.most_waiting or len(queue) >= self.most_of_a_group:
                if not queue:
                    del self._queues[group]
                raise Busy(
                    f"at most {self.most_waiting} requests may wait, {self.most_of_a_group} of them for one run, "
                    f"and that limit is reached; try again in {RETRY_SECONDS} s"
                )
            work = _Work(group, key, function)
            work.num_waiting = 1
            queue.append(work)
            if key is not None:
                self._known[key] = work
            self._call_thread()
            return work

    def _call_thread(self) -> None:
        """See to it that a thread looks after what waits."""
        if self._num_idle:
            self._changed.notify()
        elif self._num_threads < self.in_all:
            self._num_threads += 1
            threading.Thread(target=self._serve, name=self.name, daemon=True).start()

    def _leave(self, work: _Work) -> None:
        """A client has its answer, or has gone; what nobody waits for is not begun."""
        with self._changed:
            work.num_waiting -= 1
            if work.num_waiting or work.began or work.is_done:
                return
            queue = self._queues.get(work.group)
            if queue is not None and work in queue:
                queue.remove(work)
                if not queue:
                    del self._queues[work.group]
            self._forget(work)

    def _forget(self, work: _Work) -> None:
        if work.key is not None and self._known.get(work.key) is work:
            del self._known[work.key]

    def _num_queued(self) -> int:
        return sum(map(len, self._queues.values()))

    # In the threads ---------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while (work := self._next()) is not None:
            context = contextvars.copy_context()
            context.run(_current.set, work)
            try:
                result, error = context.run(work.function), None
            except BaseException as raised:
                result, error = None, raised
            self._finish(work, result, error)
            del work, result, error, context

    def _finish(self, work: _Work, result: Any, error: BaseException | None) -> None:
        with self._changed:
            work.result, work.error, work.is_done = result, error, True
            self._running.remove(work)
            self._forget(work)
            wake, work.wake = work.wake, []
            self._changed.notify()
        for call in wake:
            call()

    def _next(self) -> _Work | None:
        """What this thread is to compute; None when there has been nothing for a while."""
        deadline = time.monotonic() + _IDLE
        with self._changed:
            while (work := self._take(now := time.monotonic())) is None:
                if now >= deadline and not self._queues:
                    self._num_threads -= 1
                    return None
                self._num_idle += 1
                self._changed.wait(self._until_news(now, deadline))
                self._num_idle -= 1
            if self._queues:
                self._call_thread()  # whoever comes next may be admitted too, now or in a moment
            return work

    def _until_news(self, now: float, deadline: float) -> float:
        """Seconds until another may be admitted without anybody saying so."""
        if not self._queues:
            return max(0.0, deadline - now)
        left = [work.began + QUICK - now for work in self._running]
        return max(0.001, min([seconds for seconds in left if seconds > 0], default=1.0))

    def _take(self, now: float) -> _Work | None:
        quick = sum(now - work.began < QUICK for work in self._running)
        if quick >= self.at_once or len(self._running) >= self.in_all:
            return None
        busy: dict[Hashable, int] = {}
        for work in self._running:
            busy[work.group] = busy.get(work.group, 0) + 1
        # The first of equals is the one that was served longest ago.
        group = min(self._queues, key=lambda group: busy.get(group, 0), default=None)
        if group is None or busy.get(group, 0) >= self.of_a_group:
            return None
        queue = self._queues.pop(group)
        work = queue.popleft()
        if queue:
            self._queues[group] = queue
        work.began = now
        self._running.append(work)
        return work


async def unless_gone(receive: Callable[[], Awaitable[Any]], work: Awaitable[T]) -> T | None:
    """Wait for an answer unless the client goes; None then.

    Args:
        receive: Of the request's ASGI application.
        work: What is waited for; it is called off when the client goes.
    """

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            await asyncio.sleep(0)  # others go on, also where there is always something to receive

    answer, leaving = asyncio.ensure_future(work), asyncio.ensure_future(gone())
    try:
        await asyncio.wait({answer, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return answer.result() if answer.done() else None
    finally:
        for task in (answer, leaving):
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
