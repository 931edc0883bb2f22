"""The Python faces of the browser components: what they hand over, and what they believe of what comes back."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from dashboard.components import map as map_face
from dashboard.components import sliders as sliders_face
from dashboard.components import time as time_face
from dashboard.components.map import Click, Method, Plane, Said, View, Wish, latent_map
from dashboard.components.sliders import Dim, Position, sliders
from dashboard.components.time import Moved, scrubber
from dashboard.link import session as state
from dashboard.link.posterior import Posterior
from dashboard.server import browser_files
from dashboard.shell.subject import Subject
from dashboard.views.explore import image_source as draw_face
from dashboard.views.explore import paths as paths_face
from dashboard.views.explore.image_source import Picked, draw
from dashboard.views.explore.paths import Route, paths
from dashboard.views.learn import thumbs as thumbs_face
from dashboard.views.learn.thumbs import thumbs
from dashboard.views.train import curves as curves_face
from dashboard.views.train.curves import Extent, curves
from vae import browser


class Mount:
    """Stands in for a mounted component: keeps what it is given, and answers what a browser would."""

    def __init__(self, **said: Any) -> None:
        self.said = said
        self.given: dict[str, Any] = {}

    def __call__(self, **given: Any) -> dict[str, Any]:
        self.given = given
        return self.said


def registered() -> list[tuple[str, list[str]]]:
    """The module and the library's styles of each component, from the calls of `register` in the source."""
    found = []
    for path in sorted(browser_files.FOLDER.rglob("__init__.py")):
        if "= register(" in path.read_text():
            module = browser_files.address(path.parent / f"{path.parent.name}.js")
            found.append((module, re.findall(r'"([\w/]+\.css)"', path.read_text())))
    return found


def test_every_component_has_a_module_with_a_default_export_and_its_styles() -> None:
    listed = browser_files.files()
    assert len(registered()) >= 16
    for module, styles in registered():
        assert "export default inStreamlit(" in listed[module].read_text()
        for style in styles:
            assert f"vae/browser/{style}" in listed, f"{module}: {style}"


def imports(path: Path) -> list[Path]:
    """The files that a module imports."""
    targets = re.findall(r'^import (?:.* from )?"(.+)"', path.read_text(), re.MULTILINE)
    return [(path.parent / target).resolve() for target in targets]


def test_every_import_of_a_module_is_on_the_list() -> None:
    listed = browser_files.files()
    for name, path in listed.items():
        if path.suffix == ".js":
            for target in imports(path):
                assert target in listed.values(), f"{name} imports {target}"


def test_the_browser_library_imports_nothing_from_outside() -> None:
    modules = [path for path in browser.files().values() if path.suffix == ".js"]
    assert len(modules) > 50
    for path in modules:
        assert all(target.is_relative_to(browser.FOLDER) for target in imports(path)), path
        assert not re.search(
            r"streamlit|--st-|data-testid|setTriggerValue", path.read_text(), re.IGNORECASE
        ), path


def test_pages_modules_do_not_know_each_other() -> None:
    for name, path in browser_files.files().items():
        if name.startswith("dashboard/views/") and path.suffix == ".js":
            page = browser_files.FOLDER / "views" / name.split("/")[2]
            strangers = [
                other for other in imports(path) if "views" in other.parts and not other.is_relative_to(page)
            ]
            assert not strangers, f"{name} imports {strangers}"


def test_no_module_writes_html() -> None:
    for name, path in browser_files.files().items():
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", path.read_text()
        ), name


def test_no_module_names_another_host() -> None:
    for name, path in browser_files.files().items():
        # The names of SVG and of MathML are no addresses.
        text = re.sub(r"http://www\.w3\.org/(2000/svg|1998/Math/MathML)\b", "", path.read_text())
        assert "://" not in text, name


