"""Networks that are somebody's own, kept as ONNX: checked, bounded, and run by onnxruntime on the CPU.

A run that `vae.watch` wrote holds no layers of ours. Its weights files have the bytes of two graphs in the place of
weights, so that whatever reads, replaces, keeps or packs weights does the same for these:

- ``encoder.onnx`` from ``x`` ``(B, C, H, W)`` (and ``y`` ``(B, K)``, the condition) to ``mean`` and ``log_var``, both
  ``(B, D)``;
- ``decoder.onnx`` from ``z`` ``(B, D)`` (and ``y``) to ``output`` ``(B, C, H, W)``, the likelihood's raw parameters;
- ``likelihood.raw_sigma``, where the likelihood learns its standard deviation.

A graph may come from anybody. It is looked at before anything runs: standard operators alone, no loops, no chance, no
other files, inputs and outputs as above; and while it runs it gets at most `MAX_MEMORY` bytes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from vae.checkpoints import CheckpointError, check_shapes
from vae.config import DataInfo, ModelConfig
from vae.errors import UserError, first_line
from vae.model import VAE

OPSET = 17
ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
#: Largest graph with its numbers, bytes.
MAX_GRAPH_BYTES = 512 << 20
MAX_NODES = 20_000
#: What all graphs of a process may take for their numbers while they run, bytes.
MAX_MEMORY = 4 << 30
#: Without end, or without one answer for one question.
_REFUSED = ("Loop", "Scan", "SequenceMap", "Multinomial", "Bernoulli", "Dropout")
_REMEDY = "watch the training again, or import the run anew"

_registered = False
_registering = threading.Lock()


# Looking at a graph ---------------------------------------------------------------------------------------------------


def interface(
    half: str, config: ModelConfig, info: DataInfo
) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """Inputs and outputs of a half by name, with their shapes without the batch: `ENCODER` or `DECODER`."""
    image, latent = (info.channels, info.height, info.width), (config.latent_dim,)
    y: dict[str, tuple[int, ...]] = {"y": (info.num_classes,)} if config.conditional else {}
    if half == ENCODER:
        return {"x": image, **y}, {"mean": latent, "log_var": latent}
    return {"z": latent, **y}, {"output": image}


def checked_graph(
    data: bytes, inputs: Mapping[str, tuple[int, ...]], outputs: Mapping[str, tuple[int, ...]], what: str
) -> onnx.ModelProto:
    """Parse a graph whose author is not trusted, and look at all of it; nothing of it is run.

    Args:
        data: The file's bytes.
        inputs: Names and shapes without the batch that it must have, in any order; all are float32.
        outputs: Likewise. Their shapes are checked again when it runs: a file may claim anything.
        what: What a message calls it.

    Raises:
        CheckpointError: If it is damaged, too large, has other inputs or outputs, refers to other files, or has
            operators that are not run here.
    """

    def refuse(rule: str) -> CheckpointError:
        return CheckpointError(f"{what} {rule}; {_REMEDY}")

    if len(data) > MAX_GRAPH_BYTES:
        raise refuse(f"must have at most {MAX_GRAPH_BYTES:,} bytes, and has {len(data):,}")
    try:
        model = onnx.load_from_string(data)
    except Exception as error:  # protobuf's errors have no common kind
        raise refuse(f"must be ONNX, and cannot be read ({type(error).__name__})") from None
    opsets = {(opset.domain, opset.version) for opset in model.opset_import}
    if opsets != {("", OPSET)} or len(model.functions) or len(model.training_info):
        raise refuse(f"must have the standard operators of set {OPSET} alone, and has others")
    for number, node in enumerate(_nodes(model.graph)):
        if (
            node.domain not in ("", "ai.onnx")
            or node.op_type in _REFUSED
            or node.op_type.startswith("Random")
        ):
            raise refuse(
                f"must compute without loops, chance or operators of others, and has {node.op_type[:40]!r}"
            )
        if number >= MAX_NODES:
            raise refuse(f"must have at most {MAX_NODES:,} operations, and has more")
    if any(tensor.data_location or len(tensor.external_data) for tensor in _tensors(model.graph)):
        raise refuse("must hold its own numbers, and refers to another file")
    names = {initializer.name for initializer in model.graph.initializer}
    for found, expected, kind in (
        ([value for value in model.graph.input if value.name not in names], inputs, "inputs"),
        (model.graph.output, outputs, "outputs"),
    ):
        shapes = {value.name: _shape(value) for value in found}
        if shapes.keys() != expected.keys():
            raise refuse(
                f"must have the {kind} {', '.join(expected)}, and has {', '.join(shapes)[:100] or 'none'}"
            )
        for name, shape in shapes.items():
            if kind == "inputs" and shape != expected[name]:
                raise refuse(
                    f"must take {name} as float32 of shape (B, {_sides(expected[name])}), and does not"
                )
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # ValidationError, and what shape inference raises on nonsense
        raise refuse(f"must be valid ONNX, and is not ({first_line(error)})") from None
    return model


def _nodes(graph: onnx.GraphProto, depth: int = 0) -> Iterator[onnx.NodeProto]:
    if depth > 20:
        raise CheckpointError(f"a graph must not be nested more than 20 deep, and is; {_REMEDY}")
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner, depth + 1)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Every tensor of a graph, wherever it may stand."""
    graphs = [graph]
    while graphs:
        inner = graphs.pop()
        yield from inner.initializer
        sparse = list(inner.sparse_initializer)
        for node in inner.node:
            for attribute in node.attribute:
                yield attribute.t
                yield from attribute.tensors
                sparse += [attribute.sparse_tensor, *attribute.sparse_tensors]
                if attribute.HasField("g"):
                    graphs.append(attribute.g)
                graphs += attribute.graphs
        for both in sparse:
            yield both.values
            yield both.indices


