"""Training speed beside what others do: 784-400-20-400-784, batch 128, Adam, grey MNIST, as in the PyTorch example.

    python tests/benchmarks/training_speed.py --data-root DIR [--rounds 10]

All contenders run in one process, in turn, an epoch or less at a time; the table gives medians of images per second and
of the ratios within each round, which a noisy machine disturbs least. pythae takes part if it is installed
(`pip install -e ".[benchmark]"`).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from vae.runtime.cpu_threads import share_cores
from vae.runtime.memory_reuse import keep_freed_memory

share_cores()
keep_freed_memory()  # as in every process that trains

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig  # noqa: E402
from vae.data.dataset import Dataset, load_dataset  # noqa: E402
from vae.runs.run import Run  # noqa: E402
from vae.training.trainer import Trainer  # noqa: E402

BATCH, HIDDEN, LATENT, PIXELS = 128, 400, 20, 784


def config(root: Path, epochs: int, num_snapshots: int) -> RunConfig:
    """The example's set-up, trained on all 60,000 images."""
    return RunConfig(
        data=DataConfig(name="mnist", root=root, validation=0),
        model=ModelConfig(hidden=(HIDDEN,), latent_dim=LATENT),
        train=TrainConfig(epochs=epochs, batch_size=BATCH, num_snapshots=num_snapshots),
    )


def products(num_batches: int) -> Callable[[], int]:
    """The matrix products of forward and backward pass alone: the bound that no training loop can pass."""
    shapes = [(PIXELS, HIDDEN), (HIDDEN, 2 * LATENT), (LATENT, HIDDEN), (HIDDEN, PIXELS)]
    layers = [(torch.rand(BATCH, i), torch.rand(i, o), torch.rand(BATCH, o)) for i, o in shapes]

    def run() -> int:
        for _ in range(num_batches):
            for number, (x, weight, grad) in enumerate(layers):
                torch.mm(x, weight)
                torch.mm(x.T, grad)
                if number:  # nobody needs the gradient of the images
                    torch.mm(grad, weight.T)
        return num_batches * BATCH

    return run


def bare(dataset: Dataset, root: Path, scratch: Path) -> Callable[[], int]:
    """An epoch of our step over our batches, nothing written."""
    run = Run.create(scratch / "bare", config(root, 1, 0), dataset.info())
    trainer = Trainer(run, dataset)

    def go() -> int:
        num = 0
        for x, y in trainer.batches():
            trainer.step(dataset.pixels(x, trainer.noise), y)
            num += len(x)
        return num

    return go


def steps(
    dataset: Dataset,
    root: Path,
    scratch: Path,
    name: str,
    *,
    network: str,
    precision: str,
    num_batches: int,
    channels_first: bool = False,
) -> Callable[[], int]:
    """Steps of a network as in the example, or of a convolutional one, with products in float32 or bfloat16.

    With `channels_first` the weights lie in memory in torch's usual order.
    """
    settings = config(root, 1, 0)
    settings = settings.replace(
        model=settings.model.replace(network=network), train=settings.train.replace(precision=precision)
    )
    trainer = Trainer(Run.create(scratch / name, settings, dataset.info()), dataset)
    if channels_first:
        trainer.model.to(memory_format=torch.contiguous_format)

    def go() -> int:
        num = 0
        for (x, y), _ in zip(trainer.batches(), range(num_batches), strict=False):
            trainer.step(dataset.pixels(x, trainer.noise), y)
            num += len(x)
        return num

    return go


def whole(dataset: Dataset, root: Path, scratch: Path, rounds: int) -> Callable[[], int]:
    """An epoch of the trainer as users run it: metrics, status, control, checkpoints, 6 snapshots an epoch."""
    run = Run.create(scratch / "whole", config(root, rounds, 6 * rounds), dataset.info())
    trainer = Trainer(run, dataset)
    reports = trainer.train()

    def go() -> int:
        epoch = trainer.position.epochs
        for _ in reports:
            if trainer.position.epochs > epoch:
                break
        return trainer.position.num_images

    return go


