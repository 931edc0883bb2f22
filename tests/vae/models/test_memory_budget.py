"""One budget in bytes: small images are worked on as many at once as ever, large ones fewer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from vae.config.schema import DataInfo, ModelConfig
from vae.models.memory_budget import BUDGET, MOST_ROWS, bytes_per_row, image_bytes, rows_for, rows_within
from vae.models.vae import VAE

MakeInfo = Callable[..., DataInfo]
MakeModel = Callable[..., VAE]


def test_rows_follow_from_bytes_and_are_never_fewer_than_one_nor_more_than_the_most() -> None:
    assert rows_within(1) == MOST_ROWS
    assert rows_within(0) == MOST_ROWS
    assert rows_within(BUDGET / 8) == 8
    assert rows_within(BUDGET * 10) == 1
    assert rows_within(100, most=7, budget=1000) == 7
    assert rows_within(100, most=70, budget=1050) == 10
    with pytest.raises(ValueError, match="most must be >= 1, got 0"):
        rows_within(1, most=0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"hidden": (512, 512)},
        {"network": "conv"},
        {"network": "conv", "channels": (32, 64, 128)},
        {"network": "external"},
    ],
    ids=lambda options: " ".join(map(str, options.values())) or "default",
)
def test_images_of_28_by_28_are_worked_on_by_the_thousand_as_ever(
    options: dict[str, object], make_info: MakeInfo
) -> None:
    info = make_info(height=28, width=28)
    assert rows_within(bytes_per_row(ModelConfig.model_validate(options), info)) == 1000


@pytest.mark.parametrize("network", ["mlp", "conv", "external"])
@pytest.mark.parametrize("side, most", [(256, 100), (1024, 8)])
def test_large_images_are_worked_on_a_few_at_a_time(
    network: str, side: int, most: int, make_info: MakeInfo
) -> None:
    info = make_info(channels=3, height=side, width=side)
    config = ModelConfig.model_validate({"network": network})
    rows = rows_within(bytes_per_row(config, info))
    assert 1 <= rows <= most
    assert rows * image_bytes(info, 5) <= BUDGET or rows == 1
    assert rows_within(bytes_per_row(config, info, gradient=True)) <= rows


def test_a_convolutions_maps_count_and_what_the_caller_keeps(
    make_info: MakeInfo, make_model: MakeModel
) -> None:
    info = make_info(channels=3, height=256, width=256)
    flat = make_model(info=info, hidden=(4,))
    conv = make_model(info=info, network="conv", channels=(64,), hidden=(4,))
    assert rows_for(conv) < rows_for(flat) < 200
    assert rows_for(flat, copies=10) < rows_for(flat)


_PEAK = """
import resource, sys, torch
from vae.evaluation.ais import annealed
from vae.config.schema import DataConfig, ModelConfig
from vae.data.dataset import Dataset
from vae.diagnostics.diagnose import diagnose, live_numbers
from vae.evaluation.elbo import at_posterior_mean, evaluate
from vae.evaluation.importance import importance_bound
from vae.latent.embedding import embed
from vae.models.vae import VAE
from vae.runs.snapshots import Probe
from vae.evaluation.typicality import surprise

torch.set_num_threads(1)
num, side = 400, 96
images = torch.randint(256, (num, 3, side, side), dtype=torch.uint8)
rows = torch.arange(num)
dataset = Dataset(images, rows % 3, 255, ("a", "b", "c"), rows[:60], rows[60:80], rows, DataConfig())
model = VAE(ModelConfig(hidden=(2,), latent_dim=1), dataset.info()).requires_grad_(False)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

x = torch.randn(50, 50)
torch.linalg.eigh(x @ x.T), importance_bound(model, dataset, "validation", k=2)  # what libraries take themselves
before = peak()
evaluate(model, dataset)
embed(model, dataset)
at_posterior_mean(model, dataset)
surprise(model, dataset)
importance_bound(model, dataset, k=3, num_images=20)
annealed(model, dataset, num_images=2, num_steps=2)
probe = Probe.of(Dataset(images, None, 255, (), rows[:60], rows, rows, DataConfig()), torch.device("cpu"))
live_numbers(model, probe.x, probe.labels)
print(peak() - before)
"""


def test_what_is_measured_of_large_images_stays_within_the_budget() -> None:
    # All at once, five copies of 44 MB and more for each measurement, would not.
    answer = subprocess.run([sys.executable, "-c", _PEAK], capture_output=True, text=True, check=True)
    assert int(answer.stdout) < 1.1 * BUDGET / 2**20