def _shape(value: onnx.ValueInfoProto) -> tuple[int, ...] | None:
    """A claimed shape without the batch; None if it is not float32 with a free batch and numbers behind it."""
    kind = value.type.tensor_type
    dims = kind.shape.dim
    if kind.elem_type != onnx.TensorProto.FLOAT or not dims or dims[0].HasField("dim_value"):
        return None
    return tuple(dim.dim_value for dim in dims[1:])


def _sides(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


# Running it -----------------------------------------------------------------------------------------------------------


def _session(data: bytes, what: str) -> Any:
    """A graph ready to run on the CPU, within `MAX_MEMORY`."""
    import onnxruntime

    global _registered
    with _registering:
        if not _registered:
            memory = onnxruntime.OrtMemoryInfo(
                "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
            )
            # Strategy 1 takes what is asked for; the other takes twice as much each time.
            arena = onnxruntime.OrtArenaCfg({"max_mem": MAX_MEMORY, "arena_extend_strategy": 1})
            onnxruntime.create_and_register_allocator(memory, arena)
            _registered = True
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            data,
            options,
            providers=["CPUExecutionProvider"],
            # It computes while it opens the graph, and there outside the bound.
            disabled_optimizers=["ConstantFolding"],
        )
    except Exception as error:  # onnxruntime's errors have no common kind
        raise CheckpointError(f"{what} cannot be run ({first_line(error)}); {_REMEDY}") from None


