"""Checks what a user passes to `vae.watch`, and makes a run of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from vae.config.schema import ModelConfig
from vae.data.dataset import Dataset
from vae.diagnostics.watched_loops.terms import Spread
from vae.errors import UserError
from vae.models.batches import ModelInputs
from vae.models.memory_budget import image_bytes, rows_within
from vae.models.vae import VAE
from vae.runs.snapshots import Probe
from vae.runtime.seeding import generator
from vae.watching.adapters import OwnDecoder, OwnEncoder, Scale
from vae.watching.datasets import Given
from vae.watching.encoder_outputs import at
from vae.watching.interpretation import Notes, Said, say_how, settle_output, settle_spread
from vae.watching.isolation import undisturbed
from vae.watching.onnx_weights import Exports
from vae.watching.reachable_modules import Reached, reached
from vae.watching.trial_calls import (
    candidates,
    layouts,
    takes_z_of_both_halves,
    try_decoder,
    try_encoder,
    ways,
)

#: Images that the networks are tried out on, at most, and copies of their pixels that a network is taken to make.
_NUM_TRIED, _COPIES = 64, 32


@dataclass
class Watched:
    """A user's model and images, tried out.

    Attributes:
        model: Its networks are the two below.
        encoder: The user's, as it is called.
        decoder: Likewise.
        reached: What the functions that were handed over reach.
        exports: What makes ONNX of them.
        probe: Images whose posteriors are kept.
        dataset: The images.
        scale: The numbers that black and white are for the networks.
        sigma: Where the standard deviation of the likelihood is read anew, if it is learned.
        epochs: How many there will be, if that is known.
        options: What was found out, for the run's files.
        guesses: What was taken for granted, and how to say otherwise, as sentences.
        doubts: Those of them that change every number if they are wrong.
        may_reread: What is settled by the loop's own reports: ``spread``, ``decoder``, ``likelihood``.
    """

    model: VAE
    encoder: OwnEncoder
    decoder: OwnDecoder
    reached: Reached
    exports: Exports
    probe: Probe
    dataset: Dataset
    scale: Scale
    sigma: Callable[[], Any] | None
    epochs: int | None
    options: dict[str, Any]
    guesses: list[str]
    doubts: list[str]
    may_reread: set[str]


def set_up(given: Given, encoder: Any, decoder: Any, model: Any, said: Said) -> Watched:
    """Try the networks out on a few images, and make a model of them.

    Raises:
        UserError: If they are not what they are said to be.
    """
    said.check()
    dataset, info = given.dataset, given.dataset.info()
    encoders, decoders = candidates("encoder", encoder, model), candidates("decoder", decoder, model)
    within = reached(encoder, decoder, model)
    if any(is_lazy(weight) for network in within.networks for weight in network.parameters()):
        raise UserError(
            "networks must have their weights, got layers that make them at their first call; call them once before "
            "vae.watch"
        )
    # The likelihood is settled below, once the decoder is known.
    config = ModelConfig(network="external", latent_dim=1)
    own_encoders = [OwnEncoder(one, config, info, given.scale) for one in encoders]
    own_decoders = [OwnDecoder(one, config, info, given.scale) for one in decoders]
    device = own_encoders[0].anchor.device
    num_tried = rows_within(image_bytes(info, _COPIES), most=min(_NUM_TRIED, len(dataset.train)))
    seen = ModelInputs(dataset, "train", torch.arange(num_tried), device=device)
    x = seen[:]
    has_labels = seen.labels is not None
    if said.conditional and not has_labels:
        raise UserError(
            "a conditional model needs labels, got images without; add labels, or leave conditional out"
        )
    condition = None if seen.labels is None else torch.eye(info.num_classes, device=device)[seen.labels]
    taken = ways(said.conditional, has_labels=has_labels)
    spread: Spread | None = None if said.encoder_gives == "auto" else said.encoder_gives  # type: ignore[assignment]
    with undisturbed(within):
        order = layouts(info.channels, is_last=given.is_last)
        own_encoder = try_encoder(own_encoders, x, condition, order, taken, spread)
        given.scale = own_encoder.scale
        mean, raw = own_encoder.read(x, condition)
        if said.latent_dim is not None and mean.shape[1] != said.latent_dim:
            raise UserError(
                f"latent_dim must be what the encoder gives ({mean.shape[1]}), got {said.latent_dim}; leave it out"
            )
        latent_shape = _latent_shape(own_encoder, x, condition)
        for one in own_decoders:
            one.latent_shape = latent_shape
            one.layout = (
                "channels-last" if own_encoder.layout in ("channels-last", "flat channels-last") else "images"
            )
        z = torch.randn(len(x), mean.shape[1], generator=generator(0, "prior")).to(device)
        own_decoder, image = _decoder(own_decoders, own_encoder, z, condition, taken)
        is_conditional = own_encoder.way != "none" or own_decoder.way != "none"
        if said.conditional and not is_conditional:
            raise UserError(
                "conditional must be left out where neither network takes a second argument, got "
                f"{said.conditional!r}; pass functions that take the condition"
            )
        config = config.replace(latent_dim=mean.shape[1], conditional=is_conditional)
        for half in (own_encoder, own_decoder):
            half.config = config
        notes = Notes()
        settle_spread(own_encoder, raw, spread, notes)
        config, sigma = settle_output(own_encoder, own_decoder, image, said, config, given, notes)
        whole = VAE(config, info, networks=(own_encoder, own_decoder))
        for half in (own_encoder, own_decoder):
            half.config = config
        whole.likelihood.to(device)
        probe = Probe.of(dataset, device)
        exports = Exports(whole, probe)
    say_how(own_encoder, own_decoder, said, notes, has_labels=has_labels)
    answer = own_encoder.answer
    assert answer is not None
    options = {
        "encoder_gives": answer.kind,
        "encoder_layout": own_encoder.layout,
        "decoder_gives": own_decoder.gives,
        "condition": [own_encoder.way, own_decoder.way],
        "scale": [given.scale.low, given.scale.high],
    }
    guesses = [*given.guesses, *notes.guesses, *notes.doubts]
    return Watched(
        whole,
        own_encoder,
        own_decoder,
        within,
        exports,
        probe,
        dataset,
        own_encoder.scale,
        sigma,
        said.epochs,
        options,
        guesses,
        notes.doubts,
        notes.may_reread,
    )


def _latent_shape(encoder: OwnEncoder, x: Tensor, condition: Tensor | None) -> tuple[int, ...] | None:
    """Of one latent point, where it is no vector."""
    answer = encoder.answer
    assert answer is not None
    found = at(encoder.give(x, condition), answer.mean)
    value = found.mean if isinstance(found, torch.distributions.Distribution) else found
    return tuple(value.shape[1:]) if value.dim() > 2 else None


def _decoder(
    decoders: list[OwnDecoder], encoder: OwnEncoder, z: Tensor, condition: Tensor | None, taken: list[Any]
) -> tuple[OwnDecoder, Tensor]:
    try:
        return try_decoder(decoders, z, condition, taken)
    except UserError as error:
        answer = encoder.answer
        assert answer is not None
        if answer.spread is None and any(takes_z_of_both_halves(one, z, condition) for one in decoders):
            raise UserError(
                f"encoder must give mean and log_var, got one tensor of {2 * z.shape[1]} numbers, as many as the "
                "decoder takes: the latent point itself; pass a function that returns mean and log_var"
            ) from error
        raise
