"""A run's training script as a file, with its images beside it where its words alone cannot name them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vae.data.dataset import Dataset
from vae.data.types import Progress
from vae.runs.metrics import MetricsReader
from vae.runs.run import Run
from vae.runs.run_dataset import images_of
from vae.storage.atomic import replacing, sweep
from vae.training.training_script import needs_images_file, training_script


@dataclass(frozen=True)
class WrittenScript:
    """What was written.

    Attributes:
        files: The script, then the file of its images, if there is one.
        warnings: In which ways the script's training differs from what happened to the run, each a sentence.
    """

    files: tuple[Path, ...]
    warnings: tuple[str, ...] = ()


def write_script(run: Run, path: Path, *, progress: Progress | None = None) -> WrittenScript:
    """Write a script that trains the configuration of a run; whole or not at all.

    Args:
        run: An opened run.
        path: Where to; images go beside it, into a file called like it that ends in ``.bin``.
        progress: Told of slow steps while images are read.

    Raises:
        UserError: If its code is not known, see `vae.training.training_script.training_script`.
        DataError: If the script needs images that are not there.
        OSError: If it cannot be written.
    """
    images, dataset = path.with_suffix(".bin"), None
    if needs_images_file(run.config):
        dataset = images_of(run, progress=progress)
    max_value = 255 if dataset is None else dataset.max_value
    text = training_script(run.config, run.info, images_file=images.name, max_value=max_value)
    files: tuple[Path, ...] = (path,)
    if dataset is not None:
        _write_images(run, dataset, images)
        files = (path, images)
    with _whole(path) as file:
        file.write(text.encode())
    return WrittenScript(files, tuple(_differences(run)))


def _whole(path: Path) -> AbstractContextManager[BinaryIO]:
    folder = path.parent.resolve()
    sweep(folder, name=path.name)
    return replacing(folder / path.name)


def _write_images(run: Run, dataset: Dataset, path: Path) -> None:
    """The numbers alone, in the order of the machine's bytes: nothing that could be executed."""
    images, labels = dataset.part("train")
    with _whole(path) as file:
        if run.config.model.conditional and labels is not None:
            file.write(labels.numpy().astype("int64", copy=False).tobytes())
        file.write(images.numpy().tobytes())


def _differences(run: Run) -> list[str]:
    found = []
    _, lines, _ = MetricsReader(run.metrics_path).read()
    num = sum(line.get("event") == "beta" for line in lines)
    if num:
        times = "once" if num == 1 else f"{num} times"
        found.append(f"β was changed by hand {times} in this run; the script follows the configuration alone")
    if run.config.train.device not in ("auto", "cpu"):
        found.append("on another device than the CPU losses differ in their last digits")
    return found
