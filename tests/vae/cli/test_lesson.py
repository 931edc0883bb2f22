"""`vae lesson new` and `vae lesson check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from vae.cli.main import main
from vae.lessons.files import read_lesson


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = 0
    try:
        main(["lesson", *map(str, words)])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    return code, *capsys.readouterr()


def test_a_new_lesson_is_one_that_can_be_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "turning-beta.md"
    assert run(capsys, "new", "turning-beta", "--to", tmp_path) == (0, f"{path}\n", "")
    lesson = read_lesson(path)
    assert (lesson.title, len(lesson.steps)) == ("Turning beta", 2)
    assert run(capsys, "check", path) == (0, f"{path}: Turning beta, 2 steps, 10 min\n", "")
    code, _, told = run(capsys, "new", "turning-beta.md", "--to", tmp_path)
    assert (code, told.count("\n")) == (2, 1)
    assert "which is there" in told


@pytest.mark.parametrize("name", ["My lesson", "../outside", "a/b", ".hidden", "é", "a" * 80, ""])
def test_a_name_that_is_none_writes_nothing(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "here").mkdir()
    code, _, told = run(capsys, "new", name, "--to", tmp_path / "here")
    assert (code, told.count("\n")) == (2, 1)
    assert [path.name for path in tmp_path.rglob("*")] == ["here"]


def test_every_broken_lesson_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "new", "good", "--to", tmp_path)
    good = tmp_path / "good.md"
    broken = tmp_path / "broken.md"
    broken.write_text(good.read_text(encoding="utf-8").replace("kl < 0.5", "kl < low"), encoding="utf-8")
    code, out, told = run(capsys, "check", broken, tmp_path / "none.md", good)
    assert code == 2
    assert out == f"{good}: Good, 2 steps, 10 min\n"
    first, second, last = told.splitlines()
    assert first.startswith(f"{broken}:14: 'kl' must be compared with a number")
    assert second.startswith(f"{tmp_path / 'none.md'}: cannot read the lesson")
    assert last == "error: 2 lessons of 3 cannot be shown; mend the lines above"
