"""Sheets of generated images, as the page shows them and as a person downloads them."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

from PIL import Image

from dashboard import model_cache, sheets
from vae.runs import Run

#: Width that a sheet is enlarged to, by whole factors, so that pixels stay square.
TARGET_WIDTH = 640


@dataclass(frozen=True)
class Sheet:
    """One sheet: at the model's own size, enlarged without smoothing, and the enlarged width."""

    exact: bytes
    large: bytes
    width: int


def sheet(run: Run, *, num: int, seed: int, label: int | None, temperature: float) -> Sheet:
    """Images from the prior in as square a sheet as their number allows.

    Raises:
        CheckpointError: If the run has no weights yet, or they are damaged.
    """
    from vae.latent import prior_samples

    model = model_cache.model(run, "best")
    _, images = prior_samples(model, num, seed=seed, label=label, temperature=temperature)
    exact = sheets.sheet(images.numpy(), math.ceil(math.sqrt(num)), gap=2)
    picture = Image.open(io.BytesIO(exact))
    factor = max(1, min(TARGET_WIDTH // picture.width, 16))
    file = io.BytesIO()
    picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST).save(
        file, "PNG"
    )
    return Sheet(exact, file.getvalue(), picture.width * factor)