class Graph(nn.Module):
    """One half of a model as ONNX, called as our own networks are; it has no gradients.

    Args:
        half: `ENCODER` or `DECODER`.
        data: Its bytes.
        config: Of the model.
        info: Of its images.

    Raises:
        CheckpointError: As `checked_graph` says, or if onnxruntime cannot run it.
    """

    def __init__(self, half: str, data: bytes, config: ModelConfig, info: DataInfo) -> None:
        super().__init__()
        self.name, self.data = half, data
        self.inputs, self.outputs = interface(half, config, info)
        #: The graph as it was checked; `vae.export` builds larger ones of it.
        self.proto = checked_graph(data, self.inputs, self.outputs, half)
        # Others ask a model's parameters for device and type.
        self.anchor = nn.Parameter(torch.zeros(()), requires_grad=False)
        self._session = _session(data, half)

    def forward(self, x: Tensor, condition: Tensor | None = None, image: Tensor | None = None) -> Any:
        """Mean and log-variance of an encoder; the raw output of a decoder. ``image`` is not looked at."""
        if torch.is_grad_enabled() and x.requires_grad:
            raise UserError(
                f"what needs gradients must have networks of PyTorch, got {self.name} of a watched run; compute it in "
                "your own program, where they are"
            )
        first, *rest = self.inputs
        feeds = {first: _float32(x)}
        for name in rest:
            if condition is None:
                raise UserError("a conditional model needs a condition, got none; pass y")
            feeds[name] = _float32(condition)
        try:
            found = self._session.run(list(self.outputs), feeds)
        except Exception as error:  # onnxruntime's errors have no common kind
            raise CheckpointError(f"{self.name} cannot be run ({first_line(error)}); {_REMEDY}") from None
        answers = []
        for (name, shape), values in zip(self.outputs.items(), found, strict=True):
            if values.shape != (len(x), *shape) or values.dtype != np.float32:
                raise CheckpointError(
                    f"{self.name} must give {name} of shape ({len(x)}, {_sides(shape)}), and gives "
                    f"{values.dtype} of shape {values.shape}; {_REMEDY}"
                )
            answers.append(torch.from_numpy(values).to(x))
        return tuple(answers) if len(answers) > 1 else answers[0]


def _float32(values: Tensor) -> Any:
    return values.detach().to("cpu", torch.float32).contiguous().numpy()


# As the weights of a run ----------------------------------------------------------------------------------------------


def as_weights(encoder: bytes, decoder: bytes, raw_sigma: Tensor | None = None) -> dict[str, Tensor]:
    """The tensors of a weights file."""
    halves = {ENCODER: encoder, DECODER: decoder}
    tensors = {half: torch.frombuffer(bytearray(data), dtype=torch.uint8) for half, data in halves.items()}
    return tensors if raw_sigma is None else {**tensors, "likelihood.raw_sigma": raw_sigma}


def check_outline(found: Mapping[str, Tensor], config: ModelConfig) -> None:
    """Check the tensors of a weights file, or their `vae.checkpoints.outline`: names, types and sizes.

    Raises:
        CheckpointError: If they are not those of such networks.
    """
    sizes = {half: found[half].numel() for half in (ENCODER, DECODER) if half in found}
    if max(sizes.values(), default=0) > MAX_GRAPH_BYTES:
        raise CheckpointError(
            f"a graph must have at most {MAX_GRAPH_BYTES:,} bytes, and one has {max(sizes.values()):,}; {_REMEDY}"
        )
    expected = {
        half: torch.empty(sizes.get(half, 0), dtype=torch.uint8, device="meta") for half in (ENCODER, DECODER)
    }
    if config.likelihood == "gaussian-learned":
        expected["likelihood.raw_sigma"] = torch.empty((), device="meta")
    check_shapes(found, expected)


def external_model(config: ModelConfig, info: DataInfo, weights: Mapping[str, Tensor]) -> VAE:
    """The model that a weights file's graphs make, on the CPU.

    Args:
        config: With ``network = external``.
        info: Of the images.
        weights: As `as_weights` gives them.

    Raises:
        CheckpointError: If they are not such, or a graph is refused (`checked_graph`).
    """
    check_outline(weights, config)
    halves = (Graph(half, weights[half].numpy().tobytes(), config, info) for half in (ENCODER, DECODER))
    encoder, decoder = halves
    model = VAE(config, info, networks=(encoder, decoder))
    if "likelihood.raw_sigma" in weights:
        model.likelihood.load_state_dict({"raw_sigma": weights["likelihood.raw_sigma"].clone()})
    return model.eval().requires_grad_(False)