@pytest.mark.parametrize("place", ["vae", "components", "views"])
def test_version_changes_with_any_module(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = (
        tmp_path / {"vae": "lib", "components": "components/sliders", "views": "views/train/curves"}[place]
    )
    folder.mkdir(parents=True)
    module = folder / "a.js"
    module.write_text("1")
    monkeypatch.setattr(browser if place == "vae" else browser_files, "FOLDER", tmp_path)
    before = browser_files.current_version()
    module.write_text("2")
    assert browser_files.current_version() != before


def test_python_files_are_never_handed_out() -> None:
    assert {path.suffix for path in browser_files.files().values()} == {".js", ".css"}


def script() -> None:
    from dashboard.components.image import image
    from dashboard.components.map import latent_map
    from dashboard.components.samples import samples
    from dashboard.components.sliders import Dim, sliders
    from dashboard.views.explore.image_source import draw
    from dashboard.views.explore.paths import Route, paths
    from dashboard.views.train.curves import curves

    curves("run", key="curves")
    samples("run", key="samples")
    sliders("run", [Dim(0), Dim(1)], z=[0.0, 1.0], key="sliders")
    draw("run", z=[0.0, 1.0], num_images=10, shape=(1, 8, 8), key="draw")
    image("run", z=[0.0, 1.0], shape=(1, 8, 8), key="image")
    latent_map("run", latent_dim=2, z=[0.0, 1.0], shape=(1, 8, 8), key="map")
    route = Route("", "straight", "legs")
    paths("run", latent_dim=2, route=route, num_images=10, shape=(1, 8, 8), key="paths")


def test_all_components_mount_on_one_page() -> None:
    app = AppTest.from_function(script, default_timeout=60).run()
    assert not app.exception


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, Position([0.0, 1.0], 2)),
        ({"z": [0.5, -1.5], "y": 3}, Position([0.5, -1.5], 3)),
        ({"z": [1, 2], "y": -1}, Position([1.0, 2.0], 2)),
        ({"z": [1, 2], "y": 99}, Position([1.0, 2.0], 2)),
        ({"z": [1, 2, 3], "y": 1}, Position([0.0, 1.0], 2)),
        ({"z": [1e9, 0], "y": 1}, Position([0.0, 1.0], 2)),
        ({"z": [float("nan"), 0], "y": 1}, Position([0.0, 1.0], 2)),
        ({"z": ["a", 0], "y": 1}, Position([0.0, 1.0], 2)),
        ({"z": [True, 0]}, Position([0.0, 1.0], 2)),
        ("nonsense", Position([0.0, 1.0], 2)),
        (
            {"z": [1, 2], "y": 3, "mix": [8, 0.25], "range": "prior"},
            Position([1.0, 2.0], 3, (8, 0.25), "prior"),
        ),
        ({"z": [1, 2], "y": 3, "mix": [10, 0.25], "range": "wide"}, Position([1.0, 2.0], 3)),
        ({"z": [1, 2], "y": 3, "mix": [1, float("nan")]}, Position([1.0, 2.0], 3)),
        ({"z": [1, 2], "y": 3, "mix": "1,2"}, Position([1.0, 2.0], 3)),
    ],
)
def test_sliders_believe_only_a_point(said: Any, expected: Position, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sliders_face, "_COMPONENT", Mount())
    monkeypatch.setattr(sliders_face, "told", lambda *asked: said if asked == ("k", "point") else None)
    found = sliders("run", [Dim(0), Dim(1)], z=[0.0, 1.0], y=2, classes=[str(k) for k in range(10)], key="k")
    assert found == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, None),
        ({"z": [0.5, -1.5], "index": 7, "y": 3}, Click([0.5, -1.5], 7, 3)),
        ({"z": [0.5, -1.5], "index": None, "y": None}, Click([0.5, -1.5], None, None)),
        ({"z": [0.5], "index": 7}, None),
        ({"z": [0.5, 1e6], "index": 7}, None),
        ({"z": [0, 0], "index": -4, "y": 10}, Click([0.0, 0.0], None, None)),
        ([], None),
    ],
)
def test_map_believes_only_a_point(
    said: Any, expected: Click | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_face, "_COMPONENT", Mount())
    monkeypatch.setattr(map_face, "told", lambda *asked: said if asked == ("k", "point") else None)
    classes = [str(k) for k in range(10)]
    found = latent_map("run", latent_dim=2, z=[0, 0], classes=classes, shape=(1, 8, 8), key="k")
    assert found == Said(click=expected)


