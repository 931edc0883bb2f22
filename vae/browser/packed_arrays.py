"""Arrays for the browser in one answer: a length, a JSON header, and the bytes, which the page views in place.

Layout: four bytes with the header's length, little-endian, a multiple of four; the header, UTF-8, padded with spaces;
then each array, C order, little-endian, at the offset from the header's end that the header names, a multiple of eight.
The header is ``{"arrays": [{"name", "dtype", "shape", "offset"}, …], …fields}``. `vae/browser/lib/arrays.js` reads it.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae.models.memory_budget import rows_within

#: Types that JavaScript has a typed array for.
DTYPES = ("float32", "int32", "int16", "uint8")
#: Bytes of rows that are gathered at once.
_PIECE = 4 << 20


def pack(arrays: dict[str, NDArray[Any]], **fields: Any) -> bytes:
    """Put arrays and the fields of the header into one string of bytes, as `parts` does."""
    return b"".join(parts(arrays, **fields))


def gathered(
    name: str, source: NDArray[np.uint8], index: NDArray[Any], **fields: Any
) -> tuple[int, Iterator[bytes]]:
    """Rows of an array of bytes and their numbers, as `pack` would give them, a few rows at a time.

    Args:
        name: Of the rows.
        source: ``(N, …)``.
        index: Which rows, int32; listed as ``index``.
        **fields: As for `parts`.

    Returns:
        The number of bytes in all, and the bytes.
    """
    shape = (len(index), *source.shape[1:])
    num_bytes = math.prod(shape)
    listed = [_entry(name, "uint8", shape, 0), _entry("index", "int32", index.shape, _padded(num_bytes))]
    head = _head(listed, fields)
    tail = b"".join(_content(index))
    at_once = rows_within(math.prod(shape[1:]), most=max(1, len(index)), budget=_PIECE)

    def pieces() -> Iterator[bytes]:
        yield head
        for start in range(0, len(index), at_once):
            yield source[index[start : start + at_once]].tobytes()
        yield b" " * (_padded(num_bytes) - num_bytes) + tail

    return len(head) + _padded(num_bytes) + len(tail), pieces()


def _padded(num_bytes: int) -> int:
    """With what follows it up to a multiple of eight, where every type may begin."""
    return num_bytes + -num_bytes % 8


def _entry(name: str, dtype: str, shape: tuple[int, ...], offset: int) -> dict[str, Any]:
    return {"name": name, "dtype": dtype, "shape": list(shape), "offset": offset}


def _content(array: NDArray[Any]) -> list[memoryview]:
    """The bytes of an array where they lie, and what follows them."""
    content = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data
    return [content, memoryview(b" " * (_padded(len(content)) - len(content)))]


def _head(listed: list[dict[str, Any]], fields: dict[str, Any]) -> bytes:
    header = json.dumps({**fields, "arrays": listed}, ensure_ascii=False, allow_nan=False).encode()
    # Four bytes of length and the header end at a multiple of eight.
    header += b" " * (-(len(header) + 4) % 8)
    return struct.pack("<I", len(header)) + header


def parts(arrays: dict[str, NDArray[Any]], **fields: Any) -> list[memoryview]:
    """Header and arrays as pieces that follow each other; arrays are seen where they lie, without a copy.

    Args:
        arrays: By name; each of a type of `DTYPES`.
        **fields: Further fields of the header, JSON values.

    Raises:
        ValueError: If an array's type is none of `DTYPES`.
    """
    listed, pieces, position = [], [], 0
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES:
            raise ValueError(
                f"{name} must be one of {', '.join(DTYPES)}, got {array.dtype}; convert it first"
            )
        listed.append(_entry(name, array.dtype.name, array.shape, position))
        found = _content(array)
        pieces += found
        position += sum(map(len, found))
    return [memoryview(_head(listed, fields)), *pieces]


def unpack(content: bytes) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The arrays and the fields again, for Python clients."""
    (length,) = struct.unpack_from("<I", content)
    fields = json.loads(content[4 : 4 + length])
    arrays = {}
    for item in fields.pop("arrays"):
        num = int(np.prod(item["shape"], dtype=np.int64))
        dtype = np.dtype(item["dtype"]).newbyteorder("<")
        arrays[item["name"]] = np.frombuffer(content, dtype, num, 4 + length + item["offset"]).reshape(
            item["shape"]
        )
    return arrays, fields
