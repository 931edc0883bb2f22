"""A few of the situations whose right answer is known; all of them are `tests/benchmarks/situations.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.benchmarks.situation_judge import judge
from tests.benchmarks.situation_runs import Bench
from tests.benchmarks.situations import SITUATIONS

QUICK = (
    "default-2",
    "warm-up-too-long",
    "conditional-two-epochs",
    "identical-only-begun",
    "diverged-at-once",
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Layers as small as these train as fast on one thread, and do not wait for a second on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", QUICK)
def test_what_is_said_is_right(name: str, tmp_path: Path) -> None:
    (situation,) = (one for one in SITUATIONS if one.name == name)
    assert judge(situation, Bench(tmp_path, seed=10)).problems == ()


def test_every_situation_has_a_name_of_its_own_and_an_answer() -> None:
    assert len({one.name for one in SITUATIONS}) == len(SITUATIONS) >= 60
    assert all(one.right for one in SITUATIONS)
