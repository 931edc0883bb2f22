"""The `vae` command in this process, what it said, and what every refusal is like."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any, NamedTuple

#: Options of a training that takes a fraction of a second.
QUICK = "--model.hidden 8 --train.epochs 2 --train.batch-size 256 --train.num-snapshots 2 --train.device cpu".split()  # noqa: SIM905


class Answer(NamedTuple):
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Vae = Callable[..., Answer]


def assert_refused(answer: Answer, *words: str) -> None:
    """Exit code 2, one sentence on standard error, nothing on standard output."""
    assert answer.code == 2, answer
    assert answer.out == ""
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") == 1
    for word in words:
        assert word in answer.err


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])
