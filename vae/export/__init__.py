"""Models as ONNX, and networks of other people's that come as ONNX: checked, and run in processes of their own.

May import `models` and below; runs keep and load such networks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from vae.export.onnx import autoencoder_onnx, decoder_onnx, encoder_onnx, pass_onnx

__all__ = ["autoencoder_onnx", "decoder_onnx", "encoder_onnx", "pass_onnx"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "onnx": ["autoencoder_onnx", "decoder_onnx", "encoder_onnx", "pass_onnx"],
    },
)
