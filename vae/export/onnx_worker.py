"""The child process in which `vae.export.onnx_session` opens and runs untrusted graphs.

It reads requests from standard input and writes answers to standard output, each a frame: the length of a JSON
header, the header, and parts of the sizes that it names. It takes no more memory than `vae.limits` allow, and ends with
whoever started it. Imports no torch.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import struct
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, BinaryIO

import numpy as np

from vae.export.onnx_check import Refused, check, sides
from vae.limits import GRAPH_IDLE_SECONDS, GRAPH_MEMORY, GRAPH_PROCESS_MEMORY, MiB

#: Length of a frame's header.
LENGTH = struct.Struct("<I")
#: Exit code of a process that wanted too much memory.
SWOLLEN = 77
#: Seconds between two looks at our own memory while a graph is at work, and at who started us.
_WATCH_SECONDS = 0.02


class Sessions:
    """The graphs that are open, by number."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[Any, dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]] = {}
        self._is_ready = False

    def open(self, header: dict[str, Any], outline: bytes, graph: bytes) -> dict[str, Any]:
        """Look at a graph, open it, and try it with one example; says how long that example takes, seconds."""
        inputs, outputs = (
            {name: tuple(shape) for name, shape in header[kind]} for kind in ("inputs", "outputs")
        )
        check(outline, inputs, outputs)
        session = self._session(graph, header["threads"])
        self._open[header["number"]] = session, inputs, outputs
        example = {name: np.zeros((1, *shape), np.float32) for name, shape in inputs.items()}
        seconds = []
        for _ in range(2):  # the first one makes room
            begun = time.perf_counter()
            self._answers(header["number"], example, 1)
            seconds.append(time.perf_counter() - begun)
        return {"seconds": min(seconds)}

    def run(self, header: dict[str, Any], content: bytes) -> list[np.ndarray[Any, Any]]:
        """The outputs for inputs that come one behind the other."""
        _, inputs, _ = self._open[header["number"]]
        num, place = header["num"], 0
        given = {}
        for name, shape in inputs.items():
            count = num * int(np.prod(shape))
            given[name] = np.frombuffer(content, np.float32, count, place).reshape(num, *shape)
            place += 4 * count
        return self._answers(header["number"], given, num)

    def close(self, number: int) -> None:
        """Forget a graph."""
        self._open.pop(number, None)

    def _answers(self, number: int, given: dict[str, Any], num: int) -> list[np.ndarray[Any, Any]]:
        session, _, outputs = self._open[number]
        try:
            found = session.run(list(outputs), given)
        except Exception as error:  # onnxruntime's errors have no common kind
            raise Refused(f"cannot be run ({_reason(error)})") from None
        for (name, shape), values in zip(outputs.items(), found, strict=True):
            kind, got = getattr(values, "dtype", type(values).__name__), getattr(values, "shape", "none")
            if got != (num, *shape) or kind != np.float32:
                raise Refused(
                    f"must give {name} of shape ({num}, {sides(shape)}), and gives {kind} of shape {str(got)[:100]}"
                )
        return found

    def _session(self, data: bytes, threads: int) -> Any:
        """A graph ready to run on the CPU."""
        import onnxruntime

        if not self._is_ready:
            memory = onnxruntime.OrtMemoryInfo(
                "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
            )
            # Strategy 1 takes what is asked for; the other takes twice as much each time.
            arena = onnxruntime.OrtArenaCfg({"max_mem": GRAPH_MEMORY, "arena_extend_strategy": 1})
            onnxruntime.create_and_register_allocator(memory, arena)
            self._is_ready = True
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            session = onnxruntime.InferenceSession(
                data,
                options,
                providers=["CPUExecutionProvider"],
                # It computes while it opens the graph, and there outside the bound.
                disabled_optimizers=["ConstantFolding"],
            )
        except Exception as error:  # onnxruntime's errors have no common kind
            raise Refused(f"cannot be run ({_reason(error)})") from None
        session._model_bytes = None  # it keeps them for providers that we never ask for
        return session


def _reason(error: Exception) -> str:
    """Why onnxruntime did not do it, without where in its source it says so."""
    said = str(error).rpartition("Status Message:")[2].strip() or type(error).__name__
    if any(word in said for word in ("memory of", "bad_alloc", "bad allocation", "Failed to allocate")):
        return f"it takes more than {GRAPH_MEMORY // MiB} MiB of memory"
    return re.sub(r"\S*/onnxruntime\S*|\[ONNXRuntimeError\]\s*:?", "", said.splitlines()[0]).strip(" :")[:200]


class _Watch:
    """Ends this process when it swells, or when whoever started it is gone."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._is_at_work = threading.Event()
        self._before = _resident()
        threading.Thread(target=self._look, name="watch", daemon=True).start()

    def _look(self) -> None:
        while True:
            self._is_at_work.wait()
            time.sleep(_WATCH_SECONDS)
            if _resident() - self._before > GRAPH_PROCESS_MEMORY or os.getppid() != self._parent:
                os._exit(SWOLLEN)

    def __enter__(self) -> None:
        self._is_at_work.set()

    def __exit__(self, *_: object) -> None:
        self._is_at_work.clear()


def _resident() -> int:
    """Memory of this process that is really there, bytes; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _limit_memory() -> None:
    """Let the system refuse memory beyond the limit, where it can: quicker than any watch."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        with open("/proc/self/status", "rb") as file:  # noqa: PTH123
            used = next(int(line.split()[1]) for line in file if line.startswith(b"VmData")) * 1024
        # Stacks and arenas of threads count too, though little of them is ever there.
        limit = used + GRAPH_PROCESS_MEMORY + 256 * MiB
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def serve() -> None:
    """Answer requests until there are no more, or nobody has asked for a minute."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started us, who will let us go
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whatever a library prints is no answer
    requests = sys.stdin.buffer
    import onnxruntime  # noqa: F401

    sessions, watch = Sessions(), _Watch()
    _limit_memory()
    _send(answers, {})
    while select.select([requests], [], [], GRAPH_IDLE_SECONDS)[0]:
        frame = receive(requests)
        if frame is None:
            return
        header, parts = frame
        del frame
        try:
            with watch:
                match header["do"]:
                    case "open":
                        _send(answers, sessions.open(header, *parts))
                    case "run":
                        found = sessions.run(header, parts[0])
                        _send(answers, {}, [np.ascontiguousarray(values).data.cast("B") for values in found])
                    case _:
                        sessions.close(header["number"])
                        _send(answers, {})
        except Refused as error:
            if header["do"] == "open":
                sessions.close(header["number"])
            _send(answers, {"refused": str(error)})
        except MemoryError:
            os._exit(SWOLLEN)
        del parts


def receive(requests: BinaryIO) -> tuple[dict[str, Any], list[bytes]] | None:
    """The next frame: its header and its parts; None if there is no more."""
    head = requests.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    header = json.loads(requests.read(*LENGTH.unpack(head)))
    return header, [requests.read(size) for size in header["sizes"]]


def head(header: dict[str, Any], parts: Sequence[memoryview]) -> bytes:
    """What stands before the parts of a frame."""
    text = json.dumps({**header, "sizes": [part.nbytes for part in parts]}).encode()
    return LENGTH.pack(len(text)) + text


def _send(answers: BinaryIO, header: dict[str, Any], parts: Sequence[memoryview] = ()) -> None:
    answers.write(head(header, parts))
    for part in parts:
        answers.write(part)
    answers.flush()
