"""t-SNE and UMAP projections of latent points.

They take seconds to minutes, and most of it holds Python's lock: `python -m vae.latent.tsne_umap` computes one in a
process of its own, tells its progress line by line, and can be killed at any moment.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import json
import re
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vae.errors import UserError
from vae.latent.trust import Trust, read_trust, trust
from vae.runtime.priority import BESIDE, give_way
from vae.storage.safetensors_header import CheckpointError
from vae.storage.safetensors_io import load, save

Method = Literal["tsne", "umap"]
METHODS: tuple[Method, ...] = get_args(Method)
TITLES: dict[Method, str] = {"tsne": "t-SNE", "umap": "UMAP"}
#: Points that are placed unless the user asks for more: one to a few minutes on two cores.
CAPS: dict[Method, int] = {"tsne": 10_000, "umap": 50_000}
#: Fewer points have no neighbourhoods to keep.
FEWEST = 5
#: Units in the last place of the largest coordinate that are nothing but rounding.
_ROUNDING = 4
#: Spreads between which points are left as they are.
_SMALLEST_SPREAD, _LARGEST_SPREAD = 1e-6, 1e6
_ITERATIONS = 1000
_FEW = 1000
#: Seconds before the first point is placed, and for each thousand points, measured on two cores that did nothing else.
_START: dict[Method, float] = {"tsne": 3, "umap": 45}
_PER_THOUSAND: dict[Method, float] = {"tsne": 6, "umap": 1.2}
#: So many times as long it took while a training had the cores too.
_BUSY = 3

Progress = Callable[[float | None, str], None]


def missing(method: Method) -> str:
    """Why a method cannot be used here, with the remedy; empty if it can."""
    if method == "umap" and importlib.util.find_spec("umap") is None:
        return "UMAP needs the package umap-learn; install it with: pip install 'latent-lab[umap]'"
    return ""


def guess(method: Method, num: int) -> str:
    """How long so many points take on two cores, in words: from a machine at rest to one that is busy."""
    seconds = _START[method] + _PER_THOUSAND[method] * num / 1000
    if seconds < 10:
        return "some seconds"
    if _BUSY * seconds < 95:
        return f"{10 * round(seconds / 10)} to {10 * round(_BUSY * seconds / 10)} s"
    return f"{max(1, round(seconds / 60))} to {round(_BUSY * seconds / 60)} min"


def sample(num: int, most: int, seed: int = 0) -> NDArray[np.int32]:
    """Rows of at most so many of `num` points, drawn at random without replacement, ascending."""
    if num <= most:
        return np.arange(num, dtype=np.int32)
    rows = np.random.RandomState(seed).permutation(num)[:most]
    return np.sort(rows).astype(np.int32)


def digest(mean: Tensor) -> str:
    """Names the content of latent points, so that a kept plane is known to belong to them."""
    return hashlib.sha256(mean.numpy().astype("<f4", copy=False).tobytes()).hexdigest()[:32]


@dataclass(frozen=True)
class Flat:
    """Places in a plane, ``(N, 2)``, of which rows of the embedding, ``(N,)``, and how far to trust it."""

    xy: Tensor
    rows: Tensor
    trust: Trust


def place(
    z: NDArray[np.float32], method: Method, *, seed: int = 0, progress: Progress | None = None
) -> NDArray[np.float32]:
    """Place latent points in a plane so that neighbours stay neighbours.

    Args:
        z: Latent points, shape ``(N, D)``.
        method: ``"tsne"`` (scikit-learn, perplexity 30) or ``"umap"`` (umap-learn's defaults).
        seed: One seed, one plane, on one machine.
        progress: Told the share that is done, None where that is not known, and what is being done.

    Returns:
        Shape ``(N, 2)``, centred at 0.

    Raises:
        UserError: As `check_points` does, or if the method is not installed.

    Source:
        van der Maaten & Hinton (2008), https://jmlr.org/papers/v9/vandermaaten08a.html;
        McInnes, Healy & Melville (2018), https://arxiv.org/abs/1802.03426
    """
    check_points(z, method)
    if sentence := missing(method):
        raise UserError(sentence)
    tell = progress or (lambda share, words: None)
    tell(None, "finding neighbours")
    z = _within_reach(z)
    xy = _tsne(z, seed, tell) if method == "tsne" else _umap(z, seed, tell)
    centred: NDArray[np.float32] = (xy - xy.mean(0)).astype(np.float32)
    if not np.isfinite(centred).all():
        raise UserError(
            f"{TITLES[method]} found no projection of these points: their distances are too unequal for single "
            "precision; use PCA"
        )
    return centred


def check_points(z: NDArray[np.float32], method: Method) -> None:
    """Refuse points that have no neighbourhoods to keep, before a library gets them: some end the process with it.

    Args:
        z: Latent points, shape ``(N, D)``.
        method: For whose name.

    Raises:
        UserError: If there are too few points, a coordinate is not finite, or too few of them differ by more than
            rounding.
    """
    title = TITLES[method]
    if len(z) < FEWEST:
        raise UserError(f"{title} needs at least {FEWEST} points, got {len(z)}; choose another part")
    if not np.isfinite(z).all():
        raise UserError(
            f"{title} needs finite latent points, got others; take earlier weights, or train the run again with a "
            "smaller learning rate"
        )
    num = num_places(z)
    if num == 1:
        raise UserError(
            f"{title} has nothing to show: all {len(z):,} images have the same latent position. The posterior has "
            "collapsed; see the Collapse page"
        )
    if num < FEWEST:
        raise UserError(
            f"{title} needs at least {FEWEST} different positions, got {num} of {len(z):,} images: the posterior "
            "has collapsed; see the Collapse page, or use PCA"
        )


def num_places(z: NDArray[np.float32]) -> int:
    """How many of the latent points ``(N, D)`` lie apart by more than the rounding of the largest coordinate."""
    exact = z.astype(np.float64)
    exact -= np.median(exact, axis=0)
    unit = (
        _ROUNDING
        * np.finfo(np.float32).eps
        * np.abs(z).max(initial=0, axis=0, keepdims=True).astype(np.float64)
    )
    # A dimension in which nothing but rounding differs counts for nothing.
    moving = np.ptp(exact, axis=0) > unit[0]
    if not moving.any():
        return 1
    return len(np.unique(z[:, moving], axis=0))


def _within_reach(z: NDArray[np.float32]) -> NDArray[np.float32]:
    """The points as a library can take them: of two dimensions at least, and of a spread whose square is a number."""
    spread = float(z.astype(np.float64).std(0).max())
    if not _SMALLEST_SPREAD < spread < _LARGEST_SPREAD:
        exact = z.astype(np.float64)
        z = ((exact - exact.mean(0)) / spread).astype(np.float32)
    if z.shape[1] == 1:
        z = np.concatenate([z, np.zeros_like(z)], 1)
    return z


def _tsne(z: NDArray[np.float32], seed: int, tell: Progress) -> NDArray[np.float32]:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    model = TSNE(
        perplexity=min(30.0, (len(z) - 1) / 3),
        init="pca",
        learning_rate="auto",
        max_iter=_ITERATIONS,
        random_state=seed,
        verbose=2,
    )
    # Threads that share a few points wait for each other longer than they work.
    threads = threadpool_limits(1 if len(z) < _FEW else None)
    # scikit-learn tells its progress in no other way than by printing it.
    with threads, contextlib.redirect_stdout(_Iterations(tell)):
        found: NDArray[np.float32] = model.fit_transform(z)
    return found


class _Iterations(io.TextIOBase):
    """Hears scikit-learn's prints, and passes on how far it is."""

    def __init__(self, tell: Progress) -> None:
        self._tell = tell

    def write(self, text: str) -> int:
        if found := re.search(r"Iteration (\d+)", text):
            self._tell(min(1.0, int(found[1]) / _ITERATIONS), "moving points")
        return len(text)


def _umap(z: NDArray[np.float32], seed: int, tell: Progress) -> NDArray[np.float32]:
    tell(None, "compiling UMAP")
    from umap import UMAP

    hears = _Epochs(tell)
    with warnings.catch_warnings(), contextlib.redirect_stdout(hears):
        warnings.simplefilter("ignore")  # a fixed seed takes one thread, which it warns of
        model = UMAP(
            n_neighbors=min(15, len(z) - 1),
            random_state=seed,
            verbose=True,
            tqdm_kwds={"file": hears, "mininterval": 0.2, "ascii": True},
        )
        found: NDArray[np.float32] = model.fit_transform(z)
    return found


class _Epochs(io.TextIOBase):
    """Hears what umap-learn prints and the bar that it draws, and passes on how far it is."""

    _STAGES: ClassVar = {
        "Finding Nearest Neighbors": "finding neighbours",
        "Construct embedding": "moving points",
    }

    def __init__(self, tell: Progress) -> None:
        self._tell = tell

    def write(self, text: str) -> int:
        for mark, words in self._STAGES.items():
            if mark in text and "Finished" not in text:
                self._tell(None, words)
        if found := re.search(r"(\d+)/(\d+) \[", text):
            self._tell(min(1.0, int(found[1]) / max(1, int(found[2]))), "moving points")
        return len(text)


# Files --------------------------------------------------------------------------------------------------------------


def read(folder: Path, name: str, mean: Tensor) -> Flat | None:
    """A plane kept in a file, if it is there, whole, and was made from these latent points ``(N, D)``."""
    try:
        tensors, state = load(folder, name)
    except CheckpointError:
        return None
    xy, rows = tensors.get("xy"), tensors.get("rows")
    if xy is None or rows is None or state.get("digest") != digest(mean):
        return None
    fits = xy.dtype == torch.float32 and rows.dtype == torch.int32 and xy.shape == (len(rows), 2)
    if not fits or not len(rows) or not bool(xy.isfinite().all()):
        return None
    first, last = int(rows[0]), int(rows[-1])
    within = first >= 0 and last < len(mean) and bool((rows[1:] > rows[:-1]).all())
    if not within:
        return None
    # Planes of earlier versions do not say it.
    known = read_trust(state.get("trust"))
    return Flat(xy, rows, known or trust(mean.numpy()[rows.long().numpy()], xy.numpy()))


def main(arguments: list[str]) -> None:
    """Place the points of one file and write another: ``SOURCE TARGET METHOD``, both without ``.safetensors``.

    Lines on standard output are ``{"share": …, "words": …}``, and ``{"error": sentence}`` if it failed.
    """
    source, target, method = Path(arguments[0]), Path(arguments[1]), arguments[2]
    out = sys.stdout

    def say(**line: Any) -> None:
        out.write(json.dumps(line) + "\n")
        out.flush()  # a server that has gone shows here, as a broken pipe

    try:
        tensors, state = load(source.parent, source.name)
        mean, rows = tensors["mean"], tensors["rows"]
        if method not in METHODS:
            raise UserError(f"the method must be one of {', '.join(METHODS)}, got {method!r}; use tsne")
        z = mean.numpy()[rows.numpy()]
        xy = place(z, method, progress=lambda share, words: say(share=share, words=words))
        say(share=None, words="comparing neighbours")
        about = trust(z, xy).to_dict()
        kept = {"xy": torch.from_numpy(np.ascontiguousarray(xy)), "rows": rows}
        save(target.parent, target.name, kept, {**state, "method": method, "trust": about})
    except UserError as error:
        say(error=str(error))
        sys.exit(1)
    except OSError as error:
        from vae.storage.atomic import disk_sentence

        say(error=disk_sentence(error))
        sys.exit(1)


if __name__ == "__main__":
    give_way(BESIDE)
    main(sys.argv[1:])
