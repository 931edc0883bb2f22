"""What the diagnostics cost while a run trains: epochs with and without them in turn, in one process.

    python tests/benchmarks/diagnostics_cost.py [--data-root DIR] [--rounds 10] [--latent-dim 20]

P-400-D-400-P, batch 128, as the defaults have it: an evaluation with its diagnostics after each epoch, and snapshots on
the way. Two trainers of one configuration take turns, and the ratio is taken within a turn: one epoch of MNIST, where
its folder is given, and ten of the built-in digits, whose epochs are so short that evaluating them weighs most.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from vae.runtime.cpu_threads import share_cores

share_cores()

from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig  # noqa: E402
from vae.data.dataset import Dataset, load_dataset  # noqa: E402
from vae.diagnostics.diagnose import diagnose, live_numbers  # noqa: E402
from vae.runs.run import Run  # noqa: E402
from vae.training import trainer as engine  # noqa: E402
from vae.training.trainer import Trainer  # noqa: E402


def turns_of(run: Run, dataset: Dataset, num_epochs: int, *, is_diagnosed: bool) -> Callable[[], float]:
    """Some epochs of a trainer, each with its evaluation, in images per second."""
    trainer = Trainer(run, dataset)
    reports = trainer.train()

    def go() -> float:
        with patch.object(engine, "live_numbers", live_numbers if is_diagnosed else lambda *_: {}):
            began = time.perf_counter()
            for _ in range(num_epochs):
                for report in reports:
                    if report.kind == "validation":
                        break
            return num_epochs * trainer.position.num_images / (time.perf_counter() - began)

    return go


def measure(dataset: Dataset, latent_dim: int, num_rounds: int, num_epochs: int) -> None:
    """Measure on one set and print."""
    config = RunConfig(
        data=dataset.config,
        model=ModelConfig(latent_dim=latent_dim),
        train=TrainConfig(epochs=max(30, (num_rounds + 1) * num_epochs), eval_every=1),
    )
    speeds: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        runs = [Run.create(Path(folder) / name, config, dataset.info()) for name in ("with", "without")]
        turns = [
            turns_of(run, dataset, num_epochs, is_diagnosed=is_diagnosed)
            for run, is_diagnosed in zip(runs, (True, False), strict=True)
        ]
        for number in range(num_rounds + 1):
            order = (0, 1) if number % 2 else (1, 0)  # whoever comes first has no advantage
            found = {place: turns[place]() for place in order}
            if number:  # the first round warms up
                speeds.append((found[0], found[1]))
            print(f"{dataset.config.name}: round {number} of {num_rounds}", file=sys.stderr)
        began = time.perf_counter()
        diagnose(runs[0], dataset)
        seconds = time.perf_counter() - began
    columns = list(zip(*speeds, strict=True))
    ratios = sorted(one / other for one, other in speeds)
    ratio = statistics.median(ratios)
    print(f"{dataset.config.name}, {latent_dim} dimensions")
    for name, values in zip(("with diagnostics", "without"), columns, strict=True):
        print(f"  {name:22}{statistics.median(values):10,.0f} images/s")
    print(
        f"  with / without: {ratio:.3f}, half of the rounds from {ratios[len(ratios) // 4]:.3f} "
        f"to {ratios[3 * len(ratios) // 4]:.3f} (at least 0.95: {'yes' if ratio >= 0.95 else 'NO'})"
    )
    print(f"  one whole diagnosis of up to 2,000 images: {seconds:.2f} s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path, help="folder with MNIST; without, the digits alone")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--latent-dim", type=int, default=20)
    options = parser.parse_args()
    if options.data_root is not None:
        mnist = load_dataset(DataConfig(name="mnist", root=options.data_root))
        measure(mnist, options.latent_dim, options.rounds, num_epochs=1)
    # A turn is a quarter of a second, so that many are needed to see past what else the machine does.
    measure(load_dataset(DataConfig()), options.latent_dim, 10 * options.rounds, num_epochs=10)


if __name__ == "__main__":
    main()
