"""Images as bytes in memory: loaded, split by the seed, and turned into pixels between 0 and 1.

`load_dataset` reads any data set that `DataConfig` can name. Nothing here imports scikit-learn or torchvision before
it is needed: each takes seconds, and a trainer starts with this module.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vae.config.reading import RULES, Reading
from vae.config.registries import OBJECTIVES
from vae.config.schema import DataConfig, DataInfo, RunConfig
from vae.data.attributes import Attributes
from vae.data.readers.digits import read_digits
from vae.data.readers.image_folder import look_at_folder, read_folder, read_folder_columns
from vae.data.readers.npz import look_at_npz, read_npz, read_npz_columns
from vae.data.readers.torchvision import read_torchvision
from vae.data.source import read_factors, read_source
from vae.data.types import DataError, Images, Progress
from vae.runtime import html
from vae.runtime.seeding import image_seeds

Part = Literal["train", "validation", "test"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """All images of a set in memory, and which of them train, validate and test.

    Attributes:
        images: Bytes, shape ``(N, C, H, W)``, in the original order: official train, then official test.
        labels: Numbers of the classes from 0, int64, shape ``(N,)``; None if the images have no labels.
        max_value: The byte that means 1: 255, or 16 for the digits.
        class_names: The name of each class; empty without labels.
        train: Indices into ``images``, int64, ascending; the three parts are disjoint and together are
            everything.
        validation: Likewise; empty if ``config.validation`` is 0.
        test: Likewise.
        config: The configuration that it was loaded with.
        rules: By which own files were read, see `vae.config.reading.RULES`.
        reading: What was made of the user's own data, and what was left out.
    """

    images: Tensor
    labels: Tensor | None
    max_value: int
    class_names: tuple[str, ...]
    train: Tensor
    validation: Tensor
    test: Tensor
    config: DataConfig
    rules: int = RULES
    reading: Reading = field(default_factory=Reading)

    @functools.cached_property
    def columns(self) -> Attributes:
        """What else the user's own data say of each image, in the order of ``images``; read when first asked for.

        Raises:
            DataError: If the file or folder cannot be read any more, or has another number of images by now.
        """
        return read_columns(self.config, len(self.images), self.rules)

    def _repr_html_(self) -> str:
        """A card of what the images are and how they are split, in a notebook."""
        num, channels, height, width = self.images.shape
        rows = {
            "images": f"{num:,}, {channels} × {height} × {width}",
            "training, validation, test": ", ".join(
                f"{len(part):,}" for part in (self.train, self.validation, self.test)
            ),
            "classes": ", ".join(self.class_names) or None,
        }
        said = [*self.reading.done, *self.reading.warnings()]
        return html.card(f"Dataset {self.config.name}", html.table(rows), *map(html.paragraph, said))

    def info(self) -> DataInfo:
        """What a run keeps of its images; the fingerprint changes with any byte, label or index, and with no column."""
        _, channels, height, width = self.images.shape
        return DataInfo(
            channels=channels,
            height=height,
            width=width,
            class_names=self.class_names,
            num_train=len(self.train),
            num_validation=len(self.validation),
            num_test=len(self.test),
            fingerprint=self._fingerprints[0],
            pixels=self._fingerprints[1],
            rules=self.rules,
            reading=self.reading,
        )

    @functools.cached_property
    def _fingerprints(self) -> tuple[str, str]:
        """Of everything, and of the pixels alone."""
        digest = hashlib.sha256(f"{tuple(self.images.shape)} {self.max_value} ".encode())
        digest.update(self.images.numpy().data)
        pixels = digest.hexdigest()[:16]
        for numbers in (self.labels, self.train, self.validation, self.test):
            digest.update(b"none" if numbers is None else f"{len(numbers)} ".encode())
            if numbers is not None:
                digest.update(numbers.numpy().astype("<i8", copy=False).data)
        return digest.hexdigest()[:16], pixels

    def places(self, name: Part) -> Tensor:
        """Where the images of one part are in ``images``, int64, ascending.

        Raises:
            ValueError: If there is no part of that name.
        """
        if name not in get_args(Part):
            raise ValueError(f"part must be one of {', '.join(get_args(Part))}, got {name!r}")
        index: Tensor = getattr(self, name)
        return index

    def part(self, name: Part) -> tuple[Tensor, Tensor | None]:
        """The images of one part, bytes, and their labels, as copies of their own.

        Raises:
            ValueError: If there is no part of that name.
        """
        index = self.places(name)
        labels = None if self.labels is None else self.labels.index_select(0, index)
        return self.images.index_select(0, index), labels

    def seen(self, index: Tensor, seed: int = 0, device: torch.device | str = "cpu") -> Tensor:
        """Pixels of some images as everything that measures under one seed sees them.

        With ``binarize = dynamic`` each image is drawn from a stream of its own, which its place in the set and the
        seed name: so it is the same in whatever company, order and number of images, and on every device.

        Args:
            index: Places in ``images``, int64, shape ``(B,)``, on the CPU.
            seed: Of dynamic binarisation; nothing else depends on it.
            device: Where the pixels are wanted.
        Returns:
            float32, shape ``(B, C, H, W)``.
        Raises:
            UserError: If the seed is negative.
        """
        images = self.images.index_select(0, index)
        if self.config.binarize != "dynamic":
            return self.pixels(images.to(device))
        seeds, draw = image_seeds(seed, len(self.images)), torch.Generator()
        noise = torch.empty_like(images)
        for row, place in enumerate(index.tolist()):
            noise[row].random_(self.max_value, generator=draw.manual_seed(int(seeds[place])))
        return (noise < images).to(device).to(torch.float32)

    def pixels(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Bytes of this set as numbers from 0 to 1, on the device where the bytes are.

        With ``binarize = dynamic`` each pixel is sampled again in each call: 1 with the probability of its grey,
        else 0. Threshold and static binarisation happened when the set was loaded.

        Args:
            images: Bytes, any shape.
            generator: Where dynamic binarisation draws from; on the device of the images.
        Returns:
            float32, the shape of ``images``.
        Raises:
            ValueError: If ``images`` are not bytes, or dynamic binarisation gets no generator.
        """
        if images.dtype != torch.uint8:
            raise ValueError(f"images must be bytes (torch.uint8), got {images.dtype}")
        if self.config.binarize != "dynamic":
            return images.to(torch.float32).div_(self.max_value)
        if generator is None:
            raise ValueError(
                "generator must be given for binarize = dynamic, got none; pass "
                "torch.Generator(images.device).manual_seed(seed)"
            )
        # A whole number below max_value is below the byte with probability byte / max_value: the Bernoulli
        # draw, exactly, four times as fast as torch.bernoulli, which makes a double for each pixel.
        noise = torch.randint(
            self.max_value, images.shape, generator=generator, dtype=torch.uint8, device=images.device
        )
        return (noise < images).to(torch.float32)


