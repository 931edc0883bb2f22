"""A user's own encoder and decoder, called like networks of this library.

People's networks differ: images flat or not, channels first or last, of another scale, a label as a second argument or
joined to the first, a standard deviation in the place of a log-variance, probabilities in the place of logits. What is
here calls them in the way that `vae.watching.setup` found out, and gives what `vae.models.vae.VAE` expects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from vae.config.schema import DataInfo, ModelConfig
from vae.diagnostics.watched_loops.terms import Spread, as_log_var
from vae.errors import UserError
from vae.export.onnx import export_network
from vae.export.onnx_file import DECODER, ENCODER, interface
from vae.export.output_activation import complete, pruned
from vae.watching.encoder_outputs import Answer, described, entries
from vae.watching.isolation import as_in_the_users_program
from vae.watching.reachable_modules import reached, unwrapped

#: What a decoder gives: logits or means as they are, probabilities that become logits, or means that were taken for
#: probabilities, or logits of which a loop takes the sigmoid for means.
Gives = Literal["auto", "raw", "probabilities", "means", "squashed"]
#: How images are laid out: ``(B, C, H, W)``, flat, with the channels last, flat from those, or ``(B, H, W)``.
Layout = Literal["images", "flat", "channels-last", "flat channels-last", "planes"]
#: How a network takes the condition: not at all, as a second argument, one-hot or as labels, or joined to the first.
Way = Literal["none", "one-hot", "labels", "joined"]
#: A probability this close to 0 or 1 counts as one that is so close: single precision has none closer to 1.
SMALLEST_PROBABILITY = 1e-7


@dataclass(frozen=True)
class Scale:
    """The numbers that black and white are for the user's networks.

    Attributes:
        low, high: Of a pixel that is 0 for us, and of one that is 1.
    """

    low: float = 0.0
    high: float = 1.0

    @property
    def unit(self) -> float:
        """A pixel's range in the user's numbers."""
        return self.high - self.low

    def applied(self, x: Tensor) -> Tensor:
        """Pixels from 0 to 1 as the user's networks take them; the very same where these take them so."""
        return x if self == Scale() else self.low + self.unit * x

    def undone(self, x: Tensor) -> Tensor:
        """The other way round."""
        return x if self == Scale() else (x - self.low) / self.unit


class OwnNetwork(nn.Module):
    """What encoder and decoder have in common.

    Args:
        function: A module, or any callable that uses some.
        config: Of the model.
        info: Of the images.
        scale: Of the images.

    Attributes:
        layout: How images go in, or come out.
        way: How the condition is taken.
    """

    side = ""

    def __init__(
        self, function: Callable[..., Any], config: ModelConfig, info: DataInfo, scale: Scale
    ) -> None:
        super().__init__()
        self.function, self.own = unwrapped(function), nn.ModuleList(reached(function).networks)
        # The exporter puts back the mode of what it exports, and with it that of all parts: theirs is `undisturbed`'s.
        self.training = self.own.training = False
        self.config, self.info, self.scale = config, info, scale
        self.layout: Layout = "images"
        self.way: Way = "none"
        device = torch.device("cpu") if (first := self._first) is None else first.device
        #: Others ask a model's parameters for device and type.
        self.anchor = nn.Parameter(torch.zeros((), dtype=torch.float32, device=device), requires_grad=False)

    @property
    def _first(self) -> Tensor | None:
        """The first weight, which says where and how precisely the network computes now."""
        return next((tensor for tensor in self.own.parameters() if tensor.is_floating_point()), None)

    def call(self, x: Tensor, condition: Tensor | None) -> Any:
        """What the user's own network makes of an input, which is laid out and scaled as it takes it."""
        first = self._first
        inputs = [x if first is None else x.to(first.device, first.dtype)]
        if condition is not None and self.way != "none":
            there = condition.to(inputs[0])
            if self.way == "joined":
                inputs = [torch.cat([inputs[0].flatten(1), there], 1)]
            else:
                inputs.append(there.argmax(1) if self.way == "labels" else there)
        with as_in_the_users_program():
            return self.function(*inputs)

    def train(self, mode: bool = True) -> Self:
        """Change its own mode alone: those of the user's networks are `vae.watching.isolation`'s."""
        self.training = mode
        return self

    def state_dict_on_cpu(self) -> dict[str, Tensor]:
        """Its tensors of now, by name."""
        return {name: tensor.detach().cpu() for name, tensor in self.state_dict().items()}

    def onnx(self) -> bytes:
        """This half as ONNX, of its weights of now."""
        inputs, outputs = interface(self.side, self.config, self.info)
        # Two examples: a network that was written for batches may treat a single one in another way.
        given = {name: torch.zeros(2, *shape, device=self.anchor.device) for name, shape in inputs.items()}
        return complete(pruned(export_network(self, given, list(outputs), fold=False)), inputs)

    def _laid_out(self, x: Tensor) -> Tensor:
        """Images ``(B, C, H, W)`` as the network takes them."""
        match self.layout:
            case "images":
                return x
            case "flat":
                return x.flatten(1)
            case "channels-last":
                return x.permute(0, 2, 3, 1)
            case "flat channels-last":
                return x.permute(0, 2, 3, 1).flatten(1)
            case "planes":
                return x.flatten(1, 2)


