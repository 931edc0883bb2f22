"""Answers what the page in a cell asks for of a run or a model: snapshots, networks as ONNX, latent positions, images.

They are the answers that a server gives under the same names (`vae/browser/lib/source.js`), as bytes.
"""

from __future__ import annotations

import copy
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vae.browser import packed_arrays
from vae.config.schema import DataInfo, ModelConfig
from vae.data.dataset import Dataset
from vae.data.types import DataError
from vae.errors import UserError
from vae.evaluation.elbo import CostPerImage, at_posterior_mean
from vae.export.onnx import autoencoder_onnx, decoder_onnx, encoder_onnx
from vae.latent.embedding import Embedding, Projection, embed, kept_embedding, principal_plane
from vae.latent.trust import trust
from vae.models.vae import VAE, At
from vae.runs.run import Run
from vae.runs.run_dataset import images_of
from vae.runs.snapshot_index import moments
from vae.runs.snapshots import load_model
from vae.runs.weight_stamp import stamp
from vae.watching.adapters import Scale
from vae.watching.datasets import given

#: Images that are looked at, of those that are handed over: encoding more keeps a cell waiting.
MOST_SHOWN = 20_000
#: What is kept of snapshots in memory, at most: models, networks, positions.
MOST_KEPT = 40
#: Bytes of the images that are handed over at once.
MOST_BYTES = 500_000_000
#: Images that one question may name.
MOST_IMAGES = 300
_NETWORKS = {"decoder.onnx": decoder_onnx, "encoder.onnx": encoder_onnx, "autoencoder.onnx": autoencoder_onnx}

Query = Mapping[str, object]


