"""What a person names as a path, and what is there, is a file, a folder or one sentence; nothing is waited for."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from vae.cli.main import main
from vae.data.readers.npz import read_npz
from vae.data.types import DataError
from vae.errors import UserError
from vae.runs.archive import ArchiveError, import_run
from vae.runs.naming import RunError
from vae.storage.user_paths import absolute, open_given, user_path

IMPOSSIBLE = ["~nosuchuser/x", "~nosuchuser", "a\0b", "a\ud800b"]
LONG = "x" * 5000


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_a_path_that_can_name_nothing_is_a_sentence(text: str) -> None:
    with pytest.raises(UserError, match="a path must name a file or folder, got") as found:
        user_path(text)
    assert str(found.value).isprintable()
    with pytest.raises(RunError, match="a path must name"):
        absolute(text, RunError)
    with pytest.raises(DataError, match="a path must name"):
        read_npz(Path(text))


def test_a_home_folder_is_opened_and_other_paths_stay() -> None:
    assert user_path("~/a") == Path.home() / "a"
    assert user_path(Path("a/../b")) == Path("a/../b")
    strange = os.fsdecode(b"caf\xe9")  # a file name of an older encoding
    assert user_path(strange) == Path(strange)


COMMANDS = [
    ["import", "{}"],
    ["import", "x.zip", "--runs", "{}"],
    ["train", "--run-dir", "{}"],
    ["train", "--resume", "{}"],
    ["train", "--run-dir", "{here}/r", "--data.name", "npz", "--data.path", "{}"],
    ["train", "--run-dir", "{here}/r", "--data.name", "folder", "--data.path", "{}"],
    ["train", "--run-dir", "{here}/r", "--data.name", "mnist", "--data.root", "{}"],
    ["evaluate", "{}"],
    ["leak", "{}"],
    ["export", "{}", "--to", "{here}/a.zip"],
    ["sweep", "--name", "a", "--betas", "1", "--runs", "{}"],
    ["data", "list", "--root", "{}"],
    ["dashboard", "--runs", "{}"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("path", [IMPOSSIBLE[0], IMPOSSIBLE[2]], ids=["nobody", "zero"])
def test_every_path_of_the_command_line_is_read_alike(
    command: list[str], path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as found:
        main([word.replace("{}", path).replace("{here}", str(tmp_path)) for word in command])
    said = capsys.readouterr().err
    assert found.value.code == 2
    assert "a path must name a file or folder" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "command", [one for one in COMMANDS if one[0] not in ("data", "dashboard")], ids=" ".join
)
def test_a_name_that_is_too_long_is_a_sentence(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as found:
        main([word.replace("{}", LONG).replace("{here}", str(tmp_path)) for word in command])
    said = capsys.readouterr().err
    assert found.value.code == 2
    assert said.startswith("error: ")
    assert len(said) <= 408
    assert said.count("\n") == 1


def pipe(path: Path) -> None:
    os.mkfifo(path)


def socket_file(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("make", "kind"),
    [(pipe, "a pipe"), (socket_file, "a socket"), (endless, "a device"), (Path.mkdir, "a folder")],
    ids=["pipe", "socket", "device", "folder"],
)
def test_what_is_no_file_is_a_sentence_and_never_a_wait(
    make: Callable[[Path], None], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    make(Path("x"))
    with pytest.raises(ArchiveError, match=kind):
        import_run(Path("x"), tmp_path / "runs")
    with pytest.raises(UserError, match=kind):
        open_given(Path("x"), "it")
    with pytest.raises(DataError, match=r"data\.path must be a file"):
        read_npz(Path("x"))
    assert not list((tmp_path / "runs").glob("*"))


def test_a_missing_file_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="does not exist"):
        import_run(tmp_path / "x.zip", tmp_path / "runs")
