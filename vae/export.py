"""Encoder and decoder as ONNX, for the browser and for other programs."""

from __future__ import annotations

import io
import warnings

import torch
from torch import Tensor, nn

from vae.model import VAE

OPSET = 17


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
