"""Sheets of images that Python drew, decoded again in the browser while the time machine moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dashboard.components import register

_COMPONENT = register("follow", height=16, folder=Path(__file__).parent)


@dataclass(frozen=True)
class Sheet:
    """Images on the page that can be decoded anew: each latent point under each condition, point by point.

    Attributes:
        images: CSS selector of the `<img>` elements, one for each image.
        z: Latent points, P of them, D numbers each.
        conditions: The weights of classes by their numbers, Q of them; None for a model without condition.
    """

    images: str
    z: Sequence[Sequence[float]]
    conditions: Sequence[Mapping[int, float]] | None = None


@dataclass(frozen=True)
class Shown:
    """Which weights: their name and stamp as the routes take them, and what they are in a sentence."""

    at: str
    stamp: str
    words: str


def follow(
    run_id: str,
    sheets: Sequence[Sheet],
    *,
    shown: Shown,
    end: Shown,
    num_classes: int,
    later: str = "",
    key: str,
) -> None:
    """Say which weights the page's sheets are of, and let them follow the page's time until Python draws them again.

    Args:
        run_id: The run.
        sheets: What can follow.
        shown: The weights that Python drew with.
        end: The weights at the right end of the page's time.
        num_classes: Length of a condition, 0 without.
        later: What is computed by Python alone, and so follows when the scrubber is let go.
        key: Streamlit's key of this component.
    """
    _COMPONENT(
        key=key,
        data={
            "run": run_id,
            "sheets": [_json(sheet) for sheet in sheets],
            "shown": asdict(shown),
            "end": asdict(end),
            "classes": num_classes,
            "later": later,
        },
    )


def _json(sheet: Sheet) -> dict[str, object]:
    conditions = sheet.conditions
    pairs = None if conditions is None else [[[k, v] for k, v in one.items()] for one in conditions]
    return {
        "images": sheet.images,
        "z": [[float(value) for value in point] for point in sheet.z],
        "conditions": pairs,
    }
