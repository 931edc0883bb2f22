"""Published test metrics, and how to obtain them again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.config.schema import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
from vae.errors import UserError

if TYPE_CHECKING:
    from vae.data.dataset import Dataset
    from vae.runs.run import Run


@dataclass(frozen=True)
class Reference:
    """A published set-up with its test-set figures.

    Attributes:
        config: The whole set-up; seed and data folder are filled in when it runs.
        published: The figures by name: ``neg_elbo`` and ``neg_log_prob`` in nats, ``active_units`` a number.
        tolerance: How far an honest reproduction may lie from a figure in nats, at the published number of epochs.
        source: Where it was published.
        stated: Epochs of the part that is trained unless all are asked for; None trains all of them.
        samples: Importance samples for each image, where log p is published.
    """

    config: RunConfig
    published: dict[str, float]
    tolerance: float
    source: str
    stated: int | None = None
    samples: int = 5000


_IWAE = RunConfig(
    data=DataConfig(name="mnist", binarize="dynamic", validation=0),
    model=ModelConfig(hidden=(200, 200), latent_dim=50, activation="tanh"),
    objective=ObjectiveConfig(beta=1),
    train=TrainConfig(
        epochs=3280, batch_size=20, learning_rate=1e-3, learning_rate_schedule="stages", adam_eps=1e-4
    ),
)

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
    "iwae-1layer": Reference(
        config=_IWAE,
        published={"neg_log_prob": 86.76, "active_units": 19},
        tolerance=0.7,
        source="Burda, Grosse & Salakhutdinov (2016), table 1, VAE with k = 1; a PyTorch port came to 87.01",
        stated=364,  # stages to 3^5
    ),
    "cvae": Reference(
        config=_IWAE.replace(model=_IWAE.model.replace(latent_dim=100, conditional=True, learned_prior=True)),
        published={"neg_log_prob": 82.32},
        tolerance=0.7,
        source="a TensorFlow port of the above with 100 latent dimensions, one-hot digit and learned prior",
        stated=40,  # stages to 3^3
    ),
}


def reproduce(
    name: str,
    *,
    data_root: Path | None = None,
    seed: int = 0,
    epochs: int | None = None,
    run_dir: Path | None = None,
    samples: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Train a published set-up and put the figures obtained beside the published ones.

    Args:
        name: A key of `REFERENCES`.
        data_root: Folder of downloaded sets.
        seed: Of weights, order and noise.
        epochs: Other than the stated part; the answer says how many of the published ones.
        run_dir: Keep the run here, and go on with it if it is there; else it is deleted.
        samples: Importance samples for each image, other than published.
        progress: Told of the epochs done.

    Returns:
        ``obtained`` and ``published`` by name, ``difference``, ``tolerance``, ``within_tolerance`` (of the figures in
        nats), and what it was: pixels, likelihood, epochs, seed, samples,
        minutes of training, in all the parts that it was done in, and of measuring, source.

    Raises:
        UserError: If the name is unknown, the data are missing, or the folder holds another run.
    """
    from vae.data.dataset import load_dataset
    from vae.runs.run import Run
    from vae.storage.scratch import scratch
    from vae.training.trainer import Trainer
    from vae.training.worker import stopping_on_signals

    if name not in REFERENCES:
        raise UserError(
            f"name must be one of {', '.join(REFERENCES)}, got {name!r}; see `vae reproduce --help`"
        )
    reference = REFERENCES[name]
    published_epochs = reference.config.train.epochs
    wanted = epochs if epochs is not None else reference.stated or published_epochs
    config = reference.config.replace(
        data=reference.config.data.replace(root=data_root),
        train=reference.config.train.replace(seed=seed, epochs=wanted),
    )
    dataset = load_dataset(config.data)
    with scratch() as folder:
        run = _run_at(run_dir or folder / name, config, dataset)
        if run.status().state != "finished":
            trainer = Trainer(run, dataset)
            with stopping_on_signals(trainer) as signals:
                for report in trainer.train():
                    if progress is not None:
                        progress(report.line["epoch"])
            if signals:
                raise KeyboardInterrupt  # the checkpoint is written
        status = run.status()
        if status.state != "finished":
            raise UserError(f"the run must finish to be compared, got {status.state}; {status.error}")
        began = time.perf_counter()
        measured = _measure(reference, Run.open(run.path), dataset, seed, samples or reference.samples)
        measuring = time.perf_counter() - began
    obtained = {key: measured[key] for key in reference.published}
    difference = {key: obtained[key] - value for key, value in reference.published.items()}
    return {
        "name": name,
        "obtained": {**obtained, "distortion": measured["distortion"], "rate": measured["rate"]},
        "standard_error": measured["standard_error"],
        "published": reference.published,
        "difference": difference,
        "tolerance": reference.tolerance,
        "within_tolerance": all(
            abs(value) <= reference.tolerance for key, value in difference.items() if key != "active_units"
        ),
        "unit": "nats per example",
        "split": "test",
        "num_images": measured["num_images"],
        "samples": measured["samples"],
        "pixels": config.data.binarize,
        "likelihood": config.model.likelihood,
        "epochs": config.train.epochs,
        "published_epochs": published_epochs,
        "seed": seed,
        "training_minutes": status.seconds / 60,
        "measuring_minutes": measuring / 60,
        "source": reference.source,
    }


def _run_at(path: Path, config: RunConfig, dataset: Dataset) -> Run:
    """The run of a folder, made if there is none.

    Raises:
        UserError: If there is one of other settings.
    """
    from vae.runs.run import Run
    from vae.runs.run_dataset import are_alike

    if not (path / "config.json").is_file():
        return Run.create(path, config, dataset.info())
    run = Run.open(path)
    if not are_alike(run.config, config):
        raise UserError(
            f"the run in {path} must have the settings of this reproduction, got others; give another folder"
        )
    return run


def _measure(reference: Reference, run: Run, dataset: Dataset, seed: int, samples: int) -> dict[str, Any]:
    """The figures of the newest weights on the test part that were published, and the ELBO's parts."""
    from vae.evaluation.elbo import evaluate
    from vae.evaluation.importance import importance_bound
    from vae.latent.embedding import embed
    from vae.models.posterior_statistics import active_units
    from vae.runs.snapshots import load_model
    from vae.runtime.mean_of import known

    model = load_model(run, "last")
    result = {**evaluate(model, dataset, "test", seed=seed).to_dict(), "samples": None}
    if "neg_log_prob" in reference.published:
        bound = importance_bound(model, dataset, "test", k=samples, seed=seed)
        result |= {
            "neg_log_prob": -bound.bound.mean,
            "standard_error": known(bound.bound.standard_error),
            "samples": samples,
        }
    if "active_units" in reference.published:
        result["active_units"] = int(active_units(embed(model, dataset, "test", seed=seed).mean).sum())
    return result
