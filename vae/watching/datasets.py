"""What people train on, as images and labels: arrays, torch datasets and loaders, lists of batches, dicts."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import (
    DataLoader,
    IterableDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    default_collate,
)

from vae.config.schema import DataConfig
from vae.data.dataset import Dataset, load_dataset
from vae.data.types import DataError, check_kind
from vae.errors import first_line
from vae.runs.run_dataset import IMAGES_FILE
from vae.storage.scratch import scratch
from vae.storage.user_paths import absolute
from vae.watching.adapters import Scale
from vae.watching.array_kinds import as_array
from vae.watching.isolation import undisturbed

Array = NDArray[Any]
#: Images that are read one by one from a data set of somebody's, at most, and bytes of them.
MOST_READ, MOST_BYTES = 20_000, 1 << 30
#: Images that a loader's own function puts together at once.
_AT_ONCE = 256
_IMAGES = ("images", "image", "x", "pixel_values", "data", "img", "inputs", "input")
_LABELS = ("labels", "label", "y", "target", "targets", "class", "classes")
#: The same of the part to train on, where a dict has several.
_TRAIN_IMAGES = ("x_train", "train_images", "images_train", "train_x", "train")
_TRAIN_LABELS = ("y_train", "train_labels", "labels_train", "train_y")


@dataclass
class Given:
    """The images that a loop trains on, as far as they are known.

    Attributes:
        dataset: Split as every other.
        arrays: What the run must keep to have them again; None for a data set that can be read anew.
        scale: The numbers that black and white are for the user's networks.
        is_scale_said: Whether the user said these.
        is_last: Whether they were handed over with the channels last.
        batch_size: Of a loader.
        num_images: Of an epoch of the loop, if it is seen.
        guesses: What was taken for granted, as sentences.
    """

    dataset: Dataset
    arrays: dict[str, Array] | None = None
    scale: Scale = field(default_factory=Scale)
    is_scale_said: bool = False
    is_last: bool = False
    batch_size: int | None = None
    num_images: int | None = None
    guesses: list[str] = field(default_factory=list)


def given(data: Any, run_dir: Path, validation: float, scale: tuple[float, float] | None = None) -> Given:
    """The images as a data set, and what else of the loop is seen from what was handed over.

    Args:
        data: A `Dataset` of ours, a `DataConfig`, or the path of an `.npz` file or image folder; images, or images and
            labels, as arrays, tensors or lists; a dict of them; a torch data set or loader; a list of batches.
        run_dir: Where they will be kept.
        validation: Share held out for validation.
        scale: The numbers that black and white are for the user's networks, if that is not to be found out.

    Raises:
        DataError: If they are no images; the rules are those of an `.npz` file.
    """
    said = None if scale is None else _said_scale(scale)
    if isinstance(data, str | os.PathLike):
        path = absolute(Path(data), DataError)
        data = DataConfig(name="folder" if path.is_dir() else "npz", path=path, validation=validation)
    if isinstance(data, DataConfig):
        data = load_dataset(data)
    if isinstance(data, Dataset):
        return Given(data, scale=said or Scale(), is_scale_said=scale is not None)
    found = Given(None, is_scale_said=scale is not None)  # type: ignore[arg-type]  # filled below
    images, labels = _arrays(data, found)
    images = _unflattened(_as_images(images), found)
    found.is_last = images.ndim == 4 and images.shape[3] in (1, 3, 4) and images.shape[1] not in (1, 3, 4)
    found.scale = said or _scale(images, found)
    if images.dtype.kind == "f" and found.scale != Scale():
        images = ((images - found.scale.low) / found.scale.unit).clip(0, 1)
    arrays = {"images": images} if labels is None else {"images": images, "labels": labels}
    config = DataConfig(name="npz", path=run_dir / IMAGES_FILE, validation=validation)
    found.dataset = _read(arrays, config)
    # As bytes from here on: a quarter of the size of numbers.
    kept = {"images": found.dataset.images.numpy()}
    if found.dataset.labels is not None and labels is not None:
        kept["labels"] = labels
    found.arrays = kept
    reading = found.dataset.reading
    remarks = [f"{sentence}; your networks are given numbers from 0 to 1" for sentence in reading.done]
    found.guesses += [*remarks, *reading.warnings()]
    return found


def _said_scale(scale: Any) -> Scale:
    """The numbers of black and white that a user says.

    Raises:
        DataError: If they are not two finite numbers, black below white.
    """
    try:
        low, high = map(float, scale)
        if -1e6 <= low < high <= 1e6:
            return Scale(low, high)
    except (TypeError, ValueError, OverflowError):
        pass
    raise DataError(
        f"scale must be two numbers, those of black and white, the first one smaller, got {str(scale)[:60]!r}; use "
        "(0, 1), or leave it out"
    )


def _read(arrays: dict[str, Array], config: DataConfig) -> Dataset:
    """The arrays, read by the rules of an `.npz` file."""
    with scratch() as folder:
        path = folder / IMAGES_FILE
        np.savez(path, **arrays)  # type: ignore[arg-type]
        check_kind(path, "npz")
        try:
            dataset = load_dataset(config.replace(path=path))
        except DataError as error:
            raise DataError(str(error).replace(f" in {path}", "").replace(str(path), "data")) from None
    return replace(dataset, config=config)


def _as_images(images: Array) -> Array:
    """Numbers; half precision and the like in single precision."""
    return images.astype(np.float32) if images.dtype.kind == "f" else images


def _unflattened(images: Array, found: Given) -> Array:
    """Flat images as squares, grey or with three channels first."""
    if images.ndim != 2:
        return images
    for channels in (1, 3):
        side = math.isqrt(images.shape[1] // channels)
        if side > 1 and channels * side * side == images.shape[1]:
            kind = "grey" if channels == 1 else "colour, channels first"
            found.guesses.append(
                f"rows of {images.shape[1]} numbers are taken for images of {side} × {side}, {kind}; pass them in "
                "their shape if they are others"
            )
            return images.reshape(len(images), channels, side, side)
    return images


def _scale(images: Array, found: Given) -> Scale:
    """What black and white are in floats; whole numbers are given to networks as numbers from 0 to 1."""
    if images.dtype.kind != "f" or not images.size:
        return Scale()
    low, high = float(images.min()), float(images.max())
    if not np.isfinite([low, high]).all() or (low >= 0 and high <= 1) or low == high:
        return Scale()
    if low >= -1 and high <= 1:
        scale = Scale(-1.0, 1.0)
    elif low >= 0:
        scale = Scale(0.0, 255.0 if 16 < high <= 255 else high)
    else:
        scale = Scale(low, high)
    found.guesses.append(
        f"the images have values from {low:.4g} to {high:.4g}, and your networks get them so, black as "
        f"{scale.low:.4g} and white as {scale.high:.4g}; pass scale=(black, white) if that is wrong"
    )
    return scale


# What people hand over ------------------------------------------------------------------------------------------------


def _arrays(data: Any, found: Given) -> tuple[Array, Array | None]:
    """Images and labels as arrays."""
    if isinstance(data, tuple | list) and len(data) > 1 and all(_is_set(part) for part in data):
        found.guesses.append("of several datasets the first is watched; pass the one that you train on")
        data = data[0]
    if isinstance(data, DataLoader):
        return _of_a_loader(data, found)
    if _is_set(data):
        return _of_a_set(data, None, found)
    if isinstance(data, Mapping):
        return _of_a_dict(data, found)
    if data is None or isinstance(data, bool | int | float | complex | bytes):
        raise DataError(
            f"data must be images, got {type(data).__name__}; pass arrays, a torch dataset or its DataLoader, or the "
            "path of an .npz file or image folder"
        )
    if isinstance(data, Iterator):
        raise DataError(
            "data must be images that can be read again, got a generator, which can be read once; pass arrays, a torch "
            "dataset or its DataLoader"
        )
    if isinstance(data, tuple) and (parts := _of_several(data)) is not None:
        found.guesses.append(
            "of the arrays that were passed, the first images and their labels are watched; pass (images, labels) of "
            "what you train on"
        )
        data = parts
    if isinstance(data, tuple) and len(data) == 2:
        return as_array(data[0]), None if data[1] is None else as_array(data[1])
    if (
        isinstance(data, list | tuple)
        and data
        and isinstance(data[0], tuple | list | Mapping)
        and not _is_plain(data[0])
    ):
        items = [_item(item) for item in data]
        return _joined(items)
    if (
        isinstance(data, list | tuple)
        and data
        and isinstance(data[0], Tensor | np.ndarray)
        and data[0].ndim == 4
    ):
        return np.concatenate([as_array(batch) for batch in data]), None
    return as_array(data), None


def _of_several(data: tuple[Any, ...]) -> tuple[Any, Any] | None:
    """Images and labels of the first of several sets, as loaders of well-known data give them; else None."""
    if len(data) == 2 and all(isinstance(part, tuple) and len(part) == 2 for part in data):
        data = (*data[0], *data[1])
    sizes = [(len(part), part.ndim) for part in data if isinstance(part, Tensor | np.ndarray) and part.ndim]
    if not 3 <= len(data) <= 6 or len(sizes) != len(data) or sizes[0][1] < 2:
        return None
    # (x, y, …) or, as scikit-learn splits them, (x, x of the test, y, y of the test).
    for place in (1, 2):
        num, ndim = sizes[place]
        if num == sizes[0][0] and (ndim == 1 or ndim < sizes[0][1] - (sizes[0][1] > 2)):
            return data[0], data[place]
    return None


def _is_set(data: Any) -> bool:
    """Whether something is a data set or loader, and no array."""
    if isinstance(data, DataLoader | torch.utils.data.Dataset):
        return True
    is_array = isinstance(data, Tensor | np.ndarray | list | tuple | Mapping | str | bytes) or hasattr(
        data, "__array__"
    )
    return not is_array and hasattr(data, "__getitem__") and hasattr(data, "__len__")


def _is_plain(values: Any) -> bool:
    """Whether a nested list is one of numbers."""
    while isinstance(values, list | tuple) and values:
        values = values[0]
    return isinstance(values, int | float | bool)


def _of_a_dict(data: Mapping[Any, Any], found: Given | None = None) -> tuple[Array, Array | None]:
    images = next((data[name] for name in _IMAGES if name in data), None)
    if images is None and found is not None:
        several = {str(name).lower(): value for name, value in data.items()}
        train = next((several[name] for name in _TRAIN_IMAGES if name in several), None)
        if train is not None:
            found.guesses.append("of several parts the one to train on is watched; pass others by themselves")
            labels = next((several[name] for name in _TRAIN_LABELS if name in several), None)
            return _arrays(train if labels is None else (train, labels), found)
    if images is None:
        raise DataError(
            f"data must name its images, got a dict of {', '.join(map(str, list(data)[:5])) or 'nothing'}; call them "
            "images, or pass the array"
        )
    labels = next((data[name] for name in _LABELS if name in data and data[name] is not None), None)
    return as_array(images), None if labels is None else as_array(labels)


def _of_a_loader(loader: DataLoader[Any], found: Given) -> tuple[Array, Array | None]:
    """The data set of a loader, put together as the loader does; no batch of the loop's own is drawn."""
    rows: Sequence[int] | None = None
    if isinstance(loader.sampler, SubsetRandomSampler):
        rows = list(loader.sampler.indices)
    images, labels = _of_a_set(loader.dataset, rows, found, loader.collate_fn)
    try:
        num_batches = len(loader)
    except TypeError:
        num_batches = 0
    found.batch_size = getattr(loader.batch_sampler, "batch_size", None) or loader.batch_size
    if found.batch_size and num_batches:
        total = len(rows) if rows is not None else len(loader.dataset)  # type: ignore[arg-type]
        found.num_images = min(total, num_batches * found.batch_size)
    return images, labels


