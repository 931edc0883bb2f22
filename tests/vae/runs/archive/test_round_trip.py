"""A run goes through a zip file: the same run on the other side, and nothing else."""

from __future__ import annotations

import io
import os
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.archives import (
    BELONGS,
    LINE,
    Content,
    contents,
    exported,
    zipped,
)
from vae.runs.archive import ArchiveError, export_run, import_run
from vae.runs.metrics import MetricsWriter
from vae.runs.run import Run
from vae.runs.status import Status
from vae.storage import safetensors_io
from vae.storage.atomic import write_json


def test_a_run_arrives_as_it_was_sent(run: Run, root: Path) -> None:
    arrived = import_run(io.BytesIO(exported(run)), root)
    assert arrived.path == root / "digits-1" and Run.open(arrived.path).name == "β = 4"
    assert arrived.info == run.info and arrived.created == run.created and arrived.versions == run.versions
    for name in BELONGS:
        if name != "config.json":
            assert (arrived.path / name).read_bytes() == (run.path / name).read_bytes()
    assert sorted(
        p.relative_to(arrived.path).as_posix() for p in arrived.path.rglob("*") if p.is_file()
    ) == sorted(BELONGS)
    assert [entry.name for entry in root.iterdir()] == ["digits-1"]


def test_progress_of_an_archive_ends_with_all_of_its_bytes_and_can_call_it_off(run: Run) -> None:
    told: list[tuple[int, int]] = []
    export_run(run, io.BytesIO(), lambda done, total: told.append((done, total)))
    files = [path.stat().st_size for path in run.path.rglob("*") if path.is_file()]
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] <= sum(files)

    def call_off(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_run(run, io.BytesIO(), call_off)


def test_an_imported_run_says_so_and_forgets_where_downloads_were(run: Run, root: Path) -> None:
    arrived = import_run(io.BytesIO(exported(run)), root)
    assert arrived.imported and arrived.config.data.root is None
    assert arrived.config == run.config.replace(data=run.config.data.replace(root=None))
    again = import_run(io.BytesIO(exported(arrived)), root)
    assert again.imported and again.id == "digits-1-2"


def test_the_same_run_gives_the_same_bytes_with_the_history_last(run: Run) -> None:
    first = exported(run)
    os.utime(run.path / "config.json", (0, 0))
    assert exported(run) == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.namelist() == [f"digits-1/{name}" for name in BELONGS]
        assert archive.testzip() is None


def test_an_archive_goes_to_a_stream_that_cannot_go_back(run: Run, root: Path) -> None:
    class Stream(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.data += bytes(data)
            return len(data)

    stream = Stream()
    export_run(run, stream)  # type: ignore[arg-type]
    assert import_run(io.BytesIO(stream.data), root).id == "digits-1"


def test_an_archive_is_imported_from_a_path_too(run: Run, root: Path, tmp_path: Path) -> None:
    (tmp_path / "run.zip").write_bytes(exported(run))
    assert import_run(tmp_path / "run.zip", root).id == "digits-1"
    with pytest.raises(ArchiveError, match="does not exist"):
        import_run(tmp_path / "nothing.zip", root)


def test_a_run_is_exported_while_it_trains(run: Run, root: Path) -> None:
    done = threading.Event()

    def train() -> None:
        number = 1
        with MetricsWriter(run.metrics_path) as writer:
            while not done.is_set():
                number += 1
                writer.write({**LINE, "step": number})
                state = {"step": number, "metrics_offset": writer.offset}
                safetensors_io.save(
                    run.checkpoints_dir, "last", {"model.x": torch.full((99,), number)}, state
                )
                safetensors_io.save(run.snapshot_dir(number), "weights", {"x": torch.ones(10)})
                write_json(run.snapshot_dir(number) / "snapshot.json", {"step": number})
                if number > 5:
                    run.drop_snapshots_after(3)

    trainer = threading.Thread(target=train)
    trainer.start()
    try:
        for _ in range(5):
            arrived = import_run(io.BytesIO(exported(run)), root)
            tensors, state = safetensors_io.load(arrived.checkpoints_dir, "last")
            assert bool((tensors["model.x"] == state["step"]).all())
            assert arrived.metrics_path.stat().st_size >= state.get("metrics_offset", 0)
    finally:
        done.set()
        trainer.join()


@pytest.mark.parametrize("state", ["starting", "running", "paused", "queued"])
def test_a_run_that_was_training_elsewhere_is_interrupted_here(run: Run, root: Path, state: Any) -> None:
    run.write_status(Status(state=state, pid=1, host="elsewhere", heartbeat=2**40))
    assert import_run(io.BytesIO(exported(run)), root).status().state == "interrupted"


def test_a_run_whose_id_is_taken_gets_another_and_leaves_the_first_alone(run: Run, root: Path) -> None:
    data = exported(run)
    first = import_run(io.BytesIO(data), root)
    before = {p: p.read_bytes() for p in first.path.rglob("*") if p.is_file()}
    assert [import_run(io.BytesIO(data), root).id for _ in range(2)] == ["digits-1-2", "digits-1-3"]
    assert {p: p.read_bytes() for p in first.path.rglob("*") if p.is_file()} == before


def test_a_folder_that_somebody_zipped_by_hand_is_accepted(run: Run, root: Path) -> None:
    files: Content = {f"my-run/{name}": content for name, content in contents(run).items()}
    extra: Content = {
        "my-run/": b"",
        "my-run/checkpoints/": b"",
        "my-run/lock": b"",
        "my-run/.DS_Store": b"x",
    }
    arrived = import_run(zipped({**extra, **files, "__MACOSX/my-run/._config.json": b"x"}), root)
    assert arrived.id == "my-run" and not (arrived.path / "lock").exists()
    assert not (arrived.path / ".DS_Store").exists()


def test_files_without_a_folder_around_them_are_accepted(run: Run, root: Path) -> None:
    arrived = import_run(zipped(contents(run)), root)
    assert arrived.id.startswith("4-") or arrived.id.startswith("run-")
    assert arrived.name == "β = 4"
