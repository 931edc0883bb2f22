"""A control and what it changes are visible together: the pairs of `docs/one-screen.md`, measured."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.explorer import draw_line, panel
from tests.browser.one_screen import Pair, box_of, outside
from tests.support.thorough import few

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App, Tabs, Watch

#: The laptop and projector that the pages are made for.
SCREEN = {"width": 1366, "height": 768}
#: What a rail of lessons leaves of it, with the sidebar folded.
BESIDE_A_RAIL = {"width": 1066, "height": 768}

IMAGE = '[data-component="image"] canvas'
FIRST_SLIDER, SECOND_SLIDER = (f'[data-component="sliders"] .dim >> nth={k}' for k in (0, 1))
FOOT = ".st-key-foot"
CHART = '[data-component="map"] .chart'


def drawn(app: App) -> None:
    """A stroke is on the pad, and the encoder has made a posterior of it."""
    panel(app, "draw")
    draw_line(app, [(0.3, 0.2), (0.7, 0.2), (0.4, 0.8)])
    app.until(lambda: app.marks("draw").get("posterior") == "true", "the drawing has no posterior")


def pinned(app: App) -> None:
    """An image of the map is pinned by a click."""
    place = "place => window.__latentLab.map.place(place)"
    first = app.page.evaluate("() => { const { x, y } = window.__latentLab.map.at(); return [x[0], y[0]] }")
    app.page.mouse.click(*app.page.evaluate(place, first))
    app.until(lambda: app.page.locator(".pinned").is_visible(), "no image was pinned")


def drawn_for_its_posterior(app: App) -> None:
    """A stroke is on the pad of Evaluate, and its exact posterior is there."""
    draw_line(app, [(0.5, 0.2), (0.5, 0.8)])
    app.until(
        lambda: app.marks("truth").get("settled") == "true" and app.page.locator(".sum").is_visible(),
        "the drawing has no posterior",
    )
    app.page.locator(".inset").wait_for()


PAIRS = [
    Pair(
        "slider–image",
        "explore",
        {"run": "digits-2d"},
        (IMAGE, FIRST_SLIDER, SECOND_SLIDER),
        ("image", "sliders"),
    ),
    Pair(
        "slider–image, 16 dimensions",
        "explore",
        {"run": "mnist-16d"},
        (IMAGE, FIRST_SLIDER, SECOND_SLIDER),
        ("image", "sliders"),
    ),
    Pair(
        "class–slider–image",
        "explore",
        {"run": "mnist-conditional"},
        (IMAGE, FIRST_SLIDER, '[data-component="sliders"] .picker'),
        ("image", "sliders"),
    ),
    Pair(
        "drawing–posterior",
        "explore",
        {"run": "digits-2d"},
        (IMAGE, "canvas.pad", '[data-component="draw"] .result'),
        ("image", "sliders", "draw"),
        drawn,
    ),
    Pair(
        "scrubber–image–sliders",
        "explore",
        {"run": "digits-2d"},
        (FOOT, IMAGE, FIRST_SLIDER),
        ("image", "sliders", "time"),
    ),
    Pair(
        "β–curves–images",
        "train",
        {"run": "train-digits"},
        (
            ".st-key-card-steering",
            '[data-component="curves"] .chart',
            '[data-component="samples"] [data-sheet="reconstructions"] img',
            '[data-component="samples"] [data-sheet="samples"] img',
        ),
        ("curves", "samples"),
    ),
    Pair(
        "scrubber–curves–images–map",
        "train",
        {"run": "train-digits"},
        (
            FOOT,
            '[data-component="curves"] .chart',
            '[data-component="samples"] [data-sheet="samples"] img',
            '[data-component="probe_map"] canvas',
        ),
        ("curves", "samples", "probe_map", "time"),
    ),
    Pair("map–card", "map", {"run": "digits-2d"}, (CHART, ".card.placed"), ("map",)),
    Pair(
        "map–pinned image", "map", {"run": "digits-2d"}, (CHART, ".card.placed", ".pinned"), ("map",), pinned
    ),
    Pair(
        "verdict–images–remedies",
        "collapse",
        {"run": "digits-2d"},
        (
            ".verdict",
            '[data-sheet="reconstructions"] img',
            '.st-key-remedies [data-testid="stButton"] >> nth=-1',
        ),
        ("diagnosis", "samples"),
    ),
    Pair(
        "drawing–posterior–sum",
        "evaluate",
        {"run": "digits-2d", "of": "draw"},
        ("canvas.pad", '[data-component="truth"] .plot', ".sum", ".inset"),
        ("truth",),
        drawn_for_its_posterior,
    ),
    Pair(
        "class–grid",
        "generate",
        {"run": "digits-conditional"},
        ('.st-key-card-settings [data-testid="stButtonGroup"]', ".ll-gallery table"),
        ("follow",),
    ),
]


@pytest.fixture(scope="module")
def tab(spare_tabs: Tabs, server: Server, shelf: Shelf) -> Iterator[App]:
    """A tab whose theme and size are changed, on a server with a run that can be steered."""
    shelf.put("digits", server, "train-digits")
    found = spare_tabs.open(server)
    found.goes_on = False
    yield found
    spare_tabs.close(found)


@pytest.fixture
def app(tab: App, watch: Watch) -> App:
    return watch(tab)


def pages() -> list[list[Pair]]:
    """The pairs by the address that they share, those first that need nothing to be done."""
    found: dict[tuple[str, ...], list[Pair]] = {}
    for pair in sorted(PAIRS, key=lambda pair: pair.prepare is not None):
        found.setdefault((pair.page, *sorted(pair.query.values())), []).append(pair)
    return list(found.values())


#: The laptop with the sidebar, what a rail leaves of it, and the presentation. A theme moves nothing: both are seen.
WAYS: tuple[tuple[str, dict[str, int], dict[str, str]], ...] = (
    ("light", SCREEN, {}),
    ("light", BESIDE_A_RAIL, {}),
    ("dark", SCREEN, {"present": "1"}),
)
#: How wide the image is at least, pixels: at this width and on a large screen, and in a presentation on both.
LEAST, LEAST_ON_A_LARGE_SCREEN, LEAST_PRESENTED = 320, 480, 600
LARGE = {"width": 1920, "height": 1080}


@pytest.mark.parametrize(
    "pairs", few(pages(), 1), ids=lambda pairs: " ".join([pairs[0].page, *pairs[0].query.values()])
)
def test_pairs_are_in_sight_together_and_the_image_is_the_largest_thing(app: App, pairs: list[Pair]) -> None:
    found: dict[str, list[str]] = {}
    waits = list(dict.fromkeys(name for pair in pairs for name in pair.waits))
    for theme, size, more in WAYS:
        app.page.emulate_media(color_scheme=theme)
        app.page.set_viewport_size(size)
        app.open(pairs[0].page, *waits, **pairs[0].query, **more).idle()
        way = f"{theme}, {size['width']} px wide{', presented' if more else ''}"
        for pair in pairs:
            if pair.prepare is not None:
                pair.prepare(app)
                app.idle()
            app.still()
            with suppress(pytest.fail.Exception):
                app.until(lambda pair=pair: not outside(app, pair), "")
            if outside(app, pair):
                found[f"{pair.name}: {way}"] = outside(app, pair)
        if IMAGE in pairs[0].parts and size is SCREEN:
            least = LEAST_PRESENTED if more else LEAST
            app.until(lambda least=least: box_of(app, IMAGE).width >= least, f"no {least} px: {way}")
            app.page.set_viewport_size(LARGE)
            least = LEAST_PRESENTED if more else LEAST_ON_A_LARGE_SCREEN
            app.until(
                lambda least=least: box_of(app, IMAGE).width >= least,
                f"no {least} px, large: {way}",
            )
    assert not found, found


def test_on_a_phone_the_image_stays_in_sight_and_the_map_comes_last(app: App) -> None:
    app.page.set_viewport_size({"width": 390, "height": 844})
    app.open("explore", "image", "sliders", "map", run="digits-2d").idle()
    tops = [box_of(app, f'[data-component="{name}"]').top for name in ("image", "sliders", "draw", "map")]
    assert tops == sorted(tops)
    app.part("map").scroll_into_view_if_needed()

    def is_in_sight() -> bool:
        image = box_of(app, IMAGE)
        return 0 <= image.top < image.bottom <= 0.46 * 844

    app.until(is_in_sight, "the image scrolls out of sight")
    app.still()
    assert is_in_sight()


def test_every_pair_is_in_the_docs() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "one-screen.md").read_text()
    rows = set(re.findall(r"^\| ([^|]+?) \|", text, re.MULTILINE)) - {"pair", "---"}
    assert {pair.name for pair in PAIRS} <= rows
