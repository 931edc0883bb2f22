"""What the outputs of a user's networks mean: from what was said, from their graphs, and from their values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from vae.config.schema import ModelConfig
from vae.diagnostics.watched_loops.terms import Spread
from vae.errors import UserError, first_line
from vae.export.output_activation import POSITIVE, ending, halves_an_exponent
from vae.watching.adapters import Gives, OwnDecoder, OwnEncoder, Scale
from vae.watching.datasets import Given
from vae.watching.encoder_outputs import Answer

#: The standard deviation at which a squared error, summed, is −log p(x|z), in the loop's own numbers.
OF_SQUARED_ERROR = math.sqrt(0.5)
#: And that of a Gaussian that the user asks for without saying one.
_USUAL_SIGMA = 0.1

_SPREADS = ("auto", "log_var", "log_std", "std", "var")
_LIKELIHOODS = ("auto", "bernoulli", "continuous-bernoulli", "gaussian")
_WORDS: dict[str, str] = {
    "log_var": "a log-variance",
    "log_std": "the logarithm of a standard deviation",
    "std": "a standard deviation",
    "var": "a variance",
}


@dataclass(frozen=True)
class Said:
    """What the user says of the networks; `auto` and None are to be found out."""

    latent_dim: int | None
    likelihood: str
    sigma: float | Callable[[], Any] | None
    conditional: bool | str | None
    encoder_gives: str
    decoder_gives: Gives
    epochs: int | None

    def check(self) -> None:
        """Refuse what means nothing.

        Raises:
            UserError: If a value is none of those that there are, or two do not go together.
        """
        if self.conditional not in (None, False, True, "one-hot", "labels"):
            raise UserError(
                f"conditional must be False, 'one-hot' or 'labels', got {self.conditional!r}; use what your networks "
                "take"
            )
        for name, value, choices in (
            ("likelihood", self.likelihood, _LIKELIHOODS),
            ("encoder_gives", self.encoder_gives, _SPREADS),
            ("decoder_gives", self.decoder_gives, ("auto", "raw", "probabilities")),
        ):
            if value not in choices:
                raise UserError(
                    f"{name} must be one of {', '.join(choices)}, got {value!r}; use {choices[0]}"
                )
        if self.epochs is not None and (isinstance(self.epochs, bool) or not isinstance(self.epochs, int)):
            raise UserError(f"epochs must be a whole number, got {str(self.epochs)[:40]!r}; use at least 1")
        if callable(self.sigma) and "bernoulli" in self.likelihood:
            raise UserError(
                f"sigma must be left out for likelihood {self.likelihood}, got a function; use likelihood gaussian"
            )


def number(value: Any) -> float:
    """What a user's function gave as a number, a tensor with a graph included."""
    return float(value.detach()) if isinstance(value, Tensor) else float(value)


class Notes:
    """What is found out on the way."""

    def __init__(self) -> None:
        self.guesses: list[str] = []
        self.doubts: list[str] = []
        self.may_reread: set[str] = set()


def settle_spread(encoder: OwnEncoder, raw: Tensor, said: Spread | None, notes: Notes) -> None:
    """What the encoder's second answer is, as far as the user has not said it and it was not checked."""
    answer = encoder.answer
    assert answer is not None
    is_above = bool((raw > 0).all())
    if said == "std" and not is_above:
        raise UserError(
            f"encoder must give standard deviations above 0 for encoder_gives = 'std', got {float(raw.min()):.3g}; "
            "use encoder_gives = 'log_var' if they are log-variances"
        )
    if answer.is_certain:
        return
    notes.may_reread.add("spread")
    kind: Spread = "log_var"
    if (data := _exported(encoder)) is not None:
        if ending(data, "log_var") in POSITIVE and is_above:
            kind = "std"
            if ending(data, "log_var") == "Exp" and not halves_an_exponent(data, "log_var"):
                notes.doubts.append(
                    "the encoder's second output is an exponential, and is taken for a standard deviation; pass "
                    "encoder_gives='var' if it is a variance"
                )
            else:
                notes.guesses.append(
                    "the encoder's second output is never negative, and is taken for a standard deviation; pass "
                    "encoder_gives='var' if it is a variance"
                )
    elif is_above:
        notes.doubts.append(
            "the encoder's second output is above 0 for every image, like a standard deviation: if it is one, pass "
            "encoder_gives='std'"
        )
    encoder.answer = replace(answer, kind=kind)


