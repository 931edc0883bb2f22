"""Checkpoints are written whole, read as they were, and survive kills and full disks."""

from __future__ import annotations

import errno
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch
import torch
from torch import nn

import vae.storage.safetensors_header
import vae.storage.safetensors_io
from tests.support.checkpoint_files import STATE, same, tensors
from tests.support.disks import small_disk
from vae.storage.atomic import disk_sentence
from vae.storage.safetensors_header import CheckpointError, inspect
from vae.storage.safetensors_io import load, save

# Saving and loading


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A good checkpoint."""
    save(tmp_path, "last", tensors(), STATE)
    return tmp_path / "last.safetensors"


def test_tensors_and_state_come_back_as_they_were(path: Path) -> None:
    found, state = load(path.parent, "last")
    assert same(found, tensors()) and state == STATE
    assert [entry.name for entry in path.parent.iterdir()] == ["last.safetensors"]


def test_the_file_is_what_safetensors_reads(path: Path) -> None:
    assert same(safetensors.torch.load_file(path), tensors())
    with safetensors.safe_open(path, framework="pt") as file:
        assert json.loads(file.metadata()["state"]) == STATE


def test_what_safetensors_writes_is_read(tmp_path: Path) -> None:
    kept = {name: tensor.contiguous().clone() for name, tensor in tensors().items()}
    safetensors.torch.save_file(kept, tmp_path / "other.safetensors")
    found, state = load(tmp_path, "other")
    assert same(found, kept) and state == {}


def test_every_tensor_lies_where_its_type_may_lie(path: Path) -> None:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    sizes = {"F64": 8, "I64": 8, "F32": 4, "I32": 4}
    assert all(
        (8 + length + item["data_offsets"][0]) % sizes.get(item["dtype"], 1) == 0
        for name, item in header.items()
        if name != "__metadata__"
    )


def test_a_model_that_shares_weights_or_needs_gradients_is_saved(tmp_path: Path) -> None:
    layer = nn.Linear(3, 3)
    save(tmp_path, "best", {"a": layer.weight, "b": layer.weight, "c": layer.weight.detach()[0]})
    found, _ = load(tmp_path, "best")
    assert torch.equal(found["a"], layer.weight) and torch.equal(found["b"], layer.weight)
    assert torch.equal(found["c"], layer.weight[0]) and not found["a"].requires_grad


def test_loaded_tensors_may_be_written_to_and_do_not_change_the_file(path: Path) -> None:
    found, _ = load(path.parent, "last")
    for tensor in found.values():
        tensor.zero_()
    assert same(load(path.parent, "last")[0], tensors())


def test_no_tensors_and_no_state_are_a_checkpoint_too(tmp_path: Path) -> None:
    save(tmp_path / "made" / "on demand", "empty", {})
    assert load(tmp_path / "made" / "on demand", "empty") == ({}, {})


def test_tensors_on_the_cpu_are_written_without_a_copy() -> None:
    tensor = torch.arange(4.0)
    view = vae.storage.safetensors_io._bytes(tensor)
    tensor[0] = 9
    assert torch.frombuffer(view, dtype=torch.float32)[0] == 9


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_tensors_on_a_gpu_are_saved(tmp_path: Path) -> None:
    save(tmp_path, "last", {name: tensor.cuda() for name, tensor in tensors().items()})
    assert same(load(tmp_path, "last")[0], tensors())


def test_a_state_that_is_not_json_leaves_the_old_checkpoint(path: Path) -> None:
    for state in ({"best": float("nan")}, {"best": float("inf")}):
        with pytest.raises(ValueError, match="JSON compliant"):
            save(path.parent, "last", {}, state)
    with pytest.raises(ValueError, match="plain numbers"):
        save(path.parent, "last", {"x": torch.zeros(1, dtype=torch.complex64)})
    with pytest.raises(ValueError, match="plain numbers"):
        save(path.parent, "last", {"__metadata__": torch.zeros(1)})
    with pytest.raises(ValueError, match="must be under"):
        save(path.parent, "last", {}, {"x": "x" * (17 << 20)})
    assert load(path.parent, "last")[1] == STATE


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "x" * 81])
def test_a_name_never_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    for function in (lambda: save(tmp_path, name, {}), lambda: load(tmp_path, name)):
        with pytest.raises(CheckpointError, match="must be a plain word"):
            function()


# Kills and full disks


def test_killed_at_any_moment_a_trainer_leaves_a_checkpoint_that_its_history_fits(tmp_path: Path) -> None:
    """A process that writes lines and checkpoints as fast as it can is killed at 20 random moments.

    Each time, the checkpoint is whole (all its tensors and its state are of one moment), the history goes at least to
    where the checkpoint says, and going back to there gives exactly the lines up to it.
    """
    code = f"""
