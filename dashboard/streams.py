"""A run's history and status as server-sent events, from the files that its trainer writes.

`reset` carries a thinned history from the beginning, `lines` what was written since, `status` what the trainer does and
what is asked of it, `gone` that the run was deleted. The id of an event is the place in the file up to which the client
knows the history; a browser sends it back when it reconnects, and goes on there, without loss or doubling.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import anyio
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from dashboard import model_cache
from vae.errors import UserError
from vae.metrics import MetricsReader
from vae.runs import Run

#: Seconds between two looks at the files of a run whose trainer is at work, and of one at rest.
POLL, POLL_AT_REST = 0.1, 0.5
#: Seconds after which the status is read even if its file has not changed: a trainer may have died silently.
STATUS_SECONDS = 1.0
HEARTBEAT_SECONDS = 10.0
#: Lines of each kind in a history that is sent.
HISTORY = 2000
#: Streams at once; a page has one.
MOST_STREAMS = 200


class Streams:
    """All streams of one server: how many there are, and whether they are to end."""

    def __init__(self) -> None:
        self.num = 0
        self.closing = False

    def response(self, run: Run, request: Request, after: str | None) -> Response:
        """Answer with the stream of a run.

        Args:
            run: The run.
            request: To notice that the client has gone.
            after: Id of the last event that the client has, or None.
        """
        if self.num >= MOST_STREAMS:
            return JSONResponse(
                {"error": f"at most {MOST_STREAMS} pages may follow runs at once; close some"}, 503
            )
        return StreamingResponse(
            self._events(run, request, after),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _events(self, run: Run, request: Request, after: str | None) -> AsyncIterator[str]:
        self.num += 1
        try:
            yield "retry: 1000\n\n"
            reader = MetricsReader(run.path / "metrics.jsonl", after)
            watch = _StatusWatch(run)
            spoken = time.monotonic()
            begun = False
            while not self.closing and not await request.is_disconnected():
                if not run.path.is_dir():
                    yield event("gone", {"error": f"run {run.id} was deleted"})
                    break
                said = []
                try:
                    # Only the first read can be long; later ones are a stat and a few kilobytes.
                    reset, lines, _ = (
                        reader.read() if begun else await to_thread.run_sync(reader.read, HISTORY)
                    )
                    lines = [_slim(line) for line in lines]
                    if reset or (not begun and after is None):
                        said.append(event("reset", {"lines": lines}, reader.token))
                    elif lines:
                        said.append(event("lines", {"lines": lines}, reader.token))
                    begun = True
                    if (status := watch.news()) is not None:
                        said.append(event("status", status))
                except (UserError, OSError):
                    # A file is being replaced or the folder removed: the next look sees what has become of it.
                    pass
                if said:
                    spoken = time.monotonic()
                    yield "".join(said)
                elif time.monotonic() - spoken > HEARTBEAT_SECONDS:
                    spoken = time.monotonic()
                    yield ": still here\n\n"
                await anyio.sleep(POLL if watch.is_active else POLL_AT_REST)
        finally:
            self.num -= 1


class _StatusWatch:
    """Status and control of a run, read when one of their files has changed or a second has passed."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.is_active = True
        self._files = [
            run.path / name for name in ("status.json", "control.json", "config.json", "live.safetensors")
        ]
        self._seen: list[int] = []
        self._said: dict[str, Any] = {}
        self._read = 0.0

    def news(self) -> dict[str, Any] | None:
        """The status if it differs from the last one told in more than its heartbeat."""
        seen = [_changed(path) for path in self._files]
        now = time.monotonic()
        if seen == self._seen and now - self._read < STATUS_SECONDS:
            return None
        self._seen, self._read = seen, now
        found = self.run.status()
        self.is_active = found.is_active
        status = found.to_dict()
        del status["heartbeat"], status["host"], status["pid"]
        status["control"] = self.run.control().to_dict()
        status["stamp"] = model_cache.stamp(self.run, "last")
        if status == self._said:
            return None
        self._said = status
        return status


def _slim(line: dict[str, Any]) -> dict[str, Any]:
    """A line without its rate of each dimension: with 512 of them a history would be tens of megabytes."""
    return {name: value for name, value in line.items() if name != "rate_per_dim"}


def _changed(path: Any) -> int:
    try:
        return int(path.stat().st_mtime_ns)
    except OSError:
        return 0


def event(name: str, value: Any, identity: str | None = None) -> str:
    """One server-sent event."""
    content = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return (f"id: {identity}\n" if identity else "") + f"event: {name}\ndata: {content}\n\n"
