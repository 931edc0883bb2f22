"""Your own training loop, watched: `watch` writes a run directory that the dashboard shows like any other.

::

    images, labels = ...  # (N, H, W) or (N, C, H, W): bytes, or numbers from 0 to 1; and whole numbers or text, or None
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 4))  # mean and log-variance
    decoder = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 64))  # logits
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()])
    with vae.watch("runs/mine", encoder=encoder, decoder=decoder, data=(images, labels), epochs=5) as watcher:
        train_images, _ = watcher.dataset.part("train")
        for epoch in range(5):
            for x in watcher.dataset.pixels(train_images).split(128):
                mean, log_var = encoder(x).chunk(2, 1)
                logits = decoder(mean + torch.exp(0.5 * log_var) * torch.randn_like(mean))
                reconstruction = F.binary_cross_entropy_with_logits(logits, x.flatten(1), reduction="sum") / len(x)
                kl = 0.5 * (log_var.exp() + mean**2 - 1 - log_var).sum(1).mean()
                loss = reconstruction + watcher.beta * kl
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                watcher.step(reconstruction=reconstruction, kl=kl)

Every number of such a run is computed here, from your networks, in nats per example, whatever your loop's own loss is
scaled by; what the loop reports stands beside it (``reported_…`` in the lines of `metrics.jsonl`). From the first one
on the two are compared on the networks that the report is of, and an event says how (the newest counts)::

    {"event": "scale", "reported", "reconstruction_ratio", "kl_ratio", "early_kl_ratio", "loss_ratio", "kl_form",
     "reconstruction_form", "weight", "loss_factor", "beta_place", "num_comparisons", "num_pixels", "latent_dim",
     "batch_size", "effective_beta"}

- ``reported``: which of loss, reconstruction and kl the loop reports, with commas between.
- A ratio is the median of reported over ours, with its sign (null if it was not reported): 1 is right, 1 / num_pixels
  a mean over pixels where a sum belongs, −1 a KL with the wrong sign, 2 one without its ½. The early one is of the
  first steps, before a KL that weighs too much has vanished. With a Gaussian likelihood the reconstruction may leave
  out the constants of the density.
- ``kl_form`` and ``reconstruction_form``: ``right`` and ``nats``, or the slip that the term has, see
  `vae.diagnostics.watched_loops.terms`:
  ``mean-not-squared`` is μ in the place of μ², ``other`` is none that is known.
- ``weight``: that of the KL over that of the reconstruction, read off the loss where the loop reports all three; null
  if it cannot be. ``beta_place`` is where the loop's β stands: ``kl``, ``in-kl`` (the reported KL has it already, and
  the ratios are of the KL without it), ``reconstruction`` (before the wrong term), null if that is not known.
- ``loss_factor``: the weight that the loss gives the KL over that of the reconstruction, as a multiple of β; null if
  the loss is no such sum.
- ``effective_beta``: the weight that the loop's KL has where both terms are in nats; null if they were not reported, or
  the KL was too small.

β is recorded as your loop has it: what `Watcher.step` is told, else what `Watcher.beta` gave when the loop asked, else
what the loss says, else the ``beta`` of the beginning. The dashboard's slider moves it for a loop that asks.

Nothing else in your program changes: weights, gradients, modes and random states are as they would be without.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np

from vae.config.schema import ObjectiveConfig, RunConfig, TrainConfig
from vae.errors import UserError, clean
from vae.runs.naming import run_folder
from vae.runs.run import Run
from vae.runs.run_dataset import IMAGES_FILE
from vae.storage.atomic import replacing
from vae.training.position import Position
from vae.watching.datasets import given
from vae.watching.interpretation import Said
from vae.watching.isolation import undisturbed
from vae.watching.resume import check_same, config_again, position_of, run_to_resume
from vae.watching.setup import set_up
from vae.watching.watcher import Watcher


def watch(
    run_dir: Path | str,
    *,
    encoder: Any = None,
    decoder: Any = None,
    model: Any = None,
    data: Any,
    latent_dim: int | None = None,
    likelihood: Literal["auto", "bernoulli", "continuous-bernoulli", "gaussian"] = "auto",
    sigma: float | Callable[[], Any] | None = None,
    beta: float = 1.0,
    conditional: bool | Literal["one-hot", "labels"] | None = None,
    encoder_gives: Literal["auto", "log_var", "log_std", "std", "var"] = "auto",
    decoder_gives: Literal["auto", "raw", "probabilities"] = "auto",
    scale: tuple[float, float] | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    num_images: int | None = None,
    validation: float = 0.1,
    num_snapshots: int = 60,
    name: str | None = None,
    resume: bool = False,
) -> Watcher:
    """Watch your own training loop: it writes a run directory, and the dashboard shows it while you train.

    Args:
        run_dir: A new folder; below the dashboard's folder of runs, the run is in its list at once.
        encoder: A module or function from images to the posterior's mean and spread, each ``(B, D)``: a pair, one
            tensor of both, a dict, a dataclass, a `torch.distributions.Normal`, or among all that a whole VAE gives.
            Images go in as ``(B, C, H, W)``, flat, with the channels last or ``(B, H, W)``, whatever it takes. A whole
            VAE may be passed too: its method ``encode`` is called.
        decoder: A module or function from ``(B, D)`` to logits, probabilities or means, flat or of the images' shape;
            or a whole VAE, for its method ``decode``.
        model: Short for both, if they are one.
        data: What you train on: images, images and labels, a dict of them, a torch data set or its DataLoader, a list
            of batches, a `Dataset`, or the path of an `.npz` file or image folder. They are split as for every run:
            train on the ``train`` part of `Watcher.dataset`, or the validation is not on held-out images. Whole
            numbers are given to your networks as numbers from 0 to 1, others as they are.
        latent_dim: D; found out if left out.
        likelihood: What the decoder's output means; ``auto`` takes a Bernoulli for images from 0 to 1, and a Gaussian
            for others, for a decoder that ends in a tanh, where a ``sigma`` is given, or where your loop reports a
            squared error.
        sigma: Standard deviation of the Gaussian, in the units of your images (a pixel's range is 1 where they are
            bytes). A squared error summed over pixels is that of σ = √½, which ``auto`` takes; 0.1 for ``gaussian``. A
            function, if you learn it: it is asked again and again.
        beta: The weight of the KL term in your loss, where both terms are sums over what belongs to one image.
        conditional: Whether the networks take the condition: ``"one-hot"`` ``(B, K)`` or as ``"labels"`` ``(B,)``, as a
            second argument or joined to the first, one of them or both. Found out if left out.
        encoder_gives: What the spread is. ``auto`` takes a log-variance, and something else where that is seen: from a
            sample that the encoder gives beside it, from names, from what the network ends in, from the KL that your
            loop reports.
        decoder_gives: ``"raw"`` for logits or means, ``"probabilities"``; ``"auto"`` looks at what the network ends in
            and at its values, again and again, and says so if it finds probabilities.
        scale: The numbers that black and white are for your networks; found out if left out.
        epochs: How many you will train; with it the moments that are kept are spread evenly over the training.
        batch_size: Images of one step, to count epochs by; a loader's, or 128.
        num_images: Images of one epoch; those of the training part, or of a torch data set, if left out.
        validation: Share of the images held out for validation, if they are no `Dataset`.
        num_snapshots: Moments kept for the time machine.
        name: Display name.
        resume: Go on with the run that the folder holds, if it holds one, of the same networks and images. Steps count
            on from where it stood; ``epochs`` are those of the whole run.

    Returns:
        The watcher; call its `Watcher.step` after each step of your optimiser, and close it, or use it in ``with``.

    Raises:
        UserError: If the networks or images are not what they are said to be, or the folder is taken.
    """
    if not isinstance(run_dir, str | os.PathLike):
        raise UserError(f"run_dir must be a path, got {type(run_dir).__name__}; use for example 'runs/mine'")
    if num_images is not None and not str(num_images).isdecimal():
        raise UserError(
            f"num_images must be a whole number from 0, got {str(num_images)[:40]!r}; leave it out for all"
        )
    path = run_folder(run_dir)
    before = run_to_resume(path, resume=resume)
    seen = given(data, path, validation, scale)
    dataset, arrays = seen.dataset, seen.arrays
    said = Said(latent_dim, likelihood, sigma, conditional, encoder_gives, decoder_gives, epochs)
    watched = set_up(seen, encoder, decoder, model, said)
    for sentence in [*watched.doubts, *([watched.exports.problem] if watched.exports.problem else [])]:
        warnings.warn(clean(sentence), stacklevel=2)
    for sentence in watched.guesses:
        if sentence not in watched.doubts:
            sys.stderr.write(f"vae.watch: {clean(sentence)}\n")
    num_images, batch_size = num_images or seen.num_images, batch_size or seen.batch_size or 128
    batches = num_images or len(dataset.train), batch_size
    if before is not None:
        with undisturbed(watched.reached):
            check_same(before, watched)
        again = config_again(before, watched.model.config, beta=beta, epochs=epochs)
        return Watcher(before, watched, position_of(before, *batches), again)
    config = RunConfig(
        data=dataset.config,
        model=watched.model.config,
        objective=ObjectiveConfig(beta=beta),
        train=TrainConfig(epochs=epochs or 1, batch_size=batch_size, num_snapshots=num_snapshots),
    )
    run = Run.create(path, config, watched.model.info, name)
    try:
        if arrays is not None:
            with replacing(path / IMAGES_FILE) as file:
                np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        return Watcher(run, watched, Position(*batches))
    except BaseException:  # nothing of it has been watched
        with suppress(UserError):
            run.delete()
        raise
