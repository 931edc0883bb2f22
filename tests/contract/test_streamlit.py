"""What the dashboard leans on of Streamlit's internals is in one folder, and the installed version still has it.

No browser and no server: the names are read from our files and looked for in Streamlit's own, so that a new version
that breaks one of them is found at once, with the name of what is gone.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import shutil
import tomllib
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit
import uvicorn
from packaging.requirements import Requirement
from packaging.version import Version
from streamlit import config, net_util
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
from streamlit.web.server import server_util

from dashboard import streamlit_internals
from dashboard.streamlit_internals import FOLDER, HEAD, INTERNAL

DASHBOARD = FOLDER.parent
SHEET = DASHBOARD / "look" / "streamlit.css"
PYPROJECT = DASHBOARD.parent / "pyproject.toml"
STREAMLIT = Path(streamlit.__file__).parent
#: The version whose internals these tests were last read against.
SEEN = "1.67"

#: What only the folder of internals may say: how it reads in a file, and what it is.
INTERNALS = {
    r"data-testid": "a test id",
    r"(?<!\w)st(?:App|Main|Bottom|Sidebar|Header|Toolbar|[A-Z]\w+(?:Container|Block|Button|Group))\b": "a test id",
    r"st-key-|st-emotion|css-[0-9a-z]{6}": "a class of what Streamlit draws",
    r"_stcore": "a path of Streamlit's own",
    r"history\.(?:push|replace)State|popstate": "the browser's history, which Streamlit writes",
    r"<head>": "the head of Streamlit's page",
    r"(?:from|import) streamlit\.(?!components\.v2\b)": "a module of Streamlit's own",
    r"from streamlit import": "a module of Streamlit's own",
    r"st\.(?:delta_generator|runtime|config|web)\b": "a module of Streamlit's own",
    r"get_script_run_ctx|handleConnectionStateChanged": "the script's context",
}


def sources(folder: Path) -> list[Path]:
    """The files that somebody wrote."""
    kinds = (".py", ".js", ".css", ".html", ".md")
    return [
        path for path in sorted(folder.rglob("*")) if path.suffix in kinds and "_models" not in path.parts
    ]


def mentions(folder: Path, *apart: Path) -> list[str]:
    """Where internals are named outside their folder and their style sheet."""
    found = []
    for path in sources(folder):
        if any(path.is_relative_to(place) for place in apart):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for pattern, words in INTERNALS.items():
                if match := re.search(pattern, line):
                    found.append(f"{path.relative_to(folder).as_posix()}:{number} names {words}: {match[0]}")
    return found


def leant_on() -> set[str]:
    """What the style sheet and the scripts name of what Streamlit draws, as its bundle says it."""
    sheet = re.sub(r"/\*.*?\*/", "", SHEET.read_text(encoding="utf-8"), flags=re.DOTALL)
    scripts = "".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.js")))
    ids = set(re.findall(r'data-testid="(\w+)"', sheet + scripts)) | set(re.findall(r"\.(st[A-Z]\w+)", sheet))
    stored = set(re.findall(r'"(st[A-Z]\w+-)"', scripts))
    classes = set(re.findall(r"\.(streamlit-\w+)", sheet))
    ours = {"data-testid", "data-component", *re.findall(r'"(data-\w+)"', scripts)}
    attributes = set(re.findall(r"\[(data-[a-z-]+)[\]=]", sheet)) - ours
    kinds = {f"PRIMARY=`{kind}`" for kind in re.findall(r'\[kind="(\w+)"\]', sheet)}
    # `address.js` takes the place of `history.pushState`; `redrawn_when_back` waits for a lost connection.
    return (
        {f"`{name}`" for name in ids | classes}
        | {f"`{name}" for name in stored}
        | {f'"{name}"' for name in attributes}
        | kinds
        | {"`st-key-`", "history.pushState(", "handleConnectionStateChanged=", "autoRerunIntervals.size>0"}
    )


def missing(names: set[str], static: Path) -> set[str]:
    """Which of the names Streamlit's bundle does not have."""
    left = {name: name.encode() for name in names}
    for path in sorted(static.rglob("*.js")):
        text = path.read_bytes()
        left = {name: raw for name, raw in left.items() if raw not in text}
    return set(left)


