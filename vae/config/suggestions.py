"""Settings that suit a dataset: a public one by its name, own images by their size, colour and number.

Imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig

#: Sides from which convolutions are worth their time.
CONV_FROM = 48
#: So many steps of training are enough for a first look.
_STEPS = 6000
_BATCH = 128


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


@dataclass(frozen=True)
class ImageTraits:
    """What settings follow from: the number of images, their channels and sides, and whether they are binary."""

    num_images: int
    channels: int
    height: int
    width: int
    is_binary: bool


def suggest_for(data: DataConfig, traits: ImageTraits) -> tuple[RunConfig, list[str]]:
    """Settings that work for own images, and why, a sentence each.

    A Bernoulli likelihood takes a pixel for a probability, which fits black and white. Pixels in between are numbers:
    colour gets a Gaussian that learns how sharp it may be, grey the continuous Bernoulli.

    Args:
        data: Where the images are.
        traits: What they are.
    """
    reasons = []
    side = min(traits.height, traits.width)
    num_pixels = traits.channels * traits.height * traits.width
    if traits.channels == 3:
        likelihood = "gaussian-learned"
        reasons.append("Gaussian likelihood with a learned σ, because the images are in colour")
    elif traits.is_binary:
        likelihood = "bernoulli"
        reasons.append("Bernoulli likelihood, because nearly all pixels are black or white")
    else:
        likelihood = "continuous-bernoulli"
        reasons.append("continuous Bernoulli likelihood, because the pixels are grey")
    is_large = side >= CONV_FROM
    channels = (32, 64, 128)[: 2 if side < 64 else 3] if side < 128 else (32, 64, 128, 256)
    if is_large:
        reasons.append(f"convolutions, because the images have {CONV_FROM} pixels a side or more")
    latent_dim = min(num_pixels, 32 if is_large or traits.channels == 3 else 2 if side < 16 else 10)
    reasons.append(
        f"{latent_dim} latent dimension{'s' * (latent_dim != 1)} for images of {num_pixels:,} values"
    )
    num_train = max(1, int(0.7 * traits.num_images))
    batch = max(1, min(_BATCH, num_train))
    epochs = max(10, min(1000, round(_STEPS * batch / num_train)))
    model = ModelConfig(
        network="conv" if is_large else "mlp",
        hidden=(256,) if is_large else (400,),
        channels=channels if is_large else (32, 64),
        latent_dim=latent_dim,
        likelihood=likelihood,
    )
    return RunConfig(data=data, model=model, train=TrainConfig(epochs=epochs, batch_size=batch)), reasons