class Source(ABC):
    """What a cell shows."""

    #: What the page calls it, and what the card is headed by.
    name: str
    title: str
    info: DataInfo
    config: ModelConfig
    #: The run, where there is one: then there are curves.
    run: Run | None = None
    #: What was made of the images that were handed over, as sentences.
    notes: list[str]
    _dataset: Dataset | None

    @abstractmethod
    def stamp(self, at: At = "best") -> str:
        """A name for the content of weights; empty where there are none yet."""

    @abstractmethod
    def model(self, at: At = "best") -> VAE:
        """The model with these weights, ready to evaluate, on the CPU."""

    @property
    @abstractmethod
    def dataset(self) -> Dataset:
        """The images.

        Raises:
            DataError: If there are none, or they are not here.
        """

    @abstractmethod
    def moments(self) -> dict[str, Any]:
        """The snapshots, and the state of the training."""

    def embedding(self, at: At = "best") -> Embedding:
        """The posteriors of the test images."""
        return self._kept("embedding", at, lambda: embed(self.model(at), self.dataset, "test"))

    def plane(self, at: At = "best") -> Projection | None:
        """The straight plane that the map shows; None for two dimensions, which are one."""
        if self.config.latent_dim == 2:
            return None
        return self._kept("plane", at, lambda: principal_plane(self.embedding(at).mean))

    @property
    def label_names(self) -> tuple[str, ...]:
        """What the labels of the images are called."""
        return self.info.class_names if self._dataset is None else self._dataset.class_names

    @property
    def lack(self) -> str:
        """Why the images cannot be shown; empty if they can."""
        try:
            _ = self.dataset
        except UserError as error:
            return str(error)
        return ""

    @cached_property
    def _cache(self) -> dict[tuple[str, At], tuple[str, Any]]:
        return {}

    def _kept(self, name: str, at: At, make: Any) -> Any:
        """What was made of weights, made anew once they are others."""
        now, found = self.stamp(at), self._cache.get((name, at))
        if found is None or found[0] != now:
            found = (now, make())
        # The newest last: what was asked for of a snapshot long ago makes room.
        self._cache.pop((name, at), None)
        self._cache[name, at] = found
        steps = [key for key in list(self._cache) if isinstance(key[1], int)]
        for key in steps[:-MOST_KEPT]:
            self._cache.pop(key, None)
        return found[1]

    def answer(self, path: str, query: Query) -> bytes:
        """What the page asks for.

        Args:
            path: For example ``latent`` or ``decoder.onnx``.
            query: ``at``, ``index`` …, as the page writes it: it is input like any other.

        Raises:
            UserError: If there is no such thing here.
        """
        at = _at(query.get("at", "best"))
        if path in _NETWORKS:
            return bytes(self._kept(path, at, lambda: _NETWORKS[path](self.model(at))))
        match path:
            case "snapshots":
                return json.dumps(self.moments(), allow_nan=False).encode()
            case "latent":
                return self._latent(self.embedding(at), bool(query.get("log_var")))
            case "spread":
                sigma = (0.5 * self.embedding(at).log_var).exp().numpy()
                return packed_arrays.pack({"sigma": _finite(sigma)})
            case "terms":
                found: CostPerImage = self._kept(
                    path, at, lambda: at_posterior_mean(self.model(at), self.dataset, "test")
                )
                listed = {"distortion": found.distortion.numpy(), "rate": found.rate.numpy()}
                return packed_arrays.pack({name: _finite(values) for name, values in listed.items()})
            case "originals":
                return self._images(self.dataset.test.numpy())
            case "images":
                return self._images(self._named(query.get("index")))
            case "plane/trust":
                return json.dumps(self._kept(path, at, lambda: self._trust(at)), allow_nan=False).encode()
        raise UserError(f"{path[:40]!r} is not there in a notebook; open the run with `vae dashboard`")

    def _latent(self, found: Embedding, with_log_var: bool) -> bytes:
        labels = np.full(len(found.mean), -1) if found.labels is None else found.labels.numpy()
        listed: dict[str, Any] = {
            "mean": _finite(found.mean.numpy()),
            "labels": labels.astype(np.int16),
            "index": found.index.numpy().astype(np.int32),
        }
        if with_log_var:
            listed["log_var"] = _finite(found.log_var.numpy())
        return packed_arrays.pack(listed, part="test", count=len(labels))

    def _named(self, text: object) -> np.ndarray[Any, np.dtype[np.int64]]:
        words = text.split(",", MOST_IMAGES) if isinstance(text, str) else []
        num = len(self.dataset.images)
        if not 1 <= len(words) <= MOST_IMAGES or not all(
            word.isascii() and word.isdigit() and len(word) < 10 and int(word) < num for word in words
        ):
            raise UserError(
                f"index must be 1 to {MOST_IMAGES} numbers below {num}, got {str(text)[:40]!r}; use 0"
            )
        return np.array([int(word) for word in words])

    def _images(self, index: np.ndarray[Any, Any]) -> bytes:
        every = self.dataset.images.numpy()
        if len(index) * every[:1].nbytes > MOST_BYTES:
            raise UserError(
                f"images in a notebook must have at most {MOST_BYTES // 1_000_000} MB, got "
                f"{len(index) * every[:1].nbytes / 1e6:.0f} MB; open the run with `vae dashboard`"
            )
        pixels = every[index]
        return packed_arrays.pack(
            {"images": pixels, "index": index.astype(np.int32)}, max_value=self.dataset.max_value, part="test"
        )

    def _trust(self, at: At) -> dict[str, Any]:
        plane, found = self.plane(at), self.embedding(at).mean
        if plane is None:
            raise UserError("a latent space of two dimensions is its own plane; there is nothing to distrust")
        return trust(found.numpy(), plane.project(found).numpy()).to_dict()


