"""A component that dies says so in its own place, whatever it was that failed; each is mounted on a plain page."""

from __future__ import annotations

import importlib
import json
import re
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from dashboard.server import browser_files
from tests.support import state_types
from tests.support.thorough import few

ROOT = state_types.ROOT
WORDS = "Something went wrong in this part of the page."
#: What a browser says of a mistake in a program, which is no sentence for a person.
MISTAKE = re.compile(
    r"Cannot |undefined|is null|not a function|not iterable|Invalid |Failed to|Unexpected |Error:|\bNaN\b"
)
PAGE = """<!doctype html><meta charset="utf-8"><main><div class="ll"><p>Loading…</p></div></main><script type="module">
const part = await import("/api/lib/v/{module}")
part.default({{ parentElement: document.querySelector("main"), data: {state}, setTriggerValue() {{}} }})
</script>"""


def sample(hint: Any, name: str = "") -> Any:
    """Some value of a type, as JSON."""
    origin, arguments = get_origin(hint), get_args(hint)
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return {field.name: sample(hints[field.name], field.name) for field in fields(hint)}
    if hint is str:
        return {"at": "best", "stamp": "s", "run": "r", "state": "finished"}.get(name, "")
    if hint in (int, float, bool):
        return hint(1) if hint is not bool else False
    if origin is Literal:
        return arguments[0]
    if origin in (Union, types.UnionType):
        return None if type(None) in arguments else sample(arguments[0])
    if origin is tuple and arguments[-1] is not Ellipsis:
        return [sample(argument) for argument in arguments]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: sample(arguments[1]) for key in get_args(arguments[0])}
    return [sample(arguments[0])] * 2 if origin is not None else None


def state_of(folder: Path) -> Any:
    return sample(importlib.import_module(".".join(folder.relative_to(ROOT).parts)).State)


@contextmanager
def mounted(context: Any, folder: Path, state: Any, answer: str) -> Iterator[Any]:
    """A page with one component, whose server gives every request the same answer."""
    name = folder.relative_to(ROOT).as_posix()
    page = context.new_page()

    def handle(route: Any) -> None:
        path = route.request.url.partition("lab.test")[2].partition("?")[0]
        if path == "/":
            text = PAGE.format(module=f"{name}/{folder.name}.js", state=json.dumps(state))
            route.fulfill(body=text, content_type="text/html")
        elif path.startswith("/api/lib/v/"):
            route.fulfill(path=str(ROOT / path.removeprefix("/api/lib/v/")))
        elif "/plotly/" in path:
            route.fulfill(path=str(browser_files.plotly_file()))
        elif "/stream" in path or path.endswith("/health"):
            route.abort()
        else:
            route.fulfill(body=answer, content_type="application/json")

    page.route("**/*", handle)
    page.goto("http://lab.test/")
    yield page
    page.close()


@pytest.mark.parametrize("folder", few(state_types.components(), 2), ids=lambda folder: folder.name)
def test_component_that_is_told_nonsense_says_that_it_died(context: Any, folder: Path) -> None:
    with mounted(context, folder, {}, '{"a": 1}') as page:
        said = page.locator("[role=alert]").first
        said.wait_for(timeout=10_000)
        assert said.inner_text().startswith(WORDS)
        assert page.locator("[role=alert]").count() == 1


@pytest.mark.parametrize("answer", ["null", '{"a": 1}'])
@pytest.mark.parametrize("name", few(["time", "side_by_side", "exact_posterior"], 1))
def test_answer_that_is_none_is_told_in_a_sentence_not_in_the_browsers_words(
    context: Any, name: str, answer: str
) -> None:
    (folder,) = [folder for folder in state_types.components() if folder.name == name]
    with mounted(context, folder, state_of(folder), answer) as page:
        page.get_by_text(WORDS).first.wait_for(timeout=10_000)
        assert not MISTAKE.search(page.locator("main").inner_text())


def test_component_that_is_well_says_nothing_of_the_kind(context: Any) -> None:
    (folder,) = [folder for folder in state_types.components() if folder.name == "time"]
    with mounted(
        context, folder, state_of(folder), json.dumps({"snapshots": [], "state": "finished"})
    ) as page:
        page.locator(".ll p", has_text="Loading…").wait_for(state="detached", timeout=10_000)
        assert page.locator("[role=alert]").count() == 0
        assert WORDS not in page.locator("main").inner_text()
