"""The commands that measure a trained run: evaluate, leak.

Imports no torch before a command needs it, so that `vae --help` is quick.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import arg

from vae.cli.output import tell, tell_of
from vae.cli.parser import Flag, OptionalPath
from vae.cli.progress import Bar
from vae.cli.train import Part, RunDir, weights_at
from vae.config.schema import TrainConfig
from vae.errors import UserError
from vae.storage.finite import json_value

if TYPE_CHECKING:
    from vae.data.dataset import Dataset
    from vae.models.vae import VAE
    from vae.runs.run import Run

OptionalAt = Annotated[str | None, arg(metavar="best|last|STEP", help_behavior_hint="")]
OptionalCount = Annotated[int | None, arg(metavar="N", help_behavior_hint="")]


@dataclass(frozen=True)
class Place:
    """Where the run's images are now, if they moved."""

    path: OptionalPath = None
    """Your own file or folder, if it is not where the run had it; it must hold the same images."""
    root: Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="", aliases=["--data-root"])] = None
    """Folder of downloaded sets, if it is not where the run had it."""


@dataclass(frozen=True)
class Measurement:
    """Which run, which of its weights, and which images are measured."""

    run_dir: RunDir
    """The run directory."""
    split: Part = "test"
    """Which part of the data."""
    at: OptionalAt = None
    """Which weights: best, last, or the step of a snapshot; default: best."""
    seed: int = 0
    """Seed of all random numbers."""
    data: Place = Place()
    json: Flag = False
    """Print one JSON object on standard output."""

    def checked_seed(self) -> int:
        """The seed, by the one rule for all seeds."""
        return TrainConfig(seed=self.seed).seed

    def images(self, run: Run) -> Dataset:
        """The run's images, as it saw them."""
        from vae.runs.run_dataset import images_of

        with Bar() as bar:
            dataset = images_of(run, path=self.data.path, root=self.data.root, progress=bar.file)
        tell_of(dataset.reading)
        return dataset

    def about(self, run: Run, dataset: Dataset | None) -> dict[str, Any]:
        """What every answer says first."""
        found: dict[str, Any] = {"run": run.id, "split": self.split, "at": self.weights}
        if dataset is not None and dataset.reading.layout:
            found["data"] = dataset.reading.answer()
        return found

    @property
    def weights(self) -> str:
        """Which weights, as a word."""
        return self.at or "best"


