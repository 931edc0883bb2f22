"""The list beside Copy link: what is ticked stays, the rest is hidden; and what is fixed cannot be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.tab import App, Watch


@pytest.fixture
def exploring(kept: App, watch: Watch, server: Server) -> App:
    return watch(kept).open("explore", "image", "sliders", "copy_link", run="digits-2d")


def test_what_is_unticked_is_hidden_and_what_is_fixed_cannot_be_moved(exploring: App) -> None:
    app, copier = exploring, exploring.part("copy_link")
    app.until(lambda: app.z(), "the page has no point")
    app.idle()
    copier.locator(".opener").click()
    copier.get_by_role("button", name="None", exact=True).click()
    for name in ("sliders.dimensions", "image"):
        copier.locator(f'input[data-stays][value="{name}"]').check()
    copier.locator('input[data-fixed][value="sliders.dimensions"]').check()
    # What does not stay cannot be fixed, and what one stays in stays.
    assert copier.locator('input[data-fixed][value="help"]').is_disabled()
    copier.get_by_role("button", name="Copy the link of this view").click()
    link = app.until(lambda: app.marks("copy_link").get("copied"), "no link was made")
    assert not copier.locator("form").is_visible()

    app.page.goto(link)
    app.ready("image", "sliders").idle()
    assert "sliders.dimensions" in app.query()["lock"].split(",")
    hidden = app.query()["hide"].split(",")
    assert {"menu", "help"} <= set(hidden)
    assert app.alerts() == []
    assert not app.page.locator('[data-testid="stSidebarNav"]').is_visible()
    slider = app.part("sliders").get_by_role("slider").first
    assert slider.is_visible()
    before, value = app.z(), slider.input_value()
    for press in ("ArrowRight", "Home", "PageUp"):
        slider.press(press)
    slider.dispatch_event("wheel")
    app.idle()
    assert (app.z(), slider.input_value()) == (before, value)


@pytest.mark.thorough
def test_a_name_that_is_none_is_told(exploring: App) -> None:
    app = exploring.open("explore", "sliders", run="digits-2d", hide="sliders.nonsense", lock="seed")
    app.until(
        lambda: any("none called 'sliders.nonsense'" in one for one in app.alerts()), "nothing was said"
    )
