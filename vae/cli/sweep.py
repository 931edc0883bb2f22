"""The command that trains a run for each of several β: sweep."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from vae.cli.output import tell_of
from vae.cli.parser import Flag
from vae.cli.progress import Bar
from vae.config.schema import RunConfig
from vae.errors import UserError


@dataclass(frozen=True)
class Sweep:
    """Train a run for each β and seed; the Compare page draws them in the rate-distortion plane.

    Started again with the same options, it trains only what is not finished or has failed.
    """

    name: Annotated[str, arg(metavar="NAME")]
    """Start of the runs' folder names."""
    betas: Annotated[tuple[float, ...], arg(metavar="β …")]
    """Weights of the KL (rate), for example 0.1 0.3 1 3 10; the option objective.beta is set to each."""
    seeds: Annotated[tuple[int, ...], arg(metavar="N …")] = (0,)
    """Seeds; each β is trained with each seed."""
    runs: Annotated[Path, arg(metavar="DIR")] = Path("runs")
    """Folder of runs."""
    jobs: int = 1
    """Runs at once on this machine; -1 is one for each core."""
    backend: Literal["loky", "threading", "dask"] = "loky"
    """joblib's backend: processes, threads, or a Dask cluster that you already have."""
    address: Annotated[str | None, arg(metavar="tcp://HOST:PORT", help_behavior_hint="")] = None
    """Address of the Dask scheduler; its workers must see --runs, and the data, under the same path."""
    json: Flag = False
    """Print one JSON object a run on standard output."""
    config: Annotated[RunConfig, arg(name="")] = RunConfig()

    def __call__(self) -> None:
        from vae.experiments.sweep import points, sweep
        from vae.runs.run import Run

        planned = points(self.name, self.config, self.betas, self.seeds)
        failed, told = 0, False
        with Bar() as bar:
            if not self.json:
                print(f"{'β':>8} {'seed':>5} {'−ELBO':>10} {'reconstruction':>15} {'KL':>8} {'active':>7}")
            outcomes = sweep(self.runs, planned, jobs=self.jobs, backend=self.backend, address=self.address)
            for done, outcome in enumerate(outcomes, 1):
                failed += outcome.state == "failed"
                answer = outcome.to_dict()
                if outcome.result is not None:
                    reading = Run.open(self.runs / outcome.run_id).info.reading
                    if reading.layout:
                        answer["data"] = reading.answer()
                    if not told:
                        tell_of(reading)  # of all runs alike
                        told = True
                if self.json:
                    print(json.dumps(answer), flush=True)
                elif outcome.result is None:
                    print(f"{outcome.beta:8g} {outcome.seed:5d} failed: {outcome.error}", flush=True)
                else:
                    total, distortion, rate = outcome.result.last.printed(3)
                    print(
                        f"{outcome.beta:8g} {outcome.seed:5d} {total:10.3f} {distortion:15.3f} "
                        f"{rate:8.3f} {outcome.result.last.active_units:7d}",
                        flush=True,
                    )
                bar.at(done, len(planned), "run")
        if failed:
            raise UserError(
                f"{failed} of {len(planned)} runs failed; run the same command again to train only those"
            )
