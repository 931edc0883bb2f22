"""The button that downloads a run as code: a script, a zip with its images, or why there is none."""

from __future__ import annotations

import ast
import io
import shutil
import zipfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import settings
from dashboard.shell import run_code
from tests.support.pages_without_browser import page
from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import load_dataset
from vae.runs.run import Run
from vae.training.training_script import training_script

pytestmark = pytest.mark.usefixtures("one_core")


@pytest.fixture
def run(empty_runs: Path, trained_run: Run) -> Run:
    shutil.copytree(trained_run.path, empty_runs / "flat")
    return Run.open(empty_runs / "flat")


def code(at: AppTest) -> list[object]:
    return [one for one in at.get("download_button") if str(one.proto.label) == "Code"]  # type: ignore[attr-defined]


def test_a_run_is_offered_as_code_where_it_is_trained_and_explained(run: Run) -> None:
    for where, query in (("train", {}), ("learn", {"chapter": "kl"})):
        (button,) = code(page(where, run="flat", **query))
        assert not button.proto.disabled  # type: ignore[attr-defined]
        assert "lines that train this configuration with torch alone" in button.proto.help  # type: ignore[attr-defined]


def test_it_is_the_script_of_the_library(run: Run) -> None:
    text = run_code.script(run)
    assert text == training_script(run.config, run.info, images_file="flat.bin")
    ast.parse(text)
    assert "\n\n".join(run_code.parts(run).values()) + "\n" == text


def test_own_images_come_with_it_as_a_zip(empty_runs: Path) -> None:
    config = RunConfig(
        data=DataConfig(binarize="static"),
        model=ModelConfig(hidden=(8,)),
        train=TrainConfig(epochs=1, device="cpu"),
    )
    dataset = load_dataset(config.data)
    run = Run.create(settings.runs_root() / "static", config, dataset.info())
    with zipfile.ZipFile(io.BytesIO(run_code.packed_script(run))) as archive:
        assert sorted(archive.namelist()) == ["static.bin", "static.py"]
        assert "static.bin" in archive.read("static.py").decode()
        assert len(archive.read("static.bin")) == run.info.num_train * run.info.num_pixels


def test_code_that_is_not_known_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from vae.errors import UserError

    def refuse(run: Run) -> str:
        raise UserError("model.network must be one of mlp, conv to be written as a script, got 'external'")

    monkeypatch.setattr(run_code, "script", refuse)
    (button,) = code(page("train", run="flat"))
    assert button.proto.disabled  # type: ignore[attr-defined]
    assert "external" in button.proto.help  # type: ignore[attr-defined]
