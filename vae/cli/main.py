"""The `vae` command: the parser, and the commands that neither train nor measure.

A user's error is one sentence on standard error and exit code 2. Imports no torch before a command needs it, so that
`vae --help` is quick.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import tyro
from tyro.conf import FlagCreatePairsOff, Positional, UseAppendAction, arg, subcommand

from vae.cli.lesson import LessonCommand
from vae.cli.measure import Evaluate, Leak
from vae.cli.output import showing_all, tell, unboxed
from vae.cli.parser import Flag, Impossible, OptionalPath, registry
from vae.cli.progress import Bar
from vae.cli.sweep import Sweep
from vae.cli.train import AtWord, Reproduce, RunDir, Train, weights_at
from vae.config.registries import load_plugins
from vae.errors import UserError, clean, memory_sentence
from vae.runtime.cpu_threads import share_cores

if TYPE_CHECKING:
    from vae.runs.run import Run

DESCRIPTION = """Train variational autoencoders, evaluate them, and look at them in the dashboard.

  vae train --run-dir runs/a --data.name digits --model.latent-dim 2
  vae train --resume runs/a
  vae evaluate runs/a
  vae dashboard --runs runs

Each command has its own --help. Errors are one sentence, with exit code 2."""

DownloadName = Literal["mnist", "fashion-mnist", "kmnist", "emnist"]


@dataclass(frozen=True)
class Export:
    """Write a run's networks as ONNX, the whole run as a zip, or its training as one script."""

    run_dir: RunDir
    """The run directory."""
    to: OptionalPath = None
    """Folder for decoder.onnx and encoder.onnx, or a file that ends in .zip."""
    code: OptionalPath = None
    """File for a readable script that trains this configuration with torch alone."""
    at: AtWord = "best"
    """Which weights, for ONNX: best, last, or the step of a snapshot."""

    def __call__(self) -> None:
        from vae.runs.run import Run

        if self.to is None and self.code is None:
            raise UserError(
                "export needs a place to write to, got none; use --to FOLDER, --to FILE.zip or --code FILE.py"
            )
        run = Run.open(self.run_dir)
        if self.code is not None:
            self._script(run, self.code)
        if self.to is None:
            return
        if self.to.suffix == ".zip":
            self._zip(run, self.to)
        else:
            self._networks(run, self.to)

    @staticmethod
    def _script(run: Run, path: Path) -> None:
        from vae.training.script_file import write_script

        with Bar() as bar:
            written = write_script(run, path, progress=bar.file)
        for sentence in written.warnings:
            tell(f"warning: {sentence}")
        for file in written.files:
            print(file)

    @staticmethod
    def _zip(run: Run, path: Path) -> None:
        from vae.runs.archive import export_run
        from vae.storage.atomic import replacing, sweep

        if complaint := run.complaint():
            tell(f"warning: left out: {complaint}")
        sweep(path.parent.resolve(), name=path.name)
        with replacing(path.parent.resolve() / path.name) as file:
            export_run(run, file)
        print(path)

    def _networks(self, run: Run, folder: Path) -> None:
        from vae.export.onnx import decoder_onnx, encoder_onnx
        from vae.runs.snapshots import load_model
        from vae.storage.atomic import replacing, sweep

        model = load_model(run, weights_at(self.at))
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in (("decoder", decoder_onnx(model)), ("encoder", encoder_onnx(model))):
            path = folder / f"{name}.onnx"
            sweep(path.parent.resolve(), name=path.name)
            with replacing(path.parent.resolve() / path.name) as file:
                file.write(content)
            print(path)


