"""Models, ONNX files, latent positions and images of runs, kept in memory while their files stay the same.

torch is imported on first use: the server answers for files and streams before it is there.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from vae.errors import UserError
from vae.runs.run import Run
from vae.storage.confined import is_plain, lstat

if TYPE_CHECKING:
    from vae.data.dataset import Dataset
    from vae.diagnostics.diagnose import Dimension
    from vae.diagnostics.label_leakage import Leak
    from vae.evaluation.typicality import Surprise
    from vae.latent.aggregate_posterior import PriorGap
    from vae.latent.embedding import Embedding, Projection
    from vae.latent.generation import Mixture
    from vae.models.vae import VAE

At = Literal["best", "last"] | int
Half = Literal["decoder", "encoder", "autoencoder"]
T = TypeVar("T")

#: Most images that a drawing is compared with.
MOST_COMPARED = 10_000


class Cache:
    """The results used last, so many and so many bytes of them; one that several ask for at once is made once.

    What is in somebody's hands is never made a second time, though it has been put away here.

    Args:
        size: How many.
        max_bytes: Of all together; the newest stays though it is larger.
    """

    def __init__(self, size: int, max_bytes: int = 64 << 20) -> None:
        self._size, self._max_bytes = size, max_bytes
        self._lock = threading.Lock()
        self._made: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._in_use: weakref.WeakValueDictionary[Hashable, Any] = weakref.WeakValueDictionary()

    @property
    def num_bytes(self) -> int:
        """Bytes of what is kept."""
        with self._lock:
            return sum(size for _, size in self._made.values())

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result of a key; `make` is called if it is not known. An error is not kept."""
        with self._lock:
            if (known := self._known(key)) is not None:
                return known[0]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if (known := self._known(key)) is not None:
                    return known[0]
            try:
                result = make()
                num_bytes = size_of(result)
                with self._lock:
                    self._keep(key, result, num_bytes)
            finally:
                with self._lock:
                    self._making.pop(key, None)
            return result

    def _known(self, key: Hashable) -> tuple[Any, int] | None:
        if key in self._made:
            self._made.move_to_end(key)
            return self._made[key]
        held = self._in_use.get(key)
        if held is None:
            return None
        return self._keep(key, held, size_of(held))

    def _keep(self, key: Hashable, result: Any, num_bytes: int) -> tuple[Any, int]:
        self._made[key] = result, num_bytes
        with suppress(
            TypeError
        ):  # bytes and the like cannot be pointed to, and are small or no longer wanted
            self._in_use[key] = result
        total = sum(size for _, size in self._made.values())
        while len(self._made) > self._size or (total > self._max_bytes and len(self._made) > 1):
            _, (_, size) = self._made.popitem(last=False)
            total -= size
        return result, num_bytes

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._made.clear()
            self._in_use.clear()


def size_of(value: Any) -> int:
    """About how many bytes a result takes: those of the arrays, tensors and texts in it."""
    seen: set[int] = set()

    def of(part: Any, depth: int) -> int:
        if (
            part is None
            or isinstance(part, bool | int | float | complex | type)
            or id(part) in seen
            or depth > 8
        ):
            return 0
        seen.add(id(part))
        if isinstance(part, bytes | bytearray | str):
            return len(part)
        if isinstance(size := getattr(part, "nbytes", None), int):  # arrays and tensors
            return size
        if isinstance(part, dict):
            return sum(of(value, depth + 1) for value in part.values())
        if isinstance(part, list | tuple | set | frozenset):
            return sum(of(value, depth + 1) for value in part)
        return sum(of(value, depth + 1) for value in getattr(part, "__dict__", {}).values())

    return of(value, 0)


_models = Cache(32, max_bytes=256 << 20)
_graphs = Cache(200, max_bytes=96 << 20)
_architectures = Cache(16, max_bytes=96 << 20)
_embeddings = Cache(16, max_bytes=192 << 20)
_datasets = Cache(4, max_bytes=384 << 20)
_summaries = Cache(400, max_bytes=32 << 20)


