"""The Python face of the pipeline: what it hands over, and what it believes of what comes back."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
import torch

from dashboard.components import pipeline as face
from dashboard.components.pipeline import Said, pipeline
from tests.dashboard.components.test_components import Mount


def asked(monkeypatch: pytest.MonkeyPatch, **said: Any) -> tuple[Said | None, dict[str, Any]]:
    mount = Mount(**said)
    monkeypatch.setattr(face, "_COMPONENT", mount)
    x = torch.tensor([[[[0.0, 1 / 3], [0.5, 1.0]]]])
    return pipeline("a", x, latent_dim=2, stamp="s", key="k"), mount.given["data"]


def test_pixels_are_handed_over_in_single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    said, data = asked(monkeypatch)
    assert said is None
    pixels = np.frombuffer(base64.b64decode(data["x"]), np.float32)
    assert pixels.tolist() == pytest.approx([0, 1 / 3, 0.5, 1], abs=1e-7)
    assert data["shape"] == [1, 2, 2]


def test_what_was_set_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    said, _ = asked(
        monkeypatch,
        said={"mode": "generation", "beta": 2, "noise": [0.5, -1], "origin": "test", "drawing": ""},
    )
    assert said == Said("generation", 2.0, [0.5, -1.0], "test", "")


@pytest.mark.parametrize(
    "said",
    [
        {"mode": "magic", "beta": 1, "noise": [0, 0]},
        {"origin": "magic"},
        {"drawing": "<script>"},
        {"drawing": None},
        {"mode": "training", "beta": 11, "noise": [0, 0]},
        {"mode": "training", "beta": True, "noise": [0, 0]},
        {"mode": "training", "beta": 1, "noise": [0]},
        {"mode": "training", "beta": 1, "noise": ["0", 0]},
        {"mode": "training", "beta": 1, "noise": [1e9, 0]},
        "training",
    ],
)
def test_nonsense_is_not_believed(monkeypatch: pytest.MonkeyPatch, said: Any) -> None:
    whole = {"mode": "training", "beta": 1, "noise": [0, 0], "origin": "draw", "drawing": ""}
    if isinstance(said, dict):
        assert asked(monkeypatch, said=whole)[0] is not None
        said = whole | said
    assert asked(monkeypatch, said=said)[0] is None
