"""What the tests of watched networks share."""

from __future__ import annotations

import types

import pytest


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is understood: nothing is exported to be kept."""
    monkeypatch.setattr(
        "vae.watching.setup.Exports", lambda *_: types.SimpleNamespace(problem="none are wanted")
    )