def stamp(run: Run, at: At) -> str:
    """Names the content of a run's weights: it changes when they do. Empty if there are none yet."""
    return "-".join(
        f"{found.st_mtime_ns:x}.{found.st_size:x}" for found in map(_stat, weight_files(run, at)) if found
    )


def weight_files(run: Run, at: At) -> list[Path]:
    """The files that the weights may be read from (`vae.runs.snapshots.load_weights` takes one of them)."""
    checkpoints = run.path / "checkpoints"
    if isinstance(at, int):
        return [run.snapshot_dir(at) / "weights.safetensors"]
    if at == "best" and is_plain(checkpoints / "best.safetensors"):
        return [checkpoints / "best.safetensors"]
    newest = [run.path / "live.safetensors", checkpoints / "last.safetensors"]
    if any(map(is_plain, newest)):
        return newest
    return [run.snapshot_dir(step) / "weights.safetensors" for step in run.snapshots()[-1:]]


def _stat(path: Path) -> Any:
    try:
        return lstat(path)
    except OSError:
        return None


def model(run: Run, at: At) -> VAE:
    """The model of a run (`vae.runs.snapshots.load_model`).

    Raises:
        CheckpointError: If the weights are missing or damaged.
    """
    from vae.runs.snapshots import load_model

    return _models.get((run.path, at, stamp(run, at)), lambda: load_model(run, at))


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
    from vae.export.onnx import Graph, autoencoder_onnx, decoder_onnx, encoder_onnx
    from vae.runs.snapshots import load_weights
    from vae.runs.weights_file import is_external

    export = {"decoder": decoder_onnx, "encoder": encoder_onnx, "autoencoder": autoencoder_onnx}[half]
    info = run.info
    shape = (info.channels, info.height, info.width, info.num_classes)
    architecture = (repr(run.config.model.to_dict()), shape, half)

    def make() -> bytes:
        if is_external(run):
            return export(model(run, at))
        graph = _architectures.get(architecture, lambda: Graph(model(run, at), export))
        return graph.filled(load_weights(run, at)) if graph.is_exact else export(model(run, at))

    return _graphs.get((run.path, at, stamp(run, at), half), make)


def dataset(run: Run) -> Dataset:
    """The images of a run, if they are on this machine; nothing is downloaded.

    Raises:
        DataError: If they are not, or are not the ones that the run was made for.
    """
    from vae.runs.run_dataset import data_of, images_of

    return _datasets.get((data_of(run), run.info), lambda: images_of(run))


def missing_images(run: Run) -> str:
    """Why a run's images cannot be shown here, in one sentence; empty if they seem to be there.

    Fast: files are looked for and not read, so that a request for the images may still be refused.
    """
    from vae.data.readers.torchvision import is_downloaded
    from vae.runs.run_dataset import data_of

    try:
        data = data_of(run)
        if data.path is not None:
            is_here = data.path.exists()
        else:
            is_here = data.name == "digits" or is_downloaded(data.name, data.root, data.emnist_split)
        if not is_here:
            dataset(run)
    except UserError as error:
        return str(error)
    return ""


def embedding(run: Run, at: At, part: str) -> Embedding:
    """The posteriors of a part's images: those that training left in the run, or computed from the images.

    Args:
        run: The run.
        at: Which weights.
        part: `test`, `validation`, `train` or `all`.

    Raises:
        DataError: If they must be computed and the images are not on this machine.
        CheckpointError: If the weights are missing or damaged.
    """
    from vae.latent.embedding import Embedding, embed, kept_embedding

    def make() -> Embedding:
        if part == "test" and at == "best" and (kept := kept_embedding(run)) is not None:
            return kept
        images = dataset(run)
        if part != "all":
            return embed(model(run, at), images, part)  # type: ignore[arg-type]
        import torch

        parts = [
            embed(model(run, at), images, name)
            for name in ("train", "validation", "test")
            if len(getattr(images, name))
        ]
        labels = [found.labels for found in parts if found.labels is not None]
        return Embedding(
            torch.cat([found.mean for found in parts]),
            torch.cat([found.log_var for found in parts]),
            torch.cat(labels) if labels else None,
            torch.cat([found.index for found in parts]),
        )

    return _embeddings.get((run.path, at, part, _embedding_stamp(run, at)), make)


