"""Training loops of the user's own, watched: `watch` writes a run that pages and diagnosis read like any other.

May import `training` and below; nothing but the command line imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from vae.watching.watcher import Watcher, watcher_of

__all__ = ["Watcher", "watcher_of"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "watcher": ["Watcher", "watcher_of"],
    },
)
