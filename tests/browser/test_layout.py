"""No text is cut or overlaps, no page scrolls sideways, controls fit a finger, and axe finds nothing serious.

Every page at four widths in both themes is measured by `tests/benchmarks/layout.py`; these are some of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.boxes import axe, look
from tests.browser.shelf import Shelf
from tests.browser.shifts import WATCH, forget, shifts, total
from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.tab import App, Tabs, Watch

WIDTHS = {390: 844, 820: 1180, 1366: 768, 1920: 1080}


@pytest.fixture(scope="module")
def tabs(spare_tabs: Tabs, server: Server) -> Iterator[dict[str, App]]:
    """A tab for each theme."""
    found = {theme: spare_tabs.open(server) for theme in ("light", "dark")}
    for theme, tab in found.items():
        tab.goes_on = False  # it keeps theme and script
        tab.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        tab.page.add_init_script(WATCH)
    yield found
    for tab in found.values():
        spare_tabs.close(tab)


def settled(app: App) -> None:
    """Wait until all is there and nothing moves."""
    app.fetched()
    app.still()
    app.frames(9)


@pytest.mark.parametrize(("page", "theme"), [("styleguide", "light"), ("explore", "dark")])
@pytest.mark.thorough
def test_boxes_of_a_page_are_in_order_at_every_width(
    tabs: dict[str, App], watch: Watch, page: str, theme: str
) -> None:
    app = watch(tabs[theme])
    app.page.set_viewport_size({"width": 1366, "height": 768})
    app.open(page, run="digits-2d").idle()
    for width, height in WIDTHS.items():
        app.page.set_viewport_size({"width": width, "height": height})
        settled(app)
        assert look(app.page, width) == [], f"{width} px"


@pytest.mark.thorough
def test_drawing_pad_of_the_map_stands_in_its_own_place(tabs: dict[str, App], watch: Watch) -> None:
    app = watch(tabs["light"])
    app.page.set_viewport_size({"width": 1366, "height": 768})
    app.open("map", run="digits-2d").idle()
    app.page.get_by_text("Like my drawing").click()
    settled(app)
    pad, undo = (
        app.page.locator(".like .pad").bounding_box(),
        app.page.get_by_role("button", name="Undo").bounding_box(),
    )
    assert pad is not None and undo is not None
    assert pad["y"] <= undo["y"] <= pad["y"] + pad["height"] and undo["x"] >= pad["x"] + pad["width"]
    assert look(app.page, 1366) == []


@pytest.mark.thorough
@pytest.mark.parametrize("width", [390, 1366])
def test_a_hundred_classes_fill_no_page(
    tabs: dict[str, App], watch: Watch, server: Server, shelf: Shelf, width: int
) -> None:
    config = RunConfig(
        data=DataConfig(
            name="npz", path=shelf.images("many", [f"class {k:03}" for k in range(100)], num=500, side=8)
        ),
        model=ModelConfig(latent_dim=2, hidden=(16,), conditional=True),
        train=TrainConfig(epochs=1, batch_size=32),
    )
    path = server.runs / "many"
    if not path.exists():
        Shelf.train(path, config)
    app = watch(tabs["light"])
    app.page.set_viewport_size({"width": width, "height": WIDTHS[width]})
    for page in ("explore", "map", "generate"):
        app.open(page, run="many").idle()
        settled(app)
        assert look(app.page, width) == [], page
        if page == "explore":
            classes = app.page.locator('[data-component="sliders"] select[aria-label="Class"]')
            assert classes.locator("option").count() == 100


@pytest.mark.parametrize(
    ("page", "theme"),
    [("styleguide", "dark"), pytest.param("compare", "light", marks=pytest.mark.thorough)],
)
def test_axe_finds_nothing_serious(tabs: dict[str, App], watch: Watch, page: str, theme: str) -> None:
    app = watch(tabs[theme])
    app.page.set_viewport_size({"width": 1366, "height": 768})
    app.open(page, run="digits-2d").idle()
    assert axe(app.page) == []


def test_boxes_that_are_wrong_are_found(tabs: dict[str, App]) -> None:
    page = tabs["light"].context.new_page()
    page.set_viewport_size({"width": 390, "height": 800})
    page.set_content(
        """<body style="margin: 0"><div data-testid="stMain" style="overflow: auto; width: 390px">
        <div style="width: 600px">wide</div></div>
        <p style="overflow: hidden; white-space: nowrap; width: 60px">a sentence that is cut</p>
        <p title="whole" style="overflow: hidden; white-space: nowrap; width: 60px">a sentence with a title</p>
        <div style="height: 30px; position: relative"><i style="left: 0; position: absolute">over</i>
        <b style="left: 10px; position: absolute">under</b></div>
        <button style="height: 20px">small</button><button style="height: 44px; width: 60px">large</button></body>"""
    )
    found = look(page, 390)
    assert sorted(one.kind for one in found) == ["cut", "overlapping", "sideways", "small"]
    assert {one.kind for one in look(page, 1366)} == {"cut", "overlapping", "sideways"}
    page.close()


def test_page_shifts_less_while_it_opens_than_streamlit_does_by_itself_and_then_nothing_shifts_by_hover_and_click(
    tabs: dict[str, App], watch: Watch
) -> None:
    """An empty app with a sidebar comes to 0.23 to 0.26 (`tests/benchmarks/layout_shift.py`)."""
    app = watch(tabs["light"])
    app.page.set_viewport_size({"width": 1366, "height": 768})
    app.open("explore", "image", "sliders", run="digits-2d").idle()
    settled(app)
    assert total(app.page) < 0.15, shifts(app.page)
    forget(app.page)
    app.page.locator('[data-component="sliders"] input[type=range]').first.hover()
    app.page.get_by_role("button", name="Random", exact=True).click()
    app.page.locator('[data-component="image"] canvas').hover()
    app.idle()
    settled(app)
    assert total(app.page) < 0.0005, shifts(app.page)
