"""What somebody sees who has just started the app: something to explore, on every page, in both themes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.browser.controls import alone
from tests.support.thorough import few

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from tests.browser.server import Server
    from tests.browser.tab import App, Browse

PAGES = ("Learn", "Train", "Explore", "Map", "Generate", "Collapse", "Evaluate", "Compare", "Runs")
PARTS = {"train": ["curves"], "explore": ["sliders"], "map": ["map"]}

#: Texts of the page, but for the value over a slider's handle: it is the handle's child and drawn above it.
TEXTS = ", ".join(
    [
        *(
            '[data-testid="stMain"] p:not([data-testid="stSliderThumbValue"] p)',
            '[data-testid="stSidebar"] a span',
        ),
        *("h1", "h2", "h3", "label p", "button p"),
        *(f".ll {kind}" for kind in ("p", "span", "label", "strong", "h3", "button", "figcaption")),
    ]
)

#: Contrast of texts with what is behind them, translucent layers counted (WCAG 2, relative luminance).
CONTRAST = """nodes => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true })
  const known = new Map()
  const channels = (color) => {
    if (!known.has(color)) {
      canvas.clearRect(0, 0, 1, 1)
      canvas.fillStyle = color
      canvas.fillRect(0, 0, 1, 1)
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data
      known.set(color, [r, g, b, a / 255])
    }
    return known.get(color)
  }
  const over = ([r, g, b, a], below) => [r, g, b].map((value, k) => value * a + below[k] * (1 - a))
  const parent = (node) => node.assignedSlot ?? node.parentElement ?? node.getRootNode().host ?? null
  const luminance = (rgb) => rgb
    .map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, k) => sum + value * [0.2126, 0.7152, 0.0722][k], 0)
  const shown = (node) => node.checkVisibility({ opacityProperty: true }) && node.textContent.trim()
  return nodes.filter(shown).map((node) => {
    const layers = []
    let opacity = 1
    for (let at = node; at; at = parent(at)) {
      layers.push(channels(getComputedStyle(at).backgroundColor))
      opacity *= Number(getComputedStyle(at).opacity)
    }
    const behind = layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255])
    const [r, g, b, a] = channels(getComputedStyle(node).color)
    const [light, dark] = [luminance(over([r, g, b, a * opacity], behind)), luminance(behind)].sort((x, y) => y - x)
    return { text: node.textContent.trim().slice(0, 60), ratio: (light + 0.05) / (dark + 0.05) }
  })
}"""


def test_address_without_a_page_leads_to_a_decoded_image_of_a_shipped_model(
    browse: Browse, server: Server
) -> None:
    app = browse(server).open("", "image", "sliders")
    app.idle()
    assert urlsplit(app.page.url).path == "/explore"
    assert app.query()["run"] == "digits-2d"
    assert app.marks("image")["source"] == "browser"
    picture = app.pixels('[data-component="image"] canvas')
    assert len(picture) == 8 * 8
    assert max(picture) - min(picture) > 100
    assert app.number("time", "snapshots") == 30
    assert app.alerts() == []
    assert app.page.locator('[role="dialog"], [data-testid="stException"]').count() == 0
    # A line in the list of pages stands above the first page of each group.
    groups = app.page.locator('[data-testid="stSidebarNavItems"] li').evaluate_all(
        """(nodes) => nodes.filter((node) => parseFloat(getComputedStyle(node).borderTopWidth) > 0)
          .map((node) => node.querySelector("a").pathname.split("/").pop())"""
    )
    assert groups == ["train", "collapse", "runs"]


@pytest.mark.thorough  # every test sees to it, on the pages that it opens
def test_nothing_is_asked_of_any_other_machine(browse: Browse, server: Server) -> None:
    app = browse(server).open("", "image")
    app.click("Map")
    app.ready("map")
    box = app.part("map").locator(".chart").bounding_box()
    app.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    app.until(lambda: app.number("map", "decoded"), "hovering decoded nothing")
    app.click("Generate")
    app.button("Sample again").click()
    app.until(lambda: app.query().get("seed") == "1", "the seed did not change")
    app.click("Runs")
    app.idle()
    app.click("Train")
    app.button("Train").click()
    app.until(lambda: app.query().get("run", "digits-2d") != "digits-2d", "no run was made")
    app.until(
        lambda: app.number("curves", "points") and app.marks("curves").get("state") == "running",
        "no curves",
        40,
    )
    server.rest()
    hosts = {
        urlsplit(address).hostname for address in app.addresses if not address.startswith(("data:", "blob:"))
    }
    assert hosts == {"127.0.0.1"}


@pytest.mark.thorough
def test_part_of_a_page_that_does_not_arrive_is_asked_for_until_it_does(
    browse: Browse, server: Server
) -> None:
    app = browse(server)
    app.expect_error("Failed to fetch dynamically imported module|ERR_CONNECTION_REFUSED")
    refused: list[str] = []

    def refuse(route: Route) -> None:
        if len(refused) < 3:
            refused.append(route.request.url)
            route.abort("connectionrefused")
        else:
            route.continue_()

    app.page.route("**/sliders/*.js*", refuse)
    app.open("explore", "image", run="mnist-2d")
    sliders = app.part("sliders")
    app.until(lambda: "the server did not answer" in sliders.inner_text(), "nothing was said")
    app.ready("sliders")
    assert "the server did not answer" not in sliders.inner_text()
    assert len(refused) == 3


#: That with the most words and that with the most controls each time; before a release the others too, which their own
#: tests open. `tests/benchmarks/layout.py` looks at all of them with axe.
@pytest.mark.parametrize("titles", few([("Learn", "Train"), PAGES], 1), ids=len)
def test_page_opens_in_the_systems_theme_its_texts_can_be_read_and_each_control_can_stay_alone(
    browse: Browse, server: Server, titles: tuple[str, ...]
) -> None:
    app = browse(server)
    schemes = [("light", "rgb(255, 255, 255)"), ("dark", "rgb(15, 16, 22)")]
    app.goes_on = False
    app.page.emulate_media(color_scheme="light")
    for title in titles:
        page = title.lower()
        app.open(page, *PARTS.get(page, ()), run="digits-conditional")
        app.until(lambda title=title: app.headline() == title, f"/{page} did not open {title}")
        app.idle()
        assert app.alerts() == []
        assert app.page.locator('[data-testid="stException"]').count() == 0
        controls = alone(app, most=4)
        assert len(controls["all"]) > 5
        assert (controls["unnamed"], controls["wrong"]) == ([], []), page
        assert controls["after"] == controls["all"]
        for scheme, background in schemes:
            if scheme != schemes[0][0]:
                app.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            app.until(lambda colour=background: behind(app) == colour, f"the page is not {scheme}")
            app.still()
            assert len(contrast_of(app, TEXTS)) > 20
            # What is drawn anew in a moment is faint as long.
            app.until(lambda: not faint(app), f"a text of {page} cannot be read in {scheme}")
        schemes.reverse()  # the next page opens in the one that is on


def behind(app: App) -> str:
    shown = app.page.locator('[data-testid="stApp"]')
    return str(shown.evaluate("node => getComputedStyle(node).backgroundColor"))


def faint(app: App) -> list[dict[str, float]]:
    return [found for found in contrast_of(app, TEXTS) if found["ratio"] < 4.5]


def contrast_of(app: App, texts: str) -> list[dict[str, float]]:
    return list(app.page.locator(texts).evaluate_all(CONTRAST))
