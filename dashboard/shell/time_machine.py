"""The time machine: the scrubber over a run's snapshots, the same at the foot of every page that follows it."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard.cache import models
from dashboard.cache.models import At
from dashboard.components.time import scrubber
from dashboard.link import keys, session
from vae.runs.run import Run

#: States of a run that will have more snapshots, and those of one that is at work.
_GROWING = ("queued", "starting", "running", "paused")
_AT_WORK = _GROWING[1:]


@dataclass(frozen=True)
class Weights:
    """Which weights a page shows.

    Attributes:
        at: Their name, as `model_cache` takes it.
        stamp: Names their content.
        words: What they are, as a sentence.
        name: What they are, for the name of a file.
    """

    at: At
    stamp: str
    words: str
    name: str


def draw(run: Run, *, end: str, decoders: bool) -> int | None:
    """Draw the scrubber at the foot of the page, and keep its step in the URL.

    Args:
        run: The run.
        end: What the page shows at the right end: `Best` or `Newest` weights.
        decoders: Whether images are decoded in the browser on this page.

    Returns:
        The step of the snapshot that is shown; None is the right end.
    """
    steps, now = _steps(run), run.status().state
    key, step = keys.snapshot(steps), of_link(run)
    if not steps and now not in _GROWING:
        session.forget(key)
        return None
    with st.bottom, st.container(key="foot"):
        moved = scrubber(
            run.id,
            step=step,
            state=now,
            end=end,
            decoders=decoders,
            key=f"time:{run.id}",
        )
    if moved is not None and moved.step != step:
        step = moved.step if moved.step in steps else None
    session.keep(key, step)
    return step


def of_link(run: Run) -> int | None:
    """The step of the snapshot that the link names; None is the right end."""
    step = session.read(keys.snapshot(_steps(run)), -1)
    return None if step < 0 else step


def at(run: Run) -> At:
    """The weights that the page shows, as `model_cache` takes them."""
    step = of_link(run)
    if step is not None:
        return step
    return "last" if run.status().state in _AT_WORK else "best"


def _steps(run: Run) -> list[int]:
    """The snapshots that the scrubber goes through: one alone of a run that gets no more is none."""
    steps = run.snapshots()
    return steps if len(steps) > 1 or run.status().state in _GROWING else []


def of_snapshot(run: Run, step: int) -> Weights:
    """The weights of a snapshot."""
    words = f"Weights: snapshot of step {step:,}."
    return Weights(step, models.stamp(run, step), words, f"step-{step}")


def of_right_end(run: Run) -> Weights:
    """The best weights of a run that rests; the newest of one that trains, which the scrubber follows there."""
    if run.status().state in _AT_WORK:
        words = "Weights: newest, of the training in progress."
        return Weights("last", models.stamp(run, "last"), words, f"newest{_live_step(run)}")
    best = models.best_state(run)
    stamp = models.stamp(run, "best")
    if best is None:
        return Weights("best", stamp, "Weights: newest.", "newest")
    words = f"Weights: best on validation, of step {best['step']:,}."
    return Weights("best", stamp, words, "best")


def words(run: Run, step: int | None, best: str) -> str:
    """Which weights a page shows that opens with the best ones, and of which the numbers beside its sliders are.

    Args:
        run: The run.
        step: The snapshot that is shown; None is the right end.
        best: What the page says where it shows the best weights.
    """
    if step is not None:
        return (
            f"{of_snapshot(run, step).words} KL per dimension is that of this snapshot, over the run's probe "
            "images; slider ranges are those of the best weights."
        )
    if run.status().state in _AT_WORK:
        newest = of_right_end(run).words
        return f"{newest} KL per dimension and slider ranges are those of the best weights so far."
    return best


def _live_step(run: Run) -> str:
    """The step of the newest weights, for the name of a file."""
    from vae.storage.safetensors_header import CheckpointError, inspect

    try:
        step = inspect(run.path / "live.safetensors").get("step")
    except CheckpointError:
        return ""
    return f"-step-{step}" if isinstance(step, int) else ""
