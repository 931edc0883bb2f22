"""Models, ONNX files, latent positions and images of runs, kept in memory while their files stay the same.

torch is imported on first use: the server answers for files and streams before it is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from dashboard.cache.lru import Cache
from vae.config.registries import STANDARD_NORMAL
from vae.runs.run import Run
from vae.runs.weight_stamp import stamp, stat_of, weight_files

if TYPE_CHECKING:
    from vae.models.priors import Prior
    from vae.models.vae import VAE

__all__ = [
    "At",
    "Half",
    "best_state",
    "model",
    "onnx",
    "own_prior",
    "stamp",
    "stat_of",
    "warm_up",
    "weight_files",
]

At = Literal["best", "last"] | int
Half = Literal["decoder", "encoder", "autoencoder", "pass"]

_models = Cache(32, max_bytes=256 << 20)
_graphs = Cache(200, max_bytes=96 << 20)
_architectures = Cache(16, max_bytes=96 << 20)
_summaries = Cache(400, max_bytes=32 << 20)


def model(run: Run, at: At) -> VAE:
    """The model of a run (`vae.runs.snapshots.load_model`).

    Raises:
        CheckpointError: If the weights are missing or damaged.
    """
    from vae.runs.snapshots import load_model

    return _models.get((run.path, at, stamp(run, at)), lambda: load_model(run, at))


def own_prior(run: Run, at: At) -> Prior | None:
    """The prior of a run's model; None for the standard normal, which needs no weights."""
    return None if run.config.model.prior == STANDARD_NORMAL else model(run, at).prior


def best_state(run: Run) -> dict[str, Any] | None:
    """Step and validation ELBO (`step`, `elbo`) of the best weights; None if the run has none that say so."""
    from vae.storage.safetensors_header import CheckpointError, inspect

    def read() -> dict[str, Any] | None:
        try:
            state = inspect(run.path / "checkpoints" / "best.safetensors")
        except CheckpointError:
            return None
        step, elbo = state.get("step"), state.get("elbo")
        if not isinstance(step, int) or not isinstance(elbo, int | float):
            return None
        return {"step": step, "elbo": float(elbo)}

    return _summaries.get(("best", run.path, stamp(run, "best")), read)


def onnx(run: Run, at: At, half: Half) -> bytes:
    """The decoder or encoder of a run as ONNX: a snapshot's in a few ms, once the architecture's graph is there.

    Raises:
        CheckpointError: If the weights are missing or damaged.
    """
    from vae.export.onnx import Graph, autoencoder_onnx, decoder_onnx, encoder_onnx, pass_onnx
    from vae.runs.snapshots import load_weights
    from vae.runs.weights_file import is_external

    export = {
        "decoder": decoder_onnx,
        "encoder": encoder_onnx,
        "autoencoder": autoencoder_onnx,
        "pass": pass_onnx,
    }[half]
    info = run.info
    shape = (info.channels, info.height, info.width, info.num_classes)
    architecture = (repr(run.config.model.to_dict()), shape, half)

    def make() -> bytes:
        if is_external(run):
            return export(model(run, at))
        graph = _architectures.get(architecture, lambda: Graph(model(run, at), export))
        return graph.filled(load_weights(run, at)) if graph.is_exact else export(model(run, at))

    return _graphs.get((run.path, at, stamp(run, at), half), make)


def warm_up() -> None:
    """Import what the first answer needs, so that it does not wait for torch."""
    import vae.export.onnx
    import vae.latent.embedding  # noqa: F401
