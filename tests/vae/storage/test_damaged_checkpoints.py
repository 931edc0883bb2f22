"""Checkpoints that are damaged, lie, or are of another model: told, and nothing is unpickled."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.support.checkpoint_files import STATE, tensors, with_header
from vae.storage.safetensors_header import CheckpointError, inspect
from vae.storage.safetensors_io import check_finite, check_shapes, load, outline, save


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A good checkpoint, to be damaged."""
    save(tmp_path, "last", tensors(), STATE)
    return tmp_path / "last.safetensors"


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
