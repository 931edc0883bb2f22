"""The run directory: the one thing that connects a trainer with those who watch and steer it.

::

    <run id>/
      config.json           what the run is: format version, RunConfig, DataInfo, when and by what it was made
      name.json             its display name, once it has one
      metrics.jsonl         its history, see `vae.runs.metrics`
      control.json          what the user wants, see `vae.runs.status`
      status.json           what the trainer does, see `vae.runs.status`
      lock                  held while a trainer is at work, see `vae.storage.locking`
      live.safetensors      the newest weights, to look at while it trains
      latent.safetensors    where the best weights put the test images
      checkpoints/          last.safetensors and best.safetensors, see `vae.storage.safetensors_io`
      snapshots/<step>/     what the time machine shows
      images.npz            the images, if `vae.watch` was handed them as arrays
      watch.json            what `vae.watch` found out about the user's networks

Every file but the history and the lock is replaced atomically. What is read here may come from somebody
else's run: it is checked, and nothing in it is executed.
"""

from __future__ import annotations

import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

from vae.config.registry import reading_a_run
from vae.config.schema import DataConfig, DataInfo, RunConfig, TrainConfig
from vae.errors import UserError, clean
from vae.runs.cleanup import DELETED, sweep_runs
from vae.runs.folder import RunFolder
from vae.runs.identity import identity_in, new_identity
from vae.runs.naming import RunError, checked_name, read_name, run_folder
from vae.runtime import html
from vae.storage.atomic import disk_sentence, read_json, write_json

#: Version of the run directory that this code writes, and the newest that it reads.
FORMAT = 1


