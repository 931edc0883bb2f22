"""The Markdown of a lesson as a tree of plain data, for a page that no Streamlit draws: text stays text.

A node is text, or an object: ``{"tag": "p", "of": [nodes]}`` with a tag of `TAGS`; a link has its ``href``. A formula
is MathML, which browsers draw themselves: ``{"math": "mfrac", "with": {attributes}, "of": [nodes]}``. Who shows it
makes elements of these names and no others, and never reads HTML.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode

__all__ = ["TAGS", "markdown_tree"]

#: Elements that words are made of.
TAGS = (
    "p", "h3", "strong", "em", "s", "code", "pre", "ul", "ol", "li", "blockquote", "hr", "br", "a",
    "table", "thead", "tbody", "tr", "th", "td",
)  # fmt: skip
#: Elements that formulas are made of, and their attributes: the presentational part of MathML Core.
_MATH = (
    "math", "mrow", "mi", "mn", "mo", "mtext", "ms", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup",
    "munder", "mover", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom", "menclose",
)  # fmt: skip
_ATTRIBUTES = (
    "accent", "accentunder", "columnalign", "display", "displaystyle", "fence", "form", "linethickness", "lspace",
    "mathvariant", "maxsize", "minsize", "movablelimits", "rspace", "scriptlevel", "separator", "stretchy", "width",
)  # fmt: skip
#: What each kind of Markdown becomes; a heading within a step stands below the step's own.
_KINDS = {
    "paragraph": "p", "heading": "h3", "strong": "strong", "em": "em", "s": "s", "bullet_list": "ul",
    "ordered_list": "ol", "list_item": "li", "blockquote": "blockquote", "hr": "hr", "hardbreak": "br",
    "table": "table", "thead": "thead", "tbody": "tbody", "tr": "tr", "th": "th", "td": "td",
}  # fmt: skip
_FORMULAS = {"math_inline": False, "math_inline_double": True, "math_block": True}
#: A letter in another alphabet without braces, which the reader of formulas would leave plain.
_FONT = re.compile(r"\\(math(?:cal|bb|bf|frak|scr|sf|tt|rm|it))\s+([A-Za-z0-9])")
#: An address without a name and a password before its host, which would look like another host.
_ADDRESS = re.compile(r"https?://[^\s/?#@\\]+(?:[/?#]\S*)?")
#: The line below a table's head.
_RULER = re.compile(r"^[ >]*[|:-][|: \t-]*$", re.MULTILINE)
#: Cells of tables, at most: a short text may ask for very many, for rows are filled up to the width of the head.
MOST_CELLS = 5_000


def markdown_tree(words: str) -> list[Any]:
    """Read Markdown, with formulas between dollar signs.

    Args:
        words: For example ``The **KL** of $q(z|x)$.``

    Returns:
        The nodes, as the module says. HTML is text, an image is the words that stand for it, and a formula that
        cannot be read is its source; so are tables of more than `MOST_CELLS` cells.
    """
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    reader.use(dollarmath_plugin, double_inline=True)
    if (
        max((ruler[0].count("-") for ruler in _RULER.finditer(words)), default=0) * words.count("\n")
        > MOST_CELLS
    ):
        reader.disable("table")
    return _all(SyntaxTreeNode(reader.parse(words)).children)


def _all(nodes: Iterable[SyntaxTreeNode]) -> list[Any]:
    return [made for node in nodes for made in _made(node)]


def _made(node: SyntaxTreeNode) -> list[Any]:
    if node.type in _FORMULAS:
        formula = _formula(node.content, is_display=_FORMULAS[node.type])
        return [{"tag": "p", "of": [formula]}] if node.type == "math_block" else [formula]
    if node.type == "text":
        return [node.content]
    if node.type == "softbreak":
        return [" "]
    if node.type in ("code_inline", "image"):
        text = node.content
        return [_node("code", [text])] if node.type == "code_inline" else [text]
    if node.type in ("fence", "code_block"):
        return [_node("pre", [node.content])]
    if node.type == "link":
        address = str(node.attrs.get("href", ""))
        inside = _all(node.children)
        return [{**_node("a", inside), "href": address}] if _ADDRESS.fullmatch(address) else inside
    inside = _all(node.children)
    return [_node(_KINDS[node.type], inside)] if node.type in _KINDS else inside


def _node(tag: str, inside: list[Any]) -> dict[str, Any]:
    return {"tag": tag, "of": inside}


def _formula(source: str, *, is_display: bool) -> dict[str, Any]:
    """A formula as MathML; its source as code where it is none that can be read."""
    from latex2mathml.converter import convert_to_element

    try:
        made = convert_to_element(
            _FONT.sub(r"\\\1{\2}", source.strip()), display="block" if is_display else "inline"
        )
        return _math(made)
    except Exception:  # whatever its reader stumbles over: it is somebody's text
        return _node("code", [source.strip()])


def _math(element: Element) -> dict[str, Any]:
    if element.tag not in _MATH:
        raise ValueError(f"MathML must be of {', '.join(_MATH)}, got {element.tag!r}")
    inside: list[Any] = [html.unescape(element.text)] if element.text else []
    inside += [_math(child) for child in element]
    attributes = {name: value for name, value in element.attrib.items() if name in _ATTRIBUTES}
    return {"math": element.tag, "with": attributes, "of": inside}
