"""A data set from outside the package: coloured squares and discs, with two factors beside the label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.support import plugin_runs
from vae.config.base import Config, ConfigError, option
from vae.config.registries import DATASETS
from vae.config.schema import DataConfig
from vae.config.suggestions import suggest
from vae.data.dataset import load_dataset
from vae.data.source import ImageSource
from vae.data.types import DataError, Images
from vae.runs.run import Run
from vae.runs.run_dataset import images_of

SIDE = 12


class ShapesOptions(Config):
    """Options of the coloured shapes."""

    number: int = option(240, "How many images.", label="Images", remedy="use 240", ge=20, le=10_000)


class Shapes(ImageSource):
    """Each image shows one shape; its hue and its size are the factors."""

    @property
    def number(self) -> int:
        assert isinstance(self.options, ShapesOptions)
        return self.options.number

    def factors(self) -> Mapping[str, NDArray[Any]]:
        rng = np.random.RandomState(0)
        hue = rng.choice(["red", "green", "blue"], self.number)
        return {"hue": hue, "size": rng.uniform(0.4, 0.9, self.number)}

    def read(self) -> Images:
        factors, kind = self.factors(), np.arange(self.number) % 2
        across = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
        x, y = np.meshgrid(across, across)
        images = np.zeros((self.number, 3, SIDE, SIDE), np.uint8)
        for row, (hue, size) in enumerate(zip(factors["hue"], factors["size"], strict=True)):
            inside = np.maximum(abs(x), abs(y)) < size if kind[row] else x**2 + y**2 < size**2
            images[row, ["red", "green", "blue"].index(hue)] = 255 * inside
        return Images(torch.from_numpy(images), torch.from_numpy(kind.astype(np.int64)), ("disc", "square"))


class Wrong(ImageSource):
    """Gives floats."""

    def read(self) -> Images:
        return Images(torch.zeros(30, 1, 4, 4), None, ())


class Failing(ImageSource):
    """Cannot be read; its factors are of two kinds, one of which cannot be used."""

    def read(self) -> Images:
        raise RuntimeError("the disk is elsewhere")

    def factors(self) -> Mapping[str, NDArray[Any]]:
        return {"good": np.arange(30) % 3, "bad": np.full(30, np.nan)}


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> Iterator[None]:
    with (
        plugin_runs.registered(DATASETS, "shapes", Shapes, title="Coloured shapes", options=ShapesOptions),
        plugin_runs.registered(DATASETS, "wrong", Wrong, title="Wrong"),
        plugin_runs.registered(DATASETS, "failing", Failing, title="Failing"),
    ):
        yield


DATA = {"name": "shapes", "options": {"number": 200}}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return plugin_runs.train(
        tmp_path_factory.mktemp("runs") / "shapes", data=DATA, model={"conditional": True}, batch_size=36
    )


def test_it_is_split_and_its_factors_are_there() -> None:
    dataset = load_dataset(DataConfig(**DATA))
    assert dataset.images.shape == (200, 3, SIDE, SIDE)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (144, 16, 40)
    hue, size = dataset.columns.found
    assert (hue.name, hue.classes, size.is_number) == ("hue", ("blue", "green", "red"), True)
    assert len(hue.values) == 200


def test_a_run_opens_its_images_again_and_knows_others_by_their_fingerprint(run: Run) -> None:
    assert images_of(Run.open(run.path)).info() == run.info
    other = Run.open(run.path)
    other.config = other.config.replace(data=DataConfig(name="shapes", options={"number": 220}))
    with pytest.raises(DataError):
        images_of(other)


def test_it_evaluates_and_exports(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    model, dataset = plugin_runs.model_and_images(run)
    plugin_runs.check_onnx(model, replace(dataset, test=dataset.test[:5]))
    found = plugin_runs.answers(run, capsys, "--diagnose")
    assert found["num_images"] == 40 and found["diagnosis"]["verdict"]


def test_command_line_trains_on_it(tmp_path: Path) -> None:
    from vae.cli.main import main

    words = "--train.epochs 1 --train.batch-size 30 --train.num-snapshots 0 --model.hidden 4"
    own = "--data.name shapes --data.name-shapes.number 60"
    main(["train", "--run-dir", str(tmp_path / "a"), *words.split(), *own.split()])
    run = Run.open(tmp_path / "a")
    assert run.info.num_train + run.info.num_validation + run.info.num_test == 60
    assert run.config.data.to_dict()["options"] == {"number": 60}


@pytest.mark.parametrize("name", plugin_runs.PAGES)
def test_pages_show_it(name: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    at = plugin_runs.page(name, run, monkeypatch)
    assert plugin_runs.complaints(at) == []
    if name == "explore":
        assert "Coloured shapes, 12×12, colour pixels" in at.sidebar.caption[0].value
    if name == "train":
        box = next(box for box in at.selectbox if box.key == "new:data")
        assert "Coloured shapes" in box.options
        box.set_value("shapes").run()
        assert any(str(number.key).endswith("name-shapes.number") for number in at.number_input)


def test_the_map_can_be_coloured_by_its_factors(run: Run) -> None:
    from dashboard.cache import columns

    assert [column.name for column in columns.of(run).found] == ["hue", "size"]


def test_what_is_no_data_set_is_a_sentence() -> None:
    with pytest.raises(DataError, match=r"must have bytes of shape \(N, 1 or 3, H, W\), got torch.float32"):
        load_dataset(DataConfig(name="wrong"))
    with pytest.raises(DataError, match="cannot be read: the disk is elsewhere"):
        load_dataset(DataConfig(name="failing"))
    with pytest.raises(ConfigError, match=r"options\.number must be >= 20"):
        DataConfig(name="shapes", options={"number": 1})
    with pytest.raises(ConfigError, match="path must be left out"):
        DataConfig(name="shapes", path=Path("a"))


def test_a_factor_that_cannot_be_used_is_named() -> None:
    from vae.data.dataset import read_columns

    found = read_columns(DataConfig(name="failing"), 30)
    assert [column.name for column in found.found] == ["good"]
    assert "column bad must have finite numbers" in found.refused[0]


def test_other_configurations_say_nothing_of_it() -> None:
    assert "options" not in DataConfig().to_dict()
    assert suggest("shapes").data == DataConfig(name="shapes")


def test_where_it_is_not_registered_the_run_is_shown_without_its_images(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DATASETS, "_entries", {entry.name: entry for entry in DATASETS if entry.is_built_in})
    found = Run.open(run.path)
    with pytest.raises(DataError, match="dataset 'shapes' must be registered to be used"):
        images_of(found)
    assert plugin_runs.complaints(plugin_runs.page("explore", found, monkeypatch)) == []