@dataclass(eq=False)
class Run(RunFolder):
    """One run directory, opened. `create` and `open` make it."""

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

    def show(self, data: Any = None, **options: Any) -> Any:
        """The run in a notebook's cell, as `vae.show` shows it: sliders, image, map and curves."""
        import vae

        return vae.show(self, data, **options)

    def _repr_html_(self) -> str:
        """A card of what the run is and how far it has come, in a notebook."""
        status, model, info = self.status(), self.config.model, self.info
        rows: dict[str, object] = {
            "folder": self.path,
            "state": status.state,
            "step": f"{status.step:,} of {status.num_steps:,}" if status.num_steps else None,
            "data": self.config.data.name,
            "images": f"{info.channels} × {info.height} × {info.width}, {info.num_train:,} for training",
            "model": f"{model.network}, {model.latent_dim} latent dimensions, {model.likelihood}",
            "created": self.created,
        }
        if status.error:
            rows["error"] = status.error
        words = html.paragraph(
            "run.show() draws it; vae.diagnose(run) says what is wrong with it, if anything is."
        )
        return html.card(f"Run {self.name}", html.table(rows), words)

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
        is_new, run._is_new = not path.exists(), True
        try:
            path.mkdir(parents=True, exist_ok=True)
            _refuse_occupied(path)  # before a lock is left in somebody's folder
            with run.lock():  # two that create at once: one does, the other finds a run
                _refuse_occupied(path)
                try:
                    if name is not None:
                        write_json(path / "name.json", {"name": run.name})
                    run._write_config()
                    run._is_new = False
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
        try:
            if not path.is_dir():
                raise RunError(f"there is no run at {path}; `vae train --run-dir {path}` makes one")
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
        with reading_a_run():
            config = RunConfig.from_dict(values.get("config"))
        info = DataInfo.from_dict(values.get("info"))
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
            identity=identity_in(values),
        )

    def mark_imported(self) -> None:
        """Make a run from another machine this one's, before it is put among the others.

        Its download folder is forgotten, it is another run than the one it was made from, and a trainer that was at
        work on it counts as interrupted.

        Raises:
            OSError: If the disk is full or not writable.
        """
        self.config = self.config.replace(data=self.config.data.replace(root=None))
        self.imported, self.placed, self.identity = True, False, new_identity()
        self._write_config()
        status = self.status_as_written()
        if status.is_active or status.state == "queued":
            self.write_status(status.replace(state="interrupted"))

    def _write_config(self) -> None:
        values: dict[str, Any] = {
            "format": FORMAT,
            "config": self.config.to_dict(),
            "info": self.info.to_dict(),
            "created": self.created,
            "versions": self.versions,
            "identity": self.identity,
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
        with self.changing():
            write_json(self.path / "name.json", {"name": name})
        self.name = name

    def extend(self, epochs: int) -> None:
        """Let the run train so many epochs more than it was made for.

        Raises:
            ConfigError: If that is not from 1, or too many.
            RunError: If a trainer is at work on it, or it cannot be written.
        """
        more = TrainConfig(epochs=epochs).epochs
        with self._changing_config():
            train = self.config.train.replace(epochs=self.config.train.epochs + more)
            self.config = self.config.replace(train=train)

    def amend(self, config: RunConfig) -> None:
        """Put right what its trainer did not know of a watched run when it began; for the one who holds its lock.

        Raises:
            RunError: If it cannot be written.
        """
        with self.changing():
            now = Run.open(self.path)
            self.config = config.replace(data=now.config.data)
            self.imported, self.placed = now.imported, now.placed
            self._write_config()

    def place_images(self, data: DataConfig) -> None:
        """Keep where the run's images are now, found to be the same ones by `images_of`.

        Args:
            data: The run's own, with another `path` or `root`.
        Raises:
            RunError: If a trainer is at work on it, or it cannot be written.
        """
        data = data.absolute()
        assert data == self.config.data.replace(path=data.path, root=data.root), "only the places may change"
        if data == self.config.data and not self.has_foreign_paths:
            return
        with self._changing_config():
            self.config, self.placed = self.config.replace(data=data), True

    @contextmanager
    def _changing_config(self) -> Iterator[None]:
        """Change what is the config's, and what another process has changed of it since this was opened stays."""
        with self.lock(), self.changing():
            now = Run.open(self.path)
            self.config, self.imported, self.placed = now.config, now.imported, now.placed
            yield
            self._write_config()

    def fail(self, sentence: str) -> None:
        """Say that the run ended by an error, unless its trainer has said how it ended, or another is at work.

        Raises:
            RunError: If it cannot be written.
        """
        with self.changing_status() as status:
            if status is not None and (status.is_active or status.state in ("new", "queued")):
                self.write_status(status.replace(state="failed", error=sentence))

    def delete(self) -> None:
        """Remove the run and all that is in it, links unfollowed.

        Raises:
            RunError: If a trainer is at work on it, it is a link to elsewhere, or it cannot be removed.
        """
        if self.is_link:
            raise RunError(f"run {self.id!r} is a link to a folder elsewhere; remove the link by hand")
        hidden = self.path.with_name(f"{DELETED}{self.id}-{secrets.token_hex(4)}")
        try:
            with self.lock():
                self.path.rename(hidden)  # gone at once for everybody, however long the removal takes
            sweep_runs(self.path.parent)  # this one, and what a killed removal left
        except OSError as error:
            raise RunError(disk_sentence(error)) from error


def _refuse_occupied(path: Path) -> None:
    if (path / "config.json").exists():
        raise RunError(f"{path} already holds a run; {_way_on(path)}, or choose another folder")
    # A name without a run is what one left that was killed while it made the run.
    left = ("lock", "name.json")
    if any(entry.name not in left and not entry.name.startswith(".") for entry in path.iterdir()):
        raise RunError(f"{path} must be empty for a new run, and holds other files; choose another folder")


def _way_on(path: Path) -> str:
    """How to go on with the run that a folder holds."""
    try:
        is_watched = Run.open(path).config.model.network == "external"
    except RunError:
        return "open it in the dashboard to see what is wrong"
    return (
        "continue watching with resume=True" if is_watched else f"continue with `vae train --resume {path}`"
    )


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("latent-lab", "torch"):
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
