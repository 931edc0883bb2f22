"""Optimisation in memory: a model, its optimiser, the order of the images, and one training step."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import torch
from torch import Tensor

from vae.config.registries import BETA_VAE
from vae.config.schema import DataInfo, RunConfig
from vae.data.dataset import Dataset
from vae.errors import UserError
from vae.models.batches import slices
from vae.models.memory_budget import rows_within
from vae.models.network_builder import drawing
from vae.models.vae import VAE
from vae.objectives.objective import Progress, objective
from vae.objectives.schedules import StepSettings
from vae.objectives.terms import MeanTerms, RatePenalty, penalty_at
from vae.runtime import html
from vae.runtime.devices import choose_device
from vae.runtime.eval_mode import evaluating
from vae.runtime.seeding import generator
from vae.training.adam import adam
from vae.training.position import Position

#: Bytes of the images that are put in order at once.
_IN_ORDER = 32 << 20

#: What an objective may call what it writes down.
_LOG = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Learner:
    """A model in training, without the run directory that `vae.training.trainer.Trainer` keeps.

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
        weights = generator(config.train.seed, "weights")  # on the CPU: the same on every device
        with torch.device("cpu"):
            self.model = VAE(config.model, info, draw=weights)
        self.model.to(self.device)
        if self.device.type != "cpu":
            self.model.to(memory_format=torch.contiguous_format)  # see `vae.models.networks.channels_last`
        self.objective = objective(config.objective)
        self.optimizer = adam(self.model, config.train)
        # On the CPU the data set's own bytes are taken, elsewhere there is a copy of those that train.
        train = dataset.places("train")
        if self.device.type == "cpu":
            self._images, self._places, labels = dataset.images, train, dataset.labels
        else:
            images, labels = dataset.part("train")
            self._images, self._places = images.to(self.device), torch.arange(len(train), device=self.device)
        self._labels = labels.to(self.device) if labels is not None and config.model.conditional else None
        self.order = generator(config.train.seed, "order")
        self.order_at_epoch_start = self.order.get_state()
        self.noise = generator(config.train.seed, "noise", self.device)
        self.encoder_noise = generator(config.train.seed, "encoder", self.device)
        self.position = Position(len(train), config.train.batch_size)
        self.beta_by_hand: float | None = None
        #: What the networks' products are taken in while training; weights, sums and evaluations stay float32.
        self.products = torch.bfloat16 if config.train.precision == "bf16" else torch.float32
        #: What the last step was taken with; before the first, what that will be.
        self.taken_with = self.settings

    def _repr_html_(self) -> str:
        """A card of where the training is, in a notebook."""
        return html.card(type(self).__name__, html.table(self._rows()))

    def _rows(self) -> dict[str, object]:
        epochs = self.config.train.epochs
        return {
            "data": self.config.data.name,
            "epoch": f"{self.position.epoch:,.2f} of {epochs:,}",
            "β": self.beta,
            "learning rate": f"{self.settings.learning_rate:.3g}",
            "device": self.device.type,
        }

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
        if not self.model.training:  # parts that somebody froze stay so
            self.model.train()
        with self._drawing_layers():
            for _ in range(self.num_encoder_steps):
                self.encoder_step()
            batch = self.model.posterior_batch(x, self._weighed(y), self.noise, products=self.products)
            loss, logs = self.objective.loss(batch, self.progress)
            self.model.zero_grad()  # the optimiser's own takes ten times as long
            loss.backward()
        self.optimizer.step()
        # No .item() here: the caller decides when to wait for the device.
        return replace(batch.mean_terms, logs=self._logged(loss, logs)).detach()

    @property
    def progress(self) -> Progress:
        """Where training stands, for the objective."""
        return Progress(self.position.step, self.position.epoch, self.position.num_images, self.penalty)

    def _logged(self, loss: Tensor, logs: dict[str, Tensor]) -> dict[str, Tensor]:
        """What a user's objective writes into the history: the loss itself besides, which no other number says."""
        if self.config.objective.name == BETA_VAE:
            return logs
        for name, value in logs.items():
            if not _LOG.fullmatch(name) or value.numel() != 1:
                raise UserError(
                    f"what objective {self.config.objective.name!r} writes down must be scalars, named by small "
                    f"letters, digits and underscores, got {name!r} of shape {tuple(value.shape)}; take its mean"
                )
        return {"loss": loss, **{name: value.reshape(()) for name, value in logs.items()}}

    def _drawing_layers(self) -> AbstractContextManager[None]:
        """What a user's layers draw (dropout) follows from seed and step, so that a resumed run draws the same."""
        if self.config.model.has_known_layers:
            return nullcontext()
        return drawing(generator(self.config.train.seed, "layers", self.device), self.position.step)

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
        images, labels = self._taken(
            torch.randint(len(self._places), size, generator=draw, device=self.device)
        )
        x, y = self.dataset.pixels(images, draw), self._weighed(labels)
        # The statistics of a user's layers are part of what stays.
        with nullcontext() if self.config.model.has_known_layers else evaluating(self.model.decoder):
            batch = self.model.posterior_batch(x, y, draw, products=self.products)
            loss, _ = self.objective.loss(batch, self.progress)
            self.model.zero_grad()
            # The decoder's weights get no gradient, and Adam passes over what has none.
            loss.backward(inputs=list(self.model.encoder.parameters()))
        self.optimizer.step()

    def batches(self) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Bytes and labels of the rest of the current epoch, in its random order.

        Some batches at once are put in order, for which reading and writing run through memory; all would be a second
        copy of the images.
        """
        self.order.set_state(self.order_at_epoch_start)
        order = torch.randperm(len(self._places), generator=self.order).to(self.device)
        size = self.config.train.batch_size
        together = size * rows_within(size * self._images[0].numel(), most=len(order), budget=_IN_ORDER)
        for piece in order[self.position.batch * size :].split(together):
            images, labels = self._taken(piece)
            for some in slices(len(piece), size):
                yield images[some], None if labels is None else labels[some]

    def _taken(self, rows: Tensor) -> tuple[Tensor, Tensor | None]:
        """Bytes and labels of training images, by their places in the training part."""
        places = self._places[rows]
        labels = None if self._labels is None else self._labels.index_select(0, places)
        return self._images.index_select(0, places), labels

    def _weighed(self, labels: Tensor | None) -> Tensor | None:
        """Labels as weights of the classes ``(B, K)``, which the model takes as they are.

        Those of the data set were checked when it was loaded; to check them in each step is to wait for the device.
        """
        if labels is None or labels.device.type == "cpu" or not self.model.num_conditions:
            return labels
        weights = torch.zeros(len(labels), self.model.num_conditions, device=labels.device)
        return weights.scatter_(1, labels.long()[:, None], 1.0)

    @property
    def generators(self) -> dict[str, torch.Generator]:
        """Those that training draws from besides the order; a checkpoint has their states by these names."""
        extra = {"encoder": self.encoder_noise} if self.config.train.encoder_steps else {}
        return {"noise": self.noise, **extra}
