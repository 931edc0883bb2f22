"""An LRU cache, bounded in entries and in bytes."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

_caches: weakref.WeakSet[Cache] = weakref.WeakSet()


class Cache:
    """The results used last, so many and so many bytes of them; one that several ask for at once is made once.

    What is in somebody's hands is never made a second time, though it has been put away here.

    Args:
        size: How many.
        max_bytes: Of all together; the newest stays though it is larger.
    """

    def __init__(self, size: int, max_bytes: int = 64 << 20) -> None:
        self._size, self._max_bytes = size, max_bytes
        _caches.add(self)
        self._lock = threading.Lock()
        self._made: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._in_use: weakref.WeakValueDictionary[Hashable, Any] = weakref.WeakValueDictionary()

    @property
    def num_bytes(self) -> int:
        """Bytes of what is kept."""
        with self._lock:
            return sum(size for _, size in self._made.values())

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result of a key; `make` is called if it is not known. An error is not kept."""
        with self._lock:
            if (known := self._known(key)) is not None:
                return known[0]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if (known := self._known(key)) is not None:
                    return known[0]
            try:
                result = make()
                num_bytes = size_of(result)
                with self._lock:
                    self._keep(key, result, num_bytes)
            finally:
                with self._lock:
                    self._making.pop(key, None)
            return result

    def peek(self, key: Hashable) -> Any | None:
        """The result of a key if it is known; None if it is not."""
        with self._lock:
            known = self._known(key)
            return None if known is None else known[0]

    def _known(self, key: Hashable) -> tuple[Any, int] | None:
        if key in self._made:
            self._made.move_to_end(key)
            return self._made[key]
        held = self._in_use.get(key)
        if held is None:
            return None
        return self._keep(key, held, size_of(held))

    def _keep(self, key: Hashable, result: Any, num_bytes: int) -> tuple[Any, int]:
        self._made[key] = result, num_bytes
        with suppress(
            TypeError
        ):  # bytes and the like cannot be pointed to, and are small or no longer wanted
            self._in_use[key] = result
        total = sum(size for _, size in self._made.values())
        while len(self._made) > self._size or (total > self._max_bytes and len(self._made) > 1):
            _, (_, size) = self._made.popitem(last=False)
            total -= size
        return result, num_bytes

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._made.clear()
            self._in_use.clear()


def size_of(value: Any) -> int:
    """About how many bytes a result takes: those of the arrays, tensors and texts in it."""
    seen: set[int] = set()

    def of(part: Any, depth: int) -> int:
        if (
            part is None
            or isinstance(part, bool | int | float | complex | type)
            or id(part) in seen
            or depth > 8
        ):
            return 0
        seen.add(id(part))
        if isinstance(part, bytes | bytearray | str):
            return len(part)
        if isinstance(size := getattr(part, "nbytes", None), int):  # arrays and tensors
            return size
        if isinstance(part, dict):
            return sum(of(value, depth + 1) for value in part.values())
        if isinstance(part, list | tuple | set | frozenset):
            return sum(of(value, depth + 1) for value in part)
        return sum(of(value, depth + 1) for value in getattr(part, "__dict__", {}).values())

    return of(value, 0)


def clear() -> None:
    """Forget all that any cache keeps; for tests."""
    for cache in list(_caches):
        cache.clear()
