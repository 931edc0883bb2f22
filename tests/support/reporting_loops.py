"""Loops that report their terms, and what the watcher makes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from tests.support.loops import Net, bce, kl_divergence, lines_of, pixels, seeded, train, watch
from vae.data.dataset import Dataset


def reporting(
    kl: Callable[[Tensor, Tensor], Tensor] = kl_divergence,
    reconstruction: Callable[[Tensor, Tensor], Tensor] = bce,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    beta: float | None = None,
) -> Any:
    """A step that minimises what is right, and reports what it is told to."""

    def step(model: Net, x: Tensor) -> tuple[Tensor, dict[str, Any]]:
        logits, mean, log_var = model(x)
        terms = {"reconstruction": reconstruction(logits, x), "kl": kl(mean, log_var)}
        if loss is not None:
            terms["loss"] = loss(terms["reconstruction"], terms["kl"])
        return bce(logits, x) + kl_divergence(mean, log_var), terms | ({} if beta is None else {"beta": beta})

    return step


def scale_after(
    tmp_path: Path, digits: Dataset, step: Any, *, steps: int = 12, lr: float = 1e-3, **options: Any
) -> dict[str, Any]:
    """The newest event ``scale`` of a loop that was killed after so many steps."""
    model = seeded(Net)
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits, **options)
    train(model, pixels(digits), watcher, step, steps=steps, lr=lr)
    found = lines_of(watcher.run, "scale")
    watcher.close()
    return found[-1]


def sum_of(values: Tensor) -> Tensor:
    return values.sum(1).mean()
