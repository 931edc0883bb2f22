"""The run directory: making, opening, naming, listing, locking, steering and deleting runs."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

import vae.storage.atomic
from tests.support.disks import small_disk
from vae.config.base import ConfigError
from vae.config.schema import DataConfig, DataInfo, RunConfig
from vae.errors import UserError
from vae.runs.listing import BrokenRun, find_run, free_id, list_runs, new_run_id
from vae.runs.naming import RunError
from vae.runs.run import Run
from vae.runs.status import Control, Status, this_host
from vae.storage.atomic import disk_sentence, parse_json, read_json, replacing, sweep, write_json

CONFIG = RunConfig(data=DataConfig(name="npz", path=Path("/somewhere/images.npz"), root=Path("/cache")))
INFO = DataInfo(
    channels=1,
    height=8,
    width=8,
    class_names=tuple("0123456789"),
    num_train=1294,
    num_validation=143,
    num_test=360,
    fingerprint="0123456789abcdef",
)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "a", CONFIG, INFO)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB that can really be full."""
    with small_disk(tmp_path / "tiny", 64) as place:
        yield place


def start_holder(path: Path) -> subprocess.Popen[str]:
    """A process that holds the lock of the run and says so, until it is killed."""
    code = f"""
import time
from vae.runs.run import Run
with Run.open({str(path)!r}).lock():
    print("held", flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


@pytest.fixture
def holder(run: Run) -> Iterator[subprocess.Popen[str]]:
    process = start_holder(run.path)
    yield process
    process.kill()
    process.communicate()


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# Making and opening


def test_a_run_opens_as_it_was_created(tmp_path: Path) -> None:
    made = Run.create(tmp_path / "a", CONFIG, INFO, name="β = 4 · 数字")
    opened = Run.open(tmp_path / "a")
    for attribute in ("path", "id", "config", "info", "name", "created", "versions", "imported"):
        assert getattr(opened, attribute) == getattr(made, attribute)
    assert opened.id == "a" and opened.name == "β = 4 · 数字" and not opened.imported
    assert opened.versions["python"].startswith("3.")


def test_a_run_without_a_name_shows_its_id(run: Run) -> None:
    assert run.name == "a" and Run.open(run.path).name == "a"


def test_importing_the_run_directory_does_not_import_torch() -> None:
    code = "import sys, vae.runs.listing, vae.runs.metrics; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_folder_with_files_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="must be empty"):
        Run.create(tmp_path / "a", CONFIG, INFO)
    assert (tmp_path / "a" / "thesis.txt").read_text() == "mine"


def test_a_run_is_not_created_twice_and_the_message_says_how_to_go_on(run: Run) -> None:
    before = files_of(run.path)
    with pytest.raises(RunError, match=r"already holds a run; continue with `vae train --resume"):
        Run.create(run.path, RunConfig(), INFO)
    assert files_of(run.path) == before


def test_an_empty_folder_may_become_a_run(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert Run.create(tmp_path / "a", CONFIG, INFO).id == "a"


def test_of_several_that_create_one_run_at_once_exactly_one_does(tmp_path: Path) -> None:
    outcomes: list[str] = []

    def create() -> None:
        try:
            Run.create(tmp_path / "a", CONFIG, INFO)
            outcomes.append("made")
        except RunError:
            outcomes.append("refused")

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made"] + ["refused"] * 7


@pytest.mark.parametrize(
    "folder",
    [".hidden", "a b", "-a", "ä", "a" * 81, "a\nb", "a:b", "con*", "a\0b"],
    ids=lambda name: repr(name)[:12],
)
def test_a_folder_name_that_is_no_id_is_refused_with_the_rule(tmp_path: Path, folder: str) -> None:
    with pytest.raises(RunError, match="1 to 80 letters, digits"):
        Run.create(tmp_path / folder, CONFIG, INFO)
    with pytest.raises(RunError, match="1 to 80 letters, digits"):
        Run.open(tmp_path / folder)
    assert list(tmp_path.iterdir()) == []


def test_a_relative_path_with_dots_is_taken_for_what_it_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    assert Run.create("x/../a", CONFIG, INFO).path == tmp_path / "a"
    assert Run.open("a").path == tmp_path / "a"


def break_config(run: Run, **changes: Any) -> None:
    values = json.loads((run.path / "config.json").read_text())
    (run.path / "config.json").write_text(json.dumps({**values, **changes}))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not JSON"),
        (b'{"format": 1, ', "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"format": NaN}', "NaN is not JSON"),
        (b"9" * 5000, "is not JSON"),
        (b" " * 1_000_001, "at most 1,000,000 bytes"),
        (b"[]", "no format version"),
        (b'{"format": true}', "no format version"),
        (b'{"format": 0}', "no format version"),
        (b'{"format": 1}', "must be a JSON object"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_broken_config_is_one_sentence(run: Run, content: bytes, sentence: str) -> None:
    (run.path / "config.json").write_bytes(content)
    with pytest.raises(RunError, match=sentence) as caught:
        Run.open(run.path)
    assert "run 'a' is broken" in str(caught.value) and "\n" not in str(caught.value)


def test_a_config_with_an_impossible_value_says_which(run: Run) -> None:
    config = CONFIG.to_dict()
    config["objective"]["beta"] = -1
    break_config(run, config=config)
    with pytest.raises(RunError, match=r"beta must be >= 0, got -1"):
        Run.open(run.path)


@pytest.mark.parametrize("created", [None, 5, "yesterday"])
def test_a_config_without_a_date_is_refused(run: Run, created: Any) -> None:
    break_config(run, created=created)
    with pytest.raises(RunError, match="when it was created"):
        Run.open(run.path)


def test_a_run_of_a_newer_version_asks_for_an_upgrade(run: Run) -> None:
    break_config(run, format=2, config={"something": "new"})
    with pytest.raises(
        RunError,
        match=r"written by a newer version \(format 2, this version reads up to 1\); upgrade latent-lab",
    ):
        Run.open(run.path)


def test_what_is_not_a_run_is_told_from_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no run at"):
        Run.open(tmp_path / "a")
    (tmp_path / "a").mkdir()
    with pytest.raises(RunError, match=r"is not a run, it has no config\.json"):
        Run.open(tmp_path / "a")
    (tmp_path / "b").write_text("a file")
    with pytest.raises(RunError, match="there is no run at"):
        Run.open(tmp_path / "b")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_in_place_of_a_file_does_not_block(run: Run) -> None:
    (run.path / "config.json").unlink()
    os.mkfifo(run.path / "config.json")
    with pytest.raises(RunError, match="must be a plain file"):
        Run.open(run.path)


# Names


def test_renaming_changes_the_display_name_and_nothing_else(run: Run) -> None:
    before = files_of(run.path)
    run.rename("  <b>Digits</b> & 🎉 ")
    assert run.name == Run.open(run.path).name == "<b>Digits</b> & 🎉"
    after = files_of(run.path)
    assert {name: content for name, content in after.items() if name != "name.json"} == before


@pytest.mark.parametrize(
    "name", ["", "   ", "x" * 81, "two\nlines", "tab\t", "\ud800", "a\u2028b", "\x1b[31mred"]
)
def test_a_name_that_is_none_is_refused(run: Run, name: str) -> None:
    run.rename("good")
    with pytest.raises(RunError, match="1 to 80 characters on one line"):
        run.rename(name if name.strip() == "" else f"x{name}x")
    assert Run.open(run.path).name == "good"


@pytest.mark.parametrize(
    "content", ["", "[]", '{"name": 5}', '{"name": "a\\nb"}', '{"nom": "a"}', '"name"', "null"]
)
def test_a_name_file_that_makes_no_sense_shows_the_id(run: Run, content: str) -> None:
    (run.path / "name.json").write_text(content)
    assert Run.open(run.path).name == "a"


# Lists


def test_runs_are_listed_newest_first_with_the_broken_ones_among_them(tmp_path: Path) -> None:
    for number, name in enumerate(["old", "new", "middle"]):
        created = Run.create(tmp_path / name, CONFIG, INFO)
        break_config(created, created=f"2025-01-0{[1, 3, 2][number]}T00:00:00+00:00")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    (tmp_path / "lost").mkdir()
    (tmp_path / "lost" / "metrics.jsonl").write_text("")
    (tmp_path / "notes").mkdir()
    (tmp_path / ".deleted-x").mkdir()
    (tmp_path / ".deleted-x" / "config.json").write_text("{")
    (tmp_path / "readme.txt").write_text("")
    found = list_runs(tmp_path)
    assert [run.id for run in found if isinstance(run, Run)] == ["new", "middle", "old"]
    broken = {run.id: run.sentence for run in found if isinstance(run, BrokenRun)}
    assert broken.keys() == {"broken", "lost"}
    assert "is not JSON" in broken["broken"] and "no config.json" in broken["lost"]


def test_dates_with_and_without_a_time_zone_sort_together(tmp_path: Path) -> None:
    for name, created in {
        "a": "2025-01-01T12:00:00",
        "b": "2025-01-01T12:00:00+02:00",
        "c": "0001-01-01",
    }.items():
        break_config(Run.create(tmp_path / name, CONFIG, INFO), created=created)
    assert [run.id for run in list_runs(tmp_path)] == ["a", "b", "c"]


def test_no_folder_means_no_runs(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "nowhere") == []


def test_listing_opens_only_small_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        run = Run.create(tmp_path / f"run-{number}", CONFIG, INFO, name="x")
        (run.path / "metrics.jsonl").write_text("{}\n" * 1000)
    opened: list[str] = []
    original = vae.storage.atomic.open_plain

    def opening(path: Path) -> BinaryIO:
        opened.append(path.name)
        return original(path)

    monkeypatch.setattr(vae.storage.atomic, "open_plain", opening)
    assert len(list_runs(tmp_path)) == 5
    assert sorted(opened) == ["config.json"] * 5 + ["name.json"] * 5


def test_a_run_is_found_in_the_first_folder_that_has_it(tmp_path: Path) -> None:
    Run.create(tmp_path / "one" / "a", CONFIG, INFO)
    Run.create(tmp_path / "two" / "a", CONFIG, INFO)
    Run.create(tmp_path / "two" / "b", CONFIG, INFO)
    roots = [tmp_path / "nowhere", tmp_path / "one", tmp_path / "two"]
    assert find_run("a", roots).path == tmp_path / "one" / "a"
    assert find_run("b", roots).path == tmp_path / "two" / "b"
    with pytest.raises(RunError, match="there is no run 'c'"):
        find_run("c", roots)


@pytest.mark.parametrize(
    "run_id", ["../b", "..", ".", "", "/etc", "b/../../b", "a\\b", "C:b", "b\0", "b\n", "%2e%2e"]
)
def test_an_id_never_leads_out_of_the_folder(tmp_path: Path, run_id: str) -> None:
    Run.create(tmp_path / "b", CONFIG, INFO)
    (tmp_path / "runs").mkdir()
    with pytest.raises(RunError, match="1 to 80 letters, digits"):
        find_run(run_id, [tmp_path / "runs"])


def test_a_new_id_is_made_of_the_words_and_is_free(tmp_path: Path) -> None:
    run_id = new_run_id(tmp_path, "Fashion MNIST, 2-D (β=4)! " + "x" * 100)
    assert re.fullmatch(r"fashion-mnist-2-d-4-x+-\d{8}-\d{6}", run_id) and len(run_id) <= 80
    assert new_run_id(tmp_path, "数字").startswith("run-")
    assert free_id(tmp_path, "a") == "a"
    (tmp_path / "A").mkdir()
    (tmp_path / "a-2").mkdir()
    assert free_id(tmp_path, "a") == "a-3"


# The lock


def test_a_second_trainer_is_refused_and_told_who_is_at_work(run: Run, holder: subprocess.Popen[str]) -> None:
    run.write_status(Status(state="running", pid=holder.pid, host=this_host(), heartbeat=time.time()))
    sentence = rf"a trainer \(pid {holder.pid} on .+\) is already working on run 'a'"
    with pytest.raises(RunError, match=sentence), run.lock():
        raise AssertionError("two trainers on one run")


def test_a_killed_trainer_leaves_the_run_free_and_interrupted(
    run: Run, holder: subprocess.Popen[str]
) -> None:
    run.write_status(Status(state="running", pid=holder.pid, host=this_host(), heartbeat=time.time()))
    assert run.is_locked() and run.status().state == "running"
    holder.kill()
    holder.wait()
    assert not run.is_locked() and run.status().state == "interrupted"
    with run.lock():
        assert run.is_locked()
    assert not run.is_locked()


def test_asking_for_the_lock_never_keeps_a_trainer_from_starting(run: Run) -> None:
    with run.lock():
        pass
    with (run.path / "lock").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # what one who asks does
        release = threading.Timer(0.2, fcntl.flock, (file, fcntl.LOCK_UN))
        release.start()
        with run.lock():
            assert run.is_locked()
        release.join()


def test_askers_do_not_take_each_other_for_a_trainer(run: Run) -> None:
    with run.lock():
        pass
    with (run.path / "lock").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # what one who asks does
        assert not run.is_locked()


def test_asking_makes_no_file(run: Run) -> None:
    (run.path / "lock").unlink()
    before = files_of(run.path)
    assert not run.is_locked() and run.status().state == "new"
    assert files_of(run.path) == before


def test_an_error_in_the_trainer_is_its_own_and_frees_the_run(run: Run) -> None:
    with pytest.raises(OSError, match="mine"), run.lock():
        raise OSError("mine")
    assert not run.is_locked()


def test_taking_the_lock_removes_what_killed_writers_left_but_not_what_is_being_written(run: Run) -> None:
    stale = [
        run.path / "checkpoints" / ".last.safetensors.1-ab.tmp",
        run.path / "snapshots" / ".7-ab" / "probe",
    ]
    old, new = run.path / ".status.json.1-ab.tmp", run.path / ".control.json.2-cd.tmp"
    for path in (*stale, old, new):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    os.utime(old, (0, 0))
    with run.lock():
        pass
    assert not any(path.exists() for path in (*stale, old)) and new.exists()


# Status and control


def test_a_status_is_read_as_it_was_written(run: Run) -> None:
    status = Status(
        state="finished",
        pid=5,
        host="h",
        heartbeat=1.5,
        step=7,
        epoch=0.5,
        num_steps=14,
        seconds=2.25,
        beta=4.0,
    )
    run.write_status(status)
    assert run.status() == status and Run.open(run.path).status() == status


GARBAGE = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'{"state": "dancing", "command": "dance"}',
    b'{"state": "running", "step": -1, "beta": -1}',
    b'{"state": "running", "heartbeat": 1e999, "beta": 1e999}',
    b'{"state": "running", "pid": "x", "steps": "x"}',
    b'{"state": "running", "unknown": 1}',
    b"\x00" * 64,
    b"[" * 5000,
    b"{" + b" " * 2_000_000,
]


@pytest.mark.parametrize("content", GARBAGE, ids=lambda content: repr(content[:20]))
def test_a_status_that_makes_no_sense_is_unknown(run: Run, content: bytes) -> None:
    (run.path / "status.json").write_bytes(content)
    assert run.status() == Status(state="unknown")


@pytest.mark.parametrize("content", GARBAGE, ids=lambda content: repr(content[:20]))
def test_a_control_that_makes_no_sense_means_the_defaults(run: Run, content: bytes) -> None:
    (run.path / "control.json").write_bytes(content)
    assert run.control() == Control()
    assert run.request(beta=2).beta == 2 and run.control().beta == 2


@pytest.mark.parametrize(
    ("host", "age", "state"),
    [
        ("elsewhere", 0, "running"),
        ("elsewhere", 60, "interrupted"),
        ("elsewhere", -3600, "interrupted"),  # a clock, or an author, not to be believed
        (this_host(), 0, "interrupted"),
    ],
)
def test_a_trainer_that_is_not_heard_of_counts_as_interrupted(
    run: Run, host: str, age: float, state: str
) -> None:
    run.write_status(Status(state="running", pid=1, host=host, heartbeat=time.time() - age))
    assert run.status().state == state


def test_a_request_changes_what_it_names_and_keeps_the_rest(run: Run) -> None:
    assert run.control() == Control(command="run", beta=None, steps=0, max_images_per_second=None)
    run.request(beta=4)
    run.request(command="pause")
    assert run.control() == Control(command="pause", beta=4)
    run.request(beta=None, max_images_per_second=100)
    assert run.control() == Control(command="pause", max_images_per_second=100)


def test_each_step_asked_for_counts_and_leaves_the_run_paused(run: Run) -> None:
    run.request(command="step")
    run.request(command="step")
    assert run.control() == Control(command="pause", steps=2)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"beta": -1}, "beta must be >= 0, got -1; use 0 to drop the KL term"),
        ({"beta": float("nan")}, "beta must be a finite number, got nan"),
        ({"beta": float("inf")}, "beta"),
        ({"command": "jump"}, "command must be one of"),
        ({"max_images_per_second": -5}, "max_images_per_second must be >= 0"),
        ({"betta": 1}, "betta is not an option"),
    ],
)
def test_a_request_that_breaks_a_rule_changes_nothing(
    run: Run, changes: dict[str, Any], sentence: str
) -> None:
    run.request(beta=2)
    with pytest.raises(ConfigError, match=sentence):
        run.request(**changes)
    assert run.control() == Control(beta=2)


def test_requests_of_several_tabs_at_once_are_all_kept(run: Run) -> None:
    threads = [threading.Thread(target=run.request, kwargs={"command": "step"}) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert run.control().steps == 20


# Snapshots


def test_snapshots_are_those_that_are_complete_in_order_of_steps(run: Run) -> None:
    for name in ("100", "20", "3", "007", "x", ".5", "-1", "1e3", "９"):
        folder = run.path / "snapshots" / name
        folder.mkdir(parents=True)
        (folder / "snapshot.json").write_text("{}")
        (folder / "weights.safetensors").write_bytes(b"")
    for step, part in ((50, "snapshot.json"), (60, "weights.safetensors")):  # not complete
        run.snapshot_dir(step).mkdir()
        (run.snapshot_dir(step) / part).write_bytes(b"{}")
    assert run.snapshots() == [3, 20, 100]
    run.drop_snapshots_after(20)
    assert run.snapshots() == [3, 20] and not run.snapshot_dir(100).exists()


def test_a_run_without_snapshots_has_none(run: Run) -> None:
    assert run.snapshots() == []
    run.drop_snapshots_after(0)


# Deleting


def test_a_deleted_run_is_gone(run: Run) -> None:
    (run.path / "checkpoints").mkdir()
    run.delete()
    assert list(run.path.parent.iterdir()) == []


def test_a_run_in_training_is_not_deleted(run: Run, holder: subprocess.Popen[str]) -> None:
    before = files_of(run.path)
    with pytest.raises(RunError, match="is already working on run 'a'; stop it first"):
        run.delete()
    assert files_of(run.path) == before


def test_deleting_follows_no_link(run: Run, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("kept")
    (run.path / "checkpoints").symlink_to(outside)
    (run.path / "link").symlink_to(outside / "precious")
    run.delete()
    assert (outside / "precious").read_text() == "kept" and not run.path.exists()


def test_a_run_that_is_a_link_is_not_deleted(run: Run, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(run.path)
    with pytest.raises(RunError, match="is a link"):
        Run.open(tmp_path / "linked").delete()
    assert Run.open(run.path).id == "a"


# Files


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(path, [0] * 1000)
    code = f"""