def _exported(half: OwnEncoder | OwnDecoder) -> bytes | None:
    """A half as ONNX, to see what it ends in; None if it cannot be exported."""
    try:
        return half.onnx()
    except Exception:  # the exporter, and the user's code in it, may raise anything
        return None


def settle_output(
    encoder: OwnEncoder,
    decoder: OwnDecoder,
    image: Tensor,
    said: Said,
    config: ModelConfig,
    given: Given,
    notes: Notes,
) -> tuple[ModelConfig, Callable[[], Any] | None]:
    """What the decoder's output is, and the likelihood that goes with it."""
    image = image.float()
    low, high = float(image.min()), float(image.max())
    decoder.gives = "raw"
    data = _exported(decoder)
    ends = "" if data is None else ending(data, "output")
    is_tanh = ends == "Tanh" or (not ends and low < 0 and low >= -1 and high <= 1 and given.scale.low == -1)
    likelihood = said.likelihood
    if is_tanh and given.scale == Scale() and not given.is_scale_said and "bernoulli" not in likelihood:
        encoder.scale = given.scale = decoder.scale = Scale(-1.0, 1.0)
        notes.doubts.append(
            "the decoder ends in a tanh, so that black is taken as -1 and white as 1 for both networks; pass "
            "scale=(0, 1) if your encoder is given images from 0 to 1"
        )
    if likelihood == "auto":
        is_density = callable(said.sigma) or said.sigma is not None
        likelihood = "gaussian" if is_density or is_tanh or given.scale != Scale() else "bernoulli"
        if likelihood == "gaussian":
            what = "a Gaussian's means" if is_density else "means, with a squared error in your loss (σ = √½)"
            notes.guesses.append(
                f"the decoder's output is taken for {what}; pass likelihood= and sigma= if that is wrong"
            )
        else:
            notes.may_reread.add("likelihood")
    elif "bernoulli" in likelihood and is_tanh:
        notes.doubts.append(
            f"the decoder ends in a tanh, which gives no logits of a {likelihood.replace('-', ' ')}; pass "
            "likelihood='gaussian'"
        )
    if likelihood == "gaussian":
        decoder.out = given.scale
        if said.decoder_gives == "probabilities":
            raise _no_probabilities(low, high, likelihood)
        return _gaussian(config, said, given.scale), said.sigma if callable(said.sigma) else None
    decoder.gives = _gives(said.decoder_gives, ends, low, high, likelihood, notes)
    return config.replace(likelihood=likelihood), None


def _gaussian(config: ModelConfig, said: Said, scale: Scale) -> ModelConfig:
    """A Gaussian whose σ, in the user's numbers, is one of a pixel's range here."""
    if callable(said.sigma):
        return config.replace(likelihood="gaussian-learned", sigma=_sigma(said.sigma) / scale.unit)
    usual = OF_SQUARED_ERROR if said.likelihood == "auto" else _USUAL_SIGMA
    sigma = usual if said.sigma is None else _sigma(lambda: said.sigma)
    return config.replace(likelihood="gaussian", sigma=sigma / scale.unit)


def _sigma(given: Callable[[], Any]) -> float:
    """A standard deviation that a user gives, or whose function does.

    Raises:
        UserError: If it gives no number.
    """
    try:
        return number(given())
    except Exception as error:  # the user's code may raise anything
        raise UserError(
            f"sigma must be a number, or a function that gives one, and says: {first_line(error)}; use for example "
            "sigma=0.1, or lambda: log_sigma.exp()"
        ) from error


