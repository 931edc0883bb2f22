"""Data sets that a user registers: images, labels, and what else is known of each image.

A new one is a class derived from `ImageSource` under `vae.config.registries.DATASETS`::

    @DATASETS.register("shapes", title="Coloured shapes", options=ShapesOptions)
    class Shapes(ImageSource): ...

It gives the same images whenever it is asked with the same options: a run keeps their fingerprint, and goes on only
with these.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vae.config.base import Config
from vae.config.registries import DATASETS
from vae.config.schema import DataConfig
from vae.data.attributes import Attributes, column
from vae.data.types import MAX_BYTES, MAX_CLASSES, MAX_IMAGES, MAX_SIDE, DataError, Images
from vae.errors import clean, first_line


class ImageSource(ABC):
    """A data set.

    Args:
        options: Its own options, if it registered some.
    """

    def __init__(self, options: Config | None = None) -> None:
        self.options = options

    @abstractmethod
    def read(self) -> Images:
        """The images as bytes ``(N, C, H, W)``, C being 1 or 3, and their labels, see `vae.data.types.Images`."""

    def factors(self) -> Mapping[str, NDArray[Any]]:
        """What else is known of each image, in the order of `read`: arrays ``(N,)`` by name.

        Whole numbers, booleans and text are classes, floats are numbers on a scale. The map is coloured by them.
        """
        return {}


def source_of(config: DataConfig) -> ImageSource:
    """The source that a configuration names.

    Raises:
        DataError: If it is not registered here.
    """
    if why := DATASETS.why_missing(config.name):
        raise DataError(why)
    own = () if config.options is None else (config.options,)
    found = DATASETS[config.name].load()(*own)
    assert isinstance(found, ImageSource), "the registry checks what is registered"
    return found


def read_source(config: DataConfig) -> Images:
    """The images of a registered data set, checked.

    Raises:
        DataError: If it is not registered here, fails, or gives what is no data set.
    """
    source = source_of(config)
    try:
        found = source.read()
    except DataError:
        raise
    except MemoryError:
        raise
    except Exception as error:  # whatever a user's reader does
        raise DataError(
            f"dataset {config.name!r} cannot be read: {first_line(error)}; mend its read()"
        ) from error
    if why := _why_not(found):
        raise DataError(clean(f"dataset {config.name!r} {why}; mend its read()"))
    return found


def read_factors(config: DataConfig) -> Attributes:
    """What a registered data set says besides of each image; a factor that cannot be used is named with the reason.

    Raises:
        DataError: If the data set is not registered here.
    """
    found, refused = [], []
    try:
        factors = dict(source_of(config).factors())
    except DataError:
        raise
    except Exception as error:  # whatever a user's reader does
        return Attributes(
            (), (clean(f"the factors of dataset {config.name!r} cannot be read: {first_line(error)}"),)
        )
    for name, values in factors.items():
        try:
            found.append(column(name, np.asarray(values)))
        except DataError as error:
            refused.append(str(error))
    return Attributes(tuple(found), tuple(refused))


def _why_not(found: object) -> str:
    """Why something is no data set; empty if it is one."""
    if not isinstance(found, Images):
        return f"must be read as vae.data.types.Images, got {type(found).__name__}"
    images, labels, num = found.images, found.labels, len(found.images)
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] not in (1, 3):
        return f"must have bytes of shape (N, 1 or 3, H, W), got {images.dtype} of {tuple(images.shape)}"
    height, width = images.shape[2:]
    if not (1 <= num <= MAX_IMAGES and 1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        return (
            f"must have 1 to {MAX_IMAGES:,} images of sides 1 to {MAX_SIDE}, got {num:,} of {width}×{height}"
        )
    if images.numel() > MAX_BYTES:
        return f"must have at most {MAX_BYTES:,} bytes, got {images.numel():,}"
    if not 1 <= found.max_value <= 255 or int(images.max()) > found.max_value:
        return f"must have a max_value from its largest byte to 255, got {found.max_value}"
    if not (
        found.num_test >= 0 and found.num_validation >= 0 and found.num_test + found.num_validation < num
    ):
        return f"must have fewer given test and validation images than {num:,}"
    names = found.class_names
    if labels is None:
        return "must have no class_names without labels" if names else ""
    if labels.dtype != torch.int64 or labels.shape != (num,):
        return (
            f"must have labels of type int64 and shape ({num},), got {labels.dtype} of {tuple(labels.shape)}"
        )
    if not (1 <= len(names) <= MAX_CLASSES and int(labels.min()) >= 0 and int(labels.max()) < len(names)):
        return f"must have labels from 0 to below its {len(names)} class_names"
    return ""
