"""The folder of one run: its lock, small files and snapshots."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vae.errors import UserError
from vae.limits import SNAPSHOTS_LISTED
from vae.runs.identity import StillOurs, identity_at, new_identity
from vae.runs.metric_lines import Line
from vae.runs.metrics import newest
from vae.runs.naming import RunError
from vae.runs.status import LOG, NOT_STARTED, SILENCE, Control, Status, this_host
from vae.storage import locking
from vae.storage.atomic import disk_sentence, json_of, read_json, sweep, write_json, write_json_in
from vae.storage.confined import is_plain, names_in, opened_folder, remove_folder, rename, why_not_plain
from vae.storage.held_folder import FOLDERS, SNAPSHOTS, FolderLost, Held, holding
from vae.storage.open_folder import opened_in

#: Seconds for which one who wants to change small files waits for another who does.
PATIENCE = 5.0

_STEP = re.compile(r"0|[1-9][0-9]{0,14}")
_FILES = (
    *("config.json", "name.json", "metrics.jsonl", "control.json", "status.json", "lock", LOG, "watch.json"),
    *("live.safetensors", "latent.safetensors", "images.npz", "evaluation.json", "measurements.json"),
)


@dataclass(eq=False)
class RunFolder:
    """The folder of a run, whatever it is a run of."""

    path: Path
    #: Tells the run from every other one, whatever their folders are called: random, and in its config.
    identity: str = field(default_factory=new_identity, kw_only=True)
    #: Whether it is being made, and has no config yet.
    _is_new: bool = field(default=False, init=False, repr=False)

    @property
    def id(self) -> str:
        """Its name."""
        return self.path.name

    # The locks

    @property
    def is_link(self) -> bool:
        """Whether its folder is a link to one elsewhere: such a run is shown, and not changed."""
        return self.path.is_symlink()

    def why_fixed(self) -> str:
        """Why it can only be looked at, as a sentence; empty if it may be changed."""
        if not self.is_link:
            return ""
        return (
            f"run {self.id!r} is a link and can only be viewed; to change or train it, open the folder itself, "
            f"{self.path.resolve()}"
        )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the one trainer of this run, until the block ends or the process dies.

        What is written below its folder in the block goes into this very folder, and only while it is in its place.

        Raises:
            RunError: If another is, the folder cannot be written, holds another run by now, or is a link.
        """
        try:
            with ExitStack() as stack:
                with self.changing():  # so that nobody says of the status what is not so any more
                    descriptor = stack.enter_context(locking.hold(self.path / "lock"))
                held = Held(self.path, StillOurs(self.path, self.identity, descriptor, is_new=self._is_new))
                stack.enter_context(holding(held))
                if not self._is_new:
                    held.check()
                    self._sweep()
                whole = stack.pop_all()
        except locking.Taken:
            raise RunError(self._taken_sentence()) from None
        except OSError as error:
            raise RunError(disk_sentence(error)) from error
        with whole:
            try:
                yield
            except FolderLost as error:
                self._leave_word(held, str(error))
                raise

    def _leave_word(self, held: Held, sentence: str) -> None:
        """Say in a folder that was moved while it was written why its trainer ended; not in any other."""
        with suppress(OSError, UserError):
            if not held.is_whole():
                return
            with opened_in(held.descriptor, self.path / "status.json") as file:
                status = Status.from_dict(json_of(file, self.path / "status.json"))
            if status.is_active:
                last = status.replace(state="failed", error=sentence)
                write_json_in(held.descriptor, "status.json", last.to_dict())

    def _taken_sentence(self) -> str:
        status = self.status_as_written()
        who = f" (pid {status.pid} on {status.host})" if status.is_active and status.pid else ""
        return f"a trainer{who} is already working on run {self.id!r}; stop it first, or wait until it ends"

    def _sweep(self) -> None:
        """Remove what killed writers left; but a dashboard may be writing in the run's folder right now."""
        for folder in (self.path, self.path / "projections"):
            sweep(folder, older_than=60)
        sweep(self.path / "checkpoints")
        with suppress(OSError):
            for name in names_in(self.path / SNAPSHOTS):
                if name.startswith("."):
                    remove_folder(self.path / SNAPSHOTS / name)

    def is_locked(self) -> bool:
        """Whether a trainer is at work; asking disturbs nobody and writes nothing."""
        return locking.is_held(self.path / "lock")

    @contextmanager
    def changing(self, patience: float | None = None) -> Iterator[None]:
        """Be the only one, of all processes, who reads, changes and writes the run's small files, until the block ends.

        Args:
            patience: Seconds to wait for another who does; without, `PATIENCE`.

        Raises:
            RunError: If another does for longer than that, the folder holds another run by now, is a link, or cannot
                be written.
        """
        if why := self.why_fixed():
            raise RunError(why)
        patience = PATIENCE if patience is None else patience
        with ExitStack() as stack:
            try:
                self._check_same(stack.enter_context(locking.hold_folder(self.path, patience=patience)))
            except locking.Taken:
                raise RunError(
                    f"another program has been changing run {self.id!r} for {patience:g} seconds; try again, or end it "
                    "if it hangs"
                ) from None
            except OSError as error:
                raise RunError(disk_sentence(error)) from error
            try:
                yield
            except OSError as error:
                raise RunError(disk_sentence(error)) from error

    @contextmanager
    def changing_status(self, patience: float | None = None) -> Iterator[Status | None]:
        """As `changing`, for one who is not the trainer.

        Yields:
            The status as it was written; None if a trainer is at work, who alone says then what it does.
        """
        with self.changing(patience):
            yield None if self.is_locked() else self.status_as_written()

    def check_same(self) -> None:
        """Make sure that the folder still holds this run, before something that took long is written into it.

        Raises:
            RunError: If it does not.
        """
        try:
            with opened_folder(self.path) as folder:
                self._check_same(folder)
        except OSError as error:
            raise RunError(disk_sentence(error)) from error

    def _check_same(self, folder: int) -> None:
        if self._is_new:  # `create` looks itself whether there is a run already
            return
        try:
            is_same = identity_at(self.path, folder) == self.identity
        except FileNotFoundError:
            is_same = False
        if not is_same:
            raise RunError(
                f"the folder {self.path} must still hold the run that was opened, and holds another one or none; "
                "open it again"
            )

    def complaint(self) -> str:
        """What of its folder is not what it must be, and is left alone, as a sentence; empty if there is nothing."""
        found = (why_not_plain(self.path / name) for name in _FILES)
        folders = (why_not_plain(self.path / name, is_folder=True) for name in (*FOLDERS, SNAPSHOTS))
        return next((sentence for sentence in (*found, *folders) if sentence), "")

    # Status and control

    def status_as_written(self) -> Status:
        """What the trainer or a queue last said, whether it still holds or not."""
        try:
            return Status.from_dict(read_json(self.path / "status.json"))
        except FileNotFoundError:
            return Status()
        except (OSError, UserError):
            return Status(state="unknown")

    def status(self) -> Status:
        """What the trainer does; `interrupted` if it says that it is at work and is not.

        A lock is not always seen from another machine; there the sign is that nothing was heard for 15
        seconds. So it is of a queue: a run that waits in none any more has just not been trained (further).
        """
        status = self.status_as_written()
        if (
            status.state == "queued"
            and abs(time.time() - status.heartbeat) > SILENCE
            and not self.is_locked()
        ):
            return status.replace(state="stopped" if status.step else "new", error=NOT_STARTED, pid=None)
        if not status.is_active or self.is_locked():
            return status
        if status.host != this_host() and abs(time.time() - status.heartbeat) <= SILENCE:
            return status
        # It may have ended between the two looks: then what it wrote last holds.
        status = self.status_as_written()
        return status.replace(state="interrupted") if status.is_active else status

    def write_status(self, status: Status, *, durable: bool = True) -> None:
        """Say what the trainer does; for the trainer alone.

        Args:
            status: What to say.
            durable: Also survive a power failure. A mere heartbeat need not.
        Raises:
            OSError: If the disk is full or not writable; what was said before stays.
        """
        write_json(self.path / "status.json", status.to_dict(), durable=durable)

    def control(self) -> Control:
        """What the user wants; the defaults (run, by the schedule) if that is nothing or nonsense."""
        try:
            return Control.from_dict(read_json(self.path / "control.json"))
        except (OSError, UserError):
            return Control()

    def request(self, **changes: Any) -> Control:
        """Change what the user wants, and leave the rest of it.

        Args:
            changes: Fields of `Control`. The command `step` is short for `pause` and one more in `steps`.
        Returns:
            All that is wanted now.
        Raises:
            ConfigError: If a value breaks its rule.
            RunError: If it cannot be written.
        """
        with self.changing():
            control = self.control()
            if changes.get("command") == "step":
                changes = {"steps": control.steps + 1, **changes, "command": "pause"}
            control = control.replace(**changes)
            write_json(self.path / "control.json", control.to_dict())
        return control

    # Metrics, checkpoints, snapshots

    @property
    def metrics_path(self) -> Path:
        """The history; see `vae.runs.metrics`."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoints_dir(self) -> Path:
        """Where `last` and `best` are; see `vae.storage.safetensors_io`."""
        return self.path / "checkpoints"

    def latest_metrics(self) -> dict[str, Line]:
        """The newest `train` and `validation` line, as far as there are any."""
        return newest(self.metrics_path)

    def snapshots(self) -> list[int]:
        """Steps of the snapshots that are complete, ascending; of more than a trainer keeps, evenly chosen ones."""
        try:
            names = names_in(self.path / SNAPSHOTS)
        except OSError:
            return []
        steps = sorted(int(name) for name in names if _STEP.fullmatch(name))
        if len(steps) > SNAPSHOTS_LISTED:  # each is looked at
            last = len(steps) - 1
            steps = [steps[round(i * last / (SNAPSHOTS_LISTED - 1))] for i in range(SNAPSHOTS_LISTED)]
        parts = ("snapshot.json", "weights.safetensors")
        return [step for step in steps if all(is_plain(self.snapshot_dir(step) / part) for part in parts)]

    def snapshot_dir(self, step: int) -> Path:
        """The folder of the snapshot of a step, whether there is one or not."""
        return self.path / SNAPSHOTS / str(int(step))

    def drop_snapshots_after(self, step: int) -> None:
        """Remove the snapshots of later steps: a resumed run makes them anew.

        Raises:
            OSError: If one cannot be removed.
        """
        for later in self.snapshots():
            if later > step:
                self.drop_snapshot(later)

    def drop_snapshot(self, step: int) -> None:
        """Remove a snapshot: gone at once for readers, however long it takes.

        Raises:
            OSError: If it cannot be removed.
        """
        hidden = f".{int(step)}-{secrets.token_hex(4)}"
        rename(self.snapshot_dir(step), hidden)
        remove_folder(self.path / SNAPSHOTS / hidden)


@contextmanager
def keeping(run: RunFolder, folder: Path | None = None) -> Iterator[Path]:
    """Be the only one, of all processes, who reads, changes and writes what is kept of a run, until the block ends.

    Args:
        run: The run.
        folder: Where it is kept, for a run that is not to be changed; made if it is missing.

    Yields:
        Where it is kept.

    Raises:
        RunError: As `RunFolder.changing` does.
    """
    if folder is None:
        with run.changing():
            sweep(run.path, older_than=60)
            yield run.path
        return
    run.check_same()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locking.hold_folder(folder, patience=PATIENCE):
            sweep(folder, older_than=60)
            yield folder
    except locking.Taken:
        raise RunError(
            f"another program has been writing in {folder} for {PATIENCE:g} seconds; try again, or end it if it hangs"
        ) from None
    except OSError as error:
        raise RunError(disk_sentence(error)) from error
