"""ONNX of encoder and decoder, run by onnxruntime, against torch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from vae.config.schema import DataInfo
from vae.export.onnx import Graph, autoencoder_onnx, decoder_onnx, encoder_onnx, pass_onnx
from vae.models.vae import VAE
from vae.storage.safetensors_header import CheckpointError

MakeModel = Callable[..., VAE]
MakeInfo = Callable[..., DataInfo]
Feed = dict[str, NDArray[np.float32]]

NUM = 100
LIKELIHOODS = ["bernoulli", "continuous-bernoulli", "gaussian", "gaussian-learned"]
KINDS = pytest.mark.parametrize(
    "network, conditional", [("mlp", False), ("mlp", True), ("conv", False), ("conv", True)]
)


def session(content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def run_in_batches(content: bytes, feed: Feed, size: int) -> list[NDArray[np.float32]]:
    runtime = session(content)
    chunks = [
        runtime.run(None, {name: values[start : start + size] for name, values in feed.items()})
        for start in range(0, NUM, size)
    ]
    return [np.concatenate(parts) for parts in zip(*chunks, strict=True)]


def single(make_model: MakeModel, make_info: MakeInfo, **options: object) -> VAE:
    """A model of odd three-channel images in single precision, as trained ones are."""
    info = make_info(channels=3, height=9, width=7)
    return make_model(
        info=info,
        dtype=torch.float32,
        hidden=(30, 20),
        channels=(8, 16),
        latent_dim=5,
        activation="relu",
        **options,
    )


def points() -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    z = 2 * torch.randn(NUM, 5, generator=draw)
    return z, torch.rand(NUM, 3, 9, 7, generator=draw), torch.arange(NUM) % 3


def fed(name: str, values: Tensor, y: Tensor, conditional: bool) -> Feed:
    feed = {name: values.numpy()}
    return {**feed, "y": np.eye(3, dtype=np.float32)[y.numpy()]} if conditional else feed


@KINDS
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_the_exported_decoder_gives_torch_s_images_one_by_one_and_in_sevens(
    likelihood: str, network: str, conditional: bool, make_model: MakeModel, make_info: MakeInfo
) -> None:
    model = single(make_model, make_info, likelihood=likelihood, network=network, conditional=conditional)
    if likelihood == "continuous-bernoulli":
        with (
            torch.no_grad()
        ):  # logits on both sides of the seam between series and closed form, and large ones
            for parameter in (
                model.decoder.convolutions if network == "conv" else model.decoder.flat
            ).parameters():
                parameter *= 5
    z, _, y = points()
    with torch.no_grad():
        expected = model.decode(z, y).numpy()
    content = decoder_onnx(model)
    for size in (1, 7, NUM):
        (found,) = run_in_batches(content, fed("z", z, y, conditional), size)
        assert found.shape == (NUM, 3, 9, 7)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert expected.std() > 1e-3


@KINDS
def test_the_exported_encoder_gives_torch_s_posteriors_one_by_one_and_in_sevens(
    network: str, conditional: bool, make_model: MakeModel, make_info: MakeInfo
) -> None:
    model = single(make_model, make_info, network=network, conditional=conditional)
    _, x, y = points()
    with torch.no_grad():
        expected = model.posterior(x, y)
    content = encoder_onnx(model)
    for size in (1, 7, NUM):
        found = run_in_batches(content, fed("x", x, y, conditional), size)
        for ours, theirs in zip(found, expected, strict=True):
            assert ours.shape == (NUM, 5)
            np.testing.assert_allclose(ours, theirs.numpy(), rtol=0, atol=1e-5)
            assert theirs.std() > 1e-3


@pytest.mark.parametrize("conditional", [False, True])
def test_inputs_and_outputs_have_the_names_and_shapes_that_the_browser_asks_for(
    conditional: bool, make_model: MakeModel, make_info: MakeInfo
) -> None:
    model = single(make_model, make_info, conditional=conditional)

    def described(values: list[onnxruntime.NodeArg]) -> list[tuple[str, str, list[int | str]]]:
        return [(value.name, value.type, value.shape) for value in values]

    number = "tensor(float)"
    y = [("y", number, ["batch", 3])] if conditional else []
    decoder, encoder = session(decoder_onnx(model)), session(encoder_onnx(model))
    assert described(decoder.get_inputs()) == [("z", number, ["batch", 5]), *y]
    assert described(decoder.get_outputs()) == [("image", number, ["batch", 3, 9, 7])]
    assert described(encoder.get_inputs()) == [("x", number, ["batch", 3, 9, 7]), *y]
    posterior = [("mean", number, ["batch", 5]), ("log_var", number, ["batch", 5])]
    assert described(encoder.get_outputs()) == posterior


@KINDS
def test_what_is_exported_is_sound_onnx_of_the_pinned_version(
    network: str, conditional: bool, make_model: MakeModel, make_info: MakeInfo
) -> None:
    model = single(make_model, make_info, network=network, conditional=conditional)
    for content in (decoder_onnx(model), encoder_onnx(model)):
        graph = onnx.load_from_string(content)
        onnx.checker.check_model(graph, full_check=True)
        assert [(opset.domain, opset.version) for opset in graph.opset_import] == [("", 17)]


def test_a_blend_of_classes_is_decoded_as_torch_does(make_model: MakeModel, make_info: MakeInfo) -> None:
    model = single(make_model, make_info, conditional=True)
    z, _, _ = points()
    weights = torch.rand(NUM, 3, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = model.decode(z, weights).numpy()
    (found,) = run_in_batches(decoder_onnx(model), {"z": z.numpy(), "y": weights.numpy()}, NUM)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_the_images_of_a_gaussian_are_not_clipped(make_model: MakeModel, make_info: MakeInfo) -> None:
    model = single(make_model, make_info, likelihood="gaussian")
    model.decoder.flat[0].bias.data.fill_(7.0)
    z, _, y = points()
    (found,) = run_in_batches(decoder_onnx(model), fed("z", z, y, conditional=False), NUM)
    assert found.min() > 1


@pytest.mark.parametrize("is_training", [False, True])
def test_exporting_leaves_the_model_as_it_was(
    is_training: bool, make_model: MakeModel, make_info: MakeInfo
) -> None:
    model = single(make_model, make_info).train(is_training)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    decoder_onnx(model)
    encoder_onnx(model)
    assert {module.training for module in model.modules()} == {is_training}
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())


def weights_of(model: VAE) -> dict[str, Tensor]:
    return {name: tensor.detach() for name, tensor in model.state_dict().items()}


@KINDS
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("export", [decoder_onnx, encoder_onnx, autoencoder_onnx, pass_onnx])
def test_a_graph_filled_with_other_weights_is_what_their_own_model_exports(
    export: Callable[[VAE], bytes],
    likelihood: str,
    network: str,
    conditional: bool,
    make_model: MakeModel,
    make_info: MakeInfo,
) -> None:
    options = {"likelihood": likelihood, "network": network, "conditional": conditional}
    one = single(make_model, make_info, **options)
    other = single(make_model, make_info, **options, seed=1)
    graph = Graph(one, export)
    assert graph.is_exact
    assert graph.filled(weights_of(other)) == export(other) != export(one)
    assert graph.filled(weights_of(one)) == export(one)


def test_a_graph_knows_if_the_exporter_computed_something_from_the_weights(
    make_model: MakeModel, make_info: MakeInfo
) -> None:
    def folds(model: VAE) -> bytes:
        proto = onnx.load_from_string(decoder_onnx(model))
        proto.doc_string = str(float(model.decoder.flat[0].bias.detach().sum()))
        return proto.SerializeToString()

    assert not Graph(single(make_model, make_info), folds).is_exact


@pytest.mark.parametrize("change", ["shape", "missing", "nan"])
def test_a_graph_refuses_weights_that_are_not_its_own(
    change: str, make_model: MakeModel, make_info: MakeInfo
) -> None:
    model = single(make_model, make_info)
    weights = weights_of(model)
    match change:
        case "shape":
            weights["decoder.flat.0.bias"] = torch.zeros(3)
        case "missing":
            del weights["decoder.flat.0.bias"]
        case "nan":
            weights["decoder.flat.0.bias"] = weights["decoder.flat.0.bias"] * torch.nan
    with pytest.raises(CheckpointError, match=r"decoder\.flat\.0\.bias"):
        Graph(model, decoder_onnx).filled(weights)


@KINDS
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_an_exported_pass_gives_the_terms_of_the_model(
    likelihood: str, network: str, conditional: bool, make_model: MakeModel, make_info: MakeInfo
) -> None:
    model = single(make_model, make_info, likelihood=likelihood, network=network, conditional=conditional)
    draw = torch.Generator().manual_seed(2)
    info, latent_dim = model.info, model.config.latent_dim
    x = torch.rand(3, info.channels, info.height, info.width, generator=draw)
    noise = torch.randn(3, latent_dim, generator=draw)
    y = torch.tensor([0, 1, 2]) % max(1, info.num_classes) if conditional else None
    with torch.no_grad():
        batch = model.posterior_batch(x, y, noise=noise)
        image = model.decode(batch.z, y)
    given = {"x": x, "mean": batch.mean, "log_var": batch.log_var, "noise": noise}
    if y is not None:
        given["y"] = model.condition(y, 3)
    session = onnxruntime.InferenceSession(pass_onnx(model), providers=["CPUExecutionProvider"])
    names = ["z", "image", "distortion", "rate_per_dim"]
    found = session.run(names, {name: values.detach().numpy() for name, values in given.items()})
    expected = [batch.z, image, batch.terms.distortion, batch.terms.rate_per_dim]
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(torch.from_numpy(one), other.detach(), rtol=1e-4, atol=1e-4)
