"""A sweep: one run for each β and seed, by joblib, on this machine or on a cluster that one already has.

Nothing but the runs' own directories is kept: what is done, has failed or was broken off is read from them. So a sweep
that is started again trains only what is not finished, and two machines that share a folder agree on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from vae.config.registries import load_plugins
from vae.config.schema import RunConfig
from vae.errors import UserError
from vae.evaluation.saved_metrics import Result, kept, measure
from vae.runs.naming import RunError, check_id
from vae.runtime import html
from vae.storage.user_paths import absolute

Backend = Literal["loky", "threading", "dask"]

#: Most runs of one sweep.
MAX_POINTS = 1000


@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    Attributes:
        run_id: Its folder.
        config: All that it is trained with.
    """

    run_id: str
    config: RunConfig


@dataclass(frozen=True)
class Outcome:
    """What became of a point.

    Attributes:
        run_id: The run.
        beta, seed: Its place in the sweep.
        state: ``finished``, or ``failed``.
        error: Why it failed, in a sentence.
        result: Its test figures if it is finished.
        was_done: Whether it was finished before, and nothing had to be trained.
    """

    run_id: str
    beta: float
    seed: int
    state: Literal["finished", "failed"]
    error: str | None = None
    result: Result | None = None
    was_done: bool = False

    def _repr_html_(self) -> str:
        """A card of it, in a notebook."""
        rows: dict[str, object] = {"β": self.beta, "seed": self.seed, "state": self.state}
        if self.error is not None:
            rows["error"] = self.error
        if self.result is not None:
            rows |= html.flat(self.result.to_dict())
        return html.card(f"Sweep: {self.run_id}", html.table(rows))

    def to_dict(self) -> dict[str, Any]:
        """The outcome as JSON values."""
        return {**asdict(self), "result": None if self.result is None else self.result.to_dict()}


def points(name: str, config: RunConfig, betas: Sequence[float], seeds: Sequence[int] = (0,)) -> list[Point]:
    """The runs of a sweep: each β with each seed.

    Args:
        name: Begins the runs' ids: ``<name>-beta-<β>-seed-<seed>``.
        config: Of all of them, but for β and seed.
        betas: Weights of the rate.
        seeds: Of the weights, the order of images and the noise.

    Raises:
        UserError: If there are none or more than `MAX_POINTS`, one comes twice, the name is no id, a value breaks its
            rule, or the networks are somebody's own.
    """
    if not 1 <= len(betas) * len(seeds) <= MAX_POINTS:
        raise UserError(
            f"a sweep must have 1 to {MAX_POINTS} runs, got {len(betas)} values of β and {len(seeds)} seeds; give at "
            "least one of each"
        )
    if config.model.network == "external":
        raise UserError(
            "a sweep must train networks of this library, got model.network = 'external'; use mlp or conv"
        )
    config = config.replace(data=config.data.absolute())
    found = []
    for beta in betas:
        for seed in seeds:
            run_id = f"{name}-beta-{beta:g}-seed-{seed}"
            check_id(run_id)
            one = config.replace(
                objective=config.objective.replace(beta=beta), train=config.train.replace(seed=seed)
            )
            found.append(Point(run_id, one))
    ids = [point.run_id for point in found]
    if len(set(ids)) < len(ids):
        twice = next(run_id for run_id in ids if ids.count(run_id) > 1)
        raise UserError(f"each β and seed must come once, got {twice} twice; leave one of them out")
    return found


def sweep(
    runs: Path | str,
    planned: Sequence[Point],
    *,
    jobs: int = 1,
    backend: Backend = "loky",
    address: str | None = None,
) -> Iterator[Outcome]:
    """Train and measure what is not finished of a sweep, and tell of each point as it is done.

    A point that fails does not stop the others; started again, a sweep goes on with failed and broken-off ones alone.

    Args:
        runs: Folder of runs; for Dask, one that its workers see under the same path.
        planned: The points, as `points` gives them.
        jobs: How many at once on this machine; −1 is one for each core. Dask decides by its workers.
        backend: joblib's: processes (loky), threads, or the workers of a Dask scheduler.
        address: Of the Dask scheduler, for example ``tcp://127.0.0.1:8786``.

    Raises:
        UserError: If a run in the folder has one of the ids and other settings, or Dask is wanted and cannot be had.
    """
    from joblib import Parallel, delayed, parallel_config

    folder = absolute(runs, RunError)
    for point in planned:
        _check_same(folder, point)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        from vae.storage.atomic import disk_sentence

        raise UserError(disk_sentence(error)) from error
    if jobs == 0 or jobs < -1:
        raise UserError(f"jobs must be from 1, or -1 for one a core, got {jobs}; use 1")
    with ExitStack() as stack:
        if backend == "dask":
            stack.enter_context(_client(address))
            stack.enter_context(parallel_config(backend="dask"))
        else:
            if address is not None:
                raise UserError(f"an address is for backend dask, got {backend}; use --backend dask")
            stack.enter_context(parallel_config(backend=backend, n_jobs=jobs))
        outcomes = Parallel(return_as="generator_unordered")(
            delayed(train_point)(str(folder), point) for point in planned
        )
        yield from outcomes


