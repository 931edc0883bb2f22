"""Encoder and decoder as ONNX, for the browser and for other programs."""

from __future__ import annotations

import copy
import io
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import onnx
import torch
from torch import Tensor, nn

from vae.errors import UserError, first_line
from vae.export.onnx_check import OPSET
from vae.export.onnx_compose import joined
from vae.export.onnx_networks import Graph as ExternalGraph
from vae.export.onnx_symbolic import register
from vae.models.likelihoods import Likelihood
from vae.models.vae import VAE
from vae.runtime.eval_mode import evaluating
from vae.storage.safetensors_io import check_shapes

register(OPSET)
Network = TypeVar("Network", bound=nn.Module)
#: The exporter keeps its state in the process: two at once end with an error.
_exporting = threading.Lock()


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
    if isinstance(model.decoder, ExternalGraph):
        return _external_decoder(model, model.decoder)
    inputs = [torch.zeros(1, model.config.latent_dim)]
    return _export(_Decode(model), inputs, model, ["z"], ["image"])


def encoder_onnx(model: VAE) -> bytes:
    """The encoder, from ``x`` ``(B, C, H, W)`` in [0, 1] (and ``y``) to ``mean`` and ``log_var``; float32."""
    if isinstance(model.encoder, ExternalGraph):
        return model.encoder.data
    inputs = [torch.zeros(1, model.info.channels, model.info.height, model.info.width)]
    return _export(model.encoder, inputs, model, ["x"], ["mean", "log_var"])


class _Autoencode(nn.Module):
    """Images, and the condition if there is one, to posteriors and what the model makes of their means."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, ...]:
        terms, mean, log_var, image = self.model.at_mean(x, y)
        return mean, log_var, image, terms.distortion, terms.rate


def autoencoder_onnx(model: VAE) -> bytes:
    """Encoder, decoder and likelihood in one, from ``x`` (and ``y``) to `VAE.at_mean`; float32.

    Its outputs are ``mean`` and ``log_var`` ``(B, D)``, ``image`` ``(B, C, H, W)`` at the mean, and ``distortion`` and
    ``rate`` ``(B,)`` in nats.
    """
    if isinstance(model.encoder, ExternalGraph) and isinstance(model.decoder, ExternalGraph):
        return _external_autoencoder(model, model.encoder, model.decoder)
    inputs = [torch.zeros(1, model.info.channels, model.info.height, model.info.width)]
    outputs = ["mean", "log_var", "image", "distortion", "rate"]
    return _export(_Autoencode(model), inputs, model, ["x"], outputs)


class _Sample(nn.Module):
    """Posteriors and noise to latent points."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, mean: Tensor, log_var: Tensor, noise: Tensor) -> Tensor:
        return self.model.sample(mean, log_var, noise=noise)


class _Pass(nn.Module):
    """Images, posteriors and noise, and the condition if there is one, to what the loss is made of."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, x: Tensor, mean: Tensor, log_var: Tensor, noise: Tensor, y: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        model = self.model
        z = model.sample(mean, log_var, noise=noise)
        output = model.decoder(z, y, x)
        rates = model.prior.rate_per_dim(mean, log_var, z)
        # An autoregressive decoder that sees the image gives other means than its own: then it runs once more.
        alone = model.config.decoder == "independent"
        image = model.likelihood.mean(output) if alone else model.decode(z, y)
        return z, image, -model.likelihood.log_prob(output, x), rates


def pass_onnx(model: VAE) -> bytes:
    """From q(z|x) to the terms of the loss, as `VAE.posterior_batch` has them; float32.

    Its inputs are the image ``x`` ``(B, C, H, W)``, ``mean``, ``log_var`` and ``noise`` ``(B, D)`` (and ``y``, the
    condition that the decoder gets). Its outputs are ``z`` ``(B, D)``, ``image`` ``(B, C, H, W)``, ``distortion``
    ``(B,)`` and ``rate_per_dim`` ``(B, D)`` in nats.
    """
    latent = torch.zeros(1, model.config.latent_dim)
    names, outputs = ["x", "mean", "log_var", "noise"], ["z", "image", "distortion", "rate_per_dim"]
    if isinstance(model.decoder, ExternalGraph):
        output = torch.zeros(1, *model.decoder.outputs["output"])
        drawn = {"mean": latent, "log_var": latent, "noise": latent}
        sample = onnx.load_from_string(export_network(_Sample(model), drawn, ["z"]))
        priced = {"x": output, "mean": latent, "log_var": latent, "output": output}
        cost = onnx.load_from_string(
            export_network(_Cost(model, by_dim=True), priced, ["image", "distortion", "rate_per_dim"])
        )
        wires = {("decoder", "z"): ("sample", "z"), ("cost", "output"): ("decoder", "output")}
        return joined({"sample": sample, "decoder": model.decoder.proto, "cost": cost}, wires, outputs)
    image = torch.zeros(1, model.info.channels, model.info.height, model.info.width)
    return _export(_Pass(model), [image, latent, latent, latent], model, names, outputs)


class _Mean(nn.Module):
    """Raw outputs to mean images."""

    def __init__(self, likelihood: Likelihood) -> None:
        super().__init__()
        self.likelihood = likelihood

    def forward(self, output: Tensor) -> Tensor:
        return self.likelihood.mean(output)


class _Cost(_Mean):
    """Images, their posteriors and raw outputs to mean images, distortions and rates."""

    def __init__(self, model: VAE, *, by_dim: bool = False) -> None:
        super().__init__(model.likelihood)
        self.prior, self.by_dim = model.prior, by_dim

    def forward(self, x: Tensor, mean: Tensor, log_var: Tensor, output: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        distortion = -self.likelihood.log_prob(output, x)
        rates = self.prior.rate_per_dim(mean, log_var)
        return self.likelihood.mean(output), distortion, rates if self.by_dim else rates.sum(1)


def _external_decoder(model: VAE, decoder: ExternalGraph) -> bytes:
    """Somebody's decoder, followed by our likelihood's mean."""
    output = torch.zeros(1, *decoder.outputs["output"])
    mean = onnx.load_from_string(export_network(_Mean(model.likelihood), {"output": output}, ["image"]))
    return joined(
        {"decoder": decoder.proto, "mean": mean}, {("mean", "output"): ("decoder", "output")}, ["image"]
    )


def _external_autoencoder(model: VAE, encoder: ExternalGraph, decoder: ExternalGraph) -> bytes:
    """Somebody's encoder and decoder, followed by our likelihood and rate."""
    latent, output = torch.zeros(1, model.config.latent_dim), torch.zeros(1, *decoder.outputs["output"])
    inputs = {"x": output, "mean": latent, "log_var": latent, "output": output}
    cost = onnx.load_from_string(export_network(_Cost(model), inputs, ["image", "distortion", "rate"]))
    wires = {
        ("decoder", "z"): ("encoder", "mean"),
        ("cost", "mean"): ("encoder", "mean"),
        ("cost", "log_var"): ("encoder", "log_var"),
        ("cost", "output"): ("decoder", "output"),
    }
    outputs = ["mean", "log_var", "image", "distortion", "rate"]
    return joined({"encoder": encoder.proto, "decoder": decoder.proto, "cost": cost}, wires, outputs)


