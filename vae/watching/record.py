"""Writes the run of a watched training: lines, snapshots, evaluations, the newest and best networks."""

from __future__ import annotations

import math
from contextlib import ExitStack, suppress
from typing import Any, Literal, get_args

import torch

from vae.diagnostics.diagnose import live_numbers
from vae.diagnostics.watched_loops.reports import AS_SPREAD, LoopReports
from vae.diagnostics.watched_loops.terms import Spread, as_log_var, kl_forms, reconstruction_forms, sigma_of
from vae.errors import UserError
from vae.evaluation.elbo import evaluate
from vae.latent.embedding import LATENT_FILE, embed
from vae.models.likelihoods import Gaussian, LearnedGaussian
from vae.runs.metrics import MetricsWriter
from vae.runs.run import Run
from vae.runs.size import bytes_of, watched_size
from vae.runs.snapshots import load_model, snapshot_steps, thin_snapshots, write_live, write_snapshot
from vae.runtime.seeding import generator
from vae.storage.finite_tensors import Diverged, check_divergence
from vae.storage.safetensors_header import CheckpointError, inspect
from vae.storage.safetensors_io import save
from vae.training.position import Position, Stopwatch
from vae.training.run_log import METRICS_SECONDS, RunLog, what_went_wrong
from vae.training.running_means import Means
from vae.training.throttle import Throttle
from vae.watching.interpretation import number, reread_likelihood, reread_output, reread_spread
from vae.watching.setup import Watched
from vae.watching.weight_changes import WeightChanges

#: Images that a line of metrics is computed on.
NUM_AT_A_LINE = 128
#: Shares of the training's time that lines, live weights and evaluations may take.
LINE_SHARE, LIVE_SHARE, EVALUATION_SHARE = 0.02, 0.01, 0.02
LIVE_SECONDS = 0.5
#: What may be logits or probabilities is taken for the latter after so many lines within [0, 1], where some value is
#: clearly above 0.
_NUM_WITHIN, _CLEARLY = 5, 0.05


