"""What a computation runs on: devices, threads, memory, streams of random numbers.

The lowest floor beside `config` and `storage`: anything in `vae` may import it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from vae.runtime.cpu_threads import share_cores
    from vae.runtime.devices import choose_device
    from vae.runtime.eval_mode import at_rest
    from vae.runtime.mean_of import MeanOf
    from vae.runtime.seeding import generator

__all__ = ["MeanOf", "at_rest", "choose_device", "generator", "share_cores"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cpu_threads": ["share_cores"],
        "devices": ["choose_device"],
        "eval_mode": ["at_rest"],
        "mean_of": ["MeanOf"],
        "seeding": ["generator"],
    },
)