@dataclass(frozen=True)
class Evaluate(Measurement):
    """The ELBO of a run on all images of a part, in nats per example, and, if asked for, better bounds.

    --importance gives a tighter bound on log p(x); --ais checks it without the encoder; --truth computes it exactly,
    for one or two latent dimensions.
    """

    importance: Annotated[int | None, arg(metavar="K", help_behavior_hint="")] = None
    """The importance-weighted bound, with K samples per image; published tables use 5000."""
    proposal: Literal["posterior", "mixture"] = "posterior"
    """Proposal of --importance: q(z|x), as in published tables, or a mixture with wider Gaussians and the prior, for an
    encoder that is too narrow."""
    images_: Annotated[int | None, arg(name="images", metavar="N", help_behavior_hint="")] = None
    """Number of images, chosen at random, for the results besides the ELBO; default: all for --importance, 100 for
    --ais and --truth."""
    ais: Flag = False
    """Annealed importance sampling: a lower bound on log p(x) that does not use the encoder."""
    ais_steps: OptionalCount = None
    """Intermediate distributions for --ais; default: 500."""
    ais_chains: OptionalCount = None
    """Chains per image for --ais; default: 8."""
    truth: Flag = False
    """log p(x), the exact ELBO and the gap between them by quadrature, for one or two latent dimensions."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "cpu"
    """Where to compute; auto takes the best there is. The seed's noise is that of the device."""
    diagnose: Flag = False
    """A diagnosis of the latent space: a verdict, its evidence and what to try. Uses the last weights, unless --at is
    given."""

    def __call__(self) -> None:
        from vae.evaluation.elbo import evaluate
        from vae.runs.run import Run
        from vae.runs.snapshots import load_model
        from vae.runtime.number_format import plus_minus

        seed = self.checked_seed()
        run = Run.open(self.run_dir)
        model = load_model(run, weights_at(self.weights), device=self.device)
        self._check(model)
        dataset = self.images(run)
        result = evaluate(model, dataset, self.split, seed=seed)
        result.check_finite()
        more = self._more(model, dataset, seed)
        diagnosed: list[str] = []
        if self.diagnose:
            from vae.diagnostics.diagnose import diagnose
            from vae.runs.metrics import left_out

            if sentence := left_out(run.metrics_path):
                tell(f"note: {sentence}")
            at = weights_at(self.at or "last")
            diagnosis = diagnose(run, dataset, at=at, part=self.split, seed=seed)
            more["diagnosis"] = {"at": str(at), **diagnosis.to_dict()}
            of = f"weights of step {at:,}" if isinstance(at, int) else f"{at} weights"
            other = "; the numbers above are those of the best" if self.at is None else ""
            diagnosed = [f"diagnosis of the {of}{other}", *diagnosis.lines()]
        warnings = more.get("importance", {}).get("warnings", [])
        if self.json:
            answer = {
                **self.about(run, dataset),
                **result.to_dict(),
                "seed": seed,
                "unit": "nats per example",
                "pixels": run.config.data.binarize,
                "likelihood": run.config.model.likelihood,
                "trained_in": run.config.train.precision,
                **more,
            }
            print(json.dumps(json_value(answer), allow_nan=False))
            return
        trained = ", trained in bf16, evaluated in float32" if run.config.train.precision == "bf16" else ""
        print(
            f"{run.name}: {self.split}, {_images(result.num_images)}, pixels {run.config.data.binarize}, "
            f"{run.config.model.likelihood}, nats per example{trained}"
        )
        print(f"  ELBO           {result.elbo:10.3f} {plus_minus(result.standard_error)}")
        print(f"  reconstruction {result.distortion:10.3f} (distortion)")
        print(f"  KL             {result.rate:10.3f} (rate)")
        for line in [*_lines(more, conditional=run.config.model.conditional), *diagnosed]:
            print(f"  {line}")
        for warning in warnings:
            tell(f"warning: {warning}")

    def _check(self, model: VAE) -> None:
        """Refuse what cannot be, before anything is computed."""
        from vae.evaluation.ais import why_not_annealed
        from vae.evaluation.exact_posterior import check_grid
        from vae.evaluation.importance import check_samples

        asked = self.importance is not None or self.ais or self.truth
        if self.images_ is not None and not asked:
            raise UserError("--images applies to --importance, --ais and --truth, got none of them; add one")
        if not self.ais and (self.ais_steps is not None or self.ais_chains is not None):
            raise UserError("--ais-steps and --ais-chains need --ais, got them without; add --ais")
        if self.proposal != "posterior" and self.importance is None:
            raise UserError("--proposal mixture needs --importance, got it without; add --importance 5000")
        for name, number in (
            ("images", self.images_),
            ("ais-steps", self.ais_steps),
            ("ais-chains", self.ais_chains),
        ):
            if number is not None and number < 1:
                raise UserError(f"--{name} must be at least 1, got {number}; leave it out")
        if self.importance is not None:
            check_samples(self.importance)
        if self.ais and (why := why_not_annealed(model.config)):
            raise UserError(why)
        if self.truth:
            check_grid(model)

    def _more(self, model: VAE, dataset: Dataset, seed: int) -> dict[str, Any]:
        """The results besides the ELBO, as far as they were asked for."""
        from vae.evaluation import ais as annealed
        from vae.evaluation.exact_posterior import exact_posteriors
        from vae.evaluation.importance import importance_bound

        found: dict[str, Any] = {}
        few = self.images_ or annealed.NUM_IMAGES
        with Bar() as bar:
            if self.importance is not None:
                found["importance"] = importance_bound(
                    model,
                    dataset,
                    self.split,
                    k=self.importance,
                    num_images=self.images_,
                    seed=seed,
                    proposal=self.proposal,
                    progress=lambda done, total: bar.at(done, total, "image", "importance weighting"),
                ).to_dict()
            if self.ais:
                found["ais"] = annealed.annealed(
                    model,
                    dataset,
                    self.split,
                    num_images=few,
                    num_steps=self.ais_steps or annealed.NUM_STEPS,
                    num_chains=self.ais_chains or annealed.NUM_CHAINS,
                    seed=seed,
                    progress=lambda done, total: bar.at(done, total, "image", "annealing"),
                ).to_dict()
            if self.truth:
                found["truth"] = exact_posteriors(
                    model,
                    dataset,
                    self.split,
                    num_images=few,
                    seed=seed,
                    progress=lambda done, total: bar.at(done, total, "image", "quadrature"),
                ).to_dict()
        return found


