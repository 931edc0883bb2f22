"""MNIST, Fashion-MNIST, KMNIST and EMNIST as torchvision keeps them: found, read, or downloaded.

Files lie where torchvision puts them (``root/MNIST/raw/train-images-idx3-ubyte`` and so on), so that one root
serves both. Addresses, checksums and unpacking are torchvision's own; torchvision is imported for a download
only.
"""

from __future__ import annotations

import os
import string
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vae.config.schema import DataConfig
from vae.data.download import TransferError, disk_errors, fetch, hidden_folder
from vae.data.readers.idx import broken, find_idx, open_idx
from vae.data.types import DataError, Images, Progress, shown
from vae.storage.user_paths import user_path

_DIGITS = tuple(string.digits)


@dataclass(frozen=True)
class _Source:
    """One data set: torchvision's name for its class and folder, its files, and what the labels mean."""

    folder: str
    class_names: tuple[str, ...]
    train: str = "train"
    test: str = "t10k"
    first_label: int = 0
    transposed: bool = False

    def files(self) -> list[tuple[str, str]]:
        """Images and labels of the training part, then of the test part."""
        return [
            (f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte") for part in (self.train, self.test)
        ]


def _emnist(split: str, class_names: tuple[str, ...], first_label: int = 0) -> _Source:
    return _Source("EMNIST", class_names, f"emnist-{split}-train", f"emnist-{split}-test", first_label, True)


_SOURCES = {
    "mnist": [_Source("MNIST", _DIGITS)],
    "fashion-mnist": [
        _Source(
            "FashionMNIST",
            (
                "T-shirt/top",
                "Trouser",
                "Pullover",
                "Dress",
                "Coat",
                "Sandal",
                "Shirt",
                "Sneaker",
                "Bag",
                "Ankle boot",
            ),
        )
    ],
    "kmnist": [
        _Source(
            "KMNIST",
            (
                "o (お)",
                "ki (き)",
                "su (す)",
                "tsu (つ)",
                "na (な)",
                "ha (は)",
                "ma (ま)",
                "ya (や)",
                "re (れ)",
                "wo (を)",
            ),
        )
    ],
    # Balanced: 15 letters look alike in both cases and are one class. Letters: all 26 do, and labels count
    # from 1.
    "emnist": [
        _emnist("balanced", (*_DIGITS, *string.ascii_uppercase, *"abdefghnqrt")),
        _emnist("letters", tuple(string.ascii_uppercase), first_label=1),
        _emnist("digits", _DIGITS),
    ],
}

_TITLES = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST", "kmnist": "KMNIST", "emnist": "EMNIST"}


def default_root() -> Path:
    """The folder of downloaded sets: ``~/.cache/latent-lab/data``, or wherever the platform has its caches.

    Raises:
        DataError: If this user has no home folder.
    """
    try:
        if sys.platform == "win32":
            cache = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            cache = Path.home() / "Library" / "Caches"
        else:
            cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
            if not cache.is_absolute():  # the XDG specification: a relative path is to be ignored
                cache = Path.home() / ".cache"
    except RuntimeError:
        raise DataError("no home folder to keep datasets in; use another folder") from None
    return cache / "latent-lab" / "data"


def is_downloaded(name: str, root: Path | None = None, emnist_split: str = "balanced") -> bool:
    """Whether all files of a data set are there and as long as their headers say; only the headers are read.

    Raises:
        DataError: If torchvision has no such set for us.
    """
    source = _source(name, emnist_split)
    raw = _root(root) / source.folder / "raw"
    return _is_complete(raw, source)


def read_torchvision(
    config: DataConfig, *, download: bool = False, progress: Progress | None = None
) -> Images:
    """Read one of torchvision's sets from its raw files, upright, official train part first.

    The files are read by a few lines here and in `vae.data.readers.idx` rather than by torchvision's classes: their
    import alone takes two seconds, all of MNIST a twentieth of one; and what the classes take on trust (sizes,
    labels) is checked. A test compares both.

    Args:
        config: Which set, and the root it lies in.
        download: Whether to download it if it is not there.
        progress: Told of the download.
    Raises:
        DataError: If the set is missing, broken, or cannot be downloaded.
    """
    source, root = _source(config.name, config.emnist_split), _root(config.root)
    raw = root / source.folder / "raw"
    if download:
        _download(config.name, [source], root, progress)
    missing = [name for pair in source.files() for name in pair if find_idx(raw, name) is None]
    if missing:
        raise DataError(
            f"{_TITLES[config.name]}: dataset not downloaded, {missing[0]} is missing in {shown(raw)}; run "
            f"`{_command(config)}`, or use digits, which needs no download"
        )
    (train_images, train_labels), (test_images, test_labels) = source.files()
    with open_idx(raw, train_images, 3) as train, open_idx(raw, test_images, 3) as test:
        if train.shape[1:] != test.shape[1:]:
            raise DataError(
                f"train and test images must have one size, got {train.shape[1:]} and {test.shape[1:]} in "
                f"{shown(raw)}; delete that folder and run `{_command(config)}`"
            )
        images = torch.empty(train.shape[0] + test.shape[0], 1, *train.shape[1:], dtype=torch.uint8)
        train.fill(images[: train.shape[0]])
        test.fill(images[train.shape[0] :])
        labels = torch.cat(
            [
                _labels(raw, name, part.shape[0], source)
                for name, part in ((train_labels, train), (test_labels, test))
            ]
        )
    if source.transposed:
        images = images.transpose(-1, -2).contiguous()
    return Images(images, labels, source.class_names, num_test=test.shape[0])


def _command(config: DataConfig) -> str:
    return f"vae data download {config.name}" + (f" --root {shown(config.root)}" if config.root else "")


def download(name: str, root: Path | None = None, progress: Progress | None = None) -> Path:
    """Download a data set, unless it is there already, and return its root.

    Addresses, checksums and unpacking are torchvision's own. The transfer is not, because torchvision's has
    no time limit, no way to tell how far it is or to stop it, and draws a bar of its own on the terminal.
    Everything goes to a hidden folder beside, which is renamed into place file by file when it is whole and
    removed in any other case.

    Args:
        name: ``mnist``, ``fashion-mnist``, ``kmnist`` or ``emnist``.
        root: torchvision's root; `default_root` if None.
        progress: Told the file and its bytes so far; an exception that it raises stops the download.
    Raises:
        DataError: If there is no such set, no connection, a wrong checksum, or no place to write.
    """
    sources = _SOURCES.get(name) or [_source(name)]
    return _download(name, sources, _root(root), progress)


def _download(name: str, sources: list[_Source], root: Path, progress: Progress | None) -> Path:
    folder = sources[0].folder
    raw = root / folder / "raw"
    if all(_is_complete(raw, source) for source in sources):
        return root
    report = progress or (lambda what, done, total: None)
    try:
        from torchvision import datasets
    except (ImportError, RuntimeError) as error:  # RuntimeError: built for another torch
        raise DataError(
            f"downloads need torchvision, which does not import ({error}); "
            "install torch and torchvision again, together"
        ) from error
    dataset_class = getattr(datasets, folder)
    with hidden_folder(root) as temporary:
        fresh = temporary / folder / "raw"
        with disk_errors(fresh):
            fresh.mkdir(parents=True)
        resources = _resources(dataset_class)
        for number, (addresses, checksum) in enumerate(resources, start=1):
            count = f" (file {number} of {len(resources)})" if len(resources) > 1 else ""
            try:
                fetch(addresses, checksum, fresh, count, report)
            except TransferError as error:
                raise DataError(
                    f"could not download {name}: {error}; check the connection and try again, "
                    f"put torchvision's files into {shown(raw)}, or use digits, which works offline"
                ) from error
        report(f"unpacking {name}", 0, 0)
        with disk_errors(raw):
            # Finds the fetched files, so it checks and unpacks them and does not go to the network.
            dataset_class(temporary, **({"split": "balanced"} if name == "emnist" else {}), download=True)
            assert all(_is_complete(fresh, source) for source in _SOURCES[name]), "the checksums were right"
            raw.mkdir(parents=True, exist_ok=True)
            for file in (file for source in _SOURCES[name] for pair in source.files() for file in pair):
                (fresh / file).replace(raw / file)
    return root


def _resources(dataset_class: Any) -> list[tuple[list[str], str]]:
    """Torchvision's addresses for each file, the mirrors in its order, and its MD5 checksum."""
    if hasattr(dataset_class, "url"):
        return [([dataset_class.url], dataset_class.md5)]
    return [
        ([f"{mirror}{name}" for mirror in dataset_class.mirrors], checksum)
        for name, checksum in dataset_class.resources
    ]


def _root(root: Path | None) -> Path:
    return default_root() if root is None else user_path(root, DataError)


def _source(name: str, emnist_split: str = "balanced") -> _Source:
    for source in _SOURCES.get(name, []):
        if name != "emnist" or source.train == f"emnist-{emnist_split}-train":
            return source
    if name in _SOURCES:
        raise DataError(f"emnist_split must be balanced, letters or digits, got {emnist_split!r}")
    raise DataError(f"only {', '.join(_SOURCES)} can be downloaded, got {name!r}; digits need no download")


def _is_complete(raw: Path, source: _Source) -> bool:
    try:
        for images, labels in source.files():
            with open_idx(raw, images, 3), open_idx(raw, labels, 1):
                pass
    except DataError:
        return False
    return True


def _labels(raw: Path, name: str, num_images: int, source: _Source) -> Tensor:
    with open_idx(raw, name, 1) as file:
        if file.shape[0] != num_images:
            raise broken(file.path, f"it has {file.shape[0]} labels for {num_images} images")
        values = torch.empty(file.shape, dtype=torch.uint8)
        file.fill(values)
    labels = values.to(torch.int64) - source.first_label
    if labels.min() < 0 or labels.max() >= len(source.class_names):
        first, last = source.first_label, source.first_label + len(source.class_names) - 1
        raise broken(
            file.path, f"its labels must be {first} to {last}, got {int(values.min())} to {int(values.max())}"
        )
    return labels