from pathlib import Path
from vae.storage.atomic import write_json
number = 0
while True:
    number += 1
    write_json(Path({str(path)!r}), [number] * 1000, durable=False)
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        seen: set[int] = set()
        deadline = time.monotonic() + 30
        while len(seen) < 20 and time.monotonic() < deadline:
            values = read_json(path)
            assert len(values) == 1000 and len(set(values)) == 1
            seen.add(values[0])
        assert len(seen) == 20
    finally:
        process.kill()
        process.wait()
    values = read_json(path)
    assert len(values) == 1000 and len(set(values)) == 1
    sweep(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "x.json"
    write_json(path, "old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if step == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left") as caught:
        write_json(path, "new")
    assert disk_sentence(caught.value) == (
        f"the disk is full: {path} could not be written; free some space and try again"
    )
    assert read_json(path) == "old" and [entry.name for entry in tmp_path.iterdir()] == ["x.json"]


def test_a_block_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert path.read_text() == "old" and [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_on_a_full_disk_a_run_keeps_what_it_has_and_the_sentence_says_so(tiny_disk: Path) -> None:
    run = Run.create(tiny_disk / "a", CONFIG, INFO)
    run.write_status(Status(state="running", step=1))
    run.request(beta=1)
    (tiny_disk / "filler").write_bytes(b"")
    with (tiny_disk / "filler").open("ab", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"x" * 4096)
    with pytest.raises(OSError, match="No space") as caught:
        run.write_status(Status(state="running", step=2))
    assert disk_sentence(caught.value).startswith(f"the disk is full: {run.path / 'status.json'}")
    for function in (
        lambda: run.request(beta=2),
        lambda: run.rename("x"),
        lambda: Run.create(tiny_disk / "b", CONFIG, INFO, name="b"),
    ):
        with pytest.raises(RunError, match="the disk is full"):
            function()
    assert run.status().step == 1 and run.control().beta == 1 and not (tiny_disk / "b").exists()
    assert sorted(files_of(run.path)) == ["config.json", "control.json", "lock", "status.json"]
    (tiny_disk / "filler").unlink()
    assert run.request(beta=2).beta == 2


def test_a_file_has_the_permissions_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        write_json(tmp_path / "x.json", 1)
    finally:
        os.umask(before)
    assert (tmp_path / "x.json").stat().st_mode & 0o777 == 0o664


def test_only_what_is_json_is_written_and_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "x.json", float("nan"))
    assert list(tmp_path.iterdir()) == []
    for text in ("NaN", "-Infinity", "1e999", "[-1e999]", '{"a": 1} 2'):
        with pytest.raises(ValueError):
            parse_json(text)
    (tmp_path / "x.json").write_text("[1e999]")
    with pytest.raises(UserError, match="is too large"):
        read_json(tmp_path / "x.json")


@pytest.mark.parametrize(
    "number",
    [
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EACCES,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EEXIST,
        errno.EISDIR,
        errno.EIO,
    ],
)
def test_each_disk_error_is_one_sentence_with_the_file_and_a_remedy(number: int) -> None:
    sentence = disk_sentence(OSError(number, os.strerror(number), "/runs/a/status.json"))
    assert "/runs/a/status.json" in sentence and "\n" not in sentence and re.search("[;?]", sentence)


def failure(function: Callable[[], object]) -> str:
    with pytest.raises(OSError) as caught:
        function()
    return disk_sentence(caught.value)


def test_a_file_where_a_folder_must_be_and_the_other_way_round_are_told(tmp_path: Path) -> None:
    file, folder = tmp_path / "a.zip", tmp_path / "b"
    file.write_text("")
    folder.mkdir()
    is_file = f"{file} is a file; give a folder"
    assert failure(lambda: file.mkdir(exist_ok=True)) == is_file
    assert failure(lambda: (file / "runs" / "a").mkdir(parents=True)) == is_file
    assert failure(lambda: write_json(file / "runs" / "x.json", 1)) == is_file
    is_folder = f"{folder} is a folder; give a file"
    assert failure(lambda: folder.read_bytes()) == is_folder
    assert failure(lambda: write_json(folder, 1)) == is_folder
    assert sorted(tmp_path.iterdir()) == [file, folder]


def test_a_folder_that_is_not_there_to_write_into_is_told_and_so_is_a_file_to_read(tmp_path: Path) -> None:
    told = failure(lambda: write_json(tmp_path / "no" / "x.json", 1))
    assert told.startswith(f"the folder {tmp_path / 'no'} does not exist; make it first")
    told = failure(lambda: read_json(tmp_path / "no" / "x.json"))
    assert told == f"{tmp_path / 'no' / 'x.json'} does not exist; was it moved or deleted?"


def test_of_a_hundred_thousand_snapshots_as_many_are_looked_at_as_a_trainer_keeps(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.runs.folder.names_in", lambda _: [str(step) for step in range(100_000)])
    asked: list[Path] = []
    monkeypatch.setattr("vae.runs.folder.is_plain", lambda path: not asked.append(path))
    found = run.snapshots()
    assert (len(found), found[0], found[-1]) == (2000, 0, 99_999)
    assert found == sorted(set(found))
    assert len(asked) == 4000
