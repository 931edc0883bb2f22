"""Planes by t-SNE and UMAP: computed in a child process, saved in the run's folder."""

from __future__ import annotations

import atexit
import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dashboard.cache import latents, lru, models
from dashboard.cache.models import At
from dashboard.jobs import test_metrics
from vae.errors import UserError
from vae.runs.run import Run
from vae.storage.confined import lstat

if TYPE_CHECKING:
    from torch import Tensor

    from vae.latent.tsne_umap import Flat, Method

State = Literal["none", "running", "done", "failed", "cancelled"]
_read = lru.Cache(8)


@dataclass(frozen=True)
class Wanted:
    """A plane: of which run, weights and part, by which method, of how many of the part's images."""

    run: Run
    at: At
    part: str
    method: Method
    num: int

    @property
    def key(self) -> tuple[Path, str]:
        """What tells it from others."""
        return self.run.path, self.name

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.method}-{self.part}-{self.at}-{self.num}"


@dataclass
class _Job:
    wanted: Wanted
    began: float = field(default_factory=time.monotonic)
    state: State = "running"
    share: float | None = None
    words: str = "encoding the images"
    process: subprocess.Popen[bytes] | None = None


class Projections:
    """The planes that are being computed: one at a time, because each takes all the cores it gets."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[tuple[Path, str], _Job] = {}

    def start(self, wanted: Wanted) -> None:
        """Begin to compute a plane, unless that is under way.

        Raises:
            UserError: If another one is being computed, or the method is not installed.
        """
        from vae.latent.tsne_umap import missing

        if sentence := missing(wanted.method):
            raise UserError(sentence)
        with self._lock:
            running = [job for job in self._jobs.values() if job.state == "running"]
            if any(job.wanted.key == wanted.key for job in running):
                return
            if running:
                raise UserError(
                    f"only one projection is computed at a time, and run {running[0].wanted.run.id} is computing "
                    "one now; wait for it, or cancel it there"
                )
            job = self._jobs[wanted.key] = _Job(wanted)
        threading.Thread(target=self._work, args=(job,), name="projection", daemon=True).start()

    def cancel(self, wanted: Wanted) -> None:
        """Stop computing a plane, if it is under way."""
        with self._lock:
            job = self._jobs.get(wanted.key)
            if job is None or job.state != "running":
                return
            job.state = "cancelled"
            if job.process is not None:
                job.process.kill()

    def status(self, wanted: Wanted) -> dict[str, Any]:
        """What is known of a plane, as the page reads it: `state`, `share`, `words`, `seconds`, `guess`."""
        from vae.latent.tsne_umap import guess

        with self._lock:
            job = self._jobs.get(wanted.key)
        state: State = "none" if job is None else job.state
        if state != "running":
            state = "done" if find(wanted) is not None else "none" if state == "done" else state
        return {
            "state": state,
            "share": job.share if job else None,
            "words": job.words if job else "",
            "seconds": time.monotonic() - job.began if job else 0.0,
            "guess": guess(wanted.method, wanted.num),
        }

    def close(self) -> None:
        """End whatever is under way."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            self.cancel(job.wanted)

    def _work(self, job: _Job) -> None:
        try:
            self._compute(job)
            outcome: State = "done"
        except UserError as error:
            outcome, job.words = "failed", str(error)
        except OSError as error:
            from vae.storage.atomic import disk_sentence

            outcome, job.words = "failed", disk_sentence(error)
        with self._lock:
            if job.state == "running":
                job.state = outcome

    def _compute(self, job: _Job) -> None:
        import torch

        from vae.latent.tsne_umap import check_points, digest, sample
        from vae.storage.safetensors_io import load, save
        from vae.storage.scratch import scratch

        wanted = job.wanted
        mean = latents.embedding(wanted.run, wanted.at, wanted.part).mean.float()
        rows = torch.from_numpy(sample(len(mean), wanted.num))
        check_points(mean[rows.long()].numpy(), wanted.method)
        with scratch() as folder:
            save(folder, "source", {"mean": mean, "rows": rows}, {"digest": digest(mean)}, durable=False)
            command = [sys.executable, "-m", "vae.latent.tsne_umap", str(folder / "source")]
            command += [str(folder / "plane"), wanted.method]
            with self._lock:
                if job.state != "running":
                    return
                job.process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
                )
            with job.process as process:
                assert process.stdout is not None
                error = ""
                for line in process.stdout:
                    with suppress(ValueError):
                        said = json.loads(line)
                        error = said.get("error", error)
                        job.share, job.words = said.get("share"), said.get("words", job.words)
            if process.returncode and job.state == "running":
                raise UserError(error or why_ended(process.returncode))
            if not process.returncode:
                keep(wanted, *load(folder, "plane"))


def keep(wanted: Wanted, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Keep a plane that was computed, unless another run stands in the place of its run by now.

    Raises:
        RunError: If one does, or the folder cannot be written.
    """
    from vae.runs.folder import keeping
    from vae.storage.safetensors_io import save

    place = _folder(wanted.run)
    with keeping(wanted.run, None if test_metrics.may_keep(wanted.run) else place):
        save(place, wanted.name, tensors, state)


def why_ended(code: int) -> str:
    """Why a process said nothing before its end, by its exit status, as a sentence."""
    if code == -signal.SIGKILL:
        return "the system ended the process that computed it, probably because memory ran out; choose fewer points"
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"the library that computed it crashed ({name}); your run is not affected: use PCA"
    return f"the process that computed it failed with status {code}; try again, or use PCA"


def find(wanted: Wanted) -> Flat | None:
    """A plane that was computed before, from the very same latent points; None if there is none."""
    from vae.latent.tsne_umap import read

    with suppress(UserError, OSError):
        folder = _folder(wanted.run)
        state = lstat(folder / f"{wanted.name}.safetensors")
        mean = latents.embedding(wanted.run, wanted.at, wanted.part).mean.float()
        key = (*wanted.key, state.st_mtime_ns, models.stamp(wanted.run, wanted.at))
        return _read.get(key, lambda: read(folder, wanted.name, mean))
    return None


def _folder(run: Run) -> Path:
    """Where a run's planes are kept: in its own folder, or the user's cache for one that is not to be changed."""
    if test_metrics.may_keep(run):
        return run.path / "projections"
    from vae.data.readers.torchvision import default_root

    return default_root().parent / "projections" / run.id


projections = Projections()
atexit.register(projections.close)
