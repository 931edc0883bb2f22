"""Checkpoints: whole or not at all, checked before they are believed."""

from __future__ import annotations

import errno
import json
import os
import random
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

import vae.storage.safetensors_header
import vae.storage.safetensors_io
from tests.support.disks import small_disk
from vae.storage.atomic import disk_sentence
from vae.storage.safetensors_header import CheckpointError, inspect
from vae.storage.safetensors_io import check_finite, check_shapes, load, outline, save


def tensors() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "model.weight": torch.randn(3, 4, generator=generator),
        "model.transposed": torch.randn(3, 4, generator=generator).T,
        "model.slice": torch.randn(10, generator=generator)[3:7],
        "model.strided": torch.randn(10, generator=generator)[::2],
        "optimizer.step": torch.tensor(7.0),
        "double": torch.randn(2, generator=generator, dtype=torch.float64),
        "half": torch.randn(3, generator=generator).to(torch.float16),
        "brain": torch.randn(3, generator=generator).to(torch.bfloat16),
        "random.order": torch.arange(5, dtype=torch.uint8),
        "flag": torch.tensor([True, False, True]),
        "index": torch.arange(3),
        "int32": torch.arange(3, dtype=torch.int32),
        "int16": torch.arange(3, dtype=torch.int16),
        "int8": torch.arange(-1, 2, dtype=torch.int8),
        "empty": torch.zeros(0, 4),
        "λ with spaces": torch.ones(1),
    }


