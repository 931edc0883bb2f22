"""Bounds on log p(x) and the encoder's lag, saved in a run's folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from vae.config.base import Config, ConfigError
from vae.errors import UserError, clean
from vae.runs.folder import keeping
from vae.storage.atomic import read_json, write_json

if TYPE_CHECKING:
    from vae.evaluation.ais import Annealed
    from vae.evaluation.importance import ImportanceBound
    from vae.evaluation.inference_lag import InferenceLag
    from vae.runs.run import Run

FILE = "measurements.json"
#: Bounds that are kept, the newest ones.
MOST = 40


class CurvePoint(Config):
    """The importance-weighted bound at fewer samples, nats per example."""

    k: int = Field(ge=1)
    log_prob: float
    standard_error: float | None = Field(None, ge=0)


class Bound(Config):
    """A bound on log p(x) of a run's best weights, nats per example. Checked when it is read."""

    #: Importance weighting with samples of q(z|x), or of the mixture (see `vae.evaluation.proposals`), or annealing.
    kind: Literal["importance", "mixture", "annealed"]
    #: Steps that the run had trained.
    step: int = Field(ge=0)
    log_prob: float
    #: Over the images; unknown of a single one.
    standard_error: float | None = Field(None, ge=0)
    num_images: int = Field(ge=1)
    seed: int = Field(ge=0)
    #: Samples for each image, or chains.
    k: int = Field(ge=1)
    #: Intermediate distributions of annealing.
    num_steps: int = Field(0, ge=0)
    effective_median: float = Field(ge=0)
    effective_min: float = Field(ge=0)
    #: Share of accepted transitions of annealing.
    accepted: float = Field(0, ge=0, le=1)
    curve: tuple[CurvePoint, ...] = Field((), max_length=100)
    warnings: tuple[Annotated[str, AfterValidator(clean)], ...] = Field((), max_length=10)

    @property
    def asked(self) -> tuple[str, int, int, int, int, int]:
        """What tells it from others."""
        return self.kind, self.step, self.num_images, self.seed, self.k, self.num_steps


class LagPoint(Config):
    """How far the encoder lags at a snapshot, means over probe images with their standard errors."""

    step: int = Field(ge=0)
    epoch: float = Field(ge=0)
    num_images: int = Field(ge=1)
    in_deviations: float = Field(ge=0)
    in_deviations_standard_error: float | None = Field(None, ge=0)
    gap: float
    gap_standard_error: float | None = Field(None, ge=0)


class Measurements(Config):
    """All that was kept of a run, the oldest first."""

    bounds: tuple[Bound, ...] = Field((), max_length=1000)
    lag: tuple[LagPoint, ...] = Field((), max_length=1000)
    #: Steps that the run had trained when its lag was measured.
    lag_step: int = Field(0, ge=0)


def kept(run: Run, folder: Path | None = None) -> Measurements:
    """What was measured of a run, at whatever step; nothing if the file makes no sense.

    Args:
        run: The run.
        folder: Where it was kept, if not in the run.
    """
    try:
        return Measurements.from_dict(read_json((folder or run.path) / FILE))
    except (OSError, ConfigError, UserError):
        return Measurements()


def keep(
    run: Run, folder: Path | None = None, *, bound: Bound | None = None, lag: list[InferenceLag] | None = None
) -> None:
    """Add a bound, in the place of an equal one, or put the lag in the place of the former.

    What other processes keep at the same time stays.

    Args:
        run: The run.
        folder: Where to keep it, for a run that is not to be changed; made if it is missing.
        bound: What was measured.
        lag: What was measured.

    Raises:
        RunError: If it cannot be written, or the run's folder holds another run by now.
    """
    with keeping(run, folder) as place:
        found = kept(run, folder)
        if bound is not None:
            others = [one for one in found.bounds if one.asked != bound.asked]
            found = found.replace(bounds=tuple([*others, bound][-MOST:]))
        if lag is not None:
            names = LagPoint.model_fields
            points = [{name: value for name, value in one.to_dict().items() if name in names} for one in lag]
            found = found.replace(lag=tuple(map(LagPoint.from_dict, points)), lag_step=run.status().step)
        write_json(place / FILE, found.to_dict())


def of_importance(found: ImportanceBound, step: int) -> Bound:
    """The importance-weighted bound as it is kept."""
    from vae.runtime.mean_of import known

    return Bound(
        kind="importance" if found.proposal == "posterior" else "mixture",
        step=step,
        log_prob=found.bound.mean,
        standard_error=known(found.bound.standard_error),
        num_images=len(found.log_prob),
        seed=found.seed,
        k=found.k,
        effective_median=float(found.effective_size.median()),
        effective_min=float(found.effective_size.min()),
        curve=tuple(
            CurvePoint(k=one.k, log_prob=one.bound.mean, standard_error=known(one.bound.standard_error))
            for one in found.curve
        ),
        warnings=tuple(found.warnings()),
    )


def of_annealing(found: Annealed, step: int) -> Bound:
    """Annealed importance sampling as it is kept."""
    from vae.runtime.mean_of import known

    return Bound(
        kind="annealed",
        step=step,
        log_prob=found.bound.mean,
        standard_error=known(found.bound.standard_error),
        num_images=len(found.log_prob),
        seed=found.seed,
        k=found.num_chains,
        num_steps=found.num_steps,
        effective_median=float(found.effective_size.median()),
        effective_min=float(found.effective_size.min()),
        accepted=float(found.accepted.mean()),
    )
