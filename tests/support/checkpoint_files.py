"""Checkpoints of a few tensors, and their headers."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


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


# Damage


def with_header(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]