class OwnEncoder(OwnNetwork):
    """A user's encoder, from images (and condition) to mean and log-variance.

    Attributes:
        answer: How these are taken from what it gives; None until that is known.
    """

    side = ENCODER
    answer: Answer | None = None

    @property
    def kind(self) -> Spread:
        """What its spread is."""
        assert self.answer is not None, "set up"
        return self.answer.kind

    def forward(self, x: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mean, spread = self.read(x, condition)
        assert self.answer is not None
        return mean, as_log_var(spread, self.answer.kind)

    def read(self, x: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and spread of images ``(B, C, H, W)``, as the user's network gives them, in single precision."""
        assert self.answer is not None, "set up"
        mean, spread = self.answer.taken(self.give(x, condition))
        return mean.float().to(x.device), spread.float().to(x.device)

    def give(self, x: Tensor, condition: Tensor | None = None) -> Any:
        """What the user's network gives for images ``(B, C, H, W)``."""
        return self.call(self._laid_out(self.scale.applied(x)), condition)


class OwnDecoder(OwnNetwork):
    """A user's decoder, from latent points (and condition) to the likelihood's raw parameters, ``(B, C, H, W)``.

    Attributes:
        gives: `probabilities` are turned into logits, for a Bernoulli or continuous Bernoulli.
        latent_shape: Of one point, as the network takes it.
        out: How its images are scaled; the likelihood's other than by a mean have no scale.
        range: Smallest and largest value of the newest answer, on its device; None before the first.
    """

    side = DECODER
    gives: Gives = "auto"
    latent_shape: tuple[int, ...] | None = None
    out = Scale()
    range: tuple[Tensor, Tensor] | None = None

    def forward(self, z: Tensor, condition: Tensor | None = None, x: Tensor | None = None) -> Tensor:
        found = self.image(self.give(z, condition)).float().to(z.device)
        if not torch.jit.is_tracing():  # type: ignore[attr-defined]
            self.range = found.min(), found.max()
        if self.gives == "probabilities":
            # Not torch.logit, whose ONNX has other bounds.
            p = found.clamp(SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
            return torch.log(p) - torch.log(1 - p)
        return torch.sigmoid(found) if self.gives == "squashed" else self.out.undone(found)

    def give(self, z: Tensor, condition: Tensor | None = None) -> Any:
        """What the user's network gives for latent points ``(B, D)``."""
        shape = self.latent_shape
        return self.call(z if shape is None or len(shape) == 1 else z.unflatten(1, shape), condition)

    def image(self, found: Any) -> Tensor:
        """What the user's network gave, in the images' shape.

        Raises:
            UserError: If it has another number of values.
        """
        value = found if (inner := image_in(found, self.info.num_pixels)) is None else inner
        if not isinstance(value, Tensor) or value.dim() < 2 or value[0].numel() != self.info.num_pixels:
            raise UserError(
                f"decoder must give images of shape (B, {self.info.channels}, {self.info.height}, {self.info.width}) "
                f"or (B, {self.info.num_pixels}), got {described(found)}; pass a function that returns these"
            )
        channels, height, width = self.info.channels, self.info.height, self.info.width
        is_last = self.layout in ("channels-last", "flat channels-last")
        if value.dim() == 4 and channels > 1:  # the shape says it
            is_last = value.shape[1:] == (height, width, channels) and value.shape[1:] != (
                channels,
                height,
                width,
            )
        if is_last:
            return value.flatten(1).unflatten(1, (height, width, channels)).permute(0, 3, 1, 2)
        return value.flatten(1).unflatten(1, (channels, height, width))


def image_in(found: Any, num_pixels: int) -> Tensor | None:
    """The first part of an answer that may be images: logits of a Bernoulli, means of a Gaussian, a tensor."""
    kinds = torch.distributions
    while isinstance(found, kinds.Independent):
        found = found.base_dist
    if isinstance(found, kinds.Bernoulli | kinds.ContinuousBernoulli):
        return found.logits
    if isinstance(found, kinds.Distribution):
        return found.mean
    if isinstance(found, Tensor):
        return found if found.dim() >= 2 and found[0].numel() == num_pixels else None
    inner = [part for _, _, part in entries(found)]
    return next((image for part in inner if (image := image_in(part, num_pixels)) is not None), None)
