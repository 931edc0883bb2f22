"""Tensors and their JSON state in one safetensors file, so that the two always belong together.

The state travels in the file's own metadata, and the file is replaced atomically: whoever opens it gets one
checkpoint whole, never the weights of one and the position of another. Nothing is pickled, so loading
executes nothing.
"""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import safetensors.torch
import torch
from torch import Tensor

from vae.beneath import make_folders_to, names_in, open_plain
from vae.errors import UserError, first_line
from vae.files import disk_sentence, parse_json, replacing

#: Version of the checkpoint that this code writes, and the newest that it reads.
FORMAT = 1

#: Largest header (names, shapes and state) that is written or read, bytes.
MAX_HEADER_BYTES = 16 << 20

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


class CheckpointError(UserError):
    """A checkpoint is missing, damaged, or of another model; the message says what to do."""


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
        OSError: If the disk is full or not writable; see `vae.files.disk_sentence`.
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
    if len(text) > MAX_HEADER_BYTES:
        raise ValueError(f"a checkpoint's state must be under {MAX_HEADER_BYTES:,} bytes, got {len(text):,}")
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


def load(directory: Path, name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read ``<directory>/<name>.safetensors``.

    Returns:
        The tensors by name, on the CPU, and the state; an empty one if the file has none.
    Raises:
        CheckpointError: If it is missing, truncated, its header lies, or a newer version wrote it.
    """
    path = _path(directory, name)
    try:
        with _open(path) as file:
            # One open file and one read: a trainer may put another in its place at any moment, and
            # safetensors' load_file opens a path twice.
            data = file.read()
    except OSError as error:
        raise CheckpointError(disk_sentence(error)) from error
    length = _length(path, data, len(data))
    state = _state(path, data[8 : 8 + length], len(data))
    try:
        return safetensors.torch.load(data), state
    except (
        safetensors.SafetensorError,
        ValueError,
        TypeError,
        KeyError,
        RuntimeError,
        OverflowError,
    ) as error:
        raise _damaged(path, f"its header is wrong: {first_line(error)}") from None


def inspect(path: Path) -> dict[str, Any]:
    """Check a file's header against its size, without reading the numbers.

    Returns:
        The state.
    Raises:
        CheckpointError: As `load` does.
    """
    return _looked_at(path)[1]


def outline(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name, without their numbers: of its header alone, on torch's meta device.

    Raises:
        CheckpointError: As `load` does.
    """
    return _looked_at(path)[0]


def _looked_at(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Outline and state of a file, from one look at its header; safetensors opens files by a path, links followed."""
    try:
        with _open(path) as file:
            size = os.fstat(file.fileno()).st_size
            length = _length(path, file.read(8), size)
            text = file.read(length)
    except OSError as error:
        raise CheckpointError(disk_sentence(error)) from error
    state = _state(path, text, size)
    try:
        return _outlined(parse_json(text.decode())), state
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, OverflowError) as error:
        raise _damaged(path, f"its header is wrong: {first_line(error)}") from None


def _outlined(header: dict[str, Any]) -> dict[str, Tensor]:
    """The tensors that a header claims, which must lie one after the other, as long as their shapes say."""
    kinds = {name: dtype for dtype, name in _DTYPES.items()}
    found, end = {}, 0
    items = [(name, item) for name, item in header.items() if name != "__metadata__"]
    for name, item in sorted(items, key=lambda item: tuple(item[1]["data_offsets"])):
        begin, after = item["data_offsets"]
        if type(begin) is not int or begin != end or not all(type(side) is int for side in item["shape"]):
            raise ValueError(f"{name[:60]!r} does not lie where the tensor before it ends")
        found[name] = torch.empty(item["shape"], dtype=kinds[item["dtype"]], device="meta")
        end += found[name].numel() * found[name].element_size()
        if after != end:
            raise ValueError(f"{name[:60]!r} is not as long as its shape says")
    return {name: found[name] for name, _ in items}


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
    bad = [
        name
        for name, tensor in tensors.items()
        if not tensor.is_meta and not bool(torch.isfinite(tensor).all())
    ]
    if bad:
        raise CheckpointError(
            f"{what} must have finite numbers, and has NaN or infinity in {_some(bad)}; use an earlier "
            "checkpoint or snapshot, or train again with a smaller learning rate"
        )


def _path(directory: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise CheckpointError(
            f"a checkpoint's name must be a plain word, got {name[:100]!r}; use last or best"
        )
    return directory / f"{name}.safetensors"


def _open(path: Path) -> BinaryIO:
    try:
        return open_plain(path)
    except FileNotFoundError:
        raise CheckpointError(f"there is no {_shown(path)}; {_remedy(path)}") from None
    except UserError as error:
        raise CheckpointError(str(error)) from None


def _length(path: Path, head: bytes, size: int) -> int:
    """The header's length, from the first 8 bytes of a file of `size` bytes."""
    if size < 8:
        raise _damaged(path, f"it has {size} bytes and not even a header")
    (length,) = struct.unpack("<Q", head[:8])
    if length > MAX_HEADER_BYTES or length > size - 8:
        raise _damaged(path, f"it claims a header of {length:,} bytes and has {size:,} in all")
    return int(length)


def _state(path: Path, text: bytes, size: int) -> dict[str, Any]:
    """The state from a header, whose claims add up to the file's size; safetensors checks all else in it."""
    try:
        header = parse_json(text.decode())
        ends = [item["data_offsets"][1] for name, item in header.items() if name != "__metadata__"]
        whole = 8 + len(text) + max(ends, default=0)
        metadata = header.get("__metadata__") or {}
        version, kept = int(metadata.get("latent_lab", "1")), metadata.get("state", "{}")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise _damaged(path, f"its header cannot be read: {first_line(error)}") from None
    if version > FORMAT:
        raise CheckpointError(
            f"{_shown(path)} was written by a newer version (format {version}, this version reads up to "
            f"{FORMAT}); upgrade latent-lab"
        )
    if whole != size:
        raise _damaged(path, f"it must have {whole:,} bytes by its header, and has {size:,}")
    try:
        state = parse_json(kept)
    except (ValueError, TypeError) as error:
        raise _damaged(path, f"its state cannot be read: {first_line(error)}") from None
    if not isinstance(state, dict):
        raise _damaged(path, "its state is not a JSON object")
    return state


def _damaged(path: Path, why: str) -> CheckpointError:
    return CheckpointError(f"{_shown(path)} is damaged: {why}; {_remedy(path)}")


def _remedy(path: Path) -> str:
    """The other checkpoint of the folder, if there is one."""
    others: list[str] = []
    with suppress(OSError):
        there = names_in(path.parent)
        others = [name for name in ("best", "last") if f"{name}.safetensors" in there and name != path.stem]
    return (
        f"use the {others[0]} checkpoint, or train again"
        if others
        else "train the run again, or restore a copy"
    )


def _shown(path: Path) -> str:
    """The path from the run's folder on: long enough to find the file, short enough to read."""
    return "/".join(path.absolute().parts[-3:])


def _some(names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
