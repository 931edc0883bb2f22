"""The words of a lesson as data: Markdown and formulas become nodes of known names, everything else stays text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from vae.lessons.files import lessons_in, shipped_lessons
from vae.lessons.markdown_tree import TAGS, markdown_tree


def nodes(tree: list[Any]) -> Iterator[Any]:
    for node in tree:
        yield node
        if isinstance(node, dict):
            yield from nodes(node["of"])


def text(tree: list[Any]) -> str:
    return "".join(node for node in nodes(tree) if isinstance(node, str))


def test_markdown_is_nodes_and_text() -> None:
    assert markdown_tree("The **KL** of `q`.") == [
        {
            "tag": "p",
            "of": ["The ", {"tag": "strong", "of": ["KL"]}, " of ", {"tag": "code", "of": ["q"]}, "."],
        }
    ]
    listed = markdown_tree("- one\n- two\n\n1. three")
    assert [node["tag"] for node in listed] == ["ul", "ol"] and text(listed) == "onetwothree"
    assert markdown_tree("| a | b |\n|---|---|\n| 1 | 2 |")[0]["tag"] == "table"
    assert markdown_tree("[paper](https://arxiv.org/abs/1312.6114)")[0]["of"] == [
        {"tag": "a", "of": ["paper"], "href": "https://arxiv.org/abs/1312.6114"}
    ]


def test_formulas_are_mathml() -> None:
    (paragraph,) = markdown_tree(r"A prior $\mathcal N(0, I)$ and")
    formula = paragraph["of"][1]
    assert formula["math"] == "math" and formula["with"]["display"] == "inline"
    assert "\U0001d4a9" in text([formula])  # a script N
    (alone,) = markdown_tree("$$\\frac{\\partial z}{\\partial \\mu} = 1$$")
    kinds = {node.get("math") for node in nodes([alone]) if isinstance(node, dict)}
    assert {"math", "mfrac"} <= kinds and "∂" in text([alone]) and "μ" in text([alone])


@pytest.mark.parametrize(
    "words",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[click](javascript:alert(1))",
        "[click](data:text/html,<b>)",
        "![picture](https://elsewhere.example/x.png)",
        "a\u2028b </script> \u202eabc",
        r"$\href{javascript:alert(1)}{x}$",
        r"$\text{</script><img src=x>}$",
        "$$\\frac{1}{$$",
        "$\\unknowncommand{x}$ and $5 or $6",
        "#### " + "> " * 40 + "deep",
        "$" + "{" * 500 + "x" + "}" * 500 + "$",
    ],
)
def test_what_is_hostile_or_broken_is_text(words: str) -> None:
    tree = markdown_tree(words)
    json.dumps(tree, allow_nan=False)
    assert tree
    for node in nodes(tree):
        if isinstance(node, str):
            continue
        assert set(node) <= {"tag", "math", "with", "of", "href"}
        assert node.get("tag", "p") in TAGS
        assert node.get("href", "https://").startswith(("http://", "https://"))
        assert not [name for name in node.get("with", {}) if name.startswith("on") or name in ("href", "src")]


def test_every_shipped_lesson_has_only_formulas_that_can_be_drawn() -> None:
    found, broken = lessons_in(shipped_lessons())
    german, _ = lessons_in(shipped_lessons(), "de")
    assert len(found) == 10 and not broken
    num_formulas = 0
    for lesson in [*found, *german]:
        for step in lesson.steps:
            tree = markdown_tree(step.words)
            formulas = sum(isinstance(node, dict) and node.get("math") == "math" for node in nodes(tree))
            assert formulas == step.words.replace("$$", "$").count("$") // 2, step.title
            num_formulas += formulas
    assert num_formulas > 20


def test_a_short_text_asks_for_no_more_cells_than_are_drawn() -> None:
    wide = "|a" * 600 + "|\n" + "|-" * 600 + "|\n" + "|\n" * 500
    for words in (wide, "> " + wide.replace("\n", "\n> ")):
        assert len(json.dumps(markdown_tree(words))) < 3 * len(words) + 1000
    assert "td" in json.dumps(markdown_tree("|a|b|\n|-|-|\n|1|2|"))


@pytest.mark.parametrize("address", ["https://you@x.y/", "https://bank.example:pw@x.y", "http://a\\@x.y/"])
def test_an_address_that_looks_like_another_hosts_is_no_link(address: str) -> None:
    assert "href" not in json.dumps(markdown_tree(f"[a]({address})"))


@pytest.mark.parametrize(
    "address", ["https://x.y/@you", "http://x.y?a=b@c", "https://x.y:8080#p", "https://x.y"]
)
def test_other_addresses_are_links(address: str) -> None:
    assert address in json.dumps(markdown_tree(f"[a]({address})"))
