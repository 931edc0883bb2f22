"""A run on its way out as a zip file: on the disk, not in memory, and gone afterwards."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import os
import zipfile
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from dashboard.server import exports
from tests.support.empty_runs import CONFIG, INFO
from tests.support.hostile_folders import everything
from vae.runs.archive import ArchiveError, export_run
from vae.runs.run import Run


class Fetched:
    """What a client gets."""

    def __init__(self, token: str) -> None:
        self.parts: list[dict[str, Any]] = []
        asyncio.run(self._fetch({"type": "http", "headers": [], "path_params": {"token": token}}))
        self.status = self.parts[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in self.parts[0]["headers"]}
        self.pieces = [part["body"] for part in self.parts[1:]]
        self.content = b"".join(self.pieces)

    async def _fetch(self, scope: dict[str, Any]) -> None:
        async def send(part: MutableMapping[str, Any]) -> None:
            self.parts.append(dict(part))

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.disconnect"}

        await (await exports.answer(Request(scope)))(scope, receive, send)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A run with 3 MB of noise in it."""
    monkeypatch.setenv("LATENT_LAB_RUNS", str(tmp_path))
    run = Run.create(tmp_path / "a", CONFIG, INFO)
    (run.path / "checkpoints").mkdir(exist_ok=True)
    (run.path / "checkpoints" / "noise.safetensors").write_bytes(os.urandom(3_000_000))
    yield run
    for token in list(exports._ready):
        exports.forget(token)


def num_open() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def test_the_download_is_the_very_zip_file_that_the_command_line_writes(run: Run) -> None:
    packed = exports.pack(run)
    written = io.BytesIO()
    export_run(run, written)
    for _ in range(2):  # a download that broke off is begun again
        answer = Fetched(packed.token)
        assert answer.content == written.getvalue()
    assert max(map(len, answer.pieces)) <= 1 << 20
    assert answer.headers["content-length"] == str(packed.size) == str(len(written.getvalue()))
    assert answer.headers["content-disposition"] == 'attachment; filename="a.zip"'
    assert zipfile.ZipFile(io.BytesIO(answer.content)).testzip() is None


def test_packed_runs_lie_beside_the_runs_without_a_name(run: Run, tmp_path: Path) -> None:
    before = everything(tmp_path)
    packed = exports.pack(run)
    assert everything(tmp_path) == before
    assert os.fstat(packed._descriptor).st_dev == tmp_path.stat().st_dev


def test_the_oldest_make_room_and_leave_nothing_open(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = num_open()
    tokens = [exports.pack(run).token for _ in range(exports.MOST + 2)]
    assert list(exports._ready) == tokens[2:]
    monkeypatch.setattr(exports, "MOST_BYTES", 7_000_000)
    newest = exports.pack(run)
    assert list(exports._ready) == [tokens[-1], newest.token]
    gone = Fetched(tokens[0])
    assert gone.status == 404
    assert "press Export" in json.loads(gone.content)["error"]
    token = newest.token
    del newest
    exports.forget(tokens[-1])
    exports.forget(token)
    assert num_open() == before


def test_what_cannot_be_packed_leaves_nothing_behind(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = num_open()
    monkeypatch.setattr("vae.runs.archive.MAX_BYTES", 1000)
    with pytest.raises(ArchiveError, match="copy the run's folder"):
        exports.pack(run)
    assert not exports._ready
    assert num_open() == before
