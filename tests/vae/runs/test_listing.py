"""The list of runs: newest first, the broken ones among them, and each found by its id."""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

import pytest

import vae.storage.atomic
from tests.support.empty_runs import CONFIG, INFO, break_config
from vae.runs.listing import BrokenRun, find_run, free_id, list_runs, new_run_id
from vae.runs.naming import RunError
from vae.runs.run import Run

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