@dataclass(frozen=True)
class Share:
    """Write runs as a static site that anyone can explore without a server, in a folder or in one HTML file."""

    runs: Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN...")]
    """The run directories."""
    to: OptionalPath = None
    """Folder for the site; not there yet, or empty."""
    single_file: OptionalPath = None
    """One HTML file instead, which opens from disk."""
    with_images: Flag = False
    """Share the test images themselves too; without it, no image of the dataset goes along."""
    licence: str = ""
    """What the site says of the images' licence."""
    lesson: UseAppendAction[tuple[str, ...]] = ()
    """A lesson to show beside the runs: its file, or the name of one that comes with Latent Lab; may be given again."""
    max_mb: float = 25.0
    """Most megabytes; snapshots that do not fit are left out."""

    def __call__(self) -> None:
        if (self.to is None) == (self.single_file is None):
            got = "neither" if self.to is None else "both"
            raise UserError(
                f"share needs one place to write to, got {got}; use --to FOLDER or --single-file FILE.html"
            )
        from vae.browser.share import share
        from vae.browser.shared_lesson import find_lesson
        from vae.runs.run import Run

        target = self.to if self.single_file is None else self.single_file
        assert target is not None
        runs = [Run.open(path) for path in self.runs]
        if self.with_images and not self.licence:
            tell(
                "warning: say under which licence the images are with --licence TEXT; the site says that none was given"
            )
        lessons = [find_lesson(words) for words in self.lesson]
        found = share(
            runs,
            target,
            lessons=lessons,
            single_file=self.single_file is not None,
            with_images=self.with_images,
            licence=self.licence,
            max_mb=self.max_mb,
            progress=lambda words, done, _: None if done else tell(words),
        )
        for sentence in found.left_out:
            tell(f"left out: {sentence}")
        print(f"{found.path} ({found.num_bytes / 1e6:.1f} MB)")


@dataclass(frozen=True)
class Import:
    """Unpack a run's zip, checked and bounded, into a folder of runs."""

    file: Annotated[Positional[Path], arg(metavar="FILE.zip")]
    """The zip that `vae export` or the dashboard wrote."""
    runs: Annotated[Path, arg(metavar="DIR")] = Path("runs")
    """Folder of runs."""

    def __call__(self) -> None:
        from vae.runs.archive import import_run

        print(import_run(self.file, self.runs).path)


@dataclass(frozen=True)
class Download:
    """Download a dataset through torchvision, checksums checked."""

    name: Positional[DownloadName]
    """Which one."""
    root: OptionalPath = None
    """Where to; without it, the user's cache folder."""

    def __call__(self) -> None:
        from vae.data.readers.torchvision import default_root, download

        root = self.root or default_root()
        with Bar() as bar:
            download(self.name, root, bar.file)
        print(root)


@dataclass(frozen=True)
class ListData:
    """The datasets, and which of them are downloaded."""

    root: OptionalPath = None
    """Folder of downloaded sets; without it, the user's cache folder."""
    json: Flag = False
    """Print one JSON object on standard output."""

    def __call__(self) -> None:
        from vae.data.readers.torchvision import default_root, is_downloaded

        root = self.root or default_root()
        there = {"digits": True, **{name: is_downloaded(name, root) for name in get_args(DownloadName)}}
        if self.json:
            print(json.dumps({"root": str(root), "on_this_machine": there}))
            return
        for name, is_there in there.items():
            print(f"{name:14} {'here' if is_there else f'not downloaded: vae data download {name}'}")


@dataclass(frozen=True)
class CheckData:
    """Read your own images as a run would, and print the layout, the parts, and what was left out."""

    path: Positional[Path]
    """Your .npz file or image folder."""
    json: Flag = False
    """Print one JSON object on standard output."""

    def __call__(self) -> None:
        from vae.config.schema import DataConfig
        from vae.data.dataset import load_dataset

        config = DataConfig(name="folder" if self.path.is_dir() else "npz", path=self.path)
        with Bar() as bar:
            dataset = load_dataset(config, progress=bar.file)
        info = dataset.info()
        parts = {"train": info.num_train, "validation": info.num_validation, "test": info.num_test}
        columns = [column.name for column in dataset.columns.found]
        if self.json:
            values = info.to_dict()
            del values["reading"]
            print(json.dumps({**values, "data": info.reading.answer(), "columns": columns}))
            return
        for sentence in info.reading.remarks():
            print(sentence)
        print(f"parts: {', '.join(f'{num:,} for {part}' for part, num in parts.items())}")
        if columns:
            print(f"columns: {', '.join(columns)}")
        for sentence in info.reading.warnings():
            tell(f"warning: {sentence}")


