"""Published numbers, and how to get them again with this library."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vae.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
from vae.errors import UserError


@dataclass(frozen=True)
class Reference:
    """A published set-up with its test-set figure.

    Attributes:
        config: The whole set-up; seed and data folder are filled in when it runs.
        published: The figure by the name it has in `Evaluation.to_dict`.
        tolerance: How far an honest reproduction may lie from it, in nats.
        source: Where it was published.
    """

    config: RunConfig
    published: dict[str, float]
    tolerance: float
    source: str


REFERENCES = {
    "pytorch-example": Reference(
        config=RunConfig(
            data=DataConfig(name="mnist", binarize="none", validation=0),
            model=ModelConfig(hidden=(400,), latent_dim=20, activation="relu"),
            objective=ObjectiveConfig(beta=1),
            train=TrainConfig(epochs=10, batch_size=128, learning_rate=1e-3, num_snapshots=0),
        ),
        published={"neg_elbo": 105.6},
        tolerance=0.7,
        source="logs of the PyTorch VAE example, grey pixels under a Bernoulli",
    ),
}


def reproduce(
    name: str,
    *,
    data_root: Path | None = None,
    seed: int = 0,
    epochs: int | None = None,
    run_dir: Path | None = None,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Train a published set-up and put the figure obtained beside the published one.

    Args:
        name: A key of `REFERENCES`.
        data_root: Folder of downloaded sets.
        seed: Of weights, order and noise.
        epochs: Fewer or more than published; the answer says so.
        run_dir: Keep the run here; else it is deleted.
        progress: Told of the epochs done.

    Returns:
        ``obtained`` and ``published`` by name, ``difference``, ``tolerance``, ``within_tolerance``, and what it
        was: pixels, likelihood, epochs, seed, minutes, source.

    Raises:
        UserError: If the name is unknown or the data are missing.
    """
    from vae.data import load
    from vae.engine import Trainer
    from vae.evaluation import evaluate
    from vae.runs import Run

    if name not in REFERENCES:
        raise UserError(
            f"name must be one of {', '.join(REFERENCES)}, got {name!r}; see `vae reproduce --help`"
        )
    reference = REFERENCES[name]
    published_epochs = reference.config.train.epochs
    config = reference.config.replace(
        data=reference.config.data.replace(root=data_root),
        train=reference.config.train.replace(
            seed=seed, epochs=published_epochs if epochs is None else epochs
        ),
    )
    dataset = load(config.data)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        run = Run.create(run_dir or Path(scratch) / name, config, dataset.info())
        trainer = Trainer(run, dataset)
        for report in trainer.train():
            if progress is not None:
                progress(report.line["epoch"])
        if run.status().state != "finished":
            raise UserError(
                f"the run must finish to be compared, got {run.status().state}; {run.status().error}"
            )
        result = evaluate(trainer.model, dataset, "test", seed=seed).to_dict()
    obtained = {key: result[key] for key in reference.published}
    difference = {key: obtained[key] - value for key, value in reference.published.items()}
    return {
        "name": name,
        "obtained": {**obtained, "distortion": result["distortion"], "rate": result["rate"]},
        "standard_error": result["standard_error"],
        "published": reference.published,
        "difference": difference,
        "tolerance": reference.tolerance,
        "within_tolerance": all(abs(value) <= reference.tolerance for value in difference.values()),
        "unit": "nats per example",
        "split": "test",
        "num_images": result["num_images"],
        "pixels": config.data.binarize,
        "likelihood": config.model.likelihood,
        "epochs": config.train.epochs,
        "published_epochs": published_epochs,
        "seed": seed,
        "minutes": (time.perf_counter() - began) / 60,
        "source": reference.source,
    }
