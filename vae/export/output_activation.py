"""The last activation of an exported network (sigmoid, tanh, exponential), which says what its output means.

That is seen in the graph, so that nobody has to guess it from the values of an untrained network.
"""

from __future__ import annotations

import onnx

#: Operators that hand numbers on, put together otherwise, or bounded; the first input is what they hand on.
_HAND_ON = frozenset(
    {
        *(
            "Identity",
            "Reshape",
            "Flatten",
            "Squeeze",
            "Unsqueeze",
            "Transpose",
            "Cast",
            "Slice",
            "Split",
            "Gather",
        ),
        *("Clip", "Min", "Max", "Dropout"),
    }
)
_SHIFTS = frozenset({"Add", "Sub", "Mul", "Div"})
#: Operators whose output is never negative.
POSITIVE = frozenset({"Exp", "Softplus", "Sigmoid", "Relu", "Abs", "Sqrt", "HardSigmoid"})


def ending(data: bytes, output: str) -> str:
    """The operator that makes an output, shifts and what only hands numbers on left out; empty if there is none.

    Args:
        data: A graph.
        output: The name of one of its outputs.
    """
    graph = onnx.load_from_string(data).graph
    makers = {name: node for node in graph.node for name in node.output}
    fixed = {initializer.name for initializer in graph.initializer}
    fixed |= {node.output[0] for node in graph.node if node.op_type == "Constant"}
    name = output
    for _ in range(1000):
        node = makers.get(name)
        if node is None or node.op_type == "Constant":
            return ""
        if (node.op_type == "Concat" and len(node.input) == 1) or node.op_type in _HAND_ON:
            name = node.input[0]
        elif node.op_type in _SHIFTS and any(one in fixed for one in node.input):
            moved = [one for one in node.input if one not in fixed]
            if (
                not moved
                or makers.get(moved[0]) is None
                or makers[moved[0]].op_type in ("MatMul", "Gemm", "Conv")
            ):
                return str(node.op_type)
            name = moved[0]
        else:
            return str(node.op_type)
    return ""


def halves_an_exponent(data: bytes, output: str) -> bool:
    """Whether an output is the exponential of half of something: the standard deviation of a log-variance."""
    graph = onnx.load_from_string(data).graph
    makers = {name: node for node in graph.node for name in node.output}
    numbers = {initializer.name: onnx.numpy_helper.to_array(initializer) for initializer in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute:
            numbers[node.output[0]] = onnx.numpy_helper.to_array(node.attribute[0].t)
    name = output
    while (node := makers.get(name)) is not None and node.op_type in _HAND_ON:
        name = node.input[0]
    if node is None or node.op_type != "Exp" or (inner := makers.get(node.input[0])) is None:
        return False
    factors = [float(numbers[one]) for one in inner.input if one in numbers and numbers[one].size == 1]
    return (inner.op_type == "Mul" and factors == [0.5]) or (inner.op_type == "Div" and factors == [2.0])


def complete(data: bytes, inputs: dict[str, tuple[int, ...]]) -> bytes:
    """A graph with all of the inputs that it should have: the exporter leaves out those that a network does not use.

    Args:
        data: The graph.
        inputs: Names and shapes without the batch.
    """
    model = onnx.load_from_string(data)
    there = {value.name for value in model.graph.input}
    missing = [name for name in inputs if name not in there]
    if not missing:
        return data
    for name in missing:
        shape: list[str | int | None] = ["batch", *inputs[name]]
        model.graph.input.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
    order = {name: place for place, name in enumerate(inputs)}
    kept = sorted(model.graph.input, key=lambda value: order.get(value.name, len(order)))
    del model.graph.input[:]
    model.graph.input.extend(kept)
    return model.SerializeToString()


def pruned(data: bytes) -> bytes:
    """A graph without what none of its outputs needs: noise that was drawn for something else, say."""
    model = onnx.load_from_string(data)
    needed = {value.name for value in model.graph.output}
    kept = []
    for node in reversed(model.graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(node.input)
            for attribute in node.attribute:
                for inner in (attribute.g, *attribute.graphs):
                    needed |= {name for one in inner.node for name in one.input}
    if len(kept) == len(model.graph.node):
        return data
    del model.graph.node[:]
    model.graph.node.extend(reversed(kept))
    initializers = [one for one in model.graph.initializer if one.name in needed]
    del model.graph.initializer[:]
    model.graph.initializer.extend(initializers)
    return model.SerializeToString()
