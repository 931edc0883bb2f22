"""Options of the images: which, how they are split, and how a pixel becomes a number."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, model_validator

from vae.config.base import Config, option, rule
from vae.config.own_options import own_options, with_own_options
from vae.config.registries import DATASETS
from vae.config.schema.train import MAX_SEED
from vae.storage.user_paths import absolute


class DataConfig(Config):
    """Which images, how they are split, and how a pixel becomes a number."""

    name: Annotated[str, AfterValidator(DATASETS.check)] = option(
        "digits",
        "Dataset: digits is built in; npz and folder are your own images.",
        label="Data",
        registry="dataset",
    )
    options: Any = own_options("name")
    root: Path | None = option(
        None,
        "Folder of downloaded datasets (default: the user's cache folder).",
        label="Download folder",
        advanced=True,
    )
    path: Path | None = option(
        None, "Your own .npz file or image folder, for name npz or folder.", label="Your file or folder"
    )
    emnist_split: Literal["balanced", "letters", "digits"] = option(
        "balanced", "Which part of EMNIST.", label="EMNIST part", advanced=True
    )
    binarize: Literal["none", "threshold", "static", "dynamic"] = option(
        "none",
        "Pixels: grey as they are, thresholded, sampled once, or sampled again each time they are seen.",
        label="Binarise pixels",
    )
    threshold: float = option(
        0.5,
        "Pixels at or above this are 1, for binarize = threshold.",
        label="Threshold",
        remedy="use 0.5, the middle of the grey scale",
        advanced=True,
        gt=0,
        le=1,
    )
    validation: float = option(
        0.1,
        "Share of the training images held out for validation; 0 trains on all and keeps no best checkpoint.",
        label="Validation share",
        remedy="use 0.1 to hold out a tenth",
        advanced=True,
        ge=0,
        le=0.5,
    )
    test: float = option(
        0.2,
        "Share held out for testing, for datasets without a test part of their own.",
        label="Test share",
        remedy="use 0.2 to hold out a fifth",
        advanced=True,
        gt=0,
        le=0.5,
    )
    split_seed: int = option(
        0,
        "Seed of the split and of static binarisation; the same seed gives the same test images.",
        label="Split seed",
        remedy="use any whole number from 0",
        advanced=True,
        ge=0,
        le=MAX_SEED,
    )

    @model_validator(mode="before")
    @classmethod
    def _own_options(cls, values: Any) -> Any:
        return with_own_options(cls, values)

    @model_validator(mode="after")
    def _own_data_has_a_path(self) -> Self:
        if self.name in ("npz", "folder") and self.path is None:
            raise rule(
                f"path must be given for name = {self.name!r}, got none; use --data.path FILE_OR_FOLDER"
            )
        if self.name not in ("npz", "folder") and self.path is not None:
            raise rule(
                f"path must be left out for name = {self.name!r}, got {str(self.path)!r}; "
                "use name npz or folder for your own images"
            )
        return self

    @property
    def needs_download(self) -> bool:
        """Whether the images are a file that torchvision downloads."""
        return DATASETS.fact(self.name, "is_download", False)

    @property
    def is_registered_by_user(self) -> bool:
        """Whether the images are of a class that somebody registered, here or elsewhere."""
        entry = DATASETS.get(self.name)
        return entry is None or not entry.is_built_in

    def absolute(self) -> Self:
        """The same with absolute places, ``~`` filled in, which mean the same from every working directory.

        Raises:
            UserError: If a place belongs to a user that this machine does not have.
        """
        changes = {
            name: absolute(place)
            for name in ("path", "root")
            if (place := getattr(self, name)) is not None and not place.is_absolute()
        }
        return self.replace(**changes) if changes else self
