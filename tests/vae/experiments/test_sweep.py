"""Sweeps: each point is trained once, failures do not stop the others, and a cluster trains the same runs."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import load_dataset
from vae.errors import UserError
from vae.evaluation.elbo import evaluate
from vae.evaluation.saved_metrics import FILE, kept
from vae.experiments import sweep as module
from vae.experiments.sweep import Outcome, Point, points, sweep, train_point
from vae.runs.run import Run
from vae.runs.snapshots import load_model, load_weights
from vae.storage.safetensors_header import inspect
from vae.training.trainer import Trainer

CONFIG = RunConfig(
    data=DataConfig(name="digits"),
    model=ModelConfig(hidden=(8,), latent_dim=3),
    train=TrainConfig(epochs=1, batch_size=256, device="cpu", num_snapshots=0),
)


def by_id(outcomes: Iterator[Outcome]) -> dict[str, Outcome]:
    return {outcome.run_id: outcome for outcome in outcomes}


def test_a_sweep_has_a_point_for_each_beta_with_each_seed() -> None:
    found = points("digits", CONFIG, [0.1, 4], [0, 7])
    assert [point.run_id for point in found] == [
        "digits-beta-0.1-seed-0",
        "digits-beta-0.1-seed-7",
        "digits-beta-4-seed-0",
        "digits-beta-4-seed-7",
    ]
    assert [(point.config.objective.beta, point.config.train.seed) for point in found] == [
        (0.1, 0), (0.1, 7), (4, 0), (4, 7),
    ]  # fmt: skip
    assert all(point.config.model == CONFIG.model for point in found)


@pytest.mark.parametrize(
    ("name", "betas", "seeds", "sentence"),
    [
        ("a", [], [0], "must have 1 to 1000 runs, got 0 values of β and 1 seeds"),
        ("a", [1, 1.0], [0], "must come once, got a-beta-1-seed-0 twice"),
        ("a/b", [1], [0], "folder name"),
        ("a", [-1], [0], "beta must be >= 0, got -1"),
    ],
)
def test_an_impossible_sweep_is_refused_before_anything_is_trained(
    name: str, betas: list[float], seeds: list[int], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        points(name, CONFIG, betas, seeds)


def test_a_point_is_the_run_that_training_by_hand_gives_with_its_test_figures(tmp_path: Path) -> None:
    (point,) = points("a", CONFIG, [2], [5])
    outcome = train_point(str(tmp_path), point)
    assert outcome.error is None and outcome.result is not None and not outcome.was_done
    dataset = load_dataset(CONFIG.data)
    by_hand = Run.create(tmp_path / "by-hand", point.config, dataset.info())
    for _ in Trainer(by_hand, dataset).train():
        pass
    run = Run.open(tmp_path / point.run_id)
    ours, theirs = load_weights(run), load_weights(by_hand)
    assert all(bool((ours[name] == theirs[name]).all()) for name in theirs)
    for at, figures in (("best", outcome.result.best), ("last", outcome.result.last)):
        again = evaluate(load_model(by_hand, at), dataset, "test", seed=5)
        assert (figures.elbo, figures.rate) == (again.elbo, again.rate)
        assert 0 <= figures.active_units <= 3
    assert outcome.result.best.step == inspect(by_hand.checkpoints_dir / "best.safetensors")["step"]
    assert outcome.result.last.step == outcome.result.step == by_hand.status().step


def test_a_run_of_small_beta_stands_in_the_plane_with_what_training_came_to(tmp_path: Path) -> None:
    """Its best weights, by the ELBO at β = 1, are those of the first steps: their rate says nothing of its β."""
    train = CONFIG.train.replace(epochs=30, learning_rate=0.01)
    config = CONFIG.replace(model=CONFIG.model.replace(hidden=(64,), latent_dim=8), train=train)
    low, usual = (train_point(str(tmp_path), one).result for one in points("a", config, [0.02, 1], [0]))
    assert low is not None and usual is not None
    assert low.best.step < 0.5 * low.last.step
    assert low.last.rate > 2 * usual.last.rate and low.last.distortion < usual.last.distortion


def test_a_finished_point_is_not_trained_again_and_a_failed_one_is_tried_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = points("a", CONFIG, [0.5, 1, 2])
    real = module._result

    def one_fails(folder: Path, point: Point) -> object:
        if point.config.objective.beta == 1:
            raise UserError("the machine of this one broke")
        return real(folder, point)

    monkeypatch.setattr(module, "_result", one_fails)
    first = by_id(sweep(tmp_path, planned, backend="threading"))
    assert [outcome.state for outcome in map(first.__getitem__, sorted(first))] == [
        "finished",
        "failed",
        "finished",
    ]
    assert first["a-beta-1-seed-0"].error == "the machine of this one broke"
    monkeypatch.undo()
    written = {
        run_id: (tmp_path / run_id / "metrics.jsonl").stat().st_mtime_ns
        for run_id in first
        if "beta-1" not in run_id
    }
    second = by_id(sweep(tmp_path, planned, backend="threading"))
    assert {run_id: outcome.was_done for run_id, outcome in second.items()} == {
        "a-beta-0.5-seed-0": True, "a-beta-1-seed-0": False, "a-beta-2-seed-0": True,
    }  # fmt: skip
    assert all(outcome.state == "finished" for outcome in second.values())
    assert written == {run_id: (tmp_path / run_id / "metrics.jsonl").stat().st_mtime_ns for run_id in written}


def test_a_run_of_that_name_with_other_settings_is_refused(tmp_path: Path) -> None:
    (point,) = points("a", CONFIG, [1])
    train_point(str(tmp_path), point)
    other = CONFIG.replace(model=CONFIG.model.replace(latent_dim=4))
    with pytest.raises(UserError, match="must have the settings of this sweep, got others"):
        next(sweep(tmp_path, points("a", other, [1]), backend="threading"))


def test_the_folder_of_the_images_is_no_setting(tmp_path: Path) -> None:
    (point,) = points("a", CONFIG, [1])
    train_point(str(tmp_path), point)
    elsewhere = CONFIG.replace(data=CONFIG.data.replace(root=tmp_path / "images"))
    (outcome,) = sweep(tmp_path, points("a", elsewhere, [1]), backend="threading")
    assert (outcome.state, outcome.was_done) == ("finished", True)


def test_kept_figures_count_no_more_once_the_run_was_trained_further(tmp_path: Path) -> None:
    (point,) = points("a", CONFIG, [1])
    train_point(str(tmp_path), point)
    run = Run.open(tmp_path / point.run_id)
    assert kept(run) is not None
    run.extend(1)
    for _ in Trainer(Run.open(run.path), load_dataset(CONFIG.data)).train():
        pass
    assert kept(run) is None


@pytest.mark.parametrize(
    "text", ["", "[]", '{"step": 6}', '{"step": 6, "num_images": 5, "best": {}, "last": {"elbo": "many"}}']
)
def test_figures_that_make_no_sense_are_as_good_as_none(tmp_path: Path, text: str) -> None:
    run = Run.create(tmp_path / "a", CONFIG, load_dataset(CONFIG.data).info())
    (run.path / FILE).write_text(text)
    assert kept(run) is None


def test_a_dask_scheduler_with_two_workers_trains_the_same_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dask, distributed = pytest.importorskip("dask"), pytest.importorskip("distributed")
    from distributed.utils import get_mp_context

    # New processes import the main module; tests of the pages have put a script of theirs in its place.
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
    planned = points("a", CONFIG, [0.5, 4])
    # Both workers come from one process that has loaded torch: loading it takes longer than all the rest.
    monkeypatch.setitem(dask.config.config["distributed"]["worker"], "multiprocessing-method", "forkserver")
    loaded = [
        "distributed",
        "vae.experiments.sweep",
        "vae.training.trainer",
        "vae.evaluation.elbo",
        "torch._dynamo",
    ]
    get_mp_context().set_forkserver_preload(loaded)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None,
        local_directory=str(tmp_path / "dask"),
    ) as cluster:  # fmt: skip
        there = by_id(sweep(tmp_path / "there", planned, backend="dask", address=cluster.scheduler_address))
        hosts = {Run.open(tmp_path / "there" / run_id).status().pid for run_id in there}
    assert os.getpid() not in hosts and len(hosts) == 2
    here = by_id(sweep(tmp_path / "here", planned, backend="threading"))
    assert {run_id: outcome.result for run_id, outcome in there.items()} == {
        run_id: outcome.result for run_id, outcome in here.items()
    }


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"backend": "dask"}, "needs the scheduler's address, got none"),
        ({"backend": "loky", "address": "tcp://127.0.0.1:1"}, "an address is for backend dask"),
        ({"jobs": 0}, "jobs must be from 1"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_a_sentence(
    tmp_path: Path, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        next(sweep(tmp_path, points("a", CONFIG, [1]), **options))  # type: ignore[arg-type]