@pytest.mark.parametrize(
    ("point", "route", "expected"),
    [
        (None, None, paths_face.Said()),
        ({"z": [1, -2]}, None, paths_face.Said(z=[1.0, -2.0])),
        ({"z": [1, -2], "y": 1, "mix": [0, 0.25]}, None, paths_face.Said([1.0, -2.0], 1, (0, 0.25))),
        ({"z": [1, -2], "y": 1, "mix": None}, None, paths_face.Said([1.0, -2.0], 1)),
        ({"z": [1, -2], "y": 2, "mix": None}, None, paths_face.Said([1.0, -2.0])),
        ({"z": [1, -2], "y": 1, "mix": [0, 1.5]}, None, paths_face.Said([1.0, -2.0])),
        ({"z": [1]}, "nonsense", paths_face.Said()),
        ({"z": [float("nan"), 1]}, {"stops": "n1", "kind": "straight"}, paths_face.Said()),
        ("z", {"stops": 7, "kind": "straight", "pace": "legs"}, paths_face.Said()),
        (None, {"stops": "n1" * 10**6, "kind": "straight", "pace": "legs"}, paths_face.Said()),
        (
            None,
            {"stops": "n1_n2", "kind": "spherical", "pace": "length", "radius": "0.5", "sum": ""},
            paths_face.Said(route=Route("n1_n2", "spherical", "length", "0.5")),
        ),
    ],
)
def test_paths_believe_only_a_point_a_condition_and_a_route_of_text(
    point: Any, route: Any, expected: paths_face.Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths_face, "_COMPONENT", Mount(point=point, route=route))
    start = Route("", "straight", "legs")
    said = paths(
        "run",
        latent_dim=2,
        route=start,
        num_images=9,
        shape=(1, 8, 8),
        classes="ab",
        conditional=True,
        key="k",
    )
    assert said == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {},
            View(
                "tsne",
                "rate",
                ("density",),
                "even",
                (3, -1),
                (0.5, -1, 2),
                ((0, 0, 0, 1, 0, 0, 1.5),),
                0.5,
                (("rate", 1, 2.5),),
            ),
        ),
        (
            {"area": None, "hidden": [], "lasso": [], "opacity": 1, "ranges": []},
            View("tsne", "rate", ("density",)),
        ),
        ({"lasso": [[0, 0, 0, 1, None, 0, 1]]}, None),
        ({"lasso": [0, 0, 1, 1, 0, 1]}, None),
        ({"opacity": "1"}, None),
        ({"ranges": [["rate", 1]]}, None),
        ({"ranges": [[3, 1, 2]]}, None),
        ({"lasso": None}, None),
        ({"layers": [1]}, None),
        ({"projection": 1}, None),
        ({"hidden": [0.5]}, None),
        ({"area": [0, 1]}, None),
        ({"area": [0, 1, "2"]}, None),
        ({"tiles": None}, None),
        ("nonsense", None),
    ],
)
def test_map_believes_only_a_view(
    change: Any, expected: View | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = {"projection": "tsne", "colour": "rate", "layers": ["density"], "tiles": "even"}
    good |= {"hidden": [3, -1], "area": [0.5, -1, 2], "lasso": [[0, 0, 0, 1, 0, 0, 1.5]]}
    good |= {"opacity": 0.5, "ranges": [["rate", 1, 2.5]]}
    said = good | change if isinstance(change, dict) else change
    monkeypatch.setattr(map_face, "_COMPONENT", Mount())
    monkeypatch.setattr(map_face, "told", lambda *asked: said if asked == ("k", "view") else None)
    found = latent_map("run", latent_dim=2, z=[0, 0], shape=(1, 8, 8), key="k")
    assert found == Said(view=expected)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"x": "step", "span": [1, 2.5]}, Extent("step", (1.0, 2.5))),
        ({"x": "seconds", "span": None}, Extent("seconds")),
        ({"x": "step", "span": [2, 1]}, Extent("epoch", (0.0, 9.0))),
        ({"x": "step", "span": [1, 2, 3]}, Extent("epoch", (0.0, 9.0))),
        ({"x": "step", "span": [1, "2"]}, Extent("epoch", (0.0, 9.0))),
        ({"x": "step", "span": [float("nan"), 2]}, Extent("epoch", (0.0, 9.0))),
        ({"x": "years", "span": None}, Extent("epoch", (0.0, 9.0))),
        (None, Extent("epoch", (0.0, 9.0))),
    ],
)
def test_curves_believe_only_what_can_be_in_view(
    said: Any, expected: Extent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curves_face, "_COMPONENT", Mount())
    monkeypatch.setattr(curves_face, "told", lambda *asked: said if asked == ("k", "view") else None)
    assert curves("run", view=Extent("epoch", (0.0, 9.0)), key="k") == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"action": "start", "method": "tsne", "num": 40}, Wish("start", "tsne", 40)),
        ({"action": "cancel", "method": "tsne", "num": 40}, Wish("cancel", "tsne", 40)),
        ({"action": "delete", "method": "tsne", "num": 40}, None),
        ({"action": "start", "method": "umap", "num": 40}, None),
        ({"action": "start", "method": "tsne", "num": 41}, None),
        ({"action": "start", "method": "tsne", "num": 0}, None),
        ({"action": "start", "method": "tsne", "num": "40"}, None),
        ([], None),
    ],
)
def test_map_believes_only_a_plane_that_it_offered(
    said: Any, expected: Wish | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_face, "_COMPONENT", Mount())
    monkeypatch.setattr(map_face, "told", lambda *asked: said if asked == ("k", "job") else None)
    methods = (Method("pca", "PCA"), Method("tsne", "t-SNE"), Method("umap", "UMAP", hint="not installed"))
    found = latent_map("run", latent_dim=2, z=[0, 0], shape=(1, 8, 8), num=40, methods=methods, key="k")
    assert found == Said(wish=expected)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, None),
        ({"step": None}, Moved(None)),
        ({"step": 400}, Moved(400)),
        ({"step": 0}, Moved(0)),
        ({}, None),
        ({"step": -1}, None),
        ({"step": 1e15}, None),
        ({"step": float("nan")}, None),
        ({"step": True}, None),
        ({"step": "400"}, None),
        ([400], None),
    ],
)
def test_scrubber_believes_only_a_step(
    said: Any, expected: Moved | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_face, "_COMPONENT", Mount(moved=said))
    assert scrubber("run", step=None, state="finished", end="Best", decoders=True, key="k") == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, Picked("test")),
        ({"tab": "draw"}, Picked("draw")),
        ({"tab": "<b>", "z": [0, 1.5], "y": 2, "row": 3}, Picked("test", [0.0, 1.5], 2, 3)),
        ({"tab": "picture", "z": [0, 1.5], "y": None, "row": None}, Picked("picture", [0.0, 1.5])),
        ({"tab": "draw", "z": [0, 1.5], "y": 3, "row": 10}, Picked("draw", [0.0, 1.5])),
        ({"tab": "draw", "z": [0, float("inf")], "row": 1}, Picked("draw")),
        ("draw", Picked("test")),
    ],
)
def test_drawing_panel_believes_only_a_point(
    said: Any, expected: Picked, monkeypatch: pytest.MonkeyPatch
) -> None:
    mount = Mount()
    monkeypatch.setattr(draw_face, "_COMPONENT", mount)
    monkeypatch.setattr(draw_face, "told", lambda *asked: said if asked == ("k", "said") else None)
    posterior = Posterior(3, (0.0, 1.0), (0.1, 0.2))
    given: dict[str, Any] = {"z": (0, 0), "conditions": "abc", "num_images": 10, "shape": (1, 8, 8)}
    assert draw("run", **given, posterior=posterior, key="k") == expected
    assert json.loads(json.dumps(mount.given["data"]))["posterior"] == {
        "row": 3,
        "mean": [0, 1],
        "sigma": [0.1, 0.2],
    }


