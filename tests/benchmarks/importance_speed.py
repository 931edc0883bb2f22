"""The importance-weighted bound beside the decoder's matrix products alone, in one process, in turn.

    python tests/benchmarks/importance_speed.py [RUN-DIR --data-root DIR] [--images 10000] [--samples 5000]

Without a run it takes a random model, 784-200-200-50 and back, tanh, Bernoulli, and random binary images. The images
are cut into rounds; in each, the bound and the products of as many samples are measured one after the other, and the
table gives medians of the ratios within the rounds, which a noisy machine disturbs least.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from pathlib import Path

from vae.runtime.cpu_threads import share_cores

share_cores()

import torch  # noqa: E402
from torch import nn  # noqa: E402

from vae.config.schema import DataConfig, DataInfo, ModelConfig  # noqa: E402
from vae.data.dataset import Dataset  # noqa: E402
from vae.evaluation.importance import NUM_SAMPLES, importance_bound, max_rows  # noqa: E402
from vae.models.vae import VAE  # noqa: E402


def products(model: VAE, num: int) -> None:
    """The decoder's matrix products for so many latent points, in blocks as large as the bound's, and nothing else."""
    layers = [layer for layer in model.decoder.modules() if isinstance(layer, nn.Linear)]
    rows = min(num, max_rows(model))
    inputs = [torch.rand(rows, layer.in_features) for layer in layers]
    outputs = [torch.empty(rows, layer.out_features) for layer in layers]
    for _ in range(round(num / rows)):
        for layer, x, y in zip(layers, inputs, outputs, strict=True):
            torch.mm(x, layer.weight.T, out=y)


def random_model() -> VAE:
    """The network of the published tables, with weights as a new run has them."""
    info = DataInfo(
        channels=1,
        height=28,
        width=28,
        class_names=(),
        num_train=1,
        num_validation=0,
        num_test=1,
        fingerprint="",
    )
    torch.manual_seed(0)
    model = VAE(ModelConfig(hidden=(200, 200), latent_dim=50, activation="tanh"), info)
    return model.eval().requires_grad_(False)


def part_of(images: torch.Tensor, labels: torch.Tensor | None, like: Dataset | None) -> Dataset:
    """A data set whose test part is these images."""
    nothing, rows = torch.zeros(0, dtype=torch.int64), torch.arange(len(images))
    names = () if like is None else like.class_names
    config, top = (DataConfig(), 255) if like is None else (like.config, like.max_value)
    return Dataset(images, labels, top, names, nothing, nothing, rows, config)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--samples", type=int, default=NUM_SAMPLES)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    if options.run is None:
        model, whole = random_model(), None
        images = 255 * torch.randint(2, (options.images, 1, 28, 28), dtype=torch.uint8)
        labels = None
    else:
        from vae.runs.run import Run
        from vae.runs.run_dataset import images_of
        from vae.runs.snapshots import load_model

        run = Run.open(options.run)
        model, whole = load_model(run), images_of(run, root=options.data_root)
        if model.config.network != "mlp":
            raise SystemExit("the products are counted for model.network mlp alone")
        images, labels = whole.part("test")
        images, labels = images[: options.images], None if labels is None else labels[: options.images]
    size = -(-len(images) // options.rounds)
    seconds: dict[str, list[float]] = {"bound": [], "products": []}
    total, num = 0.0, 0
    importance_bound(
        model, part_of(images[:1], None if labels is None else labels[:1], whole), k=options.samples
    )
    products(model, options.samples)
    for start in range(0, len(images), size):
        some = part_of(
            images[start : start + size], None if labels is None else labels[start : start + size], whole
        )
        began = time.perf_counter()
        found = importance_bound(model, some, k=options.samples)
        middle = time.perf_counter()
        products(model, len(some.images) * options.samples)
        seconds["bound"].append(middle - began)
        seconds["products"].append(time.perf_counter() - middle)
        total, num = total + float(found.log_prob.sum()), num + len(some.images)
        print(f"{num:,} of {len(images):,} images", file=sys.stderr)
    ratio = statistics.median(
        alone / bound for alone, bound in zip(seconds["products"], seconds["bound"], strict=True)
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    print(f"{num:,} images, k = {options.samples:,}, {torch.get_num_threads()} threads")
    print(f"log p(x)                    {total / num:10.3f} nats per example")
    print(f"importance-weighted bound   {sum(seconds['bound']):10.1f} s")
    print(f"matrix products alone       {sum(seconds['products']):10.1f} s")
    print(f"speed / products alone      {ratio:10.2f} (at least 0.5: {'yes' if ratio >= 0.5 else 'NO'})")
    print(f"peak memory of the process  {peak:10.2f} GiB (at most 1: {'yes' if peak <= 1 else 'NO'})")


if __name__ == "__main__":
    main()