class Record:
    """Writes down what a watched loop does, as `vae.training.trainer.Trainer` does of ours.

    Args:
        run: The run, locked by whoever made this.
        watched: The user's model and images.
        position: Where the loop is; the watcher counts its steps.
        held: Closed at the end, with the history.

    Attributes:
        journal: Lines and status.
        reports: What the loop reports.
    """

    def __init__(self, run: Run, watched: Watched, position: Position, held: ExitStack) -> None:
        self.run, self._watched, self._model, self._position = run, watched, watched.model, position
        self._dataset, self._exports = watched.dataset, watched.exports
        device = next(self._model.parameters()).device
        self._device, self._probe = device, watched.probe
        self._noise, self._order = generator(0, "noise", device), generator(0, "order")
        self._means = Means.zero(run.config.model.latent_dim, device)
        self._num_steps, self._sum_of_betas = 0, 0.0
        self._lines = Throttle(LINE_SHARE, METRICS_SECONDS)
        self._lives = Throttle(LIVE_SHARE, LIVE_SECONDS)
        self._evaluations = Throttle(EVALUATION_SHARE)
        before = run.status()
        self._best_elbo = _best_elbo(run)
        self._evaluated, self._newest_snapshot = -1, max(run.snapshots(), default=-1)
        epochs, train = watched.epochs, run.config.train
        num_steps = 0 if epochs is None else position.batches_per_epoch * epochs
        self._snapshot_steps = None if epochs is None else snapshot_steps(num_steps, train.num_snapshots)
        self._snapshot_gap = 1.0
        info, latent_dim = run.info, run.config.model.latent_dim
        self.reports = LoopReports(self._forms, info.num_pixels, latent_dim, position.batch_size)
        self._next_scale, self._scale_forms = 1, ("right", "nats")
        self._num_within = 0
        halves = {"encoder": watched.encoder, "decoder": watched.decoder}
        self._changes = WeightChanges(halves, position.step)
        #: Whether something was found out that the run's notes do not say yet.
        self.has_news = False
        #: And what the user is still to be told of it.
        self.untold: list[str] = []
        metrics = held.enter_context(MetricsWriter(run.metrics_path))
        self.journal = RunLog(run, metrics, position, num_steps, Stopwatch(before.seconds))

    @property
    def problem(self) -> str:
        """Why no networks can be kept, as a sentence; empty if they can."""
        return self._exports.problem

    def count(self, beta: float) -> None:
        """Count a step that was taken with this β."""
        self._num_steps += 1
        self._sum_of_betas += beta

    @property
    def is_due(self) -> bool:
        """Whether anything is to be written now."""
        is_evaluation = self._is_evaluation_due and self._evaluations.is_due
        is_look = self._changes.is_due(self._position.step)
        return self._lines.is_due or self._is_snapshot_due or is_evaluation or self._is_scale_due or is_look

    def keep_up(self, beta: float) -> None:
        """Write whatever is due.

        Raises:
            Diverged: If what the networks give, or a weight, is not finite.
        """
        self.refresh_sigma()
        self._go_on_beyond()
        if self._lines.is_due:
            self._lines.take(lambda: self._line(beta))
        if self._is_scale_due:
            self._compare()
        if self._changes.is_due(self._position.step):
            self._look_at_weights()
        if self._is_snapshot_due:
            self._snapshot(beta)
        if self._is_evaluation_due and self._evaluations.is_due:
            self._evaluations.take(lambda: self._evaluate(beta))
        if self._lives.is_due and not self.problem:
            self._lives.take(self._live)
        self.journal.beat(beta)

    def finish(self, beta: float, state: Literal["finished", "stopped"]) -> None:
        """Write the last of everything, what cannot be made anew first.

        Raises:
            Diverged: Likewise.
        """
        with self.journal.beating():
            self.refresh_sigma()
            self._go_on_beyond()
            if not self.problem:
                self._live()
            if self._num_steps:
                self._line(beta)
            if self.reports.num_seen:
                self.reports.settle()
                self._say_scale()
            self._look_at_weights()
            if self.run.config.train.num_snapshots:
                self._snapshot(beta)
            if self._evaluated != self._position.step:
                self._evaluate(beta)
            self.journal.event("stop" if state == "stopped" else "finish")
            if not self.problem:
                self._embed()

    def _embed(self) -> None:
        """Keep the latent positions of the test images, for pages to find: without them they compute their own."""
        try:
            embedding = embed(load_model(self.run, "best"), self._dataset, "test").to_tensors()
            check_divergence(embedding)
            save(self.run.path, LATENT_FILE, embedding, {"part": "test", **self.journal.where()})
        except Exception as error:  # whatever it is, all that was trained is kept
            with suppress(OSError):
                self.journal.event("no latent positions", why=what_went_wrong(error))

    def _go_on_beyond(self) -> None:
        """A loop that goes on beyond the epochs that it said, or never said any, has as many as it has made."""
        made, planned = math.ceil(self._position.epoch), self.run.config.train.epochs
        if self._watched.epochs is None or made <= planned:
            return
        self._watched.epochs, self._snapshot_steps, self.journal.num_steps = None, None, 0

    def _line(self, beta: float) -> None:
        """The terms of now on some training images, beside what the loop reported since the last line."""
        x, labels = self._images()
        self._means.add(self._model.terms(x, labels, self._noise).mean(), len(x))
        self._means.num_steps = max(1, self._num_steps)
        # A loss that is no number makes networks that give none; one that a scaler skipped does not.
        reported = {name: mean for name, mean in self.reports.means().items() if math.isfinite(mean)}
        if self._num_steps:
            beta = self._sum_of_betas / self._num_steps
        self._num_steps, self._sum_of_betas = 0, 0.0
        self.journal.train(
            self._means, beta, **{f"reported_{name}": value for name, value in reported.items()}
        )
        self._look_at_output()
        self._compare()
        self.reports.wish()

    def _images(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Some training images and their labels."""
        dataset = self._dataset
        places = torch.randint(len(dataset.train), (NUM_AT_A_LINE,), generator=self._order)
        index = dataset.train[places]
        x = dataset.pixels(dataset.images[index].to(self._device), self._noise)
        return x, None if dataset.labels is None else dataset.labels[index].to(self._device)

    @torch.no_grad()
    def _forms(self) -> dict[str, torch.Tensor]:
        """Both terms of now in all forms that a loop may report, see `vae.diagnostics.watched_loops.terms`."""
        x, labels = self._images()
        condition = self._model.condition(labels, len(x))
        mean, spread = self._watched.encoder.read(x, condition)
        kind = self._watched.encoder.kind
        log_var = as_log_var(spread, kind)
        output = self._model.decoder(self._model.sample(mean, log_var, self._noise), condition)
        forms = {
            **reconstruction_forms(self._model, output, x, self._watched.scale.unit),
            **kl_forms(mean, log_var),
        }
        if "spread" in self._watched.may_reread:
            for other in get_args(Spread):
                if other != kind:
                    forms[f"{AS_SPREAD}{other}"] = kl_forms(mean, as_log_var(spread, other))["right"]
        return forms

    def _compare(self) -> None:
        """Take up the comparisons that wait; say what they amount to at the first, the second, the fourth, …"""
        if not self.reports.settle():
            return
        forms = self.reports.kl_form(), self.reports.reconstruction_form()
        if change := self._rereading(*forms):
            self._read_anew(change)
            return
        if self.reports.num_compared >= self._next_scale or forms != self._scale_forms:
            self._next_scale = 2 * self.reports.num_compared
            self._scale_forms = forms
            self._say_scale()

    def _rereading(self, kl: str, reconstruction: str) -> str:
        """What the networks give, if the reports show that it was misread, as a sentence; empty if they do not."""
        watched = self._watched
        if "spread" in watched.may_reread and kl.startswith(AS_SPREAD):
            watched.may_reread.discard("spread")
            kind: Spread = kl.removeprefix(AS_SPREAD)  # type: ignore[assignment]
            watched.encoder.answer, sentence = reread_spread(watched.encoder, kind)
            return sentence
        if "likelihood" in watched.may_reread and reconstruction in ("squared-error", "raw-squared-error"):
            watched.may_reread.discard("likelihood")
            is_raw = reconstruction == "raw-squared-error"
            config, sentence = reread_likelihood(
                watched.decoder, self._model.config, watched.scale, is_raw=is_raw
            )
            self._model.config, self._model.likelihood = config, Gaussian(config.sigma)
            watched.encoder.config = config
            return sentence
        return ""

    def _look_at_weights(self) -> None:
        """Say which networks the loop leaves as they were, as long as there are some."""
        if self._changes.look(self._position.step):
            self.journal.event("unchanged", networks=",".join(self._changes.told))

    def _look_at_output(self) -> None:
        """Whether what was taken for probabilities is none, or the other way round."""
        decoder, found = self._watched.decoder, self._watched.decoder.range
        if "decoder" not in self._watched.may_reread or found is None:
            return
        low, high = map(float, found)
        if low < 0 or high > 1:
            self._watched.may_reread.discard("decoder")
            if decoder.gives == "probabilities":
                self._read_anew(reread_output(decoder, "raw"))
        elif decoder.gives == "raw" and high > _CLEARLY and low < high:
            self._num_within += 1
            if self._num_within == _NUM_WITHIN:
                self._read_anew(reread_output(decoder, "probabilities"))

    def _read_anew(self, sentence: str) -> None:
        """Begin the pictures and comparisons anew: the networks were misread until now."""
        watched = self._watched
        watched.guesses.append(sentence)
        self.untold.append(sentence)
        watched.options |= {"encoder_gives": watched.encoder.kind, "decoder_gives": watched.decoder.gives}
        self.has_news = True
        self.reports.forget()
        self._next_scale = 1
        if self._model.config != self.run.config.model:
            self.run.amend(self.run.config.replace(model=self._model.config))
        watched.exports.renew()
        self._best_elbo, self._evaluated = None, -1
        self.run.drop_snapshots_after(-1)
        self._newest_snapshot = -1
        self.journal.live_step = None
        self.journal.event("read anew", why=sentence)

    @property
    def _is_scale_due(self) -> bool:
        return self.reports.num_seen >= self._next_scale

    def _say_scale(self) -> None:
        self.journal.event("scale", **self.reports.scale(sigma_of(self._model)))

    @property
    def _is_snapshot_due(self) -> bool:
        step = self._position.step
        if step <= self._newest_snapshot or self.problem:
            return False
        if self._snapshot_steps is not None:
            return step in self._snapshot_steps
        if not self.run.config.train.num_snapshots:
            return False
        return math.sqrt(step) >= math.sqrt(max(0, self._newest_snapshot)) + self._snapshot_gap or step == 0

    def _snapshot(self, beta: float) -> None:
        step = self._position.step
        if step == self._newest_snapshot or self.problem:
            return
        position = {**self.journal.where(), "beta": beta}
        weights = self._exports.weights()
        room = watched_size(self.run.config, self.run.info, self.run.path, bytes_of(weights)).most_snapshots
        if not room:
            return
        thin_snapshots(self.run, room - 1)
        write_snapshot(self.run, self._model, self._probe, position, weights)
        self._newest_snapshot = step
        most = self.run.config.train.num_snapshots
        if self._snapshot_steps is None and len(self.run.snapshots()) > 2 * most:
            # Twice as many as were asked for: from here on half as often.
            thin_snapshots(self.run, most)
            self._snapshot_gap *= 2
        self.journal.event("snapshot")

    @property
    def _is_evaluation_due(self) -> bool:
        position = self._position
        if position.batch or position.step == self._evaluated or not len(self._dataset.validation):
            return False
        epochs = self._watched.epochs
        return epochs is None or position.epochs % max(1, epochs // 100) == 0

    def _evaluate(self, beta: float) -> None:
        if not len(self._dataset.validation):
            return
        result = evaluate(self._model, self._dataset, "validation", seed=self.run.config.train.seed)
        if not math.isfinite(result.elbo):
            raise Diverged
        self._evaluated = self._position.step
        found = live_numbers(self._model, self._probe.x, self._probe.labels)
        self.journal.validation(result, beta, found)
        if self._best_elbo is None or result.elbo > self._best_elbo:
            self._best_elbo = result.elbo
            if not self.problem:
                state = {"step": self._position.step, "elbo": result.elbo}
                save(self.run.checkpoints_dir, "best", self._exports.weights(), state)

    def _live(self) -> None:
        step = self._position.step
        if step != self.journal.live_step:
            write_live(self.run, self._exports.weights(), step)
            self.journal.live_step = step

    def refresh_sigma(self) -> None:
        """Take over the user's standard deviation, where they learn it."""
        if self._watched.sigma is not None and isinstance(self._model.likelihood, LearnedGaussian):
            fresh = LearnedGaussian(number(self._watched.sigma()) / self._watched.scale.unit)
            self._model.likelihood.load_state_dict(fresh.state_dict())

    def amend(self, beta: float | None) -> None:
        """Put into the run's configuration what is known by now: how many epochs there were, and the loop's own β."""
        config = self.run.config
        with suppress(UserError, OSError):
            if self._watched.epochs is None and (made := math.ceil(self._position.epoch)):
                config = config.replace(train=config.train.replace(epochs=made))
            if beta is not None:
                config = config.replace(objective=config.objective.replace(beta=beta))
            if config != self.run.config:
                self.run.amend(config)


def _best_elbo(run: Run) -> float | None:
    """The validation ELBO of a run's best networks; None if it has none that say so."""
    try:
        elbo: Any = inspect(run.checkpoints_dir / "best.safetensors").get("elbo")
    except CheckpointError:
        return None
    return float(elbo) if isinstance(elbo, int | float) else None
