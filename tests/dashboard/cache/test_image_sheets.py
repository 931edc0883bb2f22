"""Sheets of many images: bounded pixels, and no more of them decoded at once than memory allows."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from dashboard.cache import image_sheets


def picture(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize(("channels", "side", "columns"), [(3, 1024, 10), (1, 2000, 3), (3, 512, 40)])
def test_large_images_make_a_sheet_of_bounded_size(channels: int, side: int, columns: int) -> None:
    canvas = image_sheets.Canvas(columns, columns, side, side)
    for value in np.linspace(0, 1, columns):
        canvas.add(np.full((1, channels, side, side), value, np.float32))
    found = picture(canvas.png())
    assert found.width * found.height < 1.1 * image_sheets.MOST_PIXELS
    # Every image is there, in its order and with its own value.
    wide = (found.width + 1) // columns
    shown = np.asarray(found)[found.height // 2, wide // 2 :: wide, 0]
    np.testing.assert_array_equal(shown, np.rint(np.linspace(0, 1, columns) * 255))


def test_small_images_keep_every_pixel() -> None:
    images = np.random.default_rng(0).random((6, 1, 5, 4), np.float32)
    found = np.asarray(picture(image_sheets.sheet(images, 3)))
    assert found.shape == (11, 14, 4)
    np.testing.assert_array_equal(found[6:, 5:9, 0], image_sheets.to_bytes(images[4, 0]))
