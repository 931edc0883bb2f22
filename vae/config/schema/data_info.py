"""Description of a run's images: shape, classes, counts and fingerprint, kept with the run."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from vae.config.base import Config
from vae.config.reading import Reading
from vae.errors import clean


class DataInfo(Config):
    """What the run needs to know of its images without having them."""

    channels: Literal[1, 3]
    height: int = Field(ge=1, le=1024)
    width: int = Field(ge=1, le=1024)
    #: What cannot be seen in a name is written out: a description may come from somebody else.
    class_names: tuple[Annotated[str, AfterValidator(partial(clean, most=80))], ...] = Field(max_length=1000)
    num_train: int = Field(ge=1)
    num_validation: int = Field(ge=0)
    num_test: int = Field(ge=0)
    fingerprint: str = Field(max_length=64)
    #: Of the pixels alone: whether labels differ and images do not. Empty in runs of the first versions.
    pixels: str = Field("", max_length=64)
    #: By which own files were read, see `vae.config.reading.RULES`; the first versions did not write it down.
    rules: Literal[1, 2] = 1
    #: What was made of the user's own data when the run was made, and what was left out.
    reading: Reading = Reading()

    def __eq__(self, other: object) -> bool:
        """Whether both are of the same images, whatever lay beside them when they were read."""
        return isinstance(other, DataInfo) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in type(self).model_fields if name != "reading")

    @property
    def num_pixels(self) -> int:
        """Values per image: channels × height × width."""
        return self.channels * self.height * self.width

    @property
    def num_classes(self) -> int:
        """Number of labels; 0 if the images have none."""
        return len(self.class_names)