class Graph(Generic[Network]):
    """An architecture's graph, exported once, into which other weights are put within milliseconds.

    Args:
        model: Any model of the architecture, or any network.
        export: `decoder_onnx` or another of this module, or what else makes ONNX of it.

    Attributes:
        is_exact: Whether other weights, put in, give the very bytes that their own export gives. Not so where the
            exporter computed something from the weights beforehand; then export each model.
    """

    def __init__(self, model: Network, export: Callable[[Network], bytes]) -> None:
        # Of other weights than the model's: the exporter puts together tensors that are equal, zeros say.
        self._graph = onnx.load_from_string(export(_with_other_weights(model, 0.01)))
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
        other = _with_other_weights(model, 0.02)
        weights = {name: tensor.detach().cpu() for name, tensor in other.state_dict().items()}
        self.is_exact = self.filled(weights) == export(other)

    def filled(self, weights: dict[str, Tensor]) -> bytes:
        """The ONNX of a model with these weights.

        Args:
            weights: All tensors of a model, by name, as `vae.runs.snapshots.load_weights` gives them.

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


def _with_other_weights(model: Network, step: float) -> Network:
    """A copy with weights of which no two are equal."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        for place, tensor in enumerate(other.state_dict().values(), 1):
            if tensor.is_floating_point():
                tensor.mul_(1.5).add_(step * place)
    return other


def _export(
    network: nn.Module, inputs: list[Tensor], model: VAE, names: list[str], outputs: list[str]
) -> bytes:
    if model.num_conditions:
        inputs, names = [*inputs, torch.zeros(1, model.num_conditions)], [*names, "y"]
    device = next(model.parameters()).device
    given = {name: tensor.to(device) for name, tensor in zip(names, inputs, strict=True)}
    # Folding would compute masked weights beforehand, and no other weights could be put into the graph.
    fold = model.config.decoder == "independent"
    return export_network(network, given, outputs, fold=fold)


@contextmanager
def _without_a_log() -> Iterator[None]:
    """Where the exporter fails it prints the whole graph, past Python, on standard error.

    It switches its log on by itself, and leaves it on.
    """
    functions: Any = torch._C
    was_enabled, log = functions._jit_is_onnx_log_enabled(), functions._jit_onnx_log
    functions._jit_onnx_log = lambda *_: None
    try:
        yield
    finally:
        functions._jit_onnx_log = log
        functions._jit_set_onnx_log_enabled(was_enabled)


def export_network(
    network: nn.Module, inputs: Mapping[str, Tensor], outputs: list[str], *, fold: bool = True
) -> bytes:
    """Any network as ONNX, for any number of examples; evaluated, and put back into its mode.

    Args:
        network: Called with the inputs in their order.
        inputs: Examples by name, the batch first, on the network's device.
        outputs: Names of what it returns.
        fold: Compute beforehand what depends on no input.

    Raises:
        UserError: If it has an operation that ONNX does not know.
    """
    names = list(inputs)
    file = io.BytesIO()
    # The exporter puts one mode on all parts at its end, so that they are evaluated before it looks.
    with _exporting, _without_a_log(), warnings.catch_warnings(), evaluating(network):
        # The TorchScript exporter takes 0.1 s, its successor seconds and two more packages; each call says so.
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                network,
                tuple(inputs.values()),
                file,  # type: ignore[arg-type]  # this exporter writes into any file
                input_names=names,
                output_names=outputs,
                dynamic_axes={name: {0: "batch"} for name in [*names, *outputs]},
                opset_version=OPSET,
                do_constant_folding=fold,
                dynamo=False,
            )
        except torch.onnx.OnnxExporterError as error:
            raise UserError(
                f"networks must be of operations that ONNX knows to be exported, and are not: {first_line(error)}; use "
                "others, or look at them without the export"
            ) from error
    return file.getvalue()
