"""Archives of runs that are damaged or not whole, and disks that fill up: refused, with nothing left."""

from __future__ import annotations

import errno
import io
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from tests.support.archives import (
    BELONGS,
    INFO,
    LINE,
    Content,
    assert_untouched,
    contents,
    exported,
    zipped,
)
from vae.config.schema import ModelConfig
from vae.models.vae import VAE
from vae.runs.archive import ArchiveError, export_run, import_run
from vae.runs.metrics import MetricsReader
from vae.runs.run import Run
from vae.runs.snapshots import cpu_weights
from vae.storage import safetensors_io


def changed_config(run: Run, **changes: Any) -> str:
    return json.dumps({**json.loads((run.path / "config.json").read_text()), **changes})


DAMAGES: dict[str, tuple[Callable[[Run], Content], str]] = {
    "config": (lambda _: {"config.json": "{"}, "is not JSON"),
    "newer": (lambda run: {"config.json": changed_config(run, format=2)}, "upgrade latent-lab"),
    "metrics": (lambda _: {"metrics.jsonl": "garbage\n"}, "no line that can be read"),
    "checkpoint": (lambda _: {"checkpoints/best.safetensors": b"x" * 100}, r"best\.safetensors is damaged"),
    "snapshot": (lambda _: {"snapshots/1/weights.safetensors": b""}, r"weights\.safetensors is damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_is_refused(run: Run, root: Path, damage: str) -> None:
    change, sentence = DAMAGES[damage]
    with pytest.raises(ArchiveError, match=sentence) as caught:
        import_run(zipped({**contents(run), **change(run)}), root)
    assert "\n" not in str(caught.value)
    assert_untouched(root)


WEIGHTS = [name for name in BELONGS if name.endswith(".safetensors")]


def test_a_run_without_weights_is_refused(run: Run, root: Path) -> None:
    files = {name: content for name, content in contents(run).items() if name not in WEIGHTS}
    with pytest.raises(
        ArchiveError, match="holds no good run: a run must have weights, got none; export it again after"
    ):
        import_run(zipped(files), root)
    assert_untouched(root)


@pytest.mark.parametrize("kept", ["best", "last", "weights"])
def test_weights_of_another_model_are_refused(run: Run, root: Path, kept: str) -> None:
    (path,) = (run.path / name for name in WEIGHTS if Path(name).stem == kept)
    prefix = "model." if kept == "last" else ""
    files = {
        name: data for name, data in contents(run).items() if name not in WEIGHTS or Path(name).stem == kept
    }
    for width, fits in ((5, False), (4, True)):
        weights = cpu_weights(VAE(ModelConfig(hidden=(width,)), INFO))
        safetensors_io.save(
            path.parent, kept, {f"{prefix}{name}": tensor for name, tensor in weights.items()}
        )
        archive = zipped({**files, path.relative_to(run.path).as_posix(): path.read_bytes()})
        if fits:
            assert import_run(archive, root).path.is_dir()
            continue
        with pytest.raises(
            ArchiveError, match=r"must have .* and has .*; the weights and the config are not"
        ):
            import_run(archive, root)
        assert_untouched(root)


def test_a_config_that_claims_a_huge_model_is_refused(run: Run, root: Path) -> None:
    config = json.loads((run.path / "config.json").read_text())["config"]
    config["model"]["hidden"] = [8192] * 8
    info = {**INFO.to_dict(), "channels": 3, "height": 1024, "width": 1024}
    huge = changed_config(run, config=config, info=info)
    with pytest.raises(ArchiveError, match="the weights and the config are not of one run"):
        import_run(zipped({**contents(run), "config.json": huge}), root)
    assert_untouched(root)


def test_garbage_in_status_control_and_name_does_no_harm(run: Run, root: Path) -> None:
    garbage: Content = {
        "status.json": "[" * 5000,
        "control.json": '{"beta": -1}',
        "name.json": '{"name": "a\\u0000b"}',
        "metrics.jsonl": b"\xff\n"
        + json.dumps(LINE).encode()
        + b'\n{"split": "train", "step": 1e999}\n{"torn',
    }
    arrived = import_run(zipped({**contents(run), **garbage}), root)
    assert (
        arrived.status().state == "unknown" and arrived.control().beta is None and arrived.name == arrived.id
    )
    assert MetricsReader(arrived.metrics_path).read()[1] == [LINE]


def test_archives_with_bytes_changed_or_missing_are_imported_or_refused_with_nothing_left(
    run: Run, root: Path
) -> None:
    data = zipped(contents(run)).getvalue()
    source = random.Random(0)
    for number in range(150):
        changed = bytearray(data)
        for _ in range(source.randint(1, 4)):
            # Half of the changes in the table of contents, where they hurt.
            begin = data.find(b"PK\x01\x02") if number % 2 else 0
            changed[source.randrange(begin, len(changed))] = source.randrange(256)
        if number % 5 == 0:
            changed = changed[: source.randrange(len(changed))]
        try:
            import_run(io.BytesIO(changed), root).delete()
        except ArchiveError as error:
            assert "\n" not in str(error) and str(error)
        assert_untouched(root)


def test_a_full_disk_while_unpacking_leaves_nothing(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = exported(run)
    original = Path.open

    def full(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if mode == "xb" and path.name == "last.safetensors":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return original(path, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(ArchiveError, match="the disk is full"):
        import_run(io.BytesIO(data), root)
    assert_untouched(root)


def test_a_full_disk_while_exporting_is_told(run: Run) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any, /) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    file: BinaryIO = Full()
    with pytest.raises(ArchiveError, match="the disk is full"):
        export_run(run, file)


def test_what_a_killed_import_left_is_removed_a_day_later(run: Run, root: Path) -> None:
    for name, age in (("old", 2), ("new", 0)):
        left = root / f".import-{name}"
        left.mkdir(parents=True)
        stamp = left.stat().st_mtime - age * 86_400
        os.utime(left, (stamp, stamp))
    import_run(io.BytesIO(exported(run)), root)
    assert sorted(entry.name for entry in root.iterdir()) == [".import-new", "digits-1"]
