"""Parameters of requests: each is checked and bounded, and what is wrong with it is a sentence."""

from __future__ import annotations

import math
import re

from starlette.requests import Request

from dashboard import settings
from dashboard.cache.models import At
from vae.errors import UserError
from vae.runs.listing import find_run
from vae.runs.run import Run

#: Largest coordinate of a latent point that is decoded.
MAX_Z = 1e3
#: Most originals that one request names.
MAX_ROWS = 100
PARTS = ("test", "validation", "train", "all")


def run_of(request: Request) -> Run:
    """The run that the address names."""
    return find_run(request.path_params["run_id"], settings.roots())


def at_of(request: Request, otherwise: str = "best") -> At:
    """Which weights: `best`, `last` or the step of a snapshot."""
    text = request.query_params.get("at", otherwise)
    if text == "best" or text == "last":
        return text  # type: ignore[return-value]
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise UserError(f"at must be best, last or the step of a snapshot, got {text[:40]!r}; use best")
    return int(text)


def choice(request: Request, name: str, options: tuple[str, ...]) -> str:
    """One of some words; the first if nothing is said."""
    text = request.query_params.get(name, options[0])
    if text not in options:
        raise UserError(f"{name} must be one of {', '.join(options)}, got {text[:40]!r}; use {options[0]}")
    return text


def whole(request: Request, name: str, otherwise: int, low: int, high: int) -> int:
    """A whole number from `low` to `high`."""
    text = request.query_params.get(name, str(otherwise))
    if not re.fullmatch(r"[0-9]{1,10}", text) or not low <= int(text) <= high:
        raise UserError(
            f"{name} must be a whole number from {low} to {high}, got {text[:40]!r}; use {otherwise}"
        )
    return int(text)


def numbers(text: str, name: str, num: int, limit: float) -> list[float]:
    """So many finite numbers, none larger than `limit`."""
    parts = text.split(",", num)
    if len(parts) != num:
        raise UserError(
            f"{name} must be {num} numbers separated by commas, got {text[:40]!r}; add or drop some"
        )
    try:
        values = [float(part) for part in parts]
    except ValueError:
        raise UserError(f"{name} must be numbers separated by commas, got {text[:40]!r}; use 0") from None
    if not all(math.isfinite(value) and abs(value) <= limit for value in values):
        raise UserError(f"{name} must be from {-limit:g} to {limit:g}, got {text[:40]!r}; use 0")
    return values


def condition_weights(request: Request, num_classes: int) -> list[float]:
    """The condition: a class, or a weight from 0 to 1 for each class; the first class if nothing is said."""
    text = request.query_params.get("y", "0")
    if re.fullmatch(r"[0-9]{1,6}", text) and (num_classes != 1 or text == "0"):
        if int(text) >= num_classes:
            raise UserError(f"y must be a class from 0 to {num_classes - 1}, got {text}; use 0")
        return [float(k == int(text)) for k in range(num_classes)]
    values = numbers(text, "y", num_classes, 1.0)
    if min(values) < 0:
        raise UserError(
            f"y must be weights from 0 to 1, got {text[:40]!r}; use 0 for a class that has no part"
        )
    return values


def rows_of(request: Request, num: int) -> list[int]:
    """Places of images in a part, at most so many as a page shows."""
    text = request.query_params["rows"]
    parts = text.split(",", MAX_ROWS)
    if len(parts) > MAX_ROWS or not all(re.fullmatch(r"[0-9]{1,10}", p) and int(p) < num for p in parts):
        raise UserError(
            f"rows must be at most {MAX_ROWS} whole numbers from 0 to {num - 1}, separated by commas, got "
            f"{text[:40]!r}; use 0"
        )
    return [int(part) for part in parts]
