"""Run untrusted ONNX graphs in processes of their own, with limits on memory and time.

A graph that takes too long, swells or ends its process costs nobody else anything: its process is ended, the others go
on, and the next one to be asked gets a new process. A graph is asked one thing at a time, so that a slow one never
keeps more than one of the `vae.limits.GRAPH_PROCESSES`.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import select
import subprocess
import sys
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae.export.onnx_outline import Unbounded, outline
from vae.export.onnx_worker import LENGTH, SWOLLEN, head
from vae.limits import (
    GRAPH_BYTES,
    GRAPH_IDLE_SECONDS,
    GRAPH_OPEN_SECONDS,
    GRAPH_PIECE_SECONDS,
    GRAPH_PROCESS_MEMORY,
    GRAPH_PROCESSES,
    GRAPH_RUN_SECONDS,
    GRAPHS_OPEN,
    MiB,
)

Array = NDArray[np.float32]
#: Seconds in which a process must be there: it loads onnxruntime, on a busy machine too.
_START_SECONDS = 60.0
#: Longest header of an answer, and bytes that are sent or received at once.
_MAX_HEADER, _BLOCK = 1 << 16, 1 << 20
#: Bytes of inputs and outputs that travel at once.
_PIECE_BYTES = 128 * MiB
_COMMAND = "import sys; sys.path.extend({paths}); from vae.export.onnx_worker import serve; serve()"


class GraphError(ValueError):
    """A graph is not run; the message goes on from its name: `must have …`, `takes longer than …`."""


class _Ended(Exception):
    """The process is gone."""


class OpenGraph:
    """A graph that can be run, opened wherever there is room for it.

    Args:
        data: Its bytes; they are kept, and not copied.
        inputs: Names and shapes without the batch that it must have; all are float32.
        outputs: Likewise.
        threads: That one answer may take.

    Raises:
        GraphError: If it is refused (`vae.export.onnx_outline`, `vae.export.onnx_check`), cannot be opened, or does not
            answer one example within `vae.limits.GRAPH_OPEN_SECONDS`.
    """

    def __init__(
        self,
        data: memoryview,
        inputs: Mapping[str, tuple[int, ...]],
        outputs: Mapping[str, tuple[int, ...]],
        threads: int,
    ) -> None:
        if len(data) > GRAPH_BYTES:
            raise GraphError(f"must have at most {GRAPH_BYTES:,} bytes, and has {len(data):,}")
        try:
            self._outline = outline(data)
        except Unbounded as error:
            raise GraphError(str(error)) from None
        self._data, self._inputs, self._outputs, self._threads = data, dict(inputs), dict(outputs), threads
        self._number = next(_numbers)
        self._one_at_a_time = threading.Lock()
        #: Seconds for one example, as last measured.
        self._seconds = 0.0
        with self._one_at_a_time, _pool.process(self._number) as process:
            self._open_in(process)
        weakref.finalize(self, _pool.forget, self._number)

    def close(self) -> None:
        """Let the process go in which it is open, with all that it took; asked again, it is opened in another."""
        with self._one_at_a_time, _pool.process(self._number) as process:
            process.end()

    def run(self, given: Sequence[Array]) -> list[Array]:
        """The outputs, in their order.

        Args:
            given: The inputs in their order, each with the same number of examples.

        Raises:
            GraphError: If it takes too long or too much memory, or gives something else than it should.
        """
        num = len(given[0])
        if not num:
            return [np.empty((0, *shape), np.float32) for shape in self._outputs.values()]
        found: list[list[Array]] = []
        with self._one_at_a_time:
            start = 0
            while start < num:
                piece = min(num - start, self._num_at_once(num - start))
                begun = time.perf_counter()
                found.append(self._answer([values[start : start + piece] for values in given], piece))
                self._seconds = (time.perf_counter() - begun) / piece
                start += piece
        if len(found) == 1:
            return found[0]
        return [np.concatenate(parts) for parts in zip(*found, strict=True)]

    def _num_at_once(self, num: int) -> int:
        """How many examples fit into the time and the bytes of one answer."""
        each = 4 * sum(int(np.prod(shape)) for shape in [*self._inputs.values(), *self._outputs.values()])
        most = max(1, _PIECE_BYTES // each)
        if self._seconds * num > GRAPH_RUN_SECONDS / 2:
            most = min(most, max(1, int(GRAPH_PIECE_SECONDS / self._seconds)))
        return most

    def _answer(self, given: list[Array], num: int) -> list[Array]:
        parts = [np.ascontiguousarray(values, np.float32).reshape(-1).view(np.uint8).data for values in given]
        joined = memoryview(b"".join(parts)) if len(parts) > 1 else parts[0]
        with _pool.process(self._number) as process:
            if self._number not in process.open:
                self._open_in(process)
            answers = process.ask(
                {"do": "run", "number": self._number, "num": num},
                [joined],
                GRAPH_RUN_SECONDS,
                [4 * num * int(np.prod(shape)) for shape in self._outputs.values()],
            )[1]
        shapes = self._outputs.values()
        return [
            np.frombuffer(answer, np.float32).reshape(num, *shape)
            for answer, shape in zip(answers, shapes, strict=True)
        ]

    def _open_in(self, process: _Process) -> None:
        process.make_room(len(self._data))
        header = {
            "do": "open",
            "number": self._number,
            "threads": self._threads,
            "inputs": list(self._inputs.items()),
            "outputs": list(self._outputs.items()),
        }
        answer, _ = process.ask(header, [memoryview(self._outline), self._data], GRAPH_OPEN_SECONDS, [])
        self._seconds = float(answer["seconds"])
        process.open[self._number] = len(self._data)


_numbers = itertools.count()


class _Process:
    """One process of `vae.export.onnx_worker`, asked by one thread at a time."""

    def __init__(self) -> None:
        package = str(Path(__file__).resolve().parents[2])
        paths = [path for path in [*sys.path, package] if path]
        try:
            # -P: what lies in the working folder is nobody's module.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _COMMAND.format(paths=paths)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise GraphError(f"cannot be run (no process for it: {error.strerror})") from None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)
        #: Graphs that are open in it, and their bytes; those asked last are last.
        self.open: OrderedDict[int, int] = OrderedDict()
        self.used = time.monotonic()
        try:
            self._exchange([], _START_SECONDS, [])
        except (_Ended, TimeoutError):
            self.end()
            raise GraphError("cannot be run (the process for it does not start)") from None

    @property
    def is_fit(self) -> bool:
        """Whether it is there, and will be for some seconds."""
        return self._process.poll() is None and time.monotonic() - self.used < GRAPH_IDLE_SECONDS - 5

    def ask(
        self, header: dict[str, Any], parts: list[memoryview], seconds: float, sizes: list[int]
    ) -> tuple[dict[str, Any], list[bytearray]]:
        """Send a request, and wait for the answer.

        Args:
            header: What is asked.
            parts: Bytes that belong to it.
            seconds: Until when.
            sizes: Of the parts that the answer must have: of other sizes nothing is read.

        Raises:
            GraphError: If the graph is refused, or the time or the memory did not do; then the process is ended.
        """
        try:
            return self._checked(self._exchange([memoryview(head(header, parts)), *parts], seconds, sizes))
        except TimeoutError:
            self.end()
            raise GraphError(f"takes longer than {seconds:g} s, which is the most that it may") from None
        except _Ended:
            code = self.end()
            if code == SWOLLEN:
                limit = GRAPH_PROCESS_MEMORY // MiB
                raise GraphError(f"cannot be run (it takes more than {limit} MiB of memory)") from None
            raise GraphError("cannot be run (it ended the process that it ran in)") from None
        finally:
            self.used = time.monotonic()

    def _checked(
        self, found: tuple[dict[str, Any], list[bytearray]]
    ) -> tuple[dict[str, Any], list[bytearray]]:
        if "refused" in found[0]:
            raise GraphError(str(found[0]["refused"]))
        return found

    def make_room(self, size: int) -> None:
        """Close graphs until another of so many bytes may be opened."""
        while self.open and (
            len(self.open) >= GRAPHS_OPEN or sum(self.open.values()) + size > 2 * GRAPH_BYTES
        ):
            number, _ = self.open.popitem(last=False)
            self.ask({"do": "close", "number": number}, [], GRAPH_OPEN_SECONDS, [])

    def end(self) -> int:
        """End it, whatever it is at; returns its exit code, or minus the signal."""
        with suppress(subprocess.TimeoutExpired):
            # One whose pipe is closed ends by itself, and its exit code says why it went.
            self._process.wait(0.2 if self._process.poll() is None and self._is_closed() else 0)
        if self._process.poll() is None:
            self._process.kill()
        code = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self.open.clear()
        return code

    def _is_closed(self) -> bool:
        return _is_ready(self._from, select.POLLIN, 0)

    # Frames, with a time limit ----------------------------------------------------------------------------------------

    def _exchange(
        self, frame: list[memoryview], seconds: float, sizes: list[int]
    ) -> tuple[dict[str, Any], list[bytearray]]:
        until = time.monotonic() + seconds
        for part in frame:
            place = 0
            while place < part.nbytes:
                self._wait(until, to_write=True)
                try:
                    place += os.write(self._to, part[place : place + _BLOCK])
                except BlockingIOError:
                    continue
                except OSError:
                    raise _Ended from None
        (length,) = LENGTH.unpack(self._read(LENGTH.size, until))
        if length > _MAX_HEADER:
            raise _Ended
        header = json.loads(self._read(length, until))
        if "refused" in header:
            return header, []
        if header["sizes"] != sizes:
            raise _Ended
        return header, [self._read(size, until) for size in sizes]

    def _read(self, size: int, until: float) -> bytearray:
        content = bytearray(size)
        view, place = memoryview(content), 0
        while place < size:
            self._wait(until, to_write=False)
            try:
                count = os.readv(self._from, [view[place : place + _BLOCK]])
            except BlockingIOError:
                continue
            if not count:
                raise _Ended
            place += count
        return content

    def _wait(self, until: float, *, to_write: bool) -> None:
        left = max(0.0, until - time.monotonic())
        if not _is_ready(*((self._to, select.POLLOUT) if to_write else (self._from, select.POLLIN)), left):
            raise TimeoutError


def _is_ready(descriptor: int, what: int, seconds: float) -> bool:
    """Whether a pipe can be read or written, or has been closed, within so many seconds."""
    poll = select.poll()
    poll.register(descriptor, what)
    return bool(poll.poll(1000 * seconds))


class _Pool:
    """The processes there are, and who has which."""

    def __init__(self) -> None:
        self._of_our_parent: list[_Process] = []
        self._reset()

    def _reset(self) -> None:
        self._owner = os.getpid()
        self._changed = threading.Condition()
        self._idle: list[_Process] = []
        self._num_busy = 0

    @contextmanager
    def process(self, number: int) -> Iterator[_Process]:
        """A process for this thread alone: one that has the graph open, another that is idle, or a new one.

        Raises:
            GraphError: If all are at work on other graphs for as long as one may be.
        """
        if self._owner != os.getpid():  # after a fork
            self._of_our_parent += self._idle
            self._reset()
        process = self._taken(number)
        try:
            if process is None:
                process = _Process()
            yield process
        finally:
            with self._changed:
                self._num_busy -= 1
                if process is not None and process.is_fit:
                    self._idle.append(process)
                elif process is not None:
                    process.end()
                self._changed.notify()

    def _taken(self, number: int) -> _Process | None:
        """A process that is there, taken out of the idle ones; None if one more may be started."""
        until = time.monotonic() + GRAPH_RUN_SECONDS
        with self._changed:
            while True:
                for process in [one for one in self._idle if not one.is_fit]:
                    self._idle.remove(process)
                    process.end()
                if self._idle:
                    having = [process for process in self._idle if number in process.open]
                    process = (having or self._idle)[0]
                    self._idle.remove(process)
                    self._num_busy += 1
                    return process
                if self._num_busy < GRAPH_PROCESSES:
                    self._num_busy += 1
                    return None
                if not self._changed.wait(until - time.monotonic()):
                    raise GraphError(
                        "must wait for the networks of other runs, which take long; try again shortly"
                    )

    def forget(self, number: int) -> None:
        """A graph is no longer asked; where it is open it is closed to make room for another."""
        # Called wherever the garbage collector is at work: only what needs no lock.
        for process in list(self._idle):
            if number in process.open:
                with suppress(KeyError, RuntimeError):
                    process.open.move_to_end(number, last=False)

    def close(self) -> None:
        """End all processes that are idle."""
        if self._owner == os.getpid():
            with self._changed:
                for process in self._idle:
                    process.end()
                self._idle.clear()


_pool = _Pool()
atexit.register(_pool.close)
