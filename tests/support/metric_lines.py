"""Lines of a history, as a trainer writes them."""

from __future__ import annotations

from typing import Any

from vae.runs.metric_lines import Line


def train(at: int, **changes: Any) -> Line:
    return {
        "split": "train",
        "step": at,
        "epoch": at / 10,
        "seconds": at / 100,
        "beta": 1.0,
        "distortion": 100.0 + at,
        "rate": 5.0,
        "elbo": -105.0 - at,
        "rate_per_dim": [2.0, 3.0],
        "num_steps": 1,
        "images_per_second": 1000.0,
        **changes,
    }


def validation(at: int, **changes: Any) -> Line:
    line = {**train(at), "split": "validation", **changes}
    del line["num_steps"], line["images_per_second"]
    return line


def event(name: str, step: int, **more: Any) -> Line:
    return {"event": name, "step": step, "epoch": step / 10, "seconds": step / 100, **more}


def steps(lines: list[Line]) -> list[int]:
    return [line["step"] for line in lines]
