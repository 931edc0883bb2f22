"""Files that stay whole: atomic replacement, locks, tensors, and ways into a folder that follow no link.

The lowest floor beside `config` and `runtime`: knows nothing of runs or models; anything in `vae` may import it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from vae.storage.atomic import read_json, replacing, write_json
    from vae.storage.held_folder import Held
    from vae.storage.locking import hold
    from vae.storage.open_folder import FolderError, NotPlain
    from vae.storage.safetensors_header import CheckpointError
    from vae.storage.user_paths import user_path

__all__ = [
    "CheckpointError",
    "FolderError",
    "Held",
    "NotPlain",
    "hold",
    "read_json",
    "replacing",
    "user_path",
    "write_json",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "atomic": ["read_json", "replacing", "write_json"],
        "held_folder": ["Held"],
        "locking": ["hold"],
        "open_folder": ["FolderError", "NotPlain"],
        "safetensors_header": ["CheckpointError"],
        "user_paths": ["user_path"],
    },
)
