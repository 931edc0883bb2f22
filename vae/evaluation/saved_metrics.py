"""Test metrics of a run, saved in its folder, so that runs can be compared without their images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from vae.config.base import Config, ConfigError
from vae.data.dataset import Dataset
from vae.errors import UserError
from vae.runs.folder import keeping
from vae.runs.naming import RunError
from vae.runs.run import Run
from vae.storage.atomic import read_json, write_json

if TYPE_CHECKING:
    from vae.models.vae import At

FILE = "evaluation.json"


class Figures(Config):
    """Of some weights on all test images, one sample of z for each, in nats per example."""

    #: Steps after which the weights were these.
    step: int = Field(ge=0)
    #: Mean of −(distortion + rate), β = 1, and its standard error over the images, unknown of a single one.
    elbo: float
    standard_error: float | None = Field(None, ge=0)
    distortion: float
    rate: float
    rate_per_dim: tuple[float, ...] = Field(max_length=512)
    #: Dimensions whose posterior mean has a variance over these images above
    #: `vae.diagnostics.diagnose.ACTIVE_THRESHOLD`.
    active_units: int = Field(ge=0)

    @property
    def share_of_distortion(self) -> float | None:
        """Of −ELBO, from 0 to 1; None where a density makes one of the parts negative."""
        if self.distortion <= 0 or self.rate < 0:
            return None
        return self.distortion / (self.distortion + self.rate)

    def printed(self, decimals: int = 2) -> tuple[float, float, float]:
        """−ELBO, distortion and rate, rounded so that the sum adds up as it is printed."""
        from vae.runtime.number_format import adding_up

        (distortion, rate), total = adding_up([self.distortion, self.rate], -self.elbo, decimals)
        return total, distortion, rate


class Result(Config):
    """The figures of a run. Checked when it is read: a run may come from somebody else.

    The best weights have the best ELBO on the validation part, at β = 1. Where β < 1 lets a model go on to a larger
    rate they are early ones: what training came to, and where the run stands in the rate-distortion plane, the last
    ones say.
    """

    #: Steps that the run had trained.
    step: int = Field(ge=0)
    num_images: int = Field(ge=1)
    #: What the products of its training were taken in; the figures themselves are of float32.
    trained_in: Literal["float32", "bf16"] = "float32"
    best: Figures
    last: Figures


def kept(run: Run, folder: Path | None = None) -> Result | None:
    """The figures that were measured of a run, unless it was trained further since; None if there are none.

    Args:
        run: The run.
        folder: Where they were kept, if not in the run.
    """
    try:
        result = Result.from_dict(read_json((folder or run.path) / FILE))
    except (OSError, ConfigError, UserError):
        return None
    return result if result.step == run.status().step else None


def measure(run: Run, dataset: Dataset, folder: Path | None = None) -> Result:
    """Measure the figures, and keep them in the run if it can be written.

    Args:
        run: With weights.
        dataset: Its images.
        folder: Where to keep them, for a run that is not to be changed.

    Raises:
        UserError: If it has no weights, or there are no test images.
    """
    from contextlib import suppress

    step = run.status().step  # of now: while it is measured it may be trained on
    found = {at: _figures(run, dataset, at, step) for at in ("best", "last")}
    trained_in = run.config.train.precision
    result = Result(step=step, num_images=len(dataset.test), trained_in=trained_in, **found)
    with suppress(RunError), keeping(run, folder) as place:
        write_json(place / FILE, result.to_dict())
    return result


def _figures(run: Run, dataset: Dataset, at: At, newest: int) -> Figures:
    from vae.evaluation.elbo import evaluate
    from vae.latent.embedding import embed
    from vae.models.posterior_statistics import active_units
    from vae.runs.history import best_step
    from vae.runs.snapshots import load_model
    from vae.runtime.mean_of import known

    model = load_model(run, at)
    seed = run.config.train.seed
    found = evaluate(model, dataset, "test", seed=seed)
    step = best_step(run) if at == "best" else None
    return Figures(
        step=newest if step is None else step,
        elbo=found.elbo,
        standard_error=known(found.standard_error),
        distortion=found.distortion,
        rate=found.rate,
        rate_per_dim=found.rate_per_dim,
        active_units=int(active_units(embed(model, dataset, "test", seed=seed).mean).sum()),
    )
