"""Watches runs and topics for news: one thread each, shared by all clients that follow it."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from dashboard.jobs.run_news import news
from dashboard.jobs.trainers import trainers
from dashboard.server.topics import BUSY, TOPICS, Topic, TopicWatcher
from dashboard.server.watched import Watched, event
from vae.errors import UserError
from vae.runs.metric_lines import Line, thinned
from vae.runs.metrics import MetricsReader
from vae.runs.run import Run
from vae.storage.confined import lstat

#: Seconds between two looks at the files of a run whose trainer is at work, and of one at rest.
POLL, POLL_AT_REST = 0.1, 0.5
#: Seconds after which the status is read even if its file has not changed: a trainer may have died silently.
STATUS_SECONDS = 1.0
#: Lines of each kind in a history that is sent.
HISTORY = 2000
#: Bytes of the file that are read for one client that was away for a while; after a longer time it gets all, thinned.
_CATCH_UP = 1 << 20
#: Runs whose histories are kept though nobody listens.
_KEPT = 16


class Watcher(Watched):
    """Follows one run.

    Args:
        run: The run.
        ended: Called when nobody listens any more.
    """

    def __init__(self, run: Run, ended: Callable[[], None] = lambda: None) -> None:
        super().__init__(run.id, ended)
        self.run = run
        self._reader = MetricsReader(run.metrics_path)
        self._status = _Status(run)
        self._is_begun = False
        self._history: list[Line] = []
        #: Lines above which it is thinned again.
        self._most = 0
        #: The whole history as an event, and the place up to which it goes.
        self._whole = ("", "")

    @property
    def is_busy(self) -> bool:
        """Whether more is to come by itself."""
        return self._status.is_busy

    def _pause(self) -> float:
        return POLL if self._status.is_busy else POLL_AT_REST

    def _known(self, after: str | None) -> list[str]:
        if self.is_gone:
            return [self._farewell()]
        # Where the file cannot be read right now, the whole follows as soon as it can.
        return [text for text in (self._since(after) if self._is_begun else "", self._status.text) if text]

    def _since(self, after: str | None) -> str:
        """What a client needs that knows the history up to a place: nothing, the lines since then, or the whole."""
        if after == self._reader.token:
            return ""
        if after is not None and after.partition("-")[0] == self._reader.token.partition("-")[0]:
            reader = MetricsReader(self.run.metrics_path, after)
            if 0 < self._reader.offset - reader.offset <= _CATCH_UP:
                reset, lines, _ = reader.read(HISTORY, until=self._reader.offset)
                if not reset and reader.token == self._reader.token:
                    return self._event("lines", {"lines": list(map(_slim, lines))}, reader.token)
        if self._whole[0] != self._reader.token:
            whole = self._event("reset", {"lines": self._history}, self._reader.token)
            self._whole = (self._reader.token, whole)
        return self._whole[1]

    def _look(self) -> None:
        """Read what is new, and tell it."""
        if not self.run.path.is_dir():
            self._tell(self._farewell())
            self._leave()
            return
        try:
            reset, found, _ = self._reader.read(HISTORY)
            lines = list(map(_slim, found))
            if reset or not self._is_begun:
                self._is_begun = True
                self._history, self._most = lines, len(lines) + HISTORY
                if self._listeners:
                    self._tell(self._since(None))
            elif lines:
                self._history += lines
                if len(self._history) > self._most:
                    self._history = thinned(self._history, HISTORY)
                    self._most = len(self._history) + HISTORY
                self._tell(self._event("lines", {"lines": lines}, self._reader.token))
            if self._status.has_news():
                self._tell(self._status.text)
        except (UserError, OSError):
            # A file is being replaced or the folder removed: the next look sees what has become of it.
            pass

    def _farewell(self) -> str:
        return self._event("gone", {"error": f"run {self.run.id} was deleted"})


class _Status:
    """Status and control of a run, read when one of their files has changed or a second has passed."""

    def __init__(self, run: Run) -> None:
        self._run = run
        #: The newest as an event; empty before there is one.
        self.text = ""
        self.is_busy = True
        self._files = [
            run.path / name for name in ("status.json", "control.json", "config.json", "live.safetensors")
        ]
        self._seen: list[int | None] = []
        self._read = 0.0

    def has_news(self) -> bool:
        """Whether the status now differs from the last one in more than its heartbeat."""
        seen = [*(_changed(path) for path in self._files), trainers.place(self._run)]
        now = time.monotonic()
        if seen == self._seen and now - self._read < STATUS_SECONDS:
            return False
        found = news(self._run)
        self._seen, self._read = seen, now
        self.is_busy = found["state"] in BUSY
        before, self.text = self.text, event("status", {"run": self._run.id, **found})
        return before != self.text


def _slim(line: Line) -> Line:
    """A line without its rate of each dimension: with 512 of them a history would be tens of megabytes."""
    return {name: value for name, value in line.items() if name != "rate_per_dim"}


def _changed(path: Path) -> int:
    try:
        return int(lstat(path).st_mtime_ns)
    except OSError:
        return 0


class Watchers:
    """The watchers of one server; the histories of the runs that were followed last are kept for whoever comes next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watchers: OrderedDict[Path, Watcher] = OrderedDict()
        self._topics = {topic: TopicWatcher(topic) for topic in TOPICS.values()}

    def of(self, run: Run | Topic) -> Watched:
        """The watcher of a run or of a topic."""
        if isinstance(run, Topic):
            return self._topics[run]
        with self._lock:
            watcher = self._watchers.get(run.path)
            if watcher is None or watcher.is_gone:
                watcher = self._watchers[run.path] = Watcher(run, self._tidy)
            self._watchers.move_to_end(run.path)
            return watcher

    def num_watched(self) -> int:
        """Runs that somebody listens to."""
        with self._lock:
            return sum(watcher.is_watched for watcher in self._watchers.values())

    def _tidy(self) -> None:
        with self._lock:
            idle = [path for path, watcher in self._watchers.items() if not watcher.is_watched]
            for path in idle:
                if self._watchers[path].is_gone or path in idle[:-_KEPT]:
                    del self._watchers[path]
