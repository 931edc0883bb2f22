"""Checks of an untrusted ONNX graph before it is run, in a process of its own.

Imports no torch and nothing of ours that does: it is loaded by `vae.export.onnx_worker`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import onnx

OPSET = 17
#: Without end, or without one answer for one question.
_REFUSED = ("Loop", "Scan", "SequenceMap", "Multinomial", "Bernoulli", "Dropout")

Shapes = Mapping[str, tuple[int, ...]]


class Refused(ValueError):
    """A graph is not run; the message goes on from its name: `must have …, and has …`."""


def check(outline: bytes, inputs: Shapes, outputs: Shapes) -> None:
    """Look at all of a graph; nothing of it is run.

    Args:
        outline: As `vae.export.onnx_outline.outline` gives it: how much is in it has been counted.
        inputs: Names and shapes without the batch that it must have, in any order; all are float32.
        outputs: Likewise. Their shapes are checked again when it runs: a file may claim anything.

    Raises:
        Refused: If it is damaged, has other inputs or outputs, refers to other files, or has operators that are not run
            here.
    """
    try:
        model = onnx.load_from_string(outline)
    except Exception as error:  # protobuf's errors have no common kind
        raise Refused(f"must be ONNX, and cannot be read ({type(error).__name__})") from None
    opsets = {(opset.domain, opset.version) for opset in model.opset_import}
    if opsets != {("", OPSET)} or len(model.functions) or len(model.training_info):
        raise Refused(f"must have the standard operators of set {OPSET} alone, and has others")
    for node in _nodes(model.graph):
        if (
            node.domain not in ("", "ai.onnx")
            or node.op_type in _REFUSED
            or node.op_type.startswith("Random")
        ):
            raise Refused(
                f"must compute without loops, chance or operators of others, and has {node.op_type[:40]!r}"
            )
    if any(tensor.data_location or len(tensor.external_data) for tensor in _tensors(model.graph)):
        raise Refused("must hold its own numbers, and refers to another file")
    names = {initializer.name for initializer in model.graph.initializer}
    for found, expected, kind in (
        ([value for value in model.graph.input if value.name not in names], inputs, "inputs"),
        (model.graph.output, outputs, "outputs"),
    ):
        shapes = {value.name: _shape(value) for value in found}
        if shapes.keys() != expected.keys():
            raise Refused(
                f"must have the {kind} {', '.join(expected)}, and has {', '.join(shapes)[:100] or 'none'}"
            )
        for name, shape in shapes.items():
            if kind == "inputs" and shape != expected[name]:
                raise Refused(
                    f"must take {name} as float32 of shape (B, {sides(expected[name])}), and does not"
                )
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # ValidationError, and what shape inference raises on nonsense
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise Refused(f"must be valid ONNX, and is not ({said[:200]})") from None


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Every tensor of a graph, wherever it may stand; sparse ones have been refused before."""
    graphs = [graph]
    while graphs:
        inner = graphs.pop()
        yield from inner.initializer
        for node in inner.node:
            for attribute in node.attribute:
                yield attribute.t
                yield from attribute.tensors
                if attribute.HasField("g"):
                    graphs.append(attribute.g)
                graphs += attribute.graphs


def _shape(value: onnx.ValueInfoProto) -> tuple[int, ...] | None:
    """A claimed shape without the batch; None if it is not float32 with a free batch and numbers behind it."""
    kind = value.type.tensor_type
    dims = kind.shape.dim
    if kind.elem_type != onnx.TensorProto.FLOAT or not dims or dims[0].HasField("dim_value"):
        return None
    return tuple(dim.dim_value for dim in dims[1:])


def sides(shape: tuple[int, ...]) -> str:
    """A shape as a message has it."""
    return ", ".join(map(str, shape))
