"""A user's own training loop, watched: a run like any other, right numbers, and the loop is not disturbed."""

from __future__ import annotations

import io
import random
import textwrap
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import vae
from tests.support.loops import lines_of
from tests.support.usual_loop import Own, own, train
from vae.data.dataset import Dataset
from vae.diagnostics.diagnose import dimensions
from vae.errors import UserError
from vae.evaluation.elbo import evaluate
from vae.export.onnx import autoencoder_onnx, decoder_onnx, encoder_onnx, pass_onnx
from vae.latent.embedding import kept_embedding
from vae.models.priors import gaussian_kl
from vae.runs.archive import export_run, import_run
from vae.runs.run import Run
from vae.runs.run_dataset import images_of
from vae.runs.snapshots import load_model
from vae.theory.elbo_forms import elbo_forms
from vae.theory.gradients import gradient_estimates
from vae.watching import watch


@pytest.fixture(scope="module")
def watched(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Own]:
    """A watched run of two epochs on the digits, and the model as the loop left it."""
    model = own()
    with vae.watch(
        tmp_path_factory.mktemp("watched") / "own",
        encoder=model.encode,
        decoder=model.decode,
        data=digits,
        epochs=2,
        batch_size=64,
        num_snapshots=5,
    ) as watcher:
        train(model, watcher, digits, 42)
    return watcher.run, model.eval()


def test_the_example_of_the_module_does_what_it_says(tmp_path: Path, digits: Dataset) -> None:
    example = textwrap.dedent(watch.__doc__.split("::\n", 1)[1].split("\nEvery number")[0])
    given = {"images": digits.images.float() / 16, "labels": digits.labels}
    code = example.replace("images, labels = ...", "").replace('"runs/mine"', "place")
    torch.manual_seed(0)
    exec(code, {**given, "place": tmp_path / "mine", "torch": torch, "nn": nn, "F": F, "vae": vae})
    run = Run.open(tmp_path / "mine")
    assert run.status().state == "finished"
    assert run.snapshots()[0] == 0
    assert run.snapshots()[-1] == run.status().step
    # The images that were handed over come back, from the run's own folder, split alike.
    assert images_of(run).info() == run.info
    validation = [line["elbo"] for line in lines_of(run) if line.get("split") == "validation"]
    assert validation[-1] > validation[0] + 3


def test_a_watched_loop_is_not_disturbed(tmp_path: Path, digits: Dataset) -> None:
    alone, together = own(), own()
    alone.out.eval()  # whatever the modes are, they stay
    together.out.eval()
    train(alone, None, digits)
    states = torch.get_rng_state(), np.random.random(), random.random()
    with vae.watch(
        tmp_path / "own", encoder=together.encode, decoder=together.decode, data=digits, batch_size=64
    ) as watcher:
        train(together, watcher, digits)
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1:] == (np.random.random(), random.random())
    for name, tensor in alone.state_dict().items():
        assert torch.equal(tensor, together.state_dict()[name]), name
    for ours, theirs in zip(alone.parameters(), together.parameters(), strict=True):
        assert torch.equal(ours.grad, theirs.grad)  # type: ignore[arg-type]
    assert together.training and together.body.training and not together.out.training
    assert len(watcher.run.snapshots()) > 3
    assert watcher.run.config.train.epochs == 2  # known by now: 25 steps of 23 an epoch, one begun


def test_the_kept_networks_are_those_of_the_program(watched: tuple[Run, Own], digits: Dataset) -> None:
    run, model = watched
    kept = load_model(run, "last")
    x = digits.pixels(digits.part("test")[0])
    with torch.no_grad():
        mean, log_var = model.encode(x.flatten(1))
        torch.testing.assert_close(kept.posterior(x), (mean, log_var), rtol=1e-4, atol=1e-5)
        image = torch.sigmoid(model.decode(mean)).unflatten(1, (1, 8, 8))
        torch.testing.assert_close(kept.decode(mean), image, rtol=1e-4, atol=1e-5)


def test_the_validation_is_the_elbo_in_nats_of_the_users_networks(
    watched: tuple[Run, Own], digits: Dataset
) -> None:
    run, _ = watched
    line = [line for line in lines_of(run) if line.get("split") == "validation"][-1]
    again = evaluate(load_model(run, "last"), digits, "validation")
    assert line["step"] == run.status().step
    assert line["elbo"] == pytest.approx(again.elbo, rel=1e-5)
    assert line["rate_per_dim"] == pytest.approx(again.rate_per_dim, rel=1e-4)


def test_all_that_pages_ask_of_a_run_is_there(watched: tuple[Run, Own], digits: Dataset) -> None:
    run, _ = watched
    embedding = kept_embedding(run)
    assert embedding is not None
    assert len(embedding.mean) == len(digits.test)
    assert len(dimensions(embedding)) == 2
    first = load_model(run, run.snapshots()[0])
    assert not torch.equal(first.decode(torch.zeros(1, 2)), load_model(run, "last").decode(torch.zeros(1, 2)))
    assert {line["event"] for line in lines_of(run) if "event" in line} >= {"start", "snapshot", "finish"}


