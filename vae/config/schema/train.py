"""Options of the training: the optimiser, its budget, and what the run keeps."""

from __future__ import annotations

from typing import Literal

from vae.config.base import Config, option

#: Largest seed that torch, numpy and JavaScript all hold exactly.
MAX_SEED = 2**31 - 1


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
