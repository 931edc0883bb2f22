"""The run directory: the one thing that connects a trainer with those who watch and steer it.

::

    <run id>/
      config.json           what the run is: format version, RunConfig, DataInfo, when and by what it was made
      name.json             its display name, once it has one
      metrics.jsonl         its history, see `vae.metrics`
      control.json          what the user wants, see `vae.status`
      status.json           what the trainer does, see `vae.status`
      lock                  held while a trainer is at work, see `vae.lock`
      live.safetensors      the newest weights, to look at while it trains
      latent.safetensors    where the best weights put the test images
      checkpoints/          last.safetensors and best.safetensors, see `vae.checkpoints`
      snapshots/<step>/     what the time machine shows
      images.npz            the images, if `vae.watch` was handed them as arrays
      watch.json            what `vae.watch` found out about the user's networks

Every file but the history and the lock is replaced atomically. What is read here may come from somebody
else's run: it is checked, and nothing in it is executed.
"""

from __future__ import annotations

import platform
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

from vae import lock
from vae.config import DataConfig, DataInfo, RunConfig, TrainConfig
from vae.errors import UserError, clean
from vae.files import disk_sentence, read_json, sweep, write_json
from vae.metrics import Line, newest
from vae.names import RunError, checked_name, read_name, run_folder
from vae.status import SILENCE, Control, Status, this_host

#: Version of the run directory that this code writes, and the newest that it reads.
FORMAT = 1

_STEP = re.compile(r"0|[1-9][0-9]{0,14}")

#: One process changes a control file by one thread at a time: tabs of one dashboard do not undo each other's
#: wishes.
_control_lock = threading.Lock()