def load_dataset(
    config: DataConfig, *, rules: int = RULES, download: bool = False, progress: Progress | None = None
) -> Dataset:
    """Read the images, make them binary if that is asked for, and split them.

    The split, and which images are in the test part, depend on the images, the shares and ``split_seed``
    alone. Official test parts, and those that own data are given with, stay the test part; so does a given validation
    part, unless the share of it is 0. A share above 0 gives at least one image.

    Args:
        config: Which images and how; a relative place is taken from the working directory, and is absolute in the
            answer.
        rules: By which own files are read, see `vae.config.reading.RULES`; a run's are in its description of the
            images.
        download: Whether to download what torchvision has and this machine has not.
        progress: Told of slow steps (downloads, folders of images).
    Raises:
        DataError: If the images cannot be read, or are too few to split.
    """
    config = config.absolute()
    try:
        found = _binarize(_read(config, rules, download, progress), config)
    except MemoryError as error:
        raise DataError(f"the {config.name} images do not fit into memory; use fewer") from error
    train, validation, test = _split(found, config)
    return Dataset(
        images=found.images,
        labels=found.labels,
        max_value=found.max_value,
        class_names=found.class_names,
        train=train,
        validation=validation,
        test=test,
        config=config,
        rules=rules,
        reading=found.reading,
    )


def _read(config: DataConfig, rules: int, download: bool, progress: Progress | None) -> Images:
    match config.name:
        case "digits":
            return read_digits()
        case "npz":
            assert config.path is not None, "DataConfig checks it"
            return read_npz(config.path, rules)
        case "folder":
            assert config.path is not None, "DataConfig checks it"
            return read_folder(config.path, progress, rules)
        case _ if config.is_registered_by_user:
            return read_source(config)
        case _:
            return read_torchvision(config, download=download, progress=progress)


def look(config: DataConfig) -> Reading:
    """What would be made of the user's own data, as far as that is quickly seen; of other data there is nothing to say.

    Raises:
        UserError: If they are missing, or would be refused by their layout alone.
    """
    config = config.absolute()
    if config.path is None or config.name not in ("npz", "folder"):
        return Reading()
    return look_at_npz(config.path) if config.name == "npz" else look_at_folder(config.path)


