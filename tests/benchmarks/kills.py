"""kill -9 of trainers and servers at random moments, hundreds of times: what is lost? Nothing may be.

    python tests/benchmarks/kills.py [--trainer 200] [--stop 40] [--moved 20] [--server 60] [--seed 0]

Every run must open after each kill, and end bit for bit as one that was never killed: weights, optimiser, random
state, history, snapshots, latent positions; and nothing half written may be left. A trainer is killed while it starts
or trains, or in the second after Stop; or its folder is moved or replaced under it. A server is killed with runs in its
queue.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.conftest import Forker
from tests.support.hostile_folders import everything
from tests.vae.training.test_kill import (
    CONFIG,
    assert_opens,
    assert_same_end,
    create,
    train,
    wait_for_new_line,
)
from vae.runs.listing import list_runs
from vae.runs.run import Run

SERVER = """
import sys, time
from dashboard.jobs import trainers as module
from vae.runs.listing import Run
trainers = module.trainers
module._HEAD_START, module._OTHERS, module._ROUND = 0.0, 0.1, 0.3
trainers.open()
for path in sys.argv[1:]:
    trainers.start(Run.open(path))
print("asked", flush=True)
time.sleep(1000)
"""


class Kills:
    """Counts what was tried and what came of it, and tells it as a table."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.moments = folder, random.Random(seed)
        self.forker = Forker(folder)
        self.unkilled = train(folder / "unkilled", CONFIG)
        self.rows: list[tuple[str, int, int, float]] = []
        self._numbers = iter(range(1_000_000))

    def run(self) -> Run:
        """A run whose two seconds are spread over its training."""
        made = create(self.folder / f"run-{next(self._numbers)}" / "run", CONFIG)
        made.request(max_images_per_second=6400)
        return made

    def finish(self, run: Run, *, was_stopped: bool = False) -> None:
        """Let it come to its end undisturbed, and compare it with the one that was never killed."""
        run.request(max_images_per_second=0)
        if run.status().state != "finished":
            process = self.forker.start("train", "--resume", run.path)
            assert process.wait() == 0, process.output
        assert_same_end(run, self.unkilled, was_stopped=was_stopped)

    def trainer(self, num: int, *, after_stop: bool = False) -> int:
        """Kill trainers; returns how many runs that were."""
        kills = runs = 0
        while kills < num:
            run, runs = self.run(), runs + 1
            for _ in range(min(5, num - kills)):
                process = self.forker.start("train", "--resume", run.path)
                if after_stop or self.moments.random() < 0.75:
                    wait_for_new_line(run)
                if after_stop:
                    time.sleep(self.moments.uniform(0, 0.3))
                    run.request(command="stop")
                time.sleep(self.moments.uniform(0, 0.2 if after_stop else 0.5))
                process.kill()
                code = process.wait()
                assert code in (0, -signal.SIGKILL), process.output
                assert not run.is_locked()
                if not after_stop:
                    assert_opens(run.path)
                kills += 1
                if run.status().state == "finished":
                    break
            self.finish(run, was_stopped=after_stop)
        return runs

    def moved(self, num: int) -> int:
        """Move or replace the folder under its trainer, which must end by itself and touch nothing else."""
        for number in range(num):
            run = self.run()
            process = self.forker.start("train", "--resume", run.path)
            wait_for_new_line(run)
            time.sleep(self.moments.uniform(0, 0.5))
            away = run.path.rename(run.path.with_name("away"))
            if number % 2:
                shutil.copytree(self.unkilled.path, run.path)
                before = everything(run.path)
            code = process.wait()
            assert code in (0, 2) and "Traceback" not in process.output, process.output
            if number % 2:
                assert everything(run.path) == before
            else:
                assert not run.path.exists()
            self.finish(Run.open(away))
        return num

    def server(self, num: int, root: Path) -> int:
        """Kill servers with three runs in their queue, until all of them are done by the servers that follow."""
        kills = runs = 0
        while kills < num:
            place = root / f"server-{kills}"
            made = [create(place / f"run-{number}", CONFIG) for number in range(3)]
            for run in made:
                run.request(max_images_per_second=6400)
            runs += len(made)
            environment = {**os.environ, "LATENT_LAB_RUNS": str(place), "LATENT_LAB_TRAINERS": "2"}
            asked = [str(run.path) for run in made]
            until = time.monotonic() + 300
            while any(run.status().state != "finished" for run in made):
                assert time.monotonic() < until, [(run.id, run.status()) for run in made]
                command = [sys.executable, "-c", SERVER, *asked]
                with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
                    assert process.stdout is not None and process.stdout.readline() == "asked\n"
                    asked = []
                    ends = time.monotonic() + (self.moments.uniform(0, 4) if kills < num else 60)
                    while time.monotonic() < ends and any(run.status().state != "finished" for run in made):
                        time.sleep(0.02)
                    process.kill()
                kills += 1
            assert all(isinstance(found, Run) for found in list_runs(place))
            for run in made:
                assert_same_end(run, self.unkilled)
        return runs

    def row(self, what: str, num: int, work: Callable[[int], int]) -> None:
        """Do it, and keep a line of the table."""
        if num:
            began = time.monotonic()
            self.rows.append((what, num, work(num), time.monotonic() - began))
            print(f"{what:44} {num:6d} {self.rows[-1][2]:6d} {0:6d} {self.rows[-1][3]:9.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, num in (("trainer", 200), ("stop", 40), ("moved", 20), ("server", 60), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=num)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_STATE_HOME"] = str(folder / "state")
        kills = Kills(folder, options.seed)
        print(f"{'':44} {'kills':>6} {'runs':>6} {'lost':>6} {'seconds':>9}", flush=True)
        servers = folder / "servers"
        for what, num, work in (
            ("the trainer, while it starts or trains", options.trainer, kills.trainer),
            ("the trainer, in the second after Stop", options.stop, partial(kills.trainer, after_stop=True)),
            ("the folder moved or replaced under it", options.moved, kills.moved),
            ("the server, with runs in its queue", options.server, partial(kills.server, root=servers)),
        ):
            kills.row(what, num, work)
        kills.forker.close()


if __name__ == "__main__":
    main()
