"""A watched run's own networks as ONNX: checked, bounded, and run by onnxruntime on the CPU.

A run that `vae.watch` wrote holds no layers of ours. Its weights files have the bytes of two graphs in the place of
weights, so that whatever reads, replaces, keeps or packs weights does the same for these:

- ``encoder.onnx`` from ``x`` ``(B, C, H, W)`` (and ``y`` ``(B, K)``, the condition) to ``mean`` and ``log_var``, both
  ``(B, D)``;
- ``decoder.onnx`` from ``z`` ``(B, D)`` (and ``y``) to ``output`` ``(B, C, H, W)``, the likelihood's raw parameters;
- ``likelihood.raw_sigma``, where the likelihood learns its standard deviation.

A graph may come from anybody. It is counted and looked at before anything runs: standard operators alone, no loops, no
chance, no other files, inputs and outputs as above; and it is opened and run in a process of its own
(`vae.export.onnx_session`), within the memory and the time of `vae.limits`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from vae.config.schema import DataInfo, ModelConfig
from vae.errors import UserError
from vae.export.onnx_check import OPSET as OPSET
from vae.export.onnx_file import DECODER as DECODER
from vae.export.onnx_file import ENCODER as ENCODER
from vae.export.onnx_file import REMEDY, interface, open_graph, refusal
from vae.export.onnx_session import GraphError
from vae.limits import GRAPH_BYTES
from vae.models.vae import VAE
from vae.storage.safetensors_header import CheckpointError
from vae.storage.safetensors_io import check_shapes


class Graph(nn.Module):
    """One half of a model as ONNX, called as our own networks are; it has no gradients.

    Args:
        half: `ENCODER` or `DECODER`.
        data: Its bytes.
        config: Of the model.
        info: Of its images.

    Raises:
        CheckpointError: As `vae.export.onnx_session.OpenGraph` says.
    """

    def __init__(self, half: str, data: memoryview, config: ModelConfig, info: DataInfo) -> None:
        super().__init__()
        self.name, self._content = half, data
        self.inputs, self.outputs = interface(half, config, info)
        # Others ask a model's parameters for device and type.
        self.anchor = nn.Parameter(torch.zeros(()), requires_grad=False)
        self._graph = open_graph(half, data, config, info, torch.get_num_threads())

    @property
    def data(self) -> bytes:
        """The graph's bytes."""
        return bytes(self._content)

    @cached_property
    def proto(self) -> onnx.ModelProto:
        """The graph, to build larger ones of; it was counted and looked at before it is parsed here."""
        return onnx.load_from_string(self.data)

    def forward(self, x: Tensor, condition: Tensor | None = None, image: Tensor | None = None) -> Any:
        """Mean and log-variance of an encoder; the raw output of a decoder. ``image`` is not looked at."""
        if torch.is_grad_enabled() and x.requires_grad:
            raise UserError(
                f"what needs gradients must have networks of PyTorch, got {self.name} of a watched run; compute it in "
                "your own program, where they are"
            )
        given = [_float32(x)]
        if len(self.inputs) > 1:
            if condition is None:
                raise UserError("a conditional model needs a condition, got none; pass y")
            given.append(_float32(condition))
        try:
            answers = [torch.from_numpy(values).to(x) for values in self._graph.run(given)]
        except GraphError as error:
            raise refusal(self.name, error) from None
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
    """Check the tensors of a weights file, or their `vae.storage.safetensors_io.outline`: names, types and sizes.

    Raises:
        CheckpointError: If they are not those of such networks.
    """
    sizes = {half: found[half].numel() for half in (ENCODER, DECODER) if half in found}
    if max(sizes.values(), default=0) > GRAPH_BYTES:
        raise CheckpointError(
            f"a graph must have at most {GRAPH_BYTES:,} bytes, and one has {max(sizes.values()):,}; {REMEDY}"
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
        CheckpointError: If they are not such, or a graph is refused (`vae.export.onnx_session.OpenGraph`).
    """
    check_outline(weights, config)
    halves = (Graph(half, weights[half].numpy().data, config, info) for half in (ENCODER, DECODER))
    encoder, decoder = halves
    model = VAE(config, info, networks=(encoder, decoder))
    if "likelihood.raw_sigma" in weights:
        model.likelihood.load_state_dict({"raw_sigma": weights["likelihood.raw_sigma"].clone()})
    return model.eval().requires_grad_(False)
