"""What a shared site holds of a run: facts for the page, and files that `sources/shared.js` hands to its parts.

Nothing that names the machine is among them: no path, no configuration, no date. An image of the dataset is among them
only where that was asked for.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vae.browser import packed_arrays
from vae.config.registries import DATASETS, PRIORS, STANDARD_NORMAL
from vae.data.dataset import Dataset
from vae.diagnostics.diagnose import diagnose, dimensions
from vae.diagnostics.posterior_history import posterior_summary, training_stages
from vae.errors import UserError, printable
from vae.evaluation.elbo import at_posterior_mean
from vae.evaluation.typicality import surprise
from vae.export.onnx import Graph, autoencoder_onnx, decoder_onnx
from vae.latent.aggregate_posterior import prior_gap
from vae.latent.embedding import PRIOR_RANGE, Embedding, embed, kept_embedding, principal_plane, prior_draws
from vae.latent.generation import fit_mixture
from vae.latent.trust import trust
from vae.runs.newest_weights import newest, step_of
from vae.runs.run import Run
from vae.runs.run_dataset import images_of
from vae.runs.snapshot_index import Moment, moments
from vae.runs.snapshots import load_model
from vae.runs.weights_file import is_external

if TYPE_CHECKING:
    from vae.models.vae import VAE, At

#: Points of a user's prior that the page chooses from.
_NUM_POINTS = 200
#: Images that a drawing's cost is compared with, at most, and test images whose place is kept for each snapshot.
_MOST = 10_000
#: From so many snapshots on, an architecture's graph is exported once for all.
_MANY = 4
#: Makes ONNX of a model.
Export = Callable[["VAE"], bytes]
#: What the page reads of a diagnosis; the rest says where and how the run was trained.
_OF_A_DIAGNOSIS = {
    "verdict",
    "remarks",
    "part",
    "num_images",
    "latent_dim",
    "rate",
    "rate_per_dim",
    "sigma_per_dim",
    "spread_per_dim",
    "active_variance",
    "active_threshold",
    "active",
    "num_active",
    "information",
    "usage",
    "elbo",
}


@dataclass
class SharedRun:
    """A run as it is shared.

    Attributes:
        name: What the page calls it.
        facts: For the page, plain JSON.
        files: What is always there, by its path below the run.
        moments: Files of each snapshot, ascending, which go first where there is no room.
        extras: Further files of each snapshot, which go before those.
        left_out: What is not there, and why, as sentences.
        known: Numbers, words and flags of its state by the names that lessons use.
    """

    name: str
    facts: dict[str, Any]
    files: dict[str, bytes]
    moments: list[tuple[dict[str, Any], dict[str, bytes]]] = field(default_factory=list)
    extras: dict[int, dict[str, bytes]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    known: dict[str, float | str | bool] = field(default_factory=dict)


def gather(
    run: Run, *, with_images: bool = False, progress: Callable[[int, int], None] = lambda done, total: None
) -> SharedRun:
    """Work out what is shared of a run.

    Args:
        run: The run; its best weights are shared, or the newest where there are none.
        with_images: Whether the test images themselves go along.
        progress: Told how many parts of how many are done.

    Raises:
        UserError: If the run has no weights, or the images are to go along and are not on this machine.
    """
    every = moments(run)
    progress(0, len(every) + 1)
    model = load_model(run, "best")
    images, missing = _images(run)
    if with_images and images is None:
        raise UserError(f"--with-images needs the run's images, got none: {missing}; leave --with-images out")
    left_out: list[str] = []
    found = _embedding(run, model, images)
    shared = SharedRun(_name(run), _facts(run, model, found), {}, left_out=left_out)
    files = shared.files
    files["best/decoder.onnx"] = decoder_onnx(model)
    files["best/autoencoder.onnx"] = autoencoder_onnx(model)
    if found is None:
        left_out.append(
            "The map and the test reconstructions: this run kept no posteriors, and its images are not here."
        )
    else:
        files["best/latent-test"] = _latent(found)
        sigma = (0.5 * found.log_var).exp().numpy().astype(np.float32)
        files["best/spread-test"] = packed_arrays.pack({"sigma": sigma})
        if run.config.model.latent_dim > 2 and shared.facts["plane"] is not None:
            plane = principal_plane(found.mean)
            try:
                told = trust(found.mean.float().numpy(), plane.project(found.mean.float()).numpy())
                files["best/plane/trust"] = plain_json(told.to_dict())
            except UserError:
                pass  # too few images: the map says nothing of it
    if images is not None:
        part = "train" if len(images.train) else "test"
        files["best/surprise"] = plain_json(asdict(surprise(model, images, part, _MOST)))  # type: ignore[arg-type]
        costs = at_posterior_mean(model, images, "test")
        files["best/terms-test"] = packed_arrays.pack(
            {"distortion": costs.distortion.numpy(), "rate": costs.rate.numpy()}
        )
    else:
        left_out.append(f"What needs the images (cost of each test image, how usual a drawing is): {missing}")
    at = newest(run)
    diagnosis, words = _diagnosis(run, images, at)
    left_out += words
    shared.facts["diagnosis"] = at if diagnosis else ""
    if diagnosis:
        files[f"{at}/diagnosis"] = plain_json(diagnosis)
    shared.facts["mixture"] = mixture = _mixture(run, model, found)
    stages = [stage.to_dict() for stage in training_stages(run)]
    if stages:
        files["course"] = plain_json({"stages": stages})
    if not every:
        left_out.append("The time machine: this run kept no snapshots.")
    progress(1, len(every) + 1)
    exports = [_exporter(run, model, len(every), export) for export in (decoder_onnx, autoencoder_onnx)]
    for done, moment in enumerate(every, start=2):
        _add_snapshot(run, moment, images, shared, *exports)
        progress(done, len(every) + 1)
    if lost := len(every) - len(shared.moments):
        left_out.append(f"{lost} of {len(every)} snapshots of the time machine: they cannot be read.")
    shared.known = _known(run, diagnosis)
    if mixture is not None:
        shared.known["prior_gap"] = mixture["prior_to_aggregate"][0]
    if with_images:
        assert images is not None
        rows = images.test
        pixels = {"images": images.images[rows].numpy(), "index": rows.numpy().astype(np.int32)}
        packed = packed_arrays.pack(pixels, max_value=images.max_value, part="test")
        files["originals-test"] = gzip.compress(packed, 9, mtime=0)
        shared.facts["missing"] = ""
    else:
        shared.facts["missing"] = "The images of the dataset were not shared with this run."
        left_out.append("The images of the dataset: `--with-images` shares the test images.")
    left_out.append("t-SNE, UMAP and other parts than the test images on the map: the app computes them.")
    return shared


def _images(run: Run) -> tuple[Dataset | None, str]:
    """The images of a run, or why they are not here, in words that name no place of this machine."""
    try:
        return images_of(run), ""
    except (UserError, OSError):
        name = DATASETS.title(run.config.data.name) if run.config.data.path is None else "own"
        return None, f"the {name} images are not on the machine that shared the run."


def _embedding(run: Run, model: VAE, images: Dataset | None) -> Embedding | None:
    kept = kept_embedding(run)
    if kept is not None:
        return kept
    return None if images is None else embed(model, images, "test")


def _facts(run: Run, model: VAE, found: Embedding | None) -> dict[str, Any]:
    """What the page tells its parts of the run."""
    info, data, config = run.info, run.config.data, run.config.model
    own = config.prior != STANDARD_NORMAL
    points = prior_draws(model.prior, _NUM_POINTS, seed=0).tolist() if own else []
    prior = model.prior if own else None
    listed = [] if found is None else dimensions(found, prior)
    dims = [
        {"index": dim.index, "low": dim.low, "high": dim.high, "rate": dim.rate, "collapsed": not dim.active}
        for dim in sorted(listed, key=lambda dim: not dim.active)
    ]
    plain = [
        {"index": index, "low": -3.0, "high": 3.0, "rate": None, "collapsed": False}
        for index in range(config.latent_dim)
    ]
    plane = principal_plane(found.mean) if found is not None and config.latent_dim != 2 else None
    return {
        "stamp": hashlib.sha256(b"".join(_weights(model))).hexdigest()[:16],
        "latent_dim": config.latent_dim,
        "shape": [info.channels, info.height, info.width],
        "labels": list(info.class_names),
        "conditional": config.conditional,
        "dims": dims or plain,
        "prior_range": max((abs(value) for point in points for value in point), default=PRIOR_RANGE),
        "prior_points": points,
        "prior": f"For the standard normal prior only; this run has {PRIORS.title(config.prior)}"
        if own
        else "",
        "num_images": 0 if found is None else len(found.mean),
        "plane": None
        if plane is None
        else {
            "mean": plane.mean.tolist(),
            "components": plane.components.tolist(),
            "explained": float(plane.explained),
        },
        "cut": {"none": None, "threshold": data.threshold}.get(data.binarize, 0.5),
        "centre": data.name in ("mnist", "emnist"),
        "words": _words(run),
    }


def _name(run: Run) -> str:
    """What the page calls it: its name, or what it is where it has none, for then its folder's name stands for it."""
    return _words(run) if run.name == run.path.name else printable(run.name)


