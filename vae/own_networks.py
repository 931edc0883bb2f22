"""A user's own PyTorch encoder and decoder, called as our own networks are, without a trace in the user's program.

People's networks differ: images flat or not, a standard deviation in the place of a log-variance, probabilities in the
place of logits. What is here finds out, and gives what `vae.model.VAE` expects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from vae.config import DataInfo, ModelConfig
from vae.errors import UserError, first_line
from vae.export import export_network
from vae.graph_file import DECODER, ENCODER, interface
from vae.loop_terms import Spread, as_log_var
from vae.reachable import reached, unwrapped
from vae.undisturbed import as_in_the_users_program

Gives = Literal["auto", "raw", "probabilities"]
#: A probability this close to 0 or 1 counts as one that is so close: single precision has none closer to 1.
SMALLEST_PROBABILITY = 1e-7


class OwnNetwork(nn.Module):
    """What encoder and decoder have in common.

    Args:
        function: A module, or any callable that uses some.
        config: Of the model.
        info: Of the images.
        labels: Whether a conditional one takes the label, not the one-hot condition.
    """

    side = ""

    def __init__(
        self, function: Callable[..., Any], config: ModelConfig, info: DataInfo, labels: bool
    ) -> None:
        super().__init__()
        self.function, self.own = unwrapped(function), nn.ModuleList(reached(function).networks)
        # The exporter puts back the mode of what it exports, and with it that of all parts: theirs is `undisturbed`'s.
        self.training = self.own.training = False
        self.config, self.info, self.labels = config, info, labels
        first = next((t for t in self.own.parameters() if t.is_floating_point()), None)
        device = torch.device("cpu") if first is None else first.device
        #: Others ask a model's parameters for device and type.
        self.anchor = nn.Parameter(torch.zeros((), dtype=torch.float32, device=device), requires_grad=False)
        self._type = torch.float32 if first is None else first.dtype

    def call(self, x: Tensor, condition: Tensor | None) -> Any:
        """What the user's own network makes of an input."""
        inputs = [x.to(self._type)]
        if condition is not None:
            inputs.append(condition.argmax(1) if self.labels else condition.to(self._type))
        with as_in_the_users_program():
            return self.function(*inputs)

    def train(self, mode: bool = True) -> Self:
        """Change its own mode alone: those of the user's networks are `vae.undisturbed`'s."""
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
        return export_network(self, given, list(outputs), fold=False)


class OwnEncoder(OwnNetwork):
    """A user's encoder, from images (and condition) to mean and log-variance.

    It may give a pair (or more, of which two are taken), a `torch.distributions.Normal`, or both halves in one tensor,
    and take flat images.

    Args:
        spread: What its second answer is.
    """

    side = ENCODER

    def __init__(
        self, function: Callable[..., Any], config: ModelConfig, info: DataInfo, labels: bool, spread: Spread
    ) -> None:
        super().__init__(function, config, info, labels)
        self.spread, self.is_flat = spread, False

    def forward(self, x: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        mean, spread = self.read(x, condition)
        return mean.float(), as_log_var(spread, self.spread).float()

    def read(self, x: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and spread of images ``(B, C, H, W)``, as the user's network gives them."""
        return self.pair(self.call(x.flatten(1) if self.is_flat else x, condition))

    def pair(self, found: Any) -> tuple[Tensor, Tensor]:
        """Mean and spread of what the user's network gave.

        Raises:
            UserError: If it is nothing like that.
        """
        if isinstance(found, torch.distributions.Distribution):
            self.spread = "std"
            return found.mean, found.stddev
        if isinstance(found, Tensor) and found.dim() == 2 and found.shape[1] % 2 == 0:
            found = found.chunk(2, 1)
        if (
            isinstance(found, tuple | list)
            and len(found) >= 2
            and all(isinstance(part, Tensor) and part.dim() == 2 for part in found[:2])
            and found[0].shape == found[1].shape
        ):
            return found[0], found[1]
        raise UserError(
            f"encoder must give mean and log_var, each of shape (B, D), got {_described(found)}; pass a function that "
            "returns these two"
        )

    def try_out(self, x: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """Find out whether it takes images as they are or flat, and what it gives: mean and spread.

        Raises:
            UserError: If it takes neither, or gives something else.
        """
        problems = []
        for self.is_flat in (False, True):
            try:
                return self.pair(self.call(x.flatten(1) if self.is_flat else x, condition))
            except Exception as error:  # the user's code may raise anything
                problems.append(_said(error))
        raise UserError(
            f"encoder must take images of shape {tuple(x.shape)} or {tuple(x.flatten(1).shape)}, and says to the "
            f"first: {problems[0]}; and to the second: {problems[1]}; pass a function that takes one of them"
        )


class OwnDecoder(OwnNetwork):
    """A user's decoder, from latent points (and condition) to the likelihood's raw parameters, ``(B, C, H, W)``.

    Args:
        gives: `probabilities` are turned into logits, for a Bernoulli or continuous Bernoulli.
    """

    side = DECODER

    def __init__(
        self, function: Callable[..., Any], config: ModelConfig, info: DataInfo, labels: bool, gives: Gives
    ) -> None:
        super().__init__(function, config, info, labels)
        self.gives = gives

    def forward(self, z: Tensor, condition: Tensor | None = None, x: Tensor | None = None) -> Tensor:
        found = self.image(self.call(z, condition)).float()
        if self.gives == "probabilities":
            # Not torch.logit, whose ONNX has other bounds.
            p = found.clamp(SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
            return torch.log(p) - torch.log(1 - p)
        return found

    def image(self, found: Any) -> Tensor:
        """What the user's network gave, in the images' shape.

        Raises:
            UserError: If it has another number of values.
        """
        found = found[0] if isinstance(found, tuple | list) and found else found
        if not isinstance(found, Tensor) or found.dim() < 2 or found[0].numel() != self.info.num_pixels:
            raise UserError(
                f"decoder must give images of shape (B, {self.info.channels}, {self.info.height}, {self.info.width}) "
                f"or (B, {self.info.num_pixels}), got {_described(found)}; pass a function that returns these"
            )
        return found.flatten(1).unflatten(1, (self.info.channels, self.info.height, self.info.width))


def _described(found: Any) -> str:
    if isinstance(found, Tensor):
        return f"shape {tuple(found.shape)}"
    if isinstance(found, tuple | list):
        return f"{len(found)} of them: {', '.join(_described(part) for part in found[:3])}"
    return type(found).__name__


def _said(error: Exception) -> str:
    return first_line(error)