def train_point(folder: str, point: Point) -> Outcome:
    """Train one point to its end and measure it, on whatever machine this is; failures come back as a sentence."""
    from vae.training.run_log import what_went_wrong

    config = point.config
    place: dict[str, Any] = {
        "run_id": point.run_id,
        "beta": config.objective.beta,
        "seed": config.train.seed,
    }
    try:
        load_plugins()  # a worker is a process of its own
        result, was_done = _result(Path(folder), point)
    except Exception as error:  # whatever it is, the other points go on
        return Outcome(**place, state="failed", error=what_went_wrong(error))
    return Outcome(**place, state="finished", result=result, was_done=was_done)


def _result(folder: Path, point: Point) -> tuple[Result, bool]:
    from vae.data.dataset import load_dataset
    from vae.runs.run import Run
    from vae.runs.run_dataset import images_of
    from vae.training.trainer import Trainer
    from vae.training.worker import stopping_on_signals

    if not folder.is_dir():
        raise UserError(
            f"the folder of runs must be there for every worker, got none at {folder}; share it under one path"
        )
    path = folder / point.run_id
    _check_same(folder, point)
    if (path / "config.json").is_file():
        run = Run.open(path)
        dataset = None
        if (
            point.config.data.path != run.config.data.path
        ):  # whether they are the same images is seen in these alone
            dataset = images_of(run, path=point.config.data.path)
            run.place_images(dataset.config)
        if run.status().state == "finished" and (result := kept(run)) is not None:
            return result, True
        if dataset is None:
            named = point.config.data.needs_download
            dataset = images_of(run, root=point.config.data.root if named else None)
    else:
        dataset = load_dataset(point.config.data)
        words = f"{point.run_id.split('-beta-')[0]} β={point.config.objective.beta:g} seed {point.config.train.seed}"
        run = Run.create(path, point.config, dataset.info(), words[:80])
    if run.status().state != "finished":
        trainer = Trainer(run, dataset)
        with stopping_on_signals(trainer) as signals:
            for _ in trainer.train():
                pass
        if signals:
            raise KeyboardInterrupt  # the checkpoint is written, and no further point is begun
    status = run.status()
    if status.state != "finished":
        raise UserError(status.error or f"run {run.id} was stopped; start the sweep again to continue it")
    result = measure(run, dataset)
    if not math.isfinite(result.last.elbo):
        raise UserError(
            f"the test ELBO of run {run.id} must be finite, got {result.last.elbo}; lower the learning rate"
        )
    return result, False


def _check_same(folder: Path, point: Point) -> None:
    """Refuse a run that is there with other settings: its figures would be taken for this sweep's."""
    from vae.runs.run import Run
    from vae.runs.run_dataset import are_alike

    path = folder / point.run_id
    if (path / "config.json").is_file() and not are_alike(Run.open(path).config, point.config):
        raise UserError(
            f"run {point.run_id} must have the settings of this sweep, got others in {path}; give the sweep another "
            "name, or delete the run"
        )


def _client(address: str | None) -> Any:
    """A connection to a Dask scheduler, closed as a context.

    Raises:
        UserError: If there is no address, no `distributed` package, or nobody answers.
    """
    if address is None:
        raise UserError("backend dask needs the scheduler's address, got none; use --address tcp://HOST:8786")
    try:
        from distributed import Client
    except ImportError:
        raise UserError(
            "backend dask needs the package distributed, got none; run `pip install distributed`"
        ) from None
    try:
        return Client(address, timeout="10s", set_as_default=True)
    except (OSError, ValueError) as error:
        raise UserError(
            f"a Dask scheduler must answer at {address}, got {str(error) or 'no answer'}; start one with "
            "`dask scheduler`"
        ) from None