def _no_probabilities(low: float, high: float, likelihood: str) -> UserError:
    return UserError(
        "decoder_gives must be 'raw' where the decoder gives other than probabilities of a Bernoulli, got "
        f"'probabilities' with values from {low:.3g} to {high:.3g} and likelihood {likelihood}; use decoder_gives = "
        "'raw'"
    )


def _gives(said: Gives, ends: str, low: float, high: float, likelihood: str, notes: Notes) -> Gives:
    """Whether a Bernoulli's decoder gives probabilities or logits."""
    is_within = low >= 0 and high <= 1
    if said == "probabilities" and not is_within:
        raise _no_probabilities(low, high, likelihood)
    if said != "auto":
        return said
    if ends:
        is_sigmoid = ends in ("Sigmoid", "HardSigmoid")
        if is_sigmoid:
            notes.doubts.append(
                "the decoder ends in a sigmoid, and what it gives is taken for probabilities and turned into logits; "
                "pass decoder_gives='raw' if they are logits"
            )
        return "probabilities" if is_sigmoid else "raw"
    if not is_within:
        return "raw"
    notes.may_reread.add("decoder")
    if low == high:  # a last layer of zeros: logits, until they show otherwise
        return "raw"
    notes.doubts.append(
        "the decoder gives values from 0 to 1, which are taken for probabilities and turned into logits until one is "
        "outside; pass decoder_gives='probabilities' if that is right, and 'raw' if they are logits"
    )
    return "probabilities"


def say_how(encoder: OwnEncoder, decoder: OwnDecoder, said: Said, notes: Notes, *, has_labels: bool) -> None:
    """In which way the networks are called, where there were several."""
    words = {
        "one-hot": "one-hot, as a second argument",
        "labels": "as a number",
        "joined": "one-hot, joined to the input",
    }
    if said.conditional is None and has_labels and (encoder.way != "none" or decoder.way != "none"):
        for name, half in (("encoder", encoder), ("decoder", decoder)):
            if half.way != "none":
                notes.guesses.append(f"the {name} gets the class {words[half.way]}")
            else:
                notes.guesses.append(f"the {name} does not get the class, because it works without it")


def reread_spread(encoder: OwnEncoder, kind: Spread) -> tuple[Answer, str]:
    """The encoder's answer with another spread, and how that is said."""
    assert encoder.answer is not None
    return (
        replace(encoder.answer, kind=kind, is_certain=True),
        f"the encoder's second output is {_WORDS[kind]}, as the KL that your loop reports shows; pass "
        f"encoder_gives={kind!r} to say so from the start",
    )


def reread_output(decoder: OwnDecoder, gives: Gives) -> str:
    """Take what a decoder gives for logits, or for probabilities, and how that is said."""
    decoder.gives = gives
    if gives == "raw":
        return (
            "the decoder has given values outside 0 to 1, so that they are logits and no probabilities; pass "
            "decoder_gives='raw' to say so from the start"
        )
    return (
        "the decoder has given nothing but values from 0 to 1, which are taken for probabilities; pass "
        "decoder_gives='raw' if they are logits"
    )


def reread_likelihood(
    decoder: OwnDecoder, config: ModelConfig, scale: Scale, *, is_raw: bool
) -> tuple[ModelConfig, str]:
    """The configuration of a model whose loop reports a squared error, and how that is said.

    Args:
        decoder: Its outputs are means from here on.
        config: Of the model until now.
        scale: Of the images.
        is_raw: Whether the error is that of what the decoder gives, and not of its sigmoid.
    """
    config = config.replace(likelihood="gaussian", sigma=OF_SQUARED_ERROR / scale.unit)
    decoder.gives = "means" if is_raw or decoder.gives == "probabilities" else "squashed"
    decoder.config = config
    return config, (
        "the reconstruction that your loop reports is a squared error, so that the likelihood is taken for a Gaussian "
        "with σ = √½; pass likelihood='gaussian' and its sigma to say so from the start, or likelihood='bernoulli'"
    )
