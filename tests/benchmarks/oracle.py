"""A linear VAE trained on the digits beside its optimum in closed form, for several variances of the noise.

    python tests/benchmarks/oracle.py [--variances 0.46 0.325 …] [--seed 0]

The ELBO is exact, on the training images, whose own covariance the closed form has. The defaults lie in wide gaps
between its eigenvalues, so that the number of active dimensions is a question with a clear answer.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path

from vae.runtime.cpu_threads import share_cores

share_cores()

from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig  # noqa: E402
from vae.data.dataset import Dataset, load_dataset  # noqa: E402
from vae.models.linear_vae import PPCA, linear_terms  # noqa: E402
from vae.models.posterior_statistics import active_units  # noqa: E402
from vae.models.vae import VAE  # noqa: E402
from vae.runs.run import Run  # noqa: E402
from vae.training.trainer import Trainer  # noqa: E402

VARIANCES = (0.46, 0.325, 0.21, 0.13, 0.076)
LATENT = 16
#: The gradient's noise moves weights whose optimum is zero, so the rate falls to zero in the end; before, there must be
#: time enough to turn the dimensions into the principal axes.
TRAIN = TrainConfig(
    epochs=2000,
    batch_size=256,
    learning_rate=0.01,
    learning_rate_schedule="cosine",
    num_snapshots=0,
    device="cpu",
)


def trained(dataset: Dataset, sigma: float, folder: Path, seed: int = 0) -> VAE:
    """A linear VAE after its training, at β = 1 throughout."""
    config = RunConfig(
        data=dataset.config,
        model=ModelConfig(hidden=(), latent_dim=LATENT, likelihood="gaussian", sigma=sigma),
        train=TRAIN.replace(seed=seed),
    )
    trainer = Trainer(Run.create(folder / f"{sigma:g}", config, dataset.info()), dataset)
    for _ in trainer.train():
        pass
    return trainer.model.double().requires_grad_(False)


def main() -> None:
    """Train one model for each variance and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variances", type=float, nargs="+", default=list(VARIANCES))
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and noise")
    options = parser.parse_args()
    dataset = load_dataset(DataConfig(validation=0))
    x = dataset.pixels(dataset.part("train")[0]).double()
    print(
        "| σ² | ELBO, closed form | ELBO, trained | short of it | active, closed form | trained | seconds |"
    )
    print("|---|---|---|---|---|---|---|")
    fine = True
    with tempfile.TemporaryDirectory() as folder:
        for variance in options.variances:
            sigma, began = math.sqrt(variance), time.perf_counter()
            best = PPCA.fit(x, LATENT, sigma)
            model = trained(dataset, sigma, Path(folder), options.seed)
            elbo = float(linear_terms(model, x).elbo.mean())
            num_active = int(active_units(model.posterior(x)[0]).sum())
            fine &= best.elbo - elbo <= 0.05 and num_active == best.num_active
            print(
                f"| {variance:g} | {best.elbo:.3f} | {elbo:.3f} | {best.elbo - elbo:.3f} | {best.num_active} "
                f"| {num_active} | {time.perf_counter() - began:.0f} |",
                flush=True,
            )
    print(f"all within 0.05 nats, and every number of active dimensions exact: {'yes' if fine else 'NO'}")


if __name__ == "__main__":
    main()
