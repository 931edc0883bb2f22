"""The sidebar's part on a run's images: where they moved to can be said there, and is checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import settings
from dashboard.cache import datasets, lru
from dashboard.look.markdown import plain
from tests.support.mnist_files import put, tiny
from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import load_dataset
from vae.runs.run import Run


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setenv(settings.RUNS_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(settings, "shipped_root", lambda: tmp_path / "shipped")
    lru.clear()
    yield tmp_path / "runs"
    lru.clear()


def save(path: Path, seed: int = 0) -> Path:
    images = np.random.default_rng(seed).integers(0, 256, (60, 6, 5), dtype=np.uint8)
    np.savez(path, images=images)
    return path


def made(root: Path, data: DataConfig) -> Run:
    config = RunConfig(data=data, model=ModelConfig(hidden=(4,)), train=TrainConfig(batch_size=20))
    return Run.create(root / "a", config, load_dataset(data).info())


def script() -> None:
    from dashboard.shell import run_images

    run_images.draw()


def sidebar() -> AppTest:
    at = AppTest.from_function(script, default_timeout=60)
    at.query_params["run"] = "a"
    at.run()
    assert not at.exception
    return at


def name(at: AppTest, place: Path) -> AppTest:
    at.text_input(key="place-of-images:a").set_value(str(place))
    at.button[-1].click().run()
    assert not at.exception
    return at


def test_images_that_moved_are_named_anew(root: Path, tmp_path: Path) -> None:
    own = save(tmp_path / "own.npz")
    run = made(root, DataConfig(name="npz", path=own))
    now = own.rename(tmp_path / "now.npz")
    at = sidebar()
    assert any(plain(f"must be at {own}, got nothing there") in caption.value for caption in at.caption)
    name(at, now)
    assert not at.error
    assert Run.open(run.path).config.data.path == now
    assert not datasets.missing_images(Run.open(run.path))


def test_other_images_are_refused_and_nothing_is_kept(root: Path, tmp_path: Path) -> None:
    own = save(tmp_path / "own.npz")
    run = made(root, DataConfig(name="npz", path=own))
    at = name(sidebar(), save(tmp_path / "other.npz", seed=1))
    assert "must have the images it was made for" in at.error[0].value
    assert Run.open(run.path).config.data.path == own


def test_downloaded_sets_in_another_folder_are_named(root: Path, tmp_path: Path) -> None:
    put(tmp_path / "sets", tiny(num_train=60))
    run = made(root, DataConfig(name="mnist", root=tmp_path / "sets"))
    (tmp_path / "sets").rename(tmp_path / "now")
    at = sidebar()
    assert any(button.label == "Download MNIST" for button in at.button)
    name(at, tmp_path / "now")
    assert not at.error
    assert Run.open(run.path).config.data.root == tmp_path / "now"


def test_visitors_name_no_place_that_the_operator_does_not_offer(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = save(tmp_path / "own.npz")
    run = made(root, DataConfig(name="npz", path=own))
    (tmp_path / "offered").mkdir()
    monkeypatch.setenv(settings.DATA_VARIABLE, str(tmp_path / "offered"))
    now = own.rename(tmp_path / "now.npz")
    assert "must be in one of the folders" in name(sidebar(), now).error[0].value
    assert Run.open(run.path).config.data.path == own
    monkeypatch.setattr(settings, "data_roots", lambda: [])
    assert not sidebar().text_input


def test_a_public_set_that_is_here_needs_no_words(root: Path) -> None:
    made(root, DataConfig())
    at = sidebar()
    assert not at.caption and not at.text_input


def test_what_was_left_out_when_a_run_was_made_is_kept_and_shown_with_it(root: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.npz"
    np.savez(own, images=np.random.default_rng(0).random((60, 6, 5)), pairs=np.zeros((60, 2)))
    made(root, DataConfig(name="npz", path=own))
    own.unlink()
    assert any(plain("(1: pairs (60, 2))") in warning.value for warning in sidebar().warning)