def prefetch(run: Run, at: At, part: str) -> None:
    """Begin to work out the posteriors that a page will ask for, beside it; whoever asks meanwhile waits for these."""

    def make() -> None:
        with suppress(UserError, OSError):
            embedding(run, at, part)

    threading.Thread(target=make, name="prefetch", daemon=True).start()


def pace(run: Run, at: At) -> float:
    """About how many images of a run are encoded in a second on this machine."""
    from vae.latent.embedding import pace as measured

    return _summaries.get(("pace", run.path, at, stamp(run, at)), lambda: measured(model(run, at)))


def dimensions(run: Run, at: At) -> tuple[list[Dimension], int]:
    """Every latent dimension over the test images, the largest rate first, and how many images these are."""
    from vae.diagnostics.diagnose import dimensions as over

    def make() -> tuple[list[Dimension], int]:
        found = embedding(run, at, "test")
        return over(found), len(found.mean)

    return _summaries.get(("dimensions", run.path, at, _embedding_stamp(run, at)), make)


def surprise(run: Run, at: At) -> Surprise:
    """What the first training images cost the model (`vae.evaluation.typicality`); test images, where these are all.

    Raises:
        DataError: If the images are not on this machine.
        CheckpointError: If the weights are missing or damaged.
    """
    from vae.evaluation.typicality import surprise as over

    def make() -> Surprise:
        images = dataset(run)
        return over(model(run, at), images, "train" if len(images.train) else "test", MOST_COMPARED)

    return _summaries.get(("surprise", run.path, at, stamp(run, at)), make)


def plane(run: Run, at: At) -> Projection:
    """The plane of largest variance through the test images' posterior means."""
    from vae.latent.embedding import principal_plane

    return _summaries.get(
        ("plane", run.path, at, _embedding_stamp(run, at)),
        lambda: principal_plane(embedding(run, at, "test").mean),
    )


def mixture(run: Run, at: At, num_components: int | None) -> tuple[Mixture, PriorGap]:
    """A Gaussian mixture fitted to the test images' posteriors, and how far these themselves are from the prior.

    Args:
        run: The run.
        at: Which weights.
        num_components: None takes the number with the lowest BIC.

    Raises:
        DataError: If the posteriors must be computed and the images are not on this machine.
        CheckpointError: If the weights are missing or damaged.
    """
    from vae.latent.aggregate_posterior import prior_gap
    from vae.latent.generation import MIXTURE_SIZES, fit_mixture

    def make() -> tuple[Mixture, PriorGap]:
        sizes = MIXTURE_SIZES if num_components is None else (num_components,)
        posteriors = embedding(run, at, "test")
        found = fit_mixture(posteriors, sizes)
        return found, prior_gap(posteriors, found)

    return _summaries.get(("mixture", run.path, at, _embedding_stamp(run, at), num_components), make)


def leak(run: Run, at: At) -> Leak:
    """How well the class can be read off the test images' posterior means.

    Raises:
        UserError: As `vae.diagnostics.label_leakage.label_leak` and `embedding` do.
    """
    from vae.diagnostics.label_leakage import label_leak

    return _summaries.get(
        ("leak", run.path, at, _embedding_stamp(run, at)), lambda: label_leak(embedding(run, at, "test"))
    )


def neighbour_radius(run: Run, at: At) -> float:
    """The radius within which a typical test image has ten others (`vae.latent.interpolation.default_radius`)."""
    from vae.latent.interpolation import default_radius

    return _summaries.get(
        ("radius", run.path, at, _embedding_stamp(run, at)),
        lambda: default_radius(embedding(run, at, "test").mean),
    )


def _embedding_stamp(run: Run, at: At) -> tuple[str, int]:
    kept = _stat(run.path / "latent.safetensors")
    return stamp(run, at), kept.st_mtime_ns if kept else 0


def warm_up() -> None:
    """Import what the first answer needs, so that it does not wait for torch."""
    import vae.export.onnx
    import vae.latent.embedding  # noqa: F401


def clear() -> None:
    """Forget all that is kept; for tests."""
    for cache in (_models, _graphs, _architectures, _embeddings, _datasets, _summaries):
        cache.clear()
