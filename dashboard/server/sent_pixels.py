"""An image that an address carries: a drawing, as base64 of its bytes."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

import numpy as np

from vae.errors import UserError
from vae.runs.run import Run

if TYPE_CHECKING:
    from torch import Tensor

#: Values of an image that an address carries, at most.
MOST_VALUES = 4096


def read(text: str, run: Run) -> Tensor:
    """Values from 0 to 1, ``(1, C, H, W)``.

    Raises:
        UserError: If the text is something else, or of another size than the run's images.
    """
    import torch

    info = run.info
    try:
        if len(text) > 2 * MOST_VALUES:
            raise ValueError
        content = base64.b64decode(text, altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        content = b""
    if len(content) != info.num_pixels or info.num_pixels > MOST_VALUES:
        raise UserError(
            f"x must be {info.num_pixels} bytes in base64, at most {MOST_VALUES}, got {len(content)}; choose a "
            "test image"
        )
    values = torch.from_numpy(np.frombuffer(content, np.uint8).copy()).float() / 255
    return values.reshape(1, info.channels, info.height, info.width)
