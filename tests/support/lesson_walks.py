"""What a student does in each step of the shipped lessons, and what the page's state then is.

The states of the examples are read from their files; those of runs that a lesson trains are what
`tests/benchmarks/walk_lessons.py` saw, which walks all lessons in a real browser.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vae.lessons.lesson import Lesson, Step

MODELS = Path(__file__).resolve().parents[2] / "assets" / "models"


@dataclass(frozen=True)
class Act:
    """One step as it is done: what happens, and what is known then that was not, or was otherwise."""

    happens: tuple[str, ...] = ()
    then: dict[str, Any] = field(default_factory=dict)


def example(name: str) -> dict[str, Any]:
    """What a lesson knows of a shipped run."""
    config = json.loads((MODELS / name / "config.json").read_text())["config"]
    lines = [json.loads(line) for line in (MODELS / name / "metrics.jsonl").read_text().splitlines()]
    last = [line for line in lines if line.get("split") == "train"][-1]
    return {
        "run": name,
        "state": "example",
        "kl": last["rate"],
        "reconstruction": last["distortion"],
        "elbo": last["elbo"],
        "beta": last["beta"],
        "epoch": last["epoch"],
        "epochs": config["train"]["epochs"],
        "latent_dim": config["model"]["latent_dim"],
        "conditional": config["model"]["conditional"],
        "active_units": 2,
        "verdict": "healthy",
        "has_snapshots": True,
    }


def trained(epoch: float, kl: float, reconstruction: float, **more: Any) -> Act:
    """A run that the student starts."""
    known = {"run": "own", "state": "running", "training": True, "beta": 1.0, "active_units": None}
    known |= {"verdict": None, "epoch": epoch, "kl": kl, "reconstruction": reconstruction}
    return Act(("training started", "run chosen"), {**known, **more})


def rests(**more: Any) -> Act:
    """The student waits for the run's end."""
    return Act((), {"state": "finished", "training": False, **more})


LOOKS = Act()
#: By lesson, an act for each step.
WALKS: dict[str, tuple[Act, ...]] = {
    "01-holes": (
        trained(50, 28.2, 20.0, beta=0.0),
        Act(("point moved",), {"nearest": 3.0, "radius": 9.0}),
        Act(("samples drawn",)),
        trained(50, 2.2, 22.2),
        Act(("samples drawn",)),
        LOOKS,
    ),
    "02-two-terms": (
        Act(("image chosen",), {"image_reconstruction": 19.6, "image_kl": 2.4}),
        Act(("image chosen",), {"image_reconstruction": 30.6, "image_kl": 1.6}),
        Act((), {"slider_kl": 0.004}),
        trained(40, 2.3, 22.4),
        Act(("time moved",)),
    ),
    "03-turning-beta": (
        trained(20, 1.8, 23.2),
        Act(
            ("beta changed",),
            {"beta": 20.0, "epoch": 80.0, "epochs_since": 61.0, "kl": 0.004, "reconstruction": 27.1},
        ),
        LOOKS,
        Act(("beta changed",), {"beta": 1.0, "epochs_since": 101.0, "kl": 2.6, "reconstruction": 21.7}),
        Act(("beta changed",), {"beta": 0.0, "epochs_since": 101.0, "kl": 15.0, "reconstruction": 18.6}),
        LOOKS,
    ),
    "04-reparameterisation": (
        Act(("point moved", "image_reconstruction changed"), {"pass": "training", "image_sigma": 0.201}),
        Act(("image chosen",), {"image_sigma": 0.312}),
        Act((), {"pass": "reconstruction"}),
        Act((), {"variance_ratio": 414.7}),
        Act(("image chosen",)),
    ),
    "05-posterior": (
        Act(("image chosen",), {"gap": 0.17}),
        Act(("image drawn",), {"gap": 0.4}),
        Act(("image drawn",), {"gap": 1.7}),
        Act(("image chosen",)),
        Act(("point moved",)),
    ),
    "06-collapse": (
        trained(20, 0.02, 31.0, beta=20.0),
        rests(verdict="over-regularised", active_units=0),
        Act(("point moved",)),
        Act(
            ("remedy tried", "run chosen"),
            {
                "state": "running",
                "training": True,
                "verdict": None,
                "active_units": None,
                "beta": 1.0,
                "kl": 0.3,
            },
        ),
        rests(verdict="healthy", active_units=4, kl=5.1),
    ),
    "07-dying-dimensions": (
        trained(150, 2.4, 23.5, beta=2.0, latent_dim=16, state="finished", active_units=3),
        trained(150, 3.1, 21.0, beta=1.0, latent_dim=16, state="finished", active_units=4),
        LOOKS,
        Act(("point moved",)),
        Act(("time moved",)),
        Act((), {"slider_kl": 0.004}),
    ),
    "08-prior-and-aggregate": (
        Act(("point moved",), {"radius": 1.6, "nearest": 0.31}),
        Act(("samples drawn",)),
        Act(("samples drawn",), {"prior_gap": 0.192}),
        Act(("point moved",), {"radius": 3.2}),
        Act(("time moved",)),
    ),
    "09-style-and-class": (
        Act(("class chosen",)),
        Act(("point moved",)),
        Act(("samples drawn",)),
        LOOKS,
        Act(("image chosen",), {"class_cost": 11.4}),
    ),
    "10-your-own-model": (
        trained(1, 3.2, 40.0, num_runs=1),
        rests(verdict="healthy", active_units=2),
        LOOKS,
        Act(("samples drawn",)),
        LOOKS,
    ),
}
#: What each page shows by itself, before anybody does anything there.
SHOWN: dict[tuple[str, int], dict[str, Any]] = {
    ("01-holes", 2): {"nearest": 0.2, "radius": 0.0},
    ("02-two-terms", 1): {"image_reconstruction": 18.0, "image_kl": 3.2},
    ("02-two-terms", 2): {"image_reconstruction": 18.0, "image_kl": 3.2},
    ("02-two-terms", 3): {"slider_kl": 1.9},
    ("04-reparameterisation", 1): {"pass": "training", "image_reconstruction": 18.0, "image_kl": 3.2},
    ("04-reparameterisation", 2): {"pass": "training", "image_sigma": 0.201},
    ("04-reparameterisation", 3): {"pass": "training"},
    ("05-posterior", 1): {"gap": 0.03},
    ("05-posterior", 2): {"gap": 0.05},
    ("05-posterior", 3): {"gap": 0.4},
    ("05-posterior", 4): {"gap": 0.03},
    ("07-dying-dimensions", 6): {"slider_kl": 1.9},
    ("08-prior-and-aggregate", 1): {"radius": 0.0, "nearest": 0.1},
    ("08-prior-and-aggregate", 3): {"prior_gap": 0.192},
    ("08-prior-and-aggregate", 4): {"radius": 1.6},
    ("09-style-and-class", 5): {"class_cost": 10.2},
}


def walk(lesson: Lesson) -> Iterator[tuple[int, Step, dict[str, Any], dict[str, Any], tuple[str, ...]]]:
    """Each step with its number, the state in which it opens, the one after it was done, and what happened."""
    known = example("digits-2d") | {"num_runs": 0, "num_classes": 10, "training": False}
    for number, (step, act) in enumerate(zip(lesson.steps, WALKS[lesson.name], strict=True), 1):
        for part in step.link.split("&"):
            name, _, text = part.partition("=")
            if name == "run":
                known |= example(text)
        opens = known | {"page": step.page} | SHOWN.get((lesson.name, number), {})
        known = opens | act.then
        yield number, step, opens, known, act.happens
