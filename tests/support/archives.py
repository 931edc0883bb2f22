"""Runs as zip files: a run with something of everything, and archives of it as a test wants them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import torch

from vae.config.schema import DataConfig, DataInfo, ModelConfig, RunConfig
from vae.models.vae import VAE
from vae.runs.archive import export_run
from vae.runs.metrics import MetricsWriter
from vae.runs.run import Run
from vae.runs.snapshots import cpu_weights
from vae.runs.status import Status
from vae.storage import safetensors_io
from vae.storage.atomic import write_json

INFO = DataInfo(
    channels=1,
    height=8,
    width=8,
    class_names=(),
    num_train=10,
    num_validation=0,
    num_test=10,
    fingerprint="",
)
LINE = {
    "split": "train",
    "step": 1,
    "epoch": 0.1,
    "seconds": 0.5,
    "beta": 1.0,
    "distortion": 20.0,
    "rate": 3.0,
    "elbo": -23.0,
    "rate_per_dim": [1.0, 2.0],
}
#: What a test puts into an archive, by name.
Content = dict[str | zipfile.ZipInfo, bytes | str]
#: Files of that run that go into an archive, in its order.
BELONGS = [
    "checkpoints/best.safetensors",
    "checkpoints/last.safetensors",
    "config.json",
    "control.json",
    "name.json",
    "snapshots/1/snapshot.json",
    "snapshots/1/weights.safetensors",
    "status.json",
    "metrics.jsonl",
]


def make_run(folder: Path) -> Run:
    """A run with something of everything, and with what does not belong into an archive."""
    data = DataConfig(name="npz", path=Path("/home/me/images.npz"), root=Path("/home/me/cache"))
    config = RunConfig(data=data, model=ModelConfig(hidden=(4,)))
    run = Run.create(folder / "there" / "digits-1", config, INFO, name="β = 4")
    with MetricsWriter(run.metrics_path) as writer:
        writer.write(LINE)
    safetensors_io.save(run.checkpoints_dir, "last", {"model.x": torch.ones(1000)}, {"step": 1})
    safetensors_io.save(run.checkpoints_dir, "best", cpu_weights(VAE(config.model, INFO)))
    safetensors_io.save(run.snapshot_dir(1), "weights", {"x": torch.ones(10)})
    write_json(run.snapshot_dir(1) / "snapshot.json", {"step": 1})
    run.request(beta=4)
    run.write_status(Status(state="finished", step=1))
    for name in ("lock", "trainer.log", ".status.json.1-ab.tmp", "snapshots/1/decoder.onnx", "notes.txt"):
        (run.path / name).write_text("not this")
    (run.path / ".hidden").mkdir()
    (run.path / ".hidden" / "x.json").write_text("{}")
    (run.path / "outside.json").symlink_to("/etc/passwd")
    (run.path / "a" / "b" / "c" / "d").mkdir(parents=True)
    (run.path / "a" / "b" / "c" / "d" / "deep.json").write_text("{}")
    return run


def exported(run: Run) -> bytes:
    file = io.BytesIO()
    export_run(run, file)
    return file.getvalue()


def zipped(files: Content) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    file.seek(0)
    return file


def contents(run: Run) -> Content:
    return {name: (run.path / name).read_bytes() for name in BELONGS}


def assert_untouched(root: Path) -> None:
    assert not root.exists() or list(root.iterdir()) == []


def entry(name: str, **attributes: Any) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = name
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info
