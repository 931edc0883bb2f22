"""Read and write tensors with a JSON state in one safetensors file.

The state travels in the file's own metadata, and the file is replaced atomically: whoever opens it gets one
checkpoint whole, never the weights of one and the position of another. Nothing is pickled, so loading
executes nothing.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from vae.limits import HEADER_BYTES
from vae.storage.atomic import disk_sentence, replacing
from vae.storage.confined import make_folders_to
from vae.storage.safetensors_header import FORMAT, Entry, damaged, look_at, open_file, read_header
from vae.storage.safetensors_header import CheckpointError as CheckpointError
from vae.storage.safetensors_header import inspect as inspect

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")

_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
#: Numbers that are looked at together.
_AT_ONCE = 1 << 22
_OF_NAMES = {name: dtype for dtype, name in _DTYPES.items()}


# Writing ----------------------------------------------------------------------------------------------------


def save(
    directory: Path,
    name: str,
    tensors: Mapping[str, Tensor],
    state: Mapping[str, Any] | None = None,
    *,
    durable: bool = True,
) -> None:
    """Write or replace ``<directory>/<name>.safetensors``, atomically.

    A kill at any moment or a full disk leaves the previous checkpoint or this one. Tensors on the CPU
    are written from where they are, without a copy.

    Args:
        directory: Made if it is missing; a run's own is not, while it is trained.
        name: For example ``last``.
        tensors: By name, on any device.
        state: JSON values: the position, say. NaN and infinities are not JSON.
        durable: Also survive a power failure.
    Raises:
        ValueError: If the state is not JSON, or a tensor's type cannot be kept.
        OSError: If the disk is full or not writable; see `vae.storage.atomic.disk_sentence`.
    """
    # safetensors' own save_file makes files that only their owner may read and leaves a stray one when
    # killed; the format is simple: header length, JSON header, the numbers. Large items first, so that all
    # stay aligned.
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0]))
    kept = json.dumps(dict(state or {}), allow_nan=False, separators=(",", ":"))
    header: dict[str, Any] = {"__metadata__": {"format": "pt", "latent_lab": str(FORMAT), "state": kept}}
    end = 0
    for key, tensor in ordered:
        if tensor.dtype not in _DTYPES or key == "__metadata__":
            raise ValueError(
                f"a checkpoint must hold plain numbers, got {tensor.dtype} for {key!r}; convert it first"
            )
        begin, end = end, end + tensor.numel() * tensor.element_size()
        header[key] = {
            "dtype": _DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > HEADER_BYTES:
        raise ValueError(f"a checkpoint's state must be under {HEADER_BYTES:,} bytes, got {len(text):,}")
    path = _path(directory, name)
    make_folders_to(path)
    with replacing(path, durable=durable) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, tensor in ordered:
            if tensor.numel():
                file.write(_bytes(tensor))


def _bytes(tensor: Tensor) -> memoryview:
    flat = tensor.detach().to("cpu").contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data


# Reading ----------------------------------------------------------------------------------------------------


def load(
    directory: Path,
    name: str,
    only: Callable[[str], bool] | None = None,
    *,
    at_most: int | None = None,
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read ``<directory>/<name>.safetensors``.

    Args:
        directory: Where it is.
        name: For example ``last``.
        only: Of which names to read the tensors; all, if it is left out.
        at_most: Bytes that they may have together; as many as there are, if it is left out.

    Returns:
        The tensors by name, on the CPU, and the state; an empty one if the file has none.
    Raises:
        CheckpointError: If it is missing, truncated, its header lies, or a newer version wrote it.
    """
    path = _path(directory, name)
    try:
        # One open file: a trainer may put another in its place at any moment. Each tensor is read to where it stays.
        with open_file(path) as file:
            entries, state = read_header(path, file)
            start = file.tell()
            wanted = [entry for entry in entries if only is None or only(entry.name)]
            if at_most is not None and (size := sum(entry.end - entry.begin for entry in wanted)) > at_most:
                raise CheckpointError(
                    f"weights must have at most {at_most:,} bytes to be shown and measured, and those of "
                    f"{'/'.join(path.parts[-3:])} have {size:,}; look at them in a program of your own"
                )
            tensors = {}
            for entry in wanted:
                file.seek(start + entry.begin)
                tensors[entry.name] = _read(path, file, entry)
    except OSError as error:
        raise CheckpointError(disk_sentence(error)) from error
    return tensors, state


def _read(path: Path, file: BinaryIO, entry: Entry) -> Tensor:
    tensor = torch.empty(entry.shape, dtype=_OF_NAMES[entry.dtype])
    if tensor.numel():
        room = tensor.reshape(-1).view(torch.uint8).numpy().data
        done = 0
        while done < len(room):
            count = file.readinto(room[done:])  # type: ignore[attr-defined]
            if not count:
                raise damaged(path, "it has become shorter while it was read")
            done += count
    return tensor


def outline(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name, without their numbers: of its header alone, on torch's meta device.

    Raises:
        CheckpointError: As `load` does.
    """
    return {
        entry.name: torch.empty(entry.shape, dtype=_OF_NAMES[entry.dtype], device="meta")
        for entry in look_at(path)[0]
    }


def check_shapes(
    found: Mapping[str, Tensor], expected: Mapping[str, Tensor], what: str = "the checkpoint"
) -> None:
    """Check that tensors are those of a model: names, shapes, types, and finite numbers throughout.

    Args:
        found: As loaded, or their `outline`, which has no numbers to check.
        expected: As the model has them, for example its `state_dict()`.
        what: What the message calls the found ones.
    Raises:
        CheckpointError: If they differ; the message names the first difference of each kind.
    """
    remedy = "the weights and the config are not of one run, so import or train it again"
    problems = []
    if missing := [name for name in expected if name not in found]:
        problems.append(f"lacks {_some(missing)}")
    if surplus := [name for name in found if name not in expected]:
        problems.append(f"has {_some(surplus)}, which the model does not have")
    for name in expected.keys() & found.keys():
        ours, theirs = expected[name], found[name]
        if ours.shape != theirs.shape:
            problems.append(f"must have {name} of shape {tuple(ours.shape)}, and has {tuple(theirs.shape)}")
        elif ours.dtype != theirs.dtype:
            problems.append(f"must have {name} of type {_type(ours)}, and has {_type(theirs)}")
    if problems:
        more = f" (and {len(problems) - 3} more differences)" if len(problems) > 3 else ""
        raise CheckpointError(f"{what} {'; '.join(problems[:3])}{more}; {remedy}")
    check_finite(found, what)


def check_finite(tensors: Mapping[str, Tensor], what: str = "the checkpoint") -> None:
    """Check that no number is NaN or infinite.

    Raises:
        CheckpointError: If one is.
    """
    bad = [name for name, tensor in tensors.items() if not (tensor.is_meta or _is_finite(tensor))]
    if bad:
        raise CheckpointError(
            f"{what} must have finite numbers, and has NaN or infinity in {_some(bad)}; use an earlier "
            "checkpoint or snapshot, or train again with a smaller learning rate"
        )


def _is_finite(tensor: Tensor) -> bool:
    """Whether all numbers are; looked at in pieces, for what is made on the way is as large as they are."""
    if not tensor.is_floating_point():
        return True
    return all(bool(torch.isfinite(piece).all()) for piece in tensor.reshape(-1).split(_AT_ONCE))


def _path(directory: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise CheckpointError(
            f"a checkpoint's name must be a plain word, got {name[:100]!r}; use last or best"
        )
    return directory / f"{name}.safetensors"


def _some(names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
