"""Operators of the likelihoods and the rate as ONNX, where the exporter has none or one that overflows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def register(opset: int) -> None:
    """Teach the exporter; to be called once."""
    from torch.onnx import register_custom_op_symbolic  # type: ignore[attr-defined]

    own: dict[str, Callable[..., Any]] = {
        "expm1": _expm1,
        "binary_cross_entropy_with_logits": _cross_entropy,
        "logaddexp": _logaddexp,
        "xlogy": _xlogy,
    }
    for name, function in own.items():
        register_custom_op_symbolic(f"aten::{name}", function, opset)


def _expm1(graph: Any, x: Any) -> Any:
    import torch

    return graph.op("Sub", graph.op("Exp", x), graph.op("Constant", value_t=torch.tensor(1.0)))


def _logaddexp(graph: Any, x: Any, other: Any) -> Any:
    """The larger one plus log(1 + e^−d), d their distance: e^−d does not overflow."""
    distance = graph.op("Abs", graph.op("Sub", x, other))
    return graph.op("Add", graph.op("Max", x, other), graph.op("Softplus", graph.op("Neg", distance)))


def _xlogy(graph: Any, x: Any, y: Any) -> Any:
    """x log y, and 0 where x is 0."""
    import torch

    zero = graph.op("Constant", value_t=torch.tensor(0.0))
    return graph.op("Where", graph.op("Equal", x, zero), zero, graph.op("Mul", x, graph.op("Log", y)))


def _cross_entropy(graph: Any, logits: Any, x: Any, weight: Any, pos_weight: Any, reduction: Any) -> Any:
    """softplus(l) − l·x. The exporter's own takes logarithms of probabilities, which are 0 for large logits."""
    return graph.op("Sub", graph.op("Softplus", logits), graph.op("Mul", logits, x))
