"""Networks with BatchNorm and Dropout: trained in training mode, looked at in evaluation mode, and kept whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from tests.support.short_runs import (
    SMALL,
    TRAIN,
    assert_same_run,
    assert_same_tensors,
    create,
    train,
    wishing,
)
from vae.data.dataset import Dataset
from vae.diagnostics.diagnose import diagnose
from vae.evaluation.ais import annealed
from vae.evaluation.elbo import at_posterior_mean, evaluate
from vae.evaluation.exact_posterior import exact_posterior
from vae.evaluation.importance import importance_bound
from vae.export.onnx import autoencoder_onnx, decoder_onnx, encoder_onnx
from vae.latent.embedding import embed, prior_samples
from vae.models import networks
from vae.models.vae import VAE
from vae.runs.snapshots import load_model, load_weights
from vae.runtime.eval_mode import evaluating
from vae.storage.safetensors_io import load
from vae.training.trainer import Trainer


@pytest.fixture
def _with_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every hidden layer of our networks is followed by BatchNorm and Dropout."""
    plain = networks._layers

    def layers(sizes: list[int], *rest: Any) -> list[nn.Module]:
        found = plain(sizes, *rest)
        return [*found, nn.BatchNorm1d(sizes[-1]), nn.Dropout(0.2)] if found else found

    monkeypatch.setattr(networks, "_layers", layers)


WITH_STATE = SMALL.replace(model=SMALL.model.replace(hidden=(8,)))


@pytest.fixture
def model(digits: Dataset, _with_state: None) -> VAE:
    """In training mode but for one part, which somebody froze; its statistics are not those of a new layer."""
    torch.manual_seed(0)
    found = VAE(WITH_STATE.model, digits.info())
    for _ in range(3):
        found.terms(digits.pixels(digits.part("train")[0][:200]))
    next(part for part in found.decoder.modules() if isinstance(part, nn.BatchNorm1d)).eval()
    return found


LOOKS: dict[str, Callable[[VAE, Dataset], Any]] = {
    "evaluate": lambda model, data: evaluate(model, data, "validation").elbo,
    "at the mean": lambda model, data: at_posterior_mean(model, data, "validation").rate,
    "embed": lambda model, data: embed(model, data, "validation").mean,
    "importance": lambda model, data: importance_bound(model, data, k=5, num_images=20).bound.mean,
    "annealing": lambda model, data: (
        annealed(model, data, num_images=2, num_steps=4, num_chains=2).bound.mean
    ),
    "truth": lambda model, data: exact_posterior(model, data.pixels(data.images[:1])).log_prob,
    "diagnosis": lambda model, data: diagnose(model, data, num_images=60).distortion,
    "samples": lambda model, data: prior_samples(model, 4)[0],
    "decoder as ONNX": lambda model, data: decoder_onnx(model),
    "encoder as ONNX": lambda model, data: encoder_onnx(model),
    "both as ONNX": lambda model, data: autoencoder_onnx(model),
}


@pytest.mark.parametrize("look", LOOKS)
def test_whoever_looks_at_a_model_in_training_sees_it_at_rest_and_changes_nothing_of_it(
    model: VAE, digits: Dataset, look: str
) -> None:
    modes = [module.training for module in model.modules()]
    assert True in modes and False in modes
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    found = [LOOKS[look](model, digits) for _ in range(2)]
    assert [module.training for module in model.modules()] == modes
    assert_same_tensors(model.state_dict(), state)
    found.append(LOOKS[look](model.eval(), digits))
    for other in found[1:]:
        assert torch.equal(other, found[0]) if isinstance(other, Tensor) else other == found[0]


def test_modes_are_put_back_where_the_look_fails(model: VAE) -> None:
    modes = [module.training for module in model.modules()]
    with pytest.raises(ZeroDivisionError), evaluating(model):
        assert not any(module.training for module in model.modules())
        raise ZeroDivisionError
    assert [module.training for module in model.modules()] == modes


@pytest.mark.usefixtures("_with_state", "every_step")
def test_statistics_are_of_the_training_steps_alone_and_a_run_goes_on_with_them_bit_for_bit(
    tmp_path: Path,
) -> None:
    torch.manual_seed(3)  # dropout draws from the process's own random state
    config = WITH_STATE.replace(train=TRAIN.replace(epochs=2))
    run = train(tmp_path / "a", config)
    for at in ("last", "best", *run.snapshots()):
        weights = load_weights(run, at)  # type: ignore[arg-type]
        counted = [int(tensor) for name, tensor in weights.items() if name.endswith("num_batches_tracked")]
        assert len(counted) == 2
        if at == "last":
            assert counted == [12, 12]  # as many as steps: no evaluation, snapshot or embedding counts
        elif isinstance(at, int):
            assert counted == [at, at]
    counted_type = load(run.checkpoints_dir, "last")[0]
    assert {
        tensor.dtype for name, tensor in counted_type.items() if name.endswith("num_batches_tracked")
    } == {torch.int64}
    session = onnxruntime.InferenceSession(decoder_onnx(load_model(run, "last")))
    z = torch.randn(3, 2)
    (image,) = session.run(None, {"z": z.numpy()})
    np.testing.assert_allclose(image, load_model(run, "last").decode(z).numpy(), atol=1e-5)


@pytest.mark.usefixtures("every_step")
def test_a_stopped_run_with_batch_statistics_ends_as_one_that_was_never_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = networks._layers
    monkeypatch.setattr(
        networks, "_layers", lambda sizes, *rest: [*plain(sizes, *rest), nn.BatchNorm1d(sizes[-1])]
    )
    unbroken = train(tmp_path / "unbroken", WITH_STATE)
    run = train(tmp_path / "stopped", WITH_STATE, wishing({14: {"command": "stop"}}))
    train(run.path, WITH_STATE)
    assert_same_run(run, unbroken)


@pytest.mark.usefixtures("_with_state")
def test_a_step_is_taken_in_training_mode_and_a_part_that_was_frozen_stays_so(tmp_path: Path) -> None:
    run, dataset = create(tmp_path / "a", WITH_STATE)
    trainer = Trainer(run, dataset)
    x = dataset.pixels(dataset.images[:50])
    trainer.model.eval()
    trainer.step(x, None)
    assert all(module.training for module in trainer.model.modules())
    frozen = next(part for part in trainer.model.modules() if isinstance(part, nn.BatchNorm1d)).eval()
    assert frozen.num_batches_tracked is not None
    before = int(frozen.num_batches_tracked)
    trainer.step(x, None)
    assert (frozen.training, int(frozen.num_batches_tracked)) == (False, before)