STATE = {"step": 7, "best": None, "β": 4.0, "nested": {"list": [1, 2.5, "x"]}}


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(
        found[name].dtype == tensor.dtype
        and found[name].shape == tensor.shape
        and torch.equal(found[name], tensor)
        for name, tensor in expected.items()
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A good checkpoint, to be damaged."""
    save(tmp_path, "last", tensors(), STATE)
    return tmp_path / "last.safetensors"


# Saving and loading


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


# Damage


def header_of(data: bytes) -> dict[str, Any]:
    (length,) = struct.unpack("<Q", data[:8])
    header: dict[str, Any] = json.loads(data[8 : 8 + length])
    return header


def with_header(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def test_a_checkpoint_cut_off_anywhere_is_told(path: Path) -> None:
    data = path.read_bytes()
    for length in [*range(0, 40), *random.Random(0).sample(range(len(data)), 60), len(data) - 1]:
        path.write_bytes(data[:length])
        for function in (lambda: load(path.parent, "last"), lambda: inspect(path)):
            with pytest.raises(
                CheckpointError, match=r"last\.safetensors is damaged: it .*; train the run again"
            ):
                function()


def test_a_checkpoint_with_any_byte_of_its_header_changed_is_loaded_or_told(path: Path) -> None:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    source = random.Random(0)
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(source.randint(1, 3)):
            changed[source.randrange(8 + length)] = source.randrange(256)
        path.write_bytes(changed)
        for function in (lambda: load(path.parent, "last"), lambda: outline(path)):
            try:
                function()
            except CheckpointError as error:
                assert "\n" not in str(error) and ";" in str(error)


def test_random_bytes_are_no_checkpoint(path: Path) -> None:
    source = random.Random(0)
    for size in (0, 1, 7, 8, 9, 100, 10_000):
        path.write_bytes(source.randbytes(size))
        with pytest.raises(CheckpointError, match="is damaged"):
            load(path.parent, "last")


LIES: dict[str, Callable[[bytes], bytes]] = {
    "a header longer than the file": lambda data: struct.pack("<Q", len(data)) + data[8:],
    "a header of 16 exabytes": lambda data: b"\xff" * 8 + data[8:],
    "a header of nothing": lambda data: struct.pack("<Q", 0) + data[8:],
    "a header that is no JSON": lambda data: data[:8] + b"x" + data[9:],
    "a header nested too deeply": lambda _: struct.pack("<Q", 100_000) + b"[" * 100_000,
    "a header that is a list": lambda _: struct.pack("<Q", 2) + b"[]",
    "a tensor that is a number": lambda data: with_header(data, lambda h: h.update(index=5)),
    "a type that is none": lambda data: with_header(data, lambda h: h["index"].update(dtype="F1")),
    "a type that torch lacks": lambda data: with_header(data, lambda h: h["index"].update(dtype="F4")),
    "a shape too large": lambda data: with_header(data, lambda h: h["index"].update(shape=[4])),
    "a shape that overflows": lambda data: with_header(
        data, lambda h: h["index"].update(shape=[2**62, 2**62])
    ),
    "a shape of too many sides": lambda data: with_header(
        data, lambda h: h["index"].update(shape=[*h["index"]["shape"], *[1] * 100_000])
    ),
    "a type that is a list": lambda data: with_header(data, lambda h: h["index"].update(dtype=["F32"])),
    "too many tensors": lambda data: with_header(
        data, lambda h: h.update({str(n): {**h["empty"], "shape": [0]} for n in range(2001)})
    ),
    "a shape below nothing": lambda data: with_header(data, lambda h: h["index"].update(shape=[-3])),
    "nothing, times too much": lambda data: with_header(data, lambda h: h["empty"].update(shape=[0, 2**63])),
    "offsets that overlap": lambda data: with_header(
        data, lambda h: h["index"].update(data_offsets=h["double"]["data_offsets"])
    ),
    "offsets backwards": lambda data: with_header(data, lambda h: h["index"]["data_offsets"].reverse()),
    "offsets past the end": lambda data: with_header(
        data, lambda h: h["index"].update(data_offsets=[0, 2**40])
    ),
    "offsets below nothing": lambda data: with_header(
        data, lambda h: h["index"].update(data_offsets=[-24, 0])
    ),
    "offsets that are text": lambda data: with_header(
        data, lambda h: h["index"].update(data_offsets=["0", "24"])
    ),
    "a tensor of nothing left out": lambda data: with_header(data, lambda h: h.pop("index")),
    "bytes after the end": lambda data: data + b"more",
    "a state that is no JSON": lambda data: with_header(data, lambda h: h["__metadata__"].update(state="{")),
    "a state that is a list": lambda data: with_header(data, lambda h: h["__metadata__"].update(state="[]")),
    "a state that is no text": lambda data: with_header(
        data, lambda h: h["__metadata__"].update(state={"a": 1})
    ),
    "a state with NaN": lambda data: with_header(
        data, lambda h: h["__metadata__"].update(state='{"a": NaN}')
    ),
    "metadata that are text": lambda data: with_header(data, lambda h: h.update(__metadata__="x")),
    "a version that is none": lambda data: with_header(
        data, lambda h: h["__metadata__"].update(latent_lab="x")
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_is_told(path: Path, lie: str) -> None:
    path.write_bytes(LIES[lie](path.read_bytes()))
    with pytest.raises(CheckpointError, match=r"last\.safetensors is damaged: ") as caught:
        load(path.parent, "last")
    assert "\n" not in str(caught.value) and str(caught.value).endswith(
        "train the run again, or restore a copy"
    )


def test_a_checkpoint_of_a_newer_version_asks_for_an_upgrade(path: Path) -> None:
    path.write_bytes(with_header(path.read_bytes(), lambda h: h["__metadata__"].update(latent_lab="2")))
    with pytest.raises(CheckpointError, match=r"newer version \(format 2, .* up to 1\); upgrade latent-lab"):
        load(path.parent, "last")


def test_the_remedy_names_the_other_checkpoint_if_there_is_one(path: Path) -> None:
    save(path.parent, "best", {})
    path.write_bytes(b"")
    with pytest.raises(CheckpointError, match="use the best checkpoint, or train again"):
        load(path.parent, "last")
    path.unlink()
    with pytest.raises(CheckpointError, match=r"there is no .*/last\.safetensors; use the best checkpoint"):
        load(path.parent, "last")


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "last.safetensors")
    with pytest.raises(CheckpointError, match="is damaged"):
        load(tmp_path, "last")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_or_a_folder_in_place_of_a_checkpoint_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "last.safetensors")
    (tmp_path / "best.safetensors").mkdir()
    for name in ("last", "best"):
        with pytest.raises(CheckpointError):
            load(tmp_path, name)


def test_looking_at_a_header_gives_the_state(path: Path) -> None:
    assert inspect(path) == STATE


def test_an_outline_has_the_names_shapes_and_types_of_the_tensors_and_no_numbers(path: Path) -> None:
    found, expected = outline(path), load(path.parent, "last")[0]
    assert {name: (tensor.shape, tensor.dtype) for name, tensor in found.items()} == {
        name: (tensor.shape, tensor.dtype) for name, tensor in expected.items()
    }
    assert all(tensor.is_meta for tensor in found.values())
    check_shapes(found, expected)
    with pytest.raises(CheckpointError, match=r"lacks .* must have .* and has"):
        check_shapes(
            outline(path), {"double": torch.zeros(3, dtype=torch.float64), "missing": torch.zeros(1)}
        )


def test_an_outline_of_numbers_that_torch_does_not_have_is_told(path: Path) -> None:
    def change(header: dict[str, Any]) -> None:
        header["index"]["dtype"] = "U64"

    path.write_bytes(with_header(path.read_bytes(), change))
    with pytest.raises(CheckpointError, match=r"last\.safetensors is damaged: its header is wrong: "):
        outline(path)


# Shapes


def test_weights_of_the_same_model_pass() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    check_shapes({name: tensor.clone() for name, tensor in model.state_dict().items()}, model.state_dict())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"weight": torch.zeros(4, 3)}, r"must have weight of shape \(2, 3\), and has \(4, 3\)"),
        (
            {"weight": torch.zeros(2, 3, dtype=torch.float64)},
            "must have weight of type float32, and has float64",
        ),
        (
            {"weight": torch.full((2, 3), torch.nan)},
            "must have finite numbers, and has NaN or infinity in weight",
        ),
        (
            {"bias": torch.tensor([0.0, -torch.inf])},
            "must have finite numbers, and has NaN or infinity in bias",
        ),
        ({"extra": torch.zeros(1)}, "has extra, which the model does not have"),
    ],
)
def test_weights_of_another_model_are_refused_with_the_difference(
    change: dict[str, Tensor], sentence: str
) -> None:
    expected = nn.Linear(3, 2).state_dict()
    with pytest.raises(CheckpointError, match=rf"^best {sentence}.*; ") as caught:
        check_shapes({**expected, **change}, expected, "best")
    assert "\n" not in str(caught.value)


def test_missing_weights_are_named_and_many_are_counted() -> None:
    expected = {f"layer{number}": torch.zeros(1) for number in range(9)}
    with pytest.raises(CheckpointError, match="lacks layer0, layer1, layer2 and 6 more"):
        check_shapes({}, expected)
    found = {name: torch.zeros(2) for name in expected}
    with pytest.raises(CheckpointError, match="and 6 more differences"):
        check_shapes(found, expected)


def test_whole_numbers_are_always_finite() -> None:
    check_finite({"index": torch.arange(3), "flag": torch.tensor([True]), "empty": torch.zeros(0)})
