"""The importance-weighted bound of runs trained in bfloat16 beside the same runs in float32, on MNIST.

    python tests/benchmarks/bf16_bound.py --data-root DIR [--epochs 5] [--seeds 0 1 2] [--k 64] [--images 2000]

Both are evaluated in float32, on the same test images and with the same noise. They must agree within 0.3 nats.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Literal

from vae.runtime.cpu_threads import share_cores

share_cores()

from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig  # noqa: E402
from vae.data.dataset import Dataset, load_dataset  # noqa: E402
from vae.evaluation.importance import importance_bound  # noqa: E402
from vae.runs.run import Run  # noqa: E402
from vae.training.trainer import Trainer  # noqa: E402

Precision = Literal["float32", "bf16"]


def bound(
    dataset: Dataset, scratch: Path, options: argparse.Namespace, seed: int, precision: Precision
) -> tuple[float, float]:
    """The bound in nats, and the seconds of training."""
    config = RunConfig(
        data=DataConfig(name="mnist", root=options.data_root),
        model=ModelConfig(latent_dim=20, hidden=(400,)),
        train=TrainConfig(epochs=options.epochs, seed=seed, precision=precision, num_snapshots=0),
    )
    trainer = Trainer(Run.create(scratch / f"{precision}-{seed}", config, dataset.info()), dataset)
    began = time.perf_counter()
    for _ in trainer.train():
        pass
    seconds = time.perf_counter() - began
    found = importance_bound(trainer.model, dataset, k=options.k, num_images=options.images)
    return float(found.log_prob.mean()), seconds


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--k", type=int, default=64)
    parser.add_argument("--images", type=int, default=2000)
    options = parser.parse_args()
    dataset = load_dataset(DataConfig(name="mnist", root=options.data_root))
    print(f"784-400-20-400-784, {options.epochs} epochs, k = {options.k}, {options.images:,} test images")
    print("| seed | float32 | bf16 | difference | seconds | seconds |")
    print("|---|---|---|---|---|---|")
    largest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for seed in options.seeds:
            (one, slow), (other, fast) = (
                bound(dataset, Path(folder), options, seed, precision) for precision in ("float32", "bf16")
            )
            largest = max(largest, abs(one - other))
            print(
                f"| {seed} | {one:.3f} | {other:.3f} | {other - one:+.3f} | {slow:.1f} | {fast:.1f} |",
                flush=True,
            )
    print(f"largest difference {largest:.3f} (at most 0.3: {'yes' if largest <= 0.3 else 'NO'})")


if __name__ == "__main__":
    main()