class ExampleVAE(nn.Module):
    """The network of the PyTorch example, written as its users write it."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(PIXELS, HIDDEN)
        self.mean, self.log_var = nn.Linear(HIDDEN, LATENT), nn.Linear(HIDDEN, LATENT)
        self.back, self.out = nn.Linear(LATENT, HIDDEN), nn.Linear(HIDDEN, PIXELS)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = F.relu(self.hidden(x.view(-1, PIXELS)))
        mean, log_var = self.mean(h), self.log_var(h)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_var)
        return torch.sigmoid(self.out(F.relu(self.back(z)))), mean, log_var


def data_loader(root: Path, num_batches: int) -> Callable[[], int]:
    """A DataLoader with ToTensor, one image at a time, probabilities and plain Adam, as in the PyTorch example."""
    from torchvision import datasets, transforms

    images = datasets.MNIST(str(root), train=True, transform=transforms.ToTensor())
    loader = torch.utils.data.DataLoader(images, batch_size=BATCH, shuffle=True)
    model = ExampleVAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def go() -> int:
        num, total = 0, 0.0
        for _, (x, _) in zip(range(num_batches), loader, strict=False):
            optimizer.zero_grad()
            probabilities, mean, log_var = model(x)
            cross_entropy = F.binary_cross_entropy(probabilities, x.view(-1, PIXELS), reduction="sum")
            loss = cross_entropy + 0.5 * (log_var.exp() + mean.square() - 1 - log_var).sum()
            loss.backward()
            total += loss.item()
            optimizer.step()
            num += len(x)
        return num

    return go


def pythae(dataset: Dataset, num_images: int) -> Callable[[], int] | None:
    """pythae's trainer on the same network, its data in memory; None if it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pythae.models import VAE, VAEConfig
            from pythae.models.base.base_utils import ModelOutput
            from pythae.models.nn import BaseDecoder, BaseEncoder
            from pythae.trainers import BaseTrainer, BaseTrainerConfig
    except ImportError:
        return None

    class PythaeEncoder(BaseEncoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.hidden = nn.Linear(PIXELS, HIDDEN)
            self.mean, self.log_var = nn.Linear(HIDDEN, LATENT), nn.Linear(HIDDEN, LATENT)

        def forward(self, x: Tensor) -> ModelOutput:
            h = F.relu(self.hidden(x.reshape(-1, PIXELS)))
            return ModelOutput(embedding=self.mean(h), log_covariance=self.log_var(h))

    class PythaeDecoder(BaseDecoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.back, self.out = nn.Linear(LATENT, HIDDEN), nn.Linear(HIDDEN, PIXELS)

        def forward(self, z: Tensor) -> ModelOutput:
            image = torch.sigmoid(self.out(F.relu(self.back(z))))
            return ModelOutput(reconstruction=image.view(-1, 1, 28, 28))

    from pythae.data.datasets import BaseDataset

    logging.disable(logging.WARNING)
    images = dataset.pixels(dataset.part("train")[0][:num_images])
    model = VAE(
        VAEConfig(input_dim=(1, 28, 28), latent_dim=LATENT, reconstruction_loss="bce"),
        PythaeEncoder(),
        PythaeDecoder(),
    )
    scratch = tempfile.mkdtemp()
    options = BaseTrainerConfig(
        output_dir=scratch,
        num_epochs=1,
        per_device_train_batch_size=BATCH,
        learning_rate=1e-3,
        optimizer_cls="Adam",
        no_cuda=True,
    )
    trainer = BaseTrainer(model, BaseDataset(images, torch.zeros(len(images))), training_config=options)
    trainer.prepare_training()

    def go() -> int:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            trainer.train_step(1)
        return num_images

    return go


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    root: Path = options.data_root
    dataset = load_dataset(config(root, 1, 0).data)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)

        def of(network: str, precision: str, num: int, *, channels_first: bool = False) -> Callable[[], int]:
            name = f"{network}-{precision}-{len(list(scratch.iterdir()))}"
            return steps(
                dataset, root, scratch, name,
                network=network, precision=precision, num_batches=num, channels_first=channels_first,
            )  # fmt: skip

        contenders: dict[str, Callable[[], int] | None] = {
            "matrix products alone": products(469),
            "bare loop": bare(dataset, root, scratch),
            "trainer, all on": whole(dataset, root, scratch, options.rounds + 1),
            "MLP steps, bf16": of("mlp", "bf16", 469),
            "MLP steps, float32": of("mlp", "float32", 469),
            "conv steps, float32": of("conv", "float32", 40),
            "conv steps, channels first": of("conv", "float32", 40, channels_first=True),
            "conv steps, bf16": of("conv", "bf16", 40),
            "pythae 0.1.2": pythae(dataset, 120 * BATCH),
            "DataLoader + ToTensor": data_loader(root, 120),
        }
        speeds: dict[str, list[float]] = {name: [] for name, go in contenders.items() if go is not None}
        for number in range(options.rounds + 1):
            for name, go in contenders.items():
                if go is None:
                    continue
                began = time.perf_counter()
                speed = go() / (time.perf_counter() - began)
                if number:  # the first round warms up
                    speeds[name].append(speed)
            print(f"round {number} of {options.rounds}", file=sys.stderr)

    def ratio(one: str, other: str) -> float:
        return statistics.median(a / b for a, b in zip(speeds[one], speeds[other], strict=True))

    print(f"{'':28}{'images/s':>10}{'s/epoch':>9}")
    for name, found in speeds.items():
        middle = statistics.median(found)
        print(f"{name:28}{middle:10,.0f}{60_000 / middle:9.2f}")
    wanted = [
        ("trainer, all on", "pythae 0.1.2", 2.0),
        ("trainer, all on", "DataLoader + ToTensor", 5.0),
        ("bare loop", "matrix products alone", 0.5),
        ("trainer, all on", "bare loop", 0.95),
        ("conv steps, float32", "conv steps, channels first", 1.15),
        ("MLP steps, bf16", "MLP steps, float32", 1.3),
        ("conv steps, bf16", "conv steps, float32", 1.6),
    ]
    for one, other, least in wanted:
        if other in speeds:
            found_ratio = ratio(one, other)
            print(
                f"{one} / {other}: {found_ratio:.2f} (at least {least:g}: {'yes' if found_ratio >= least else 'NO'})"
            )


if __name__ == "__main__":
    main()
