"""Pages run without a browser: what they draw, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from dashboard.shell import run_picker
from vae.runs.run import Run

MAIN = Path(run_picker.__file__).parents[1] / "main.py"
SHIPPED = Path(run_picker.__file__).parents[2] / "assets" / "models"
PAGES = ("train", "explore", "map", "generate", "collapse", "evaluate", "compare", "runs")
Put = Callable[..., Run]


def script(name: str) -> None:
    """What main.py does for one page: the pages are functions, which AppTest cannot switch to."""
    from importlib import import_module

    from dashboard.link import session
    from dashboard.shell import run_picker
    from dashboard.shell.navigation import NEED_A_RUN

    run_picker.draw(needed=name in NEED_A_RUN)
    import_module(f"dashboard.views.{name}.page").page()
    run_picker.tell()
    session.settle()


def page(name: str, **query: str) -> AppTest:
    at = AppTest.from_function(script, args=(name,), default_timeout=60)
    for key, value in query.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception
    return at


def sentences(at: AppTest) -> list[str]:
    """Errors and warnings, as they read; several of the same kind are a list."""
    found = [
        alert.value.replace("\\", "").replace("\N{WORD JOINER}", "") for alert in (*at.error, *at.warning)
    ]
    return [said.removeprefix("- ") for alert in found for said in alert.split("\n")]


def button(at: AppTest, label: str) -> Any:
    return next(button for button in at.button if button.label == label)
