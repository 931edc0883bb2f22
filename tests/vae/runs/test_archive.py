"""A run as a zip file: the same run on the other side, and nothing else."""

from __future__ import annotations

import errno
import io
import json
import os
import random
import re
import stat
import struct
import threading
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import torch

import vae.runs.archive
from vae.config.schema import DataConfig, DataInfo, ModelConfig, RunConfig
from vae.models.vae import VAE
from vae.runs.archive import ArchiveError, export_run, import_run
from vae.runs.metrics import MetricsReader, MetricsWriter
from vae.runs.run import Run
from vae.runs.snapshots import cpu_weights
from vae.runs.status import Status
from vae.storage import safetensors_io
from vae.storage.atomic import write_json

INFO = DataInfo(
    channels=1,
    height=8,
    width=8,
    class_names=(),
    num_train=10,
    num_validation=0,
    num_test=10,
    fingerprint="",
)
LINE = {
    "split": "train",
    "step": 1,
    "epoch": 0.1,
    "seconds": 0.5,
    "beta": 1.0,
    "distortion": 20.0,
    "rate": 3.0,
    "elbo": -23.0,
    "rate_per_dim": [1.0, 2.0],
}


#: What a test puts into an archive, by name.
Content = dict[str | zipfile.ZipInfo, bytes | str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with something of everything, and with what does not belong into an archive."""
    data = DataConfig(name="npz", path=Path("/home/me/images.npz"), root=Path("/home/me/cache"))
    config = RunConfig(data=data, model=ModelConfig(hidden=(4,)))
    run = Run.create(tmp_path / "there" / "digits-1", config, INFO, name="β = 4")
    with MetricsWriter(run.metrics_path) as writer:
        writer.write(LINE)
    safetensors_io.save(run.checkpoints_dir, "last", {"model.x": torch.ones(1000)}, {"step": 1})
    safetensors_io.save(run.checkpoints_dir, "best", cpu_weights(VAE(config.model, INFO)))
    safetensors_io.save(run.snapshot_dir(1), "weights", {"x": torch.ones(10)})
    write_json(run.snapshot_dir(1) / "snapshot.json", {"step": 1})
    run.request(beta=4)
    run.write_status(Status(state="finished", step=1))
    for name in ("lock", "trainer.log", ".status.json.1-ab.tmp", "snapshots/1/decoder.onnx", "notes.txt"):
        (run.path / name).write_text("not this")
    (run.path / ".hidden").mkdir()
    (run.path / ".hidden" / "x.json").write_text("{}")
    (run.path / "outside.json").symlink_to("/etc/passwd")
    (run.path / "a" / "b" / "c" / "d").mkdir(parents=True)
    (run.path / "a" / "b" / "c" / "d" / "deep.json").write_text("{}")
    return run


BELONGS = [
    "checkpoints/best.safetensors",
    "checkpoints/last.safetensors",
    "config.json",
    "control.json",
    "name.json",
    "snapshots/1/snapshot.json",
    "snapshots/1/weights.safetensors",
    "status.json",
    "metrics.jsonl",
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "here"


def exported(run: Run) -> bytes:
    file = io.BytesIO()
    export_run(run, file)
    return file.getvalue()


def zipped(files: Content) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    file.seek(0)
    return file


def contents(run: Run) -> Content:
    return {name: (run.path / name).read_bytes() for name in BELONGS}


def assert_untouched(root: Path) -> None:
    assert not root.exists() or list(root.iterdir()) == []


# There and back


def test_a_run_arrives_as_it_was_sent(run: Run, root: Path) -> None:
    arrived = import_run(io.BytesIO(exported(run)), root)
    assert arrived.path == root / "digits-1" and Run.open(arrived.path).name == "β = 4"
    assert arrived.info == run.info and arrived.created == run.created and arrived.versions == run.versions
    for name in BELONGS:
        if name != "config.json":
            assert (arrived.path / name).read_bytes() == (run.path / name).read_bytes()
    assert sorted(
        p.relative_to(arrived.path).as_posix() for p in arrived.path.rglob("*") if p.is_file()
    ) == sorted(BELONGS)
    assert [entry.name for entry in root.iterdir()] == ["digits-1"]


def test_progress_of_an_archive_ends_with_all_of_its_bytes_and_can_call_it_off(run: Run) -> None:
    told: list[tuple[int, int]] = []
    export_run(run, io.BytesIO(), lambda done, total: told.append((done, total)))
    files = [path.stat().st_size for path in run.path.rglob("*") if path.is_file()]
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] <= sum(files)

    def call_off(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_run(run, io.BytesIO(), call_off)


def test_an_imported_run_says_so_and_forgets_where_downloads_were(run: Run, root: Path) -> None:
    arrived = import_run(io.BytesIO(exported(run)), root)
    assert arrived.imported and arrived.config.data.root is None
    assert arrived.config == run.config.replace(data=run.config.data.replace(root=None))
    again = import_run(io.BytesIO(exported(arrived)), root)
    assert again.imported and again.id == "digits-1-2"


def test_the_same_run_gives_the_same_bytes_with_the_history_last(run: Run) -> None:
    first = exported(run)
    os.utime(run.path / "config.json", (0, 0))
    assert exported(run) == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.namelist() == [f"digits-1/{name}" for name in BELONGS]
        assert archive.testzip() is None


def test_an_archive_goes_to_a_stream_that_cannot_go_back(run: Run, root: Path) -> None:
    class Stream(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.data += bytes(data)
            return len(data)

    stream = Stream()
    export_run(run, stream)  # type: ignore[arg-type]
    assert import_run(io.BytesIO(stream.data), root).id == "digits-1"


def test_an_archive_is_imported_from_a_path_too(run: Run, root: Path, tmp_path: Path) -> None:
    (tmp_path / "run.zip").write_bytes(exported(run))
    assert import_run(tmp_path / "run.zip", root).id == "digits-1"
    with pytest.raises(ArchiveError, match="does not exist"):
        import_run(tmp_path / "nothing.zip", root)


def test_a_run_is_exported_while_it_trains(run: Run, root: Path) -> None:
    done = threading.Event()

    def train() -> None:
        number = 1
        with MetricsWriter(run.metrics_path) as writer:
            while not done.is_set():
                number += 1
                writer.write({**LINE, "step": number})
                state = {"step": number, "metrics_offset": writer.offset}
                safetensors_io.save(
                    run.checkpoints_dir, "last", {"model.x": torch.full((99,), number)}, state
                )
                safetensors_io.save(run.snapshot_dir(number), "weights", {"x": torch.ones(10)})
                write_json(run.snapshot_dir(number) / "snapshot.json", {"step": number})
                if number > 5:
                    run.drop_snapshots_after(3)

    trainer = threading.Thread(target=train)
    trainer.start()
    try:
        for _ in range(5):
            arrived = import_run(io.BytesIO(exported(run)), root)
            tensors, state = safetensors_io.load(arrived.checkpoints_dir, "last")
            assert bool((tensors["model.x"] == state["step"]).all())
            assert arrived.metrics_path.stat().st_size >= state.get("metrics_offset", 0)
    finally:
        done.set()
        trainer.join()


@pytest.mark.parametrize("state", ["starting", "running", "paused", "queued"])
def test_a_run_that_was_training_elsewhere_is_interrupted_here(run: Run, root: Path, state: Any) -> None:
    run.write_status(Status(state=state, pid=1, host="elsewhere", heartbeat=2**40))
    assert import_run(io.BytesIO(exported(run)), root).status().state == "interrupted"


def test_a_run_whose_id_is_taken_gets_another_and_leaves_the_first_alone(run: Run, root: Path) -> None:
    data = exported(run)
    first = import_run(io.BytesIO(data), root)
    before = {p: p.read_bytes() for p in first.path.rglob("*") if p.is_file()}
    assert [import_run(io.BytesIO(data), root).id for _ in range(2)] == ["digits-1-2", "digits-1-3"]
    assert {p: p.read_bytes() for p in first.path.rglob("*") if p.is_file()} == before


def test_a_folder_that_somebody_zipped_by_hand_is_accepted(run: Run, root: Path) -> None:
    files: Content = {f"my-run/{name}": content for name, content in contents(run).items()}
    extra: Content = {
        "my-run/": b"",
        "my-run/checkpoints/": b"",
        "my-run/lock": b"",
        "my-run/.DS_Store": b"x",
    }
    arrived = import_run(zipped({**extra, **files, "__MACOSX/my-run/._config.json": b"x"}), root)
    assert arrived.id == "my-run" and not (arrived.path / "lock").exists()
    assert not (arrived.path / ".DS_Store").exists()


def test_files_without_a_folder_around_them_are_accepted(run: Run, root: Path) -> None:
    arrived = import_run(zipped(contents(run)), root)
    assert arrived.id.startswith("4-") or arrived.id.startswith("run-")
    assert arrived.name == "β = 4"


def test_a_run_too_large_to_be_imported_is_not_exported(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vae.runs.archive, "MAX_BYTES", 1000)
    with pytest.raises(ArchiveError, match="copy the run's folder instead"):
        exported(run)


# Archives that are none, or mean harm


def entry(name: str, **attributes: Any) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = name
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info


ESCAPES = [
    "../evil.json",
    "digits-1/../../evil.json",
    "digits-1/checkpoints/../../../evil.json",
    "/tmp/evil.json",
    "//evil.json",
    "C:/evil.json",
    "C:evil.json",
    "..\\evil.json",
    "digits-1\\evil.json",
    "\\\\server\\evil.json",
    "digits-1/evil.json\0.txt",
    "digits-1/config.json:stream.json",
]


@pytest.mark.parametrize("name", ESCAPES)
def test_a_path_that_leads_out_is_refused_and_nothing_is_written(run: Run, root: Path, name: str) -> None:
    around = root.parent
    before = sorted(around.rglob("*"))
    files: Content = {f"digits-1/{file}": content for file, content in contents(run).items()}
    with pytest.raises(ArchiveError, match="leads out of the run's folder; do not open this zip file"):
        import_run(zipped({**files, entry(name): b"{}"}), root)
    assert_untouched(root)
    assert [path for path in sorted(around.rglob("*")) if path != root] == before


@pytest.mark.parametrize(
    "name",
    [
        "digits-1/.hidden.json",
        "digits-1/.config.json.1-ab.tmp",
        "digits-1/a/b/c/deep.json",
        "digits-1/a b.json",
        "digits-1/ü.json",
        "digits-1/" + "x" * 200 + ".json",
        "digits-1/line\nbreak.json",
        "digits-1/~/x.json",
        "digits-1/-rf.json",
    ],
)
def test_a_path_that_no_run_has_is_refused(run: Run, root: Path, name: str) -> None:
    files: Content = {f"digits-1/{file}": content for file, content in contents(run).items()}
    with pytest.raises(ArchiveError, match="is not a path that a run has"):
        import_run(zipped({**files, entry(name): b"{}"}), root)
    assert_untouched(root)


@pytest.mark.parametrize(
    "name", ["evil.py", "weights.pt", "w.pkl", "decoder.onnx", "x.so", "trainer.log", "json"]
)
def test_a_file_of_another_type_is_refused(run: Run, root: Path, name: str) -> None:
    with pytest.raises(ArchiveError, match=r"a run holds \.json, \.jsonl, \.safetensors files"):
        import_run(zipped({**contents(run), name: b"x"}), root)
    assert_untouched(root)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_a_link_or_device_is_refused(run: Run, root: Path, kind: int) -> None:
    link = entry("outside.json", external_attr=(kind | 0o777) << 16, create_system=3)
    with pytest.raises(ArchiveError, match="is a link or device; do not open it"):
        import_run(zipped({**contents(run), link: b"/etc/passwd"}), root)
    assert_untouched(root)


def test_a_file_that_is_there_twice_is_refused(run: Run, root: Path) -> None:
    for name in ("config.json", "Config.json", "./config.json", "checkpoints//last.safetensors"):
        with pytest.warns(UserWarning) if name == "config.json" else nullcontext():
            file = zipped({**contents(run), entry(name): b"{}"})
        with pytest.raises(ArchiveError, match="must have each file once"):
            import_run(file, root)
        assert_untouched(root)


def test_a_file_that_is_also_a_folder_is_refused(run: Run, root: Path) -> None:
    with pytest.raises(ArchiveError, match="a file that is also a folder"):
        import_run(zipped({**contents(run), "status.json/x.json": b"{}"}), root)
    assert_untouched(root)


def test_an_encrypted_archive_is_refused(run: Run, root: Path) -> None:
    data = bytearray(zipped(contents(run)).getvalue())
    place = data.find(b"PK\x01\x02")
    data[place + 8] |= 1  # the flag in the table of contents
    with pytest.raises(ArchiveError, match="is encrypted"):
        import_run(io.BytesIO(data), root)
    assert_untouched(root)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(run: Run, root: Path, method: int) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in contents(run).items():
            archive.writestr(str(name), content)
    with pytest.raises(ArchiveError, match="is packed in a way that is not read here"):
        import_run(file, root)
    assert_untouched(root)


def test_what_is_too_large_unpacked_is_refused_by_what_comes_out(run: Run, root: Path) -> None:
    bomb = zipped({**contents(run), "metrics.jsonl": b" " * 5_000_000})
    assert len(bomb.getvalue()) < 100_000
    with pytest.raises(ArchiveError, match=r"at most 0\.0 GiB unpacked"):
        import_run(bomb, root, max_bytes=1_000_000)
    assert_untouched(root)


def test_a_size_that_lies_is_not_believed(run: Run, root: Path) -> None:
    data = bytearray(zipped({**contents(run), "zeros.json": b"0" * 5_000_000}).getvalue())
    place = data.rfind(b"PK\x01\x02")
    assert struct.unpack_from("<L", data, place + 24) == (5_000_000,)
    struct.pack_into("<L", data, place + 24, 10)  # unpacked size in the table of contents
    with pytest.raises(ArchiveError, match=r"damaged \(Bad CRC-32"):
        import_run(io.BytesIO(data), root, max_bytes=1_000_000)
    assert_untouched(root)


def test_too_many_files_are_refused(run: Run, root: Path) -> None:
    many: Content = {f"snapshots/{i}/x.json": b"" for i in range(2000)}
    with pytest.raises(ArchiveError, match=r"at most 2,000 entries, and has 2,009"):
        import_run(zipped({**contents(run), **many}), root)
    assert_untouched(root)


def test_a_table_of_contents_that_claims_to_be_huge_is_not_read(root: Path) -> None:
    class Counting(io.BytesIO):
        largest = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.largest = max(self.largest, size if size is not None and size >= 0 else 2**62)
            return super().read(size)

    size = 64 << 20
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 60_000, 60_000, size, 0, 0)
    file = Counting(bytes(size) + end)
    with pytest.raises(ArchiveError, match="list of contents must be at most 4,194,304 bytes"):
        import_run(file, root)
    assert file.largest <= 5 << 20
    assert_untouched(root)


@pytest.mark.parametrize("data", [b"", b"not a zip", b"PK\x03\x04", b"PK\5\6" + bytes(18), bytes(10_000)])
def test_what_is_no_archive_of_a_run_is_refused(root: Path, data: bytes) -> None:
    with pytest.raises(ArchiveError, match=r"not a zip file, or damaged|is not a run: it has no config"):
        import_run(io.BytesIO(data), root)
    assert_untouched(root)


@pytest.mark.parametrize(
    "files",
    [
        {"readme.json": "{}"},
        {"a/config.json": "{}", "b/config.json": "{}"},
        {"a/b/config.json": "{}"},
    ],
)
def test_an_archive_without_one_run_is_refused(root: Path, files: Content) -> None:
    with pytest.raises(ArchiveError, match=r"is not a run: it has no config\.json"):
        import_run(zipped(files), root)
    assert_untouched(root)


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


# What an archive may cost


def test_sizes_that_are_too_large_are_refused_before_anything_is_unpacked(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.runs.archive._unpack", None)
    with pytest.raises(ArchiveError, match=r"must have at most 0\.0 GiB unpacked"):
        import_run(zipped(contents(run)), root, max_bytes=1000)


def test_entries_that_share_their_bytes_are_refused(run: Run, root: Path) -> None:
    """As in David Fifield's zip bomb: many names for one packed file."""
    data = bytearray(zipped(contents(run)).getvalue())
    places = [match.start() for match in re.finditer(b"PK\x01\x02", bytes(data))]
    first = data[places[0] + 42 : places[0] + 46]
    for place in places[1:]:
        data[place + 42 : place + 46] = first
    with pytest.raises(ArchiveError, match=r"must have each byte once|damaged"):
        import_run(io.BytesIO(bytes(data)), root)
    assert not list(root.iterdir())


def test_headers_of_all_weights_together_are_bounded(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.runs.archive.HEADERS_BYTES", 1000)
    with pytest.raises(ArchiveError, match="headers of a run's weights files must have at most 1,000 bytes"):
        import_run(zipped(contents(run)), root)


def test_weights_too_large_to_be_shown_are_refused(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.runs.weights_file.WEIGHTS_BYTES", 100)
    with pytest.raises(ArchiveError, match="weights must have at most 100 bytes"):
        import_run(zipped(contents(run)), root)
