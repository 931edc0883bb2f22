"""Collect the sentences that a user can read, from the sources: pages, tooltips, errors, command-line help, documents.

What is collected:

* Python (``vae``, ``dashboard``): every string literal that holds words, f-strings with ``…`` for their values. Left
  out are docstrings, texts of ``assert``, patterns of `re`, type annotations, and literals without two words in a row
  (addresses, paths, format codes). Docstrings of the command line are help texts, so those are taken.
* JavaScript (``*.js`` of both packages): every string and template with words, without those of ``class`` and of
  selectors.
* Markdown: the help of each page, README and ``docs/``, without code, addresses and link targets.

A literal that no user sees (a key with a blank, a line of a log) is taken too, and follows the same rules.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("vae", "dashboard")
#: Stands for a value inside a sentence.
VALUE = "…"
#: Two words in a row, or one capitalised word, as a label has it.
_WORDS = re.compile(r"[^\W\d_]{2,}[,;:)]? (?:× )?\(?[^\W\d_]|^[A-ZΑ-Ω][^\W\d_A-Z]+[.:?!…]?$")
_SKIPPED_FOLDERS = {"node_modules", "dist", "__pycache__"}


@dataclass(frozen=True)
class Sentence:
    """A text for users and where it stands."""

    text: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


def sentences() -> list[Sentence]:
    """Everything that a user can read, see the module's docstring."""
    return [*python_sentences(), *javascript_sentences(), *markdown_sentences()]


def files(pattern: str) -> Iterator[Path]:
    """The files of both packages that bear such a name, without what others wrote."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob(pattern)):
            if not _SKIPPED_FOLDERS & set(path.relative_to(ROOT).parts[:-1]):
                yield path


def python_sentences() -> Iterator[Sentence]:
    """The texts of all Python modules."""
    for path in files("*.py"):
        name = str(path.relative_to(ROOT))
        for text, line in python_texts(path.read_text(), has_help=name.startswith("vae/cli/")):
            yield Sentence(text, name, line)


def python_texts(source: str, has_help: bool = False) -> Iterator[tuple[str, int]]:
    """Literals with words of one Python source and their lines; with ``has_help`` docstrings too."""
    tree = ast.parse(source)
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and not has_help:
            skipped.add(node.value)
        elif isinstance(node, ast.Assert) and node.msg is not None:
            skipped.update(ast.walk(node.msg))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re."):
            skipped.update(part for argument in node.args for part in ast.walk(argument))
        elif isinstance(node, ast.AnnAssign):
            skipped.update(ast.walk(node.annotation))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else VALUE for part in node.values
            )
            skipped.update(part for part in node.values if isinstance(part, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if _WORDS.search(text.strip()):
            yield text, node.lineno


def javascript_sentences() -> Iterator[Sentence]:
    """The texts of all scripts of the browser."""
    for path in files("*.js"):
        for text, line in javascript_texts(path.read_text()):
            yield Sentence(text, str(path.relative_to(ROOT)), line)


_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`|\}|\{|(?<=[=(,:&|?!\s])/(?![/*\s])(?:\\.|\[[^\]]*\]|[^/\\\n\[])+/[a-z]*""",
    re.DOTALL,
)
#: What stands before a literal that is no text: a class, a selector, an import.
_CODE_BEFORE = re.compile(
    r"(?:\bclass: |className = |classList\.\w+\(|[qQ]uerySelector(?:All)?\(|closest\(|matches\(|from |import |"
    r"style: |cssText = |font = )$"
)


def javascript_texts(source: str) -> Iterator[tuple[str, int]]:
    """Literals with words of one script and their lines; templates with ``…`` for their values."""
    position = 0
    open_templates: list[tuple[list[str], int, int]] = []  # pieces so far, where it began, open braces inside
    while match := _TOKEN.search(source, position):
        token, start = match.group(), match.start()
        position = match.end()
        if token == "{" and open_templates:
            pieces, begin, depth = open_templates[-1]
            open_templates[-1] = (pieces, begin, depth + 1)
        elif token == "}" and open_templates:
            pieces, begin, depth = open_templates[-1]
            if depth:
                open_templates[-1] = (pieces, begin, depth - 1)
            else:
                open_templates.pop()
                piece, position, is_closed = _template_piece(source, position)
                pieces.append(piece)
                if is_closed:
                    yield from _javascript_text(source, VALUE.join(pieces), begin)
                else:
                    open_templates.append((pieces, begin, 0))
        elif token == "`":
            piece, position, is_closed = _template_piece(source, position)
            if is_closed:
                yield from _javascript_text(source, piece, start)
            else:
                open_templates.append(([piece], start, 0))
        elif token[0] in "\"'":
            yield from _javascript_text(source, token[1:-1].replace('\\"', '"'), start)


def _template_piece(source: str, position: int) -> tuple[str, int, bool]:
    """The text of a template up to its next value or its end, where it stops, and whether it is the end."""
    match = re.compile(r"((?:\\.|\$(?!\{)|[^`\\$])*)(`|\$\{)", re.DOTALL).match(source, position)
    if match is None:
        return "", len(source), True
    return match.group(1), match.end(), match.group(2) == "`"


def _javascript_text(source: str, text: str, start: int) -> Iterator[tuple[str, int]]:
    before = source[max(0, start - 40) : start]
    if _WORDS.search(text.strip()) and not _CODE_BEFORE.search(before):
        yield text, source.count("\n", 0, start) + 1


def markdown_sentences() -> Iterator[Sentence]:
    """The paragraphs of the pages' help, of README and of the documents, without their code."""
    for path in [*files("*.md"), ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for text, line in markdown_texts(path.read_text()):
            yield Sentence(text, str(path.relative_to(ROOT)), line)


def markdown_texts(source: str) -> Iterator[tuple[str, int]]:
    """Lines of a Markdown text with their numbers: no code blocks, no code in backticks, no link targets."""
    is_code = False
    for number, line in enumerate(source.splitlines(), 1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
        elif not is_code and line.strip():
            yield re.sub(r"`[^`]*`|\]\([^)]*\)|<[^>]*>", VALUE, line), number


def captions(source: str) -> Iterator[tuple[str, int]]:
    """The first argument of each ``….caption(…)`` of a Python source, with its line; values count as ``…``."""
    for node in ast.walk(ast.parse(source)):
        is_caption = (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "caption"
        )
        if is_caption and node.args:
            text = "".join(_literal(part) for part in _outermost(node.args[0]))
            yield text, node.lineno


def _outermost(node: ast.AST) -> Iterator[ast.AST]:
    """The texts in an expression that are not inside another text."""
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        yield node
    elif isinstance(node, ast.IfExp):
        yield from max(
            (list(_outermost(part)) for part in (node.body, node.orelse)),
            key=lambda x: sum(map(len, map(_literal, x))),
        )
    else:
        for child in ast.iter_child_nodes(node):
            yield from _outermost(child)


def _literal(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else VALUE for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else ""
