"""README and ``docs/`` are right: links lead somewhere, Python blocks run, and commands mean what they say.

Blocks are marked by an HTML comment on the line before:

* ``<!-- run -->`` before shell lines: those that begin with ``vae`` are run, in order, in an empty folder.
* ``<!-- not run: why -->`` before Python lines: they need a display or minutes. All other Python blocks are run.

Every other line that begins with ``vae`` is only parsed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.user_text import ROOT
from vae.cli.main import _parsed, main

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
_BLOCK = re.compile(
    r"(?:<!-- (?P<mark>[^>]*) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A block of code of a page: its language (empty for shell), the mark before it, and its text."""

    page: str
    line: int
    kind: str
    mark: str
    text: str

    @property
    def id(self) -> str:
        return f"{self.page}:{self.line}"


def blocks() -> Iterator[Block]:
    for page in PAGES:
        source = page.read_text()
        for match in _BLOCK.finditer(source):
            line = source.count("\n", 0, match.start()) + 1
            name = str(page.relative_to(ROOT))
            yield Block(name, line, match["kind"], match["mark"] or "", match["text"])


BLOCKS = list(blocks())
PYTHON = [block for block in BLOCKS if block.kind == "python"]
SHELL = [block for block in BLOCKS if not block.kind]


def commands(block: Block) -> list[list[str]]:
    """The arguments of the lines that call ``vae``."""
    lines = [shlex.split(line, comments=True) for line in block.text.splitlines()]
    return [line[1:] for line in lines if line[:1] == ["vae"]]


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_every_page_of_docs_is_linked_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert not [page.name for page in PAGES[2:] if str(page.relative_to(ROOT)) not in readme]
    assert "ARCHITECTURE.md" in (ROOT / "CONTRIBUTING.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    source = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", source):
        if re.match(r"https?://|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path) if path else page
        titles = (
            re.findall(r"^#+ (.+)$", place.read_text(), re.MULTILINE) if anchor and place.is_file() else []
        )
        if not place.exists() or (anchor and anchor not in map(_anchor, titles)):
            dead.append(target)
    assert not dead


def _anchor(title: str) -> str:
    """The name that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_are_there(page: Path) -> None:
    named = re.findall(r"`((?:vae|dashboard|tests|docs|assets|\.ci)/[\w./-]+)`", page.read_text())
    assert not [path for path in named if not (ROOT / path).exists()]


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.id)
def test_python_blocks_run(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if block.mark.startswith("not run: "):
        compile(block.text, block.id, "exec")
        return
    monkeypatch.chdir(tmp_path)
    exec(compile(block.text, block.id, "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("block", [one for one in SHELL if one.mark == "run"], ids=lambda block: block.id)
def test_commands_that_take_seconds_run(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert commands(block)
    for arguments in commands(block):
        main(arguments)
        assert "".join(capsys.readouterr()), arguments


@pytest.mark.parametrize("block", [one for one in SHELL if commands(one)], ids=lambda block: block.id)
def test_commands_are_ones_that_there_are(block: Block) -> None:
    for arguments in commands(block):
        assert _parsed(arguments) is not None


def test_scripts_that_measure_are_there() -> None:
    named = {path for block in SHELL for path in re.findall(r"python (\S+\.py)", block.text)}
    for row in re.findall(r"\| `(\w+\.py)` \|", (ROOT / "docs/speed.md").read_text()):
        named.add(f"tests/benchmarks/{row}")
    assert named
    assert not [path for path in named if not (ROOT / path).is_file()]


def test_every_table_of_results_has_its_command() -> None:
    for name in ("published-results", "collapse", "speed"):
        for section in re.split(r"^## ", (ROOT / f"docs/{name}.md").read_text(), flags=re.MULTILINE):
            if "|---" in section:
                assert "```\n" in section, section.splitlines()[0]
