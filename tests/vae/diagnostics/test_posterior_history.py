"""Every dimension along training, and what posteriors alone say of a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from vae.diagnostics.mutual_information import information
from vae.diagnostics.posterior_history import posterior_summary, training_stages
from vae.latent.embedding import kept_embedding
from vae.runs.run import Run
from vae.storage.safetensors_header import CheckpointError
from vae.storage.safetensors_io import load


@pytest.fixture
def run(trained_run: Run, tmp_path: Path) -> Run:
    shutil.copytree(trained_run.path, tmp_path / "one")
    return Run.open(tmp_path / "one")


def test_stages_are_the_snapshots_posteriors_dimension_by_dimension(run: Run) -> None:
    stages = training_stages(run)
    assert [stage.step for stage in stages] == run.snapshots()
    for stage in stages:
        tensors, _ = load(run.snapshot_dir(stage.step), "probe")
        mean, log_var = (tensors[name].double().numpy() for name in ("mean", "log_var"))
        rate = 0.5 * (np.exp(log_var) + mean**2 - 1 - log_var).mean(0)
        np.testing.assert_allclose(stage.rate_per_dim, rate, rtol=1e-4)
        np.testing.assert_allclose(stage.sigma_per_dim, np.exp(log_var / 2).mean(0), rtol=1e-5)
        np.testing.assert_allclose(stage.active_variance, mean.var(0, ddof=1), rtol=1e-5)


def test_snapshots_of_an_older_version_give_the_same_stages(run: Run) -> None:
    before = training_stages(run)
    for step in run.snapshots():
        path = run.snapshot_dir(step) / "snapshot.json"
        values = json.loads(path.read_text())
        path.write_text(
            json.dumps({k: v for k, v in values.items() if k not in ("sigma_per_dim", "active_variance")})
        )
    for new, old in zip(before, training_stages(run), strict=True):
        np.testing.assert_allclose(old.sigma_per_dim, new.sigma_per_dim, rtol=1e-5)
        np.testing.assert_allclose(old.active_variance, new.active_variance, rtol=1e-5)


def test_a_damaged_snapshot_is_left_out(run: Run) -> None:
    first, *rest = run.snapshots()
    (run.snapshot_dir(first) / "snapshot.json").write_text("{}")
    assert [stage.step for stage in training_stages(run)] == rest


def test_silhouette_is_of_the_last_snapshot_or_the_one_asked_for(run: Run) -> None:
    stages = training_stages(run)
    for found, stage in (
        (posterior_summary(run), stages[-1]),
        (posterior_summary(run, stages[0].step), stages[0]),
    ):
        assert (found.step, found.part) == (stage.step, "probe")
        np.testing.assert_allclose(found.rate_per_dim, stage.rate_per_dim, rtol=1e-4)
        spread = np.square(found.spread_per_dim) - found.active_variance
        assert (spread > 0).all()  # the mean variance of the posteriors


def test_silhouette_without_snapshots_is_of_the_kept_posteriors(run: Run) -> None:
    shutil.rmtree(run.path / "snapshots")
    found, kept = posterior_summary(run), kept_embedding(run)
    assert kept is not None
    assert (found.step, found.part, found.num_images) == (None, "test", len(kept.mean))
    assert found.information == information(kept.mean, kept.log_var)


def test_silhouette_of_nothing_says_what_is_missing(run: Run) -> None:
    with pytest.raises(CheckpointError, match="none of step 123456"):
        posterior_summary(run, 123456)
    shutil.rmtree(run.path / "snapshots")
    (run.path / "latent.safetensors").unlink()
    with pytest.raises(CheckpointError, match="has none"):
        posterior_summary(run)
