"""Runs that nobody has trained, and a process that holds the lock of one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from vae.config.schema import DataConfig, DataInfo, RunConfig
from vae.runs.run import Run

CONFIG = RunConfig(data=DataConfig(name="npz", path=Path("/somewhere/images.npz"), root=Path("/cache")))
INFO = DataInfo(
    channels=1,
    height=8,
    width=8,
    class_names=tuple("0123456789"),
    num_train=1294,
    num_validation=143,
    num_test=360,
    fingerprint="0123456789abcdef",
)


def start_holder(path: Path) -> subprocess.Popen[str]:
    """A process that holds the lock of the run and says so, until it is killed."""
    code = f"""
import time
from vae.runs.run import Run
with Run.open({str(path)!r}).lock():
    print("held", flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def break_config(run: Run, **changes: Any) -> None:
    values = json.loads((run.path / "config.json").read_text())
    (run.path / "config.json").write_text(json.dumps({**values, **changes}))
