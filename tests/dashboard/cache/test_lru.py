"""The cache of results: each made once, and only so many kept."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

from dashboard.cache import lru
from vae.runs.run import Run
from vae.runs.snapshots import load_model


class TestCache:
    def test_result_that_many_ask_for_at_once_is_made_once(self) -> None:
        cache, made, all_came = lru.Cache(2), [], threading.Barrier(8)

        def make() -> int:
            made.append(1)
            return 7

        def ask() -> None:
            all_came.wait(10)
            results.append(cache.get("key", make))

        results: list[int] = []
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (results, made) == ([7] * 8, [1])

    def test_least_recently_used_result_is_forgotten(self) -> None:
        cache = lru.Cache(2)
        for key in ("a", "b", "a", "c"):
            cache.get(key, lambda key=key: key.upper())  # type: ignore[misc]
        assert cache.get("a", lambda: "new") == "A"
        assert cache.get("b", lambda: "new") == "new"

    def test_error_is_not_kept(self) -> None:
        cache = lru.Cache(2)
        with pytest.raises(ZeroDivisionError):
            cache.get("key", lambda: 1 // 0)
        assert cache.get("key", lambda: 3) == 3

    def test_results_take_so_many_bytes_and_no_more(self) -> None:
        cache = lru.Cache(100, max_bytes=3000)
        for key in range(10):
            cache.get(key, lambda: np.zeros(1000, np.uint8))
        assert cache.num_bytes == 3000
        cache.get("large", lambda: {"a": [np.zeros(5000, np.uint8)]})
        assert cache.num_bytes == 5000  # the newest stays, alone
        assert cache.get("large", lambda: None) is not None

    def test_what_somebody_holds_is_not_made_a_second_time(self) -> None:
        class Made:
            def __init__(self) -> None:
                self.content = b"x" * 1000

        cache = lru.Cache(100, max_bytes=1500)
        held = cache.get("held", Made)
        for key in range(5):
            cache.get(key, Made)
        assert cache.get("held", Made) is held
        gone = weakref.ref(held)
        del held
        for key in range(5, 10):
            cache.get(key, Made)
        gc.collect()
        assert gone() is None and cache.num_bytes == 1000

    def test_size_of_a_model_is_that_of_its_weights(self, trained_run: Run) -> None:
        model = load_model(trained_run, "best")
        weights = sum(tensor.nbytes for tensor in model.state_dict().values())
        assert weights <= lru.size_of(model) < 1.5 * weights + 20_000