def _words(run: Run) -> str:
    """What the model is, in a line."""
    config = run.config
    kind = "conditional " if config.model.conditional else ""
    data = DATASETS.title(config.data.name) if config.data.path is None else "own images"
    return f"{kind}VAE of {data}, {config.model.latent_dim} latent dimensions, β = {config.objective.beta:g}"


def _weights(model: VAE) -> list[bytes]:
    return [values.detach().cpu().contiguous().numpy().tobytes() for values in model.state_dict().values()]


def _latent(found: Embedding) -> bytes:
    num = len(found.mean)
    labels = np.full(num, -1, np.int16) if found.labels is None else found.labels.numpy().astype(np.int16)
    listed: dict[str, Any] = {
        "mean": found.mean.numpy().astype(np.float32),
        "labels": labels,
        "index": found.index.numpy().astype(np.int32),
        "log_var": found.log_var.numpy().astype(np.float32),
    }
    return packed_arrays.pack(listed, part="test", count=num)


def _diagnosis(run: Run, images: Dataset | None, at: At) -> tuple[dict[str, Any], list[str]]:
    """The diagnosis that the app shows, or without images what training kept of it; and what is left out."""
    if images is not None:
        try:
            found = diagnose(run, images, at=at)
            told = {name: value for name, value in found.to_dict().items() if name in _OF_A_DIAGNOSIS}
            # What to try may be a command that names the run's folder.
            text = json.dumps(told).replace(f"--resume {json.dumps(run.id)[1:-1]}", "--resume RUN-DIR")
            return {**json.loads(text), "missing": "", "step": step_of(run, at)}, []
        except UserError as error:
            reason = str(error)
    else:
        reason = _images(run)[1]
    try:
        return posterior_summary(run).outline(reason), [f"The verdict of the diagnosis: {reason}"]
    except UserError:
        return {}, [f"The diagnosis: {reason}"]


