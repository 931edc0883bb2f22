"""Something that clients of streams listen to: a thread looks after it, once for all of them, while anybody listens."""

from __future__ import annotations

import json
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

_log = logging.getLogger(__name__)

#: Seconds between two looks after one that failed in a way that nobody foresaw.
_AFTER_FAILURE = 5.0


class Listener(Protocol):
    """Who listens; watchers call it from their threads, so that nothing in it may wait."""

    #: Whether it listens still; the next look of a watcher leaves out who does not.
    is_open: bool

    def tell(self, text: str) -> None:
        """Hear of an event."""

    def left(self, watcher: Watched) -> None:
        """Hear that it is gone: nothing more is told of it."""


class Watched(ABC):
    """Looks for news and tells everybody the same.

    Args:
        name: What clients call it.
        ended: Called when nobody listens any more.
    """

    def __init__(self, name: str, ended: Callable[[], None] = lambda: None) -> None:
        self.name = name
        self.is_gone = False
        self._ended = ended
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._thread: threading.Thread | None = None

    @property
    @abstractmethod
    def is_busy(self) -> bool:
        """Whether more is to come by itself."""

    @abstractmethod
    def _look(self) -> None:
        """Read what is new, and tell it."""

    @abstractmethod
    def _known(self, after: str | None) -> list[str]:
        """What a client needs that knows everything up to a place (None for nothing), as events."""

    @abstractmethod
    def _pause(self) -> float:
        """Seconds until the next look."""

    @property
    def is_watched(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def subscribe(self, listener: Listener, after: str | None) -> None:
        """Tell what a client does not know yet, and from then on all that is new.

        It may take as long as reading a long history.

        Args:
            listener: Who is told.
            after: The place up to which it knows the history; None for nothing.
        """
        with self._lock:
            self._look()
            for text in self._known(after):
                listener.tell(text)
            if self.is_gone:
                listener.left(self)
                return
            self._listeners.add(listener)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"watch {self.name}", daemon=True)
                self._thread.start()

    # In a thread of its own -------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            pause = self._pause()
            with self._lock:
                self._listeners = {listener for listener in self._listeners if listener.is_open}
                if self.is_gone or not self._listeners:
                    self._thread = None
                    break
                try:
                    self._look()
                except Exception as error:  # whoever listens goes on
                    _log.exception("%s cannot be watched", self.name, exc_info=error)
                    pause = _AFTER_FAILURE
            time.sleep(pause)
        self._ended()

    def _tell(self, text: str) -> None:
        for listener in self._listeners:
            listener.tell(text)

    def _leave(self) -> None:
        """Tell everybody that there is nothing more to listen to."""
        self.is_gone = True
        listeners, self._listeners = self._listeners, set()
        for listener in listeners:
            listener.left(self)

    def _event(self, name: str, value: dict[str, Any], identity: str | None = None) -> str:
        return event(name, {"run": self.name, **value}, identity)


def event(name: str, value: Any, identity: str | None = None) -> str:
    """One server-sent event."""
    content = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return (f"id: {identity}\n" if identity else "") + f"event: {name}\ndata: {content}\n\n"