def test_what_was_said_reaches_the_run_that_broke_off_the_one_it_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", session)
    mounts = {face: Mount() for face in (sliders_face, time_face, draw_face, thumbs_face)}
    for face, mount in mounts.items():
        monkeypatch.setattr(face, "_COMPONENT", mount)
    subject = Subject(torch.zeros(1, 1, 8, 8), None, 0, (0, 1), torch.zeros(2, 1, 8, 8), False, "")
    draws: dict[Any, Any] = {
        sliders_face: lambda: sliders("run", [Dim(0)], z=[0.0], key="k").z,
        time_face: lambda: scrubber("run", step=None, state="finished", end="Best", decoders=True, key="k"),
        draw_face: lambda: draw("run", z=[0.0], num_images=10, shape=(1, 8, 8), key="k").z,
        thumbs_face: lambda: thumbs(subject, key="k"),
    }
    before = {face: once() for face, once in draws.items()}
    for face, (name, said, expected) in {
        sliders_face: ("point", {"z": [0.5]}, [0.5]),
        time_face: ("moved", {"step": 7}, Moved(7)),
        draw_face: ("said", {"tab": "test", "z": [1.5], "row": 3}, [1.5]),
        thumbs_face: ("row", 1, 1),
    }.items():
        # Streamlit tells of it before the run draws anything, and has forgotten it by the run that breaks this one off.
        session["k"] = {name: said}
        mounts[face].given[f"on_{name}_change"]()
        del session["k"]
        assert draws[face]() == expected
        state.settle()
        assert draws[face]() == before[face]


def test_map_of_many_dimensions_asks_for_its_plane() -> None:
    with pytest.raises(ValueError, match="16 latent dimensions needs a plane, got none"):
        latent_map("run", latent_dim=16, z=[0.0] * 16, shape=(1, 8, 8), key="k")


def test_what_components_are_given_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    mount = Mount()
    monkeypatch.setattr(map_face, "_COMPONENT", mount)
    plane = Plane((0.0, 0.0, 0.0), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)), 0.9)
    latent_map("run", latent_dim=3, z=(0, 0, 0), plane=plane, classes=("a", "b"), shape=(1, 8, 8), key="k")
    data = json.loads(json.dumps(mount.given["data"]))
    assert data["plane"]["components"] == [[1, 0, 0], [0, 1, 0]]
    assert {name: len(colours) for name, colours in data["palette"].items()} == {"light": 2, "dark": 2}