def _mixture(run: Run, model: VAE, found: Embedding | None) -> dict[str, Any] | None:
    """Points of a mixture that is fitted to the posteriors, and how far these are from the prior."""
    if run.config.model.conditional or found is None:
        return None
    try:
        fitted = fit_mixture(found)
        gap = prior_gap(found, prior=model.prior if run.config.model.prior != STANDARD_NORMAL else None)
    except UserError:  # too few images
        return None
    return {
        "points": [[round(value, 4) for value in point] for point in fitted.sample(_NUM_POINTS).tolist()],
        "num_components": fitted.num_components,
        "saturated": gap.saturated,
        "prior_to_aggregate": [gap.prior_to_aggregate.mean, gap.prior_to_aggregate.standard_error],
        "aggregate_to_prior": [gap.aggregate_to_prior.mean, gap.aggregate_to_prior.standard_error],
    }


def _known(run: Run, diagnosis: dict[str, Any]) -> dict[str, float | str | bool]:
    """What the conditions of a lesson look up; what is not known is left out."""
    config, status = run.config, run.status()
    try:
        line = run.latest_metrics().get("train") or {}
    except (UserError, OSError):
        line = {}
    verdict = diagnosis.get("verdict") or {}
    known = {
        "kl": line.get("rate"),
        "reconstruction": line.get("distortion"),
        "elbo": line.get("elbo"),
        "beta": line.get("beta") if status.beta is None else status.beta,
        "epoch": status.epoch,
        "epochs": config.train.epochs,
        "step": status.step,
        "active_units": diagnosis.get("num_active"),
        "latent_dim": config.model.latent_dim,
        "num_classes": run.info.num_classes,
        "state": status.state,
        "verdict": verdict.get("name"),
        "likelihood": config.model.likelihood,
        "network": config.model.network,
        "data": config.data.name,
        "conditional": config.model.conditional,
        "has_snapshots": bool(run.snapshots()),
        "training": False,
    }
    return {name: value for name, value in known.items() if value is not None and value == value}


def _exporter(run: Run, model: VAE, num: int, export: Export) -> Export:
    """Exports models of one run: of many, the graph once, into which the weights of each are put."""
    if num < _MANY or is_external(run):
        return export
    graph = Graph(model, export)
    if not graph.is_exact:
        return export
    return lambda one: graph.filled({name: values.cpu() for name, values in one.state_dict().items()})


def _add_snapshot(
    run: Run,
    moment: Moment,
    images: Dataset | None,
    shared: SharedRun,
    decoder: Export,
    autoencoder: Export,
) -> None:
    """A snapshot of the time machine: its decoder, its encoder, and where it puts the test images."""
    at = moment.step
    try:
        model = load_model(run, at)
    except UserError:
        return
    listed = moment.told(hashlib.sha256(b"".join(_weights(model))).hexdigest()[:16])
    shared.moments.append((listed, {f"{at}/decoder.onnx": decoder(model)}))
    extras = {f"{at}/autoencoder.onnx": autoencoder(model)}
    if images is not None and len(images.test) <= _MOST:
        with torch.no_grad():
            extras[f"{at}/latent-test"] = _latent(embed(model, images, "test"))
    shared.extras[at] = extras


def plain_json(values: Any) -> bytes:
    """JSON for the page, with every letter that is not ASCII escaped: a name may have half of a surrogate pair.

    Raises:
        UserError: If a number is not finite.
    """
    try:
        return json.dumps(values, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        raise UserError(
            "the numbers of a run that is shared must be finite, got others, as after a training that diverged; "
            "share another run, or train with a smaller train.learning_rate"
        ) from None
