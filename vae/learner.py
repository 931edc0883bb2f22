"""What learns: a model, its optimiser, the images in their order, and one step of training."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from vae.config import DataInfo, RunConfig
from vae.data import Dataset
from vae.devices import choose_device
from vae.journal import Position
from vae.model import VAE
from vae.objective import MeanTerms, RatePenalty, penalty_at
from vae.randomness import generator, stream_seed
from vae.schedules import StepSettings


class Learner:
    """A model in training, without the run directory that `vae.engine.Trainer` keeps.

    Args:
        config: The settings.
        info: What the images are.
        dataset: The images.

    Raises:
        UserError: If the device is not there.
    """

    def __init__(self, config: RunConfig, info: DataInfo, dataset: Dataset) -> None:
        self.config, self.dataset = config, dataset
        self.device = choose_device(config.train.device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_seed(config.train.seed, "weights"))
            self.model = VAE(config.model, info).to(self.device)
        self.optimizer = torch.optim.Adam(
            self.model.parameters(),
            lr=config.train.learning_rate,
            eps=config.train.adam_eps,
            fused=self.device.type in ("cpu", "cuda"),
        )
        images, labels = dataset.part("train")
        self.images = images.to(self.device)
        self.labels = labels.to(self.device) if labels is not None and config.model.conditional else None
        self.order = generator(config.train.seed, "order")
        self.order_at_epoch_start = self.order.get_state()
        self.noise = generator(config.train.seed, "noise", self.device)
        self.encoder_noise = generator(config.train.seed, "encoder", self.device)
        self.position = Position(len(self.images), config.train.batch_size)
        self.beta_by_hand: float | None = None
        #: What the last step was taken with; before the first, what that will be.
        self.taken_with = self.settings

    @property
    def penalty(self) -> RatePenalty:
        """What the rate costs now: by the user's β, or the schedule's."""
        return penalty_at(self.config.objective, self.position.epoch, self.beta_by_hand)

    @property
    def beta(self) -> float:
        """The weight of the rate that the next step is taken with."""
        return self.penalty.beta

    @property
    def settings(self) -> StepSettings:
        """What the next step is taken with."""
        penalty = self.penalty
        return StepSettings(penalty.beta, penalty.capacity, self.optimizer.param_groups[0]["lr"])

    def step(self, x: Tensor, y: Tensor | None) -> MeanTerms:
        """One step of the optimiser on a batch of pixels; the terms come back without their graph."""
        self.taken_with = self.settings
        for _ in range(self.num_encoder_steps):
            self.encoder_step()
        terms = self.model.terms(x, y, self.noise).mean()
        self.model.zero_grad()  # the optimiser's own takes ten times as long
        terms.loss(self.penalty).backward()
        self.optimizer.step()
        return terms.detach()  # no .item() here: the caller decides when to wait for the device

    @property
    def num_encoder_steps(self) -> int:
        """How many steps the encoder now makes alone before each step of both networks."""
        train = self.config.train
        if train.encoder_steps_epochs and self.position.epoch >= train.encoder_steps_epochs:
            return 0
        return train.encoder_steps

    def encoder_step(self) -> None:
        """One step of the encoder alone, on random images; the decoder, and what Adam knows of it, stay as they are.

        Source:
            He, Spokoyny, Neubig & Berg-Kirkpatrick (2019), https://arxiv.org/abs/1901.05534
        """
        draw = self.encoder_noise
        size = (self.config.train.batch_size,)
        index = torch.randint(len(self.images), size, generator=draw, device=self.device)
        x = self.dataset.pixels(self.images[index], draw)
        terms = self.model.terms(x, None if self.labels is None else self.labels[index], draw).mean()
        self.model.zero_grad()
        # The decoder's weights get no gradient, and Adam passes over what has none.
        terms.loss(self.penalty).backward(inputs=list(self.model.encoder.parameters()))
        self.optimizer.step()

    def batches(self) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Bytes and labels of the rest of the current epoch, in its random order, permuted once."""
        self.order.set_state(self.order_at_epoch_start)
        order = torch.randperm(len(self.images), generator=self.order).to(self.device)
        images = self.images[order]
        labels = None if self.labels is None else self.labels[order]
        size = self.config.train.batch_size
        for start in range(self.position.batch * size, len(images), size):
            chunk = slice(start, start + size)
            yield images[chunk], None if labels is None else labels[chunk]

    @property
    def generators(self) -> dict[str, torch.Generator]:
        """Those that training draws from besides the order; a checkpoint has their states by these names."""
        extra = {"encoder": self.encoder_noise} if self.config.train.encoder_steps else {}
        return {"noise": self.noise, **extra}
