"""What a user hands to `vae.watch`, looked at and made into a run's parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vae.config import DataConfig, ModelConfig
from vae.data import DataError, Dataset, load
from vae.errors import UserError, first_line
from vae.images import check_kind
from vae.loop_terms import Spread
from vae.memory import image_bytes, rows_within
from vae.minibatches import Seen
from vae.model import VAE
from vae.own_networks import Gives, OwnDecoder, OwnEncoder
from vae.randomness import generator
from vae.reachable import Reached, reached
from vae.run_images import IMAGES_FILE
from vae.scratch import scratch
from vae.snapshots import Probe
from vae.undisturbed import undisturbed
from vae.watch_export import Exports

#: Images that the networks are tried out on, at most, and copies of their pixels that a network is taken to make.
_NUM_TRIED, _COPIES = 64, 32


@dataclass
class Watched:
    """A user's model and images, tried out.

    Attributes:
        model: Its encoder and decoder are `vae.own_networks.OwnNetwork`.
        reached: What the functions that were handed over reach.
        exports: What makes ONNX of them.
        probe: Images whose posteriors are kept.
        dataset: The images.
        sigma: Where the standard deviation of the likelihood is read anew, if it is learned.
        epochs: How many there will be, if that is known.
        options: What was found out, for the run's files.
        guesses: What was taken for granted, and how to say otherwise, as sentences.
    """

    model: VAE
    reached: Reached
    exports: Exports
    probe: Probe
    dataset: Dataset
    sigma: Callable[[], Any] | None
    epochs: int | None
    options: dict[str, Any]
    guesses: list[str]


def dataset_of(data: Any, run_dir: Path, validation: float) -> tuple[Dataset, dict[str, Any] | None]:
    """The images as a data set, split as every other, and the arrays that a run must keep to have them again.

    Args:
        data: A `Dataset`, images, or images and labels: arrays, tensors or lists.
        run_dir: Where they will be kept.
        validation: Share held out for validation.

    Raises:
        DataError: If they are no images; the rules are those of an `.npz` file.
    """
    if isinstance(data, Dataset):
        return data, None
    images, labels = data if isinstance(data, tuple) and len(data) == 2 else (data, None)
    arrays = {"images": _array(images)}
    if labels is not None:
        arrays["labels"] = _array(labels)
    config = DataConfig(name="npz", path=run_dir / IMAGES_FILE, validation=validation)
    with scratch() as folder:
        path = folder / IMAGES_FILE
        np.savez(path, **arrays)
        check_kind(path, "npz")
        try:
            found = load(config.replace(path=path))
        except DataError as error:
            raise DataError(str(error).replace(f" in {path}", "").replace(str(path), "data")) from None
    # As bytes from here on: a quarter of the size of numbers.
    return replace(found, config=config), {**arrays, "images": found.images.numpy()}


def _array(values: Any) -> Any:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def number(value: Any) -> float:
    """What a user's function gave as a number, a tensor with a graph included."""
    return float(value.detach()) if isinstance(value, Tensor) else float(value)