@dataclass(frozen=True)
class Data:
    """Datasets: what is downloaded, downloads, and a look at your own."""

    action: Annotated[
        Annotated[Download, subcommand("download")]
        | Annotated[ListData, subcommand("list")]
        | Annotated[CheckData, subcommand("check")],
        arg(name=""),
    ]

    def __call__(self) -> None:
        self.action()


@dataclass(frozen=True)
class Dashboard:
    """Start the app on a folder of runs, those of trainers at work included."""

    runs: Annotated[Path, arg(metavar="DIR")] = Path("runs")
    """Folder of runs; new ones go there too."""
    lessons: OptionalPath = None
    """Folder of lessons of your own, shown beside those that come with the app."""
    port: int = 8501
    """Port to listen on."""
    address: str = "localhost"
    """Address to listen on; anything but localhost shows your runs to your network."""
    no_browser: Flag = False
    """Open no browser window."""

    def __call__(self) -> None:
        from vae.runtime.ports import check_port

        if self.runs.exists() and not self.runs.is_dir():
            raise UserError(f"--runs must be a folder, got the file {self.runs}; give a folder of runs")
        if self.lessons is not None and not self.lessons.is_dir():
            raise UserError(
                f"--lessons must be a folder, got {self.lessons}, which is none; give a folder of .md files"
            )
        found = importlib.util.find_spec("dashboard")
        if found is None or found.origin is None:
            raise UserError("the dashboard package must be installed, got none; run `pip install latent-lab`")
        check_port(self.address, self.port)
        os.environ["LATENT_LAB_RUNS"] = str(self.runs.resolve())
        if self.lessons is not None:
            os.environ["LATENT_LAB_LESSONS"] = str(self.lessons.resolve())
        flags = {
            "server.port": self.port,
            "server.address": self.address,
            "server.headless": str(self.no_browser).lower(),
        }
        app = Path(found.origin).with_name("app.py")
        words = [f"--{name}={value}" for name, value in flags.items()]
        os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(app), *words])


Command = (
    Annotated[Train, subcommand("train")]
    | Annotated[Evaluate, subcommand("evaluate")]
    | Annotated[Leak, subcommand("leak")]
    | Annotated[Sweep, subcommand("sweep")]
    | Annotated[Reproduce, subcommand("reproduce")]
    | Annotated[Export, subcommand("export")]
    | Annotated[Share, subcommand("share")]
    | Annotated[Import, subcommand("import")]
    | Annotated[Data, subcommand("data")]
    | Annotated[LessonCommand, subcommand("lesson")]
    | Annotated[Dashboard, subcommand("dashboard")]
)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a user's error ends with exit code 2 and one sentence."""
    share_cores()
    try:
        load_plugins()
        command = _parsed(sys.argv[1:] if arguments is None else arguments)
        with showing_all():
            command()
    except (UserError, Impossible) as error:
        _leave(str(error))
    except BrokenPipeError:
        # Whoever read our output has enough of it; Python would complain once more when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        from vae.storage.atomic import disk_sentence

        _leave(disk_sentence(error))
    except (MemoryError, RuntimeError) as error:
        sentence = memory_sentence(error)
        if sentence is None:
            raise
        _leave(sentence)
    except KeyboardInterrupt:
        sys.exit(130)


def _parsed(arguments: list[str]) -> Any:
    """The command that the words mean.

    Raises:
        Impossible: If they mean none: what the parser puts into a box is said as one sentence.
    """
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return tyro.cli(
                Command,
                prog="vae",
                description=DESCRIPTION,
                args=arguments,
                config=(FlagCreatePairsOff,),
                registry=registry,
            )
    except SystemExit as end:
        if not end.code:
            raise
        raise Impossible(unboxed(said.getvalue())) from None


def _leave(sentence: str) -> None:
    tell(f"error: {clean(sentence)}")
    sys.exit(2)
