"""log p(x) by annealed importance sampling, which does not use the encoder and so checks it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from vae.config.schema import ModelConfig
from vae.data.dataset import Dataset, Part
from vae.errors import UserError
from vae.evaluation.importance import MOST_ROWS, Progress, max_rows, repeated
from vae.models.batches import chosen_images, slices
from vae.models.memory_budget import rows_for
from vae.models.priors import StandardNormal
from vae.models.vae import VAE
from vae.runtime.eval_mode import at_rest
from vae.runtime.mean_of import MeanOf, known
from vae.runtime.seeding import generator
from vae.storage.finite_tensors import check_finite

#: Images, intermediate distributions and chains for each image unless the user asks for others: some minutes on two
#: cores for the networks of the published tables.
NUM_IMAGES, NUM_STEPS, NUM_CHAINS = 100, 500, 8
_LEAPFROGS = 10
#: Share of accepted transitions that the step size is adapted to, and how fast: per transition, and its memory.
_TARGET, _FASTER, _SLOWER, _MEMORY = 0.65, 1.02, 0.98, 0.9
_FIRST_STEP, _LARGEST_STEP = 0.1, 1.0
#: Steepness of the schedule at its middle: dense at both ends.
_STEEPNESS = 4.0


@dataclass(frozen=True)
class Annealed:
    """Annealed importance sampling of a set of images, nats per example.

    Attributes:
        log_prob: A stochastic lower bound on log p(x) for each image, shape ``(N,)``: its expectation is below.
        effective_size: Effective sample size of the chains' weights, from 1 to the number of chains, ``(N,)``.
        accepted: Share of the transitions that were accepted, ``(N,)``.
        rows: Which images of the part they are, ``(N,)``, ascending.
        num_steps: Intermediate distributions.
        num_chains: Chains for each image.
        seed: Of images and noise.
    """

    log_prob: Tensor
    effective_size: Tensor
    accepted: Tensor
    rows: Tensor
    num_steps: int
    num_chains: int
    seed: int

    @property
    def bound(self) -> MeanOf:
        """The mean over the images, with its standard error."""
        return MeanOf.of(self.log_prob)

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return {
            "log_prob": self.bound.mean,
            "neg_log_prob": -self.bound.mean,
            "standard_error": known(self.bound.standard_error),
            "num_images": len(self.log_prob),
            "num_steps": self.num_steps,
            "num_chains": self.num_chains,
            "effective_size": {
                "mean": float(self.effective_size.mean()),
                "min": float(self.effective_size.min()),
            },
            "accepted": float(self.accepted.mean()),
            "seed": self.seed,
        }


def why_not_annealed(config: ModelConfig) -> str:
    """Why the networks of a configuration cannot be annealed, as a sentence; empty if they can."""
    if config.network != "external":
        return ""
    return "annealing needs gradients of the decoder, and a watched run keeps none; use the importance-weighted bound"


@at_rest
def annealed(
    model: VAE,
    dataset: Dataset,
    part: Part = "test",
    *,
    num_images: int | None = NUM_IMAGES,
    num_steps: int = NUM_STEPS,
    num_chains: int = NUM_CHAINS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Annealed:
    r"""Annealed importance sampling from the prior p(z) to p(x, z), through :math:`p(z) p(x|z)^t`, t from 0 to 1.

    Each intermediate distribution gets one Hamiltonian transition of ten leapfrogs. Step sizes are adapted on chains of
    their own, image by image and step by step, and then kept: the chains that count are not steered by themselves, so
    that the mean of their weights is p(x) without bias, and its logarithm is below log p(x) on average.

    Args:
        model: On any device; its training mode is left as it is.
        dataset: Pixels are made as it says (``binarize``).
        part: ``"train"``, ``"validation"`` or ``"test"``.
        num_images: So many images, drawn by the seed; None for all.
        num_steps: Intermediate distributions; more bring the bound nearer.
        num_chains: Chains for each image.
        seed: One seed, one number on one device.
        progress: Told of the images done.

    Raises:
        UserError: If there are no images, a number is not positive, the decoder has no gradients, or the bound is not
            finite.

    Source:
        Neal (2001), https://arxiv.org/abs/physics/9803008; for decoders, with a sigmoid schedule and this adaptation:
        Wu, Burda, Salakhutdinov & Grosse (2017), https://arxiv.org/abs/1611.04273
    """
    for name, number in (("num_steps", num_steps), ("num_chains", num_chains)):
        if number < 1:
            raise UserError(
                f"{name} must be at least 1, got {number}; use for example {NUM_STEPS} and {NUM_CHAINS}"
            )
    if why := why_not_annealed(model.config):
        raise UserError(why)
    noise = generator(seed, "annealing", next(model.parameters()).device)
    size = max(1, max_rows(model) // num_chains)
    log_probs, effective, accepted, rows = [], [], [], []
    done = 0
    for batch in chosen_images(model, dataset, part, num_images, seed):
        condition = model.condition(batch.y, len(batch.x))
        for start in range(0, len(batch.x), size):
            some = slice(start, start + size)
            own = None if condition is None else condition[some]
            x = batch.x[some]
            pilot = _Chains(model, x, own, min(2, num_chains), noise)
            steps = pilot.run(num_steps, None)
            chains = _Chains(model, x, own, num_chains, noise)
            chains.run(num_steps, steps)
            log_weights = chains.log_weights.unflatten(0, (len(x), num_chains))
            log_probs.append((log_weights.logsumexp(1) - math.log(num_chains)).cpu())
            effective.append((-(2 * log_weights.log_softmax(1)).logsumexp(1)).exp().cpu())
            accepted.append(chains.accepted.unflatten(0, (len(x), num_chains)).mean(1).cpu())
            done += len(x)
            if progress is not None:
                progress(done, batch.total)
        rows.append(batch.rows)
    check_finite("the annealed bound of each image", torch.cat(log_probs))
    return Annealed(
        torch.cat(log_probs),
        torch.cat(effective),
        torch.cat(accepted),
        torch.cat(rows),
        num_steps,
        num_chains,
        seed,
    )


def _temperatures(num_steps: int) -> list[float]:
    """From 0 to 1 in so many steps, along a sigmoid."""
    ends = math.tanh(_STEEPNESS / 2)
    return [
        0.5 + 0.5 * math.tanh(_STEEPNESS * (step / num_steps - 0.5)) / ends for step in range(num_steps + 1)
    ]


class _Chains:
    """Chains of several images at once, so many for each, which stand one after the other."""

    def __init__(
        self, model: VAE, x: Tensor, condition: Tensor | None, num_chains: int, noise: torch.Generator
    ) -> None:
        self.model, self.noise, self.num_images = model, noise, len(x)
        self.at_once = rows_for(model, most=MOST_ROWS, gradient=True)
        self.x, self.condition = repeated(x, condition, num_chains)
        self.z = torch.empty(len(self.x), model.config.latent_dim, dtype=x.dtype, device=x.device)
        if isinstance(model.prior, StandardNormal):
            self.z.normal_(generator=noise)
        else:
            seed = int(torch.randint(1 << 62, (), generator=noise, device=noise.device))
            self.z = model.prior.sample(len(self.x), torch.Generator().manual_seed(seed)).to(self.z)
        self.log_weights = torch.zeros(len(self.x), dtype=torch.float64)
        self.accepted = torch.zeros_like(self.log_weights)

    def run(self, num_steps: int, given: list[Tensor] | None) -> list[Tensor]:
        """Go from prior to posterior, with step sizes given for each distribution and image, or adapted on the way.

        Returns:
            The step sizes, each ``(number of images,)``.
        """
        ladder = _temperatures(num_steps)
        num_chains = len(self.x) // self.num_images
        step = torch.full_like(self.z[:, 0], _FIRST_STEP)
        average = torch.full_like(step, _TARGET)
        used = []
        log_prob, grad = self._log_prob(self.z)
        for number, (before, now) in enumerate(pairwise(ladder)):
            self.log_weights += (now - before) * log_prob.cpu().double()
            if number + 1 == num_steps:  # nothing is weighted after the last
                break
            if given is not None:
                step = given[number].repeat_interleave(num_chains)
            used.append(step.log().unflatten(0, (self.num_images, num_chains)).mean(1).exp())
            log_prob, grad, accepted = self._transition(now, step, log_prob, grad)
            self.accepted += accepted.cpu().double() / max(1, num_steps - 1)
            if given is None:
                average = _MEMORY * average + (1 - _MEMORY) * accepted
                faster = torch.where(average > _TARGET, _FASTER, _SLOWER).to(step)
                step = (step * faster).clamp(1e-6, _LARGEST_STEP)
        return used

    def _transition(
        self, temperature: float, step: Tensor, log_prob: Tensor, grad: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One Hamiltonian transition that leaves p(z) p(x|z)^t as it is."""
        by = step[:, None]
        momentum = torch.empty_like(self.z).normal_(generator=self.noise)
        log_prior, of_prior = self._log_prior(self.z)
        z, force, new_log_prob, new_grad = self.z, temperature * grad + of_prior, log_prob, grad
        energy = temperature * log_prob + self._energy(log_prior, z, momentum)
        for _ in range(_LEAPFROGS):
            momentum = momentum + 0.5 * by * force
            z = z + by * momentum
            new_log_prob, new_grad = self._log_prob(z)
            log_prior, of_prior = self._log_prior(z)
            force = temperature * new_grad + of_prior
            momentum = momentum + 0.5 * by * force
        rise = temperature * new_log_prob + self._energy(log_prior, z, momentum) - energy
        u = torch.empty_like(rise).uniform_(generator=self.noise)
        accepted = u.log() < rise  # never true for what is not a number
        self.z = torch.where(accepted[:, None], z, self.z)
        kept = torch.where(accepted, new_log_prob, log_prob), torch.where(accepted[:, None], new_grad, grad)
        return *kept, accepted.to(step)

    def _energy(self, log_prior: Tensor | None, z: Tensor, momentum: Tensor) -> Tensor:
        """Log-density of place and momentum, up to a constant."""
        if log_prior is None:
            return -0.5 * (z.square() + momentum.square()).sum(1)
        return log_prior - 0.5 * momentum.square().sum(1)

    def _log_prior(self, z: Tensor) -> tuple[Tensor | None, Tensor]:
        """log p(z), None for the standard normal, and its gradient."""
        if isinstance(self.model.prior, StandardNormal):
            return None, -z
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            log_prior = self.model.prior.log_prob(z)
            (grad,) = torch.autograd.grad(log_prior.sum(), z)
        return log_prior.detach(), grad

    @torch.enable_grad()
    def _log_prob(self, z: Tensor) -> tuple[Tensor, Tensor]:
        found = [self._of_some(z[some], some) for some in slices(len(z), self.at_once)]
        return torch.cat([log_prob for log_prob, _ in found]), torch.cat([grad for _, grad in found])

    def _of_some(self, z: Tensor, some: slice) -> tuple[Tensor, Tensor]:
        z = z.detach().requires_grad_()
        condition = None if self.condition is None else self.condition[some]
        log_prob = self.model.log_prob(z, self.x[some], condition)
        (grad,) = torch.autograd.grad(log_prob.sum(), z)
        return log_prob.detach(), grad
