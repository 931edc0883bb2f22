"""The description of a run's images: what it must say, and the same again after JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vae.config.base import ConfigError
from vae.config.schema import (
    DataInfo,
)


def test_what_is_missing_is_told() -> None:
    with pytest.raises(ConfigError, match=r"(^|; )num_train must be given, got none(;|$)"):
        DataInfo.from_dict({"channels": 1})


def test_json_gives_the_same_description_of_images_back() -> None:
    info = DataInfo(
        channels=3,
        height=32,
        width=31,
        class_names=("β", "<b>"),
        num_train=5,
        num_validation=0,
        num_test=1,
        fingerprint="ab",
    )
    assert DataInfo.from_dict(json.loads(json.dumps(info.to_dict()))) == info
    assert info.num_pixels == 3 * 32 * 31
    assert info.num_classes == 2


@pytest.mark.parametrize(
    "changes", [{"channels": 2}, {"height": 0}, {"width": 1025}, {"num_train": 0}, {"num_test": -1}]
)
def test_impossible_images_are_refused(changes: dict[str, int]) -> None:
    good: dict[str, Any] = {
        "channels": 1,
        "height": 8,
        "width": 8,
        "class_names": (),
        "num_train": 1,
        "num_validation": 0,
        "num_test": 0,
        "fingerprint": "",
    }
    DataInfo(**good)
    with pytest.raises(ConfigError, match=rf"^{next(iter(changes))} must be .+, got "):
        DataInfo(**{**good, **changes})
