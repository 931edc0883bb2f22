"""Compose ONNX graphs one after another."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
from onnx import compose, helper

#: A value of a graph: which graph, and the name that the value has in it.
Port = tuple[str, str]


def joined(graphs: Mapping[str, onnx.ModelProto], wires: Mapping[Port, Port], outputs: list[str]) -> bytes:
    """One graph of several of one operator set.

    Args:
        graphs: By a short name, each after those whose outputs it takes.
        wires: For an input of a graph, the output of another that it gets. An input without a wire becomes an input of
            the whole, once for all that have its name.
        outputs: Outputs of the graphs that the whole has, each the last of its name.
    """
    nodes, initializers = [], []
    inputs: dict[str, onnx.ValueInfoProto] = {}
    found: dict[str, tuple[str, onnx.ValueInfoProto]] = {}
    for part, model in graphs.items():
        graph = compose.add_prefix_graph(model.graph, f"{part}/")
        own = {initializer.name for initializer in graph.initializer}
        for before, value in zip(model.graph.input, graph.input, strict=True):
            if value.name in own:
                continue
            if (part, before.name) in wires:
                source = "/".join(wires[part, before.name])
            else:
                source = before.name
                inputs.setdefault(source, before)
            nodes.append(helper.make_node("Identity", [source], [value.name]))
        nodes += graph.node
        initializers += graph.initializer
        for before, value in zip(model.graph.output, graph.output, strict=True):
            found[before.name] = (value.name, before)
    nodes += [helper.make_node("Identity", [found[name][0]], [name]) for name in outputs]
    first = next(iter(graphs.values()))
    whole = helper.make_graph(
        nodes, "joined", list(inputs.values()), [found[name][1] for name in outputs], initializers
    )
    version = max(model.ir_version for model in graphs.values())
    return helper.make_model(whole, opset_imports=first.opset_import, ir_version=version).SerializeToString()
