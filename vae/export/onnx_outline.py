"""Sizes of an ONNX graph, counted in its raw bytes before any library parses it.

A few kilobytes of a zip file can hold millions of empty messages, each of which becomes an object of hundreds of bytes
when the file is parsed. Here the fields are walked through one by one and counted, and the walk ends as soon as there
are too many. What it gives is the graph's outline: the same graph without the numbers of its large tensors.

Source:
    https://protobuf.dev/programming-guides/encoding/ (the wire format), onnx/onnx.proto of ONNX 1.17 (the messages)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

from vae.limits import GRAPH_DEPTH, GRAPH_FIELDS, GRAPH_NODES, GRAPH_OUTLINE_BYTES

#: Tensors whose numbers take more bytes than these are large: their shape is looked at, not their numbers.
_SMALL = 1024
#: Fields of each message that are messages themselves: number of the field and the message in it.
_MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset", 14: "entry", 20: "training", 25: "function", 26: "other"},
    "graph": {
        1: "node", 5: "tensor", 11: "value", 12: "value", 13: "value", 14: "other", 15: "sparse", 16: "entry"
    },
    "node": {5: "attribute", 9: "entry", 10: "other"},
    "attribute": {
        5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 14: "type", 15: "type", 22: "sparse", 23: "sparse"
    },
    "tensor": {3: "other", 13: "entry", 16: "entry"},
    "value": {2: "type", 4: "entry"},
    "type": {1: "tensor type", 4: "wrapped type", 5: "map type", 8: "tensor type", 9: "wrapped type"},
    "tensor type": {2: "shape"},
    "wrapped type": {1: "type"},
    "map type": {2: "type"},
    "shape": {1: "other"},
}  # fmt: skip
#: Fields of a tensor with its numbers: packed 4- and 8-byte ones, those of variable length, and raw bytes.
_RAW, _FIXED, _VARYING = 9, frozenset([4, 10]), frozenset([5, 7, 11])
#: Bytes of one number of a tensor by its type, of those types that networks have.
ITEM_BYTES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}


class Unbounded(ValueError):
    """A graph is damaged or costs too much; the message goes on from the graph's name: `must have at most …`."""


@dataclass
class _Tensor:
    """What a tensor says of itself."""

    dims: list[int] = field(default_factory=list)
    kind: int = 0
    raw_bytes: int | None = None
    #: Where its fields with shape and numbers stand.
    spans: list[tuple[int, int]] = field(default_factory=list)

    @property
    def is_large(self) -> bool:
        """Whether its numbers are left out of the outline."""
        return self.raw_bytes is not None and self.raw_bytes > _SMALL


