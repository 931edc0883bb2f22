"""ONNX graphs that a few kilobytes can hold and a machine cannot."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Node = onnx.NodeProto


def varint(value: int) -> bytes:
    """A number as protobuf's wire format has it."""
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def field(number: int, content: bytes) -> bytes:
    """A field with something in it, as the wire format has it."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def honest(half: str = "decoder") -> onnx.ModelProto:
    """A linear decoder of two latent dimensions to 5 × 4 pixels, or the encoder that goes with it."""
    free = ["batch", 1, 5, 4]
    if half == "decoder":
        weight = numpy_helper.from_array(np.ones((2, 20), np.float32), "weight")
        shape = numpy_helper.from_array(np.array([-1, 1, 5, 4]), "shape")
        nodes = [
            helper.make_node("MatMul", ["z", "weight"], ["flat"]),
            helper.make_node("Reshape", ["flat", "shape"], ["output"]),
        ]
        inputs, outputs = [("z", ["batch", 2])], [("output", free)]
    else:
        weight = numpy_helper.from_array(np.ones((20, 2), np.float32), "weight")
        shape = numpy_helper.from_array(np.array([-1, 20]), "shape")
        nodes = [
            helper.make_node("Reshape", ["x", "shape"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weight"], ["mean"]),
            helper.make_node("Neg", ["mean"], ["log_var"]),
        ]
        inputs, outputs = [("x", free)], [("mean", ["batch", 2]), ("log_var", ["batch", 2])]
    made = helper.make_graph(
        nodes,
        "a graph",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name, sides in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name, sides in outputs],
        [weight, shape],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def decoder(nodes: list[Node], **constants: object) -> bytes:
    """The honest decoder, its latent point shifted by ``nothing``, a number that the nodes make."""
    model = honest()
    model.graph.node[0].input[0] = "shifted"
    add = helper.make_node("Add", ["z", "nothing"], ["shifted"])
    honest_nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, add, *honest_nodes])
    for name, value in constants.items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return model.SerializeToString()


def summed(name: str) -> list[Node]:
    """``nothing``: the sum of whatever there is, times zero."""
    return [
        helper.make_node("ReduceSum", [name], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
    ]


ZERO = np.float32(0)


# Too many messages: they cost nothing in a zip, and a hundred bytes and more each in memory -------------------------


def _with(number: int, content: bytes) -> bytes:
    """An honest decoder with more in its graph."""
    model = honest()
    graph = model.graph.SerializeToString() + (field(number, content) if number else content)
    model.ClearField("graph")
    return model.SerializeToString() + field(7, graph)


def many_initializers() -> bytes:
    return _with(0, b"\x2a\x00" * 5_000_000)


def many_nodes() -> bytes:
    return _with(0, b"\x0a\x00" * 5_000_000)


def many_inputs() -> bytes:
    return _with(0, b"\x5a\x00" * 5_000_000)


def many_attributes() -> bytes:
    return _with(1, b"\x2a\x00" * 5_000_000)


def many_names() -> bytes:
    return _with(1, b"\x0a\x00" * 5_000_000)


def many_dims() -> bytes:
    return _with(5, b"\x08\x01" * 5_000_000)


def packed_dims() -> bytes:
    return _with(5, field(1, b"\x01" * 10_000_000))


def packed_numbers() -> bytes:
    return _with(5, field(7, b"\x00" * 10_000_000))


def packed_attribute() -> bytes:
    return _with(1, field(5, field(8, b"\x00" * 10_000_000)))


def many_metadata() -> bytes:
    return honest().SerializeToString() + b"\x72\x00" * 5_000_000


def many_annotations() -> bytes:
    return _with(0, b"\x72\x00" * 5_000_000)


def deep_graphs() -> bytes:
    inner = b""
    for _ in range(2000):
        inner = field(1, field(5, field(6, inner)))
    return _with(0, inner)


def deep_types() -> bytes:
    inner = b""
    for _ in range(20_000):
        inner = field(4, field(1, inner))
    return _with(11, field(2, inner))


def sparse_claim() -> bytes:
    dims = b"".join(varint(1 << 3) + varint(side) for side in (1 << 20, 1 << 20))
    return _with(15, dims.replace(b"\x08", b"\x18"))


MESSAGES: dict[str, Callable[[], bytes]] = {
    made.__name__: made
    for made in (
        many_initializers, many_nodes, many_inputs, many_attributes, many_names, many_dims, packed_dims, packed_numbers,
        packed_attribute, many_metadata, many_annotations, deep_graphs, deep_types, sparse_claim,
    )
}  # fmt: skip


# Few operations that make much ------------------------------------------------------------------------------------


def constant_of_shape() -> bytes:
    made = helper.make_node("ConstantOfShape", ["many"], ["large"])
    return decoder([made, *summed("large")], many=np.array([1 << 33]), zero=ZERO)


def expand() -> bytes:
    made = helper.make_node("Expand", ["zero", "many"], ["large"])
    return decoder([made, *summed("large")], many=np.array([1 << 17, 1 << 16]), zero=ZERO)


def tile() -> bytes:
    made = helper.make_node("Tile", ["z", "many"], ["large"])
    return decoder([made, *summed("large")], many=np.array([1 << 16, 1 << 16]), zero=ZERO)


def pad() -> bytes:
    made = helper.make_node("Pad", ["z", "many"], ["large"])
    return decoder([made, *summed("large")], many=np.array([0, 0, 1 << 16, 1 << 16]), zero=ZERO)


def resize() -> bytes:
    made = [
        helper.make_node("Unsqueeze", ["z", "axes"], ["plane"]),
        helper.make_node("Resize", ["plane", "", "", "many"], ["large"]),
    ]
    sides = np.array([1, 1, 1 << 16, 1 << 16])
    return decoder([*made, *summed("large")], axes=np.array([0, 1]), many=sides, zero=ZERO)


def one_hot() -> bytes:
    made = helper.make_node("OneHot", ["rows", "many", "values"], ["large"])
    return decoder(
        [made, *summed("large")],
        rows=np.zeros(1 << 12, np.int64),
        many=np.array(1 << 22),
        values=np.array([0, 1], np.float32),
        zero=ZERO,
    )


def range_() -> bytes:
    made = helper.make_node("Range", ["zero", "many", "one"], ["large"])
    return decoder([made, *summed("large")], many=np.float32(1 << 33), one=np.float32(1), zero=ZERO)


def doubling() -> bytes:
    made = [helper.make_node("Concat", [f"d{k}", f"d{k}"], [f"d{k + 1}"], axis=0) for k in range(40)]
    first = helper.make_node("Identity", ["z"], ["d0"])
    return decoder([first, *made, *summed("d40")], zero=ZERO)


def outer_product() -> bytes:
    made = [
        helper.make_node("ConstantOfShape", ["many"], ["row"]),
        helper.make_node("Reshape", ["row", "column_shape"], ["column"]),
        helper.make_node("Mul", ["row", "column"], ["large"]),
    ]
    return decoder(
        [*made, *summed("large")], many=np.array([1 << 17]), column_shape=np.array([-1, 1]), zero=ZERO
    )


def many_large() -> bytes:
    made: list[Node] = []
    for k in range(200):
        # Of different values: onnxruntime makes one of those that are alike, and that one is small enough to be run.
        value = helper.make_tensor("value", TensorProto.FLOAT, [1], [float(k)])
        made += [helper.make_node("ConstantOfShape", ["many"], [f"l{k}"], value=value)]
    total = helper.make_node("Sum", [f"l{k}" for k in range(200)], ["large"])
    return decoder([*made, total, *summed("large")], many=np.array([1 << 24]), zero=ZERO)


def wide_convolution() -> bytes:
    made = [
        helper.make_node("ConstantOfShape", ["sides"], ["image"]),
        helper.make_node("Conv", ["image", "kernel"], ["large"], pads=[1 << 14] * 4),
    ]
    return decoder(
        [*made, *summed("large")],
        sides=np.array([1, 1, 4, 4]),
        kernel=np.ones((1, 1, 3, 3), np.float32),
        zero=ZERO,
    )


MEMORY: dict[str, Callable[[], bytes]] = {
    made.__name__: made
    for made in (
        constant_of_shape, expand, tile, pad, resize, one_hot, range_, doubling, outer_product, many_large,
        wide_convolution,
    )
}  # fmt: skip


# Few operations that take long ------------------------------------------------------------------------------------


def _products(num: int, side: int, source: list[Node]) -> list[Node]:
    made = [*source]
    for k in range(num):
        made.append(helper.make_node("MatMul", [f"p{k}", "p0"], [f"p{k + 1}"]))
    return [*made, *summed(f"p{num}")]


def products() -> bytes:
    first = helper.make_node("ConstantOfShape", ["sides"], ["p0"])
    return decoder(_products(5000, 2048, [first]), sides=np.array([2048, 2048]), zero=ZERO)


def products_for_some() -> bytes:
    """Quick at z = 0, with which a graph is tried, and endless elsewhere."""
    first = helper.make_node("ConstantOfShape", ["sides"], ["p0"])
    slow = helper.make_graph(
        _products(5000, 2048, [first]),
        "slow",
        [],
        [helper.make_tensor_value_info("nothing", TensorProto.FLOAT, [])],
    )
    quick = helper.make_graph(
        [helper.make_node("Identity", ["zero"], ["nothing"])],
        "quick",
        [],
        [helper.make_tensor_value_info("nothing", TensorProto.FLOAT, [])],
    )
    nodes = [
        helper.make_node("ReduceSum", ["z"], ["total"], keepdims=0),
        helper.make_node("Greater", ["total", "zero"], ["is_some"]),
        helper.make_node("If", ["is_some"], ["nothing"], then_branch=slow, else_branch=quick),
    ]
    return decoder(nodes, sides=np.array([2048, 2048]), zero=ZERO)


def long_chain() -> bytes:
    made = [helper.make_node("ConstantOfShape", ["many"], ["p0"])]
    made += [helper.make_node("Erf", [f"p{k}"], [f"p{k + 1}"]) for k in range(15_000)]
    return decoder([*made, *summed("p15000")], many=np.array([1 << 22]), zero=ZERO)


TIME: dict[str, Callable[[], bytes]] = {made.__name__: made for made in (products, long_chain)}
