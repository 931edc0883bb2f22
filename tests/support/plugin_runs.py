"""What every plug-in goes through: a short training, each measurement, ONNX, and the pages."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from streamlit.testing.v1 import AppTest

from vae.cli.main import main
from vae.config.registry import Registry
from vae.config.schema import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
from vae.data.dataset import Dataset, load_dataset
from vae.export.onnx import autoencoder_onnx, decoder_onnx, encoder_onnx
from vae.models.batches import ModelInputs
from vae.models.vae import VAE
from vae.runs.run import Run
from vae.runs.snapshots import load_model
from vae.training.trainer import Trainer

#: Pages that look at the networks of one run.
PAGES = ("learn", "train", "explore", "map", "generate", "collapse", "evaluate")


@contextmanager
def registered(registry: Registry, name: str, plugin: Any, **words: Any) -> Iterator[None]:
    """A plug-in that is there for some tests and gone for all others."""
    registry.register(name, **words)(plugin)
    try:
        yield
    finally:
        registry.remove(name)


def train(
    folder: Path,
    *,
    data: dict[str, Any] | None = None,
    model: dict[str, Any] | None = None,
    objective: dict[str, Any] | None = None,
    **options: Any,
) -> Run:
    """A short run: one epoch of the digits in seven steps, unless it says otherwise."""
    config = RunConfig(
        data=DataConfig(**(data or {})),
        model=ModelConfig(**{"hidden": (16,), **(model or {})}),
        objective=ObjectiveConfig(**(objective or {})),
        train=TrainConfig(**{"epochs": 1, "batch_size": 200, "device": "cpu", "num_snapshots": 2, **options}),
    )
    dataset = load_dataset(config.data)
    run = Run.create(folder, config, dataset.info())
    for _ in Trainer(run, dataset).train():
        pass
    return run


def onnx_answer(content: bytes, **inputs: torch.Tensor) -> list[torch.Tensor]:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    answers = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    return [torch.from_numpy(answer) for answer in answers]


@torch.no_grad()
def check_onnx(model: VAE, dataset: Dataset) -> None:
    """The graphs say what the model says, evaluated."""
    x = ModelInputs.by(model, dataset, "test", torch.arange(5))[slice(0, 5)]
    y = (
        {"y": torch.eye(model.num_conditions)[torch.arange(5) % model.num_conditions]}
        if model.num_conditions
        else {}
    )
    weights = y.get("y")
    mean, log_var = model.posterior(x, weights)
    torch.testing.assert_close(
        onnx_answer(encoder_onnx(model), x=x, **y), [mean, log_var], atol=1e-4, rtol=1e-4
    )
    (image,) = onnx_answer(decoder_onnx(model), z=mean, **y)
    torch.testing.assert_close(image, model.decode(mean, weights), atol=1e-4, rtol=1e-4)
    of_encoder = onnx_answer(autoencoder_onnx(model), x=x, **y)
    distortion = -model.log_prob(mean, x, model.condition(weights, len(x)))
    torch.testing.assert_close(of_encoder[2], image, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(of_encoder[3], distortion, atol=1e-2, rtol=1e-4)


def answers(run: Run, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """What `vae evaluate --json` says."""
    capsys.readouterr()
    main(["evaluate", str(run.path), "--json", *words])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def _script(name: str) -> None:
    from importlib import import_module

    from dashboard.link import session
    from dashboard.shell import run_picker
    from dashboard.shell.navigation import NEED_A_RUN

    run_picker.draw(needed=name in NEED_A_RUN)
    import_module(f"dashboard.views.{name}.page").page()
    run_picker.tell()
    session.settle()


def page(name: str, run: Run, monkeypatch: pytest.MonkeyPatch, **query: str) -> AppTest:
    """A page that shows a run, without an exception."""
    from dashboard import settings
    from dashboard.cache import lru
    from dashboard.jobs.trainers import trainers

    monkeypatch.setenv(settings.RUNS_VARIABLE, str(run.path.parent))
    monkeypatch.setattr(settings, "shipped_root", lambda: run.path.parent / "none")
    monkeypatch.setattr(trainers, "start", lambda run: None)
    lru.clear()
    at = AppTest.from_function(_script, args=(name,), default_timeout=60)
    for key, value in {"run": run.id, **query}.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception
    return at


def complaints(at: AppTest) -> list[str]:
    """Errors and warnings of a page."""
    return [alert.value for alert in (*at.error, *at.warning)]


def told(at: AppTest) -> str:
    """All that a page says in boxes."""
    return " ".join(alert.value.replace("\\", "") for alert in (*at.error, *at.warning, *at.info))


def copied(run: Run, folder: Path) -> Run:
    """A run in another folder of runs."""
    shutil.copytree(run.path, folder / run.id)
    return Run.open(folder / run.id)


def model_and_images(run: Run) -> tuple[VAE, Dataset]:
    """A run's model and images."""
    return load_model(run, "last"), load_dataset(run.config.data)