@dataclass(eq=False)
class Run:
    """One run directory, opened. `create` and `open` make it."""

    path: Path
    config: RunConfig
    info: DataInfo
    #: Display name: any text up to 80 characters.
    name: str
    #: When the run was made, ISO 8601 with its time zone.
    created: str
    #: Versions of Python, torch and this package that made it.
    versions: dict[str, str] = field(default_factory=dict)
    #: Whether it was imported: the paths in its config are then another machine's, and name nothing here.
    imported: bool = False
    #: Whether somebody has said, here, where the images are: then the paths name them, imported or not.
    placed: bool = False

    @property
    def has_foreign_paths(self) -> bool:
        """Whether the paths in its config are another machine's, so that nothing is to be opened by them."""
        return self.imported and not self.placed

    @property
    def id(self) -> str:
        """The name of its folder."""
        return self.path.name

    # Making, opening, naming, deleting

    @classmethod
    def create(cls, path: Path | str, config: RunConfig, info: DataInfo, name: str | None = None) -> Self:
        """Make a run directory.

        Args:
            path: Its folder: a new one, or an empty one.
            config: What the run shall be; it does not change afterwards. Relative places in it become absolute.
            info: Of the images that it is for.
            name: Display name; without one, the run shows its id.
        Raises:
            RunError: If the folder is not empty or cannot be written, or one of the names is not allowed.
        """
        path = run_folder(path)
        run = cls(
            path=path,
            config=config.replace(data=config.data.absolute()),
            info=info,
            name=path.name if name is None else checked_name(name),
            created=datetime.now(UTC).isoformat(timespec="milliseconds"),
            versions=_versions(),
        )
        is_new = not path.exists()
        try:
            path.mkdir(parents=True, exist_ok=True)
            with run.lock():  # two that create at once: one does, the other finds a run
                _refuse_occupied(path)
                try:
                    if name is not None:
                        write_json(path / "name.json", {"name": run.name})
                    run._write_config()
                except OSError:
                    (path / "name.json").unlink(missing_ok=True)
                    raise
        except OSError as error:
            if is_new:
                with suppress(OSError):
                    (path / "lock").unlink(missing_ok=True)
                    path.rmdir()
            raise RunError(disk_sentence(error)) from error
        return run

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open a run directory.

        Raises:
            RunError: If there is none, it is broken, or a newer version wrote it.
        """
        path = run_folder(path)
        if not path.is_dir():
            raise RunError(f"there is no run at {path}; `vae train --run-dir {path}` makes one")
        try:
            return cls._from_dict(path, read_json(path / "config.json"))
        except FileNotFoundError:
            raise RunError(
                f"{path} is not a run, it has no config.json; choose a folder that `vae train` made"
            ) from None
        except OSError as error:
            raise RunError(disk_sentence(error)) from error
        except RunError:
            raise
        except UserError as error:
            raise RunError(f"run {path.name!r} is broken: {error}") from None

    @classmethod
    def _from_dict(cls, path: Path, values: Any) -> Self:
        if not isinstance(values, dict) or type(values.get("format")) is not int or values["format"] < 1:
            raise UserError("config.json has no format version; restore it from a copy")
        if values["format"] > FORMAT:
            raise RunError(
                f"run {path.name!r} was written by a newer version (format {values['format']}, this version "
                f"reads up to {FORMAT}); upgrade latent-lab"
            )
        config, info = RunConfig.from_dict(values.get("config")), DataInfo.from_dict(values.get("info"))
        created, versions = values.get("created"), values.get("versions")
        try:
            datetime.fromisoformat(created)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise UserError("config.json does not say when it was created; restore it from a copy") from None
        if not isinstance(versions, dict) or not all(isinstance(text, str) for text in versions.values()):
            versions = {}
        return cls(
            path=path,
            config=config,
            info=info,
            name=read_name(path),
            created=clean(created),
            versions=versions,
            imported=values.get("imported") is True,
            placed=values.get("placed") is True,
        )

    def mark_imported(self) -> None:
        """Make a run from another machine this one's, before it is put among the others.

        Its download folder is forgotten, and a trainer that was at work on it counts as interrupted.

        Raises:
            OSError: If the disk is full or not writable.
        """
        self.config = self.config.replace(data=self.config.data.replace(root=None))
        self.imported, self.placed = True, False
        self._write_config()
        status = self._status_as_written()
        if status.is_active or status.state == "queued":
            self.write_status(status.replace(state="interrupted"))

    def _write_config(self) -> None:
        values: dict[str, Any] = {
            "format": FORMAT,
            "config": self.config.to_dict(),
            "info": self.info.to_dict(),
            "created": self.created,
            "versions": self.versions,
        }
        for mark in ("imported", "placed"):
            if getattr(self, mark):
                values[mark] = True
        write_json(self.path / "config.json", values)

    def rename(self, name: str) -> None:
        """Give the run another display name; its id and folder stay.

        Raises:
            RunError: If it is not a name, or cannot be written.
        """
        name = checked_name(name)
        try:
            write_json(self.path / "name.json", {"name": name})
        except OSError as error:
            raise RunError(disk_sentence(error)) from error
        self.name = name

    def extend(self, epochs: int) -> None:
        """Let the run train so many epochs more than it was made for.

        Raises:
            ConfigError: If that is not from 1, or too many.
            RunError: If a trainer is at work on it, or it cannot be written.
        """
        more = TrainConfig(epochs=epochs).epochs
        with self.lock():
            train = self.config.train.replace(epochs=self.config.train.epochs + more)
            self.config = self.config.replace(train=train)
            try:
                self._write_config()
            except OSError as error:
                raise RunError(disk_sentence(error)) from error

    def place_images(self, data: DataConfig) -> None:
        """Keep where the run's images are now; `vae.resume.images_of` has checked that they are the same ones.

        Args:
            data: The run's own, with another `path` or `root`.
        Raises:
            RunError: If a trainer is at work on it, or it cannot be written.
        """
        data = data.absolute()
        assert data == self.config.data.replace(path=data.path, root=data.root), "only the places may change"
        if data == self.config.data and not self.has_foreign_paths:
            return
        with self.lock():
            self.config, self.placed = self.config.replace(data=data), True
            try:
                self._write_config()
            except OSError as error:
                raise RunError(disk_sentence(error)) from error

    def fail(self, sentence: str) -> None:
        """Say that the run ended by an error, unless its trainer has said how it ended."""
        status = self._status_as_written()
        if status.is_active or status.state in ("new", "queued"):
            self.write_status(status.replace(state="failed", error=sentence))

    def delete(self) -> None:
        """Remove the run and all that is in it, links unfollowed.

        Raises:
            RunError: If a trainer is at work on it, it is a link to elsewhere, or it cannot be removed.
        """
        if self.path.is_symlink():
            raise RunError(f"run {self.id!r} is a link to a folder elsewhere; remove the link by hand")
        hidden = self.path.with_name(f".deleted-{self.id}-{secrets.token_hex(4)}")
        try:
            with self.lock():
                self.path.rename(hidden)  # gone at once for everybody, however long the removal takes
            for left in self.path.parent.glob(".deleted-*"):  # this one, and what a killed removal left
                shutil.rmtree(left, ignore_errors=True)
        except OSError as error:
            raise RunError(disk_sentence(error)) from error

    # The lock

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the one trainer of this run, until the block ends or the process dies.

        Raises:
            RunError: If another is, or the folder cannot be written.
        """
        try:
            with ExitStack() as stack:
                stack.enter_context(lock.hold(self.path / "lock"))
                self._sweep()
                held = stack.pop_all()
        except lock.Taken:
            raise RunError(self._taken_sentence()) from None
        except OSError as error:
            raise RunError(disk_sentence(error)) from error
        with held:
            yield

    def _taken_sentence(self) -> str:
        status = self._status_as_written()
        who = f" (pid {status.pid} on {status.host})" if status.is_active and status.pid else ""
        return f"a trainer{who} is already at work on run {self.id!r}; stop it first, or wait for its end"

    def _sweep(self) -> None:
        """Remove what killed writers left; but a dashboard may be writing in the run's folder right now."""
        sweep(self.path, older_than=60)
        sweep(self.path / "checkpoints")
        with suppress(OSError):
            for left in (self.path / "snapshots").glob(".*"):
                shutil.rmtree(left, ignore_errors=True)

    def is_locked(self) -> bool:
        """Whether a trainer is at work; asking disturbs nobody and writes nothing."""
        return lock.is_held(self.path / "lock")

    # Status and control

    def _status_as_written(self) -> Status:
        try:
            return Status.from_dict(read_json(self.path / "status.json"))
        except FileNotFoundError:
            return Status()
        except (OSError, UserError):
            return Status(state="unknown")

    def status(self) -> Status:
        """What the trainer does; `interrupted` if it says that it is at work and is not.

        A lock is not always seen from another machine; there the sign is that nothing was heard for 15
        seconds.
        """
        status = self._status_as_written()
        if not status.is_active or self.is_locked():
            return status
        if status.host != this_host() and abs(time.time() - status.heartbeat) <= SILENCE:
            return status
        # It may have ended between the two looks: then what it wrote last holds.
        status = self._status_as_written()
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
        with _control_lock:
            control = self.control()
            if changes.get("command") == "step":
                changes = {"steps": control.steps + 1, **changes, "command": "pause"}
            control = control.replace(**changes)
            try:
                write_json(self.path / "control.json", control.to_dict())
            except OSError as error:
                raise RunError(disk_sentence(error)) from error
        return control

    # Metrics, checkpoints, snapshots

    @property
    def metrics_path(self) -> Path:
        """The history; see `vae.metrics`."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoints_dir(self) -> Path:
        """Where `last` and `best` are; see `vae.checkpoints`."""
        return self.path / "checkpoints"

    def latest_metrics(self) -> dict[str, Line]:
        """The newest `train` and `validation` line, as far as there are any."""
        return newest(self.metrics_path)

    def snapshots(self) -> list[int]:
        """Steps of the snapshots that are complete, ascending."""
        try:
            names = [entry.name for entry in (self.path / "snapshots").iterdir()]
        except OSError:
            return []
        steps = sorted(int(name) for name in names if _STEP.fullmatch(name))
        parts = ("snapshot.json", "weights.safetensors")
        return [step for step in steps if all((self.snapshot_dir(step) / part).is_file() for part in parts)]

    def snapshot_dir(self, step: int) -> Path:
        """The folder of the snapshot of a step, whether there is one or not."""
        return self.path / "snapshots" / str(int(step))

    def drop_snapshots_after(self, step: int) -> None:
        """Remove the snapshots of later steps: a resumed run makes them anew.

        Raises:
            OSError: If one cannot be removed.
        """
        for later in self.snapshots():
            if later > step:
                hidden = self.snapshot_dir(later).with_name(f".{later}-{secrets.token_hex(4)}")
                self.snapshot_dir(later).rename(hidden)
                shutil.rmtree(hidden)


def _refuse_occupied(path: Path) -> None:
    if (path / "config.json").exists():
        raise RunError(f"{path} already holds a run; {_way_on(path)}, or choose another folder")
    if any(entry.name != "lock" and not entry.name.startswith(".") for entry in path.iterdir()):
        raise RunError(f"{path} must be empty for a new run, and holds other files; choose another folder")


def _way_on(path: Path) -> str:
    """How to go on with the run that a folder holds."""
    try:
        is_watched = Run.open(path).config.model.network == "external"
    except RunError:
        return "open it in the dashboard to see what is wrong with it"
    return "it is a watched one" if is_watched else f"go on with `vae train --resume {path}`"


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("latent-lab", "torch"):
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
