"""Products in bfloat16, and steps that wait for nothing: what changes and what does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.short_runs import (
    SMALL,
    TRAIN,
    assert_same_run,
    assert_same_tensors,
    create,
    numbers,
    train,
    wishing,
)
from vae.config import checks
from vae.config.diff import differences
from vae.config.schema import ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import Dataset
from vae.evaluation.elbo import evaluate
from vae.evaluation.saved_metrics import kept, measure
from vae.models.initialisation import transposed_convolution
from vae.models.likelihoods import Bernoulli, ContinuousBernoulli, Gaussian, LearnedGaussian, Likelihood
from vae.models.vae import VAE
from vae.runs.snapshots import load_model
from vae.training.trainer import Trainer

BF16 = SMALL.replace(train=TRAIN.replace(precision="bf16"))
CONV = ModelConfig(network="conv", channels=(4, 8), hidden=(8,), conditional=True)


@pytest.mark.usefixtures("every_step")
@pytest.mark.parametrize("model", [SMALL.model, CONV], ids=["mlp", "conv"])
def test_a_bf16_run_keeps_float32_and_goes_on_bit_for_bit(tmp_path: Path, model: ModelConfig) -> None:
    config = BF16.replace(model=model)
    unbroken = train(tmp_path / "unbroken", config)
    run = train(tmp_path / "stopped", config, wishing({14: {"command": "stop"}}))
    train(run.path, config)
    assert_same_run(run, unbroken)
    exact = train(tmp_path / "exact", config.replace(train=TRAIN))
    weights = load_model(run, "last").state_dict()
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    # The same training but for the digits of products: near, and not equal.
    ours, theirs = numbers(run, "train")[0], numbers(exact, "train")[0]
    assert ours["distortion"] != theirs["distortion"]
    assert ours["distortion"] == pytest.approx(theirs["distortion"], rel=2e-3)


@pytest.mark.usefixtures("every_step")
def test_every_evaluation_of_a_bf16_run_is_of_float32_and_says_how_it_was_trained(
    tmp_path: Path, digits: Dataset
) -> None:
    run = train(tmp_path / "a", BF16)
    found = evaluate(load_model(run, "best"), digits, "validation", seed=7)
    assert found.elbo == max(line["elbo"] for line in numbers(run, "validation"))
    assert run.status().precision == "bf16"
    assert measure(run, digits).trained_in == "bf16"
    assert kept(run) == measure(run, digits)
    (different,) = differences([SMALL, BF16])
    assert (different.option, different.values) == ("train.precision", ("float32", "bf16"))
    other = train(tmp_path / "b")
    assert (other.status().precision, measure(other, digits).trained_in) == (None, "float32")


@pytest.mark.parametrize(
    "make", [Bernoulli, ContinuousBernoulli, lambda: Gaussian(0.3), lambda: LearnedGaussian(0.3)],
    ids=["bernoulli", "continuous bernoulli", "gaussian", "learned sigma"],
)  # fmt: skip
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 5, 7)], ids=["grey", "colour, odd sides"])
def test_an_output_in_bfloat16_has_the_likelihood_and_gradient_of_its_own_numbers(
    make: Callable[[], Likelihood], shape: tuple[int, int, int]
) -> None:
    draw = torch.Generator().manual_seed(0)
    output = (6 * torch.randn(5, *shape, generator=draw)).to(torch.bfloat16)
    x = torch.rand(5, *shape, generator=draw)
    output[0, 0, 0, :3], x[0, 0, 0, :3] = torch.tensor([90.0, -90.0, 0.0]), torch.tensor([1.0, 0.0, 0.5])
    weights = torch.linspace(-1, 2, 5)
    kept = output.clone()
    rounded, usual = output.requires_grad_(), output.detach().float().requires_grad_()
    likelihood = make()
    found, expected = likelihood.log_prob_of_rounded(rounded, x), likelihood.log_prob(usual, x)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    assert rounded.grad is not None and usual.grad is not None
    assert (found.dtype, rounded.grad.dtype) == (torch.float32, torch.bfloat16)
    torch.testing.assert_close(rounded.grad.float(), usual.grad, rtol=2**-7, atol=1e-5)
    exact = likelihood.double().log_prob(usual.detach().double(), x.double())
    torch.testing.assert_close(found.detach().double(), exact.detach(), rtol=2e-6, atol=1e-4)
    assert torch.equal(rounded.detach(), kept), "the output is the caller's"


@pytest.mark.parametrize("extra", [(1, 1), (0, 1), (0, 0)], ids=["even", "odd height", "odd"])
@pytest.mark.parametrize("num_out", [1, 3], ids=["grey", "colour"])
def test_a_transposed_convolution_in_bfloat16_is_that_of_pytorch_and_in_float32_bit_for_bit(
    num_out: int, extra: tuple[int, int]
) -> None:
    draw = torch.Generator().manual_seed(1)
    layer = transposed_convolution(8, num_out, extra, draw).to(memory_format=torch.channels_last)
    plain = torch.nn.ConvTranspose2d(8, num_out, 3, stride=2, padding=1, output_padding=extra).double()
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(4, 8, 5, 7, generator=draw).to(torch.bfloat16).float()
    wanted = torch.randn(4, num_out, 9 + extra[0], 13 + extra[1], generator=draw).to(torch.bfloat16)
    ours, theirs = x.clone().requires_grad_(), x.double().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(ours)
    expected = plain(theirs)
    torch.testing.assert_close(found.double(), expected, rtol=2e-2, atol=2e-2)
    found.backward(wanted.to(found.dtype))
    expected.backward(wanted.double())
    weight, bias = layer.weight.grad, layer.bias.grad if layer.bias is not None else None
    assert weight is not None and bias is not None and plain.bias is not None
    for mine, exact in ((ours.grad, theirs.grad), (weight, plain.weight.grad), (bias, plain.bias.grad)):
        assert mine is not None and exact is not None
        torch.testing.assert_close(mine.double(), exact, rtol=2e-2, atol=2e-2 * float(exact.abs().max()))
    assert torch.equal(layer(x), torch.nn.ConvTranspose2d.forward(layer, x))


def test_a_processor_without_bfloat16_is_told_and_only_where_it_would_train(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert checks.has_bf16("cuda") is None

    def warned(has: bool | None, precision: Any = "bf16") -> bool:
        monkeypatch.setattr(checks, "has_bf16", lambda _: has)
        config = RunConfig(train=TrainConfig(precision=precision))
        return any("bf16" in said for said in checks.warnings(config))

    assert [warned(False), warned(True), warned(None), warned(False, "float32")] == [
        True,
        False,
        False,
        False,
    ]


def test_a_fixed_sigma_is_placed_once_and_a_learned_one_is_never_stale() -> None:
    fixed, x = Gaussian(0.3), torch.rand(2, 1, 3, 3)
    assert fixed.sigma_beside(x) is fixed.sigma_beside(x)
    assert fixed.sigma_beside(x.double()).dtype == torch.float64
    learned = LearnedGaussian(0.3)
    before = float(learned.sigma_beside(x).detach())
    with torch.no_grad():
        learned.raw_sigma.add_(1)
    assert float(learned.sigma_beside(x).detach()) > before


def test_labels_as_weights_of_the_classes_are_the_same_condition(tmp_path: Path) -> None:
    run, dataset = create(tmp_path / "a", SMALL.replace(model=CONV))
    model, labels = Trainer(run, dataset).model, torch.tensor([3, 0, 9])
    weights = torch.zeros(3, 10).scatter_(1, labels[:, None], 1.0)
    expected, found = model.condition(labels, 3), model.condition(weights, 3)
    assert expected is not None and found is not None
    assert_same_tensors({"y": found}, {"y": expected})


@pytest.mark.parametrize(("options", "passes"), [({}, 1), ({"decoder": "autoregressive"}, 2)])
def test_the_decoder_runs_no_more_often_than_it_must(
    make_model: Callable[..., VAE], options: dict[str, Any], passes: int
) -> None:
    model, counted = make_model(**options), []
    model.decoder.register_forward_hook(lambda *_: counted.append(1))
    x = torch.rand(4, 1, 5, 4, dtype=torch.float64).round()
    terms, mean, _, image = model.at_mean(x)
    assert len(counted) == passes
    torch.testing.assert_close(image, model.decode(mean))
    torch.testing.assert_close(terms.distortion, -model.log_prob(mean, x))
