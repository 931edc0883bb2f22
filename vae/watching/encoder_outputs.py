"""What a user's encoder returns: which part is the posterior's mean, and which its spread.

People return a pair, one tensor of both halves, `(z, mean, log_var)`, all that a whole VAE makes, a dict, a dataclass,
a `torch.distributions.Normal`. What is drawn differs from call to call; what the spread is can be checked against it.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vae.diagnostics.watched_loops.terms import Spread, as_log_var
from vae.errors import UserError

#: Calls from which it is seen what is drawn, and what the spread of it is.
NUM_CALLS = 8
#: Mean squared deviation of what was drawn, in units of the variance: within this factor of 1 if that is understood.
_FITS = 1.3

_MEANS = re.compile(r"(^|_)(mu|mean|means|loc)(_|$)|^z_?(mu|mean)$|^(q_)?mu")
_SPREADS: tuple[tuple[Spread, re.Pattern[str]], ...] = (
    ("log_var", re.compile(r"log_?(var|variance|sigma_?(sq|2|squared))|^lv$|logv$")),
    ("log_std", re.compile(r"log_?(std|sigma|scale|stddev)")),
    ("var", re.compile(r"(^|_)(var|variance|sigma2|sigma_sq)(_|$)")),
    ("std", re.compile(r"(^|_)(std|sigma|scale|stddev)(_|$)")),
)

#: What a spread may be, the likeliest first.
_BY_LIKELIHOOD: tuple[Spread, ...] = ("log_var", "std", "var", "log_std")

Path = tuple[Any, ...]


@dataclass(frozen=True)
class Part:
    """A tensor in an answer: how to get at it, what it is called there, and its numbers."""

    path: Path
    name: str
    value: Tensor


@dataclass(frozen=True)
class Answer:
    """How mean and spread are taken from what an encoder gives.

    Attributes:
        mean: Path to the mean; of a distribution or of both halves in one tensor, to that.
        spread: Path to the spread; None where ``mean`` leads to both.
        kind: What the spread is.
        is_certain: Whether that was checked or said, and not guessed.
    """

    mean: Path
    spread: Path | None
    kind: Spread
    is_certain: bool = True

    def taken(self, found: Any) -> tuple[Tensor, Tensor]:
        """Mean and spread, flat: ``(B, D)`` each."""
        first = at(found, self.mean)
        if isinstance(first, torch.distributions.Distribution):
            mean, spread = first.mean, first.stddev
        elif self.spread is None:
            mean, spread = first.chunk(2, 1)
        else:
            mean, spread = first, at(found, self.spread)
            if spread.shape != mean.shape:  # one for all dimensions, or for all images
                spread = spread.reshape(-1, *[1] * (mean.dim() - 1)) if _is_column(spread, mean) else spread
                spread = spread.expand_as(mean)
        return mean.flatten(1), spread.flatten(1)


def understood(calls: Sequence[Any], num_images: int, num_pixels: int, said: Spread | None) -> Answer:
    """Find mean and spread in what an encoder gave for the same images, several times.

    Args:
        calls: The answers, of `NUM_CALLS` calls with other random numbers each.
        num_images: How many images; a network that lays out what it is given anew may give something of others.
        num_pixels: Values of an image: a part with so many is one.
        said: What the user says that the spread is; None to find out.

    Raises:
        UserError: If they are not there, or it cannot be told which they are.
    """
    first = calls[0]
    if any(part.value.is_meta for part in _parts(first)):
        raise UserError(
            "networks must have their weights, got some on the device meta, which has no numbers; make them with "
            "to_empty(device='cpu') and initialise them before vae.watch"
        )
    if (distribution := next(_distributions(first), None)) is not None:
        path, found = distribution
        _check_normal(found)
        return Answer(path, None, "std")
    parts = [
        part
        for part in _parts(first)
        if part.value.dim() >= 2 and part.value.is_floating_point() and len(part.value) == num_images
    ]
    latent = [part for part in parts if part.value[0].numel() != num_pixels] or parts
    if (shared := _shared_spread(first, latent)) is not None:
        mean, spread = shared
        kinds = [kind for kind in (said, _spread_called(spread.name)) if kind]
        return Answer(mean.path, spread.path, kinds[0] if kinds else "log_var", is_certain=bool(kinds))
    if len(latent) == 1 and latent[0].value.shape[1] % 2 == 0 and not _varies(calls, latent[0].path):
        return Answer(latent[0].path, None, said or "log_var", is_certain=said is not None)
    shapes = [part.value.shape for part in latent]
    alike = [part for part in latent if shapes.count(part.value.shape) > 1]
    drawn = [part for part in alike or latent if _varies(calls, part.path)]
    fixed = alike if len(drawn) == len(alike) else [part for part in alike if part not in drawn]
    if (named := _by_names(fixed)) is not None:
        mean, spread, kind = named
    else:
        fixed = _without_copies(fixed)
        if len(fixed) != 2:
            raise UserError(_sentence(first, fixed, drawn))
        (mean, spread), kind = fixed, None
    kinds = [said] if said else [kind] if kind else []
    checked = (
        None if said else _checked(calls, drawn, mean, spread) if drawn and drawn[0] not in fixed else None
    )
    if checked is not None:
        return checked
    return Answer(mean.path, spread.path, kinds[0] if kinds else "log_var", is_certain=bool(kinds))


def _shared_spread(found: Any, latent: list[Part]) -> tuple[Part, Part] | None:
    """A mean ``(B, D)`` and a spread that is one for all dimensions, or for all images; None if it is not so."""
    widest = max((part.value[0].numel() for part in latent), default=0)
    means = [part for part in latent if part.value[0].numel() == widest]
    if len(means) != 1 or means[0].value.dim() != 2 or widest < 2:
        return None
    mean = means[0]
    num, dims = mean.value.shape
    shapes = [(num, 1), (1, dims), (dims,), (1, 1), (1,), ()]
    spreads = [
        part
        for part in _parts(found)
        if part.path != mean.path and part.value.is_floating_point() and tuple(part.value.shape) in shapes
    ]
    return (mean, spreads[0]) if len(spreads) == 1 else None


def _is_column(spread: Tensor, mean: Tensor) -> bool:
    """Whether there is one spread for each image."""
    return spread.dim() > 1 and spread.numel() == len(mean) and len(spread) == len(mean)


def at(found: Any, path: Path) -> Any:
    for key in path:
        found = getattr(found, key[1:]) if isinstance(key, str) and key.startswith(".") else found[key]
    return found


def _parts(found: Any, path: Path = (), name: str = "") -> Iterator[Part]:
    """Every tensor of an answer, in the order in which it is given."""
    if isinstance(found, Tensor):
        yield Part(path, name.lower(), found)
    else:
        for key, word, inner in entries(found):
            yield from _parts(inner, (*path, key), word)


def entries(found: Any) -> Iterator[tuple[Any, str, Any]]:
    """What an answer of several parts holds: key, name and part, in order; nothing of anything else."""
    if isinstance(found, Mapping):
        yield from ((key, str(key), inner) for key, inner in found.items())
    elif isinstance(found, tuple | list):
        fields = getattr(found, "_fields", ())
        yield from ((place, fields[place] if fields else "", inner) for place, inner in enumerate(found))
    elif dataclasses.is_dataclass(found) and not isinstance(found, type):
        yield from ((f".{one.name}", one.name, getattr(found, one.name)) for one in dataclasses.fields(found))
    elif _is_record(found):
        yield from ((f".{name}", name, inner) for name, inner in vars(found).items())


def _is_record(found: Any) -> bool:
    """Whether something is a plain object that holds others by name."""
    return (
        hasattr(found, "__dict__") and not isinstance(found, torch.nn.Module | type) and not callable(found)
    )


def _distributions(found: Any, path: Path = ()) -> Iterator[tuple[Path, torch.distributions.Distribution]]:
    if isinstance(found, torch.distributions.Distribution):
        yield path, found
    elif not isinstance(found, Tensor):
        for key, _, inner in entries(found):
            yield from _distributions(inner, (*path, key))


def _check_normal(found: torch.distributions.Distribution) -> None:
    """Refuse posteriors that are no Gaussians with independent dimensions."""
    kinds = torch.distributions
    base = found
    while isinstance(base, kinds.Independent):
        base = base.base_dist
    is_diagonal = isinstance(base, kinds.Normal)
    if isinstance(base, kinds.MultivariateNormal):
        covariance = base.covariance_matrix
        is_diagonal = bool(
            (covariance - torch.diag_embed(covariance.diagonal(dim1=-2, dim2=-1))).abs().max() < 1e-6
        )
    if not is_diagonal:
        raise UserError(
            f"encoder must give a Gaussian whose dimensions are independent, got {type(base).__name__}; other "
            "posteriors are not understood here"
        )


def _varies(calls: Sequence[Any], path: Path) -> bool:
    """Whether a part is sampled again in each call."""
    first = at(calls[0], path)
    # What is not a number differs from itself.
    return any(
        not torch.allclose(first, at(other, path), rtol=0.0, atol=0.0, equal_nan=True) for other in calls[1:]
    )


def _without_copies(parts: list[Part]) -> list[Part]:
    """Without parts that are the same numbers as a later one: z is the mean where a network is evaluated.

    Two are left in any case: both may be zeros.
    """
    kept = list(parts)
    for place, part in enumerate(parts):
        if len(kept) > 2 and any(torch.equal(part.value, later.value) for later in parts[place + 1 :]):
            kept.remove(part)
    return kept


def _by_names(parts: list[Part]) -> tuple[Part, Part, Spread] | None:
    """Mean and spread by what they are called, if both have names that say so."""
    means = [part for part in parts if _MEANS.search(part.name) and not _spread_called(part.name)]
    spreads = [(part, kind) for part in parts if (kind := _spread_called(part.name)) is not None]
    if len(means) != 1 or len({kind for _, kind in spreads}) != len(spreads) or not spreads:
        return None
    # Of several, which say the same in other words, the likeliest.
    spread, kind = min(spreads, key=lambda one: _BY_LIKELIHOOD.index(one[1]))
    return means[0], spread, kind


def _spread_called(name: str) -> Spread | None:
    return next((kind for kind, pattern in _SPREADS if pattern.search(name)), None)


def _checked(calls: Sequence[Any], drawn: list[Part], one: Part, other: Part) -> Answer | None:
    """Which part is the mean, and what the spread is, by how z that was drawn lies about it; None if nothing fits."""
    alike = [part for part in drawn if part.value.shape == one.value.shape]
    if not alike:
        return None
    z = torch.stack([at(found, alike[0].path).float() for found in calls])
    fits: list[tuple[float, Answer]] = []
    for mean, spread in ((one, other), (other, one)):
        for kind in _BY_LIKELIHOOD:
            variance = torch.exp(as_log_var(spread.value.float(), kind))
            ratio = float(((z - mean.value.float()).square() / variance).mean())
            if math.isfinite(ratio) and ratio > 0:
                fits.append((abs(math.log(ratio)), Answer(mean.path, spread.path, kind)))
    if not fits:
        return None
    # Of two that fit about as well the more usual one, which stands first.
    best = min(distance for distance, _ in fits)
    if best > math.log(_FITS):
        return None
    return next(answer for distance, answer in fits if distance < best + 0.1)


def _sentence(found: Any, fixed: list[Part], drawn: list[Part]) -> str:
    """Why no mean and spread were found."""
    got, remedy = described(found), "pass a function that returns these two"
    if len(fixed) > 2:
        return (
            f"encoder must give mean and log_var, got {len(fixed)} parts of one shape, and nothing says which are "
            f"which: {got}; {remedy}"
        )
    whose = ", which is sampled again in each call" if drawn else ""
    return f"encoder must give mean and log_var, each of shape (B, D), got {got}{whose}; {remedy}"


def described(found: Any) -> str:
    """What an answer is, for messages."""
    if isinstance(found, Tensor):
        return f"shape {tuple(found.shape)}"
    if isinstance(found, Mapping):
        return f"a dict of {', '.join(map(str, list(found)[:5])) or 'nothing'}"
    if isinstance(found, tuple | list):
        return f"{len(found)} of them: {', '.join(described(part) for part in found[:4])}"
    return type(found).__name__


def calls_of(function: Callable[[], Any]) -> list[Any]:
    """What a function gives in `NUM_CALLS` calls, each with other random numbers."""
    found = []
    for seed in range(NUM_CALLS):
        torch.manual_seed(seed)  # within `undisturbed`
        found.append(function())
    return found
