"""How the run of a situation comes about: trained by us, by a loop that is watched, or from a recipe."""

from __future__ import annotations

from collections.abc import Callable

import torch

from tests.benchmarks import situation_data as images
from tests.benchmarks.situation_judge import Make
from tests.benchmarks.situation_runs import (
    Bench,
    Loop,
    digits,
)
from vae.config.schema import DataConfig, RunConfig
from vae.data.dataset import Dataset, load_dataset
from vae.experiments.failure_modes import RECIPES
from vae.runs.run import Run


def run(config: RunConfig, make_data: Callable[[Bench], Dataset] | None = None, **options: object) -> Make:
    """A run of our trainer; options are those of `Bench.trained`, and ``at`` is that of `diagnose`."""

    def make(bench: Bench, name: str = "") -> tuple[Run, Dataset, dict[str, object]]:
        dataset = digits() if make_data is None else make_data(bench)
        more = {key: options[key] for key in options if key != "at"}
        found = bench.trained(name, config, dataset, **more)  # type: ignore[arg-type]
        at = options.get("at")
        return (
            found,
            dataset,
            {} if at is None else {"at": found.snapshots()[at] if isinstance(at, int) else at},
        )

    return make


def loop(**options: object) -> Make:
    """A watched loop."""

    def make(bench: Bench, name: str = "") -> tuple[Run, Dataset, dict[str, object]]:
        dataset = digits()
        return bench.watched(name, Loop(**options), dataset), dataset, {}  # type: ignore[arg-type]

    return make


def own(
    make: Callable[[int], images.Arrays], name: str = "", **options: object
) -> Callable[[Bench], Dataset]:
    """Images of one's own."""
    return lambda bench: images.data(bench.root, make, bench.seed, name, **options)


def recipe(name: str, cure: str = "") -> Make:
    """A recipe of the gallery, or one of its cures."""
    found = RECIPES[name]
    config = found.cure(cure).applied(found.config) if cure else found.config
    return run(config.replace(train=config.train.replace(num_snapshots=0, device="cpu")))


def mnist(config: RunConfig) -> Make:
    """A run on MNIST, where its folder is given."""

    def make(bench: Bench, name: str = "") -> tuple[Run, Dataset, dict[str, object]]:
        dataset = load_dataset(DataConfig(name="mnist", root=bench.data_root))
        return bench.trained(name, config, dataset), dataset, {}

    return make


def one_batch_sum(values: torch.Tensor) -> torch.Tensor:
    """A sum over the batch too."""
    return values.sum()