def read_columns(config: DataConfig, num_images: int, rules: int = RULES) -> Attributes:
    """The further columns of the user's own data, or the factors of a registered data set. Other data have none.

    Args:
        config: Which images.
        num_images: How many there must be.
        rules: By which own files are read, see `vae.config.reading.RULES`.
    Raises:
        DataError: If the file or folder cannot be read, or has another number of images.
    """
    if config.is_registered_by_user:
        found = read_factors(config)
    elif config.path is None or config.name not in ("npz", "folder"):
        return Attributes()
    else:
        found = (read_npz_columns if config.name == "npz" else read_folder_columns)(config.path, rules)
    for column in found.found:
        if len(column.values) != num_images:
            raise DataError(
                f"columns must have one value for each of {num_images} images, got {len(column.values)} in "
                f"{column.name}; restore the data"
            )
    return found


def check_fits(config: RunConfig, dataset: Dataset) -> None:
    """Check what a configuration cannot know without its images.

    Raises:
        DataError: If the model wants labels that are not there or cannot be made for such images, or a batch or
            latent space is larger than the data.
    """
    info = dataset.info()
    if config.model.conditional and not info.num_classes:
        remedy = (
            "put the images of each class into a sub-folder" if config.data.name == "folder" else "add labels"
        )
        raise DataError(
            f"model.conditional needs labels, got none with {config.data.name} images; "
            f"{remedy}, or switch model.conditional off"
        )
    if missing := OBJECTIVES.why_missing(config.objective.name):
        raise DataError(missing)
    if misfit := config.model.misfit(info):
        raise DataError(misfit)
    if config.train.batch_size > info.num_train:
        raise DataError(
            f"train.batch_size must be <= the number of training images ({info.num_train}), "
            f"got {config.train.batch_size}; use {info.num_train} or less"
        )
    if config.model.latent_dim > info.num_pixels:
        raise DataError(
            f"model.latent_dim must be <= the number of values in an image ({info.num_pixels}), "
            f"got {config.model.latent_dim}; use {info.num_pixels} or less"
        )


def _split(found: Images, config: DataConfig) -> tuple[Tensor, Tensor, Tensor]:
    """Indices of the train, validation and test images, each ascending.

    The shuffle is numpy's RandomState, because numpy promises never to change what it gives for a seed (NEP
    19); torch and numpy's newer generators promise that for one version only, and a run must resume on the
    split it began with.
    """
    num_images = len(found.images)
    given = found.num_validation if config.validation else 0
    num_others = num_images - found.num_test - given
    order = np.random.RandomState(config.split_seed).permutation(num_others)
    if found.num_test:
        test, rest = np.arange(num_images - found.num_test, num_images), order
    else:
        num_test = max(1, round(config.test * num_others))
        test, rest = order[:num_test], order[num_test:]
    if given and len(rest):
        return _sorted(rest), _sorted(np.arange(num_others, num_others + given)), _sorted(test)
    num_validation = max(1, round(config.validation * len(rest))) if config.validation else 0
    if len(rest) <= num_validation:
        parts = "train, validation and test" if num_validation else "train and test"
        raise DataError(
            f"each of {parts} needs at least one image, got {num_images} in all; add images"
            + (", or set data.validation to 0" if num_validation and len(rest) else "")
            + "".join(f" ({sentence})" for sentence in found.reading.warnings()[:1])
        )
    return _sorted(rest[num_validation:]), _sorted(rest[:num_validation]), _sorted(test)


def _sorted(index: NDArray[np.signedinteger[Any]]) -> Tensor:
    return torch.from_numpy(np.sort(index).astype(np.int64))


def _binarize(found: Images, config: DataConfig) -> Images:
    """Bytes 0 and ``max_value`` only if ``binarize`` is threshold or static; otherwise nothing changes."""
    grey = found.images.numpy()
    if config.binarize == "threshold":
        cut = next(byte for byte in range(found.max_value + 1) if byte / found.max_value >= config.threshold)
        ones = grey >= cut
    elif config.binarize == "static":
        # The second number keeps these draws apart from the split's; `Dataset.pixels` explains the
        # comparison.
        draws = np.random.RandomState([config.split_seed, 1])
        ones = draws.randint(found.max_value, size=grey.shape, dtype=np.uint8) < grey
    else:
        return found
    return replace(found, images=torch.from_numpy(ones.astype(np.uint8) * np.uint8(found.max_value)))