def set_up(
    dataset: Dataset,
    encoder: Callable[..., Any],
    decoder: Callable[..., Any],
    *,
    latent_dim: int | None,
    likelihood: str,
    sigma: float | Callable[[], Any],
    conditional: bool | str,
    encoder_gives: Spread,
    decoder_gives: Gives,
    epochs: int | None,
) -> Watched:
    """Try the networks out on a few images, and make a model of them.

    Raises:
        UserError: If they are not what they are said to be.
    """
    if conditional not in (False, True, "one-hot", "labels"):
        raise UserError(
            f"conditional must be False, 'one-hot' or 'labels', got {conditional!r}; use what your networks take"
        )
    for name, value, choices in (
        ("encoder_gives", encoder_gives, ("log_var", "std")),
        ("decoder_gives", decoder_gives, ("auto", "raw", "probabilities")),
    ):
        if value not in choices:
            raise UserError(f"{name} must be one of {', '.join(choices)}, got {value!r}; use {choices[0]}")
    read_sigma = sigma if callable(sigma) else None
    if read_sigma is not None and not likelihood.startswith("gaussian"):
        raise UserError(
            f"sigma must be left out for likelihood {likelihood}, got a function; use likelihood gaussian"
        )
    start = float(sigma) if not callable(sigma) else number(sigma())
    config = ModelConfig(
        network="external",
        latent_dim=latent_dim or 1,
        likelihood="gaussian-learned" if read_sigma is not None else likelihood,
        sigma=start,
        conditional=bool(conditional),
    )
    info, is_labels = dataset.info(), conditional == "labels"
    own_encoder = OwnEncoder(encoder, config, info, is_labels, encoder_gives)
    own_decoder = OwnDecoder(decoder, config, info, is_labels, decoder_gives)
    device = own_encoder.anchor.device
    num_tried = rows_within(image_bytes(info, _COPIES), most=min(_NUM_TRIED, len(dataset.train)))
    seen = Seen(dataset, "train", torch.arange(num_tried), device=device)
    x = seen[:]
    model = VAE(config, info, networks=(own_encoder, own_decoder))
    model.likelihood.to(device)
    condition = model.condition(seen.labels, len(x))
    found: list[str] = []
    within = reached(encoder, decoder)
    with undisturbed(within):
        mean, spread = own_encoder.try_out(x, condition)
        if latent_dim is not None and mean.shape[1] != latent_dim:
            raise UserError(
                f"latent_dim must be what the encoder gives ({mean.shape[1]}), got {latent_dim}; leave it out"
            )
        config = config.replace(latent_dim=mean.shape[1])
        for part in (model, own_encoder, own_decoder):
            part.config = config
        found += _check_spread(spread, own_encoder)
        z = torch.randn(len(x), mean.shape[1], generator=generator(0, "prior")).to(device)
        try:
            raw = own_decoder.image(own_decoder.call(z, condition))
        except UserError:
            raise
        except Exception as error:  # the user's code may raise anything
            raise UserError(
                f"decoder must take latent points of shape {tuple(z.shape)}, and says: "
                f"{first_line(error)}; pass a function that takes these"
            ) from error
        found += _check_output(raw, own_decoder, config.likelihood)
        probe = Probe.of(dataset, device)
        exports = Exports(model, probe)
    options = {
        "encoder_gives": own_encoder.spread,
        "encoder_is_flat": own_encoder.is_flat,
        "decoder_gives": own_decoder.gives,
        "condition": "labels" if is_labels else "one-hot" if conditional else None,
    }
    return Watched(model, within, exports, probe, dataset, read_sigma, epochs, options, found)


def _check_spread(spread: Tensor, encoder: OwnEncoder) -> list[str]:
    """Whether the encoder's second answer is what it is said to be."""
    if encoder.spread == "std" and not bool((spread > 0).all()):
        raise UserError(
            f"encoder must give standard deviations above 0 for encoder_gives = 'std', got {float(spread.min()):.3g}; "
            "use encoder_gives = 'log_var' if they are log-variances"
        )
    if encoder.spread == "log_var" and bool((spread > 0).all()):
        return [
            "the encoder's second answer is above 0 for every image, as a standard deviation is: if it is one, pass "
            "encoder_gives='std'"
        ]
    return []


def _check_output(raw: Tensor, decoder: OwnDecoder, likelihood: str) -> list[str]:
    """Whether the decoder's answer is what it is said to be; `auto` is settled here."""
    is_within = bool(((raw >= 0) & (raw <= 1)).all())
    is_bernoulli = "bernoulli" in likelihood
    if decoder.gives == "probabilities" and not (is_within and is_bernoulli):
        raise UserError(
            "decoder_gives must be 'raw' where the decoder gives other than probabilities of a Bernoulli, got "
            f"'probabilities' with values from {float(raw.min()):.3g} to {float(raw.max()):.3g} and likelihood "
            f"{likelihood}; use decoder_gives = 'raw'"
        )
    if decoder.gives != "auto":
        return []
    decoder.gives = "probabilities" if is_within and is_bernoulli else "raw"
    if decoder.gives == "raw":
        return []
    return [
        "the decoder gives values from 0 to 1, which are taken for probabilities and turned into logits; pass "
        "decoder_gives='probabilities' if that is right, and 'raw' if they are logits"
    ]