def test_nothing_outside_the_folder_of_internals_leans_on_them() -> None:
    assert not (found := mentions(DASHBOARD, FOLDER, SHEET)), "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        """document.querySelector('[data-testid="stSidebar"]')""",
        ".stMainBlockContainer { padding: 0; }",
        '[class*="st-key-name"] { gap: 0; }',
        ".st-emotion-cache-1abcdef { gap: 0; }",
        "from streamlit.runtime.scriptrunner import get_script_run_ctx",
        "from streamlit import net_util",
        "    import streamlit.web.bootstrap",
        "def place(column: st.delta_generator.DeltaGenerator) -> None: ...",
        'window.addEventListener("popstate", look)',
        "history.replaceState({}, '', address)",
        'fetch("/_stcore/health")',
    ],
)
def test_an_internal_elsewhere_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "page.py").write_text(f"# A page.\n{line}\n", encoding="utf-8")
    found = mentions(tmp_path, tmp_path / "streamlit_internals")
    assert found
    assert all(sentence.startswith("page.py:2 names ") for sentence in found)


@pytest.mark.parametrize(
    "line",
    [
        "import streamlit as st",
        "from streamlit.components.v2.types import ComponentRenderer",
        'st.get_option("server.address")',
        "with st.container(key='name'): ...",
        "const stops = [start, stopAll]",
        "function stopButton() {}",
    ],
)
def test_what_streamlit_promises_may_be_used_anywhere(tmp_path: Path, line: str) -> None:
    (tmp_path / "page.py").write_text(f"{line}\n", encoding="utf-8")
    assert mentions(tmp_path, tmp_path / "streamlit_internals") == []


def test_streamlit_still_draws_what_our_style_and_script_name() -> None:
    names = leant_on()
    assert {"`stMain`", "`stBottom`", "`stApp`", "`stTooltipIcon`", "`stSidebarCollapsed-"} <= names
    assert missing(names, STREAMLIT / "static") == set()


@pytest.mark.parametrize(
    "gone", ["stMain", "stBottomBlockContainer", "handleConnectionStateChanged", "data-selected"]
)
def test_a_version_without_one_of_them_is_found(tmp_path: Path, gone: str) -> None:
    for path in (STREAMLIT / "static" / "static" / "js").glob("*.js"):
        text = path.read_bytes()
        if any(name in text for name in (b"`stMain`", b"`stBottomBlockContainer`", b"data-selected")):
            (tmp_path / path.name).write_bytes(text.replace(gone.encode(), b"renamed"))
    names = {name for name in leant_on() if gone in name}
    assert any(gone in name for name in missing(names, tmp_path))


def test_the_page_has_one_head_in_which_our_script_comes_before_streamlits() -> None:
    page = (STREAMLIT / "static" / "index.html").read_bytes()
    assert page.count(HEAD) == 1
    assert page.index(HEAD) < page.index(b"<script")


def test_the_script_run_says_its_page_and_whether_the_history_led_there() -> None:
    fields = {field.name for field in dataclasses.fields(ScriptRunContext)} | set(dir(ScriptRunContext))
    assert {"page_script_hash", "is_history_navigation"} <= fields
    assert "suppress_warning" in inspect.signature(get_script_run_ctx).parameters
    # No script runs here: what is unknown counts as led there by something else.
    assert streamlit_internals.page_of_script() == ("", True)


def test_the_server_says_its_addresses_and_asks_nobody_for_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(inspect.signature(server_util.get_url).parameters) == ["host_ip"]
    assert streamlit_internals.addresses("127.0.0.1")[0].startswith("http://127.0.0.1:")
    assert streamlit_internals.addresses("::1")[0].startswith("http://[::1]:")
    assert streamlit_internals.addresses("")[0].startswith("http://localhost:")

    def call_out(*_args: object, **_more: object) -> None:
        raise AssertionError("somebody outside was asked")

    assert inspect.signature(net_util._make_blocking_http_get).parameters
    monkeypatch.setattr(net_util, "_make_blocking_http_get", call_out)
    monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)
    streamlit_internals.never_call_out()
    assert net_util.get_external_ip() is None
    assert not server_util.is_url_from_allowed_origins("http://evil.example")


def test_streamlits_setting_says_which_origins_may_connect() -> None:
    before = config.get_option("server.corsAllowedOrigins")
    try:
        config.set_option("server.corsAllowedOrigins", ["https://course.example"])
        assert streamlit_internals.allows_origin("https://course.example")
        assert not streamlit_internals.allows_origin("https://elsewhere.example")
    finally:
        config.set_option("server.corsAllowedOrigins", before)


def test_streamlit_hands_its_own_sockets_to_uvicorn_whose_start_ours_wraps() -> None:
    server = (STREAMLIT / "web" / "server" / "starlette" / "starlette_server.py").read_text(encoding="utf-8")
    assert "uvicorn.Server(" in server and "sockets=[" in server
    assert list(inspect.signature(uvicorn.Server.startup).parameters) == ["self", "sockets"]


def test_paths_of_streamlits_own_have_their_mark() -> None:
    routes = (STREAMLIT / "web" / "server" / "starlette" / "starlette_routes.py").read_text(encoding="utf-8")
    assert f'"{INTERNAL.strip("/")}/' in routes


def test_our_components_read_colours_that_the_theme_has() -> None:
    theme = (DASHBOARD / "components" / "streamlit" / "theme.css").read_text(encoding="utf-8")
    names = re.findall(r"var\(--st-([a-z-]+)\)", theme)
    assert len(names) >= 8
    camel = {re.sub(r"-(\w)", lambda match: match[1].upper(), name) for name in names}
    assert missing({f"{name}:" for name in camel}, STREAMLIT / "static") == set()


def test_the_dependency_ends_where_these_tests_have_not_looked() -> None:
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    (needed,) = [Requirement(text) for text in project["dependencies"] if text.startswith("streamlit")]
    major, minor = SEEN.split(".")
    assert version("streamlit").startswith(f"{SEEN}."), (
        f"look at Streamlit {version('streamlit')}, then say so in SEEN"
    )
    assert needed.specifier.contains(Version(f"{SEEN}.99"))
    assert not needed.specifier.contains(Version(f"{major}.{int(minor) + 1}.0"))


def test_internals_are_found_though_they_lie_deep(tmp_path: Path) -> None:
    deep = tmp_path / "views" / "map" / "panel"
    deep.mkdir(parents=True)
    shutil.copy(SHEET, deep / "panel.css")
    assert len(mentions(tmp_path, tmp_path / "streamlit_internals")) > 10


class _Runner:
    """As much of a script runner as decides which page is drawn."""

    def __init__(self, shown: str, *fragments: str) -> None:
        self._fragment_storage = SimpleNamespace(contains=fragments.__contains__)
        self._shown = shown

    def _get_script_run_ctx(self) -> SimpleNamespace:
        return SimpleNamespace(page_script_hash=self._shown)


@pytest.fixture
def staying(monkeypatch: pytest.MonkeyPatch) -> list[RerunData]:
    """What Streamlit's own runner is given to run."""
    given: list[RerunData] = []
    monkeypatch.setattr(ScriptRunner, "_run_script", lambda self, data: given.append(data))
    # The one that is put back at the end is Streamlit's own, or this one's wrapper if a test has loaded the app.
    own = inspect.unwrap(ScriptRequests._request_rerun_locked)
    monkeypatch.setattr(ScriptRequests, "_request_rerun_locked", own)
    streamlit_internals.stay_on_the_page_gone_to()
    return given


