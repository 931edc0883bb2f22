"""The environment variable that names modules of plug-ins for the commands and the app."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vae.cli.main import main
from vae.config.registries import MEASUREMENTS, load_plugins
from vae.config.registry import PLUGINS
from vae.errors import UserError

MODULE = """
from vae.config.registries import MEASUREMENTS

@MEASUREMENTS.register("from-a-module", title="From a module")
def measure(examined):
    return 1.0
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def test_a_module_of_the_working_directory_is_imported_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "own_plugin_module.py").write_text(MODULE)
    monkeypatch.setenv(PLUGINS, " own_plugin_module , own_plugin_module")
    try:
        load_plugins()
        load_plugins()
        assert MEASUREMENTS["from-a-module"].title == "From a module"
    finally:
        MEASUREMENTS.remove("from-a-module")
        del sys.modules["own_plugin_module"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "raise RuntimeError('it is broken')",
            "must name modules that can be imported, got 'own_plugin_broken': it is",
        ),
        ("import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
        (
            "from vae.errors import UserError\nraise UserError('x must be 1, got 2; use 1')",
            "x must be 1, got 2; use 1",
        ),
    ],
)
def test_one_that_cannot_be_imported_is_a_sentence(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    sentence: str,
) -> None:
    (folder / "own_plugin_broken.py").write_text(text)
    monkeypatch.setenv(PLUGINS, "own_plugin_broken")
    with pytest.raises(UserError) as caught:
        load_plugins()
    assert sentence in str(caught.value)
    with pytest.raises(SystemExit) as end:
        main(["data", "list"])
    assert end.value.code == 2
    assert sentence in capsys.readouterr().err


def test_without_it_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PLUGINS, raising=False)
    before = set(sys.modules)
    load_plugins()
    assert set(sys.modules) == before
