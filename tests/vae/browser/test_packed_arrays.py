"""Arrays on their way to the browser."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vae.browser import packed_arrays


class TestArrays:
    def test_arrays_come_back_as_they_were(self) -> None:
        sent = {
            "a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([1, -1], np.int16),
            "c": np.zeros((0, 4), np.uint8), "d": np.arange(3, dtype=np.int32),
        }  # fmt: skip
        found, fields = packed_arrays.unpack(packed_arrays.pack(sent, note="β"))
        assert fields == {"note": "β"}
        for name, array in sent.items():
            np.testing.assert_array_equal(found[name], array)

    @pytest.mark.parametrize("num_bytes", [1, 70, 1 << 20])
    @pytest.mark.parametrize("rows", [[], [4], [3, 0, 5, 5, 2]])
    def test_rows_a_few_at_a_time_make_the_same_answer(
        self, rows: list[int], num_bytes: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("vae.browser.packed_arrays._PIECE", num_bytes)
        images = np.random.default_rng(0).integers(256, size=(6, 3, 5, 1), dtype=np.uint8)
        index = np.array(rows, np.int32)
        length, pieces = packed_arrays.gathered("images", images, index, max_value=255)
        content = b"".join(pieces)
        assert len(content) == length
        assert content == packed_arrays.pack({"images": images[index], "index": index}, max_value=255)

    def test_every_array_begins_where_a_typed_array_may(self) -> None:
        content = packed_arrays.pack({"x": np.zeros(3, np.uint8), "y": np.zeros(3, np.float32)}, note="ab")
        length = int.from_bytes(content[:4], "little")
        assert (4 + length) % 8 == 0
        assert all(item["offset"] % 8 == 0 for item in json.loads(content[4 : 4 + length])["arrays"])

    def test_type_that_the_browser_lacks_is_refused(self) -> None:
        with pytest.raises(ValueError, match="x must be one of float32"):
            packed_arrays.pack({"x": np.zeros(2)})