class RunSource(Source):
    """A run, which may be training."""

    run: Run

    def __init__(self, run: Run, data: Any = None) -> None:
        self.run, self.name, self.title = run, run.id, run.name
        self.info, self.config = run.info, run.config.model
        self._dataset, self.notes = None, []
        #: Whether the images are the run's own, so that what it keeps of them belongs to them.
        self._are_own = True
        if isinstance(data, Dataset) and data.info() == run.info:
            self._dataset = data
        elif data is not None:
            self._dataset, self.notes = _as_dataset(data, run.info)
            self._are_own = False

    def stamp(self, at: At = "best") -> str:
        return stamp(self.run, at)

    def model(self, at: At = "best") -> VAE:
        found: VAE = self._kept("model", at, lambda: load_model(self.run, at))
        return found

    @property
    def dataset(self) -> Dataset:
        if self._dataset is None:
            self._dataset = images_of(self.run)
        return self._dataset

    def embedding(self, at: At = "best") -> Embedding:
        if at == "best" and self._are_own and (kept := kept_embedding(self.run)) is not None:
            return kept
        return super().embedding(at)

    def moments(self) -> dict[str, Any]:
        listed = [moment.told(self.stamp(moment.step)) for moment in moments(self.run)]
        return {"state": self.run.status().state, "snapshots": listed}


class ModelSource(Source):
    """A model in memory, as it is now, and images."""

    def __init__(self, model: VAE, data: Any = None) -> None:
        # A copy: whoever trains on does not move what is shown.
        self._model = copy.deepcopy(model).cpu().eval().requires_grad_(False)
        self.name = self.title = "model"
        self.info, self.config = model.info, model.config
        self._dataset, self.notes = (None, []) if data is None else _as_dataset(data, model.info)

    def stamp(self, at: At = "best") -> str:
        return "memory"

    def model(self, at: At = "best") -> VAE:
        if at not in ("best", "last"):
            raise UserError(f"a model in memory has no snapshots, got step {at}; use best")
        return self._model

    @property
    def dataset(self) -> Dataset:
        if self._dataset is None:
            raise DataError("a map needs images, got none; pass them: `vae.show(model, data)`")
        return self._dataset

    def moments(self) -> dict[str, Any]:
        return {"state": "finished", "snapshots": []}


def _as_dataset(data: Any, info: DataInfo) -> tuple[Dataset, list[str]]:
    """A data set as it is; arrays are images that are all looked at, up to a bound. And what to know of them.

    Raises:
        DataError: If they are no images, or others than those of the model.
    """
    if isinstance(data, Dataset):
        dataset, notes, num = data, list[str](), len(data.test)
    else:
        found = given(data, Path("memory"), 0.0)
        everything, none = torch.arange(len(found.dataset.images)), torch.arange(0)
        dataset = replace(found.dataset, train=none, validation=none, test=everything)
        num = found.num_images or len(everything)
        notes = found.dataset.reading.warnings()
        if found.scale != Scale():
            notes.append(
                f"The images have values from {found.scale.low:g} to {found.scale.high:g}; the model is given them "
                "from 0 to 1."
            )
    got, expected = tuple(dataset.images.shape[1:]), (info.channels, info.height, info.width)
    if got != expected:
        raise DataError(f"images must have the shape {expected} of the model's, got {got}; pass others")
    if len(dataset.test) > MOST_SHOWN:
        places = torch.linspace(0, len(dataset.test) - 1, MOST_SHOWN, dtype=torch.float64).round().long()
        dataset = replace(dataset, test=dataset.test[places])
    if len(dataset.test) < num:
        notes.append(
            f"{len(dataset.test):,} of {num:,} images are shown, evenly spread; the dashboard shows all of a run."
        )
    return dataset, notes


def _at(text: object) -> At:
    if text in ("best", "last"):
        return text
    if isinstance(text, int) and not isinstance(text, bool) and 0 <= text < 10**9:
        return int(text)
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise UserError(f"at must be best, last or a snapshot's step, got {shown(text)}; use best")


def shown(value: object, most: int = 40) -> str:
    """The beginning of a value that somebody handed over, whatever happens when it is asked what it is."""
    try:
        return repr(value)[:most]
    except Exception:  # digits without end, or a class of its own
        return f"a value of the type {type(value).__name__[:most]}"


def _finite(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if not np.isfinite(values).all():
        raise UserError("the numbers of a map must be finite, got others; train the run again")
    return values.astype(np.float32, copy=False)