import os, random, signal, time
from pathlib import Path
import torch
from vae.storage.safetensors_io import load, save
from vae.runs.metrics import MetricsReader, MetricsWriter
from vae.runs.status import Control, Status
from vae.storage.atomic import read_json, write_json, sweep

names = ("epoch", "seconds", "beta", "distortion", "rate", "elbo")
line = {{"split": "train", **dict.fromkeys(names, 0.5), "rate_per_dim": [0.5]}}
folder = Path({str(tmp_path)!r})
random.seed(0)

def work(number, offset):
    writer = MetricsWriter(folder / "metrics.jsonl")
    writer.truncate(offset)
    while True:
        number += 1
        writer.write({{**line, "step": number}})
        tensors = {{str(i): torch.full((3000,), float(number)) for i in range(5)}}
        save(folder, "last", tensors, {{"number": number, "offset": writer.offset}}, durable=number % 8 == 0)
        write_json(folder / "status.json", Status(state="running", step=number).to_dict(), durable=False)

number, offset, moments = 0, 0, set()
for kill in range(20):
    child = os.fork()
    if child == 0:
        work(number, offset)
    while not (folder / "last.safetensors").exists():
        time.sleep(0.001)
    time.sleep(random.random() * 0.06)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    tensors, state = load(folder, "last")
    number, offset = state["number"], state["offset"]
    assert all((tensor == number).all() for tensor in tensors.values()) and len(tensors) == 5
    lines = MetricsReader(folder / "metrics.jsonl").read()[1]
    assert [each["step"] for each in lines[:number]] == list(range(1, number + 1)), "the history has a hole"
    assert number <= len(lines) <= number + 1
    if (folder / "status.json").exists():
        assert read_json(folder / "status.json")["step"] <= number
    moments.add(number)
with MetricsWriter(folder / "metrics.jsonl") as writer:
    writer.truncate(offset)
assert len(MetricsReader(folder / "metrics.jsonl").read()[1]) == number
sweep(folder)
assert sorted(path.name for path in folder.iterdir()) == ["last.safetensors", "metrics.jsonl", "status.json"]
print(len(moments))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 5  # it did get on between the kills


def test_a_reader_meets_only_whole_checkpoints_while_they_are_replaced(tmp_path: Path) -> None:
    done = threading.Event()

    def train() -> None:
        number = 0
        while not done.is_set():
            number += 1
            kept = {str(i): torch.full((number % 7 + 1, 500), float(number)) for i in range(number % 5 + 1)}
            save(tmp_path, "last", kept, {"number": number}, durable=False)

    save(tmp_path, "last", {"0": torch.zeros(1, 500)}, {"number": 0})
    trainer = threading.Thread(target=train)
    trainer.start()
    try:
        seen: set[int] = set()
        while len(seen) < 100:
            found, state = load(tmp_path, "last")
            assert len(found) == state["number"] % 5 + 1
            assert all(bool((tensor == state["number"]).all()) for tensor in found.values())
            inspect(tmp_path / "last.safetensors")
            seen.add(state["number"])
    finally:
        done.set()
        trainer.join()


def test_state_and_tensors_are_of_one_file_even_if_it_is_replaced_while_it_is_loaded(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = vae.storage.safetensors_header._state

    def replaced(*arguments: Any) -> dict[str, Any]:
        state = original(*arguments)
        save(path.parent, "last", {"other": torch.zeros(3)}, {"step": 8})
        return state

    monkeypatch.setattr(vae.storage.safetensors_header, "_state", replaced)
    found, state = load(path.parent, "last")
    assert state == STATE and same(found, tensors())
    assert load(path.parent, "last")[1] == {"step": 8}


def test_a_full_disk_leaves_the_last_checkpoint(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left") as caught:
        save(path.parent, "last", {"x": torch.zeros(9)}, {"step": 8})
    assert disk_sentence(caught.value).startswith(f"the disk is full: {path}")
    assert load(path.parent, "last")[1] == STATE
    assert [entry.name for entry in path.parent.iterdir()] == ["last.safetensors"]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 kB that can really be full."""
    with small_disk(tmp_path / "tiny", 256) as place:
        yield place


def test_on_a_disk_that_is_really_full_the_last_checkpoint_stays(tiny_disk: Path) -> None:
    save(tiny_disk, "last", {"x": torch.ones(25_000)}, {"step": 1})
    with pytest.raises(OSError, match="No space left"):
        save(tiny_disk, "last", {"x": torch.zeros(50_000)}, {"step": 2})
    found, state = load(tiny_disk, "last")
    assert state == {"step": 1} and bool((found["x"] == 1).all())
    assert [entry.name for entry in tiny_disk.iterdir()] == ["last.safetensors"]
