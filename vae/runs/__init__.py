"""The run directory: config, history, status, snapshots and weights of one training, and what lists and moves it.

May import `export`, `models` and below; whatever reads or writes a run imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from vae.runs.listing import BrokenRun, create_run, find_run, list_runs
    from vae.runs.metrics import MetricsReader, MetricsWriter
    from vae.runs.naming import RunError
    from vae.runs.run import Run
    from vae.runs.run_dataset import images_of
    from vae.runs.snapshots import load_model
    from vae.runs.status import Control, Status

__all__ = [
    "BrokenRun",
    "Control",
    "MetricsReader",
    "MetricsWriter",
    "Run",
    "RunError",
    "Status",
    "create_run",
    "find_run",
    "images_of",
    "list_runs",
    "load_model",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "listing": ["BrokenRun", "create_run", "find_run", "list_runs"],
        "metrics": ["MetricsReader", "MetricsWriter"],
        "naming": ["RunError"],
        "run": ["Run"],
        "run_dataset": ["images_of"],
        "snapshots": ["load_model"],
        "status": ["Control", "Status"],
    },
)
