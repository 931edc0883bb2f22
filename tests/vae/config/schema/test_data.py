"""A path to own images goes with the datasets that read one."""

from __future__ import annotations

from pathlib import Path

import pytest

from vae.config.base import ConfigError
from vae.config.schema import (
    DataConfig,
)


@pytest.mark.parametrize("name", ["npz", "folder"])
def test_own_images_need_a_path(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"^path must be given for name = '{name}', got none; use "):
        DataConfig(name=name)


def test_a_path_beside_a_named_set_is_refused_rather_than_ignored() -> None:
    with pytest.raises(
        ConfigError, match=r"^path must be left out for name = 'digits', got 'mine\.npz'; use "
    ):
        DataConfig(path=Path("mine.npz"))
