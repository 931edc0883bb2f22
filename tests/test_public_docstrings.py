"""Every exported name of `vae` is documented: shapes or units, errors, and sources of formulas."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import vae

#: What a text on tensors or numbers says: a shape, or a unit of ours.
_SHAPE_OR_UNIT = re.compile(
    r"``?\([^`]*\)``?|shape|\bnats\b|\bbits\b|bytes|pixel|seconds|epoch|images|steps|dtype|scalar"
)
#: Exported names that implement a published formula, and what their source must name.
SOURCES = {
    "VAE": "Kingma",
    "Bernoulli": "Kingma",
    "ContinuousBernoulli": "Loaiza-Ganem",
    "Gaussian": "Kingma",
    "LearnedGaussian": "Rybkin",
    "importance_bound": "Burda",
    "exact_posterior": "quadrature",
    "diagnose": "Burda",
    "Terms": "Kingma",
}
#: Methods that Python or torch define and call; ours are documented where we wrote them.
_INHERITED = {"register_buffer", "train", "eval", "to", "to_dict", "parameters", "state_dict"}


def documented() -> Iterator[tuple[str, Any]]:
    """Exported names, and the public methods and properties of our classes, as ``name`` and ``name.method``."""
    for name in vae.__all__:
        thing = getattr(vae, name)
        yield name, thing
        if not inspect.isclass(thing):
            continue
        for method, member in vars(thing).items():
            member = getattr(member, "__func__", member)
            if method.startswith("_") or not (inspect.isfunction(member) or isinstance(member, property)):
                continue
            yield f"{name}.{method}", member


THINGS = dict(documented())


@pytest.mark.parametrize("name", THINGS)
def test_is_documented(name: str) -> None:
    text = inspect.getdoc(THINGS[name]) or ""
    assert text, f"{name} has no docstring"
    assert text[0].isupper() or text.startswith(("`", "log p", "−", "β")), text.splitlines()[0]
    assert text.splitlines()[0].rstrip().endswith((".", ":")), text.splitlines()[0]


@pytest.mark.parametrize("name", THINGS)
def test_tensors_and_terms_have_shapes_or_units(name: str) -> None:
    thing = THINGS[name]
    hints = " ".join(str(hint) for hint in _hints(thing))
    if not re.search(r"Tensor|NDArray", hints):
        return
    assert _SHAPE_OR_UNIT.search(inspect.getdoc(thing) or ""), f"{name}: {hints}"


@pytest.mark.parametrize("name", THINGS)
def test_errors_that_it_raises_itself_are_told(name: str) -> None:
    thing = THINGS[name]
    if raised := _raised(thing):
        text = inspect.getdoc(thing) or ""
        assert "Raises" in text or "raise" in text.lower(), f"{name} raises {', '.join(raised)}"


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_formulas_have_a_source(name: str) -> None:
    text = inspect.getdoc(THINGS[name]) or ""
    assert SOURCES[name] in text, f"{name} does not name {SOURCES[name]}"


def test_every_exported_name_can_be_had_and_is_listed() -> None:
    assert set(vae.__all__) <= set(dir(vae))
    assert len(set(vae.__all__)) == len(vae.__all__)


def _hints(thing: Any) -> list[Any]:
    if isinstance(thing, property):
        thing = thing.fget
    return list(getattr(thing, "__annotations__", {}).values())


def _raised(thing: Any) -> list[str]:
    """Names of the errors that its own code raises and does not catch; of a class those of its making."""
    code: Callable[..., Any] | None = thing
    if isinstance(thing, property):
        code = thing.fget
    elif inspect.isclass(thing):
        code = thing.__dict__.get("__init__") or thing.__dict__.get("__post_init__")
    if not inspect.isfunction(code) or code.__code__.co_filename.startswith(
        "<"
    ):  # a data class writes its own
        return []
    tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
    return [ast.unparse(node.exc.func) for node in ast.walk(tree) if _is_raise(node)]


def _is_raise(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and ast.unparse(node.exc.func) != "AttributeError"
    )