def _images(num: int) -> str:
    return f"{num:,} image{'' if num == 1 else 's'}"


def _lines(more: dict[str, Any], *, conditional: bool = False) -> list[str]:
    """The results besides the ELBO, in words; for a conditional model they are of log p(x|y)."""
    from vae.runtime.number_format import plus_minus

    lines: list[str] = []
    bound, exact = (f"{'log p(x|y)' if conditional else 'log p(x)'} {sign}".ljust(16) for sign in ("≥", "="))
    if found := more.get("importance"):
        of = "" if found["proposal"] == "posterior" else ", mixture as proposal"
        sampling = found["sampling_error"]
        lines.append(
            f"{bound}{found['log_prob']:9.3f} {plus_minus(found['standard_error'])} (importance-weighted{of}, k = "
            f"{found['k']:,}, {_images(found['num_images'])}, seed {found['seed']}; a lower bound on average, ± "
            f"{'?' if sampling is None else format(sampling, '.2g')} from sampling alone; median effective sample "
            f"size {found['effective_size']['median']:.1f})"
        )
        lines += [
            f"  k = {point['k']:<9,} {point['log_prob']:9.3f} {plus_minus(point['standard_error'])}"
            for point in found["curve"][:-1]
        ]
    if found := more.get("ais"):
        size = found["effective_size"]
        lines.append(
            f"{bound}{found['log_prob']:9.3f} {plus_minus(found['standard_error'])} (annealed, "
            f"{found['num_steps']:,} steps, {found['num_chains']} chains, {_images(found['num_images'])}, seed "
            f"{found['seed']}; a lower bound on average; {size['mean']:.1f} effective chains on average, "
            f"{size['min']:.1f} at least; {found['accepted']:.0%} of the transitions accepted)"
        )
    if found := more.get("truth"):
        lines += [
            f"{exact}{found['log_prob']:9.3f} {plus_minus(found['standard_error'])} (quadrature, "
            f"{_images(found['num_images'])}, seed {found['seed']}; ELBO + gap misses it by at most "
            f"{found['largest_misfit']:.1g}, a finer grid changed an integral by at most "
            f"{found['largest_change']:.1g})",
            f"  ELBO          {found['elbo']:9.3f} {plus_minus(found['elbo_standard_error'])} (exact)",
            f"  gap           {found['gap']:9.3f} {plus_minus(found['gap_standard_error'])} (KL to the true posterior)",
        ]
    return lines


@dataclass(frozen=True)
class Leak(Measurement):
    """The label-leak probe: how well a linear classifier predicts the class from z, on held-out images.

    One half of the part fits the classifier, the other tests it; the seed is of the halves.
    """

    def __call__(self) -> None:
        from vae.diagnostics.label_leakage import label_leak
        from vae.latent.embedding import embed, kept_embedding
        from vae.runs.run import Run
        from vae.runs.snapshots import load_model

        seed = self.checked_seed()
        run = Run.open(self.run_dir)
        at = weights_at(self.weights)
        kept = (self.split, at, self.data) == ("test", "best", Place())
        embedding = kept_embedding(run) if kept else None
        dataset = None
        if embedding is None:
            model, dataset = load_model(run, at), self.images(run)
            embedding = embed(model, dataset, self.split)
        found = label_leak(embedding, seed=seed)
        verdict = found.verdict(conditional=run.config.model.conditional)
        if self.json:
            print(json.dumps({**self.about(run, dataset), **found.to_dict(), "verdict": verdict}))
            return
        print(
            f"{run.name}: {self.split}, {found.num_held_out} held-out images of {found.num_classes} classes"
        )
        print(f"  accuracy       {found.accuracy:10.2%} ± {found.standard_error:.2%}")
        print(f"  chance         {found.chance:10.2%}")
        print(f"  {verdict}")
