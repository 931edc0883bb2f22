"""A folder of small images, of which tests break some."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

NUM = 20


def png(value: int = 9, size: tuple[int, int] = (6, 5)) -> bytes:
    file = io.BytesIO()
    image = Image.new("L", size, value)
    image.putpixel((0, 0), 255)
    image.save(file, "PNG")
    return file.getvalue()


def folder_of_images(tmp_path: Path) -> Path:
    """Twenty images of two classes in turn; the value of each is its number."""
    for number in range(NUM):
        path = tmp_path / "own" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(number))
    return tmp_path / "own"
