"""The frame of every page: its tab, its link, one card alone, the embedded page, the folded sidebar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.tab import App, Tabs, Watch

SIDEBAR = '[data-testid="stSidebar"]'


@pytest.fixture(scope="module")
def tab(context: Any, spare_tabs: Tabs, server: Server) -> Iterator[App]:
    """A tab that may read what it copies."""
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    found = spare_tabs.open(server)
    yield found
    spare_tabs.close(found)
    context.clear_permissions()


@pytest.fixture
def app(tab: App, watch: Watch) -> App:
    tab.page.set_viewport_size({"width": 1366, "height": 768})
    return watch(tab)


@pytest.fixture
def exploring(app: App) -> App:
    """The Explore page at a point of the link."""
    if app.headline() != "Explore" or app.query().get("z") != "0.5,-0.25":
        app.open("explore", "image", run="digits-2d", z="0.5,-0.25")
    app.idle()
    return app


def test_link_is_copied_as_it_stands_in_the_address_bar(exploring: App) -> None:
    app = exploring
    app.page.get_by_role("button", name="Copy link").click()
    app.page.get_by_text("Copied", exact=True).wait_for()
    copied = app.page.evaluate("navigator.clipboard.readText()")
    assert copied == app.page.url
    assert "z=0.5%2C-0.25" in copied or "z=0.5,-0.25" in copied


def test_head_is_one_row_at_the_top_and_the_tab_names_page_and_run(exploring: App) -> None:
    app = exploring
    head = app.page.locator(".st-key-head").bounding_box()
    assert head["y"] <= 16
    assert head["height"] <= 48
    assert app.page.title() == "Explore · Digits, 2-D — Latent Lab"
    assert app.page.locator(SIDEBAR).bounding_box()["width"] == pytest.approx(240, abs=1)
    app.click("Runs")
    app.until(lambda: app.page.title() == "Runs — Latent Lab", "the tab does not follow")


@pytest.mark.parametrize("name", ["parts", "colours"])
@pytest.mark.thorough
def test_card_of_a_link_stands_alone(app: App, name: str) -> None:
    app.open("styleguide", card=name).idle()
    card = app.page.locator(f".st-key-card-{name}")
    assert card.is_visible()
    assert card.bounding_box() == {"x": 0, "y": 0, "width": 1366, "height": 768}
    for other in (SIDEBAR, ".st-key-head h2", ".st-key-card-buttons"):
        assert not app.page.locator(other).is_visible()


@pytest.mark.thorough  # the sentence is seen without a browser too
def test_card_that_is_not_there_is_told_and_the_page_shown(app: App) -> None:
    app.open("styleguide", card="lost")
    app.until(lambda: "card" not in app.query(), "the link keeps it")
    app.idle()
    assert app.page.locator(".st-key-head h2").is_visible()
    assert "This page has no card" in app.alerts()[0]


@pytest.mark.thorough
def test_embedded_page_has_neither_sidebar_nor_head(app: App) -> None:
    app.open("explore", "image", run="digits-2d", embed="true").idle()
    assert not app.page.locator(SIDEBAR).is_visible()
    assert not app.page.locator(".st-key-head").is_visible()
    assert app.part("image").bounding_box()["y"] < 40


def test_presentation_keeps_title_and_way_out_in_the_line_of_the_menu(app: App) -> None:
    app.open("explore", "image", run="digits-2d", present="1").idle()
    head, menu = (
        app.page.locator(one).bounding_box() for one in (".st-key-head", '[data-testid="stTopNav"]')
    )
    assert head["y"] + head["height"] <= 60
    assert menu["x"] + menu["width"] <= head["x"] + 1
    assert app.headline() == "Explore · Digits, 2-D"
    app.page.get_by_role("button", name="Leave presentation", exact=True).click()
    app.until(lambda: "present" not in app.query(), "it was not left")
    app.until(lambda: app.page.locator(SIDEBAR).is_visible(), "the sidebar did not come back")


@pytest.mark.thorough
def test_sidebar_is_folded_below_1100_pixels_until_it_is_unfolded(app: App) -> None:
    def folded() -> bool:
        box = app.page.locator(SIDEBAR).bounding_box()
        return box is None or box["width"] < 40 or box["x"] + box["width"] <= 40

    app.page.set_viewport_size({"width": 1000, "height": 768})
    app.open("explore", "image", run="digits-2d").idle()
    assert folded()
    app.page.locator('[data-testid="stExpandSidebarButton"]').click()
    app.until(lambda: not folded(), "it does not unfold")
    app.page.set_viewport_size({"width": 1366, "height": 768})
    app.open("explore", "image", run="digits-2d").idle()
    assert not folded()


def test_dataset_that_is_not_downloaded_is_told_once_at_length_and_leads_to_its_button(app: App) -> None:
    app.page.set_viewport_size({"width": 1000, "height": 768})
    app.open("evaluate", run="mnist-2d").idle()
    assert app.page.get_by_text("vae data download").count() == 0
    said = app.page.locator('.ll-message:has(a[href="#download"])').first
    assert said.inner_text() == "MNIST: dataset not downloaded"
    app.page.locator('a[href="#download"]').first.click()
    button = app.page.locator(".st-key-sidebar-download button")
    app.until(button.is_visible, "the button is not shown")
    app.until(lambda: button.evaluate("node => node === document.activeElement"), "it is not in focus")
