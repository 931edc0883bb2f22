"""Images and labels: `dataset` loads, splits and batches them; `readers` holds one module for each format.

May import `config`, `storage`, `runtime`; models and all above import it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from vae.data.attributes import Attributes
    from vae.data.dataset import Dataset, Part, load_dataset
    from vae.data.types import DataError, Images

__all__ = ["Attributes", "DataError", "Dataset", "Images", "Part", "load_dataset"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "attributes": ["Attributes"],
        "dataset": ["Dataset", "Part", "load_dataset"],
        "types": ["DataError", "Images"],
    },
)