class _Walk:
    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.num_fields = self.num_nodes = self.level = 0

    def count(self, number: int) -> None:
        """Count what becomes objects."""
        self.num_fields += number
        if self.num_fields > GRAPH_FIELDS:
            raise Unbounded(f"must have at most {GRAPH_FIELDS:,} fields, and has more")

    def varint(self, place: int, end: int) -> tuple[int, int]:
        """A number of variable length, and the place behind it."""
        value = shift = 0
        while place < end and shift < 70:
            byte = self.data[place]
            place += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, place
            shift += 7
        raise Unbounded("must be ONNX, and cannot be read (a number has no end)")

    def message(self, kind: str, start: int, end: int, depth: int) -> bytes:
        """Walk through a message; returns its bytes without large numbers."""
        if kind == "graph" and depth > GRAPH_DEPTH:
            raise Unbounded(f"must not be nested more than {GRAPH_DEPTH} deep, and is")
        self.level += 1
        if self.level > 5 * GRAPH_DEPTH:
            raise Unbounded(f"must not be nested more than {GRAPH_DEPTH} deep, and is")
        inner = _MESSAGES.get(kind, {})
        tensor = _Tensor() if kind == "tensor" else None
        changes: list[tuple[int, int, bytes]] = []
        place = start
        while place < end:
            self.count(1)
            begin = place
            tag, place = self.varint(place, end)
            number, wire = tag >> 3, tag & 7
            if wire == 0:
                value, place = self.varint(place, end)
                if tensor is not None and number == 1:
                    tensor.dims.append(value)
                    tensor.spans.append((begin, place))
                elif tensor is not None and number == 2:
                    tensor.kind = value
                continue
            if wire != 2:
                if wire not in (1, 5):
                    raise Unbounded("must be ONNX, and cannot be read (a field of no known kind)")
                place += 8 if wire == 1 else 4
                continue
            length, content = self.varint(place, end)
            place = content + length
            if place > end:
                raise Unbounded("must be ONNX, and cannot be read (it ends early)")
            if number in inner:
                found = self._inner(inner[number], content, place, depth)
                if len(found) != length:
                    changes.append((begin, place, _field(number, found)))
            elif tensor is not None:
                self._of_tensor(tensor, number, content, length)
                if number in (1, _RAW):
                    tensor.spans.append((begin, place))
            elif kind == "attribute" and number in (7, 8):
                self.count(length)  # a list of numbers may be packed
        if place > end:
            raise Unbounded("must be ONNX, and cannot be read (it ends early)")
        if tensor is not None:
            _check(tensor)
            if tensor.is_large:
                changes = _one_number(tensor)
        self.level -= 1
        return self._with(changes, start, end)

    def _inner(self, kind: str, start: int, end: int, depth: int) -> bytes:
        """A message within another."""
        if kind == "sparse":
            raise Unbounded("must hold its numbers one by one, and has a sparse tensor")
        if kind == "node":
            self.num_nodes += 1
            if self.num_nodes > GRAPH_NODES:
                raise Unbounded(f"must have at most {GRAPH_NODES:,} operations, and has more")
        return self.message(kind, start, end, depth + (kind == "graph"))

    def _with(self, changes: list[tuple[int, int, bytes]], start: int, end: int) -> bytes:
        """The bytes of a message with something else in some places."""
        pieces: list[bytes | memoryview] = []
        for begin, behind, content in changes:
            pieces += [self.data[start:begin], content]
            start = behind
        return b"".join([*pieces, self.data[start:end]])

    def _of_tensor(self, tensor: _Tensor, number: int, content: int, length: int) -> None:
        """Look at a field of a tensor with something in it."""
        if number == _RAW:
            tensor.raw_bytes = length
        elif number == 1:  # its shape, packed
            place = content
            while place < content + length:
                value, place = self.varint(place, content + length)
                tensor.dims.append(value)
                self.count(1)
        elif number in _VARYING:
            self.count(length)  # each byte may be a number of eight
        elif number in _FIXED:
            self.count(length // 4)


def _one_number(tensor: _Tensor) -> list[tuple[int, int, bytes]]:
    """What makes a large tensor one of a single number: a tensor without numbers would be none."""
    size = ITEM_BYTES.get(tensor.kind, 1)
    changes = [(begin, end, b"") for begin, end in tensor.spans]
    begin, end, _ = changes[-1]
    return [*changes[:-1], (begin, end, b"\x08\x01" + _field(_RAW, bytes(size)))]


def _check(tensor: _Tensor) -> None:
    """Check that a tensor has the bytes that it claims: nobody is to make room for others."""
    if tensor.raw_bytes is None or tensor.kind not in ITEM_BYTES:
        return
    claimed = prod(tensor.dims) * ITEM_BYTES[tensor.kind]
    if claimed != tensor.raw_bytes:
        raise Unbounded(
            f"must be valid ONNX, and is not (a tensor claims {claimed:,} bytes and has {tensor.raw_bytes:,})"
        )


def _field(number: int, content: bytes) -> bytes:
    """A field with something in it, as the wire format has it."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def outline(data: bytes | memoryview) -> bytes:
    """The graph without the numbers of its large tensors, having counted all that is in it.

    Args:
        data: An ONNX model's bytes, at most `vae.limits.GRAPH_BYTES` of them.

    Raises:
        Unbounded: If it has more fields, operations or graphs within graphs than the limits allow, a tensor claims more
            than it has, or it is no such file.
    """
    view = memoryview(data)
    found = _Walk(view).message("model", 0, len(view), 0)
    if len(found) > GRAPH_OUTLINE_BYTES:
        raise Unbounded(
            f"must have at most {GRAPH_OUTLINE_BYTES:,} bytes besides its weights, and has {len(found):,}"
        )
    return found