def run(runner: _Runner, data: RerunData) -> None:
    ScriptRunner._run_script(runner, data)  # type: ignore[arg-type]


def test_a_part_that_is_gone_with_its_page_does_not_lead_back_to_it(staying: list[RerunData]) -> None:
    run(_Runner("collapse"), RerunData(page_script_hash="train", fragment_id_queue=["steering"]))
    assert staying == []


def test_a_part_that_is_there_is_drawn_on_the_page_that_is_shown(staying: list[RerunData]) -> None:
    run(
        _Runner("collapse", "doing"),
        RerunData(page_script_hash="train", fragment_id_queue=["steering", "doing"]),
    )
    (given,) = staying
    assert (given.page_script_hash, given.fragment_id_queue) == ("collapse", ["doing"])


def test_a_whole_page_and_the_first_part_of_a_session_are_run_as_they_were_asked_for(
    staying: list[RerunData],
) -> None:
    whole, first = (
        RerunData(page_script_hash="map"),
        RerunData(page_script_hash="map", fragment_id_queue=["a"]),
    )
    run(_Runner("collapse"), whole)
    run(_Runner("", "a"), first)
    assert staying == [whole, first]


@pytest.mark.parametrize("asked", [{"fragment_id": "steering"}, {"fragment_id_queue": ["steering"]}])
def test_a_page_that_is_asked_for_is_not_forgotten_for_a_part_of_the_page_before(
    staying: list[RerunData], asked: dict[str, Any]
) -> None:
    requests = ScriptRequests()
    requests.request_rerun(RerunData(query_string="run=a", page_script_hash="collapse"))
    requests.request_rerun(RerunData(query_string="run=b", page_script_hash="train", **asked))
    next_run = requests.on_scriptrunner_ready().rerun_data
    assert (next_run.page_script_hash, next_run.query_string) == ("collapse", "run=a")
    assert not next_run.fragment_id_queue
    # A page that is asked for later takes its place, as ever.
    requests.request_rerun(RerunData(page_script_hash="collapse"))
    requests.request_rerun(RerunData(page_script_hash="map"))
    assert requests.on_scriptrunner_ready().rerun_data.page_script_hash == "map"
