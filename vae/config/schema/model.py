"""Options of the model, which of them go together, and which images its networks can take."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, model_validator

from vae.config.base import Config, option, rule
from vae.config.own_options import own_options, with_own_options
from vae.config.registries import LIKELIHOODS, NETWORKS, PRIORS, STANDARD_NORMAL
from vae.config.schema.data_info import DataInfo

#: Most pixels of an autoregressive decoder: it makes an image one pixel after another.
MAX_AUTOREGRESSIVE_PIXELS = 256


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
