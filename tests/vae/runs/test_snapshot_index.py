"""A run through its training: what its snapshots say, and how its map came about."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vae.config.schema import DataInfo, ModelConfig, RunConfig
from vae.data.dataset import Dataset
from vae.latent.evolution import evolution, probe_map
from vae.models.priors import gaussian_kl
from vae.runs.run import Run
from vae.runs.snapshot_index import MOST, moments
from vae.runs.snapshots import load_model
from vae.storage.safetensors_header import CheckpointError
from vae.storage.safetensors_io import load, save

MakeRun = Callable[..., Run]


@pytest.fixture
def make_run(tmp_path: Path, tiny_info: DataInfo) -> MakeRun:
    """Makes a run of so many latent dimensions with made-up snapshots: ``make_run(3, {0: mean, 10: mean})``."""

    def make(latent_dim: int, means: dict[int, Tensor], labels: bool = True) -> Run:
        config = RunConfig(model=ModelConfig(hidden=(4,), latent_dim=latent_dim))
        run = Run.create(tmp_path / "one", config, tiny_info)
        for step, mean in means.items():
            keep(run, step, mean, labels=labels)
        return run

    return make


def keep(run: Run, step: int, mean: Tensor, *, labels: bool = True, first: int = 0) -> None:
    index = torch.arange(first, first + len(mean))
    save(run.snapshot_dir(step), "weights", {}, durable=False)  # the timeline reads none
    tensors = {"mean": mean, "log_var": torch.zeros_like(mean), "index": index}
    save(run.snapshot_dir(step), "probe", {**tensors, "labels": index % 3} if labels else tensors)
    said = {
        "step": step,
        "epoch": step / 10,
        "seconds": 1.5,
        "beta": 2.0,
        "rate_per_dim": [0.5] * mean.shape[1],
    }
    (run.snapshot_dir(step) / "snapshot.json").write_text(json.dumps(said))


def cloud(num: int, dims: int, seed: int = 0) -> Tensor:
    return torch.randn(num, dims, generator=torch.Generator().manual_seed(seed))


def test_the_moments_of_a_real_run_have_the_rates_of_its_probe(trained_run: Run) -> None:
    found = moments(trained_run)
    assert [moment.step for moment in found] == trained_run.snapshots()
    assert [moment.epoch for moment in found][-1] == 3
    assert [moment.seconds for moment in found] == sorted(moment.seconds for moment in found)
    assert {moment.beta for moment in found} == {1.0}
    for moment in found:
        probe, _ = load(trained_run.snapshot_dir(moment.step), "probe")
        expected = gaussian_kl(probe["mean"].double(), probe["log_var"].double()).mean(0)
        torch.testing.assert_close(torch.tensor(moment.rate_per_dim).double(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"epoch": 1, "seconds": 1, "beta": 1, "rate_per_dim": [1]}',
        '{"epoch": "1", "seconds": 1, "beta": 1, "rate_per_dim": [1, 2]}',
        '{"epoch": 1, "seconds": 1, "beta": true, "rate_per_dim": [1, 2]}',
        '{"epoch": 1, "seconds": 1, "beta": 1, "rate_per_dim": [1, NaN]}',
    ],
)  # fmt: skip
def test_a_damaged_snapshot_is_left_out(text: str, make_run: MakeRun) -> None:
    run = make_run(2, {0: cloud(5, 2), 10: cloud(5, 2, 1), 20: cloud(5, 2, 2)})
    (run.snapshot_dir(10) / "snapshot.json").write_text(text)
    assert [moment.step for moment in moments(run)] == [0, 20]


def test_of_very_many_snapshots_some_are_listed_the_first_and_the_last_among_them(make_run: MakeRun) -> None:
    run = make_run(2, {0: cloud(2, 2)})
    for step in range(1, 500):
        shutil.copytree(run.snapshot_dir(0), run.snapshot_dir(step))
    found = [moment.step for moment in moments(run)]
    assert len(found) == len(set(found)) == MOST and (found[0], found[-1]) == (0, 499)


def test_the_map_of_two_dimensions_evolves_in_the_latent_space_itself(trained_run: Run) -> None:
    found = evolution(trained_run)
    assert [moment.step for moment in found.moments] == trained_run.snapshots()
    for moment, positions in zip(found.moments, found.positions, strict=True):
        probe, _ = load(trained_run.snapshot_dir(moment.step), "probe")
        assert torch.equal(positions, probe["mean"])
    assert found.labels is not None and torch.equal(found.labels, probe["labels"])


def test_more_dimensions_are_seen_in_the_plane_of_the_last_snapshot(make_run: MakeRun) -> None:
    # The last cloud is flat in its third dimension and longest in its second: these two are the plane.
    last = cloud(200, 3) * torch.tensor([1.0, 3.0, 0.001])
    first = cloud(200, 3, 1)
    found = evolution(make_run(3, {0: first, 10: last}))
    assert found.positions.shape == (2, 200, 2)
    across, up = found.positions[1].T
    centred = last - last.mean(0)
    assert torch.corrcoef(torch.stack([across, centred[:, 1]]))[0, 1].abs() > 0.98
    assert torch.corrcoef(torch.stack([up, centred[:, 0]]))[0, 1].abs() > 0.98
    torch.testing.assert_close(found.positions[0], found.plane.project(first))


def test_one_dimension_is_a_line(make_run: MakeRun) -> None:
    found = evolution(make_run(1, {0: cloud(9, 1), 10: cloud(9, 1, 1)}, labels=False))
    assert found.labels is None
    assert torch.equal(found.positions[1][:, 0], cloud(9, 1, 1)[:, 0])
    assert not found.positions[..., 1].any()


def test_fewer_than_two_snapshots_have_no_evolution(make_run: MakeRun) -> None:
    with pytest.raises(
        CheckpointError, match=r"needs at least 2 snapshots, and run one has 1; train one with"
    ):
        evolution(make_run(2, {0: cloud(5, 2)}))


def test_probes_of_other_images_or_with_numbers_that_are_none_are_refused(make_run: MakeRun) -> None:
    run = make_run(2, {0: cloud(5, 2), 10: cloud(5, 2)})
    keep(run, 10, cloud(5, 2), first=7)
    with pytest.raises(CheckpointError, match="must be of the same images as the others, got others"):
        evolution(run)
    keep(run, 10, torch.full((5, 2), torch.nan))
    with pytest.raises(CheckpointError, match=r"the probe of step 10 must have finite numbers"):
        evolution(run)


def test_a_snapshot_s_model_gives_the_positions_of_its_moment(trained_run: Run, digits: Dataset) -> None:
    found = evolution(trained_run)
    images = digits.pixels(digits.images[digits.validation[:500]])
    for moment, positions in zip(found.moments, found.positions, strict=True):
        mean, _ = load_model(trained_run, moment.step).posterior(images)
        torch.testing.assert_close(positions, mean, rtol=0, atol=1e-5)


def test_the_map_at_a_snapshot_is_on_the_plane_of_the_newest_one(make_run: MakeRun) -> None:
    last, first = cloud(200, 3) * torch.tensor([1.0, 3.0, 0.001]) + 1, cloud(200, 3, 1)
    run = make_run(3, {0: first, 10: last})
    whole, found = evolution(run), probe_map(run, 0)
    assert found.newest == 10
    torch.testing.assert_close(found.positions, whole.positions[0])
    torch.testing.assert_close(found.origin, whole.plane.project(torch.zeros(1, 3))[0])
    torch.testing.assert_close(probe_map(run, 10).positions, whole.positions[1])


def test_the_map_of_two_dimensions_at_a_snapshot_is_the_latent_space(trained_run: Run) -> None:
    for step in trained_run.snapshots()[:2]:
        probe, _ = load(trained_run.snapshot_dir(step), "probe")
        found = probe_map(trained_run, step)
        assert torch.equal(found.positions, probe["mean"])
        assert found.origin.tolist() == [0, 0]


def test_a_snapshot_that_is_not_there_has_no_map(make_run: MakeRun) -> None:
    run = make_run(2, {0: cloud(5, 2)})
    with pytest.raises(CheckpointError):
        probe_map(run, 7)