def test_the_browser_gets_graphs_that_give_the_models_numbers(
    watched: tuple[Run, Own], digits: Dataset
) -> None:
    model = load_model(watched[0])
    x = digits.pixels(digits.part("test")[0][:3])
    terms, mean, log_var, image = model.at_mean(x)
    expected = {
        "mean": mean,
        "log_var": log_var,
        "image": image,
        "distortion": terms.distortion,
        "rate": terms.rate,
        "z": mean,
        "rate_per_dim": terms.rate_per_dim,
    }
    given = {"x": x, "mean": mean, "log_var": log_var, "noise": torch.zeros_like(mean)}
    for export, feeds, names in (
        (decoder_onnx, {"z": mean}, ["image"]),
        (encoder_onnx, {"x": x}, ["mean", "log_var"]),
        (autoencoder_onnx, {"x": x}, ["mean", "log_var", "image", "distortion", "rate"]),
        (pass_onnx, given, ["z", "image", "distortion", "rate_per_dim"]),
    ):
        data = export(model)
        onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        found = session.run(names, {name: values.numpy() for name, values in feeds.items()})
        for name, values in zip(names, found, strict=True):
            torch.testing.assert_close(torch.from_numpy(values), expected[name], rtol=1e-5, atol=1e-5)


def test_networks_without_a_gradient_say_so(watched: tuple[Run, Own], digits: Dataset) -> None:
    x = digits.pixels(digits.part("test")[0][:1])
    with pytest.raises(UserError, match="need networks of PyTorch"):
        gradient_estimates(load_model(watched[0]), x)
    assert elbo_forms(load_model(watched[0]), x, num_samples=50).rate > 0


def test_a_watched_run_travels_as_every_other(watched: tuple[Run, Own], tmp_path: Path) -> None:
    file = io.BytesIO()
    export_run(watched[0], file)
    run = import_run(io.BytesIO(file.getvalue()), tmp_path)
    z = torch.tensor([[0.5, -1.0]])
    assert torch.equal(load_model(run).decode(z), load_model(watched[0]).decode(z))
    assert run.snapshots() == watched[0].snapshots()


@pytest.mark.parametrize("scale", [1.0, 1 / 64])
def test_a_mean_over_pixels_is_seen(scale: float, tmp_path: Path, digits: Dataset) -> None:
    model = own()
    with vae.watch(
        tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits, epochs=2, batch_size=64
    ) as watcher:
        train(model, watcher, digits, 40, scale)
    *_, event = [line for line in lines_of(watcher.run) if line.get("event") == "scale"]
    assert event["reconstruction_ratio"] == pytest.approx(scale, rel=0.25)
    assert event["num_pixels"] == 64


@pytest.mark.parametrize("is_reported", [True, False])
def test_two_means_are_told_though_the_kl_vanished_and_a_loss_alone_is_no_certainty(
    is_reported: bool, tmp_path: Path, digits: Dataset
) -> None:
    torch.manual_seed(0)
    encoder, decoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 16)), nn.Linear(8, 64)
    with torch.no_grad():
        encoder[1].weight *= 0.1
        encoder[1].bias.zero_()  # a rate of some thousandths of a nat, too small for the lines
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 1e-4)
    with vae.watch(tmp_path / "own", encoder=encoder, decoder=decoder, data=digits, epochs=2) as watcher:
        for x in watcher.dataset.pixels(watcher.dataset.part("train")[0]).split(64):
            mean, log_var = encoder(x).chunk(2, 1)
            logits = decoder(mean + torch.exp(0.5 * log_var) * torch.randn_like(mean))
            reconstruction = F.binary_cross_entropy_with_logits(logits, x.flatten(1))
            kl = (gaussian_kl(mean, log_var)).mean()
            optimizer.zero_grad()
            (reconstruction + kl).backward()
            optimizer.step()
            if is_reported:
                watcher.step(reconstruction=reconstruction, kl=kl)
            else:
                watcher.step(reconstruction + kl)
    *_, event = [line for line in lines_of(watcher.run) if line.get("event") == "scale"]
    assert event["kl_ratio"] is None
    found = vae.diagnose(watcher.run)
    assert found.scale is not None and found.scale.is_certain is is_reported
    assert found.verdict.name == "wrong-scale"
    if is_reported:
        assert event["early_kl_ratio"] == pytest.approx(1 / 8, rel=0.2)
        assert found.scale.effective_beta == 8
    else:
        assert "if your KL term is a sum" in found.verdict.sentence


def test_a_loop_that_diverges_goes_on_unwatched(tmp_path: Path, digits: Dataset) -> None:
    model = own()
    watcher = vae.watch(
        tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits, batch_size=1200
    )
    with torch.no_grad():
        model.mean.weight.fill_(torch.nan)
    for _ in range(3):
        watcher.step()
    assert watcher.run.status().state == "diverged"
    assert not watcher.is_watching
    watcher.close()


def test_an_error_in_the_loop_is_told_and_passed_on(tmp_path: Path, digits: Dataset) -> None:
    model = own()
    with (
        pytest.raises(RuntimeError, match="mine"),
        vae.watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits) as watcher,
    ):
        raise RuntimeError("mine")
    assert watcher.run.status().state == "failed"
    assert watcher.run.status().error == "mine"


def test_the_dashboards_wishes_reach_the_loop(tmp_path: Path, digits: Dataset) -> None:
    model = own()
    watcher = vae.watch(
        tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits, batch_size=1200, beta=2
    )
    assert watcher.beta == 2
    watcher.run.request(beta=0.5)
    watcher.run.request(command="stop")
    watcher._wishes._looked = -1e9  # the next look is due
    watcher.step()
    watcher.step()
    assert (watcher.beta, watcher.stop_requested) == (0.5, True)
    watcher.close()
    assert watcher.run.status().state == "stopped"
