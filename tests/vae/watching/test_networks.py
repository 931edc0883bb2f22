"""Networks as people have them, from the first call to the kept run, and read again while the loop runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import vae
from tests.support.loops import Net, lines_of, pixels, seeded, train, watch
from tests.support.own_networks import DIMS, ENCODERS, conditional, numpy_only
from vae.data.dataset import Dataset
from vae.models.priors import gaussian_kl
from vae.runs.snapshots import load_model


def probabilities(model: Any, x: Tensor) -> tuple[Tensor, dict[str, Any]]:
    mean, log_var = model.encode(x)
    p = torch.sigmoid(model.decode(mean + torch.exp(log_var / 2) * torch.randn_like(mean)))
    reconstruction = (p - x.flatten(1)).square().sum(1).mean()
    kl = gaussian_kl(mean, log_var).sum(1).mean()
    return reconstruction + kl, {"reconstruction": reconstruction, "kl": kl}


@pytest.mark.parametrize("is_logits", [True, False])
def test_a_squared_error_that_is_reported_is_a_gaussian(
    is_logits: bool, tmp_path: Path, digits: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    model = seeded(Net)
    decoder = model.decode if is_logits else lambda z: torch.sigmoid(model.decode(z))
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=decoder, data=digits)
    train(model, pixels(digits), watcher, probabilities, steps=20)
    told = capsys.readouterr().err  # a warning, where warnings are no errors
    assert "that your loop reports is a squared error" in told
    watcher.close()
    assert watcher.run.config.model.likelihood == "gaussian"
    assert watcher.run.config.model.sigma == pytest.approx(0.5**0.5)
    event = lines_of(watcher.run, "scale")[-1]
    assert event["reconstruction_ratio"] == pytest.approx(1, rel=0.15)
    assert event["effective_beta"] == pytest.approx(1, rel=0.2)
    assert any("is a squared error" in sentence for sentence in watcher.guesses)
    z = torch.randn(3, DIMS)
    with torch.no_grad():
        expected = torch.sigmoid(model.decode(z)).unflatten(1, (1, 8, 8))
    torch.testing.assert_close(load_model(watcher.run, "last").decode(z), expected, rtol=1e-4, atol=1e-5)
    assert watcher.run.snapshots() and vae.diagnose(watcher.run).verdict.name != "wrong-scale"


@pytest.mark.parametrize("kind", ["std", "var", "log_std"])
def test_the_reported_kl_says_what_the_spread_is(kind: str, tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Net)

    def encode(x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_var = model.encode(x)
        return mean, {"std": torch.exp(log_var / 2), "var": torch.exp(log_var), "log_std": log_var / 2}[kind]

    watcher = watch(tmp_path / "own", encoder=encode, decoder=model.decode, data=digits)
    train(model, pixels(digits), watcher, steps=20)
    watcher.close()
    x = pixels(digits)[:10]
    with torch.no_grad():
        expected = model.encode(x)
    torch.testing.assert_close(load_model(watcher.run, "last").posterior(x), expected, rtol=1e-3, atol=1e-3)
    assert lines_of(watcher.run, "scale")[-1]["kl_ratio"] == pytest.approx(1, rel=0.15)


@pytest.mark.parametrize("at", ["encoder", "decoder"])
def test_a_label_at_one_network_only_can_be_diagnosed(at: str, tmp_path: Path, digits: Dataset) -> None:
    encode, decode = conditional("one-hot", at)
    watcher = watch(tmp_path / "own", encoder=encode, decoder=decode, data=digits)
    watcher.step()
    watcher.close()
    assert not watcher.problem
    found = vae.diagnose(watcher.run)
    assert found.conditional and found.usage.condition is not None
    assert (abs(found.usage.condition.nats) < 1e-6) is (at == "encoder")


def test_logits_that_begin_as_zeros_are_never_taken_for_probabilities_for_good(
    tmp_path: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.watching.record.METRICS_SECONDS", 0.0)
    model = seeded(Net)
    with torch.no_grad():
        model.out[2].weight.zero_(), model.out[2].bias.zero_()
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=numpy_only(model.out), data=digits)
    train(model, pixels(digits), watcher, steps=15)
    watcher.close()
    event = lines_of(watcher.run, "scale")[-1]
    assert event["effective_beta"] == pytest.approx(1, rel=0.2)
    assert watcher._watched.decoder.gives == "raw"


@pytest.mark.parametrize("form", ["z first", "whole model, reconstruction first", "compiled"])
def test_what_is_drawn_or_compiled_is_exported_all_the_same(
    form: str, tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net)
    encoder = torch.compile(model, backend="eager") if form == "compiled" else ENCODERS[form][0](model)
    decoder = torch.compile(model.out, backend="eager") if form == "compiled" else model.decode
    watcher = watch(tmp_path / "own", encoder=encoder, decoder=decoder, data=digits)
    watcher.close()
    assert not watcher.problem
    x = pixels(digits)[:5]
    with torch.no_grad():
        torch.testing.assert_close(
            load_model(watcher.run).posterior(x), model.encode(x), rtol=1e-4, atol=1e-4
        )
