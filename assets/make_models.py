"""Train the examples that come with Latent Lab, and keep of each its weights, latent positions and curves, and of the
first its snapshots.

    python assets/make_models.py --data-root DIR [NAME …]

DIR is torchvision's folder with MNIST. No image is kept, no optimiser state, and no path of the machine.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from tqdm import tqdm

from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import load_dataset
from vae.runs.metric_lines import thin
from vae.runs.metrics import MetricsReader
from vae.runs.run import Run
from vae.training.trainer import Trainer

MODELS = Path(__file__).resolve().parent / "models"
DIGITS = TrainConfig(epochs=300, batch_size=64, num_snapshots=0)
#: The example that opens first: its images are on every machine, and its training can be shown again.
FIRST = DIGITS.replace(epochs=200, num_snapshots=30)
MNIST = TrainConfig(epochs=60, batch_size=128, num_snapshots=0)
EXAMPLES = {
    "digits-2d": ("Digits, 2-D", "digits", ModelConfig(hidden=(96, 48), latent_dim=2), FIRST),
    "digits-conditional": (
        "Digits, conditional",
        "digits",
        ModelConfig(hidden=(256, 128), latent_dim=2, conditional=True),
        DIGITS,
    ),
    "mnist-2d": ("MNIST, 2-D", "mnist", ModelConfig(hidden=(400, 100), latent_dim=2), MNIST),
    "mnist-16d": (
        "MNIST, 16-D",
        "mnist",
        ModelConfig(hidden=(400,), latent_dim=16),
        MNIST.replace(epochs=40),
    ),
    "mnist-conditional": (
        "MNIST, conditional",
        "mnist",
        ModelConfig(hidden=(400, 100), latent_dim=2, conditional=True),
        MNIST,
    ),
}


def make(run_id: str, data_root: Path | None) -> None:
    """Train one example and put it in its place."""
    name, data, model, train = EXAMPLES[run_id]
    public = RunConfig(data=DataConfig(name=data), model=model, train=train)
    dataset = load_dataset(public.data.replace(root=data_root))
    with tempfile.TemporaryDirectory() as scratch:
        run = Run.create(Path(scratch) / run_id, public, dataset.info(), name)
        with tqdm(
            total=train.epochs, desc=run_id, unit="epoch", bar_format="{l_bar}{bar}| {n:.0f}/{total}"
        ) as bar:
            for report in Trainer(run, dataset).train():
                bar.update(report.line["epoch"] - bar.n)
        lines = thin(MetricsReader(run.metrics_path).read()[1], at_most=400)
        target = MODELS / run_id
        shutil.rmtree(target, ignore_errors=True)
        (target / "checkpoints").mkdir(parents=True)
        for kept in (
            "config.json",
            "name.json",
            "status.json",
            "latent.safetensors",
            "checkpoints/best.safetensors",
        ):
            shutil.copyfile(run.path / kept, target / kept)
        if run.snapshots():
            shutil.copytree(run.path / "snapshots", target / "snapshots")
        status = json.loads((target / "status.json").read_text())
        (target / "status.json").write_text(
            json.dumps({**status, "pid": None, "host": "", "live_step": None})
        )
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        (target / "metrics.jsonl").write_text(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("names", nargs="*", choices=[[], *EXAMPLES], default=[])
    options = parser.parse_args()
    for wanted in options.names or EXAMPLES:
        make(wanted, options.data_root)
