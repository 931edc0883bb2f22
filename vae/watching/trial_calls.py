"""Finds out how a user's networks are called, by calling them on a few images."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from vae.diagnostics.watched_loops.terms import Spread
from vae.errors import UserError, first_line
from vae.watching.adapters import Layout, OwnDecoder, OwnEncoder, Way
from vae.watching.encoder_outputs import calls_of, understood
from vae.watching.reachable_modules import unwrapped

#: Methods of a whole VAE that are its encoder or decoder, the likeliest first; itself is tried last.
_METHODS = {"encoder": ("encode", "encoder"), "decoder": ("decode", "decoder")}


def candidates(half: str, given: Any, model: Any) -> list[Callable[..., Any]]:
    """What may be a network, of what was handed over: it, or its method of that name.

    Args:
        half: ``encoder`` or ``decoder``.
        given: What was handed over as such; None if only a whole model was.
        model: The whole model, or None.

    Raises:
        UserError: If nothing of it can be called.
    """
    whole = given if given is not None else model
    if whole is None:
        raise UserError(f"{half} must be a module or function, got none; pass it, or model= for both")
    inner = unwrapped(whole)
    methods = [getattr(inner, name, None) for name in _METHODS[half]]
    found = [method for method in methods if callable(method)]
    if callable(inner):
        is_half = given is not None and not _is_whole(inner)
        found = [inner, *found] if is_half else [*found, inner]
    if not found:
        raise UserError(
            f"{half} must be a module or function, got {type(whole).__name__} without a method of that name; pass the "
            "function that you call in your loop"
        )
    for network in [inner] if isinstance(inner, nn.Module) else []:
        if any(is_lazy(parameter) for parameter in network.parameters()):
            raise UserError(
                f"{half} must have its weights, got layers that make them at their first call; call your networks once "
                "before vae.watch"
            )
    return found


def _is_whole(model: Any) -> bool:
    """Whether something is both networks in one."""
    return all(any(callable(getattr(model, name, None)) for name in names) for names in _METHODS.values())


def layouts(channels: int, *, is_last: bool) -> list[Layout]:
    """In which order images may be given; as they were handed over first."""
    first: list[Layout] = ["images", "flat"]
    if is_last:
        first = ["channels-last", "flat channels-last", *first] if channels > 1 else ["channels-last", *first]
    more: list[Layout] = ["planes"] if channels == 1 else []
    return list(dict.fromkeys([*first, *more, "channels-last"]))


def ways(conditional: bool | str | None, *, has_labels: bool) -> list[Way]:
    """In which order a network may take the condition."""
    if conditional == "labels":
        return ["labels", "none"]
    if conditional in (True, "one-hot"):
        return ["one-hot", "joined", "none"]
    return ["none", "one-hot", "labels", "joined"] if conditional is None and has_labels else ["none"]


def try_encoder(
    encoders: Iterable[OwnEncoder],
    x: Tensor,
    condition: Tensor | None,
    how: list[Layout],
    taken: list[Way],
    said: Spread | None,
) -> OwnEncoder:
    """The first encoder that gives a posterior in one of the ways; it is set up to be called in that way.

    Args:
        encoders: What may be the encoder.
        x: Images ``(B, C, H, W)`` from 0 to 1.
        condition: Of them, one-hot, if there is one.
        how: Layouts, the likeliest first.
        taken: Ways in which it may take the condition, likewise.
        said: What the user says that its second answer is.

    Raises:
        UserError: If none does.
    """
    refused: UserError | None = None
    problems: list[str] = []
    for encoder in encoders:
        for way in taken:
            encoder.way = way
            for layout in how if encoder.way != "joined" else ["flat"]:
                encoder.layout = layout  # type: ignore[assignment]
                try:
                    encoder.give(x, condition)
                except Exception as error:  # the user's code may raise anything
                    problems.append(first_line(error))
                    continue
                try:
                    calls = calls_of(lambda encoder=encoder: encoder.give(x, condition))  # type: ignore[misc]
                    encoder.answer = understood(calls, len(x), x[0].numel(), said)
                    return encoder
                except UserError as error:
                    refused = refused or error
    if refused is not None:
        raise refused
    shapes = f"{tuple(x.shape)} or {tuple(x.flatten(1).shape)}"
    second = f"; and to the second: {problems[1]}" if len(problems) > 1 else ""
    raise UserError(
        f"encoder must take images of shape {shapes}, and says to the first: {problems[0]}{second}; pass a function "
        "that takes one of them"
    )


def try_decoder(
    decoders: Iterable[OwnDecoder], z: Tensor, condition: Tensor | None, taken: list[Way]
) -> tuple[OwnDecoder, Tensor]:
    """The first decoder that makes images in one of the ways, and the images ``(B, C, H, W)`` that it makes.

    Args:
        decoders: What may be the decoder; their ``latent_shape`` is set.
        z: Latent points ``(B, D)``.
        condition: One-hot, if there is one.
        taken: Ways in which it may take the condition, the likeliest first.

    Raises:
        UserError: If none does.
    """
    refused: UserError | None = None
    problems: list[str] = []
    for decoder in decoders:
        for way in taken:
            decoder.way = way
            try:
                found = decoder.give(z, condition)
            except Exception as error:  # the user's code may raise anything
                problems.append(first_line(error))
                continue
            try:
                image = decoder.image(found)
                if len(image) == len(z):
                    return decoder, image
                problems.append(f"it makes {len(image)} images of {len(z)} points")
            except UserError as error:
                refused = refused or error
    if refused is not None:
        raise refused
    raise UserError(
        f"decoder must take latent points of shape {tuple(z.shape)}, and says: {problems[0]}; pass a function that "
        "takes these"
    )


def takes_z_of_both_halves(decoder: OwnDecoder, z: Tensor, condition: Tensor | None) -> bool:
    """Whether a decoder takes points of twice as many dimensions: then the encoder gave z, and not two halves."""
    try:
        decoder.image(decoder.give(torch.cat([z, z], 1), condition))
    except Exception:  # the user's code may raise anything
        return False
    return True
