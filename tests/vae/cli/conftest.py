"""The command and a finished run for its tests."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.vae.cli.command import QUICK, Answer, Vae
from vae.cli import main
from vae.runs.run import Run


@pytest.fixture
def vae(capsys: pytest.CaptureFixture[str]) -> Vae:
    """Runs a command in this process: ``vae("train", "--run-dir", path)``."""

    def run(*arguments: object) -> Answer:
        capsys.readouterr()
        code: Any = 0
        try:
            main.main(list(map(str, arguments)))
        except SystemExit as ended:
            code = ended.code or 0
        out, err = capsys.readouterr()
        return Answer(code, out, err)

    return run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run; tests that change it take a copy."""
    path = tmp_path_factory.mktemp("runs") / "finished"
    main.main(["train", "--run-dir", str(path), *QUICK])
    return Run.open(path)


@pytest.fixture
def copy(finished: Run, tmp_path: Path) -> Run:
    shutil.copytree(finished.path, tmp_path / "copy")
    return Run.open(tmp_path / "copy")
