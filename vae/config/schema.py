"""Every option of a run, declared once: the command line, the form and the saved JSON are drawn from here.

A configuration is frozen and checked when it is made. This module does not import torch, so that `vae --help` is quick.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from vae.config.base import Config, option, rule
from vae.config.own_options import own_options, with_own_options
from vae.config.reading import Reading
from vae.config.registries import (
    BETA_VAE,
    DATASETS,
    LIKELIHOODS,
    NETWORKS,
    OBJECTIVES,
    PRIORS,
    STANDARD_NORMAL,
)
from vae.errors import clean
from vae.storage.user_paths import absolute

#: Largest seed that torch, numpy and JavaScript all hold exactly.
MAX_SEED = 2**31 - 1
#: Most pixels of an autoregressive decoder: it makes an image one pixel after another.
MAX_AUTOREGRESSIVE_PIXELS = 256


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


class ModelConfig(Config):
    """The networks, the latent space and the likelihood."""

    network: Annotated[str, AfterValidator(NETWORKS.check)] = option(
        "mlp",
        "Fully connected or convolutional encoder and decoder; external: your own networks, watched by vae.watch.",
        label="Network",
        registry="network",
    )
    network_options: Any = own_options("network")
    decoder: Literal["independent", "autoregressive"] = option(
        "independent",
        "Pixels are independent given z, or each also depends on the pixels before it (Bernoulli, at most 256 "
        "pixels).",
        label="Decoder",
        advanced=True,
    )
    hidden: tuple[int, ...] = option(
        (400,),
        "Widths of the fully connected layers, encoder order; the decoder mirrors them.",
        label="Hidden widths",
        remedy="use for example 400, or 200 200",
    )
    channels: tuple[int, ...] = option(
        (32, 64),
        "Channels of the convolutions, each halving the image; for network = conv.",
        label="Channels",
        remedy="use for example 32 64",
        advanced=True,
    )
    activation: Literal["relu", "tanh", "silu"] = option(
        "relu", "Nonlinearity between layers.", label="Activation", advanced=True
    )
    latent_dim: int = option(
        2,
        "Number of latent dimensions.",
        label="Latent dimensions",
        remedy="use 2 for a map, 10 to 50 for better images",
        ge=1,
        le=512,
    )
    conditional: bool = option(
        False, "Give the one-hot label to encoder and decoder and model p(x|y).", label="Conditional"
    )
    learned_prior: bool = option(
        False,
        "Each class has a learned Gaussian prior instead of the standard normal; for a conditional model.",
        label="Learned prior",
        advanced=True,
    )
    prior: Annotated[str, AfterValidator(PRIORS.check)] = option(
        STANDARD_NORMAL,
        "p(z): the standard normal, or one that you registered.",
        label="Prior",
        advanced=True,
        registry="prior",
        exclude_if=lambda value: value == STANDARD_NORMAL,
    )
    prior_options: Any = own_options("prior")
    likelihood: Annotated[str, AfterValidator(LIKELIHOODS.check)] = option(
        "bernoulli",
        "p(x|z): Bernoulli, continuous Bernoulli, Gaussian with fixed sigma, or Gaussian with one learned sigma.",
        label="Likelihood",
        registry="likelihood",
    )
    likelihood_options: Any = own_options("likelihood")
    sigma: float = option(
        0.1,
        "Standard deviation of the Gaussian likelihood: fixed, or the initial value if it is learned.",
        label="Sigma",
        remedy="use 0.1 for pixels between 0 and 1",
        ge=0.001,
        le=10,
    )

    @model_validator(mode="before")
    @classmethod
    def _own_options(cls, values: Any) -> Any:
        return with_own_options(cls, values)

    @model_validator(mode="after")
    def _layers_have_sizes(self) -> Self:
        for name, sizes, most in (("hidden", self.hidden, 8192), ("channels", self.channels, 1024)):
            if len(sizes) > 8 or any(not 1 <= size <= most for size in sizes):
                raise rule(
                    f"{name} must be at most 8 sizes from 1 to {most}, got {list(sizes)}; use for example "
                    + ("400" if name == "hidden" else "32 64")
                )
        if self.network == "conv" and not self.channels:
            raise rule("channels must name at least one layer for network = conv, got none; use 32 64")
        return self

    @model_validator(mode="after")
    def _parts_go_together(self) -> Self:
        if self.decoder == "autoregressive" and self.likelihood != "bernoulli":
            raise rule(
                f"decoder must be 'independent' for likelihood = {self.likelihood!r}, got 'autoregressive'; "
                "use likelihood bernoulli, or decoder independent"
            )
        entry = NETWORKS.get(self.network)
        if self.decoder == "autoregressive" and entry is not None and not entry.is_built_in:
            raise rule(
                f"decoder must be 'independent' for network = {self.network!r}, got 'autoregressive'; use network mlp "
                "or conv"
            )
        if self.learned_prior and entry is not None and not entry.is_built_in:
            raise rule(
                f"learned_prior must be false for network = {self.network!r}, got true; use network mlp or conv"
            )
        if self.learned_prior and not self.conditional:
            raise rule(
                "learned_prior must be false for an unconditional model, got true; use it with conditional = true"
            )
        return self

    @property
    def is_extended(self) -> bool:
        """Whether a part of the model is of a class that somebody registered."""
        named = ((NETWORKS, self.network), (LIKELIHOODS, self.likelihood), (PRIORS, self.prior))
        return any(name in registry and not registry[name].is_built_in for registry, name in named)

    @property
    def has_known_layers(self) -> bool:
        """Whether the networks are the package's own, whose layers follow from the configuration."""
        return self.network != "external" and self.network in NETWORKS and NETWORKS[self.network].is_built_in

    def misfit(self, info: DataInfo) -> str | None:
        """Why these networks cannot be made for such images, as a sentence; None if they can."""
        named = ((NETWORKS, self.network), (LIKELIHOODS, self.likelihood), (PRIORS, self.prior))
        if missing := [why for registry, name in named if (why := registry.why_missing(name))]:
            return missing[0]
        if self.network == "external":
            return "model.network must be 'mlp' or 'conv' to be trained here, got 'external'; use vae.watch for yours"
        entry = NETWORKS[self.network]
        if not entry.is_built_in:
            said: str | None = entry.load().misfit(self, info)
            return said
        if self.decoder == "autoregressive" and (
            info.channels != 1 or info.num_pixels > MAX_AUTOREGRESSIVE_PIXELS
        ):
            return (
                f"images must have one channel and at most {MAX_AUTOREGRESSIVE_PIXELS} pixels for model.decoder = "
                f"'autoregressive', got {info.channels} × {info.height} × {info.width}; use decoder independent, or "
                "smaller grey images"
            )
        return None


