"""Networks of somebody's own in the forms that people give them, and how `vae.watch` understands them."""

from __future__ import annotations

import dataclasses
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Independent, MultivariateNormal, Normal

from tests.support.loops import Net, seeded
from vae.watching.datasets import given
from vae.watching.interpretation import Said
from vae.watching.setup import Watched, set_up

DIMS = 4
Posterior = namedtuple("Posterior", ["mu", "sigma"])


@dataclasses.dataclass
class Output:
    recon: Tensor
    q_mean: Tensor
    q_logvar: Tensor


def understood(data: Any, tmp_path: Path, **options: Any) -> Watched:
    """Set up as `vae.watch` does, without a run."""
    seen = given(data, tmp_path / "own", 0.1, options.pop("scale", None))
    networks = [options.pop(name, None) for name in ("encoder", "decoder", "model")]
    usual = {
        "latent_dim": None,
        "likelihood": "auto",
        "sigma": None,
        "conditional": None,
        "encoder_gives": "auto",
        "decoder_gives": "auto",
        "epochs": None,
    }
    return set_up(seen, *networks, Said(**{**usual, **options}))


def posterior(watched: Watched, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        return watched.model.posterior(x, y)


def z_of(model: Net, mean: Tensor, log_var: Tensor) -> Tensor:
    return model.reparameterize(mean, log_var)


def with_z(model: Net) -> Callable[[Tensor], Any]:
    def encode(x: Tensor) -> Any:
        mean, log_var = model.encode(x)
        return z_of(model, mean, log_var), mean, log_var

    return encode


def softplus_std(model: Net) -> Callable[[Tensor], Any]:
    return lambda x: (model.encode(x)[0], F.softplus(model.encode(x)[1]) + 1e-6)


#: How an encoder is made of a model, and the log-variance that it means by the model's second output.
ENCODERS: dict[str, tuple[Callable[[Net], Any], Callable[[Tensor], Tensor]]] = {
    "pair": (lambda m: m.encode, lambda s: s),
    "list": (lambda m: lambda x: list(m.encode(x)), lambda s: s),
    "both halves": (lambda m: lambda x: torch.cat(m.encode(x), 1), lambda s: s),
    "z first": (with_z, lambda s: s),
    "z last": (lambda m: lambda x: (*m.encode(x), z_of(m, *m.encode(x))), lambda s: s),
    "z between": (lambda m: lambda x: (m.encode(x)[0], z_of(m, *m.encode(x)), m.encode(x)[1]), lambda s: s),
    "z, log-variance, mean": (
        lambda m: lambda x: (with_z(m)(x)[0], m.encode(x)[1], m.encode(x)[0]),
        lambda s: s,
    ),
    "z, mean and standard deviation": (
        lambda m: lambda x: (with_z(m)(x)[0], m.encode(x)[0], (0.5 * m.encode(x)[1]).exp()),
        lambda s: s,
    ),
    "z, mean and variance": (
        lambda m: lambda x: (with_z(m)(x)[0], m.encode(x)[0], m.encode(x)[1].exp()),
        lambda s: s,
    ),
    "z, mean and log standard deviation": (
        lambda m: lambda x: (with_z(m)(x)[0], m.encode(x)[0], 0.5 * m.encode(x)[1]),
        lambda s: s,
    ),
    "whole model, reconstruction first": (lambda m: lambda x: m(x), lambda s: s),
    "whole model, reconstruction, input, mean, log-variance": (
        lambda m: lambda x: [m(x)[0], x, *m.encode(x)],
        lambda s: s,
    ),
    "whole model, mean, log-variance, reconstruction": (
        lambda m: lambda x: (*m.encode(x), m(x)[0]),
        lambda s: s,
    ),
    "dict": (
        lambda m: lambda x: {"logvar": m.encode(x)[1], "mu": m.encode(x)[0], "z": with_z(m)(x)[0]},
        lambda s: s,
    ),
    "dict of a whole model": (
        lambda m: lambda x: dict(zip(("recon", "z_mean", "z_log_var"), m(x), strict=True)),
        lambda s: s,
    ),
    "dataclass": (lambda m: lambda x: Output(m(x)[0], *m.encode(x)), lambda s: s),
    "namedtuple with a sigma": (
        lambda m: lambda x: Posterior(m.encode(x)[0], (0.5 * m.encode(x)[1]).exp()),
        lambda s: s,
    ),
    "Normal": (lambda m: lambda x: Normal(m.encode(x)[0], (0.5 * m.encode(x)[1]).exp()), lambda s: s),
    "Independent Normal beside z": (
        lambda m: (
            lambda x: (with_z(m)(x)[0], Independent(Normal(m.encode(x)[0], (0.5 * m.encode(x)[1]).exp()), 1))
        ),
        lambda s: s,
    ),
    "diagonal MultivariateNormal": (
        lambda m: lambda x: MultivariateNormal(m.encode(x)[0], torch.diag_embed(m.encode(x)[1].exp())),
        lambda s: s,
    ),
    "softplus": (softplus_std, lambda s: 2 * (F.softplus(s) + 1e-6).log()),
    "exponential of half": (lambda m: lambda x: (m.encode(x)[0], (m.encode(x)[1] / 2).exp()), lambda s: s),
    "clamped log-variance": (
        lambda m: lambda x: (m.encode(x)[0], m.encode(x)[1].clamp(-10, 10)),
        lambda s: s,
    ),
    "log-variance that is above 0": (
        lambda m: lambda x: (m.encode(x)[0], m.encode(x)[1] + 9),
        lambda s: s + 9,
    ),
    "latent images": (
        lambda m: lambda x: tuple(part.unflatten(1, (1, 2, 2)) for part in m.encode(x)),
        lambda s: s,
    ),
    "lambda": (lambda m: lambda x: m.encode(x.flatten(1)), lambda s: s),
}


class Conditional(Net):
    """Takes the label in one of the ways; at one network only, if it is told so."""

    def __init__(self, way: str, at: str = "both") -> None:
        super().__init__()
        self.way, self.at = way, at
        self.into = nn.Embedding(10, 64) if way == "labels" else nn.Linear(10, 64)
        self.onto = nn.Embedding(10, DIMS) if way == "labels" else nn.Linear(10, DIMS)


def conditional(way: str, at: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    model = seeded(lambda: Conditional(way, at))

    def encode(x: Tensor, *y: Tensor) -> Any:
        if at == "decoder":
            assert not y
            return model.encode(x.view(-1, 64))
        if way == "joined":
            assert not y and x.shape[1] == 74
            return model.encode(x[:, :64] + model.into(x[:, 64:]))
        (label,) = y
        return model.encode(x.flatten(1) + model.into(label))

    def decode(z: Tensor, *y: Tensor) -> Any:
        if at == "encoder":
            assert not y and z.shape[1] == DIMS
            return model.decode(z)
        if way == "joined":
            assert not y and z.shape[1] == DIMS + 10
            return model.decode(z[:, :DIMS] + model.onto(z[:, DIMS:]))
        (label,) = y
        return model.decode(z + model.onto(label))

    return encode, decode


def numpy_only(net: nn.Sequential) -> Callable[[Tensor], Tensor]:
    """A decoder that no exporter can follow: its values alone say what it gives."""

    def decode(z: Tensor) -> Tensor:
        return torch.from_numpy(net(z).detach().numpy())

    return decode
