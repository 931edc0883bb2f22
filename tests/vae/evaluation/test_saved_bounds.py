"""Costly figures that a run keeps: what is written is read again, and nothing else is believed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from dashboard.jobs import test_metrics
from dashboard.views.evaluate import bounds
from vae.data.dataset import Dataset
from vae.errors import UserError
from vae.evaluation import saved_bounds
from vae.evaluation.ais import annealed
from vae.evaluation.importance import importance_bound
from vae.evaluation.inference_lag import encoder_lag, lag_of
from vae.evaluation.saved_bounds import MOST, Bound, Measurements
from vae.runs.run import Run
from vae.runs.snapshots import load_model


@pytest.fixture
def run(trained_run: Run, tmp_path: Path) -> Run:
    shutil.copytree(trained_run.path, tmp_path / "run")
    return Run.open(tmp_path / "run")


def bound(**changes: object) -> Bound:
    values = {
        "kind": "importance", "step": 3, "log_prob": -9.0, "standard_error": 0.1, "num_images": 5, "seed": 0, "k": 50,
        "effective_median": 4.0, "effective_min": 1.5,
    }  # fmt: skip
    return Bound.from_dict({**values, **changes})


def test_bounds_say_what_the_library_found(run: Run, digits: Dataset) -> None:
    model = load_model(run)
    weighted = importance_bound(model, digits, k=20, num_images=4, seed=3)
    with torch.random.fork_rng():
        chained = annealed(model, digits, num_images=2, num_steps=5, num_chains=2, seed=3)
    saved_bounds.keep(run, bound=saved_bounds.of_importance(weighted, 7))
    saved_bounds.keep(run, bound=saved_bounds.of_annealing(chained, 7))
    first, second = saved_bounds.kept(run).bounds
    said = weighted.to_dict()
    assert (first.log_prob, first.standard_error) == (said["log_prob"], said["standard_error"])
    assert [point.k for point in first.curve] == [1, 5, 20]
    assert first.curve[-1].log_prob == first.log_prob
    assert first.effective_median == said["effective_size"]["median"]
    assert (second.log_prob, second.k, second.num_steps) == (chained.to_dict()["log_prob"], 2, 5)
    mixed = importance_bound(model, digits, k=20, num_images=4, seed=3, proposal="mixture")
    assert [saved_bounds.of_importance(one, 7).kind for one in (weighted, mixed)] == ["importance", "mixture"]


def test_lag_is_kept_with_the_step_of_its_run(run: Run, digits: Dataset) -> None:
    found = encoder_lag(run, digits, num_images=1, num_moments=2)
    saved_bounds.keep(run, bound=bound())
    saved_bounds.keep(run, lag=found)
    kept = saved_bounds.kept(run)
    assert [point.gap for point in kept.lag] == [one.to_dict()["gap"] for one in found]
    assert kept.lag_step == run.status().step
    assert len(kept.bounds) == 1


def test_lag_of_nothing_is_refused_in_words(run: Run, digits: Dataset) -> None:
    for options in ({"num_images": 0}, {"num_moments": 0}):
        with pytest.raises(UserError, match="images and snapshots must be at least 1, got"):
            encoder_lag(run, digits, **options)
    with pytest.raises(UserError, match="the encoder's lag needs images, got none"):
        lag_of(load_model(run), torch.zeros(0, 1, 8, 8), None)
    for step in run.snapshots():
        shutil.rmtree(run.snapshot_dir(step))
    with pytest.raises(UserError, match=f"needs snapshots, and run {run.id} has none"):
        encoder_lag(run, digits)


def test_a_bound_takes_the_place_of_its_equal_and_the_oldest_go(run: Run) -> None:
    for number in range(MOST + 2):
        saved_bounds.keep(run, bound=bound(seed=number))
    saved_bounds.keep(run, bound=bound(seed=MOST, log_prob=-8.0))
    kept = saved_bounds.kept(run).bounds
    assert [one.seed for one in kept] == [*range(2, MOST), MOST + 1, MOST]
    assert kept[-1].log_prob == -8.0


@pytest.mark.parametrize("text", ["", "[]", '{"bounds": [{"kind": "guessed"}]}', '{"bounds": 3}'])
def test_a_file_that_makes_no_sense_is_nothing(run: Run, text: str) -> None:
    (run.path / saved_bounds.FILE).write_text(text)
    assert saved_bounds.kept(run) == Measurements()


def test_another_folder_leaves_the_run_as_it_is(run: Run, tmp_path: Path) -> None:
    saved_bounds.keep(run, tmp_path / "elsewhere" / "deep", bound=bound())
    assert not (run.path / saved_bounds.FILE).exists()
    assert saved_bounds.kept(run, tmp_path / "elsewhere" / "deep").bounds == (bound(),)


def test_of_a_single_image_the_error_is_unknown_and_not_zero(run: Run, digits: Dataset) -> None:
    found = importance_bound(load_model(run), digits, k=5, num_images=1)
    saved_bounds.keep(run, bound=saved_bounds.of_importance(found, 7))
    saved_bounds.keep(run, lag=encoder_lag(run, digits, num_images=1, num_moments=2))
    kept = saved_bounds.kept(run)
    errors = {kept.bounds[0].standard_error, *(one.standard_error for one in kept.bounds[0].curve)}
    assert errors | {one.gap_standard_error for one in kept.lag} == {None}


def test_figures_of_this_machine_stand_beside_those_that_came_with_a_run(
    run: Run, tmp_path: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "figures"
    monkeypatch.setattr(test_metrics, "folder", lambda _: place)
    lag = encoder_lag(run, digits, num_images=2, num_moments=2)
    saved_bounds.keep(run, lag=lag, bound=bound(seed=1))
    saved_bounds.keep(run, bound=bound(seed=2))
    assert bounds.kept(run) == saved_bounds.kept(run)
    saved_bounds.keep(run, place, bound=bound(seed=2, log_prob=-8.0))
    saved_bounds.keep(run, place, bound=bound(seed=3))
    kept = bounds.kept(run)
    assert [(one.seed, one.log_prob) for one in kept.bounds] == [(1, -9.0), (2, -8.0), (3, -9.0)]
    assert kept.lag == saved_bounds.kept(run).lag
    saved_bounds.keep(run, place, lag=lag[:1])
    assert bounds.kept(run).lag == saved_bounds.kept(run).lag[:1]