class ObjectiveConfig(Config):
    """The weight of the rate, how it changes during training, and what holds the rate up."""

    name: Annotated[str, AfterValidator(OBJECTIVES.check)] = option(
        BETA_VAE,
        "What training lowers: reconstruction plus what the KL costs, or an objective that you registered.",
        label="Objective",
        advanced=True,
        registry="objective",
        exclude_if=lambda value: value == BETA_VAE,
    )
    options: Any = own_options("name")
    beta: float = option(
        1.0,
        "Weight of the KL (rate), in nats per example; 1 is the ELBO.",
        label="β",
        remedy="use 0 to drop the KL term",
        ge=0,
        le=10_000,
    )
    schedule: Literal["constant", "linear", "sigmoid", "cyclical"] = option(
        "constant",
        "How beta reaches its value: at once, by a linear or S-shaped warm-up, or in cycles.",
        label="β schedule",
    )
    warmup_epochs: float = option(
        10.0,
        "Epochs from 0 to beta, for the schedules linear and sigmoid.",
        label="Warm-up epochs",
        remedy="use a part of the training's epochs, for example 10",
        gt=0,
        advanced=True,
    )
    cycle_epochs: float = option(
        10.0,
        "Epochs of one cycle (first half rising, second half at beta), for the cyclical schedule.",
        label="Cycle epochs",
        remedy="use a part of the training's epochs, for example 10",
        gt=0,
        advanced=True,
    )
    free_bits: float = option(
        0.0,
        "Nats of KL (rate) that cost nothing, so that nothing pushes the batch mean below them; 0 is none.",
        label="Free bits (nats)",
        remedy="use 0 for none, or for example 0.5 per dimension",
        ge=0,
        le=10_000,
        advanced=True,
    )
    free_bits_per: Literal["dimension", "total"] = option(
        "dimension",
        "Whether each latent dimension has so many free bits, or all of them together.",
        label="Free bits per",
        advanced=True,
    )
    capacity: float = option(
        0.0,
        "Nats that the KL (rate) is pulled to, from either side, with weight beta; 0 is none.",
        label="Capacity (nats)",
        remedy="use 0 for none, or for example 25",
        ge=0,
        le=10_000,
        advanced=True,
    )
    capacity_epochs: float = option(
        10.0,
        "Epochs in which the target of the KL (rate) rises linearly from 0 to the capacity.",
        label="Capacity epochs",
        remedy="use a part of the training's epochs, for example 10",
        gt=0,
        advanced=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _own_options(cls, values: Any) -> Any:
        return with_own_options(cls, values)

    @model_validator(mode="after")
    def _one_hold_on_the_rate(self) -> Self:
        if self.free_bits and self.capacity:
            raise rule(
                f"free_bits must be 0 where there is a capacity, got free_bits = {self.free_bits:g} and capacity = "
                f"{self.capacity:g}; use one of them"
            )
        return self


class TrainConfig(Config):
    """The optimiser, its budget, and what the run keeps."""

    epochs: int = option(
        40, "Passes over the training images.", label="Epochs", remedy="use at least 1", ge=1, le=1_000_000
    )
    batch_size: int = option(
        128, "Images per step.", label="Batch size", remedy="use for example 128", ge=1, le=65_536
    )
    learning_rate: float = option(
        1e-3,
        "Step size of Adam; a layer with more than 65,536 inputs takes smaller ones.",
        label="Learning rate",
        remedy="use 0.001",
        gt=0,
        le=10,
    )
    learning_rate_schedule: Literal["constant", "stages", "cosine"] = option(
        "constant",
        "The learning rate stays constant, falls by 10^(-1/7) per stage (stage i lasts 3^i epochs), or falls to 0 "
        "along half a cosine.",
        label="Learning rate schedule",
        advanced=True,
    )
    adam_eps: float = option(
        1e-8, "Epsilon of Adam.", label="Adam epsilon", remedy="use 1e-8", advanced=True, gt=0, le=1
    )
    encoder_steps: int = option(
        0,
        "Updates of the encoder alone, on batches of their own, before each step; 0 is none.",
        label="Extra encoder steps",
        remedy="use 0 for none, or for example 5",
        ge=0,
        le=1000,
        advanced=True,
    )
    encoder_steps_epochs: float = option(
        0.0,
        "For how many epochs, from the first, there are extra encoder steps; 0 is all.",
        label="Extra encoder steps for (epochs)",
        remedy="use 0 for the whole training, or for example 10",
        ge=0,
        advanced=True,
    )
    seed: int = option(
        0,
        "Seed of the weights, the order of images and the noise.",
        label="Seed",
        remedy="use any whole number from 0",
        ge=0,
        le=MAX_SEED,
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = option(
        "auto", "Where to compute: auto takes CUDA, then MPS, then the CPU.", label="Device", advanced=True
    )
    precision: Literal["float32", "bf16"] = option(
        "float32",
        "Precision of the networks' products in training: bf16 is faster on processors that have it, and less "
        "exact; weights, optimiser and every evaluation stay float32.",
        label="Precision of products",
        advanced=True,
    )
    max_images_per_second: int = option(
        0,
        "Slow motion for teaching: at most so many training images a second; 0 is full speed.",
        label="Pace (images/s)",
        remedy="use 0 for full speed",
        ge=0,
        advanced=True,
    )
    eval_every: int = option(
        0,
        "Epochs between evaluations on the validation images; 0 is about a hundred over the run.",
        label="Evaluate every (epochs)",
        remedy="use 0 to let the run choose",
        ge=0,
        advanced=True,
    )
    num_snapshots: int = option(
        60,
        "Snapshots kept for the time machine, denser early; 0 keeps none.",
        label="Snapshots",
        remedy="use 60",
        ge=0,
        le=500,
        advanced=True,
    )
    max_gigabytes: float = option(
        0.0,
        "Disk space that the run may take (GB); 0 is the smaller of 2 GB and a tenth of the free disk. If not all "
        "snapshots fit, there are fewer, in half precision.",
        label="Disk space (GB)",
        remedy="use 0 for the usual bound, or for example 5",
        ge=0,
        le=100_000,
        advanced=True,
    )
    checkpoint_seconds: float = option(
        20.0,
        "Seconds between checkpoints for resuming.",
        label="Checkpoint every (s)",
        remedy="use 20",
        gt=0,
        advanced=True,
    )


class RunConfig(Config):
    """All that makes a run what it is."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    train: TrainConfig = TrainConfig()


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


def suggest(name: str, *, conditional: bool = False) -> RunConfig:
    """Settings that work for a built-in or torchvision data set, as the form first shows them.

    The digits train in slow motion, because at full speed the lesson would be over in seconds.
    """
    if name == "digits":
        model = ModelConfig(hidden=(256, 128), latent_dim=2, conditional=conditional)
        train = TrainConfig(epochs=1200, batch_size=64, max_images_per_second=20_000)
    else:
        model = ModelConfig(hidden=(400,), latent_dim=2, conditional=conditional)
        train = TrainConfig(epochs=30)
    data = {"name": name, "path": Path("your-images")} if name in ("npz", "folder") else {"name": name}
    return RunConfig(data=DataConfig(**data), model=model, train=train)
