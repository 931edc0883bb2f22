"""Encoder and decoder as ONNX, for the browser and for other programs."""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Callable

import onnx
import torch
from torch import Tensor, nn

from vae.checkpoints import check_shapes
from vae.model import VAE
from vae.operators import register
from vae.surprise import terms_at_mean

OPSET = 17
register(OPSET)


class _Decode(nn.Module):
    """Latent points, and the condition if there is one, to mean images."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.decoder, self.likelihood = model.decoder, model.likelihood

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        image: Tensor = self.likelihood.mean(self.decoder(z, y))
        return image


def decoder_onnx(model: VAE) -> bytes:
    """The decoder, from ``z`` ``(B, D)`` (and ``y`` ``(B, K)``, the condition) to ``image`` ``(B, C, H, W)``.

    All are float32. The image is the mean of p(x|z); a Gaussian's may leave [0, 1].
    """
    inputs = [torch.zeros(1, model.config.latent_dim)]
    return _export(_Decode(model), inputs, model, ["z"], ["image"])


def encoder_onnx(model: VAE) -> bytes:
    """The encoder, from ``x`` ``(B, C, H, W)`` in [0, 1] (and ``y``) to ``mean`` and ``log_var``; float32."""
    inputs = [torch.zeros(1, model.info.channels, model.info.height, model.info.width)]
    return _export(model.encoder, inputs, model, ["x"], ["mean", "log_var"])


class _Autoencode(nn.Module):
    """Images, and the condition if there is one, to posteriors and what the model makes of their means."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, ...]:
        terms, mean, log_var, image = terms_at_mean(self.model, x, y)
        return mean, log_var, image, terms.distortion, terms.rate


def autoencoder_onnx(model: VAE) -> bytes:
    """Encoder, decoder and likelihood in one, from ``x`` (and ``y``) to `vae.surprise.terms_at_mean`; float32.

    Its outputs are ``mean`` and ``log_var`` ``(B, D)``, ``image`` ``(B, C, H, W)`` at the mean, and ``distortion`` and
    ``rate`` ``(B,)`` in nats.
    """
    inputs = [torch.zeros(1, model.info.channels, model.info.height, model.info.width)]
    outputs = ["mean", "log_var", "image", "distortion", "rate"]
    return _export(_Autoencode(model), inputs, model, ["x"], outputs)


class Graph:
    """An architecture's graph, exported once, into which other weights are put within milliseconds.

    Args:
        model: Any model of the architecture.
        export: `decoder_onnx` or another of this module.

    Attributes:
        is_exact: Whether other weights, put in, give the very bytes that their own export gives. Not so where the
            exporter computed something from the weights beforehand; then export each model.
    """

    def __init__(self, model: VAE, export: Callable[[VAE], bytes]) -> None:
        self._graph = onnx.load_from_string(export(model))
        self._expected = {name: tensor.to("meta") for name, tensor in model.state_dict().items()}
        # The exporter calls an initialiser what the exported module calls its parameter.
        self._names = {
            initializer.name: name
            for initializer in self._graph.graph.initializer
            for name in (initializer.name.removeprefix("model."), f"encoder.{initializer.name}")
            if name in self._expected
        }
        for initializer in self._graph.graph.initializer:
            if initializer.name in self._names:
                initializer.ClearField("raw_data")
        other = copy.deepcopy(model)
        with torch.no_grad():
            for parameter in other.parameters():
                parameter.mul_(1.5).add_(0.01)
        weights = {name: tensor.detach().cpu() for name, tensor in other.state_dict().items()}
        self.is_exact = self.filled(weights) == export(other)

    def filled(self, weights: dict[str, Tensor]) -> bytes:
        """The ONNX of a model with these weights.

        Args:
            weights: All tensors of a model, by name, as `vae.snapshots.load_weights` gives them.

        Raises:
            CheckpointError: If they belong to another architecture, or are not finite.
        """
        check_shapes(weights, self._expected)
        filled = onnx.ModelProto()
        filled.CopyFrom(self._graph)
        for initializer in filled.graph.initializer:
            if initializer.name in self._names:
                values = weights[self._names[initializer.name]]
                initializer.raw_data = values.contiguous().numpy().tobytes()
        return filled.SerializeToString()


def _export(
    network: nn.Module, inputs: list[Tensor], model: VAE, names: list[str], outputs: list[str]
) -> bytes:
    if model.num_conditions:
        inputs, names = [*inputs, torch.zeros(1, model.num_conditions)], [*names, "y"]
    file = io.BytesIO()
    with warnings.catch_warnings():
        # The TorchScript exporter takes 0.1 s, its successor seconds and two more packages; each call says so.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.train(model.training),  # the exporter evaluates, then puts this mode back
            tuple(tensor.to(model.encoder.mean.weight.device) for tensor in inputs),
            file,  # type: ignore[arg-type]  # this exporter writes into any file
            input_names=names,
            output_names=outputs,
            dynamic_axes={name: {0: "batch"} for name in [*names, *outputs]},
            opset_version=OPSET,
            dynamo=False,
        )
    return file.getvalue()
