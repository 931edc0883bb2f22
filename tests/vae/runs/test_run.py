"""The folder of one run: making, opening, naming and deleting it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support.empty_runs import CONFIG, INFO, break_config, files_of
from vae.config.schema import RunConfig
from vae.runs.naming import RunError
from vae.runs.run import Run

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
