"""Arrays for the browser in one answer: a length, a JSON header, and the bytes, which the page views in place.

Layout: four bytes with the header's length, little-endian, a multiple of four; the header, UTF-8, padded with spaces;
then each array, C order, little-endian, at the offset from the header's end that the header names, a multiple of eight.
The header is ``{"arrays": [{"name", "dtype", "shape", "offset"}, …], …fields}``. `components/lib/arrays.js` reads it.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Types that JavaScript has a typed array for.
DTYPES = ("float32", "int32", "int16", "uint8")


def pack(arrays: dict[str, NDArray[Any]], **fields: Any) -> bytes:
    """Put arrays and the fields of the header into one string of bytes, as `parts` does."""
    return b"".join(parts(arrays, **fields))


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
        content = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data
        listed.append(
            {"name": name, "dtype": array.dtype.name, "shape": list(array.shape), "offset": position}
        )
        padding = -len(content) % 8
        pieces += [content, memoryview(b" " * padding)]
        position += len(content) + padding
    header = json.dumps({**fields, "arrays": listed}, ensure_ascii=False, allow_nan=False).encode()
    # Four bytes of length and the header end at a multiple of eight, where every type may begin.
    header += b" " * (-(len(header) + 4) % 8)
    return [memoryview(struct.pack("<I", len(header)) + header), *pieces]


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
