"""Every control of every page has a name by which a link hides or fixes it: read from the source, so in every state."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.link import keys
from dashboard.look import controls
from dashboard.look.controls import CONTROLS
from dashboard.streamlit_internals import selector_of_key

DASHBOARD = Path(controls.__file__).parents[1]
#: What Streamlit calls a control.
WIDGETS = {
    *("button", "checkbox", "dataframe", "data_editor", "download_button", "expander", "file_uploader"),
    *("form_submit_button", "multiselect", "number_input", "pills", "popover", "radio", "segmented_control"),
    *("select_slider", "selectbox", "slider", "text_area", "text_input", "toggle"),
}
#: Modules whose functions of such names are not Streamlit's, and the page for contributors.
NOT_STREAMLIT = ("controls", "evolution", "learn_frame")
#: Keys of which the source says only the frame, by the file and that frame.
FRAMED = {
    ("bounds.py", "evaluate-*:*"): [
        f"evaluate-{name}:*" for name in ("k", "images", "proposal", "annealed", "steps")
    ],
    ("bounds.py", "*:*"): ["measure-bound:*", "measure-annealed:*"],
    ("controls.py", "generate-*:*"): [
        f"generate-{name}:*" for name in ("y", "to", "num", "rows", "limit", "temperature")
    ],
    ("controls.py", "generate-*"): ["generate-earlier", "generate-later"],
    ("page.py", "learn-*"): ["learn-previous", "learn-next"],
    ("page.py", "wish-*:*"): [
        f"wish-{wish}:*" for wish in ("pause", "stop", "run", "step", "cancel", "start", "extend")
    ],
}
#: Keys that another function makes, by the file and the words of the source.
GIVEN = {
    ("config_form.py", "widget_key"): ("option-model.latent_dim:*", "own-option:*"),
    ("downloads.py", "key"): ("sidebar:download", "new:download:*"),
}


def python_files() -> Iterator[Path]:
    for path in sorted(DASHBOARD.rglob("*.py")):
        if "styleguide" not in path.parts:
            yield path


def text_of(node: ast.expr) -> str | None:
    """A key as a pattern: what is only known later is a star."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            parts = [part.value if isinstance(part, ast.Constant) else "*" for part in values]
            return re.sub(r"\*+", "*", "".join(map(str, parts)))
        case ast.NamedExpr(value=value):
            return text_of(value)
        case ast.Call(func=ast.Attribute(attr="fresh"), args=[ast.Constant(value=str(text))]):
            return f"{text}:*"
        case ast.Call(func=ast.Name(id="seated"), args=[ast.Constant(value=str(text)), _]):
            return f"units:{text}"
    return None


def assigned(function: ast.AST) -> dict[str, set[str]]:
    """The texts that names have in a piece of source."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(function):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.NamedExpr(target=ast.Name(id=name), value=value)
            ):
                if (text := text_of(value)) is not None:
                    found.setdefault(name, set()).add(text)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                for one, value in zip(names, values, strict=True):
                    if isinstance(one, ast.Name) and (text := text_of(value)) is not None:
                        found.setdefault(one.id, set()).add(text)
    return found


def widgets() -> Iterator[tuple[str, str, list[str] | None]]:
    """Each control: where it is, which kind, and its keys as patterns; None where the source has none to read."""
    for path in python_files():
        tree = ast.parse(path.read_text())
        of_module = assigned(ast.Module([n for n in tree.body if isinstance(n, ast.Assign)], []))
        functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
        for node in ast.walk(tree):
            if not (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in WIDGETS
            ):
                continue
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id in NOT_STREAMLIT:
                continue
            where = f"{path.relative_to(DASHBOARD)}:{node.lineno}"
            around = [f for f in functions if f.lineno <= node.lineno <= (f.end_lineno or 0)]
            known = of_module | (assigned(around[0]) if around else {})
            value = next((keyword.value for keyword in node.keywords if keyword.arg == "key"), None)
            if value is None:
                yield where, node.func.attr, None
                continue
            source = ast.unparse(value)
            given = GIVEN.get((path.name, source))
            text = text_of(value)
            if given is not None:
                yield where, node.func.attr, list(given)
            elif text is not None:
                yield where, node.func.attr, FRAMED.get((path.name, text), [text])
            elif isinstance(value, ast.Name) and value.id in known:
                texts = sorted(known[value.id])
                yield (
                    where,
                    node.func.attr,
                    [one for text in texts for one in FRAMED.get((path.name, text), [text])],
                )
            elif source == "link.TAB_WIDGET":
                yield where, node.func.attr, ["collapse-tab"]
            else:
                yield where, node.func.attr, None


def names_of(key: str) -> list[str]:
    """The names whose selectors find what has this key; the star stands for a run's id."""
    made = selector_of_key(key.replace("*", "digits-2d")).removeprefix(".")
    return [
        name
        for name, control in CONTROLS.items()
        if any(
            made == part[1:] if part[0] == "." else part[9:-2] in made
            for part in control.selector.split(", ")
        )
    ]


ALL = list(widgets())


def test_all_kinds_of_controls_are_read() -> None:
    assert len(ALL) > 80
    assert {kind for _, kind, _ in ALL} > {
        "button",
        "slider",
        "selectbox",
        "file_uploader",
        "toggle",
        "expander",
    }


@pytest.mark.parametrize(("where", "kind", "keys"), ALL, ids=[f"{where} {kind}" for where, kind, _ in ALL])
def test_a_control_has_one_name(where: str, kind: str, keys: list[str] | None) -> None:
    assert keys, f"{where}: this {kind} has no key; give it one, and its name in dashboard/look/controls.py"
    for key in keys:
        found = names_of(key)
        assert len(found) == 1, (
            f"{where}: {key} has the names {found}; it must have one in dashboard/look/controls.py"
        )


def test_what_a_component_calls_its_controls_stands_in_quotes() -> None:
    """A name that is put together in a template is on the list beside Copy link, and its link is refused."""
    sources = [
        path for folder in ("dashboard", "vae/browser") for path in (DASHBOARD.parent / folder).rglob("*.js")
    ]
    made = [
        f"{path.name}: {found}"
        for path in sources
        for found in re.findall(r"(?:control|action): `[^`]*`", path.read_text())
    ]
    assert made == []
    assert {"zs", "images", "group-a", "group-b"} <= controls.words_of_components()


def test_names_are_such_as_a_link_takes_and_titles_are_words() -> None:
    for name, control in CONTROLS.items():
        assert keys.HIDE.parse(name) == (name,)
        assert control.title.strip() == control.title and control.title


def test_the_page_is_given_all_of_them_and_nothing_that_ends_a_script() -> None:
    text = controls.for_browser()
    found = json.loads(text)
    assert set(found) == {*CONTROLS, "menu"}
    assert "<" not in text
    assert found["beta"][1].startswith('[class*="st-key-beta-"]')


@pytest.mark.parametrize("text", ["", "Beta", "a,,b", "a b", "a.b.c", "x;y", "a,"])
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        keys.HIDE.parse(text)


def test_several_names_and_those_of_components_are_read_and_written() -> None:
    assert keys.LOCK.parse("beta,map.lasso,lesson_rail") == ("beta", "map.lasso", "lesson_rail")
    assert keys.LOCK.write(("beta", "map.lasso")) == "beta,map.lasso"
