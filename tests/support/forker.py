"""Starts `vae` commands as processes of their own without loading torch for each: a process that has it forks.

A test talks to it in lines of JSON. ``{"arguments": […], "output": FILE}`` is answered with the number of the new
process, ``{"wait": NUMBER}`` with its exit code, negative for the signal that killed it, and ``{"poll": NUMBER}`` with
that or null. ``"input": FILE`` is its standard input, and with ``"die_at": N`` it kills itself, as by kill -9, just
before its N-th change of a file or folder below ``"below"``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

# Loaded before the forks, like all that a first step of training loads.
import torch
import torch._dynamo

from vae.cli import main
from vae.evaluation import elbo
from vae.experiments import published
from vae.export import onnx
from vae.latent import embedding
from vae.runs import archive, snapshots
from vae.training import trainer, worker

LOADED = (archive, trainer, elbo, onnx, embedding, published, snapshots, worker, torch._dynamo)
CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate")


def start(request: dict[str, Any]) -> int:
    child = os.fork()
    if child:
        CODES.pop(child, None)  # a number may come again
        return child
    code = 1
    try:
        os.setsid()
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        for path, how, descriptors in (
            (request.get("input", os.devnull), os.O_RDONLY, (0,)),
            (request["output"], flags, (1, 2)),
        ):
            opened = os.open(path, how, 0o644)
            for descriptor in descriptors:
                os.dup2(opened, descriptor)
            os.close(opened)
        if "die_at" in request:
            die_at(request["die_at"], request["below"])
        main.main(request["arguments"])
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def die_at(number: int, below: str) -> None:
    num_changes = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal num_changes
        if event == "open":
            path, _, flags = arguments
            if not isinstance(flags, int) or not flags & (os.O_WRONLY | os.O_RDWR):
                return
        elif event in CHANGES:
            path = arguments[0]
        else:
            return
        if isinstance(path, (str, os.PathLike)) and is_below(os.fspath(path), below):
            num_changes += 1
            if num_changes == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def is_below(path: str, below: str) -> bool:
    # What has no folder in its path is named in one that is open, as all that a run writes is.
    return path.startswith(below) or os.sep not in path


#: Exit codes by process: several threads of a test may ask for the same one.
CODES: dict[int, int] = {}


def ended(pid: int, flags: int) -> int | None:
    if pid not in CODES:
        found, status = os.waitpid(pid, flags)
        if not found:
            return None
        CODES[pid] = os.waitstatus_to_exitcode(status)
    return CODES[pid]


def say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def serve() -> None:
    say("ready")
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            say(ended(request["wait"], 0))
        elif "poll" in request:
            say(ended(request["poll"], os.WNOHANG))
        else:
            say(start(request))


if __name__ == "__main__":
    serve()
