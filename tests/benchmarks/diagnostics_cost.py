"""What the diagnostics cost while a run trains: epochs with and without them in turn, in one process.

    python tests/benchmarks/diagnostics_cost.py --data-root DIR [--rounds 10] [--latent-dim 20]

784-400-D-400-784, batch 128, MNIST with its validation images, 30 epochs: one evaluation an epoch and two snapshots, as
the defaults have them. Two trainers of one configuration take turns, an epoch each; the ratio is taken within a turn.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from vae.threads import share_cores

share_cores()

from vae import engine  # noqa: E402
from vae.config import DataConfig, ModelConfig, RunConfig, TrainConfig  # noqa: E402
from vae.data import Dataset, load  # noqa: E402
from vae.diagnostics import diagnose, live_numbers  # noqa: E402
from vae.engine import Trainer  # noqa: E402
from vae.runs import Run  # noqa: E402


def epochs_of(run: Run, dataset: Dataset, *, is_diagnosed: bool) -> Callable[[], float]:
    """An epoch of a trainer, up to and with its evaluation, in images per second."""
    trainer = Trainer(run, dataset)
    reports = trainer.train()

    def go() -> float:
        engine.live_numbers = live_numbers if is_diagnosed else lambda *_: {}
        began = time.perf_counter()
        for report in reports:
            if report.kind == "validation":
                break
        return len(trainer.images) / (time.perf_counter() - began)

    return go


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--latent-dim", type=int, default=20)
    options = parser.parse_args()
    config = RunConfig(
        data=DataConfig(name="mnist", root=options.data_root),
        model=ModelConfig(latent_dim=options.latent_dim),
        train=TrainConfig(epochs=max(30, options.rounds + 1)),
    )
    dataset = load(config.data)
    with tempfile.TemporaryDirectory() as folder:
        runs = [Run.create(Path(folder) / name, config, dataset.info()) for name in ("with", "without")]
        turns = [
            epochs_of(run, dataset, is_diagnosed=is_diagnosed)
            for run, is_diagnosed in zip(runs, (True, False), strict=True)
        ]
        speeds: list[tuple[float, float]] = []
        for number in range(options.rounds + 1):
            order = (0, 1) if number % 2 else (1, 0)  # whoever comes first has no advantage
            found = {place: turns[place]() for place in order}
            if number:  # the first round warms up
                speeds.append((found[0], found[1]))
            print(f"round {number} of {options.rounds}", file=sys.stderr)
        began = time.perf_counter()
        diagnose(runs[0], dataset)
        seconds = time.perf_counter() - began
    print(f"{'':24}{'images/s':>10}")
    for name, values in zip(("with diagnostics", "without"), zip(*speeds, strict=True), strict=True):
        print(f"{name:24}{statistics.median(values):10,.0f}")
    ratio = statistics.median(one / other for one, other in speeds)
    print(f"with / without: {ratio:.3f} (at least 0.95: {'yes' if ratio >= 0.95 else 'NO'})")
    print(f"one whole diagnosis of up to 2,000 images: {seconds:.2f} s")


if __name__ == "__main__":
    main()
