"""Diagnoses made by hand, for the rules that judge them."""

from __future__ import annotations

from typing import Any

from vae.config.schema import RunConfig
from vae.diagnostics.diagnosis import Diagnosis
from vae.diagnostics.mutual_information import Information
from vae.diagnostics.permutation import Rise, Usage
from vae.diagnostics.rules.verdicts import decide
from vae.diagnostics.watched_loops.loss_scale import LoopScale, loop_scale
from vae.runs.metric_lines import Line


def told(mutual: float = 2.5, marginal: float = 0.2) -> Information:
    rate = mutual + marginal
    return Information(mutual, marginal, rate, rate, 0.01, 1000, 6.9, mutual > 6.4)


def used(nats: float = 12.0, *, condition: float | None = None, response: float = 6.0) -> Usage:
    rise = Rise(nats, 0.2 if nats > 1 else 0.02, 500)
    by_class = None if condition is None else Rise(condition, 0.05, 450)
    return Usage(rise, (rise, rise, rise, rise), by_class, response, 0)


def diagnosis(**changes: Any) -> Diagnosis:
    """Four latent dimensions that all say something about images of 64 pixels."""
    values: dict[str, Any] = {
        "part": "validation",
        "num_images": 500,
        "seed": 0,
        "latent_dim": 4,
        "num_pixels": 64,
        "conditional": False,
        "beta": 1.0,
        "distortion": 21.0,
        "rate_per_dim": (0.7, 0.7, 0.7, 0.6),
        "active_threshold": 0.01,
        "active_variance": (0.8, 0.8, 0.7, 0.6),
        "sigma_per_dim": (0.4, 0.4, 0.5, 0.5),
        "spread_per_dim": (1.0, 1.0, 1.0, 1.0),
        "information": told(),
        "usage": used(),
        "ignorant_distortion": 27.0,
        "critical_beta": 3.4,
    }
    return Diagnosis(**{**values, **changes})


def silent(**changes: Any) -> Diagnosis:
    """All posteriors are the prior."""
    nothing: dict[str, Any] = {
        "distortion": 27.0,
        "rate_per_dim": (0.0,) * 4,
        "active_variance": (0.0,) * 4,
        "sigma_per_dim": (1.0,) * 4,
        "information": told(0.0, 0.0),
        "usage": used(0.01, response=0.1),
    }
    return diagnosis(**{**nothing, **changes})


def names(given: Diagnosis, config: RunConfig | None = None, history: list[Line] | None = None) -> list[str]:
    return [finding.name for finding in decide(given, config, history or [])]


def history(*rates: float) -> list[Line]:
    return [{"split": "train", "epoch": float(e), "rate": rate} for e, rate in enumerate(rates, 1)]


def in_a_loop(reconstruction: float) -> LoopScale | None:
    """A watched loop at β = 1 whose reconstruction is so many times ours."""
    line: Line = {
        "event": "scale",
        "reconstruction_ratio": reconstruction,
        "kl_ratio": None,
        "batch_size": 128,
    }
    return loop_scale([line], 1.0, 64, 4, None)


def squared_error(beta: float, sigma: float) -> LoopScale | None:
    """A watched loop's sum of squared errors, and what it is by this σ."""
    line: Line = {"event": "scale", "reconstruction_ratio": 2 * sigma**2, "kl_ratio": 1.0, "batch_size": 128}
    return loop_scale([line], beta, 64, 4, sigma)


def seen(num: int, nats: float, error: float, condition: tuple[float, float] | None = None) -> Usage:
    """Rises of so many images, and of four fifths of them with another class."""
    rise = Rise(nats, error, num)
    by_class = None if condition is None else Rise(*condition, 4 * num // 5)
    return Usage(rise, (rise,) * 4, by_class, 6.0, 0)


def curve(*objectives: float, rate: float = 0.0) -> list[Line]:
    """Lines of a training, one an epoch of ten steps, whose objective at β = 1 went like this."""
    return [
        {
            "split": "validation",
            "step": 10 * epoch,
            "epoch": float(epoch),
            "beta": 1.0,
            "distortion": value - rate,
            "rate": rate,
            "rate_per_dim": [rate / 4] * 4,
        }
        for epoch, value in enumerate(objectives, 1)
    ]


def gain(nats: float, error: float = 0.2) -> Rise:
    return Rise(nats, error, 500)