def _of_a_set(
    dataset: Any, rows: Sequence[int] | None, found: Given, collate: Any = None
) -> tuple[Array, Array | None]:
    """The items of a data set, all or as many as fit, evenly spread."""
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
        raise DataError(
            f"data must be images that can be read again and again, got {type(dataset).__name__}, which is a stream; "
            "pass some of its images as arrays"
        )
    found.num_images = len(dataset) if rows is None else len(rows)
    if not found.num_images:
        raise DataError("data must hold images, got an empty dataset; check how it is made")
    if collate in (None, default_collate) and (tensors := _tensors(dataset)) is not None:
        index = slice(None) if rows is None else torch.as_tensor(rows)
        parts = [as_array(tensor[index]) for tensor in tensors[:2]]
        return parts[0], parts[1] if len(parts) > 1 else None
    with undisturbed(dataset):
        chosen: Sequence[int] = range(len(dataset)) if rows is None else rows
        first = _item(_at(dataset, chosen[0]))
        each = max(1, sum(part.nbytes for part in first if part is not None))
        most = min(MOST_READ, max(2, MOST_BYTES // each))
        if len(chosen) > most:
            found.guesses.append(
                f"{most:,} of the {len(chosen):,} images are read for the record, evenly spread; your loop has all"
            )
            chosen = [chosen[int(place)] for place in np.linspace(0, len(chosen) - 1, most)]
        if collate in (None, default_collate):
            items: Iterable[tuple[Array, Array | None]] = (_item(_at(dataset, row)) for row in chosen)
        else:
            pieces = (chosen[start : start + _AT_ONCE] for start in range(0, len(chosen), _AT_ONCE))
            items = (_item(collate([_at(dataset, row) for row in piece])) for piece in pieces)
        return _joined(list(items), is_batched=collate not in (None, default_collate))


def _at(dataset: Any, row: int) -> Any:
    """An item of somebody's data set.

    Raises:
        DataError: If it cannot be had.
    """
    try:
        return dataset[row]
    except Exception as error:  # the user's code may raise anything
        raise DataError(
            f"data must give each of its {len(dataset):,} items, and item {row} says: {first_line(error)}; mend the "
            "dataset, or pass a Subset of what can be read"
        ) from error


def _tensors(dataset: Any) -> tuple[Tensor, ...] | None:
    """The tensors of a data set that holds its images as one; None if it must be read item by item."""
    if isinstance(dataset, TensorDataset):
        return dataset.tensors
    if isinstance(dataset, Subset) and (inner := _tensors(dataset.dataset)) is not None:
        index = torch.as_tensor(list(dataset.indices))
        return tuple(tensor[index] for tensor in inner)
    return None


def _item(item: Any) -> tuple[Array, Array | None]:
    """Image and label of an item, or those of a batch; what is no label of a class is left out."""
    if isinstance(item, Mapping):
        return _of_a_dict(item)
    if isinstance(item, tuple | list) and item:
        label = item[1] if len(item) > 1 else None
        is_label = isinstance(label, int | str | np.integer | Tensor | np.ndarray | float)
        return as_array(item[0]), np.asarray(as_array(label)) if is_label else None
    return as_array(item), None


def _joined(
    items: list[tuple[Array, Array | None]], *, is_batched: bool | None = None
) -> tuple[Array, Array | None]:
    """Items or batches as arrays."""
    images = [image for image, _ in items]
    if is_batched is None:
        is_batched = images[0].ndim >= 4 or (
            items[0][1] is not None and items[0][1].ndim == 1 and images[0].ndim >= 2
        )
        is_batched = is_batched and (items[0][1] is None or len(items[0][1]) == len(images[0]))
    labels = [label for _, label in items]
    try:
        together = np.concatenate(images) if is_batched else np.stack(images)
    except ValueError:
        shapes = sorted({str(image.shape) for image in images})[:3]
        raise DataError(f"images must all have one shape, got {', '.join(shapes)}; resize them") from None
    if any(label is None for label in labels):
        return together, None
    try:
        values = np.concatenate(labels) if is_batched else np.stack(labels)  # type: ignore[arg-type]
    except ValueError:
        return together, None
    return together, values
